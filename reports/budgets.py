"""Accuracy of our own recipes for the minutes of training: a table and a figure."""

import itertools

import pandas as pd
from matplotlib.figure import Figure
from study_tables import fair_recipes

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.results import AUGMENTED
from fer_keras.evaluation.predictions import CLEAN

TEST = "PublicTest"
SETS = {"accuracy": TEST, "clean": CLEAN.format(TEST), "augmented": TEST + AUGMENTED}
"""Column -> the test set whose accuracy it holds."""


def budget_table(record):
    """Return a row for each recipe and number of epochs, medians over seeds, quickest first.

    Args:
        record: `budgets.csv`, one row a run and test set.

    Returns:
        A DataFrame with the columns `recipe`, `epochs`, `seeds`, `minutes`, a column for each of
        `SETS`, NaN where unmeasured, and `low` and `high`, the range of accuracies on PublicTest:
        all of trainings on Training as it is. `without_copies` is the accuracy on PublicTest of
        trainings without copies of test images, over `seeds_without`, NaN where there are none.
    """
    rows = []
    for (recipe, epochs), every in record.groupby(["recipe", "epochs"]):
        runs, without = every[~every["drop_test_copies"]], every[every["drop_test_copies"]]
        plain, other = (part[part["split"] == TEST] for part in (runs, without))
        medians = {
            name: runs.loc[runs["split"] == split, "accuracy"].median()
            for name, split in SETS.items()
        }
        row = {"recipe": recipe, "epochs": epochs, "seeds": len(plain)}
        row |= {"minutes": plain["minutes"].median(), **medians}
        row |= {"without_copies": other["accuracy"].median(), "seeds_without": len(other)}
        rows.append(row | {"low": plain["accuracy"].min(), "high": plain["accuracy"].max()})
    return pd.DataFrame(rows).sort_values("minutes", ignore_index=True)


def draw_budgets(record, studies):
    """Return the figure of accuracy on PublicTest over minutes of training.

    Args:
        record: `budgets.csv`; recipes that are scored on FER+'s labels are left out.
        studies: `studies.csv`; recipes that keep some of the classes are left out.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    own = [name for name in record["recipe"] if "ferplus" not in RECIPES[name].recipe.labels]
    record = record[record["recipe"].isin(own) & ~record["drop_test_copies"]]
    for recipe, rows in budget_table(record).groupby("recipe"):
        axes.plot(rows["minutes"], rows["accuracy"], "-", label=recipe)
        color = axes.lines[-1].get_color()
        runs = record[(record["recipe"] == recipe) & (record["split"] == TEST)]
        axes.plot(runs["minutes"], runs["accuracy"], "o", color=color, markersize=4)
    _mark_studies(axes, studies)
    axes.set_xscale("log")
    ticks = [1, 2, 5, 10, 20, 60]
    axes.set_xticks(ticks, ticks)
    axes.set_xticks([], minor=True)
    axes.set(xlabel="minutes of training on two cores", ylabel="accuracy on PublicTest")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def _mark_studies(axes, studies):
    """Mark each study's recipe; names stand right and left in turn, for points lie close."""
    shown = [name for name in fair_recipes() if RECIPES[name].recipe.classes is None]
    rows = studies[(studies["split"] == TEST) & studies["recipe"].isin(shown)]
    for side, row in zip(itertools.cycle(("left", "right")), rows.itertuples()):
        place = (row.minutes, row.accuracy)
        axes.plot(*place, "x", color="0.4")
        axes.annotate(
            row.recipe,
            place,
            (6 if side == "left" else -6, -3),
            textcoords="offset points",
            ha=side,
            fontsize=8,
            color="0.4",
        )
