"""Prepare the faces of an arm: classes, copies, validation."""

from dataclasses import replace

import numpy as np

from fer_keras.data.splitting import choose_classes, cut_validation, drop_test_copies
from fer_keras.utils.errors import InputError

GROUPS = "groups (persons or sequences)"
"""What a comparison's notes call the groups of its test images, where these are known."""


def prepared(recipe, splits):
    """Fill in what a recipe leaves open, drop copies, and cut validation.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; validation that is there already stays as it is.

    Returns:
        The recipe with `storage` and `classes`, and the `Splits` of these classes.

    Raises:
        InputError: if the data lacks a class of the recipe, or faces to validate on.
    """
    for field in ("storage", "division", "labels"):
        wanted, given = getattr(recipe, field), getattr(splits, field)
        if None not in (wanted, given) and given != wanted:
            raise InputError(
                f"The recipe has {field} {wanted!r}, and these Splits were read with {given!r}; "
                f"give load_data(..., {field}={wanted!r}), or change the recipe."
            )
    storage = recipe.storage or splits.storage or ("folder" if splits.folder else "csv")
    splits = choose_classes(splits, recipe.classes)
    classes = splits.train.class_names
    if recipe.drop_test_copies:
        splits = drop_test_copies(splits)
    _require_classes(splits.train, recipe.drop_test_copies)
    if not len(splits.test):
        raise InputError(
            f"There is no test face of the classes {', '.join(classes)}; give some, or choose "
            "other classes."
        )
    if recipe.validation_fraction and splits.validation is None:
        splits = cut_validation(splits, recipe.validation_fraction, recipe.seed)
    if recipe.patience is not None and splits.validation is None:
        raise InputError(
            "patience needs validation faces; give a validation_fraction above 0, or Splits that "
            "hold some."
        )
    _require_ids(splits)
    if splits.test.groups is not None:
        splits = replace(splits, notes=(*splits.notes, _note_on_groups(splits)))
    return recipe.changed(storage=storage, classes=classes), splits


def without_copies(splits, classes):
    """Return the faces of some classes, without copies of test faces.

    Args:
        splits: `Splits`.
        classes: names of the classes to keep; empty or `None` keeps all.
    """
    return drop_test_copies(choose_classes(splits, classes))


def _note_on_groups(splits):
    """Return a sentence on the persons or sequences of the test images."""
    tested = np.unique(splits.test.groups)
    learnt = [part.groups for part in (splits.train, splits.validation) if part]
    known = np.concatenate([groups for groups in learnt if groups is not None] or [[]])
    shared = np.isin(tested, known).sum()
    said = f"The {len(splits.test):,} test images are of {len(tested):,} {GROUPS}, of which"
    if not shared:
        return f"{said} none is in training or validation, too."
    verb = "is" if shared == 1 else "are"
    return (
        f"{said} {shared:,} {verb} in training or validation, too: scores are too good for others."
    )


def _require_ids(splits):
    """Refuse ids of test faces by which their predictions could not be told apart."""
    ids, counts = np.unique(splits.test.ids, return_counts=True)
    if len(ids) < len(splits.test):
        raise InputError(
            f"Several test faces have the id {ids[counts.argmax()]}; give each one its own."
        )
    if odd := next((name for name in ids.tolist() if not name.rpartition("/")[0]), None):
        raise InputError(
            f"A test face has the id {odd!r}; give the name of its split first, such as "
            f"PublicTest/{odd.strip('/')}."
        )
    if splits.validation and (both := np.intersect1d(ids, splits.validation.ids)).size:
        raise InputError(
            f"A test face and a validation face have the id {both[0]}; give each one its own."
        )


def _require_classes(faces, were_dropped):
    if not len(faces):
        why = ", for all are copies of test faces; set drop_test_copies to False"
        raise InputError(f"No training face is left{why if were_dropped else '; give some'}.")
    first, *others = np.unique(faces.labels)
    if not others:
        raise InputError(
            f"All {len(faces):,} training faces are of the class {faces.class_names[first]}; give "
            "faces of two classes or more."
        )
