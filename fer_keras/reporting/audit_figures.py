"""The figures of an audit, all but its galleries."""

import numpy as np
import pandas as pd
import seaborn as sns

from fer_keras.data.near_copies import MAX_BITS, WORTH_CROPPING
from fer_keras.reporting import figures as plots
from fer_keras.reporting.audit_tables import CAPTIONS


def all_figures(found, tables):
    """Draw every figure of an audit but the galleries.

    Args:
        found: an `Audit`.
        tables: its tables, from `audit_tables.all_tables`.

    Returns:
        A dict from a name to a `Figure`; what was not found or not examined has none.
    """
    counts = tables["class_balance"].set_index("class")[found.splits]
    figures = {"class_balance": plots.class_balance(counts, "Images of each class")}
    for name, copies in (("exact_copies", found.exact), ("near_copies", found.near)):
        if copies.to_numpy().any():
            figures[name] = _copies(tables[f"{name}_by_class"], CAPTIONS[name].rstrip("."))
    if len(found.nearest) > 1:
        figures["nearest_hashes"] = _nearest_hashes(found.nearest)
    if len(found.candidates):
        figures["correlations"] = _correlations(found)
    if found.forms is not None and len(found.forms):
        figures["csv_against_folder"] = _distances(found.forms["distance"])
    if found.ferplus is not None:
        figures["ferplus"] = _ferplus(tables["ferplus"], found.ferplus["share"])
    return figures


def _copies(table, title):
    """Draw the share of each class's images that have a copy, a panel a split."""
    height = 0.36 * table["class"].nunique() + 0.9
    figure, panels = plots.panel_grid(1, table["split"].nunique(), 3.6, height)
    words = []
    for panel, (split, part) in zip(panels.flat, table.groupby("split", observed=True)):
        shares = pd.DataFrame({"class": part["class"]})
        for where in ("another split", "the same split"):
            shares[f"in {where}"] = part[f"copy in {where}"] / part["images"]
            listed = plots.listed(shares["class"], shares[f"in {where}"], ".1%")
            words.append(f"{split}, copy in {where}: {listed}")
        shares.plot.barh("class", ax=panel, width=0.76, color=plots.COLOURS[:2], legend=False)
        for bars in panel.containers:
            panel.bar_label(bars, fmt="{:.1%}", padding=2, fontsize=7)
        panel.set(title=split, xticks=[], ylabel="")
        panel.margins(x=0.18)
        panel.invert_yaxis()
        sns.despine(ax=panel, bottom=True)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, frameon=False, fontsize=9, loc="outside lower center")
    figure.suptitle(title, fontsize=11)
    figure.set_label(f"{title}: bar charts. {'; '.join(words)}.")
    return figure


def _nearest_hashes(nearest):
    """Draw how near the nearest other image is, and the nearest mirror image of another."""
    figure, [[panel]] = plots.panel_grid(1, 1, 6.0, 3.2)
    bits = np.arange(0, nearest["as they are"].max() + 2, 2)
    names = ["to the nearest other image", "to the nearest mirror image of another"]
    counts = [nearest["as they are"], nearest["mirrored"]]
    panel.hist(counts, np.append(bits, bits[-1] + 2) - 1, color=plots.COLOURS[:2], label=names)
    words = [
        f"{name}: {(values <= MAX_BITS).sum():,} of {len(values):,} images within {MAX_BITS}"
        for name, values in zip(names, counts)
    ]
    panel.margins(y=0.25)
    panel.axvline(MAX_BITS + 1, color="0.3", linestyle=":")
    panel.text(MAX_BITS + 0.7, panel.get_ylim()[1], "candidates", ha="right", va="top", color="0.3")
    label = "bits of 64 in which the perceptual hashes differ"
    panel.set(xlabel=label, ylabel="images", xticks=bits)
    panel.legend(frameon=False, fontsize=9)
    sns.despine(ax=panel)
    figure.set_label(f"Histogram of bits of 64 that differ {'; '.join(words)}.")
    return figure


def _correlations(found):
    """Draw how well the candidates' details correlate, with the threshold of near copies."""
    figure, [[panel]] = plots.panel_grid(1, 1, 6.0, 3.2)
    is_mirrored, bins = found.candidates["kind"] == "mirrored", np.linspace(WORTH_CROPPING, 1, 51)
    values = [found.candidates["correlation"][mask] for mask in (~is_mirrored, is_mirrored)]
    look = {"histtype": "step", "linewidth": 1.8, "color": plots.COLOURS[:2]}
    panel.hist(values, bins, label=["as they are", "one of them mirrored"], **look)
    panel.axvline(found.min_correlation, color="0.3", linestyle=":")
    panel.set(xlabel="correlation of the details", ylabel="pairs", yscale="log")
    panel.yaxis.set_major_formatter("{x:,g}")
    panel.legend(frameon=False, fontsize=9, loc="lower left")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the correlation of {len(found.candidates):,} pairs of candidates, on a "
        f"logarithmic scale, from {WORTH_CROPPING:g} up; {len(found.near_pairs):,} lie at "
        f"{found.min_correlation:g} or above, and are near copies."
    )
    return figure


def _distances(distances):
    """Draw how far the two storage forms' images lie apart."""
    figure, [[panel]] = plots.panel_grid(1, 1, 6.0, 2.8)
    panel.hist(distances, 60, color=plots.COLOURS[0])
    panel.set(xlabel="rms distance of a pair, in grey levels", ylabel="pairs", yscale="log")
    panel.yaxis.set_major_formatter("{x:,g}")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the distance of {len(distances):,} pairs: {distances.min():.2f} to "
        f"{distances.max():.2f} grey levels rms, median {distances.median():.2f}."
    )
    return figure


def _ferplus(table, votes):
    """Draw where FER+ disagrees with FER2013, and the winner's share of the votes."""
    figure, [[left, right]] = plots.panel_grid(1, 2, 4.3, 3.2)
    bars = left.barh(table["class"], table["share"], color=plots.COLOURS[0])
    left.bar_label(bars, fmt="{:.0%}", padding=2, fontsize=8)
    left.invert_yaxis()
    left.set(xlim=(0, 1.1), xticks=[], title="FER+'s majority gives another label")
    right.hist(votes, np.arange(0.05, 1.1, 0.1), color=plots.COLOURS[0], rwidth=0.9)
    right.set(xlabel="the winner's share of the votes", ylabel="images")
    right.set(title="How far FER+'s annotators agree")
    sns.despine(ax=left, bottom=True)
    sns.despine(ax=right)
    figure.set_label(
        "Share of each class for which FER+'s majority gives another label: "
        f"{plots.listed(table['class'], table['share'], '.0%')}. Histogram of the winner's share "
        f"of the votes: half of the images have {votes.median():.0%} or less."
    )
    return figure
