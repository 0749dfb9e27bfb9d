"""The record of a comparison: one row a run and test set."""

import pandas as pd

from fer_keras.comparison.arms import level_name
from fer_keras.comparison.run import predict
from fer_keras.evaluation.predictions import score_table

AUGMENTED = ", augmented"
"""What follows a test set's name where its scores are those of test-time augmentation."""


def result_table(comparison):
    """Return the scores, cost, recipe and machine of every run.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame, one row a run and test set: `arm`, the factors, `seed`, the columns of
        `predictions.score_table`, `epochs` (trained), `kept_epoch`, `minutes`,
        `images_per_second` (median epoch), the other fields of the recipe, machine and versions,
        `directory`, and `error`. A failed run has a row without scores.
    """
    tables = []
    for arm, runs in comparison.runs.items():
        for seed, run in runs.items():
            tables.append(_rows(arm, seed, run, comparison.factors))
    for error in comparison.errors:
        recipe = comparison.arms[error["arm"]].changed(seed=error["seed"])
        row = {"arm": error["arm"], **_levels(recipe, comparison.factors), **error}
        tables.append(pd.DataFrame([row]))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(error=table["error"].fillna("") if "error" in table else "")


def across_data_sets(comparison):
    """Score each arm's first run on the test faces of every data set.

    Predictions on another data set are kept in the run directory, as
    `predictions_on_<data set>.npz`.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame with the columns `arm`, `trained on`, `tested on` and those of
        `predictions.score_table`; empty where there is one data set only.
    """
    splits = {arm: comparison.splits(arm) for arm in comparison.first}
    data_sets = {part.name: part for part in splits.values() if part}
    tables = []
    for arm, run in comparison.first.items() if len(data_sets) > 1 else ():
        for name, part in data_sets.items():
            predictions = run.predictions
            if name != splits[arm].name:
                predictions = predict(run, part.test)
                predictions.save(run.directory / f"predictions_on_{name}.npz")
            table = score_table(predictions)
            table.insert(0, "tested on", name)
            table.insert(0, "trained on", splits[arm].name)
            table.insert(0, "arm", arm)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _rows(arm, seed, run, factors):
    table = run.scores()
    if run.augmented_predictions:
        augmented = score_table(run.augmented_predictions)
        augmented["split"] += AUGMENTED
        table = pd.concat([table, augmented], ignore_index=True)
    recipe = run.recipe.as_json() | {"classes": ",".join(run.recipe.classes)}
    first = {"arm": arm, **_levels(run.recipe, factors), "seed": seed}
    cost = {
        "epochs": len(run.history),
        "kept_epoch": run.best_epoch,
        "minutes": round(run.history["seconds"].sum() / 60, 3),
        "images_per_second": round(run.history["images_per_second"].median()),
    }
    others = {name: value for name, value in recipe.items() if name not in first | cost}
    others["augmentation"] = str(others.get("augmentation", first.get("augmentation")))
    last = {**others, **run.environment, "directory": run.directory.name}
    for place, (name, value) in enumerate(first.items()):
        table.insert(place, name, value)
    last = {name: value for name, value in last.items() if name not in table and name not in cost}
    return table.assign(**cost, **last)


def _levels(recipe, factors):
    fields = recipe.as_json()
    return {factor: level_name(fields[factor]) for factor in factors}
