"""What the comparison of two arms comes to, as tables."""

import pandas as pd

from fer_keras.evaluation import class_report, score_table
from fer_keras.statistics import SCORES, score_differences

STUDY_D = {
    "CSV": {"accuracy": 0.59, "macro_f1": 0.52, "weighted_f1": 0.58},
    "folder": {"accuracy": 0.59, "macro_f1": 0.51, "weighted_f1": 0.57},
}
"""The scores that study D reports, on two different sets of 7,178 test images, one run each."""

SCORE_NAMES = {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}


def class_counts(splits):
    """Return the faces per class: a DataFrame, one row a class, one column a part."""
    parts = {
        "training": splits.train,
        "validation": splits.validation,
        "test": splits.test,
    }
    counts = {name: faces.class_counts() for name, faces in parts.items() if faces}
    return pd.DataFrame(counts, index=splits.train.class_names).rename_axis("class")


def protocol_table(arms):
    """Return what each arm does: a DataFrame, one row a factor, one column an arm."""
    columns = {}
    for name, arm in arms.items():
        recipe, splits = arm.recipe, arm.splits
        columns[name] = {
            "network": recipe.network,
            "normalisation": recipe.normalisation,
            "feed": recipe.feed,
            "augmentation": recipe.augmentation,
            "labels": recipe.labels,
            "classes": len(recipe.classes),
            "balance": recipe.balance,
            "epochs": recipe.epochs,
            "batch size": recipe.batch_size,
            "optimiser": _optimiser(recipe),
            "seed": recipe.seed,
            "division": recipe.division,
            "training images": f"{len(splits.train):,}",
            "validation images": f"{len(splits.validation or ()):,}",
            "test images": f"{len(splits.test):,}",
            "test images with an exact copy in training": (
                f"{arm.num_leaked():,} ({arm.num_leaked() / len(splits.test):.1%})"
            ),
        }
    return pd.DataFrame(columns).rename_axis("factor")


def result_table(runs):
    """Return the scores of each arm and split with 95 % intervals: the record of a comparison.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame with columns `arm`, those of `evaluation.score_table`, the arm's epochs, kept
        epoch, seed, minutes of training and median images/s, and the machine and date.
    """
    tables = []
    for name, run in runs.items():
        table = score_table(run.predictions)
        table.insert(0, "arm", name)
        machine = {name: run.environment[name] for name in ("date", "processor", "cores")}
        tables.append(table.assign(**_cost(run), **machine))
    return pd.concat(tables, ignore_index=True)


def readable_results(results):
    """Return the result table as text beside study D's published scores.

    Args:
        results: what `result_table` returned.

    Returns:
        What `readable_scores` returns, and a row of published scores an arm.
    """
    rows = []
    for arm in dict.fromkeys(results["arm"]):
        published = {SCORE_NAMES[name]: _score(STUDY_D[arm][name], 2) for name in SCORES}
        rows.append({"arm": arm, "test set": "as study D published (7,178)"} | published)
    published = pd.DataFrame(rows).set_index(["arm", "test set"])
    return pd.concat([readable_scores(results), published])


def readable_scores(results):
    """Return the result table as text.

    Args:
        results: what `result_table` returned.

    Returns:
        A DataFrame of strings, one row an arm and split, scores as `.571 [.555, .587]`.
    """
    rows = []
    for row in results.to_dict("records"):
        scores = {SCORE_NAMES[name]: with_interval(row, name) for name in SCORES}
        rows.append({"arm": row["arm"], "test set": f"{row['split']} ({row['images']:,})"} | scores)
    return pd.DataFrame(rows).set_index(["arm", "test set"])


def readable_across(across):
    """Return what `jobs.across_data_sets` found as text: one row a model, data set and split."""
    rows = [
        {
            "trained on": row["trained on"],
            "tested on": f"{row['tested on']}: {row['split']} ({row['images']:,})",
            **{SCORE_NAMES[name]: with_interval(row, name) for name in SCORES},
        }
        for row in across.to_dict("records")
    ]
    return pd.DataFrame(rows).set_index(["trained on", "tested on"])


def time_table(runs):
    """Return what each arm's training cost: a DataFrame, one row an arm."""
    costs = pd.DataFrame({name: _cost(run) for name, run in runs.items()}).T
    return costs.rename_axis("arm").rename(columns=lambda name: name.replace("_", " "))


def class_table(runs):
    """Return precision, recall, F1 and support per class for every arm, and the F1 difference.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame with one row a class and two-level columns (arm, score).
    """
    reports = {
        name: class_report(headline(run)[1]).set_index("class") for name, run in runs.items()
    }
    table = pd.concat(reports, axis=1)
    if len(runs) == 2:
        first, second = runs
        table[f"{second} − {first}", "f1"] = table[second, "f1"] - table[first, "f1"]
    return table


def f1_table(runs):
    """Return each class's F1: a DataFrame, one row a class, one column an arm."""
    table = class_table(runs).xs("f1", axis=1, level=1)[list(runs)]
    return table.drop(["macro avg", "weighted avg"])


def difference_table(runs):
    """Return the differences of two arms' scores with their 95 % intervals, in points.

    Args:
        runs: dict of two arms' names to their `Run`.

    Returns:
        The DataFrame of `statistics.score_differences`, with `inside_noise` (the interval
        holds 0).
    """
    first, second = (headline(run)[1] for run in runs.values())
    table = score_differences(first, second)
    return table.assign(inside_noise=(table["low"] <= 0) & (table["high"] >= 0))


def environment_table(runs):
    """Return the machine and the versions of each arm: a DataFrame, one column an arm."""
    return pd.DataFrame({name: run.environment for name, run in runs.items()}).rename_axis("what")


def headline(run):
    """Return the name and the `Predictions` of all test images together."""
    return next(iter(run.predictions.by_split().items()))


def _optimiser(recipe):
    if not recipe.weight_decay:
        return f"Adam({recipe.learning_rate:g})"
    return f"AdamW({recipe.learning_rate:g}, weight decay {recipe.weight_decay:g})"


def _cost(run):
    return {
        "epochs": len(run.history),
        "kept_epoch": run.best_epoch,
        "seed": run.recipe.seed,
        "minutes": round(run.history["seconds"].sum() / 60, 1),
        "images_per_second": round(run.history["images_per_second"].median()),
    }


def _score(value, digits=3):
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"


def with_interval(row, name):
    """Return a score of a result row as text: `.571 [.555, .587]`."""
    low, high = _score(row[f"{name}_low"]), _score(row[f"{name}_high"])
    return f"{_score(row[name])} [{low}, {high}]"
