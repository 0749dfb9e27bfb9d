"""The faces that a recipe asks for, from what a folder holds."""

from pathlib import Path

from fer_keras.data.faces import Splits, concatenate, cut_validation, keep_classes, stratified_parts
from fer_keras.data.readers.fer2013_csv import read_all_rows, read_fer2013_csv
from fer_keras.data.readers.fer_plus import read_ferplus
from fer_keras.data.readers.image_folder import read_image_folder
from fer_keras.data.readers.locate import VOTES_NAME, find_data
from fer_keras.data.readers.raf_db import read_rafdb
from fer_keras.data.synthetic import write_drawn_data
from fer_keras.utils.errors import InputError

TEST_FRACTION = 0.2
"""Share of all rows that a random division tests on, as studies D and E do."""


def find_or_draw_data(data, output):
    """Find FER2013, or draw faces in both its forms where there is none.

    Args:
        data: as `find_data` takes it; empty: FER_KERAS_DATA, then `data/`, then drawn faces.
        output: folder that gets the drawn faces, as `drawn_faces/`.

    Returns:
        A `DataLocation`, and whether its faces are drawn.
    """
    location = find_data(data or None)
    if location:
        return location, False
    directory = Path(output) / "drawn_faces"
    write_drawn_data(directory)
    return find_data(directory), True


def require_paths(settings):
    """Raise InputError unless the `data` and the `output` of some settings are texts."""
    for name in ("data", "output"):
        if not isinstance(getattr(settings, name), str):
            raise InputError(f"{name} is {getattr(settings, name)!r}; give a path as text.")


def load(recipe, location):
    """Read and divide FER2013's faces for a recipe.

    Args:
        recipe: the `Recipe`: storage, division, labels, classes, validation fraction and seed
            count.
        location: `sources.location.DataLocation`.

    Returns:
        `Splits`, validation cut out of training unless the recipe wants none.

    Raises:
        InputError: if the recipe's storage form is not there, or the data is bad.
    """
    if recipe.storage == "folder":
        splits = read_image_folder(_required(location.folder, "folders train/ and test/"))
    elif recipe.labels != "own":
        csv = _required(location.csv, "FER2013's CSV")
        votes = _required(location.votes, f"FER+'s votes, {VOTES_NAME},")
        splits = read_ferplus(csv, votes, soft=recipe.labels == "ferplus_votes")
    else:
        splits = read_csv(_required(location.csv, "FER2013's CSV"), recipe.division, recipe.seed)
    return _prepared(splits, recipe)


def load_rafdb(recipe, directory):
    """Read and divide RAF-DB's faces for a recipe written for FER2013.

    Args:
        recipe: the `Recipe`: division, classes, validation fraction and seed count; its storage
            does not, for RAF-DB is stored in pictures only.
        directory: the folder that holds RAF-DB.

    Returns:
        `Splits`, validation cut out of training unless the recipe wants none.

    Raises:
        InputError: if the recipe needs what RAF-DB does not have, or the data is bad.
    """
    if recipe.feed != "memory":
        raise InputError(
            f"RAF-DB is fed from memory, not by {recipe.feed!r}; add --set feed=memory."
        )
    if recipe.labels != "own":
        raise InputError(f"RAF-DB has no labels {recipe.labels!r}; add --set labels=own.")
    splits = read_rafdb(Path(directory).expanduser())
    if recipe.division == "random":
        everything = concatenate(splits.train, splits.test)
        splits = _at_random(everything, splits.notes, recipe.seed)
    return _prepared(splits, recipe)


def read_csv(path, division, seed, on_bad_rows="raise", split_seed=None):
    """Read FER2013's CSV, divided by its `Usage` (`own`) or at random (`random`).

    Args:
        path: the file.
        division: `own` or `random`: stratified 80/20 of all rows, whatever their `Usage`.
        seed: integer that fixes the random division.
        on_bad_rows: as for `read_fer2013_csv`.
        split_seed: as for `read_fer2013_csv`.

    Returns:
        `Splits` without validation.
    """
    if division == "own":
        return read_fer2013_csv(path, on_bad_rows, split_seed)
    faces, notes = read_all_rows(path, on_bad_rows)
    return _at_random(faces, notes, seed)


def _at_random(faces, notes, seed):
    train, test = stratified_parts(faces.labels, TEST_FRACTION, seed)
    return Splits(faces.select(train), faces.select(test), notes=notes)


def _prepared(splits, recipe):
    kept = Splits(
        keep_classes(splits.train, recipe.classes),
        keep_classes(splits.test, recipe.classes),
        notes=splits.notes,
    )
    if not recipe.validation_fraction:
        return kept
    return cut_validation(kept, recipe.validation_fraction, recipe.seed)


def _required(path, what):
    if path is None:
        raise InputError(f"This recipe reads {what}, which the data folder does not hold.")
    return path
