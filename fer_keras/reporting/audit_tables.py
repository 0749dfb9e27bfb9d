"""The tables of an audit, from an `examine.Audit`."""

import numpy as np
import pandas as pd

from fer_keras.audit.flaws import describe, split_columns
from fer_keras.data.faces import NO_SPLIT, copy_groups, split_names

CAPTIONS = {
    "audit": "What was found.",
    "class_balance": "Images of each class.",
    "exact_copies": "Images that have an exact copy.",
    "exact_copies_by_class": "Images that have an exact copy, by class.",
    "conflicting_labels": "Groups of identical images with different labels.",
    "conflicting_images": "Identical images with different labels.",
    "near_copies": "Images that have a near copy.",
    "near_copies_by_class": "Images that have a near copy, by class.",
    "near_copy_kinds": "Pairs of near copies, by what differs.",
    "near_copy_pairs": "Pairs of near copies.",
    "blank_images": "Images that show nothing.",
    "csv_against_folder": "The CSV against the folders.",
    "ferplus": "FER2013's labels against FER+'s majority.",
}
LISTS = ("conflicting_images", "near_copy_pairs")  # too long to print


def all_tables(found):
    """Return every table of an audit.

    Args:
        found: an `Audit`.

    Returns:
        A dict from a name in `CAPTIONS` to a DataFrame, first of all `audit`: `what`, `split`
        (`all` for the whole data set), `count`, and `share` (0-1) of the split's images or of the
        pairs. What was not found has no rows; what could not be examined has no table.
    """
    pairs = _near_copy_pairs(found)
    tables = {
        "class_balance": _class_balance(found),
        "exact_copies": _copies(found, found.exact, ["split"]),
        "exact_copies_by_class": _copies(found, found.exact, ["split", "class"]),
        "conflicting_labels": _conflicting_labels(found.conflicts),
        "conflicting_images": found.conflicts,
        "near_copies": _copies(found, found.near, ["split"]),
        "near_copies_by_class": _copies(found, found.near, ["split", "class"]),
        "near_copy_kinds": _near_copy_kinds(pairs),
        "near_copy_pairs": pairs,
        "blank_images": found.blanks.drop(columns="position"),
    }
    if found.forms is not None:
        tables["csv_against_folder"] = _csv_against_folder(found)
    if found.ferplus is not None:
        tables["ferplus"] = _ferplus_by_class(found)
    return {"audit": _record(found, tables)} | tables


def _class_balance(found):
    """Count each class's images: `class`, one column a split, and `share` of all images."""
    faces, splits = found.faces, split_names(found.faces.ids)
    table = pd.DataFrame({"class": faces.class_names})
    for split in found.splits:
        table[split] = faces.select(splits == split).class_counts()
    return table.assign(share=table[found.splits].sum(axis=1) / max(len(faces), 1))


def _copies(found, copies, keys):
    """Count the images with copies by `keys`; `copy in Training` counts those of other splits."""
    has, own = copies > 0, split_columns(found.faces)
    table = describe(found.faces)[["split", "class"]].assign(images=1)
    for key, order in (("split", found.splits), ("class", found.faces.class_names)):
        table[key] = pd.Categorical(table[key], order)
    table["copy in the same split"] = (has & own).any(axis=1)
    table["copy in another split"] = (has & ~own).any(axis=1)
    if "Training" in found.splits and len(found.splits) > 1:
        table["copy in Training"] = (has & ~own)["Training"]
    counted = table.groupby(keys, observed=True).sum(numeric_only=True).reset_index()
    if "copy in Training" in counted:
        counted["share in Training"] = counted["copy in Training"] / counted["images"]
    return counted


def _conflicting_labels(conflicts):
    """Count the sets of labels of identical images: `classes`, `groups`, `images`."""
    by_group = conflicts.groupby("group")["class"]
    names = by_group.agg(lambda classes: ", ".join(sorted(set(classes)))).astype(str)
    sizes = by_group.size().groupby(names.rename("classes"))
    table = pd.DataFrame({"groups": sizes.size(), "images": sizes.sum()})
    return table.reset_index().sort_values(["groups", "classes"], ascending=[False, True])


def _near_copy_pairs(found):
    """List the near copies: ids and classes of both images, `kind`, `bits`, `correlation`."""
    pairs = found.near_pairs.reset_index(drop=True)
    images, sides = describe(found.faces)[["id", "class"]], ("first", "second")
    first, second = (images.loc[pairs[side]].reset_index(drop=True) for side in sides)
    return first.join([second.add_prefix("second "), pairs[["kind", "bits", "correlation"]]])


