"""Tables of scores: over seeds, of models, by class."""

import pandas as pd
from scipy.stats import ttest_1samp

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.calibration import average_precision_table
from fer_keras.evaluation.intervals import SCORES
from fer_keras.evaluation.predictions import class_report

STUDY_D = {
    "CSV": {"accuracy": 0.59, "macro_f1": 0.52, "weighted_f1": 0.58},
    "folder": {"accuracy": 0.59, "macro_f1": 0.51, "weighted_f1": 0.57},
}
"""The scores that study D reports: one run each, on two different sets of 7,178 test images."""

SCORE_NAMES = {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}


def headline(run):
    """Return the name and the `Predictions` of all test images together.

    Args:
        run: the `Run`.
    """
    return next(iter(run.predictions.by_split().items()))


def headline_rows(results):
    """Return the rows of a record about all test images of a run.

    Args:
        results: what `results.result_table` returned.
    """
    return results.dropna(subset="accuracy").drop_duplicates(["arm", "seed"])


def first_seed(results):
    """Return the rows of a record about each arm's first finished run.

    Args:
        results: what `results.result_table` returned.
    """
    results = results.dropna(subset="accuracy")
    return results[results["seed"] == results.groupby("arm")["seed"].transform("first")]


def score_table(results):
    """Return the scores of each arm and test set over its seeds.

    Args:
        results: what `results.result_table` returned.

    Returns:
        A DataFrame, one row an arm and test set: `arm`, `split`, `images`, `seeds` (number of
        runs), and for each score its mean `<score>`, standard deviation `_sd`, lowest and highest
        value `_min` and `_max`, and 95 % interval `_low` to `_high`, all in 0-1: the t interval of
        the mean over seeds; of a single run, the bootstrap interval.
    """
    rows, scored = [], results.dropna(subset="accuracy")
    for (arm, split), runs in scored.groupby(["arm", "split"], sort=False):
        row = {"arm": arm, "split": split, "images": int(runs["images"].iloc[0])}
        row["seeds"] = len(runs)
        for score in SCORES:
            values = runs[score]
            low, high = runs[f"{score}_low"].iloc[0], runs[f"{score}_high"].iloc[0]
            if len(runs) > 1:
                low, high = _mean_interval(values)
            row |= {score: values.mean(), f"{score}_sd": values.std()}
            row |= {f"{score}_min": values.min(), f"{score}_max": values.max()}
            row |= {f"{score}_low": low, f"{score}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def readable_scores(scores):
    """Return scores as text.

    Args:
        scores: what `score_table` returned.

    Returns:
        A DataFrame of texts, one row an arm and test set: `.571 [.555, .587]` for a single run,
        `.571 ± .006 (.565 to .577)` for several.
    """
    rows = []
    for row in scores.to_dict("records"):
        text = {"arm": row["arm"], "test set": f"{row['split']} ({row['images']:,})"}
        if (scores["seeds"] > 1).any():
            text["seeds"] = str(row["seeds"])
        rows.append(text | _scores_in_words(row))
    return pd.DataFrame(rows).set_index(["arm", "test set"])


def score_text(row, score):
    """Return a score with its interval or its spread over seeds, as text.

    Args:
        row: dict, a row of `score_table` or of `predictions.score_table`.
        score: one of `SCORES`.
    """
    names = ("low", "high") if row.get("seeds", 1) == 1 else ("sd", "min", "max")
    mean, *others = (_short(row[name]) for name in (score, *(f"{score}_{end}" for end in names)))
    form = "{} [{}, {}]" if len(others) == 2 else "{} ± {} ({} to {})"
    return form.format(mean, *others)


def model_table(comparison, results):
    """Return each arm's first model's scores beside published ones.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.

    Returns:
        A DataFrame like that of `readable_scores`, with rows of what study D published where the
        comparison rebuilds it on FER2013.
    """
    table = readable_scores(score_table(first_seed(results)))
    is_rebuilt = comparison.name in ("same_images", "published") and not comparison.drawn
    for arm, run in comparison.first.items():
        if is_rebuilt and arm in STUDY_D and run.predictions.class_names == CLASS_NAMES:
            values = {SCORE_NAMES[name]: _short(value, 2) for name, value in STUDY_D[arm].items()}
            table.loc[(arm, "as study D published (7,178)"), list(values)] = list(values.values())
    return table


def class_table(runs):
    """Return precision, recall, F1 and support of each class for every arm.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame, one row a class and two averages, with two-level columns (arm, score), and
        for two arms the difference in F1.
    """
    reports = {arm: class_report(headline(run)[1]).set_index("class") for arm, run in runs.items()}
    table = pd.concat(reports, axis=1)
    averages = ["macro avg", "weighted avg"]
    table = table.loc[[*table.index.drop(averages), *averages]].rename_axis("class")
    if len(runs) == 2:
        first, second = runs
        table[f"{second} − {first}", "f1"] = table[second, "f1"] - table[first, "f1"]
    return table


def f1_table(runs):
    """Return each class's F1.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame, one row a class, one column an arm; F1 in 0-1.
    """
    table = class_table(runs).xs("f1", axis=1, level=1)[list(runs)]
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


def _scores_in_words(row):
    return {SCORE_NAMES[name]: score_text(row, name) for name in SCORES}


def _mean_interval(values):
    if values.max() - values.min() < 1e-12:  # less is rounding, not spread
        return values.mean(), values.mean()
    return ttest_1samp(values, 0).confidence_interval()


def _short(value, digits=3):
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"
