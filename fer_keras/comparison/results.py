"""The record of a comparison: one row a run and test set."""

import numpy as np
import pandas as pd

from fer_keras.comparison.arms import level_name
from fer_keras.comparison.cross_dataset import tested_elsewhere
from fer_keras.comparison.estimates import by_images, mean_and_difference
from fer_keras.evaluation.chance import pseudo_values
from fer_keras.evaluation.intervals import SCORES
from fer_keras.evaluation.predictions import score_table

AUGMENTED = ", augmented"
"""What follows a test set's name where its scores are those of test-time augmentation."""

ALL, CLEAN = "all images", "without copies"


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
    """Score each arm on the data sets that are not every arm's own.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame, one row a data set, set of its images and arm: `arm`, `trained on`, `tested
        on`, `split` (`ALL`, or `CLEAN`: without copies of any arm's training images), `images`,
        `groups` (number of them), `seeds` (number of runs), and for each of `intervals.SCORES` its
        mean over seeds and the ends `_low` and `_high` of its 95 % interval over seeds and images,
        in 0-1; macro F1 only where every class occurs. `difference`, with its ends, is the
        accuracy minus that of `reference`, the first arm; it is missing where the images are not
        the same. The table is empty where nothing was tested elsewhere.
    """
    rows, reference = [], next(iter(comparison.first))
    for tested, runs in tested_elsewhere(comparison).items():
        for arms in by_images({arm: list(parts.values()) for arm, parts in runs.items()}):
            for split, parts in _with_and_without_copies(arms).items():
                for arm, row in _estimates(parts, reference).items():
                    place = {"arm": arm, "trained on": comparison.sources[arm].data_name}
                    place |= {"tested on": tested, "split": split}
                    rows.append(place | row | {"reference": reference})
    return pd.DataFrame(rows)


def _with_and_without_copies(arms):
    leaked = np.any([part.leaked for parts in arms.values() for part in parts], axis=0)
    if not leaked.any() or leaked.all():
        return {ALL: arms}
    clean = {arm: [part.select(~leaked) for part in parts] for arm, parts in arms.items()}
    return {ALL: arms, CLEAN: clean}


def _estimates(arms, reference):
    """Return each arm's scores and its difference to the reference as parts of rows."""
    first, rows = next(iter(arms.values()))[0], {}
    has_all = len(np.unique(first.y_true)) == len(first.class_names)
    values = {
        arm: np.stack([pseudo_values(part) for part in parts], axis=1)
        for arm, parts in arms.items()
    }
    for arm, parts in arms.items():
        row = {"images": len(first.ids), "groups": len(np.unique(first.groups))}
        row["seeds"] = len(parts)
        for place, score in enumerate(SCORES):
            own = {name: each[place] for name, each in values.items()}
            mean, difference = mean_and_difference(own, arm, reference)
            if score == "macro_f1" and not has_all:
                mean = (np.nan,) * 3
            row |= dict(zip((score, f"{score}_low", f"{score}_high"), mean))
            if score == "accuracy":
                row |= dict(zip(("difference", "difference_low", "difference_high"), difference))
        rows[arm] = row
    return rows


def _rows(arm, seed, run, factors):
    table = run.scores()
    if run.augmented_predictions:
        augmented = score_table(run.augmented_predictions)
        augmented["split"] += AUGMENTED
        table = pd.concat([table, augmented], ignore_index=True)
    first = {"arm": arm, **_levels(run.recipe, factors), "seed": seed}
    cost = {
        "epochs": len(run.history),
        "kept_epoch": run.kept_epoch,
        "minutes": round(run.history["seconds"].sum() / 60, 3),
        "images_per_second": round(run.history["images_per_second"].median()),
    }
    for place, (name, value) in enumerate(first.items()):
        table.insert(place, name, value)
    recipe = run.recipe.as_json()
    recipe |= {"classes": ",".join(run.recipe.classes), "augmentation": str(recipe["augmentation"])}
    last = {**recipe, **run.environment, "directory": run.directory.name}
    known = {*table, *cost}
    return table.assign(**cost, **{name: last[name] for name in last if name not in known})


def _levels(recipe, factors):
    fields = recipe.as_json()
    return {factor: level_name(fields[factor]) for factor in factors}
