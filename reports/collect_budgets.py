"""Collect finished runs of our own recipes into `budgets.csv`, and draw accuracy over minutes.

    python reports/collect_budgets.py RUN...

takes run directories, as `fer-keras run` prints them, with any number of epochs and any seed, and
puts each in the place of the record's former run of the same three.
"""

import itertools
import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.run import load_run
from fer_keras.evaluation.predictions import CLEAN
from fer_keras.reporting.tables import AUGMENTED, result_table
from fer_keras.utils.files import whole_file, write_text

REPORTS = Path(__file__).parent
RECORD = REPORTS / "budgets.csv"
FIGURE = REPORTS / "budgets.png"
KEY = ["recipe", "epochs", "seed"]
TEST = "PublicTest"
SETS = {
    "accuracy": TEST,
    "clean": CLEAN.format(TEST),
    "augmented": TEST + AUGMENTED,
}


def collect(directories):
    """Return the record of runs: a DataFrame, one row a run and test set."""
    tables = [pd.read_csv(RECORD, dtype={"cores": str})] if RECORD.is_file() else []
    for directory in map(Path, directories):
        run = load_run(directory)
        name = directory.name.rsplit("-", 1)[0]
        table = result_table({name: run}).rename(columns={"arm": "recipe"})
        table["arithmetic"] = run.environment["arithmetic"]
        table["git_commit"] = run.environment["git commit"]
        tables.append(table)
    record = pd.concat(tables, ignore_index=True).drop_duplicates([*KEY, "split"], keep="last")
    return record.sort_values(KEY, kind="stable", ignore_index=True)


def budgets(record):
    """Return a row for each recipe and number of epochs, medians over seeds, quickest first.

    Returns:
        A DataFrame with the columns `recipe`, `epochs`, `seeds`, `minutes`, `low` and `high` (the
        range of accuracies on PublicTest), and a column for each of `SETS`, NaN where unmeasured.
    """
    rows = []
    for (recipe, epochs), runs in record.groupby(["recipe", "epochs"]):
        plain = runs[runs["split"] == TEST]
        medians = {
            name: runs.loc[runs["split"] == split, "accuracy"].median()
            for name, split in SETS.items()
        }
        row = {"recipe": recipe, "epochs": epochs, "seeds": len(plain)}
        row |= {"minutes": plain["minutes"].median(), **medians}
        rows.append(row | {"low": plain["accuracy"].min(), "high": plain["accuracy"].max()})
    return pd.DataFrame(rows).sort_values("minutes", ignore_index=True)


def draw(record, studies):
    """Return the figure of accuracy on PublicTest over minutes of training.

    Args:
        record: what `collect` returned; runs on other labels than FER2013's are left out.
        studies: the record of the five studies, of which those with all classes are drawn.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    own = [name for name in record["recipe"] if RECIPES[name].recipe.labels == "own"]
    record = record[record["recipe"].isin(own)]
    for recipe, rows in budgets(record).groupby("recipe"):
        axes.plot(rows["minutes"], rows["accuracy"], "-", label=recipe)
        color = axes.lines[-1].get_color()
        runs = record[(record["recipe"] == recipe) & (record["split"] == TEST)]
        axes.plot(runs["minutes"], runs["accuracy"], "o", color=color, markersize=4)
    shown = [name for name, named in RECIPES.items() if len(named.recipe.classes) == 7]
    rows = studies[(studies["split"] == TEST) & studies["recipe"].isin(shown)]
    # Labels stand right and left in turn, for some points lie close together.
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
    axes.set_xscale("log")
    ticks = [1, 2, 5, 10, 20, 60]
    axes.set_xticks(ticks, ticks)
    axes.set_xticks([], minor=True)
    axes.set(xlabel="minutes of training on two cores", ylabel="accuracy on PublicTest")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    collected = collect(sys.argv[1:])
    write_text(RECORD, collected.to_csv(index=False))
    with whole_file(FIGURE) as part:
        draw(collected, pd.read_csv(REPORTS / "studies.csv")).savefig(part, dpi=130)
