"""Scores and tables from predictions alone: ids, true classes and probabilities."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, confusion_matrix

from fer_keras.data.faces import split_names
from fer_keras.evaluation.intervals import bootstrap_intervals, proportion_interval
from fer_keras.utils.files import whole_file

MERGED = "all test images"
"""Name of all test images together, where the data set divides them further."""

CLEAN = "{}, clean"
"""Name of a split's test images without those of which a copy is among the training images."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of the test faces.

    Args:
        ids: string array `(n,)`, the faces' ids `"<split>/<name>"`.
        y_true: int array `(n,)`, true classes.
        probabilities: float array `(n, num_classes)`, rows summing to 1.
        class_names: the class of each column.
        groups: int array `(n,)`, equal for identical images; `None`: all images are different.
        leaked: bool array `(n,)`, whether an identical image is among those that the model learnt
            from or chose its epoch by; `None`: none is.
    """

    ids: np.ndarray
    y_true: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None
    leaked: np.ndarray | None = None

    def __post_init__(self):
        if self.groups is None:
            object.__setattr__(self, "groups", np.arange(len(self.ids)))
        if self.leaked is None:
            object.__setattr__(self, "leaked", np.zeros(len(self.ids), bool))

    @property
    def y_pred(self):
        """The most probable classes: int array `(n,)`."""
        return self.probabilities.argmax(axis=1)

    def select(self, mask):
        """Return the predictions where the boolean `mask` holds."""
        return replace(
            self,
            ids=self.ids[mask],
            y_true=self.y_true[mask],
            probabilities=self.probabilities[mask],
            groups=self.groups[mask],
            leaked=self.leaked[mask],
        )

    def by_split(self):
        """Return a dict from each split of the data set to its predictions.

        Where there are several (PublicTest and PrivateTest, say), the first entry is all of them
        together, as users of the Kaggle folders know them.
        """
        splits = split_names(self.ids)
        names = list(dict.fromkeys(splits.tolist()))
        merged = {MERGED: self} if len(names) > 1 else {}
        return merged | {name: self.select(splits == name) for name in names}

    def test_sets(self):
        """Return what `by_split` does, each split followed by its clean images where some leaked.

        Clean are the images of which no copy is among those that the model learnt from or chose
        its epoch by; the others show what it remembers, not what it understands.
        """
        parts = {}
        for name, part in self.by_split().items():
            parts[name] = part
            if part.leaked.any() and not part.leaked.all():
                parts[CLEAN.format(name)] = part.select(~part.leaked)
        return parts

    def confusion(self):
        """Return the confusion matrix: counts `(num_classes, num_classes)`, rows true classes."""
        return confusion_matrix(self.y_true, self.y_pred, labels=range(len(self.class_names)))

    def save(self, path):
        """Write the fields, by their names, to an `.npz` file."""
        with whole_file(path) as part:
            np.savez_compressed(
                part,
                ids=self.ids.astype(str),
                y_true=self.y_true,
                probabilities=self.probabilities,
                class_names=np.array(self.class_names),
                groups=self.groups,
                leaked=self.leaked,
            )

    @classmethod
    def load(cls, path):
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(
                stored["ids"],
                stored["y_true"],
                stored["probabilities"],
                tuple(stored["class_names"].tolist()),
                stored["groups"],
                stored["leaked"],
            )


def score_table(predictions):
    """Return accuracy, macro F1 and weighted F1 with their 95 % intervals, per test set.

    Returns:
        A DataFrame, one row for each of `Predictions.test_sets`, with columns `split`, `images`,
        and for each score its value and the ends `<score>_low` and `<score>_high` of its
        `statistics.bootstrap_intervals`, all in 0-1.
    """
    rows = []
    for split, part in predictions.test_sets().items():
        row = {"split": split, "images": len(part.ids)}
        num_classes = len(part.class_names)
        for score in bootstrap_intervals(
            part.y_true, part.y_pred, part.groups, num_classes
        ).itertuples():
            row |= {score.score: score.value}
            row |= {f"{score.score}_low": score.low, f"{score.score}_high": score.high}
        rows.append(row)
    return pd.DataFrame(rows)


def confusion_table(predictions, normalised=False):
    """Return the confusion matrices of all splits, one below the other.

    Args:
        predictions: `Predictions`.
        normalised: whether to give shares of the true class, 0-1, instead of counts.

    Returns:
        A DataFrame with the index (split, true class) and one column a predicted class; a class
        that a split does not hold has shares of 0.
    """
    names = list(predictions.class_names)
    tables = {
        split: pd.DataFrame(part.confusion(), names, names)
        for split, part in predictions.by_split().items()
    }
    table = pd.concat(tables, names=["split", "true class"])
    return table.div(table.sum(axis=1).clip(lower=1), axis=0) if normalised else table


def class_report(predictions):
    """Return precision, recall, F1 and support: a DataFrame, one row a class and two averages.

    A class's recall is what studies call its accuracy: the share of its faces that are found.
    """
    report = classification_report(
        predictions.y_true,
        predictions.y_pred,
        labels=range(len(predictions.class_names)),
        target_names=predictions.class_names,
        output_dict=True,
        zero_division=0,
    )
    report.pop("accuracy", None)
    table = pd.DataFrame(report).T.rename(columns={"f1-score": "f1"})
    return table.astype({"support": int}).rename_axis("class").reset_index()


def class_accuracy(predictions):
    """Return the share of each class's faces that are found, with Wilson's 95 % interval.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row a class that occurs, with the columns `class`, `support`, `accuracy`,
        `accuracy_low` and `accuracy_high`, the last three in 0-1.
    """
    confusion = predictions.confusion()
    rows = []
    for name, hits, support in zip(
        predictions.class_names, np.diagonal(confusion), confusion.sum(axis=1), strict=True
    ):
        if support:
            low, high = proportion_interval(hits, support)
            rows.append((name, int(support), hits / support, low, high))
    return pd.DataFrame(
        rows, columns=["class", "support", "accuracy", "accuracy_low", "accuracy_high"]
    )


def flat_metrics(predictions):
    """Return all scores as flat pairs, `"PublicTest/accuracy_low": 0.58`, for `metrics.json`.

    The classes' accuracies follow the scores: `"PublicTest/happy/accuracy": 0.81`.
    """
    pairs = {}
    for row in score_table(predictions).to_dict("records"):
        split = row.pop("split")
        pairs |= {f"{split}/{name}": value for name, value in row.items()}
    for split, part in predictions.by_split().items():
        shares = class_accuracy(part).set_index("class")["accuracy"]
        pairs |= {f"{split}/{name}/accuracy": share for name, share in shares.items()}
    return pairs
