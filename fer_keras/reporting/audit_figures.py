"""The figures of an audit, all but its galleries.

Each function takes an `audit_report.Audit` and returns a dict from a name to a matplotlib `Figure`
whose label is its alternative text; what was not found, or not there to examine, has no figure.
"""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_keras.audit.near_copies import MAX_BITS, WORTH_CROPPING
from fer_keras.reporting import figures as plots
from fer_keras.reporting.audit_tables import class_balance, copies_by_class, ferplus_by_class


def balance(found):
    """Draw how many images of each class each split has."""
    counts = class_balance(found).set_index("class")[found.splits]
    return {"class_balance": plots.class_balance(counts, "Images of each class")}


def copies(found, name, title):
    """Draw the share of each class's images that have a copy; `name` is `exact` or `near`."""
    table = copies_by_class(found, getattr(found, name))
    if not table[["copy in the same split", "copy in another split"]].to_numpy().any():
        return {}
    columns = {"another split": "copy in another split", "the same split": "copy in the same split"}
    figure = Figure(figsize=(3.6 * len(found.splits) + 0.6, 3.0), layout="constrained")
    panels = figure.subplots(1, len(found.splits), squeeze=False, sharex=True, sharey=True).ravel()
    words = []
    for panel, split in zip(panels, found.splits, strict=True):
        part = table[table["split"] == split]
        places = np.arange(len(part))
        for offset, (label, column) in zip((-0.19, 0.19), columns.items(), strict=True):
            shares = part[column] / part["images"]
            colour = plots.COLOURS[int(offset > 0)]
            bars = panel.barh(places + offset, shares, 0.38, color=colour, label=f"in {label}")
            panel.bar_label(bars, [f"{share:.1%}" for share in shares], padding=2, fontsize=7)
            named = zip(part["class"], shares, strict=True)
            words.append(
                f"{split}, copy in {label}: "
                + ", ".join(f"{word} {share:.1%}" for word, share in named)
            )
        panel.set_yticks(places, part["class"])
        panel.set(title=split, xticks=[])
        panel.margins(x=0.18)
        sns.despine(ax=panel, bottom=True)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, frameon=False, fontsize=9, loc="outside lower center")
    figure.suptitle(title, fontsize=11)
    figure.set_label(f"{title}: bar charts. {'; '.join(words)}.")
    return {f"{name}_copies": figure}


def nearest_hashes(found):
    """Draw how near each image's nearest neighbour is, against mirror images of strangers."""
    candidates = found.candidates
    if len(candidates.nearest) < 2:
        return {}
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    panel = figure.subplots()
    bits = np.arange(0, candidates.nearest.max() + 2, 2)
    words = []
    sides = {
        "to the nearest other image": candidates.nearest,
        "to the nearest mirror image of another": candidates.nearest_mirrored,
    }
    for (name, values), colour, shift in zip(sides.items(), plots.COLOURS, (-0.4, 0.4)):
        counts = np.array([(values == distance).sum() for distance in bits])
        panel.bar(bits + shift, counts, 0.8, color=colour, label=name)
        words.append(
            f"{name}: {(values <= MAX_BITS).sum():,} of {len(values):,} images within {MAX_BITS}"
        )
    panel.margins(y=0.25)
    panel.axvline(MAX_BITS + 1, color="0.3", linestyle=":")
    panel.text(MAX_BITS + 0.7, panel.get_ylim()[1], "candidates", ha="right", va="top", color="0.3")
    panel.set(xlabel="bits of 64 in which the perceptual hashes differ", ylabel="images")
    panel.set_xticks(bits)
    panel.legend(frameon=False, fontsize=9)
    sns.despine(ax=panel)
    figure.set_label(f"Histogram of bits of 64 that differ {'; '.join(words)}.")
    return {"nearest_hashes": figure}


def correlations(found):
    """Draw how well the candidates' details correlate, with the threshold of near copies."""
    candidates = found.candidates
    if not len(candidates):
        return {}
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    panel = figure.subplots()
    edges = np.linspace(WORTH_CROPPING, 1, 51)
    is_mirrored = candidates.kinds == "mirrored"
    for name, mask, colour in (
        ("as they are", ~is_mirrored, plots.COLOURS[0]),
        ("one of them mirrored", is_mirrored, plots.COLOURS[1]),
    ):
        values = np.minimum(candidates.correlations[mask], 1)
        panel.hist(values, edges, histtype="step", linewidth=1.8, color=colour, label=name)
    panel.axvline(found.min_correlation, color="0.3", linestyle=":")
    panel.set(xlabel="correlation of the details", ylabel="pairs", yscale="log")
    panel.legend(frameon=False, fontsize=9, loc="lower left")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the correlation of {len(candidates):,} pairs of candidates, on a "
        f"logarithmic scale, from {WORTH_CROPPING:g} up; {found.confirmed.sum():,} lie at "
        f"{found.min_correlation:g} or above, and are near copies."
    )
    return {"correlations": figure}


def forms(found):
    """Draw how far the two storage forms' images lie apart."""
    if found.forms is None or not len(found.forms):
        return {}
    distances = found.forms["distance"]
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    panel = figure.subplots()
    panel.hist(distances, 60, color=plots.COLOURS[0])
    panel.set(xlabel="rms distance of a pair, in grey levels", ylabel="pairs", yscale="log")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the distance of {len(distances):,} pairs: {distances.min():.2f} to "
        f"{distances.max():.2f} grey levels rms, {distances.median():.2f} in the middle."
    )
    return {"csv_against_folder": figure}


def ferplus(found):
    """Draw where FER+ disagrees with FER2013, and how far its annotators agree."""
    if found.ferplus is None:
        return {}
    table = ferplus_by_class(found)
    figure = Figure(figsize=(8.6, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    bars = left.barh(table["class"], table["share"], color=plots.COLOURS[0])
    left.bar_label(bars, [f"{share:.0%}" for share in table["share"]], padding=2, fontsize=8)
    left.invert_yaxis()
    left.set(xlim=(0, 1.1), xticks=[], title="FER+'s majority says otherwise")
    right.hist(
        found.ferplus["share"], np.arange(0.05, 1.1, 0.1), color=plots.COLOURS[0], rwidth=0.9
    )
    right.set(xlabel="the winner's share of the votes", ylabel="images")
    right.set(title="How far FER+'s annotators agree")
    for panel in (left, right):
        sns.despine(ax=panel, bottom=panel is left)
    shares = zip(table["class"], table["share"], strict=True)
    figure.set_label(
        "Share of each class for which FER+'s majority gives another label: "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares)
        + ". Histogram of the winner's share of the votes: half of the images have "
        f"{found.ferplus['share'].median():.0%} or less."
    )
    return {"ferplus": figure}
