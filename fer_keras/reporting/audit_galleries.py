"""Galleries of what an audit counted: a few sample faces each, as papers show them."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

from fer_keras.audit.near_copies import MAX_BITS
from fer_keras.data.faces import split_names
from fer_keras.reporting import figures as plots

PER_ROW = 8
NUM_SHOWN = 2 * PER_ROW
CORRELATIONS = (0.7, 0.8, 0.9, 0.95, 1.01)


def galleries(found, seed=0):
    """Show a few of the images that each count counted.

    Args:
        found: an `audit_report.Audit`.
        seed: integer that fixes the choice.

    Returns:
        A dict from a name to a `Figure`; what was not found has none.
    """
    rng = np.random.default_rng(seed)
    sample = found.faces.select(split_names(found.faces.ids) == found.splits[0])
    return {
        "gallery_classes": plots.sample_faces(sample, PER_ROW),
        **_exact(found, rng),
        **_conflicts(found, rng),
        **_near(found, rng),
        **_blank(found),
        **_forms(found),
        **_ferplus(found, rng),
    }


def _exact(found, rng):
    """Show random images that have exact copies, each with where these stand."""
    counts = found.exact.sum(axis=1).to_numpy()
    # Blank images and those of every group but one would tell nothing new.
    shown = np.setdiff1d(np.flatnonzero(counts), found.blanks["position"])
    _, firsts = np.unique([found.faces.images[i].tobytes() for i in shown], return_index=True)
    chosen = rng.permutation(shown[np.sort(firsts)])[:NUM_SHOWN]
    own = split_names(found.faces.ids)
    cells = []
    for place in chosen:
        held = found.exact.loc[place] + (np.array(found.splits) == own[place])
        words = "\n".join(f"{split} ×{number}" for split, number in held.items() if number)
        cells.append((found.faces.images[place], words))
    return _gallery(cells, "gallery_exact", "Images with exact copies, and where these stand")


def _conflicts(found, rng):
    """Show random images whose exact copies have other labels, with all the labels."""
    groups = found.conflicts[~found.conflicts["position"].isin(found.blanks["position"])]
    cells = []
    for _, group in groups.groupby("group"):
        words = "\n".join(f"{name} ×{n}" for name, n in group["class"].value_counts().items())
        cells.append((found.faces.images[group["position"].iloc[0]], words))
    chosen = rng.permutation(len(cells))[:NUM_SHOWN]
    title = "Identical images with different labels"
    return _gallery([cells[place] for place in chosen], "gallery_conflicts", title)


def _near(found, rng):
    """Show candidates by what decides, the hash and the correlation, and near copies by kind."""
    pairs, is_copy = found.candidates, found.confirmed
    by_bits = [
        (f"{bits} bits, {word}", 2, (pairs.bits == bits) & mask)
        for word, mask in (("copy", is_copy), ("no copy", ~is_copy))
        for bits in range(2, MAX_BITS + 1, 2)
    ]
    by_correlation = [
        ("copy" if low >= found.min_correlation else "no copy", PER_ROW, mask)
        for low, high in pairwise(sorted({*CORRELATIONS, found.min_correlation}))
        if (mask := (pairs.correlations >= low) & (pairs.correlations < high)).any()
    ]
    by_kind = [
        (kind, PER_ROW, (pairs.kinds == kind) & is_copy)
        for kind in ("in place", "shifted", "cropped", "mirrored")
    ]
    shown = {}
    for name, rows, title in (
        ("gallery_bits", by_bits, "Candidates by the bits in which their hashes differ"),
        ("gallery_correlations", by_correlation, "Candidates by the correlation of their details"),
        ("gallery_near", by_kind, "Near copies by kind"),
    ):
        cells = []
        for word, number, mask in rows:
            for place in rng.permutation(np.flatnonzero(mask))[:number]:
                one, two = (found.faces.images[side[place]] for side in (pairs.first, pairs.second))
                words = f"{word}\ncorrelation {pairs.correlations[place]:.2f}"
                cells.append((np.vstack([one, two]), words))
        shown |= _gallery(cells, name, title)
    return shown


def _blank(found):
    """Show the images that show nothing."""
    cells = [
        (found.faces.images[row["position"]], f"{row['class']}\n{row['kind']}")
        for row in found.blanks.sort_values("deviation").iloc[::-1][:NUM_SHOWN].to_dict("records")
    ]
    return _gallery(cells, "gallery_blank", "Images that show nothing, and their labels")


def _forms(found):
    if found.forms is None:
        return {}
    farthest = found.forms.sort_values("distance", ascending=False)[:PER_ROW]
    cells = []
    for row in farthest.to_dict("records"):
        one, two = found.faces.images[row["first"]], found.folder_faces.images[row["second"]]
        cells.append((np.vstack([one, two]), f"{row['distance']:.2f}"))
    title = "The pairs that lie farthest apart: CSV above, folders below; rms grey levels"
    return _gallery(cells, "gallery_forms", title)


def _ferplus(found, rng):
    if found.ferplus is None:
        return {}
    rows = found.ferplus
    differs = (rows["ferplus"] != "") & (rows["ferplus"] != rows["class"])
    shown = {}
    for name, mask, words, title in (
        (
            "gallery_ferplus",
            differs,
            rows["class"] + "\nFER+: " + rows["ferplus"],
            "FER2013's label, and FER+'s",
        ),
        ("gallery_no_face", ~rows["is_face"], rows["class"], "No face, says FER+; FER2013's label"),
    ):
        chosen = rng.permutation(np.flatnonzero(mask))[:NUM_SHOWN]
        cells = [(found.faces.images[place], words[place]) for place in chosen]
        shown |= _gallery(cells, name, title)
    return shown


def _gallery(cells, name, title):
    """Return a figure of `(image, words)` cells by its name; nothing if there are none."""
    if not cells:
        return {}
    num_rows = -(-len(cells) // PER_ROW)
    tall = cells[0][0].shape[0] / cells[0][0].shape[1]
    figure = Figure(
        figsize=(PER_ROW * 0.9, num_rows * (0.82 * tall + 0.38) + 0.3), layout="constrained"
    )
    panels = figure.subplots(num_rows, PER_ROW, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, (image, words) in zip(panels, cells, strict=False):
        panel.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panel.set_title(words, fontsize=6.5)
    figure.suptitle(title, fontsize=10)
    captions = "; ".join(words.replace("\n", ", ") for _, words in cells)
    figure.set_gid(plots.SHOWS_FACES)
    figure.set_label(f"{title}: {len(cells)} sample images: {captions}.")
    return {name: figure}
