"""The figure of accuracy on corrupted faces."""

from matplotlib.ticker import MaxNLocator

from fer_keras.reporting.figures import looks, wrapped_panels

PER_ROW = 5
"""Corruptions beside each other."""


def robustness_curves(table):
    """Draw accuracy by the strength of each corruption.

    Args:
        table: what `comparison.robustness.accuracy_by_step` returned.

    Returns:
        A `Figure` with a panel for each corruption and a line for each arm, from the images
        themselves, 0, to the greatest strength, 3.
    """
    arms = [name for name in table.columns if name not in ("corruption", "step")]
    corruptions = table["corruption"].unique()
    figure, panels = wrapped_panels(len(corruptions), 2.0, 1.9, PER_ROW)
    top = min(1, 1.05 * table[arms].to_numpy().max())
    words = {arm: [] for arm in arms}
    for place, (panel, corruption) in enumerate(zip(panels, corruptions)):
        own = table[table["corruption"] == corruption]
        for arm, look in looks(arms).items():
            panel.plot(own["step"], own[arm], markersize=4, linewidth=1.2, label=arm, **look)
            words[arm].append(f"{corruption} {own[arm].iloc[-1]:.2f}")
        panel.set_title(corruption, fontsize=9)
        panel.set_ylabel("accuracy" if place % PER_ROW == 0 else "", fontsize=8)
        panel.set(ylim=(0, top), xticks=range(4))
        panel.yaxis.set_major_locator(MaxNLocator(4))
        panel.grid(alpha=0.3)
        panel.tick_params(labelsize=8)
    figure.supxlabel("strength of the corruption (0: none)", fontsize=9)
    entries = panels[0].get_legend_handles_labels()
    figure.legend(*entries, fontsize=8, frameon=False, ncols=2, loc="outside upper center")
    before = table[table["step"] == 0].iloc[0]
    said = (f"{arm}: {before[arm]:.2f} uncorrupted; {', '.join(words[arm])}" for arm in arms)
    figure.set_label(
        f"Accuracy by strength of each corruption; at the greatest strength: {'; '.join(said)}."
    )
    return figure
