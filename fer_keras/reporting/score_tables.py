"""Tables of scores: over seeds, of models, by class."""

import numpy as np
import pandas as pd

from fer_keras.comparison.results import AUGMENTED
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.calibration import average_precision_table
from fer_keras.evaluation.intervals import SCORES
from fer_keras.evaluation.means import f1_intervals, mean_intervals
from fer_keras.evaluation.predictions import class_report

STUDY_D = {
    "CSV": {"accuracy": 0.59, "macro_f1": 0.52, "weighted_f1": 0.58},
    "folder": {"accuracy": 0.59, "macro_f1": 0.51, "weighted_f1": 0.57},
}
"""The scores that study D reports: one run each, on two different sets of 7,178 test images."""

SCORE_NAMES = {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}


def headline_rows(results):
    """Return the rows of a record about all test images of a run.

    Args:
        results: what `results.result_table` returned.
    """
    return results.dropna(subset="accuracy").drop_duplicates(["arm", "seed"])


def tested_images(results):
    """Return how many test images the arms have.

    Args:
        results: what `results.result_table` returned.

    Returns:
        A dict from a test set's name to a text, such as `265 or 300`.
    """
    images = headline_rows(results).groupby("split", sort=False)["images"]
    return {
        split: " or ".join(f"{count:,.0f}" for count in sorted(own.unique()))
        for split, own in images
    }


