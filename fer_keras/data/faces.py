"""Labelled face images, and how they are divided into splits."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_keras.data.memory import allocate, select
from fer_keras.utils.errors import InputError

IMAGE_SIZE = 48
"""Height and width of every face, in pixels."""

NO_SPLIT = "all"
"""The split part of the ids where a data set is not divided."""


@dataclass(frozen=True)
class Faces:
    """Labelled grayscale faces.

    Args:
        images: uint8 array `(n, 48, 48)`, grey levels 0 (black) to 255 (white).
        labels: integer array `(n,)`, indices into `class_names`.
        ids: string array `(n,)`, unique, each `"<split>/<name>"`: the data set's own split
            (`Training`, `PublicTest`, `PrivateTest`, ...) and the row or file.
        class_names: the class that each label stands for.
        targets: float32 array `(n, num_classes)` of shares whose rows sum to 1, to train on
            instead of the labels; or `None`.
        groups: integer array `(n,)`, equal for faces of one person or sequence, in all parts of
            `Splits` alike; or `None`.

    Raises:
        InputError: if these are no arrays, or their shapes, dtypes, label range, targets or groups
            do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    class_names: tuple[str, ...]
    targets: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __post_init__(self):
        images, labels, ids = self.images, self.labels, self.ids
        for name, array in {"images": images, "labels": labels, "ids": ids}.items():
            if not isinstance(array, np.ndarray):
                raise InputError(f"The {name} are of type {type(array).__name__}; give an array.")
        count = len(images)
        if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
            raise InputError(
                f"Faces need uint8 images of shape (n, {IMAGE_SIZE}, {IMAGE_SIZE}); "
                f"got {images.dtype} {images.shape}."
            )
        if labels.shape != (count,) or ids.shape != (count,):
            raise InputError(
                f"{count} images need {count} labels and ids; "
                f"got {labels.shape} labels and {ids.shape} ids."
            )
        last = len(self.class_names) - 1
        if not np.issubdtype(labels.dtype, np.integer):
            raise InputError(f"Labels must be integers; got {labels.dtype}.")
        if count and not 0 <= labels.min() <= labels.max() <= last:
            raise InputError(f"Labels must lie in 0..{last}; got {labels.min()}..{labels.max()}.")
        if self.targets is not None:
            _check_targets(self.targets, (count, last + 1))
        if self.groups is not None:
            _check_groups(self.groups, count)

    def __len__(self):
        return len(self.images)

    def select(self, index):
        """Return some of the faces, in the order of `index`.

        Args:
            index: integers, a boolean mask or a slice; a slice gives views, without copying.
        """
        return replace(
            self,
            images=select(self.images, index),
            labels=self.labels[index],
            ids=self.ids[index],
            targets=None if self.targets is None else self.targets[index],
            groups=None if self.groups is None else self.groups[index],
        )

    def class_counts(self):
        """Return how many faces each class has: an int array `(num_classes,)`."""
        return np.bincount(self.labels, minlength=len(self.class_names))


