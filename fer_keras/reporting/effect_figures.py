"""Figures of crossed factors: effects, interactions, variance."""

from itertools import combinations

import numpy as np

from fer_keras.evaluation.differences import RUN_SCORES
from fer_keras.reporting.effect_tables import with_short_changes
from fer_keras.reporting.figures import COLOURS, listed, looks, panel_grid, wrapped_panels
from fer_keras.reporting.score_tables import SCORE_NAMES


def effects(table):
    """Draw each effect with its interval, in points.

    Args:
        table: what `effect_tables.effect_table` returned.

    Returns:
        A `Figure` with a panel for each score and a row for each effect. A full dot marks an
        effect on accuracy that is shown after correction for their number.
    """
    table = with_short_changes(table)
    names = (table["effect"] + "\n" + table["change"]).str.strip().unique()[::-1]
    figure, panels = panel_grid(1, len(RUN_SCORES), 5.2, 0.55 * len(names) + 1.1)
    words = []
    for panel, score, colour in zip(panels.flat, RUN_SCORES, COLOURS):
        own = table[table["score"] == score].iloc[::-1]
        points, low, high = (100 * own[name].to_numpy() for name in ("difference", "low", "high"))
        places = np.arange(len(own))
        reach = np.nan_to_num(np.abs([low - points, high - points]))
        look = {"color": colour, "capsize": 3, "markersize": 5, "markerfacecolor": "white"}
        panel.errorbar(points, places, xerr=reach, fmt="o", **look)
        is_shown = own["is_shown"].to_numpy(bool)
        panel.plot(points[is_shown], places[is_shown], "o", color=colour, markersize=5)
        panel.axvline(0, color="0.4", linewidth=1)
        panel.set(ylim=(-0.6, len(places) - 0.4))
        panel.grid(axis="x", alpha=0.3)
        words += [
            f"{SCORE_NAMES[score]}, {row.effect}{f' ({row.change})' if row.change else ''}: "
            f"{100 * row.difference:+.1f}" + ", shown" * bool(row.is_shown)
            for row in own.iloc[::-1].itertuples()
        ]
    _name_rows(panels, names, "points")
    figure.set_label(f"Effects, each with its 95 % interval, in points. {'; '.join(words)}.")
    return figure


def interactions(runs, factors, score):
    """Draw how each factor's levels score at the levels of each other one.

    Args:
        runs: what `effect_tables.balanced_runs` returned.
        factors: list of its columns that are factors, two or more.
        score: column to draw.

    Returns:
        A `Figure` with a panel for each pair of factors; lines join means, dots are the runs.
    """
    pairs = list(combinations(factors, 2))
    figure, panels = wrapped_panels(len(pairs), 3.9, 3.4)
    words = []
    for panel, (first, second) in zip(panels, pairs):
        ticks = runs[first].unique().tolist()
        for level, look in looks(runs[second].unique()).items():
            own = runs[runs[second] == level]
            means = own.groupby(first)[score].mean()[ticks]
            panel.plot(range(len(ticks)), means, label=str(level), **look)
            places = own[first].map(ticks.index)
            panel.scatter(places, own[score], color=look["color"], s=9, alpha=0.45, zorder=1)
            found = listed(means.index, means, ".3f")
            words.append(f"{second} {level}, by {first}: {found}")
        panel.set_xticks(range(len(ticks)), map(str, ticks), fontsize=8)
        panel.set(xlabel=first, xlim=(-0.4, len(ticks) - 0.6), ylabel=SCORE_NAMES[score])
        panel.legend(title=second, fontsize=8, title_fontsize=8, frameon=False)
        panel.grid(axis="y", alpha=0.3)
        panel.sharey(panels[0])
    figure.set_label(f"Mean {SCORE_NAMES[score]} over seeds. {'; '.join(words)}.")
    return figure


def shares(table):
    """Draw what share of the variation each source explains.

    Args:
        table: what `effect_tables.share_table` returned.

    Returns:
        A `Figure` with a panel for each score; bars are shares, strokes the shares corrected for
        chance, ω².
    """
    names = table["source"].unique()[::-1]
    figure, panels = panel_grid(1, len(RUN_SCORES), 4.6, 0.36 * len(names) + 1.0)
    places = np.arange(len(names))
    words = []
    for panel, score, colour in zip(panels.flat, RUN_SCORES, COLOURS):
        own = table[table["score"] == score].set_index("source").loc[names]
        values, omega = 100 * own["share"].fillna(0), 100 * own["omega_squared"]
        panel.barh(places, values, color=colour, alpha=0.85)
        panel.plot(omega, places, "|", color="0.15", markersize=13)
        for place, value in zip(places, values):
            panel.text(value + 2, place, f"{value:.0f} %", va="center", fontsize=8)
        panel.margins(x=0.15)
        found = values[::-1].items()
        words += [f"{SCORE_NAMES[score]}, {name}: {value:.0f} %" for name, value in found]
    _name_rows(panels, names, "% of the variation")
    above = "Shares of the variation among runs; a stroke marks the share corrected for chance."
    figure.set_label(f"{above} {'; '.join(words)}.")
    return figure


def _name_rows(panels, names, xlabel):
    for panel, score in zip(panels.flat, RUN_SCORES):
        panel.set_yticks(range(len(names)), names, fontsize=8)
        panel.set(title=SCORE_NAMES[score], xlabel=xlabel)
