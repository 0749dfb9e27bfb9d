"""What is wrong with a data set: copies, conflicts, blanks, and its two storage forms compared."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fer_keras.faces import IMAGE_SIZE, copy_groups, split_names

NEARLY_BLANK = 5.0
"""Standard deviation, in grey levels, below which an image is nearly blank.

FER2013's faintest face has 9; what lies below 5 shows nothing.
"""

BLOCK = 4
"""Side, in pixels, of the blocks whose mean grey levels stand for an image in the search."""

MAX_DISTANCE = 8.0
"""Largest rms distance, in grey levels, between a pixel image and its JPEG copy.

FER2013's pairs lie near 1.75, images of different faces beyond 20.
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


@dataclass(frozen=True)
class Pairing:
    """Which images of two storage forms are the same picture.

    Args:
        first: int array `(p,)`, positions in the first `Faces`, ascending.
        second: int array `(p,)`, the matching positions in the second.
        distances: float array `(p,)`, rms difference of each pair in grey levels.
    """

    first: np.ndarray
    second: np.ndarray
    distances: np.ndarray


def pair_images(first, second):
    """Pair the images of two storage forms of one data set, pixels against lossy copies, say.

    Within each class, images pair up where each is the other's nearest, exact copies among each
    other in order; then those left over, until no more do. Pairs further apart than
    `MAX_DISTANCE` do not count.

    Args:
        first: `Faces`.
        second: `Faces` with the same classes.

    Returns:
        A `Pairing`; what is in one form only is in no pair.
    """
    pairs = []
    for label in range(len(first.class_names)):
        one, two = np.flatnonzero(first.labels == label), np.flatnonzero(second.labels == label)
        while len(found := _mutual_nearest(first.images[one], second.images[two])):
            pairs += zip(one[found[:, 0]], two[found[:, 1]], strict=True)
            one, two = np.delete(one, found[:, 0]), np.delete(two, found[:, 1])
    pairs = np.array(sorted(pairs), int).reshape(-1, 2)
    distances = _rms_distance(first.images[pairs[:, 0]], second.images[pairs[:, 1]])
    close = distances <= MAX_DISTANCE
    return Pairing(pairs[close, 0], pairs[close, 1], distances[close])


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


def _mutual_nearest(first, second):
    """Return the pairs as an int array `(p, 2)`; empty where either side is."""
    if not len(first) or not len(second):
        return np.empty((0, 2), int)
    first_members, second_members = _copies(first), _copies(second)
    first_means = _block_means(first[[members[0] for members in first_members]])
    second_means = _block_means(second[[members[0] for members in second_members]])
    nearest_second = _nearest(first_means, second_means)
    nearest_first = _nearest(second_means, first_means)
    return np.array(
        [
            pair
            for place, other in enumerate(nearest_second)
            if nearest_first[other] == place
            for pair in zip(first_members[place], second_members[other], strict=False)
        ]
    )


def _copies(images):
    groups = copy_groups(images)
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def _block_means(images):
    side = IMAGE_SIZE // BLOCK
    blocks = images.reshape(len(images), side, BLOCK, side, BLOCK)
    return blocks.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)


def _nearest(points, candidates, rows_at_once=1024):
    norms = (candidates**2).sum(axis=1)
    return np.concatenate(
        [
            (norms - 2 * points[start : start + rows_at_once] @ candidates.T).argmin(axis=1)
            for start in range(0, len(points), rows_at_once)
        ]
    )


def _rms_distance(first, second):
    return np.array(
        [
            np.sqrt(np.mean((one.astype(np.float32) - two) ** 2))
            for one, two in zip(first, second, strict=True)
        ]
    )