@dataclass(frozen=True)
class Splits:
    """The faces to learn from, to choose the epoch by, and to report on.

    Args:
        train: the faces that the weights are fitted to.
        test: the faces that scores are reported on, never used to choose anything.
        validation: the faces that the epoch is chosen by; `None` until
            `splitting.cut_validation` cuts them out of `train`.
        notes: sentences on what the reader met: files ignored, rows skipped.
        name: the data set's name, such as `fer2013`, `raf-db` or a folder's own.
        folder: the `Path` that holds the `train/<class>/` which `train` was read from, if any.
        without_copies: whether copies of test faces, near ones too, were dropped from `train`.
        storage: the form that `load_data` read, `csv` or `folder`; `None` where it did not.
        division: how `load_data` divided them; `None` where it did not.
        labels: which labels `load_data` read; `None` where it did not.

    Raises:
        InputError: if the parts are no `Faces`, or have other classes, or these in another order.
    """

    train: Faces
    test: Faces
    validation: Faces | None = None
    notes: tuple[str, ...] = ()
    name: str = "faces"
    folder: Path | None = None
    without_copies: bool = False
    storage: str | None = None
    division: str | None = None
    labels: str | None = None

    def __post_init__(self):
        parts = [self.train, self.test]
        if self.validation is not None:
            parts.append(self.validation)
        for part in parts:
            if not isinstance(part, Faces):
                raise InputError(
                    f"Splits take Faces, and were given {type(part).__name__}; make them by "
                    "Faces(images, labels, ids, class_names)."
                )
        names = self.train.class_names
        for part in parts[1:]:
            if tuple(part.class_names) != tuple(names):
                raise InputError(
                    f"The training faces have the classes {', '.join(names)}, and others of these "
                    f"Splits {', '.join(part.class_names)}; give all parts the same ones, in the "
                    "same order."
                )

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
    """Return the faces of some classes only, in the same order.

    Args:
        faces: `Faces`; their targets lose the other classes and are scaled to sum to 1 again.
        class_names: names out of `faces.class_names`; a label is a place among them.

    Raises:
        InputError: if a face's targets are all of other classes.
    """
    columns = [faces.class_names.index(name) for name in class_names]
    places = np.full(len(faces.class_names), -1)
    places[columns] = np.arange(len(columns))
    kept = faces.select(places[faces.labels] >= 0)
    targets = kept.targets
    if targets is not None:
        targets = targets[:, columns]
        if not all(is_left := targets.any(axis=1)):
            raise InputError(
                f"The targets of {kept.ids[~is_left][0]} are all of other classes than "
                f"{', '.join(class_names)}; leave such faces out, or keep more classes."
            )
        targets = targets / targets.sum(axis=1, keepdims=True)
    labels = places[kept.labels]
    return replace(kept, labels=labels, class_names=tuple(class_names), targets=targets)


def split_names(ids):
    """Return the split part of each id: a string array `(n,)`.

    Args:
        ids: string array `(n,)` of `"<split>/<name>"`.
    """
    return np.array([name.split("/", 1)[0] for name in ids], dtype=str)


def concatenate(first, second):
    """Return the faces of one part followed by those of another.

    Args:
        first: `Faces`.
        second: `Faces` with the same classes, and targets and groups if `first` has some.

    Raises:
        ValueError: if the classes differ, or only one part has targets, or groups.
    """
    if first.class_names != second.class_names:
        raise ValueError(f"Different classes: {first.class_names} and {second.class_names}.")
    optional = {}
    for name in ("targets", "groups"):
        arrays = [getattr(part, name) for part in (first, second)]
        if (arrays[0] is None) != (arrays[1] is None):
            raise ValueError(f"Only one of the two parts has {name}; give both some, or neither.")
        optional[name] = None if arrays[0] is None else np.concatenate(arrays)
    images = allocate((len(first) + len(second), IMAGE_SIZE, IMAGE_SIZE))
    return Faces(
        np.concatenate([first.images, second.images], out=images),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.ids, second.ids]),
        first.class_names,
        **optional,
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


def _check_groups(groups, count):
    if not isinstance(groups, np.ndarray) or not np.issubdtype(groups.dtype, np.integer):
        kind = getattr(groups, "dtype", type(groups).__name__)
        raise InputError(f"Groups are of type {kind}; give an array of integers, one a face.")
    if groups.shape != (count,):
        raise InputError(f"{count} images need {count} groups; got {groups.shape}.")


def _check_targets(targets, shape):
    if not isinstance(targets, np.ndarray):
        raise InputError(f"The targets are of type {type(targets).__name__}; give an array.")
    if targets.dtype != np.float32 or targets.shape != shape:
        raise InputError(
            f"Targets must be float32 of shape {shape}; got {targets.dtype} {targets.shape}."
        )
    if (targets < 0).any() or not np.allclose(targets.sum(axis=1), 1, atol=1e-4):
        raise InputError("Targets must be shares from 0 to 1 whose rows sum to 1.")
