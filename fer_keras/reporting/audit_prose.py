"""The audit's prose that depends on the data and the numbers, as Markdown."""

import numpy as np

from fer_keras.audit.flaws import NEARLY_BLANK
from fer_keras.audit.near_copies import MAX_BITS
from fer_keras.reporting.audit_tables import (
    conflicting_labels,
    csv_against_folder,
    ferplus_by_class,
    summary,
)
from fer_keras.reporting.prose import drawn_notice

GALLERIES = {
    "gallery_classes": ("Faces of each class", "Class balance"),
    "gallery_exact": ("Faces with exact copies", "Exact copies"),
    "gallery_conflicts": ("Faces with conflicting labels", "Conflicting labels"),
    "gallery_bits": ("Candidates by perceptual hash", "Near copies"),
    "gallery_correlations": ("Candidates by correlation", "Near copies"),
    "gallery_near": ("Near copies by kind", "Near copies"),
    "gallery_blank": ("Blank images", "Images that show nothing"),
    "gallery_forms": ("CSV and folder images side by side", "CSV against folders"),
    "gallery_ferplus": ("Faces that FER+ labels otherwise", "FER+ against FER2013"),
    "gallery_no_face": ("Pictures without a face", "FER+ against FER2013"),
}
"""Gallery -> its heading, and that of the section which it belongs to."""

GALLERIES_OF = {
    "class_balance": ["gallery_classes"],
    "exact_copies": ["gallery_exact"],
    "conflicting_labels": ["gallery_conflicts"],
    "nearest_hashes": ["gallery_bits"],
    "correlations": ["gallery_correlations"],
    "near_copies": ["gallery_near"],
    "blank_images": ["gallery_blank"],
    "csv_against_folder": ["gallery_forms"],
    "ferplus": ["gallery_ferplus", "gallery_no_face"],
}
"""Figure or table -> the galleries of what it counts."""


def see(name, galleries):
    """Return the links, in Markdown, from a figure or table to its galleries, as far as there are.

    Args:
        name: a key of `GALLERIES_OF`.
        galleries: what `audit_galleries.galleries` returned.
    """
    links = [f"[{GALLERIES[g][0]}](#{g})" for g in GALLERIES_OF[name] if g in galleries]
    return f"See: {', '.join(links)}." if links else ""


def gallery_heading(name):
    """Return a gallery's heading and the way back to its section, in Markdown."""
    heading, section = GALLERIES[name]
    anchor = section.lower().replace(" ", "_").replace("+", "plus")
    return f'### <a id="{name}"></a>{heading}\n\n[Back to: {section}](#{anchor})'


def data_notice(found):
    """Say what was examined, drawn faces before all else, and what the readers met."""
    faces = found.faces
    counts = summary(found).set_index(["what", "split"])["count"]
    parts = ", ".join(f"{counts['images', split]:,} {split}" for split in found.splits)
    source = "a CSV of pixels" if found.from_csv else "folders of images"
    if found.forms is not None:
        source += ", which is compared with folders of images"
    sentences = [f"**{len(faces):,} images: {parts}**, read from {source}."]
    if found.drawn:
        sentences = [drawn_notice("make audit"), *sentences]
    if found.notes:
        sentences.append("The readers noticed:\n\n" + "\n".join(f"- {n}" for n in found.notes))
    return "\n\n".join(sentences)


def headline(found):
    """Say in a list what was found, each with its count."""
    rows = summary(found).set_index(["what", "split"])
    lines = [
        _count(rows, "exact copies of an earlier image", "all", "exact copies of another image"),
        _count(rows, "images with a near copy", "all", "images with a near copy"),
    ]
    for split in found.splits:
        what = "images with an exact or near copy in Training"
        if (what, split) in rows.index:
            part = rows.loc[("images with an exact copy in Training", split)]
            lines.append(
                f"of {split}, {part['share']:.1%} have an exact copy in Training, and "
                f"{rows.loc[(what, split)]['share']:.1%} an exact or a near one"
            )
    groups = rows.loc[("groups of identical images with different labels", "all")]["count"]
    lines.append(f"**{groups:.0f}** groups of identical images with different labels")
    for kind in ("blank images", "nearly blank images"):
        lines.append(_count(rows, kind, "all", kind))
    if found.forms is not None:
        lines.append(
            _count(
                rows,
                "pairs with different labels",
                "all",
                "images to which CSV and folders give different labels",
            )
        )
    if found.ferplus is not None:
        share = ferplus_by_class(found).iloc[0]["share"]
        lines.append(f"FER+'s majority gives **{share:.0%}** of the faces it labels another label")
    return "\n".join(f"- {line}" for line in lines)