def _near_copy_kinds(pairs):
    """Count near copies by `kind`: `pairs`, and those with `different labels`."""
    differ = (pairs["class"] != pairs["second class"]).groupby(pairs["kind"])
    table = pd.DataFrame({"pairs": differ.size(), "different labels": differ.sum()})
    return table.reset_index().sort_values("pairs", ascending=False)


def _csv_against_folder(found):
    """Count how the two forms pair up, in training and in test; distances are rms grey levels."""
    pairs, parts = found.forms, ["training", "test"]
    ids = found.faces.ids, found.folder_faces.ids
    names = [*map(split_names, ids), pairs["split"], pairs["second_split"]]
    if any((part == NO_SPLIT).any() for part in names):  # a form without parts has no other one
        parts, names = ["all"], [np.full(len(part), "all") for part in names]
    else:
        names = [np.where(part == "Training", *parts) for part in names]
    csv, folder, first, second = map(pd.Series, names)

    def counts(found_in):
        return found_in.value_counts().reindex(parts, fill_value=0)

    distances = pairs["distance"].groupby(first)
    columns = {
        "CSV": counts(csv),
        "folders": counts(folder),
        "pairs": counts(first),
        "CSV only": counts(csv) - counts(first),
        "folders only": counts(folder) - counts(second),
        "different labels": counts(first[pairs["class"] != pairs["second_class"]]),
        "other part": counts(first[first != second]),
        "mean distance": distances.mean(),
        "largest distance": distances.max(),
    }
    return pd.DataFrame(columns, index=parts).rename_axis("part").reset_index()


def _ferplus_by_class(found):
    """Count where FER+'s majority gives another label; `share` is of those with a majority."""
    table = found.ferplus
    has_majority, agrees = table["ferplus"] != "", table["ferplus"] == table["class"]
    marks = {
        "images": True,
        "no face": ~table["is_face"],
        "no majority": ~has_majority & table["is_face"],
        "same label": agrees,
        "other label": has_majority & ~agrees,
    }
    by_class = table[["class"]].assign(**marks).groupby("class").sum()
    by_class = by_class.reindex(found.faces.class_names, fill_value=0)
    counts = pd.concat([by_class.sum().to_frame("all").T, by_class]).rename_axis("class")
    counts["share"] = counts["other label"] / (counts["same label"] + counts["other label"])
    others = table[marks["other label"]].groupby("class")["ferplus"]
    counts["commonest other"] = others.agg(lambda labels: labels.mode()[0])
    return counts.fillna({"commonest other": ""}).reset_index()


def _record(found, tables):
    marks, splits = _marks(found), split_names(found.faces.ids)
    parts = {"all": marks} | {split: marks[splits == split] for split in found.splits}
    rows = []
    for what in marks:
        rows += [(what, at, int(part[what].sum()), part[what].mean()) for at, part in parts.items()]

    def add(what, count, total=np.nan):
        rows.append((what, "all", count, count / total))

    add("groups of identical images with different labels", found.conflicts["group"].nunique())
    add("pairs of near copies", len(found.near_pairs))
    if found.forms is not None:
        pairs, differ = len(found.forms), tables["csv_against_folder"]["different labels"].sum()
        add("images paired with one of the folders", pairs, len(found.faces))
        add("pairs with different labels", differ, max(pairs, 1))
    if found.ferplus is not None:
        row = tables["ferplus"].iloc[0]
        for what in ("no face", "no majority", "same label", "other label"):
            add(f"FER+: {what}", row[what], row["images"])
    return pd.DataFrame(rows, columns=["what", "split", "count", "share"])


def _marks(found):
    """Return a boolean DataFrame: one row an image, one column a thing that is counted."""
    faces, exact, near, blanks = found.faces, found.exact > 0, found.near, found.blanks
    places = pd.RangeIndex(len(faces))
    marks = {
        "images": places >= 0,
        "exact copies of an earlier image": pd.Series(copy_groups(faces.images)).duplicated(),
        "images with an exact copy": exact.any(axis=1),
        "images with a near copy": near.any(axis=1),
        "identical images with different labels": places.isin(found.conflicts["position"]),
    }
    for kind in ("blank", "nearly blank"):
        marks[f"{kind} images"] = places.isin(blanks["position"][blanks["kind"] == kind])
    if "Training" in found.splits:
        exact, near = exact["Training"], near["Training"]
        marks["images with an exact copy in Training"] = exact
        marks["images with a near copy in Training"] = near
        marks["images with an exact or near copy in Training"] = exact | near
    for label, name in enumerate(faces.class_names):
        marks[f"images of {name}"] = faces.labels == label
    return pd.DataFrame(marks)
