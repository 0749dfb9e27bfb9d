"""Read the faces of a data set, whatever form it is stored in."""

from dataclasses import replace
from os import PathLike

from fer_keras.data.drawn import write_drawn_data
from fer_keras.data.grouping import with_groups
from fer_keras.data.labels import LABELS
from fer_keras.data.readers.fer2013_csv import read_all_rows, read_fer2013_csv
from fer_keras.data.readers.fer_plus import read_ferplus, read_own_given_votes
from fer_keras.data.readers.image_folder import read_all_images, read_image_folder
from fer_keras.data.readers.locate import (
    VOTES_NAME,
    Location,
    data_set_name,
    find_data,
    why_no_folder,
)
from fer_keras.data.readers.raf_db import read_all_rafdb, read_rafdb
from fer_keras.data.splitting import split_at_random
from fer_keras.utils.errors import InputError, require_choice
from fer_keras.utils.files import project_path
from fer_keras.utils.plain import plain
from fer_keras.utils.seeds import require_seed
from fer_keras.utils.watching import waiting

DRAWN = "drawn faces"
"""The name of faces that are drawn for want of real ones."""

DRAWN_NOTE = "No data was found: these faces are drawn from formulas; name your folder to read it."

_READERS = {
    "csv": (read_fer2013_csv, read_all_rows),
    "folder": (read_image_folder, read_all_images),
    "raf_db": (read_rafdb, read_all_rafdb),
}
"""Form -> the reader of the data set's own division, and that of all faces together."""


def load_data(
    data=None,
    *,
    storage=None,
    division="own",
    labels="own",
    class_names=None,
    on_bad="raise",
    seed=0,
    group_by=None,
):
    """Read a data set's faces, divided into training and test.

    Args:
        data: folder or CSV file, as for `find_data`, or a `Location`; `None` takes the data that
            FER_KERAS_DATA names, then `data/`, then drawn faces in `runs/drawn_faces/`.
        storage: `"csv"` or `"folder"`; `None` reads the CSV where there is one, else the images.
        division: `"own"`, or `"random"`: 80/20 of all faces, stratified, as `seed` says.
        labels: `"own"`, `"ferplus"` (FER2013's CSV with the majority of FER+'s votes) or
            `"ferplus_votes"` (with the votes as training targets, too); `"own_given_votes"` trains
            on FER2013's labels, softened by the votes.
        class_names: the class of each code 0, 1, ... in the CSV; `None` means FER2013's seven.
        on_bad: `"raise"`, or `"skip"` to leave out bad rows or images and name them in the notes.
            FER+ needs every row.
        seed: integer that fixes the random division.
        group_by: a regular expression, searched in the names of image files, whose first group in
            parentheses names the person or sequence; unless a `groups.csv` lies in the folder. A
            random division keeps a group on one side.

    Returns:
        `Splits` without validation.

    Raises:
        InputError: if an argument is impossible, the form is not there, or the data is bad.
    """
    require_choice("storage", storage, (None, "csv", "folder"))
    require_choice("division", division, ("own", "random"))
    require_choice("labels", labels, LABELS)
    require_choice("on_bad", on_bad, ("raise", "skip"))
    if labels != "own" and on_bad == "skip":
        raise InputError(f"labels {labels!r} need every row of the CSV; leave out on_bad 'skip'.")
    seed, class_names = plain(seed), plain(class_names)
    require_seed(seed)
    location, is_drawn = find_or_draw(data)
    form = _form(location, storage, labels)
    source = getattr(location, form)
    if class_names is not None and (form, labels) != ("csv", "own"):
        raise InputError("class_names name the codes of a CSV file; leave them out for this data.")
    if labels != "own" and division != "own":
        raise InputError(f"labels {labels!r} need division 'own', FER2013's.")
    with waiting("Reading the faces"):
        if labels == "own":
            splits = _read(form, source, division, class_names, on_bad, seed, group_by)
        elif labels == "own_given_votes":
            splits = read_own_given_votes(source, location.votes)
        else:
            splits = read_ferplus(source, location.votes, soft=labels == "ferplus_votes")
    name = data_set_name(splits.train.class_names, source)
    return replace(
        splits,
        name=DRAWN if is_drawn else "raf-db" if form == "raf_db" else name,
        folder=source if form == "folder" else None,
        storage="csv" if form == "csv" else "folder",
        notes=(*splits.notes, *_absent_notes(splits), *([DRAWN_NOTE] if is_drawn else [])),
        division=division,
        labels=labels,
    )


def find_or_draw(data=None, out="runs"):
    """Find a data set, or draw faces in both of FER2013's forms.

    Args:
        data: as for `load_data`.
        out: folder that gets the drawn faces, as `drawn_faces/`; relative to the project's.

    Returns:
        A `Location`, and whether its faces are drawn.

    Raises:
        InputError: if a place is named that holds no data set, or what is given is no place.
    """
    if not isinstance(data, str | PathLike | Location | None):
        raise InputError(
            f"The data is of type {type(data).__name__}; give a folder or a CSV file. Faces in "
            "memory are Splits of Faces, which fit and compare take."
        )
    location = data if isinstance(data, Location) else find_data(data)
    if location:
        return location, False
    directory = project_path(out) / "drawn_faces"
    with waiting("Drawing faces"):
        write_drawn_data(directory)
    return find_data(directory), True


def _form(location, storage, labels):
    """Return the field of the location that is read."""
    if labels != "own" and (storage == "folder" or not (location.csv and location.votes)):
        raise InputError(
            f"labels {labels!r} are read from FER2013's CSV file and FER+'s votes, {VOTES_NAME}, "
            "beside it; put both there and leave out storage, or train on --set labels=own."
        )
    if location.raf_db and storage != "csv":
        return "raf_db"
    form = storage or ("csv" if location.csv else "folder")
    if form == "folder" and location.csv and not location.folder:
        raise InputError(f"There is no folder of images: {why_no_folder(location)}.")
    if not getattr(location, form):
        what = "CSV file" if form == "csv" else "folder train/<class>/"
        other = location.csv or location.folder or location.raf_db
        raise InputError(f"There is no {what} beside {other}; add it or leave out storage.")
    return form


def _read(form, source, division, class_names, on_bad, seed, group_by):
    read_divided, read_all = _READERS[form]
    options = {} if class_names is None else {"class_names": checked_names(class_names)}
    folder = None if form == "csv" else source  # rows of a CSV file have no names
    if division == "own":
        splits = read_divided(source, on_bad, **options)
        (train, test), *_ = with_groups([splits.train, splits.test], folder, group_by)
        return replace(splits, train=train, test=test)
    faces, notes = read_all(source, on_bad, **options)
    (faces,), *_ = with_groups([faces], folder, group_by)
    return split_at_random(faces, seed, notes)


def checked_names(class_names):
    """Return the names of a CSV's codes as a tuple.

    Args:
        class_names: list or tuple of texts.

    Raises:
        InputError: if they are not two names or more, each once.
    """
    names = tuple(class_names) if isinstance(class_names, list | tuple) else ()
    are_names = all(isinstance(name, str) and name.strip() for name in names)
    if len(names) < 2 or len(set(names)) < len(names) or not are_names:
        raise InputError(
            f"class_names is {class_names!r}; give the names of the codes 0, 1, ...: two or more, "
            "each once."
        )
    return names


def _absent_notes(splits):
    counts = splits.train.class_counts() + splits.test.class_counts()
    absent = [name for name, count in zip(splits.train.class_names, counts) if not count]
    return [f"No face has the class {', '.join(absent)}."] if absent else []
