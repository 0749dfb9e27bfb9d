"""Find copies, conflicts and blanks; compare two storage forms."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_keras.data.faces import copy_groups, split_names
from fer_keras.data.near_copies import NEARLY_BLANK
from fer_keras.data.pairing import pair_images, pair_within_parts


def describe(faces):
    """Return each face's `id`, `split` and `class`, a DataFrame of texts.

    Args:
        faces: `Faces`.
    """
    classes = np.array(faces.class_names)[faces.labels]
    return pd.DataFrame({"id": faces.ids, "split": split_names(faces.ids), "class": classes})


def split_columns(faces):
    """Return a boolean DataFrame: a row a face, a column a split in order.

    Args:
        faces: `Faces`.
    """
    splits = split_names(faces.ids)
    return pd.DataFrame({name: splits == name for name in dict.fromkeys(splits.tolist())})


def exact_copies(faces):
    """Count each image's exact copies, without itself: a column a split.

    Args:
        faces: `Faces`.
    """
    own = split_columns(faces).astype(int)
    return own.groupby(copy_groups(faces.images)).transform("sum") - own


def near_copies(faces, first, second):
    """Find the splits that hold a near copy of each image.

    Exact copies of an image have the same near copies.

    Args:
        faces: `Faces`.
        first: int array `(p,)`, positions of the first image of each pair of near copies.
        second: int array `(p,)`, positions of the second.

    Returns:
        A boolean DataFrame, one row a face in their order, one column a split.
    """
    groups = copy_groups(faces.images)
    held = split_columns(faces).groupby(groups).any()
    here, there = groups[np.r_[first, second]], groups[np.r_[second, first]]
    near = held.loc[there].groupby(here).any()
    return near.reindex(groups, fill_value=False).reset_index(drop=True)


def conflicts(faces):
    """Find identical images with different labels, in any splits.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `group` (from 1), `position`, `id`, `split` and `class`.
    """
    groups = copy_groups(faces.images)
    table = describe(faces).rename_axis("position").reset_index()
    found = table[table.groupby(groups)["class"].transform("nunique") > 1]
    found.insert(0, "group", pd.factorize(groups[found.index])[0] + 1)
    return found.sort_values(["group", "position"], ignore_index=True)


def blanks(faces):
    """Find images that show nothing.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `position`, `id`, `split`, `class`, `kind` (`blank`: all
        pixels are equal; `nearly blank`: their deviation is below `NEARLY_BLANK`), `level` (mean)
        and `deviation` (standard), both in grey levels.
    """
    deviations = np.array([image.std() for image in faces.images])
    found = np.flatnonzero(deviations < NEARLY_BLANK)
    table = describe(faces).rename_axis("position").loc[found].reset_index()
    return table.assign(
        kind=np.where(deviations[found] == 0, "blank", "nearly blank"),
        level=faces.images[found].mean(axis=(1, 2)),
        deviation=deviations[found],
    )


def pair_forms(first, second):
    """Pair two storage forms of a data set by their pixels.

    Images are paired within Training and the rest, and within each class; then those left over,
    whatever their split and class.

    Args:
        first: `Faces` of all splits.
        second: `Faces`; splits other than `Training` may have other names.

    Returns:
        A DataFrame, one row a pair: `first` and `second` (positions), `distance` (rms grey
        levels), `split`, `class`, `second_split` and `second_class`.
    """
    close = pair_within_parts(first, second)
    left = np.delete(np.arange(len(first)), close.first)
    second_left = np.delete(np.arange(len(second)), close.second)
    rest = pair_images(_one_class(first.select(left)), _one_class(second.select(second_left)))
    one = np.r_[close.first, left[rest.first]]
    two = np.r_[close.second, second_left[rest.second]]
    distances = np.r_[close.distances, rest.distances]
    described = describe(first.select(one)), describe(second.select(two)).add_prefix("second_")
    pairs = pd.DataFrame({"first": one, "second": two, "distance": distances}).join(described)
    return pairs.drop(columns=["id", "second_id"])


def _one_class(faces):
    return replace(faces, labels=np.zeros_like(faces.labels))
