"""The figure of a report's first screen: differences in accuracy."""

import numpy as np
import pandas as pd

from fer_keras.evaluation.differences import PRIMARY, How
from fer_keras.reporting.difference_tables import margin_text
from fer_keras.reporting.figures import COLOURS, listed, panel_grid
from fer_keras.reporting.saving import with_words


def draw_answer(comparison, differences, effects=None):
    """Draw the differences or effects in accuracy, and the margin.

    Args:
        comparison: the `Comparison`.
        differences: what `difference_tables.difference_table` returned of it.
        effects: what `effect_tables.grid_effects` returned of a grid, whose arms are not drawn.

    Returns:
        A `Figure`, one row an arm or effect: a diamond with its 95 % interval, and a dot for each
        seed, its accuracy minus the reference's mean. Of interactions, those that are shown. None
        where nothing is compared.
    """
    if comparison.is_grid:
        rows = _effect_rows(effects) if effects else []
    else:
        rows = _difference_rows(comparison, differences)
    if not rows:
        return None
    figure, [[panel]] = panel_grid(1, 1, 5.6, min(0.62 * len(rows) + 0.75, 6))
    margin = 100 * comparison.margin
    band = panel.axvspan(-margin, margin, color="#e3e6ea", zorder=0)
    with_words(band, f"Margin of equality: ±{margin_text(comparison.margin)}")
    panel.axvline(0, color="0.45", linewidth=1, zorder=1)
    for place, row in enumerate(rows):
        _draw_row(panel, place, row)
    panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
    panel.set(ylim=(len(rows) - 0.5, -0.6), xlabel="points of accuracy")
    panel.margins(x=0.08)
    words = listed((row["name"] for row in rows), (row["words"] for row in rows))
    figure.set_label(
        f"Differences in accuracy with 95 % intervals; the shaded margin is "
        f"±{margin_text(comparison.margin)}. {words}."
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
    is_first = (differences["score"] == PRIMARY) & (differences["test images"] == "all")
    found = differences[is_first & differences["difference"].notna()].to_dict("records")
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
    rows = []
    for row in effects.primary.to_dict("records"):
        if row["order"] == 1 or row["is_shown"]:
            name = f"{row['effect']}\n{row['change']}".strip()
            rows.append({**row, "seeds": {}, "words": _in_words(row), "name": name})
    return rows


def _seeds(comparison, row, arm):
    """Return each seed's accuracy minus the reference's mean, where all saw the same images."""
    runs = comparison.runs[arm]
    counts = {len(run.predictions.ids) for run in runs.values()}
    if row["how"] != How.OVER_SEEDS or counts != {row["images"]}:
        return {}
    return {seed: np.mean(run.predictions.is_right) - row["first"] for seed, run in runs.items()}


def _in_words(row):
    interval = f", interval {100 * row['low']:+.1f} to {100 * row['high']:+.1f}"
    return f"{100 * row['difference']:+.1f} points" + interval * bool(pd.notna(row["low"]))
