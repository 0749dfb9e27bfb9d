"""Accuracy of our own recipes for the minutes of training: a table and a figure."""

import itertools

import pandas as pd
from matplotlib.figure import Figure
from study_tables import fair_recipes

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.results import AUGMENTED
from fer_keras.comparison.votes import find_votes
from fer_keras.evaluation.judges import judge
from fer_keras.evaluation.predictions import CLEAN
from fer_keras.reporting import judge_tables
from fer_keras.reporting.score_tables import score_text

TEST = "PublicTest"
SETS = {TEST: TEST, "clean": CLEAN.format(TEST), "augmented": TEST + AUGMENTED}
"""Column -> the test set whose accuracy it shows."""
WITHOUT = "trained without copies"


def budget_table(results):
    """Return a row for each recipe and number of epochs, quickest first.

    Args:
        results: the `Result`s of published runs, one for each recipe, number of epochs, and
            training with or without copies of test images.

    Returns:
        A DataFrame of texts: `recipe`; `minutes`, alone on two cores; a column for each of `SETS`,
        of trainings on Training as it is, and `WITHOUT`, on PublicTest: accuracies, means over
        seeds with 95 % intervals over seeds and test images, of one seed over test images
        (bootstrap), empty where unmeasured; `seeds`, with and without copies. Columns that are
        empty throughout are left out.
    """
    table = pd.DataFrame(map(_row, results))
    is_without = table.pop("drop_test_copies")
    keys, titles = ["recipe", "epochs"], {TEST: WITHOUT, "seeds": "seeds without"}
    others = table[is_without].set_index(keys)[[*titles]].rename(columns=titles)
    table = table[~is_without].join(others, on=keys).sort_values("minutes")
    table["recipe"] = [_command(*names) for names in table[keys].itertuples(index=False)]
    table["minutes"] = table["minutes"].map("{:.1f}".format)
    table["seeds"] += (" and " + table["seeds without"]).fillna("")
    shown = table[["recipe", "minutes", *SETS, WITHOUT, "seeds"]]
    return shown.dropna(axis=1, how="all").fillna("")


def people_table(results):
    """Return our recipes' scores by label and by people's votes, quickest first.

    Args:
        results: as for `budget_table`.

    Returns:
        What `judge_tables.readable_judges` returns of trainings on Training as it is, on the test
        images that all recipes share; and their number.
    """
    runs, minutes = {}, {}
    for result in results:
        ((name, recipe),) = result.comparison.arms.items()
        if not recipe.drop_test_copies:
            command = _command(name, recipe.epochs)
            runs[command] = [run.predictions for run in result.runs[name].values()]
            minutes[command] = _minutes(name, recipe.epochs)
            votes, _ = find_votes(result.comparison)
    judgement = judge({name: runs[name] for name in sorted(minutes, key=minutes.get)}, votes)
    table = judge_tables.readable_judges(judge_tables.judge_table(judgement))
    return table, len(judgement.votes)


def _minutes(name, epochs):
    """Return what so many epochs of a recipe take alone on two cores, wherever they were run."""
    named = RECIPES[name]
    return named.minutes * epochs / named.recipe.epochs


def _row(result):
    """Return what a comparison says of its one recipe: a dict."""
    ((name, recipe),) = result.comparison.arms.items()
    scores = result.scores().set_index("split")
    row = {key: getattr(recipe, key) for key in ("epochs", "drop_test_copies")}
    row |= {"recipe": name, "minutes": _minutes(name, recipe.epochs)}
    row["seeds"] = str(scores.loc[TEST, "seeds"])
    texts = scores.apply(score_text, axis=1, score="accuracy")
    return row | {title: texts.get(split) for title, split in SETS.items()}


def _command(name, epochs):
    is_named = epochs == RECIPES[name].recipe.epochs
    return f"`{name}`" if is_named else f"`{name} --set epochs={epochs}`"


def draw_budgets(record, studies):
    """Return the figure of accuracy on PublicTest over minutes of training.

    Points are runs, and lines join the means over seeds.

    Args:
        record: `budgets.csv`; recipes that are scored on FER+'s labels are left out.
        studies: `studies.csv`; recipes that keep some of the classes are left out.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    own = [name for name in record["recipe"] if "ferplus" not in RECIPES[name].recipe.labels]
    is_plain = (record["split"] == TEST) & ~record["drop_test_copies"]
    for recipe, runs in record[record["recipe"].isin(own) & is_plain].groupby("recipe"):
        runs = runs.assign(minutes=[_minutes(recipe, epochs) for epochs in runs["epochs"]])
        means = runs.groupby("minutes")["accuracy"].mean()
        axes.plot(means.index, means, "-", label=recipe)
        color = axes.lines[-1].get_color()
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
        place = (RECIPES[row.recipe].minutes, row.accuracy)
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
