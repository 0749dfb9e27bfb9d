"""The figure of two rankings: by labels and by people."""

import numpy as np

from fer_keras.evaluation.judges import PERSON
from fer_keras.reporting.figures import listed, looks, panel_grid
from fer_keras.reporting.judge_tables import TITLES

SPREAD = 0.1
"""Width over which the arms' intervals stand side by side, between places 1 apart."""


def rankings(table):
    """Draw how labels rank the arms, and how people do.

    Args:
        table: what `judge_tables.judge_table` returned.

    Returns:
        A `Figure` of two panels, accuracy by label on the left side of each, and by plurality or
        vote share on the right: a line for each arm, with 95 % intervals. Dashes mark one of the
        ten people.
    """
    figure, panels = panel_grid(1, 2, 3.7, 3.8)
    panels.flat[1].sharey(panels.flat[0])
    arms, people = table[table["is_arm"]], table.set_index("who")
    shifts = np.linspace(-SPREAD, SPREAD, len(arms)) if len(arms) > 1 else [0]
    for panel, other in zip(panels.flat, ("plurality", "vote_share")):
        sides = ["label", other]
        for row, shift, look in zip(
            arms.to_dict("records"), shifts, looks(arms["who"]).values(), strict=True
        ):
            scores = np.array([row[side] for side in sides])
            ends = np.array([[row[f"{side}_{end}"] for side in sides] for end in ("low", "high")])
            reach = np.nan_to_num(np.abs(ends - scores))
            bars = {"yerr": reach, "capsize": 3, "markersize": 5, "label": row["who"]}
            panel.errorbar(np.array([0, 1]) + shift, scores, **bars, **look)
        for place, side in enumerate(sides):
            level = [people.loc[PERSON, side]] * 2
            label = PERSON if place else None
            panel.plot([place - 0.3, place + 0.3], level, "--", color="0.45", label=label)
        panel.set_xticks([0, 1], [TITLES[side] for side in sides])
        panel.set(xlim=(-0.45, 1.45), ylabel="score")
        panel.grid(axis="y", alpha=0.3)
    entries = panels.flat[0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside lower center", fontsize=8, frameon=False, ncols=2)
    words = (f"{title}: {listed(arms['who'], arms[name], '.3f')}" for name, title in TITLES.items())
    figure.set_label(
        f"The arms by label, by people's plurality and by vote share. {'; '.join(words)}."
    )
    return figure
