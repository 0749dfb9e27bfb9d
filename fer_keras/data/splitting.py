"""Divisions of faces into training, validation and test."""

import warnings
from contextlib import suppress
from dataclasses import replace

import numpy as np

from fer_keras.data.faces import Splits, keep_classes
from fer_keras.data.grouping import groups_of
from fer_keras.data.near_copies import find_copies
from fer_keras.utils.errors import InputError

TEST_FRACTION = 0.2
"""Share of all faces that a random division tests on, as studies D and E do."""


def split_at_random(faces, seed, notes=()):
    """Divide faces at random into training and test: stratified, 80/20.

    Faces with `groups` are divided by them, so that no person is on both sides. Of others, exact
    copies may be on both sides, as in the studies that divide so.

    Args:
        faces: `Faces`; both parts keep their order and ids.
        seed: integer that fixes the division.
        notes: the `notes` of the result.

    Returns:
        `Splits` without validation.

    Raises:
        InputError: if a class has too few faces or groups.
    """
    if faces.groups is None:
        train, test = _stratified_parts(faces.labels, TEST_FRACTION, seed)
    else:
        train, test = _parts_by_group(faces.labels, groups_of(faces), TEST_FRACTION, seed)
    return Splits(faces.select(train), faces.select(test), notes=tuple(notes))


def cut_validation(splits, fraction, seed):
    """Cut validation faces out of training: stratified, copies on one side.

    Whole groups of equal images are drawn, each by the class of its first member, so that no
    validation image is learnt. Near copies may be on both sides. Faces with `groups` are divided by
    them.

    Args:
        splits: `Splits` without validation.
        fraction: share of `train` to cut out, between 0 and 1 (exclusive).
        seed: integer that fixes the choice.

    Returns:
        `Splits` whose `train` and `validation` keep the order of the former `train`.

    Raises:
        InputError: if a class has too few faces or groups.
    """
    faces, groups = splits.train, groups_of(splits.train)
    if faces.groups is None:
        _, first_members = np.unique(groups, return_index=True)
        kept, _ = _stratified_parts(faces.labels[first_members], fraction, seed)
        in_train = np.isin(groups, kept)
        train, validation = faces.select(in_train), faces.select(~in_train)
    else:
        train, validation = map(faces.select, _parts_by_group(faces.labels, groups, fraction, seed))
    return replace(splits, train=train, validation=validation)


def choose_classes(splits, class_names):
    """Return the faces of some classes, in all parts.

    Args:
        splits: `Splits`.
        class_names: names of the classes to keep, in any order; empty or `None`: all.

    Raises:
        InputError: if the data lacks a class.
    """
    known = splits.train.class_names
    if unknown := [name for name in class_names or () if name not in known]:
        raise InputError(
            f"The data has no class {', '.join(unknown)}; its classes are {', '.join(known)}."
        )
    kept = tuple(name for name in known if name in (class_names or known))
    if kept == known:
        return splits
    parts = {name: getattr(splits, name) for name in ("train", "test", "validation")}
    return replace(splits, **{n: keep_classes(part, kept) for n, part in parts.items() if part})


def drop_test_copies(splits):
    """Drop training faces that are exact or near copies of test faces.

    All test faces are then new to the network. To leave the copied ones out of the test instead
    would change what is measured: they are easier also for a network that never saw them.

    Args:
        splits: `Splits`; faces that were cut out for validation are dropped likewise.

    Returns:
        `Splits` with a note that counts what was dropped; unchanged if that was done before.
    """
    if splits.without_copies:
        return splits
    parts, counts = {}, np.zeros(2, int)
    for name in ("train", "validation"):
        if faces := getattr(splits, name):
            exact, near = find_copies(faces.images, splits.test.images)
            parts[name] = faces.select(~(exact | near))
            counts += exact.sum(), near.sum()
    note = (
        f"Dropped {counts[0]:,} training images with an exact copy and {counts[1]:,} with a near "
        "copy among the test images."
    )
    return replace(splits, **parts, notes=(*splits.notes, note), without_copies=True)


def _stratified_parts(labels, fraction, seed):
    """Return the sorted indices of two random parts, each class in proportion."""
    # Imported here, because reading faces should not cost scikit-learn's second and 125 MB.
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
    try:
        first, second = next(splitter.split(labels, labels))
    except ValueError as error:
        raise InputError(
            f"{len(labels)} faces (per class: {np.bincount(labels).tolist()}) cannot be divided "
            f"into stratified parts of {1 - fraction:.2%} and {fraction:.2%}; give more faces "
            "of the rare classes or another fraction."
        ) from error
    return np.sort(first), np.sort(second)


def _parts_by_group(labels, groups, fraction, seed):
    """Return the sorted indices of two random parts that share no group.

    Of as many folds as the fraction asks for, the one nearest to it in size is the second part.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(round(1 / fraction), len(np.unique(groups)))
    parts = []
    if count > 1:
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # on classes with fewer faces than folds
            warnings.simplefilter("ignore", UserWarning)
            with suppress(ValueError):  # no class has as many faces as there are folds
                parts = list(folds.split(labels, labels, groups))
    classes = set(labels.tolist())
    whole = [part for part in parts if len(part[1]) and {*labels[part[0]].tolist()} == classes]
    if not whole:
        raise InputError(
            f"{len(labels)} faces of {len(np.unique(groups))} groups (persons or sequences) cannot "
            f"be divided into parts of {1 - fraction:.2%} and {fraction:.2%} that share no group "
            "and leave every class in the first; give faces of more groups or another fraction."
        )
    return min(whole, key=lambda part: abs(len(part[1]) - fraction * len(labels)))