def exact_notice(found):
    """Say how many exact copies there are and what they do to a score, or that there are none."""
    rows = summary(found).set_index(["what", "split"])
    count = int(rows.loc[("exact copies of an earlier image", "all")]["count"])
    if not count:
        return "No two images are equal: there are no exact copies."
    sentences = [
        f"{count:,} images equal an earlier one pixel by pixel; only {len(found.faces) - count:,} "
        f"are distinct."
    ]
    for split in found.splits:
        key = ("images with an exact copy in Training", split)
        if key in rows.index and rows.loc[key]["count"]:
            sentences.append(
                f"{rows.loc[key]['count']:,.0f} of {split} ({rows.loc[key]['share']:.1%}) can be "
                "recognised by heart, for a model has seen them in Training."
            )
    return " ".join(sentences)


def conflict_notice(found):
    """Say how many identical images have different labels, or that none have."""
    table = conflicting_labels(found)
    if not len(table):
        return "Identical images have identical labels: there are no conflicts."
    first = table.iloc[0]
    return (
        f"{table['groups'].sum():,} groups of identical images, {table['images'].sum():,} images "
        f"in all, have different labels, most often {first['classes']} ({first['groups']}). No "
        f"classifier can be right about each of them."
    )


def near_notice(found):
    """Say how near copies are told, and how many there are."""
    candidates, count = found.candidates, int(found.confirmed.sum())
    method = (
        f"A perceptual hash (ImageHash's `phash`, 64 bits) finds candidates: pairs that differ in "
        f"at most {MAX_BITS} bits, {len(candidates):,} here. It looks at coarse light and shade, "
        "which strangers share, so the pixels decide: the details of both images are laid over "
        "each other, shifted by up to 2 pixels, cropped by up to 2 on every side, mirrored or "
        f"not, and must correlate by {found.min_correlation:g} or more."
    )
    if not len(candidates):
        return f"{method} There are no candidates, and so no near copies."
    return (
        f"{method} The mirror images of strangers show in the figures what chance alone gives."
        f"\n\n{_near_count(found, count)}"
    )


def _near_count(found, count):
    if not count:
        return "No pair is a near copy."
    differ = found.candidates.first[found.confirmed], found.candidates.second[found.confirmed]
    labels = found.faces.labels
    share = np.mean(labels[differ[0]] != labels[differ[1]])
    drawn = (
        " They are look-alikes rather than copies: one program drew these faces from a few parts."
        if found.drawn
        else ""
    )
    return f"Pairs of near copies: {count:,}, of which {share:.0%} have different labels.{drawn}"


def blank_notice(found):
    """Say how many images show nothing, or that all show something."""
    if not len(found.blanks):
        return (
            "No image is blank, or nearly blank (a standard deviation below "
            f"{NEARLY_BLANK:g} grey levels)."
        )
    blank = found.blanks[found.blanks["kind"] == "blank"]
    levels = ", ".join(
        f"{number} of grey level {level:.0f}"
        for level, number in blank["level"].value_counts().items()
    )
    return (
        f"{len(blank)} images are blank, all pixels equal{f' ({levels})' if levels else ''}; "
        f"{len(found.blanks) - len(blank)} more are nearly so: their pixels deviate by less than "
        f"{NEARLY_BLANK:g} grey levels."
    )


def forms_notice(found):
    """Say whether CSV and folders hold the same images with the same labels."""
    if found.forms is None:
        return "Only one storage form lies in the data folder, so there is nothing to compare."
    table = csv_against_folder(found)
    alone = int(table["CSV only"].sum()), int(table["folders only"].sum())
    differ, moved = int(table["different labels"].sum()), int(table["other part"].sum())
    distances = found.forms["distance"]
    if not len(distances):
        return "No image of the CSV is one of the folders: these are different data sets."
    return (
        f"{len(distances):,} images pair up by their pixels; {alone[0]:,} stand in the CSV only "
        f"and {alone[1]:,} in the folders only. The pairs differ by {distances.mean():.2f} "
        f"grey levels rms on average and {distances.max():.2f} at most, as JPEG makes them. "
        f"{differ:,} pairs have different labels, and {moved:,} stand in training on one side "
        f"and in test on the other."
    )


def ferplus_notice(found):
    """Say how far FER+ disagrees with FER2013."""
    if found.ferplus is None:
        return (
            "FER+'s votes (`fer2013new.csv`) do not lie beside the CSV, or rows of it are left out."
        )
    table = ferplus_by_class(found).set_index("class")
    total, worst = table.loc["all"], table.drop(index="all")["share"].idxmax()
    return (
        f"Ten people voted on each image again. More than half agree on an emotion for "
        f"{total['same label'] + total['other label']:,} of {total['images']:,} images; for "
        f"{total['share']:.0%} of these it is another than FER2013's label, most of all for "
        f"{worst} ({table['share'][worst]:.0%}). {total['no face']:,} pictures show no face."
    )


def _count(rows, what, split, words):
    row = rows.loc[(what, split)]
    return f"**{row['count']:,.0f}** {words} ({row['share']:.2%})"
