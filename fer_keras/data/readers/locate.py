"""Where FER2013 lies on this machine, if anywhere."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from fer_keras.data.readers.image_folder import has_image_folder
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder

ENVIRONMENT_VARIABLE = "FER_KERAS_DATA"
SUBFOLDER = "fer2013"
PLAIN_NAMES = ("fer2013.csv", "icml_face_data.csv")
ZIP_NAMES = (*(f"{name}.zip" for name in PLAIN_NAMES), "fer2013.zip", "archive.zip")
CSV_NAMES = (
    *PLAIN_NAMES,
    *(f"{name}{suffix}" for suffix in (".gz", ".xz") for name in PLAIN_NAMES),
    *ZIP_NAMES,
)
"""The names that the CSV form is looked for under, most preferred first."""

VOTES_NAME = "fer2013new.csv"
"""The name under which FER+ publishes its votes."""


@dataclass(frozen=True)
class DataLocation:
    """Absolute paths of the two forms of FER2013; either may be absent.

    Args:
        csv: the CSV file, plain or compressed.
        folder: the folder that holds `train/` and `test/`.
        votes: FER+'s votes on the CSV's rows, beside it.
    """

    csv: Path | None
    folder: Path | None
    votes: Path | None = None


def find_data(directory=None):
    """Find FER2013: in `directory`, else where FER_KERAS_DATA says, else in `data/`.

    Each place is searched for the names in `CSV_NAMES`, in that order, and for a folder with
    `train/` and `test/`; each in the place itself, then in `fer2013/` inside it. Without a
    directory and the variable, the place is `data/` in the project's folder.

    Args:
        directory: a folder, or the CSV file itself; `~` is expanded.

    Returns:
        A `DataLocation` with at least one of the two forms; `None` if nobody named a place and
        `data/` is absent or holds neither form.

    Raises:
        InputError: if `directory`, or what FER_KERAS_DATA says, holds neither form.
    """
    if directory is not None:
        return _find_in_named(directory, "The data directory")
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return _find_in_named(
            os.environ[ENVIRONMENT_VARIABLE], f"The environment variable {ENVIRONMENT_VARIABLE}:"
        )
    return _search(project_folder() / "data")


def _find_in_named(place, source):
    place = Path(place).expanduser().absolute()
    if place.is_file():
        return DataLocation(place, None, _votes_among([place.parent]))
    found = _search(place)
    if found is None:
        what = "holds no FER2013" if place.is_dir() else "does not exist"
        raise InputError(
            f"{source} {place} {what}; give a folder that holds, itself or in {SUBFOLDER}/, one of "
            f"{', '.join(CSV_NAMES)} (a zip with the CSV in it) or folders train/ and test/ with "
            "images, unpacked."
        )
    return found


def _search(place):
    """Return the `DataLocation` of what `place` holds, or `None`."""
    places = (place, place / SUBFOLDER)
    candidates = (folder / name for name in CSV_NAMES for folder in places)
    csv = next((path for path in candidates if _is_csv(path)), None)
    folder = next((folder for folder in places if has_image_folder(folder)), None)
    return DataLocation(csv, folder, _votes_among(places)) if csv or folder else None


def _votes_among(folders):
    return next((file for folder in folders if (file := folder / VOTES_NAME).is_file()), None)


def _is_csv(path):
    if not path.is_file():
        return False
    if path.name not in ZIP_NAMES:
        return True
    try:  # Kaggle names the zips of both forms alike, so the name does not tell.
        with zipfile.ZipFile(path) as archive:
            return any(name.rsplit("/", 1)[-1] in PLAIN_NAMES for name in archive.namelist())
    except zipfile.BadZipFile:
        return False
