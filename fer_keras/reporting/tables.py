"""What the comparison of two arms comes to, as tables."""

import numpy as np
import pandas as pd

from fer_keras.evaluation.effects import RUN_SCORES, compare_pipelines
from fer_keras.evaluation.intervals import SCORES, compare_models, differences_apart
from fer_keras.evaluation.predictions import class_report, score_table

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
                f"{splits.leaked().sum():,} ({splits.leaked().mean():.1%})"
            ),
        }
    return pd.DataFrame(columns).rename_axis("factor")


AUGMENTED = ", augmented"
"""What follows a test set's name where its scores are those of test-time augmentation."""


def result_table(runs):
    """Return the scores of each arm and split with 95 % intervals: the record of a comparison.

    Args:
        runs: dict from an arm's name to its `Run`.

    Returns:
        A DataFrame with columns `arm`, those of `evaluation.score_table` (and as many rows again
        where the recipe asks for test-time augmentation), the arm's epochs, kept epoch, seed,
        minutes of training and median images/s, and the machine and date.
    """
    tables = []
    for name, run in runs.items():
        table = score_table(run.predictions)
        if run.augmented_predictions:
            augmented = score_table(run.augmented_predictions)
            augmented["split"] += AUGMENTED
            table = pd.concat([table, augmented])
        table.insert(0, "arm", name)
        machine = {name: run.environment[name] for name in ("date", "processor", "cores")}
        tables.append(table.assign(**_cost(run), **machine))
    return pd.concat(tables, ignore_index=True)


def readable_results(results):
    """Return the result table of each arm's first run as text beside study D's published scores.

    Args:
        results: what `result_table` returned, for one seed or for several, one below the other.

    Returns:
        What `readable_scores` returns, and a row of published scores an arm.
    """
    results = results[results["seed"] == results["seed"].iloc[0]]
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


def headline_results(results):
    """Return the rows of a result table that are about all test images of an arm together."""
    first_splits = results.groupby("arm", sort=False)["split"].transform("first")
    return results[results["split"] == first_splits]


def seed_table(results):
    """Return the scores of each arm over its seeds as text: a DataFrame, one row an arm.

    Args:
        results: what `result_table` returned for two or more seeds, one below the other.

    Returns:
        A DataFrame of strings: `test set`, `seeds`, and for accuracy and macro F1 the mean,
        standard deviation and range over seeds.
    """
    rows = {}
    for arm, table in headline_results(results).groupby("arm", sort=False):
        first = table.iloc[0]
        row = {"test set": f"{first['split']} ({first['images']:,})", "seeds": str(len(table))}
        for name in RUN_SCORES:
            scores = table[name]
            row[SCORE_NAMES[name]] = (
                f"{_score(scores.mean())} ± {_score(scores.std())} "
                f"({_score(scores.min())} to {_score(scores.max())})"
            )
        rows[arm] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def pipeline_table(results):
    """Compare the two arms as pipelines, over seeds.

    Args:
        results: what `result_table` returned for two or more seeds, one below the other.

    Returns:
        The DataFrame of `effects.compare_pipelines`, the second arm minus the first.
    """
    arms = headline_results(results).groupby("arm", sort=False)
    return compare_pipelines(*(table for _, table in arms))


def readable_pipelines(pipelines):
    """Return what `pipeline_table` found as text: a DataFrame, one row a score."""
    rows = {
        SCORE_NAMES[row.score]: {
            "difference in points": f"{100 * row.difference:+.1f} "
            f"({100 * row.low:+.1f} to {100 * row.high:+.1f})",
            "p of the paired t test": f"{row.p_value:.2g}",
            "probability of superiority": f"{row.superiority:.2f}",
            "seeds needed": "more than 1,000" if pd.isna(row.seeds_needed) else row.seeds_needed,
        }
        for row in pipelines.itertuples()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("score")


def question_table(questions):
    """Return what statistics answer and how: a DataFrame, one row a statistic.

    Args:
        questions: entries of `statistics.QUESTIONS` or `effects.QUESTIONS`.
    """
    table = pd.DataFrame.from_dict(questions, orient="index", columns=["question", "how"])
    return table.rename_axis("statistic")


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
    """Return the differences of two arms' scores with their 95 % intervals.

    Args:
        runs: dict of two arms' names to their `Run`.

    Returns:
        A DataFrame like `statistics.ModelComparison.differences`, with `paired` (both arms were
        tested on the same images) and `inside_noise` (the interval holds 0).
    """
    first, second = (headline(run)[1] for run in runs.values())
    paired = have_same_images(runs)
    if paired:
        table = compare_models(first, second).differences
    else:
        table = differences_apart(first, second)
    return table.assign(paired=paired, inside_noise=(table["low"] <= 0) & (table["high"] >= 0))


def have_same_images(runs):
    """Tell whether all arms were tested on the same images in the same order."""
    first, *others = (headline(run)[1].ids for run in runs.values())
    return all(np.array_equal(first, ids) for ids in others)


def environment_table(runs):
    """Return the machine and the versions of each arm: a DataFrame, one column an arm."""
    return pd.DataFrame({name: run.environment for name, run in runs.items()}).rename_axis("what")


def headline(run):
    """Return the name and the `Predictions` of all test images together."""
    return next(iter(run.predictions.by_split().items()))


def _optimiser(recipe):
    name = {"adam": "Adam", "sgd": "SGD with Nesterov momentum"}[recipe.optimizer]
    decay = f", weight decay {recipe.weight_decay:g}" if recipe.weight_decay else ""
    schedule = ", one cycle" if recipe.schedule == "one_cycle" else ""
    return f"{name}({recipe.learning_rate:g}{decay}{schedule})"


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
