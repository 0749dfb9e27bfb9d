"""Find a data set on this machine, and the forms that it is stored in."""

import os
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES
from fer_keras.data.readers.csv_parser import MAX_HEADER_BYTES, SPLITS, find_columns
from fer_keras.data.readers.listing import (
    folder_classes,
    has_image_folder,
    is_bare,
    visible_folders,
)
from fer_keras.data.readers.raf_db import has_rafdb
from fer_keras.utils.errors import InputError, first_few
from fer_keras.utils.files import as_text, project_folder, project_path

ENVIRONMENT_VARIABLE = "FER_KERAS_DATA"
KAGGLE_INPUT = Path("/kaggle/input")
SUBFOLDER = "fer2013"
PLAIN_NAMES = ("fer2013.csv", "icml_face_data.csv")
ZIP_NAMES = (*(f"{name}.zip" for name in PLAIN_NAMES), "fer2013.zip", "archive.zip")
PACKED_NAMES = tuple(f"{name}{suffix}" for suffix in (".gz", ".xz") for name in PLAIN_NAMES)
CSV_NAMES = PLAIN_NAMES + PACKED_NAMES + ZIP_NAMES
"""The names that the CSV form is looked for under, most preferred first."""

FEW_FILES = 100
"""So many files of a folder tell whether it is FER2013's."""

VOTES_NAME = "fer2013new.csv"
"""The name under which FER+ publishes its votes."""


@dataclass(frozen=True)
class Location:
    """Absolute paths of the forms of one data set; each may be absent.

    Args:
        name: the data set's name: `fer2013`, `raf-db`, or that of its folder.
        csv: the CSV file, plain or compressed.
        folder: the folder that holds `train/<class>/`, and `test/<class>/` perhaps; or, where
            somebody named it, `<class>/` alone.
        votes: FER+'s votes on the CSV's rows, beside it.
        raf_db: the folder that holds RAF-DB.
    """

    name: str
    csv: Path | None = None
    folder: Path | None = None
    votes: Path | None = None
    raf_db: Path | None = None


def find_data(directory=None):
    """Find a data set: in a folder, where FER_KERAS_DATA says, or in `data/`.

    Each place is searched for a CSV file of a name in `CSV_NAMES` and for a folder with
    `train/<class>/`, in itself and in `fer2013/` inside it; and for RAF-DB if neither is there.

    Args:
        directory: a folder, or the CSV file itself, as for `project_path`. `None` takes what the
            variable says, and without it `data/` in the project's folder, then what Kaggle mounted.

    Returns:
        A `Location` with at least one form; `None` if nobody named a place and neither `data/`
        nor what Kaggle mounted holds a form.

    Raises:
        InputError: if `directory`, or what FER_KERAS_DATA says, holds no form.
    """
    source, place = "The data directory", directory
    if directory is None:
        source = f"The environment variable {ENVIRONMENT_VARIABLE}:"
        place = os.environ.get(ENVIRONMENT_VARIABLE)
        if not place:
            places = (project_folder() / "data", *_mounted())
            return next(filter(None, map(_search, places)), None)
    place = project_path(place)
    if place.is_file():
        return Location(
            data_set_name(CLASS_NAMES, place), place, votes=_votes_among([place.parent])
        )
    if found := _search(place):
        return found
    if is_bare(place):
        return Location(data_set_name(folder_classes(place), place), folder=place)
    what, meant = "does not exist", ""
    if place.is_dir():
        inside = sorted(path for path in place.iterdir() if not path.name.startswith("."))
        names = first_few([as_text(path.name) for path in inside]) or "nothing"
        what = f"holds no faces in a form that is read (found: {names})"
        readable = [path for path in inside if _is_readable(path)]
        meant = f" Did you mean {readable[0]}?" if len(readable) == 1 else ""
    raise InputError(
        f"{source} {place} {what}; give a folder that holds train/<class>/ and test/<class>/, or "
        "<class>/ alone, with images, unpacked; or RAF-DB; or FER2013's CSV as "
        f"{' or '.join(PLAIN_NAMES)}, plain or packed as gz, xz or zip; or name another CSV file "
        f"itself. docs/extending.md tells how to bring other data sets.{meant}"
    )


