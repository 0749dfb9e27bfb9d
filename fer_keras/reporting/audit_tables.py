"""The tables of an audit, from an `audit_report.Audit`."""

import numpy as np
import pandas as pd

from fer_keras.data.faces import copy_groups, split_names

LISTS = ("conflicting_images", "near_copy_pairs")
"""Tables with a row an image or a pair, too long to print."""


def all_tables(found):
    """Return every table of an `Audit`: a dict from its name to a caption and a DataFrame.

    Tables of what was not found have no rows; those of what was not there to examine are left out.
    """
    tables = {
        "audit": ("What was found.", summary(found)),
        "class_balance": ("Images of each class.", class_balance(found)),
        "exact_copies": ("Images that have an exact copy.", copies_by_split(found, found.exact)),
        "exact_copies_by_class": (
            "Images that have an exact copy, by class.",
            copies_by_class(found, found.exact),
        ),
        "conflicting_labels": (
            "Groups of identical images with different labels.",
            conflicting_labels(found),
        ),
        "conflicting_images": ("Identical images with different labels.", found.conflicts),
        "near_copies": ("Images that have a near copy.", copies_by_split(found, found.near)),
        "near_copies_by_class": (
            "Images that have a near copy, by class.",
            copies_by_class(found, found.near),
        ),
        "near_copy_kinds": ("Pairs of near copies, by what differs.", near_copy_kinds(found)),
        "near_copy_pairs": ("Pairs of near copies.", near_copy_pairs(found)),
        "blank_images": ("Images that show nothing.", found.blanks.drop(columns="position")),
    }
    if found.forms is not None:
        tables["csv_against_folder"] = ("The CSV against the folders.", csv_against_folder(found))
    if found.ferplus is not None:
        tables["ferplus"] = ("FER2013's labels against FER+'s majority.", ferplus_by_class(found))
    return tables


def class_balance(found):
    """Return how many images each class has: columns `class`, a split each, and `share` of all."""
    faces = found.faces
    counts = {
        split: faces.select(split_names(faces.ids) == split).class_counts()
        for split in found.splits
    }
    table = pd.DataFrame({"class": faces.class_names} | counts)
    return table.assign(share=table[found.splits].sum(axis=1) / max(len(faces), 1))


def copies_by_split(found, copies):
    """Return how many images of each split have copies.

    Args:
        found: an `Audit`.
        copies: `found.exact` or `found.near`.

    Returns:
        One row a split: `split`, `images`, `copy in the same split`, `copy in another split`,
        `copy in Training` (of other splits) and its `share`.
    """
    return _copies(found, copies, ["split"])


def copies_by_class(found, copies):
    """Return what `copies_by_split` does, for each class of each split."""
    return _copies(found, copies, ["split", "class"])


def conflicting_labels(found):
    """Return which labels contradict: columns `classes`, `groups` and `images`, commonest first."""
    by_group = found.conflicts.groupby("group")["class"]
    names = by_group.agg(lambda classes: ", ".join(sorted(set(classes))))
    table = pd.DataFrame({"classes": names, "images": by_group.size()}).astype({"classes": str})
    table = table.groupby("classes").agg(groups=("images", "size"), images=("images", "sum"))
    return table.reset_index().sort_values(["groups", "classes"], ascending=[False, True])


def near_copy_kinds(found):
    """Return what differs: columns `kind`, `pairs`, and `different labels`, the pairs with such."""
    pairs = near_copy_pairs(found)
    pairs["differ"] = pairs["class"] != pairs["second class"]
    table = pairs.groupby("kind").agg(
        pairs=("differ", "size"), **{"different labels": ("differ", "sum")}
    )
    return table.reset_index().sort_values("pairs", ascending=False)


def near_copy_pairs(found):
    """Return the near copies: ids, classes, kind, bits and correlation of each pair."""
    candidates, kept = found.candidates, found.confirmed
    names, columns = np.array(found.faces.class_names), {}
    for prefix, positions in (("", candidates.first), ("second ", candidates.second)):
        columns[f"{prefix}id"] = found.faces.ids[positions[kept]]
        columns[f"{prefix}class"] = names[found.faces.labels[positions[kept]]]
    for name in ("kinds", "bits", "correlations"):
        columns[name.removesuffix("s") if name != "bits" else name] = getattr(candidates, name)[
            kept
        ]
    return pd.DataFrame(columns)


def csv_against_folder(found):
    """Return how the two forms pair up: a row for training, one for the rest.

    Returns:
        Columns `part`, `CSV` and `folders` (images), `pairs`, `CSV only`, `folders only`,
        `different labels`, `other part` (pairs whose images stand in different parts), and the
        pairs' `mean distance` and `largest distance` in rms grey levels.
    """
    pairs, rows = found.forms, []
    in_training = [
        split_names(faces.ids) == "Training" for faces in (found.faces, found.folder_faces)
    ]
    first_in, second_in = (pairs[name] == "Training" for name in ("split", "second_split"))
    for part, is_training in (("training", True), ("test", False)):
        csv, folders = (int((mask == is_training).sum()) for mask in in_training)
        here = pairs[first_in == is_training]
        rows.append(
            {
                "part": part,
                "CSV": csv,
                "folders": folders,
                "pairs": len(here),
                "CSV only": csv - len(here),
                "folders only": folders - int((second_in == is_training).sum()),
                "different labels": int((here["class"] != here["second_class"]).sum()),
                "other part": int((first_in != second_in)[here.index].sum()),
                "mean distance": here["distance"].mean(),
                "largest distance": here["distance"].max(),
            }
        )
    return pd.DataFrame(rows)


