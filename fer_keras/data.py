"""The faces that a recipe asks for, from what a folder holds."""

from fer_keras.errors import InputError
from fer_keras.faces import Splits, cut_validation, keep_classes, stratified_parts
from fer_keras.sources.fer2013_csv import read_all_rows, read_fer2013_csv
from fer_keras.sources.image_folder import read_image_folder

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.2
"""Share of all rows that a random division tests on, as studies D and E do."""


def load(recipe, location):
    """Read and divide the faces of a recipe.

    Args:
        recipe: the `Recipe`: storage, division, classes and seed count.
        location: `sources.location.DataLocation`.

    Returns:
        `Splits` with validation, cut out of training.

    Raises:
        InputError: if the recipe's storage form is not there, or the data is bad.
    """
    if recipe.storage == "folder":
        splits = read_image_folder(_required(location.folder, "folders train/ and test/"))
    else:
        splits = read_csv(_required(location.csv, "FER2013's CSV"), recipe.division, recipe.seed)
    kept = Splits(
        keep_classes(splits.train, recipe.classes),
        keep_classes(splits.test, recipe.classes),
        notes=splits.notes,
    )
    return cut_validation(kept, VALIDATION_FRACTION, recipe.seed)


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
    train, test = stratified_parts(faces, TEST_FRACTION, seed)
    return Splits(faces.select(train), faces.select(test), notes=notes)


def _required(path, what):
    if path is None:
        raise InputError(f"This recipe reads {what}, which the data folder does not hold.")
    return path
