"""Pair the images of two storage forms by their pixels."""

from dataclasses import dataclass, replace

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE, copy_groups, split_names
from fer_keras.utils.watching import bar

BLOCK = 4
"""Side, in pixels, of the blocks whose mean grey levels stand for an image in the search."""

MAX_DISTANCE = 8.0
"""Largest rms distance of a pair, in grey levels: FER2013's lie near 1.75, others beyond 20."""


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
    for label in bar(range(len(first.class_names)), "Pairing the images of both forms", "classes"):
        one, two = np.flatnonzero(first.labels == label), np.flatnonzero(second.labels == label)
        while len(found := _mutual_nearest(first.images[one], second.images[two])):
            pairs += zip(one[found[:, 0]], two[found[:, 1]], strict=True)
            one, two = np.delete(one, found[:, 0]), np.delete(two, found[:, 1])
    pairs = np.array(sorted(pairs), int).reshape(-1, 2)
    distances = _rms_distance(first.images[pairs[:, 0]], second.images[pairs[:, 1]])
    close = distances <= MAX_DISTANCE
    return Pairing(pairs[close, 0], pairs[close, 1], distances[close])


def pair_within_parts(first, second):
    """Pair two storage forms by pixels, in Training and in the rest.

    A test image is never paired with its copy in Training.

    Args:
        first: `Faces` of any splits.
        second: `Faces`; splits other than `Training` may have other names, and classes another
            order.

    Returns:
        A `Pairing`, as `pair_images` finds it in each class of either part.
    """
    names = tuple(dict.fromkeys([*first.class_names, *second.class_names]))
    return pair_images(_by_part(first, names), _by_part(second, names))


def _by_part(faces, names):
    """Return the faces with a class of its own for each of `names` in Training and elsewhere."""
    labels = np.array([names.index(name) for name in faces.class_names])[faces.labels]
    in_training = split_names(faces.ids) == "Training"
    return replace(faces, labels=labels + len(names) * in_training, class_names=2 * names)


def _mutual_nearest(first, second):
    """Return the pairs as an int array `(p, 2)`; empty where either side is."""
    # Imported here, because reading faces should not cost scikit-learn's second and 125 MB.
    from sklearn.metrics import pairwise_distances_argmin

    if not len(first) or not len(second):
        return np.empty((0, 2), int)
    ones, twos = _copies(first), _copies(second)
    means_1, means_2 = _block_means(first, ones), _block_means(second, twos)
    nearest_2 = pairwise_distances_argmin(means_1, means_2)
    nearest_1 = pairwise_distances_argmin(means_2, means_1)
    mutual = np.flatnonzero(nearest_1[nearest_2] == np.arange(len(ones)))
    pairs = [zip(ones[place], twos[nearest_2[place]], strict=False) for place in mutual]
    return np.array([pair for copies in pairs for pair in copies])


def _copies(images):
    """Return the positions of equal images, an array for each group."""
    groups = copy_groups(images)
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def _block_means(images, copies):
    """Return the mean grey levels of the blocks of one image a group."""
    images = images[[places[0] for places in copies]]
    side = IMAGE_SIZE // BLOCK
    blocks = images.reshape(len(images), side, BLOCK, side, BLOCK)
    return blocks.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)


def _rms_distance(first, second):
    pairs = zip(first, second, strict=True)
    return np.sqrt([np.mean((one.astype(np.float32) - other) ** 2) for one, other in pairs])