def ferplus_by_class(found):
    """Return where FER+'s majority differs from FER2013's label, for each class and all.

    Returns:
        Columns `class`, `images`, `no face` (without an image name), `no majority` (left out by
        FER+ for this or another reason), `same label`, `other label`, the `share` of other labels
        among those with one, and the `commonest other`.
    """
    table = found.ferplus
    parts = [(name, table[table["class"] == name]) for name in found.faces.class_names]
    rows = []
    for name, part in [("all", table), *parts]:
        labelled = part[part["ferplus"] != ""]
        other = labelled[labelled["class"] != labelled["ferplus"]]
        rows.append(
            {
                "class": name,
                "images": len(part),
                "no face": int((~part["is_face"]).sum()),
                "no majority": int(((part["ferplus"] == "") & part["is_face"]).sum()),
                "same label": len(labelled) - len(other),
                "other label": len(other),
                "share": len(other) / len(labelled) if len(labelled) else np.nan,
                "commonest other": other["ferplus"].mode().iloc[0]
                if len(other) and name != "all"
                else "",
            }
        )
    return pd.DataFrame(rows)


def summary(found):
    """Return the audit's record: columns `what`, `split`, `count` and `share` of the split."""
    faces, splits = found.faces, split_names(found.faces.ids)
    groups = copy_groups(faces.images)
    repeated = np.ones(len(faces), bool)
    repeated[np.unique(groups, return_index=True)[1]] = False
    marks = {
        "images": np.ones(len(faces), bool),
        "exact copies of an earlier image": repeated,
        "images with an exact copy": (found.exact > 0).any(axis=1),
        "images with a near copy": found.near.any(axis=1),
        "identical images with different labels": _marked(found, found.conflicts),
    }
    for kind in ("blank", "nearly blank"):
        marks[f"{kind} images"] = _marked(found, found.blanks[found.blanks["kind"] == kind])
    rows = _counted(marks, splits, ["all", *found.splits])
    if "Training" in found.splits:
        exact, near = found.exact["Training"] > 0, found.near["Training"]
        marks = {
            "images with an exact copy in Training": exact,
            "images with a near copy in Training": near,
            "images with an exact or near copy in Training": exact | near,
        }
        rows += _counted(marks, splits, [name for name in found.splits if name != "Training"])
    rows += [
        {
            "what": "groups of identical images with different labels",
            "split": "all",
            "count": found.conflicts["group"].nunique(),
        },
        {"what": "pairs of near copies", "split": "all", "count": int(found.confirmed.sum())},
    ]
    if found.forms is not None:
        differ = int((found.forms["class"] != found.forms["second_class"]).sum())
        rows += [
            {
                "what": "images paired with one of the folders",
                "split": "all",
                "count": len(found.forms),
                "share": len(found.forms) / len(faces),
            },
            {
                "what": "pairs with different labels",
                "split": "all",
                "count": differ,
                "share": differ / max(len(found.forms), 1),
            },
        ]
    if found.ferplus is not None:
        row = ferplus_by_class(found).iloc[0]
        rows += [
            {
                "what": f"FER+: {what}",
                "split": "all",
                "count": row[what],
                "share": row[what] / row["images"],
            }
            for what in ("no face", "no majority", "same label", "other label")
        ]
    rows += [
        {
            "what": f"images of {row['class']}",
            "split": split,
            "count": row[split],
            "share": row[split] / (splits == split).sum(),
        }
        for split in found.splits
        for row in class_balance(found).to_dict("records")
    ]
    return pd.DataFrame(rows)


def _counted(marks, splits, names):
    rows = []
    for what, mark in marks.items():
        for name in names:
            here = np.ones(len(splits), bool) if name == "all" else splits == name
            count = int((mark & here).sum())
            rows.append({"what": what, "split": name, "count": count, "share": count / here.sum()})
    return rows


def _marked(found, table):
    marked = np.zeros(len(found.faces), bool)
    marked[table["position"]] = True
    return marked


def _copies(found, copies, keys):
    faces = found.faces
    splits = split_names(faces.ids)
    has = copies.to_numpy() > 0
    own = np.array([found.splits.index(name) for name in splits], int)
    in_own = has[np.arange(len(faces)), own]
    has[np.arange(len(faces)), own] = False
    columns = {
        "split": splits,
        "class": np.array(faces.class_names)[faces.labels],
        "images": 1,
        "copy in the same split": in_own,
        "copy in another split": has.any(axis=1),
    }
    if "Training" in found.splits and len(found.splits) > 1:
        columns["copy in Training"] = has[:, found.splits.index("Training")]
    table = pd.DataFrame(columns)
    orders = {"split": found.splits, "class": list(faces.class_names)}
    for key in keys:
        table[key] = pd.Categorical(table[key], orders[key])
    counted = table.groupby(keys, observed=True).sum(numeric_only=True).reset_index()
    if "copy in Training" in counted:
        counted["share in Training"] = counted["copy in Training"] / counted["images"]
    return counted
