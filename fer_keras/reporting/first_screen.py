"""A report's first screen: question, verdict, figure, data and cost."""

import pandas as pd

from fer_keras.reporting.answer_figure import draw_answer
from fer_keras.reporting.difference_tables import OVER_SEEDS, margin_text
from fer_keras.reporting.narrative import (
    NO_EFFECTS,
    effect_values,
    time_values,
    verdict_values,
)
from fer_keras.reporting.render import render_html
from fer_keras.reporting.saving import svg_of
from fer_keras.reporting.score_tables import headline_rows, tested_images
from fer_keras.utils.machine import machines_of

MOST_NAMES = 3
"""Most arms or parts that a sentence lists one by one."""


def first_screen(comparison, results, differences, effects=None):
    """Return a report's first screen as HTML.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        differences: what `difference_tables.difference_table` returned of it.
        effects: what `effect_tables.grid_effects` returned of a grid.
    """
    figure = draw_answer(comparison, differences, effects)
    return render_html(
        "first_screen.html.j2",
        question=question(comparison),
        verdict=verdict(comparison, results, differences, effects),
        figure=figure and svg_of(figure, "answer"),
        words=figure and figure.get_label(),
        is_of_effects=effects is not None,
        is_over_seeds=differences["how"].isin(OVER_SEEDS).any() if len(differences) else False,
        margin=margin_text(comparison.margin),
        data=data_facts(comparison, results),
        costs=cost_facts(comparison, results),
        drawn=comparison.drawn,
        num_errors=len(comparison.errors),
    )


def question(comparison):
    """Return what a comparison asks, as a title.

    Args:
        comparison: the `Comparison`.
    """
    asked = (comparison.design or {}).get("question", comparison.name)
    if asked != comparison.name:
        return asked
    arms = [*comparison.arms]
    if len(arms) == 1:
        return f"How good is {arms[0]}?"
    if comparison.factors:
        return f"What do {' and '.join(comparison.factors)} do?"
    return " against ".join(arms) if len(arms) <= MOST_NAMES else f"{len(arms)} arms compared"


def verdict(comparison, results, differences, effects=None):
    """Return what is found, the conclusion in short, as HTML.

    Args:
        comparison: the `Comparison`.
        results: as for `first_screen`.
        differences: as for `first_screen`.
        effects: as for `first_screen`.
    """
    values = verdict_values(comparison, results, differences)
    if effects:
        values |= effect_values(comparison, effects)
    values["time"] = time_values(comparison, results) if comparison.minutes else None
    values |= {"is_grid": comparison.is_grid, "no_effects": NO_EFFECTS}
    return render_html("verdict.html.j2", is_of_effects=bool(effects), **values)


def data_facts(comparison, results):
    """Return the data and its size, as texts.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
    """
    names = dict.fromkeys(source.data_name for source in comparison.sources.values())
    counts = _counts_of_training(comparison)
    learnt = f"{' or '.join(f'{count:,}' for count in counts)} training images" if counts else ""
    tested = tested_images(results).items()
    tests = " and ".join(f"{count} test images ({split})" for split, count in tested)
    seeds, most = len(comparison.seeds), "up to " if comparison.errors else ""
    runs = f"{len(comparison.arms)} arm{'s' * (len(comparison.arms) > 1)} × {most}{seeds} seed"
    faces = "drawn faces" if comparison.drawn else ", ".join(names)
    return [faces, learnt, tests, runs + "s" * (seeds > 1)]


def _counts_of_training(comparison):
    faces = (comparison.design or {}).get("data", {}).values()
    counts = dict.fromkeys(each["train"] for each in faces)
    return list(counts) if len(counts) <= MOST_NAMES else [min(counts), max(counts)]


def cost_facts(comparison, results):
    """Return facts on the cost: pairs of a number and its meaning.

    Times from different machines cannot be compared; then only their sum is given.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
    """
    runs = headline_rows(results)
    mean = runs.groupby("arm", sort=False)[["minutes", "images_per_second"]].mean()
    total = _minutes_spent(comparison)
    machines = dict.fromkeys(machines_of(runs))
    place = "; ".join(machines)
    count = f"all {len(runs)} runs" if len(runs) > 2 else ("one run", "both runs")[len(runs) - 1]
    whole = _duration(total), f"training of {count}, with validation, on {place}"
    if len(machines) > 1:
        return [whole]
    speeds, whose_speeds = _by_arm(mean["images_per_second"], "{:,.0f}".format)
    minutes, whose = _by_arm(mean["minutes"], _duration)
    return [
        whole,
        (minutes, f"a run{whose}"),
        (speeds, f"training images a second{whose_speeds}"),
    ]


def _minutes_spent(comparison):
    """Return the minutes of training. Epochs that two runs share count once."""
    histories = [
        run.history.assign(recipe=repr(run.recipe.changed(epochs=1))) for run in comparison.all_runs
    ]
    return pd.concat(histories).drop_duplicates()["seconds"].sum() / 60


def _by_arm(values, form):
    """Return each arm's value, or the least and the greatest of many, and whose they are."""
    texts = values.map(form)
    if texts.nunique() == 1:
        return texts.iloc[0], ""
    if len(values) <= MOST_NAMES:
        return _listed([*texts]), f": {_listed([*values.index])}"
    ends = [values.idxmin(), values.idxmax()]
    return " to ".join(texts[ends]), f": from {ends[0]} to {ends[1]}"


def _listed(texts):
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def _duration(minutes):
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.1f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
