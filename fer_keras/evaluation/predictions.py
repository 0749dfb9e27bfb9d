"""Predictions of a model, and the scores and tables computed from them."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from fer_keras.data.faces import split_names
from fer_keras.evaluation.intervals import bootstrap_intervals, share_interval
from fer_keras.utils.arrays import load_arrays
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file

MERGED = "all test images"  # of a data set with several test splits
ROUNDING = 0.01
"""How far the probabilities of an image may be from summing to 1: float16 rounds them."""
CLEAN = "{}, clean"  # the test images of a split without an exact copy in training


@dataclass(frozen=True)
class Predictions:
    """Predictions of a model for the test faces.

    Args:
        ids: string array `(n,)`, the faces' ids `"<split>/<name>"`.
        y_true: int array `(n,)`, true classes.
        probabilities: float array `(n, num_classes)`, 0-1, rows summing to 1.
        class_names: tuple of `num_classes` strings, the class of each column.
        groups: int array `(n,)`, equal for identical images; `None` if all images differ.
        leaked: bool array `(n,)`, true for images also in training or validation; `None` if none.

    Raises:
        ValueError: if shapes, ranges or sums are others.
    """

    ids: np.ndarray
    y_true: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]
    groups: np.ndarray | None = None
    leaked: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.ids)
        if self.groups is None:
            object.__setattr__(self, "groups", np.arange(count))
        if self.leaked is None:
            object.__setattr__(self, "leaked", np.zeros(count, bool))
        self._check(count, len(self.class_names))

    def _check(self, count, num_classes):
        shapes = dict.fromkeys(("ids", "y_true", "groups", "leaked"), (count,))
        shapes["probabilities"] = (count, num_classes)
        for name, shape in shapes.items():
            if (found := np.shape(getattr(self, name))) != shape:
                raise ValueError(f"{count} images need {name} of shape {shape}; got {found}.")
        for name, kinds in (("y_true", "iu"), ("groups", "iu"), ("leaked", "b")):
            if (dtype := np.asarray(getattr(self, name)).dtype).kind not in kinds:
                raise ValueError(
                    f"{name} must be {'bool' if kinds == 'b' else 'int'}; got {dtype}."
                )
        if not count:
            return
        if not 0 <= self.y_true.min() <= self.y_true.max() < num_classes:
            raise ValueError(f"True classes must lie in 0..{num_classes - 1}.")
        sums = np.asarray(self.probabilities, np.float64).sum(axis=1)
        # Not "> ROUNDING": what is no number is no probability either.
        if not (np.abs(sums - 1).max() <= ROUNDING and self.probabilities.min() >= 0):
            raise ValueError("Probabilities must be 0 or more and sum to 1 for each image.")

    @property
    def y_pred(self):
        """The most probable classes: int array `(n,)`."""
        return self.probabilities.argmax(axis=1)

    @property
    def is_right(self):
        """Whether each image gets its true class: bool array `(n,)`."""
        return self.y_pred == self.y_true

    @property
    def group_numbers(self):
        """The groups of identical images, numbered 0, 1, ...: int array `(n,)`."""
        return np.unique(self.groups, return_inverse=True)[1]

    def select(self, mask):
        """Return the predictions for some of the faces.

        Args:
            mask: bool array `(n,)`, true for the faces to keep.
        """
        arrays = ("ids", "y_true", "probabilities", "groups", "leaked")
        return replace(self, **{name: getattr(self, name)[mask] for name in arrays})

    def by_split(self):
        """Return a dict from each test split's name to its `Predictions`.

        Several splits, such as PublicTest and PrivateTest, follow all of them together, `MERGED`.
        """
        splits = split_names(self.ids)
        names = dict.fromkeys(splits.tolist())
        merged = {MERGED: self} if len(names) > 1 else {}
        return merged | {name: self.select(splits == name) for name in names}

    def test_sets(self):
        """Return a dict like `by_split`, and `CLEAN` parts without leaked images.

        Scores on leaked images show memory, not understanding. Leaked are images with an exact
        copy in training: near copies stay in what is called clean.
        """
        parts = {}
        for name, part in self.by_split().items():
            parts[name] = part
            if part.leaked.any() and not part.leaked.all():
                parts[CLEAN.format(name)] = part.select(~part.leaked)
        return parts

    def confusion(self, normalised=False):
        """Return the confusion matrix `(num_classes, num_classes)`, rows true.

        Args:
            normalised: whether to give shares of the true class, 0-1, instead of counts; those of
                a class without images are 0.
        """
        shape = 2 * (len(self.class_names),)
        cells = np.ravel_multi_index((self.y_true, self.y_pred), shape)
        counts = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
        return counts / counts.sum(axis=1, keepdims=True).clip(1) if normalised else counts

    def confusion_by_group(self):
        """Return each group's matrix, a float array `(groups, classes, classes)`."""
        groups, size = self.group_numbers, len(self.class_names)
        counts = np.zeros((groups.max() + 1, size, size))
        np.add.at(counts, (groups, self.y_true, self.y_pred), 1)
        return counts

    def save(self, path, **others):
        """Write the predictions to a file.

        Args:
            path: the `.npz` file.
            **others: arrays or texts to keep beside them.
        """
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        with whole_file(path) as part:
            np.savez_compressed(part, **arrays | {"ids": self.ids.astype(str)} | others)

    @classmethod
    def load(cls, path):
        """Read predictions from a file that `save` wrote.

        Args:
            path: the `.npz` file; probabilities in float16 are read as float32, rows summing to 1.

        Raises:
            InputError: if the file holds no predictions, or impossible ones.
        """
        stored = load_arrays(path)
        missing = ", ".join(each.name for each in fields(cls) if each.name not in stored)
        if missing:
            raise InputError(f"{path} holds no predictions: there is no {missing} in it.")
        arrays = {each.name: stored[each.name] for each in fields(cls)}
        names = arrays["class_names"]
        if names.ndim != 1 or names.dtype.kind != "U" or arrays["ids"].dtype.kind != "U":
            raise InputError(f"{path} holds no predictions: ids and class_names must be texts.")
        try:
            loaded = cls(**arrays | {"class_names": tuple(names.tolist())})
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} holds impossible predictions: {error}") from error
        if loaded.probabilities.dtype == np.float16:
            shares = loaded.probabilities.astype(np.float32)
            shares /= shares.sum(axis=1, keepdims=True)
            loaded = replace(loaded, probabilities=shares)
        return loaded