def score_table(results, comparison=None):
    """Return the scores of each arm and test set over its seeds.

    Args:
        results: what `results.result_table` returned.
        comparison: the `Comparison`, from whose predictions the intervals of means follow; `None`
            leaves these empty.

    Returns:
        A DataFrame, one row an arm and test set: `arm`, `split`, `images`, `seeds` (number of
        runs), `weak_classes` (too small for macro F1's interval), and for each score its mean
        `<score>`, standard deviation `_sd`, lowest and highest value `_min` and `_max`, and 95 %
        interval `_low` to `_high`, all in 0-1: of the mean, over seeds and test images; where no
        arm has two runs, of its one weight file, over test images (bootstrap).
    """
    rows, scored = [], results.dropna(subset="accuracy")
    found = mean_intervals(test_sets(comparison)) if comparison else {}
    for (arm, split), runs in scored.groupby(["arm", "split"], sort=False):
        weak, intervals = found.get((arm, split), ("", {}))
        row = {"arm": arm, "split": split, "images": int(runs["images"].iloc[0])}
        row |= {"seeds": len(runs), "weak_classes": weak}
        for score in SCORES:
            values, one = runs[score], (np.nan, np.nan)
            if len(runs) == 1:
                one = runs[f"{score}_low"].iloc[0], runs[f"{score}_high"].iloc[0]
            low, high = intervals.get(score, one)
            row |= {score: values.mean(), f"{score}_sd": values.std()}
            row |= {f"{score}_min": values.min(), f"{score}_max": values.max()}
            row |= {f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def test_sets(comparison):
    """Return the predictions of each test set.

    Args:
        comparison: the `Comparison`.

    Returns:
        A dict from a test set's name to a dict from an arm's name to a list of `Predictions`, one
        a run.
    """
    found = {}
    for arm, runs in comparison.runs.items():
        for run in runs.values():
            parts = run.predictions.test_sets()
            if run.augmented_predictions:
                augmented = run.augmented_predictions.test_sets()
                parts |= {name + AUGMENTED: part for name, part in augmented.items()}
            for split, part in parts.items():
                found.setdefault(split, {}).setdefault(arm, []).append(part)
    return found


def readable_scores(scores):
    """Return scores as text.

    Args:
        scores: what `score_table` returned.

    Returns:
        A DataFrame of texts, one row an arm and test set: `.571 [.555, .587]`; where there is no
        interval, mean, standard deviation and range over seeds, `.571 ± .006 (.565 to .577)`.
    """
    rows, is_weak = [], scores["weak_classes"] != ""
    for row in scores.to_dict("records"):
        text = {"arm": row["arm"], "test set": f"{row['split']} ({row['images']:,})"}
        if (scores["seeds"] > 1).any():
            text["seeds"] = str(row["seeds"])
        text |= {SCORE_NAMES[score]: score_text(row, score) for score in SCORES}
        if is_weak.any():
            text["macro F1 unsure for"] = row["weak_classes"]
        rows.append(text)
    return pd.DataFrame(rows).set_index(["arm", "test set"])


def score_text(row, score):
    """Return a score with its interval or its spread over seeds, as text.

    Args:
        row: dict, a row of `score_table` or of `predictions.score_table`.
        score: one of `SCORES`.
    """
    if pd.notna(row[f"{score}_low"]):
        return interval_text(row[score], row[f"{score}_low"], row[f"{score}_high"])
    spread = (_short(row[f"{score}_{name}"]) for name in ("sd", "min", "max"))
    return "{} ± {} ({} to {})".format(_short(row[score]), *spread)


def interval_text(value, low, high):
    """Return a score and its interval as text, such as `.571 [.555, .587]`.

    Args:
        value: the score, in 0-1; NaN gives an empty text.
        low: the lower end of its interval; NaN where there is none.
        high: the upper end.
    """
    if pd.isna(value):
        return ""
    return _short(value) if pd.isna(low) else f"{_short(value)} [{_short(low)}, {_short(high)}]"


def with_published(table, comparison):
    """Return readable scores with what study D published beside them.

    Args:
        table: what `readable_scores` returned.
        comparison: the `Comparison`. Rows are added where it rebuilds study D on FER2013, and
            never on drawn faces.
    """
    table = table.copy()
    is_rebuilt = comparison.name in ("same_images", "published") and is_fer2013(comparison)
    for arm, run in comparison.first.items():
        if is_rebuilt and arm in STUDY_D and run.predictions.class_names == CLASS_NAMES:
            values = {SCORE_NAMES[name]: _short(value, 2) for name, value in STUDY_D[arm].items()}
            table.loc[(arm, "as study D published (7,178)"), list(values)] = list(values.values())
    return table.fillna("")


def is_fer2013(comparison):
    """Return whether a comparison is made on FER2013, and not on drawn faces.

    Args:
        comparison: the `Comparison`.
    """
    names = [source.data_name for source in comparison.sources.values()]
    return not comparison.drawn and any("fer2013" in name.lower() for name in names)


def class_table(runs):
    """Return precision, recall, F1 and support of each class for every arm.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame, one row a class and two averages, with two-level columns (arm, score), with the
        ends `F1 low` and `F1 high` of the class's 95 % interval over test images, missing for
        averages and for classes too small for it; for two arms the difference in F1.
    """
    reports = {}
    for arm, run in runs.items():
        predictions = run.predictions
        report = class_report(predictions).set_index("class")
        ends = f1_intervals(predictions).set_index("class").add_prefix("F1 ")
        report = report.rename(columns={"f1": "F1"}).join(ends)
        reports[arm] = report[["precision", "recall", "F1", *ends, "support"]]
    table = pd.concat(reports, axis=1)
    averages = ["macro avg", "weighted avg"]
    table = table.loc[[*table.index.drop(averages), *averages]].rename_axis("class")
    if len(runs) == 2:
        first, second = runs
        table[f"{second} − {first}", "F1"] = table[second, "F1"] - table[first, "F1"]
    return table


def f1_table(runs):
    """Return each class's F1.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame, one row a class, one column an arm; F1 in 0-1.
    """
    table = class_table(runs).xs("F1", axis=1, level=1)[list(runs)]
    return table.drop(["macro avg", "weighted avg"])


def precision_table(predictions):
    """Return the average precision of each class.

    Args:
        predictions: dict from an arm's name to its `Predictions`.

    Returns:
        A DataFrame, one row a class, one column an arm; average precision in 0-1.
    """
    tables = {arm: average_precision_table(part) for arm, part in predictions.items()}
    columns = {arm: table.set_index("class")["average precision"] for arm, table in tables.items()}
    return pd.DataFrame(columns).rename_axis("class")


def _short(value, digits=3):
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"
