"""The galleries of an audit: a few sample faces of each count."""

from itertools import pairwise

import numpy as np
import pandas as pd

from fer_keras.audit.flaws import split_columns
from fer_keras.data.faces import copy_groups
from fer_keras.data.near_copies import MAX_BITS
from fer_keras.reporting import figures as plots

PER_ROW = 8
NUM_SHOWN = 2 * PER_ROW
CORRELATIONS = (0.7, 0.8, 0.9, 0.95, 1.01)
KINDS = ("in place", "shifted", "cropped", "mirrored")

GALLERIES = {
    "gallery_classes": ("Faces of each class", "Class balance", "class_balance"),
    "gallery_exact": ("Faces with exact copies, by split", "Exact copies", "exact_copies"),
    "gallery_conflicts": (
        "Identical faces with different labels",
        "Conflicting labels",
        "conflicting_labels",
    ),
    "gallery_bits": ("Candidates by perceptual hash", "Near copies", "nearest_hashes"),
    "gallery_correlations": ("Candidates by correlation", "Near copies", "correlations"),
    "gallery_near": ("Near copies by kind", "Near copies", "near_copies"),
    "gallery_blank": ("Blank images and their labels", "Images that show nothing", "blank_images"),
    "gallery_forms": (
        "Pairs farthest apart: CSV above, folders below",
        "CSV against folders",
        "csv_against_folder",
    ),
    "gallery_ferplus": ("Faces that FER+ labels otherwise", "FER+ against FER2013", "ferplus"),
    "gallery_no_face": ("Pictures without a face", "FER+ against FER2013", "ferplus"),
}
"""Gallery -> its title, its section's heading, and the figure or table that it illustrates."""


def all_galleries(found):
    """Show a few of the images behind each count.

    Args:
        found: an `examine.Audit`.

    Returns:
        A dict from a name in `GALLERIES` to a `Figure`; what was not found has none.
    """
    rng = np.random.default_rng(0)
    cells = {"gallery_exact": _exact(found, rng), "gallery_conflicts": _conflicts(found, rng)}
    for name, rows in _rows_of_pairs(found.candidates, found.min_correlation).items():
        cells[name] = _pairs(found, rng, rows)
    cells["gallery_blank"] = _blank(found)
    if found.forms is not None:
        cells["gallery_forms"] = _forms(found)
    if found.ferplus is not None:
        cells |= _ferplus(found, rng)
    sample = found.faces.select(split_columns(found.faces)[found.splits[0]].to_numpy())
    return {"gallery_classes": plots.sample_faces(sample)} | {
        name: _gallery(part, GALLERIES[name][0]) for name, part in cells.items() if part
    }


def _exact(found, rng):
    """Choose images that have exact copies, with the number in each split."""
    # Blank images, and all but the first of a group, would tell nothing new.
    repeated = pd.Series(copy_groups(found.faces.images)).duplicated()
    shown = np.flatnonzero(found.exact.any(axis=1) & ~repeated)
    shown = np.setdiff1d(shown, found.blanks["position"])
    held = found.exact + split_columns(found.faces)
    return [
        (found.faces.images[place], _counts_in_words(held.loc[place]))
        for place in rng.permutation(shown)[:NUM_SHOWN]
    ]


def _conflicts(found, rng):
    """Choose images whose exact copies have other labels, with all the labels."""
    groups = found.conflicts[~found.conflicts["position"].isin(found.blanks["position"])]
    groups, images = [group for _, group in groups.groupby("group")], found.faces.images
    return [
        (images[group["position"].iloc[0]], _counts_in_words(group["class"].value_counts()))
        for group in (groups[place] for place in rng.permutation(len(groups))[:NUM_SHOWN])
    ]


def _counts_in_words(counts):
    return "\n".join(f"{name} ×{number}" for name, number in counts.items() if number)


def _rows_of_pairs(pairs, least):
    """Return for each gallery of pairs its rows: words, number of pairs, mask to choose from."""
    is_copy = pairs["correlation"] >= least
    bits, correlations = [], []
    for word, mask in (("copy", is_copy), ("no copy", ~is_copy)):
        for number in range(2, MAX_BITS + 1, 2):
            bits.append((f"{number} bits, {word}", 2, (pairs["bits"] == number) & mask))
    for low, high in pairwise(sorted({*CORRELATIONS, least})):
        mask = pairs["correlation"].between(low, high, inclusive="left")
        correlations.append(("copy" if low >= least else "no copy", PER_ROW, mask))
    kinds = [(kind, PER_ROW, (pairs["kind"] == kind) & is_copy) for kind in KINDS]
    return {"gallery_bits": bits, "gallery_correlations": correlations, "gallery_near": kinds}


def _pairs(found, rng, rows):
    """Choose pairs for `(words, number, mask)` rows, one image above the other."""
    cells = []
    for words, number, mask in rows:
        for place in rng.permutation(np.flatnonzero(mask))[:number]:
            pair = found.candidates.loc[place]
            images = found.faces.images[[pair["first"], pair["second"]]]
            cells.append((np.vstack(images), f"{words}\ncorrelation {pair['correlation']:.2f}"))
    return cells


def _blank(found):
    shown = found.blanks.sort_values("deviation", ascending=False)[:NUM_SHOWN]
    words = shown["class"] + "\n" + shown["kind"]
    return list(zip(found.faces.images[shown["position"]], words, strict=True))


def _forms(found):
    csv, folder = found.faces.images, found.folder_faces.images
    return [
        (np.vstack([csv[row.first], folder[row.second]]), f"{row.distance:.2f} grey levels")
        for row in found.forms.nlargest(PER_ROW, "distance").itertuples()
    ]


def _ferplus(found, rng):
    """Choose images that FER+ labels otherwise, and images that it calls no face."""
    rows = found.ferplus
    differs = (rows["ferplus"] != "") & (rows["ferplus"] != rows["class"])

    def chosen(mask, words):
        places = rng.permutation(np.flatnonzero(mask))[:NUM_SHOWN]
        return [(found.faces.images[place], words[place]) for place in places]

    return {
        "gallery_ferplus": chosen(differs, rows["class"] + "\nFER+: " + rows["ferplus"]),
        "gallery_no_face": chosen(~rows["is_face"], "FER2013: " + rows["class"]),
    }


def _gallery(cells, title):
    """Return a figure of `(image, words)` cells."""
    lines = [cells[start : start + PER_ROW] for start in range(0, len(cells), PER_ROW)]
    rows, columns = cells[0][0].shape
    height = 0.82 * (rows / columns) + 0.38 + 0.3 / len(lines)
    figure, _ = plots.picture_grid(lines, PER_ROW, 0.9, height, title, fontsize=6.5)
    captions = "; ".join(dict.fromkeys(words.replace("\n", ", ") for _, words in cells))
    figure.set_label(f"{title}: {len(cells)} sample images. Above them: {captions}.")
    return figure
