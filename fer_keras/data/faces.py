"""Labelled face images, and the splits that a network learns and is tested on."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_keras.data.memory import allocate, select

IMAGE_SIZE = 48
"""Height and width of every face, in pixels."""

NO_SPLIT = "all"
"""The split part of the ids where a data set comes undivided."""


@dataclass(frozen=True)
class Faces:
    """Labelled grayscale faces.

    Args:
        images: uint8 array `(n, 48, 48)`, grey levels 0 (black) to 255 (white).
        labels: integer array `(n,)`, indices into `class_names`.
        ids: string array `(n,)`, unique, each `"<split>/<name>"`: the split that the data set
            itself assigns (`Training`, `PublicTest`, `PrivateTest`, ...) and the row or file.
        class_names: the class that each label stands for.
        targets: float32 array `(n, num_classes)` of shares from 0 to 1 whose rows sum to 1, to
            train on instead of the one-hot labels; `None` for these.

    Raises:
        ValueError: if the shapes, dtypes, label range or targets do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    class_names: tuple[str, ...]
    targets: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.images)
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
            raise ValueError(
                f"Faces need uint8 images of shape (n, {IMAGE_SIZE}, {IMAGE_SIZE}); "
                f"got {self.images.dtype} {self.images.shape}."
            )
        if self.labels.shape != (count,) or self.ids.shape != (count,):
            raise ValueError(
                f"{count} images need {count} labels and ids; "
                f"got {self.labels.shape} labels and {self.ids.shape} ids."
            )
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(
                f"Labels must lie in 0..{len(self.class_names) - 1}; "
                f"got {self.labels.min()}..{self.labels.max()}."
            )
        if self.targets is not None:
            self._check_targets()

    def _check_targets(self):
        shape = (len(self.images), len(self.class_names))
        if self.targets.dtype != np.float32 or self.targets.shape != shape:
            raise ValueError(
                f"Targets must be float32 of shape {shape}; "
                f"got {self.targets.dtype} {self.targets.shape}."
            )
        sums = self.targets.sum(axis=1)
        if (self.targets < 0).any() or not np.allclose(sums, 1, atol=1e-4):
            raise ValueError("Targets must be shares from 0 to 1 whose rows sum to 1.")

    def __len__(self):
        return len(self.images)

    def select(self, index):
        """Return some of the faces.

        Args:
            index: integers, a boolean mask or a slice; a slice gives views, without copying.

        Returns:
            `Faces` in the order of `index`.
        """
        return replace(
            self,
            images=select(self.images, index),
            labels=self.labels[index],
            ids=self.ids[index],
            targets=None if self.targets is None else self.targets[index],
        )

    def class_counts(self):
        """Return how many faces each class has: an int array `(num_classes,)`."""
        return np.bincount(self.labels, minlength=len(self.class_names))


@dataclass(frozen=True)
class Splits:
    """The faces to learn from, to choose by, and to report on.

    Args:
        train: the faces that the weights are fitted to.
        test: the faces that scores are reported on, never used to choose anything.
        validation: the faces that the epoch is chosen by; `None` until they are cut out of
            `train` by `splitting.cut_validation`.
        notes: sentences on what the reader met: files ignored, rows skipped.
        name: the data set's name, such as `fer2013`, `raf-db` or a folder's own.
        folder: the `Path` that holds the `train/<class>/` which `train` was read from; `None`
            if it was read from something else.
    """

    train: Faces
    test: Faces
    validation: Faces | None = None
    notes: tuple[str, ...] = ()
    name: str = "fer2013"
    folder: Path | None = None

    def leaked(self):
        """Return which test faces have an exact copy in training or validation.

        Validation counts too, because it chooses the epoch.

        Returns:
            A boolean array `(len(test),)`.
        """
        parts = filter(None, (self.train, self.validation))
        seen = {digest for part in parts for digest in _digests(part.images)}
        return np.array([digest in seen for digest in _digests(self.test.images)], bool)


def keep_classes(faces, class_names):
    """Return the faces of some classes only.

    Targets lose the other classes' shares and are scaled to sum to 1 again.

    Args:
        faces: `Faces`.
        class_names: names out of `faces.class_names`.

    Returns:
        `Faces` in the same order, labelled by their place in `class_names`.
    """
    columns = [faces.class_names.index(name) for name in class_names]
    places = np.full(len(faces.class_names), -1)
    places[columns] = np.arange(len(columns))
    labels = places[faces.labels]
    kept = faces.select(labels >= 0)
    targets = kept.targets
    if targets is not None:
        targets = targets[:, columns] / targets[:, columns].sum(axis=1, keepdims=True)
    return replace(
        kept, labels=labels[labels >= 0], class_names=tuple(class_names), targets=targets
    )


def split_names(ids):
    """Return the split part of each id.

    Args:
        ids: string array `(n,)` of `"<split>/<name>"`.

    Returns:
        A string array `(n,)`.
    """
    return np.array([name.split("/", 1)[0] for name in ids], dtype=str)


def concatenate(first, second):
    """Return the faces of one part followed by those of another.

    Args:
        first: `Faces`.
        second: `Faces` with the same classes.

    Returns:
        `Faces`, with targets if both parts have them.

    Raises:
        ValueError: if the classes differ, or only one part has targets.
    """
    if first.class_names != second.class_names:
        raise ValueError(f"Different classes: {first.class_names} and {second.class_names}.")
    has_targets = [faces.targets is not None for faces in (first, second)]
    if any(has_targets) != all(has_targets):
        raise ValueError("Only one of the two parts has targets; give both some, or neither.")
    images = allocate((len(first) + len(second), IMAGE_SIZE, IMAGE_SIZE))
    return Faces(
        np.concatenate([first.images, second.images], out=images),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.ids, second.ids]),
        first.class_names,
        np.concatenate([first.targets, second.targets]) if all(has_targets) else None,
    )


def copy_groups(images):
    """Return which images are equal byte by byte.

    Args:
        images: uint8 array `(n, height, width)`.

    Returns:
        An int array `(n,)`: equal images, and only they, share a number; numbers count up from
        0 in order of first appearance.
    """
    numbers = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in _digests(images)], int)


def _digests(images):
    """Yield 16 bytes an image, which are equal for equal pixels only."""
    return (hashlib.blake2b(image, digest_size=16).digest() for image in images)
