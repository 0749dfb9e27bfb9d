"""What a report answers first: the question, the verdict, one figure, the data and the cost."""

import numpy as np
import pandas as pd

from fer_keras.evaluation.differences import PRIMARY, How
from fer_keras.reporting.difference_tables import OVER_SEEDS, points
from fer_keras.reporting.figures import COLOURS, listed, panel_grid
from fer_keras.reporting.narrative import effect_values, verdict_values
from fer_keras.reporting.render import render_html
from fer_keras.reporting.saving import svg_of, with_words
from fer_keras.reporting.score_tables import headline_rows

MOST_NAMES = 3
"""Most arms or parts that a sentence lists one by one."""


def first_screen(comparison, results, differences, effects=None):
    """Return a report's first screen as HTML, which stands without the report's style, too.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        differences: what `difference_tables.difference_table` returned of it.
        effects: runs, factors and table of effects, where the comparison crosses factors.
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
        margin=points(comparison.margin, ""),
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
    """Return what is found, as HTML: the sentences of the conclusion in short.

    Args:
        comparison: the `Comparison`.
        results: as for `first_screen`.
        differences: as for `first_screen`.
        effects: as for `first_screen`.
    """
    values = verdict_values(comparison, results, differences)
    if effects:
        values |= effect_values(comparison, *effects)
    return render_html("verdict.html.j2", is_of_effects=bool(effects), **values)


def draw_answer(comparison, differences, effects=None):
    """Draw the differences, or effects, in accuracy with intervals and the margin of equality.

    Args:
        comparison: the `Comparison`.
        differences: as for `first_screen`.
        effects: as for `first_screen`; drawn in the place of differences.

    Returns:
        A `Figure`, one row an arm or effect: a diamond with its 95 % interval, and a dot for each
        seed, its accuracy minus the reference's mean. None where nothing is compared.
    """
    rows = _effect_rows(effects) if effects else _difference_rows(comparison, differences)
    if not rows:
        return None
    figure, [[panel]] = panel_grid(1, 1, 5.6, min(0.62 * len(rows) + 0.75, 6))
    margin = 100 * comparison.margin
    band = panel.axvspan(-margin, margin, color="#e3e6ea", zorder=0)
    with_words(band, f"Margin of equality: ±{points(comparison.margin, '')}")
    panel.axvline(0, color="0.45", linewidth=1, zorder=1)
    for place, row in enumerate(rows):
        _draw_row(panel, place, row)
    panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
    panel.set(ylim=(len(rows) - 0.5, -0.6), xlabel="points of accuracy")
    panel.margins(x=0.08)
    words = listed((row["name"] for row in rows), (row["words"] for row in rows))
    figure.set_label(
        f"Differences in accuracy with 95 % intervals; the shaded margin is "
        f"±{points(comparison.margin, '')}. {words}."
    )
    return figure


def _draw_row(panel, place, row):
    for seed, value in row["seeds"].items():
        look = {"color": "0.35", "markersize": 4, "markerfacecolor": "none"}
        (dot,) = panel.plot(100 * value, place + 0.24, "o", **look)
        with_words(dot, f"{row['name']}, seed {seed}: {100 * value:+.1f} points")
    ends = 100 * np.array([row["low"], row["high"]])
    if np.isfinite(ends).all():
        panel.plot(ends, [place, place], "-", color=COLOURS[0], linewidth=2.5)
    if np.isfinite(row["difference"]):
        look = {"color": COLOURS[0], "markersize": 8}
        (diamond,) = panel.plot(100 * row["difference"], place, "D", **look)
        with_words(diamond, f"{row['name']}: {row['words']}")


def _difference_rows(comparison, differences):
    found = differences.query("score == @PRIMARY and `test images` == 'all'")
    found = found[found["difference"].notna()].to_dict("records")
    if not found:
        return []
    reference = {"name": f"{found[0]['reference']} (reference)", "difference": np.nan}
    reference |= {"low": np.nan, "high": np.nan, "words": "the mean of its seeds is 0"}
    reference["seeds"] = _seeds(comparison, found[0], found[0]["reference"])
    rows = [
        {**row, "name": row["arm"], "words": _in_words(row)}
        | {"seeds": _seeds(comparison, row, row["arm"])}
        for row in found
    ]
    return [reference, *rows] if reference["seeds"] else rows


def _effect_rows(effects):
    found = effects[2].query("score == @PRIMARY").to_dict("records")
    return [
        {**row, "seeds": {}, "words": _in_words(row)}
        | {"name": f"{row['effect']}\n{row['change']}".removesuffix("\n")}
        for row in found
    ]


def _seeds(comparison, row, arm):
    """Return each seed's accuracy minus the reference's mean, where all saw the same images."""
    runs = comparison.runs[arm]
    counts = {len(run.predictions.ids) for run in runs.values()}
    if row["how"] != How.OVER_SEEDS or counts != {row["images"]}:
        return {}
    return {
        seed: np.mean(run.predictions.y_pred == run.predictions.y_true) - row["first"]
        for seed, run in runs.items()
    }


def _in_words(row):
    interval = f", interval {100 * row['low']:+.1f} to {100 * row['high']:+.1f}"
    return f"{100 * row['difference']:+.1f} points" + interval * bool(pd.notna(row["low"]))


def data_facts(comparison, results):
    """Return the data and its size, as texts.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
    """
    names = dict.fromkeys(
        getattr(source.data, "name", "a data set in memory")
        for source in comparison.sources.values()
    )
    tested = headline_rows(results).groupby("split", sort=False)["images"].first()
    counts = _counts_of_training(comparison)
    learnt = f"{' or '.join(f'{count:,}' for count in counts)} training images" if counts else ""
    tests = " and ".join(f"{count:,.0f} test images ({split})" for split, count in tested.items())
    seeds = len(comparison.seeds)
    runs = f"{len(comparison.arms)} arm{'s' * (len(comparison.arms) > 1)} × {seeds} seed"
    faces = "drawn faces" if comparison.drawn else ", ".join(names)
    return [faces, learnt, tests, runs + "s" * (seeds > 1)]


def _counts_of_training(comparison):
    faces = (comparison.design or {}).get("data", {}).values()
    counts = dict.fromkeys(each["train"] for each in faces)
    return list(counts) if len(counts) <= MOST_NAMES else [min(counts), max(counts)]


def cost_facts(comparison, results):
    """Return three facts on what the comparison cost: pairs of a number and its meaning.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
    """
    runs = headline_rows(results)
    mean = runs.groupby("arm", sort=False)[["minutes", "images_per_second"]].mean()
    total = runs["minutes"].sum()
    machines = runs[["processor", "cores"]].astype(str).drop_duplicates()
    place = "; ".join(f"{name}, {cores} cores" for name, cores in machines.to_numpy())
    speeds, whose_speeds = _by_arm(mean["images_per_second"], "{:,.0f}".format)
    minutes, whose = _by_arm(mean["minutes"], _duration)
    return [
        (_duration(total), f"training of all {len(runs)} runs, with validation, on {place}"),
        (minutes, f"a run{whose}"),
        (speeds, f"training images a second{whose_speeds}"),
    ]


def _by_arm(values, form):
    """Return each arm's value, or the least and the greatest of many, and whose they are."""
    texts = values.map(form)
    if texts.nunique() == 1:
        return texts.iloc[0], ""
    if len(values) < MOST_NAMES:
        return " and ".join(texts), f": {' and '.join(texts.index)}"
    ends = [values.idxmin(), values.idxmax()]
    return " to ".join(texts[ends]), f": from {ends[0]} to {ends[1]}"


def _duration(minutes):
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.1f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
