"""What is wrong with a data set: copies, conflicts, blanks, and its two storage forms compared."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_keras.data.faces import copy_groups, split_names
from fer_keras.data.pairing import pair_images

NEARLY_BLANK = 5.0
"""Standard deviation, in grey levels, below which an image is nearly blank.

FER2013's faintest face has 9; what lies below 5 shows nothing.
"""


def exact_copies(faces):
    """Count the exact copies of each image in each split, the image itself not among them.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame of ints, one row a face in their order, one column a split.
    """
    splits, columns, counts, groups = _counts_by_group(faces)
    own = counts[groups]
    own[np.arange(len(faces)), columns] -= 1
    return pd.DataFrame(own, columns=splits)


def near_copies(faces, first, second):
    """Tell in which splits each image has a near copy; its exact copies share its near ones.

    Args:
        faces: `Faces`.
        first: int array `(p,)`, positions of the one image of each pair.
        second: int array `(p,)`, positions of the other.

    Returns:
        A boolean DataFrame, one row a face in their order, one column a split.
    """
    splits, _, counts, groups = _counts_by_group(faces)
    near = np.zeros(counts.shape, bool)
    np.logical_or.at(near, groups[first], counts[groups[second]] > 0)
    np.logical_or.at(near, groups[second], counts[groups[first]] > 0)
    return pd.DataFrame(near[groups], columns=splits)


def conflicts(faces):
    """Find identical images with different labels, in whatever splits.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `group`, counted from 1, `position` in `faces`, `id`,
        `split` and `class`.
    """
    table = _described(faces, np.arange(len(faces))).assign(group=copy_groups(faces.images))
    labels = table.groupby("group")["class"].transform("nunique")
    found = table[labels > 1].sort_values(["group", "position"], ignore_index=True)
    found["group"] = found.groupby("group").ngroup() + 1
    return found[["group", "position", "id", "split", "class"]]


def blanks(faces):
    """Find images that show nothing.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `position` in `faces`, `id`, `split`, `class`, `kind`
        (`blank`: all pixels are equal; `nearly blank`: they deviate by less than `NEARLY_BLANK`),
        `level` (the mean grey level) and `deviation` (standard, in grey levels).
    """
    pixels = faces.images.reshape(len(faces), -1)
    deviations = np.array([image.std() for image in pixels])
    found = np.flatnonzero(deviations < NEARLY_BLANK)
    return _described(faces, found).assign(
        kind=np.where(deviations[found] == 0, "blank", "nearly blank"),
        level=pixels[found].mean(axis=1),
        deviation=deviations[found],
    )


def _counts_by_group(faces):
    """Return the splits; each face's split, as a place; counts `(groups, splits)`; the groups."""
    names = split_names(faces.ids)
    splits = list(dict.fromkeys(names.tolist()))
    columns = np.array([splits.index(name) for name in names], int)
    groups = copy_groups(faces.images)
    counts = np.zeros((groups.max(initial=-1) + 1, len(splits)), int)
    np.add.at(counts, (groups, columns), 1)
    return splits, columns, counts, groups


def _described(faces, positions):
    part = faces.select(positions)
    classes = np.array(faces.class_names)[part.labels]
    return pd.DataFrame(
        {"position": positions, "id": part.ids, "split": split_names(part.ids), "class": classes}
    )


def pair_forms(first, second):
    """Pair two storage forms, first by split and class, then what is left over regardless of them.

    Args:
        first: `Faces` of all splits.
        second: `Faces` with the same classes; splits other than `Training` may have other names.

    Returns:
        A DataFrame, one row a pair: `first` and `second`, positions; `distance`, rms grey levels;
        `split`, `class`, `second_split` and `second_class`.
    """
    in_training = [split_names(faces.ids) == "Training" for faces in (first, second)]
    pairs = [
        _pair_some(first, second, *(np.flatnonzero(mask == part) for mask in in_training))
        for part in (True, False)
    ]
    left = [
        np.setdiff1d(np.arange(len(faces)), np.concatenate([part[side] for part in pairs]))
        for faces, side in ((first, "first"), (second, "second"))
    ]
    unlabelled = [replace(faces, labels=np.zeros_like(faces.labels)) for faces in (first, second)]
    pairs = pd.concat([*pairs, _pair_some(*unlabelled, *left)], ignore_index=True)
    one, two = (
        _described(faces, pairs[side].to_numpy())
        for faces, side in zip((first, second), ("first", "second"), strict=True)
    )
    return pairs.assign(
        split=one["split"],
        second_split=two["split"],
        **{"class": one["class"], "second_class": two["class"]},
    )


def _pair_some(first, second, one, two):
    found = pair_images(first.select(one), second.select(two))
    return pd.DataFrame(
        {"first": one[found.first], "second": two[found.second], "distance": found.distances}
    )
