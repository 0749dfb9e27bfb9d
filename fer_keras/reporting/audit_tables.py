"""The tables of an audit: functions from an `examine.Audit` to DataFrames."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.audit.flaws import describe, split_columns
from fer_keras.data.faces import copy_groups, split_names
from fer_keras.utils.files import write_text

LISTS = ("conflicting_images", "near_copy_pairs")
"""Tables with one row an image or a pair, too long to print."""


def all_tables(found):
    """Return every table of an audit.

    Args:
        found: an `Audit`.

    Returns:
        A dict from a name to a caption and a DataFrame. Tables of what was not found have no
        rows; tables of what could not be examined are left out.
    """
    tables = {
        "audit": ("What was found.", summary(found)),
        "class_balance": ("Images of each class.", class_balance(found)),
        "conflicting_labels": (
            "Groups of identical images with different labels.",
            conflicting_labels(found),
        ),
        "conflicting_images": ("Identical images with different labels.", found.conflicts),
        "near_copy_kinds": ("Pairs of near copies, by what differs.", near_copy_kinds(found)),
        "near_copy_pairs": ("Pairs of near copies.", near_copy_pairs(found)),
        "blank_images": ("Images that show nothing.", found.blanks.drop(columns="position")),
    }
    for kind, words in (("exact", "an exact copy"), ("near", "a near copy")):
        by_split, by_class = (copies(found, kind, keys) for keys in (["split"], ["split", "class"]))
        tables[f"{kind}_copies"] = (f"Images that have {words}.", by_split)
        tables[f"{kind}_copies_by_class"] = (f"Images that have {words}, by class.", by_class)
    if found.forms is not None:
        tables["csv_against_folder"] = ("The CSV against the folders.", csv_against_folder(found))
    if found.ferplus is not None:
        tables["ferplus"] = ("FER2013's labels against FER+'s majority.", ferplus_by_class(found))
    return tables


def print_tables(found, out):
    """Print an audit's tables and write them to `out/audit/tables/*.csv`.

    Args:
        found: an `Audit`.
        out: folder for the tables.
    """
    if found.drawn:
        print("No data was found, so drawn faces are audited; name a folder to audit yours.\n")
    for note in found.notes:
        print(note)
    directory = Path(out) / "audit" / "tables"
    for name, (caption, table) in all_tables(found).items():
        write_text(directory / f"{name}.csv", table.to_csv(index=False))
        if len(table) and name not in LISTS:
            print(f"\n{caption}\n{table.to_string(index=False, float_format='%.4g', na_rep='')}")
    print(f"\n{directory}")


def class_balance(found):
    """Count the images of each class.

    Args:
        found: an `Audit`.

    Returns:
        A DataFrame: `class`, one column of counts a split, and `share` (0-1) of all images.
    """
    faces, splits = found.faces, split_names(found.faces.ids)
    table = pd.DataFrame({"class": faces.class_names})
    for split in found.splits:
        table[split] = faces.select(splits == split).class_counts()
    return table.assign(share=table[found.splits].sum(axis=1) / max(len(faces), 1))


def copies(found, kind, keys):
    """Count the images that have copies.

    Args:
        found: an `Audit`.
        kind: `"exact"` or `"near"`.
        keys: `["split"]` or `["split", "class"]`.

    Returns:
        A DataFrame, one row a split, or a class of a split: the keys, `images`, `copy in the same
        split`, `copy in another split`, and where Training is one of several splits `copy in
        Training` (of images in other splits) and its share of the images, `share in Training`.
    """
    has, own = getattr(found, kind) > 0, split_columns(found.faces)
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


def conflicting_labels(found):
    """Count the sets of labels that identical images carry.

    Args:
        found: an `Audit`.

    Returns:
        A DataFrame, the commonest set first: `classes`, `groups` and `images`.
    """
    by_group = found.conflicts.groupby("group")["class"]
    names = by_group.agg(lambda classes: ", ".join(sorted(set(classes))))
    table = pd.DataFrame({"classes": names, "images": by_group.size()}).astype({"classes": str})
    table = table.groupby("classes").agg(groups=("images", "size"), images=("images", "sum"))
    return table.reset_index().sort_values(["groups", "classes"], ascending=[False, True])


def near_copy_kinds(found):
    """Count near copies by what differs.

    Args:
        found: an `Audit`.

    Returns:
        A DataFrame, the commonest kind first: `kind`, `pairs`, and `different labels`, the number
        of pairs whose images have different classes.
    """
    pairs = near_copy_pairs(found)
    differ = (pairs["class"] != pairs["second class"]).groupby(pairs["kind"])
    table = pd.DataFrame({"pairs": differ.size(), "different labels": differ.sum()})
    return table.reset_index().sort_values("pairs", ascending=False)


def near_copy_pairs(found):
    """List the near copies.

    Args:
        found: an `Audit`.

    Returns:
        A DataFrame, one row a pair: `id`, `class`, `second id`, `second class`, `kind`, `bits`
        and `correlation`.
    """
    pairs = found.near_pairs.reset_index(drop=True)
    first, second = (
        describe(found.faces.select(pairs[side].to_numpy()))[["id", "class"]]
        for side in ("first", "second")
    )
    return first.join([second.add_prefix("second "), pairs[["kind", "bits", "correlation"]]])


def csv_against_folder(found):
    """Count how the two storage forms pair up.

    Args:
        found: an `Audit` with `forms`.

    Returns:
        A DataFrame with one row for training and one for the rest: `part`, `CSV` and `folders`
        (images), `pairs`, `CSV only`, `folders only`, `different labels`, `other part` (pairs
        whose images stand in different parts), and the pairs' `mean distance` and `largest
        distance` in rms grey levels.
    """
    pairs, faces, folder_faces = found.forms, found.faces, found.folder_faces
    of_csv, of_folder, first, second = (
        pd.Series(splits).eq("Training").map({True: "training", False: "test"})
        for splits in (
            split_names(faces.ids),
            split_names(folder_faces.ids),
            pairs["split"],
            pairs["second_split"],
        )
    )
    counts = {
        "CSV": of_csv.value_counts(),
        "folders": of_folder.value_counts(),
        "pairs": first.value_counts(),
        "CSV only": of_csv.value_counts().sub(first.value_counts(), fill_value=0),
        "folders only": of_folder.value_counts().sub(second.value_counts(), fill_value=0),
        "different labels": (pairs["class"] != pairs["second_class"]).groupby(first).sum(),
        "other part": (first != second).groupby(first).sum(),
    }
    table = pd.DataFrame(counts, index=["training", "test"]).fillna(0).astype(int)
    distances = pairs["distance"].groupby(first)
    table["mean distance"], table["largest distance"] = distances.mean(), distances.max()
    return table.rename_axis("part").reset_index()


def ferplus_by_class(found):
    """Count where FER+'s majority differs from FER2013's label.

    Args:
        found: an `Audit` with `ferplus`.

    Returns:
        A DataFrame with one row for all images, then one a class: `class`, `images`, `no face`
        (without an image name), `no majority` (left out by FER+ for another reason), `same
        label`, `other label`, the `share` (0-1) of other labels among those with a majority, and
        the `commonest other` label of the class.
    """
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


def summary(found):
    """Return the audit's record.

    Args:
        found: an `Audit`.

    Returns:
        A DataFrame: `what`, `split` (`all` for the whole data set), `count`, and `share` (0-1) of
        the split's images, or of the pairs; empty where it has no meaning.
    """
    marks, splits = _marks(found), split_names(found.faces.ids)
    parts = {"all": marks} | {split: marks[splits == split] for split in found.splits}
    rows = [
        (what, split, int(part[what].sum()), part[what].mean())
        for what in marks
        for split, part in parts.items()
    ]
    groups = found.conflicts["group"].nunique()
    rows += [
        ("groups of identical images with different labels", "all", groups, np.nan),
        ("pairs of near copies", "all", len(found.near_pairs), np.nan),
    ]
    if found.forms is not None:
        pairs, faces = len(found.forms), len(found.faces)
        differ = int((found.forms["class"] != found.forms["second_class"]).sum())
        rows += [
            ("images paired with one of the folders", "all", pairs, pairs / faces),
            ("pairs with different labels", "all", differ, differ / max(pairs, 1)),
        ]
    if found.ferplus is not None:
        row = ferplus_by_class(found).iloc[0]
        for what in ("no face", "no majority", "same label", "other label"):
            rows.append((f"FER+: {what}", "all", row[what], row[what] / row["images"]))
    return pd.DataFrame(rows, columns=["what", "split", "count", "share"])


def _marks(found):
    """Return a boolean DataFrame: one row an image, one column a thing that is counted."""
    faces, exact, near = found.faces, found.exact > 0, found.near
    places = pd.RangeIndex(len(faces))
    marks = {
        "images": np.ones(len(faces), bool),
        "exact copies of an earlier image": pd.Series(copy_groups(faces.images)).duplicated(),
        "images with an exact copy": exact.any(axis=1),
        "images with a near copy": near.any(axis=1),
        "identical images with different labels": places.isin(found.conflicts["position"]),
    }
    for kind in ("blank", "nearly blank"):
        of_kind = found.blanks.loc[found.blanks["kind"] == kind, "position"]
        marks[f"{kind} images"] = places.isin(of_kind)
    if "Training" in found.splits:
        marks |= {
            "images with an exact copy in Training": exact["Training"],
            "images with a near copy in Training": near["Training"],
            "images with an exact or near copy in Training": exact["Training"] | near["Training"],
        }
    for label, name in enumerate(faces.class_names):
        marks[f"images of {name}"] = faces.labels == label
    return pd.DataFrame(marks)