def in_half_precision(predictions):
    """Return predictions with probabilities in float16, for small files.

    Each face keeps its predicted class: where rounding makes another class as probable, the
    predicted one is raised by one step of float16, 0.0005 at most.

    Args:
        predictions: `Predictions`.
    """
    half = predictions.probabilities.astype(np.float16)
    rows = np.flatnonzero(half.argmax(axis=1) != predictions.y_pred)
    cells = rows, predictions.y_pred[rows]
    half[cells] = np.nextafter(half[cells], np.float16(1))
    return replace(predictions, probabilities=half)


def score_table(predictions):
    """Compute the scores of each test set with their 95 % intervals.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row for each of `Predictions.test_sets`: `split`, `images`, and for each of
        `intervals.SCORES` its value and the ends `<score>_low` and `<score>_high`, all in 0-1.
    """
    rows = []
    for split, part in predictions.test_sets().items():
        row = {"split": split, "images": len(part.ids)}
        for score, value, low, high, _ in bootstrap_intervals(part).to_numpy():
            row |= {score: value, f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def confusion_table(predictions, normalised=False):
    """Return the confusion matrices of all test splits in one table.

    Args:
        predictions: `Predictions`.
        normalised: whether to give shares of the true class, 0-1, instead of counts.

    Returns:
        A DataFrame with the index (split, true class) and one column a predicted class. A class
        that a split does not hold has shares of 0.
    """
    parts, names = predictions.by_split(), list(predictions.class_names)
    tables = [pd.DataFrame(part.confusion(normalised), names, names) for part in parts.values()]
    return pd.concat(tables, keys=parts, names=["split", "true class"])


def class_report(predictions):
    """Compute precision, recall, F1 and support of each class.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row a class and then `macro avg` and `weighted avg`: `class`, `precision`,
        `recall`, `f1` (all in 0-1) and `support` (number of faces).
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
    """Compute the share of each class's faces that are found, its recall.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row a class that occurs: `class`, `support`, `accuracy`, and the ends
        `accuracy_low` and `accuracy_high` of its 95 % interval (`intervals.share_interval`), the
        last three in 0-1.
    """
    rows = []
    for label, name in enumerate(predictions.class_names):
        own = predictions.y_true == label
        if own.any():
            right = predictions.is_right[own]
            ends = share_interval(right, predictions.groups[own])
            rows.append((name, own.sum(), right.mean(), *ends))
    names = ["class", "support", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=names)


def flat_metrics(predictions):
    """Return all scores as flat pairs for `metrics.json`.

    Args:
        predictions: `Predictions`.

    Returns:
        A dict from `"PublicTest/accuracy_low"`, `"PublicTest/happy/accuracy"`, ... to values.
    """
    pairs = {}
    for row in score_table(predictions).to_dict("records"):
        split = row.pop("split")
        pairs |= {f"{split}/{name}": value for name, value in row.items()}
    for split, part in predictions.by_split().items():
        shares = class_accuracy(part).set_index("class")["accuracy"]
        pairs |= {f"{split}/{name}/accuracy": share for name, share in shares.items()}
    return pairs
