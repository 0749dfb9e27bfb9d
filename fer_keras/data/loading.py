"""The faces of a data set, whatever form it is stored in."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from fer_keras.data.faces import concatenate
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import read_all_rows, read_fer2013_csv
from fer_keras.data.readers.fer_plus import read_ferplus
from fer_keras.data.readers.image_folder import read_all_images, read_image_folder
from fer_keras.data.readers.locate import VOTES_NAME, Location, data_set_name, find_data
from fer_keras.data.readers.raf_db import read_rafdb
from fer_keras.data.splitting import TEST_FRACTION, cut_validation, split_at_random  # noqa: F401
from fer_keras.data.synthetic import write_drawn_data
from fer_keras.utils.errors import InputError, require_choice
from fer_keras.utils.files import project_folder


def load_data(
    data=None,
    *,
    storage=None,
    division="own",
    labels="own",
    class_names=None,
    on_bad="raise",
    seed=0,
):
    """Read a data set's faces, divided into training and test.

    Args:
        data: folder or CSV file, as for `find_data`, or a `Location`; `None` takes the data that
            FER_KERAS_DATA names, then `data/`, then drawn faces in `runs/drawn_faces/`.
        storage: `"csv"` or `"folder"` to insist on a form; `None` reads the CSV where there is
            one, else the images.
        division: `"own"`, or `"random"`: 80/20 of all faces, stratified, as `seed` says.
        labels: `"own"`, `"ferplus"` (FER2013's CSV with the majority of FER+'s votes) or
            `"ferplus_votes"` (with the votes as training targets, too).
        class_names: the class of each code 0, 1, ... in the CSV; `None` means FER2013's seven.
        on_bad: `"raise"`, or `"skip"` to leave out bad rows or images and name them in the notes.
            FER+ needs every row.
        seed: integer that fixes the random division.

    Returns:
        `Splits` without validation.

    Raises:
        InputError: if an argument is impossible, the form is not there, or the data is bad.
    """
    require_choice("storage", storage, (None, "csv", "folder"))
    require_choice("division", division, ("own", "random"))
    require_choice("labels", labels, ("own", "ferplus", "ferplus_votes"))
    location, _ = find_or_draw(data)
    form = _form(location, storage, labels)
    source = getattr(location, form)
    if class_names is not None and (form, labels) != ("csv", "own"):
        raise InputError("class_names name the codes of a CSV file; leave them out for this data.")
    if labels == "own":
        names = CLASS_NAMES if class_names is None else _checked_names(class_names)
        splits = _read(form, source, names, division, on_bad, seed)
    elif division == "own":
        splits = read_ferplus(source, location.votes, soft=labels == "ferplus_votes")
    else:
        raise InputError(f"labels {labels!r} need division 'own', FER2013's.")
    name = data_set_name(splits.train.class_names, source.parent if form == "csv" else source)
    return replace(
        splits,
        name="raf-db" if form == "raf_db" else name,
        folder=source if form == "folder" else None,
        notes=(*splits.notes, *_absent_notes(splits)),
    )


def find_or_draw(data=None, out="runs"):
    """Find a data set, or draw faces in both of FER2013's forms.

    Args:
        data: as for `load_data`.
        out: folder that gets the drawn faces, as `drawn_faces/`; relative to the project's.

    Returns:
        A `Location`, and whether its faces are drawn.

    Raises:
        InputError: if a place is named that holds no data set.
    """
    location = data if isinstance(data, Location) else find_data(data or None)
    if location:
        return location, False
    directory = project_folder() / Path(out).expanduser() / "drawn_faces"
    write_drawn_data(directory)
    return find_data(directory), True


def _form(location, storage, labels):
    """Return the field of the location that is read."""
    if location.raf_db:
        if storage == "csv" or labels != "own":
            what = "CSV file" if labels == "own" else f"labels {labels!r}"
            raise InputError(f"RAF-DB has no {what}; leave out storage and labels.")
        return "raf_db"
    if labels != "own" and (storage == "folder" or not (location.csv and location.votes)):
        raise InputError(
            f"labels {labels!r} are read from FER2013's CSV file and FER+'s votes, {VOTES_NAME}, "
            "beside it; put both there and leave out storage."
        )
    form = storage or ("csv" if location.csv else "folder")
    if not getattr(location, form):
        other = location.csv or location.folder
        what = "CSV file" if form == "csv" else "folder train/<class>/"
        raise InputError(f"There is no {what} beside {other}; add it or leave out storage.")
    return form


def _read(form, source, class_names, division, on_bad, seed):
    own, everything = {
        "csv": (
            partial(read_fer2013_csv, class_names=class_names),
            partial(read_all_rows, class_names=class_names),
        ),
        "folder": (read_image_folder, read_all_images),
        "raf_db": (read_rafdb, _read_all_rafdb),
    }[form]
    if division == "own":
        return own(source, on_bad)
    faces, notes = everything(source, on_bad)
    return split_at_random(faces, seed, notes)


def _read_all_rafdb(directory, on_bad):
    splits = read_rafdb(directory, on_bad)
    return concatenate(splits.train, splits.test), splits.notes


def _checked_names(class_names):
    names = tuple(class_names) if isinstance(class_names, list | tuple) else ()
    if len(names) < 2 or len(set(names)) < len(names) or not all(isinstance(n, str) for n in names):
        raise InputError(
            f"class_names is {class_names!r}; give the names of the codes 0, 1, ...: two or more, "
            "each once."
        )
    return names


def _absent_notes(splits):
    counts = splits.train.class_counts() + splits.test.class_counts()
    absent = [name for name, count in zip(splits.train.class_names, counts) if not count]
    return [f"No face has the class {', '.join(absent)}."] if absent else []
