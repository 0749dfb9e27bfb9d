"""Pairing the images of two storage forms by their pixels."""

from dataclasses import dataclass

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE, copy_groups

BLOCK = 4
"""Side, in pixels, of the blocks whose mean grey levels stand for an image in the search."""

MAX_DISTANCE = 8.0
"""Largest rms distance, in grey levels, between a pixel image and its JPEG copy.

FER2013's pairs lie near 1.75, images of different faces beyond 20.
"""


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
    """Pair the images of two storage forms of one data set by their pixels.

    Within each class, two images are a pair where each is the other's nearest; exact copies pair
    in their order. This is repeated with those left over until no more pairs are found. Pairs
    further apart than `MAX_DISTANCE` do not count.

    Args:
        first: `Faces`.
        second: `Faces` with the same classes.

    Returns:
        A `Pairing`, without the images that only one form has.
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