def why_no_folder(location):
    """Return in a few words why a `Location` of a CSV file has no folder form.

    Args:
        location: the `Location`.
    """
    beside = location.csv.parent
    if has_image_folder(beside):
        return f"only the CSV file {location.csv} was named; name the folder {beside}"
    return f"no train/<class>/ lies beside {location.csv}"


def data_set_name(class_names, place):
    """Return `fer2013` for what is FER2013, else a file's or folder's name.

    Many data sets have FER2013's classes. A CSV file is FER2013's if it is called as that is, and a
    folder if it is called so, or its images are, such as `Training_1.jpg`.

    Args:
        class_names: tuple of the data set's classes.
        place: the `Path` of a CSV file, or of a folder that holds `train/<class>/`.
    """
    is_called_so = SUBFOLDER in place.name.lower()
    if place.is_file():
        is_called_so = is_called_so or (place.name in CSV_NAMES and _is_csv(place))
        own = place.parent.name if is_called_so else place.stem.removesuffix(".csv")
    else:
        is_called_so, own = is_called_so or _has_splits(place), place.name
    is_fer2013 = is_called_so and class_names in (CLASS_NAMES, ALL_CLASS_NAMES)
    return SUBFOLDER if is_fer2013 else as_text(own)


def _has_splits(folder):
    """Return whether images in `train/<class>/` are named after FER2013's splits."""
    classes = (own for top in visible_folders(folder, "train") for own in visible_folders(top))
    names = (entry.name for own in classes for entry in os.scandir(own))
    return any(name.partition("_")[0] in SPLITS for name in islice(names, FEW_FILES))


def _mounted():
    """Return the folders of a Kaggle notebook's data: `<name>/`, or `datasets/<owner>/<name>/`."""
    return sorted(path for depth in ("*", "*/*", "*/*/*") for path in KAGGLE_INPUT.glob(depth))


def _search(place):
    """Return the `Location` of what `place` holds, or `None`."""
    places = (place, place / SUBFOLDER)
    candidates = (folder / name for name in CSV_NAMES for folder in places)
    csv = next((path for path in candidates if _is_csv(path)), None)
    folder = next((f for f in places if has_image_folder(f) and not has_rafdb(f)), None)
    if csv:
        return Location("fer2013", csv, folder, _votes_among(places))
    if folder:
        return Location(data_set_name(folder_classes(folder), folder), folder=folder)
    return Location("raf-db", raf_db=place) if has_rafdb(place) else None


def _is_readable(path):
    """Return whether a CSV file, or a folder and what lies in it, looks like a data set."""
    with suppress(OSError, ValueError):  # what may not be read, or is bad, is none to name
        if path.is_dir():
            return bool(_search(path)) or (is_bare(path) and len(folder_classes(path)) > 1)
        if path.is_file() and path.name.lower().endswith(".csv"):
            with open(path, encoding="utf-8-sig") as file:
                return bool(find_columns(file.readline(MAX_HEADER_BYTES)))
    return False


def _votes_among(folders):
    return next((file for folder in folders if (file := folder / VOTES_NAME).is_file()), None)


def _is_csv(path):
    if path.name not in ZIP_NAMES or not path.is_file():
        return path.is_file()
    try:  # Kaggle names the zips of both forms alike, so the name does not tell.
        with zipfile.ZipFile(path) as archive:
            return any(name.rsplit("/", 1)[-1] in PLAIN_NAMES for name in archive.namelist())
    except Exception:  # damaged archives raise nearly anything
        return True  # it is there, and reading it says what is wrong
