"""The figures of an audit: functions from an `examine.Audit` to matplotlib Figures.

Each Figure's label is its alternative text.
"""

import numpy as np
import seaborn as sns

from fer_keras.audit.near_copies import MAX_BITS, WORTH_CROPPING
from fer_keras.reporting import figures as plots
from fer_keras.reporting.audit_tables import class_balance, copies, ferplus_by_class


def all_figures(found):
    """Draw every figure of an audit but the galleries.

    Args:
        found: an `Audit`.

    Returns:
        A dict from a name to a `Figure`; what was not found or not examined has none.
    """
    counts = class_balance(found).set_index("class")[found.splits]
    figures = {"class_balance": plots.class_balance(counts, "Images of each class")}
    if found.exact.to_numpy().any():
        figures["exact_copies"] = copies_by_class(found, "exact")
    if len(found.nearest) > 1:
        figures["nearest_hashes"] = nearest_hashes(found)
    if len(found.candidates):
        figures["correlations"] = correlations(found)
    if found.near.to_numpy().any():
        figures["near_copies"] = copies_by_class(found, "near")
    if found.forms is not None and len(found.forms):
        figures["csv_against_folder"] = distances(found)
    if found.ferplus is not None:
        figures["ferplus"] = ferplus(found)
    return figures


def copies_by_class(found, kind):
    """Draw the share of each class's images that have a copy.

    Args:
        found: an `Audit`.
        kind: `"exact"` or `"near"`.

    Returns:
        A `Figure`: one panel a split, copies in the same split and in another one.
    """
    table = copies(found, kind, ["split", "class"])
    height = 0.36 * len(found.faces.class_names) + 0.9
    figure, panels = plots.panel_grid(1, len(found.splits), 3.6, height)
    words = []
    for panel, split in zip(panels.flat, found.splits, strict=True):
        part = table[table["split"] == split]
        places = np.arange(len(part))
        for where, offset, colour in (
            ("another split", -0.19, plots.COLOURS[0]),
            ("the same split", 0.19, plots.COLOURS[1]),
        ):
            shares = part[f"copy in {where}"] / part["images"]
            bars = panel.barh(places + offset, shares, 0.38, color=colour, label=f"in {where}")
            texts = [f"{share:.1%}" for share in shares]
            panel.bar_label(bars, texts, padding=2, fontsize=7)
            named = zip(part["class"], texts, strict=True)
            words.append(f"{split}, copy in {where}: " + ", ".join(map(" ".join, named)))
        panel.set_yticks(places, part["class"])
        panel.set(title=split, xticks=[])
        panel.margins(x=0.18)
        panel.invert_yaxis()
        sns.despine(ax=panel, bottom=True)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, frameon=False, fontsize=9, loc="outside lower center")
    title = f"Images that have {'an exact' if kind == 'exact' else 'a near'} copy"
    figure.suptitle(title, fontsize=11)
    figure.set_label(f"{title}: bar charts. {'; '.join(words)}.")
    return figure


def nearest_hashes(found):
    """Draw how near each image's nearest neighbours are: other images and their mirror images.

    Args:
        found: an `Audit` of at least two images with content.

    Returns:
        A `Figure`: a histogram of the bits in which the hashes differ.
    """
    figure, panels = plots.panel_grid(1, 1, 7.2, 3.2)
    panel, words = panels[0, 0], []
    bits = np.arange(0, found.nearest["as they are"].max() + 2, 2)
    for column, name, colour, shift in (
        ("as they are", "to the nearest other image", plots.COLOURS[0], -0.4),
        ("mirrored", "to the nearest mirror image of another", plots.COLOURS[1], 0.4),
    ):
        values = found.nearest[column].to_numpy()
        counts = (values[:, None] == bits).sum(axis=0)
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
    return figure


def correlations(found):
    """Draw how well the candidates' details correlate, with the threshold of near copies.

    Args:
        found: an `Audit` with candidates.

    Returns:
        A `Figure`: a histogram of pairs, on a logarithmic scale.
    """
    figure, panels = plots.panel_grid(1, 1, 7.2, 3.2)
    panel, pairs = panels[0, 0], found.candidates
    is_mirrored = pairs["kind"] == "mirrored"
    panel.hist(
        [pairs["correlation"][~is_mirrored], pairs["correlation"][is_mirrored]],
        np.linspace(WORTH_CROPPING, 1, 51),
        histtype="step",
        linewidth=1.8,
        color=plots.COLOURS[:2],
        label=["as they are", "one of them mirrored"],
    )
    panel.axvline(found.min_correlation, color="0.3", linestyle=":")
    panel.set(xlabel="correlation of the details", ylabel="pairs", yscale="log")
    panel.legend(frameon=False, fontsize=9, loc="lower left")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the correlation of {len(pairs):,} pairs of candidates, on a "
        f"logarithmic scale, from {WORTH_CROPPING:g} up; {len(found.near_pairs):,} lie at "
        f"{found.min_correlation:g} or above, and are near copies."
    )
    return figure


def distances(found):
    """Draw how far the two storage forms' images lie apart.

    Args:
        found: an `Audit` with pairs in `forms`.

    Returns:
        A `Figure`: a histogram of pairs, on a logarithmic scale.
    """
    values = found.forms["distance"]
    figure, panels = plots.panel_grid(1, 1, 7.2, 2.8)
    panel = panels[0, 0]
    panel.hist(values, 60, color=plots.COLOURS[0])
    panel.set(xlabel="rms distance of a pair, in grey levels", ylabel="pairs", yscale="log")
    sns.despine(ax=panel)
    figure.set_label(
        f"Histogram of the distance of {len(values):,} pairs: {values.min():.2f} to "
        f"{values.max():.2f} grey levels rms, median {values.median():.2f}."
    )
    return figure


def ferplus(found):
    """Draw where FER+ disagrees with FER2013, and how far its annotators agree.

    Args:
        found: an `Audit` with `ferplus`.

    Returns:
        A `Figure` of two panels: shares by class, and a histogram of the winner's share.
    """
    table, votes = ferplus_by_class(found), found.ferplus["share"]
    figure, panels = plots.panel_grid(1, 2, 4.3, 3.2)
    left, right = panels[0]
    bars = left.barh(table["class"], table["share"], color=plots.COLOURS[0])
    left.bar_label(bars, fmt="{:.0%}", padding=2, fontsize=8)
    left.invert_yaxis()
    left.set(xlim=(0, 1.1), xticks=[], title="FER+'s majority gives another label")
    right.hist(votes, np.arange(0.05, 1.1, 0.1), color=plots.COLOURS[0], rwidth=0.9)
    right.set(xlabel="the winner's share of the votes", ylabel="images")
    right.set(title="How far FER+'s annotators agree")
    sns.despine(ax=left, bottom=True)
    sns.despine(ax=right)
    shares = zip(table["class"], table["share"], strict=True)
    figure.set_label(
        "Share of each class for which FER+'s majority gives another label: "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares)
        + ". Histogram of the winner's share of the votes: half of the images have "
        f"{votes.median():.0%} or less."
    )
    return figure
