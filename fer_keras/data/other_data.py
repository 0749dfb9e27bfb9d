"""Data sets to test on that nothing was trained on."""

from dataclasses import dataclass, replace

import numpy as np

from fer_keras.data.faces import Faces, Splits
from fer_keras.data.grouping import groups_of, with_groups
from fer_keras.data.labels import FOLDER_NAMES
from fer_keras.data.loading import load_data
from fer_keras.data.readers.image_folder import read_all_images
from fer_keras.data.readers.listing import test_folders
from fer_keras.data.readers.locate import Location, find_data
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path


@dataclass(frozen=True)
class OtherData:
    """Faces of a data set to test on.

    Args:
        name: the data set's name in the comparison.
        faces: its `Faces`.
        groups: int array `(n,)`, equal for images of one person, sequence or picture.
        notes: sentences on what was read and how it is grouped.
        location: the `Location` that it was read from; `None` in memory.
        is_grouped: whether a table or pattern found groups, beside exact copies.
    """

    name: str
    faces: Faces
    groups: np.ndarray
    notes: tuple[str, ...] = ()
    location: Location | None = None
    is_grouped: bool = False


def read_other_data(name, place, group_by=None, on_bad="raise"):
    """Read the faces of a data set to test on, and their groups.

    Args:
        name: the data set's name in the comparison.
        place: a folder as `load_data` reads it, whose test faces are taken; or one with
            `train/<class>/` or `<class>/` alone, whose faces are all taken; or `Splits`.
        group_by: a pattern of file names, as for `groups_by_pattern`. A `groups.csv` in the
            folder takes precedence.
        on_bad: as for `load_data`.

    Returns:
        An `OtherData`.

    Raises:
        InputError: if there are no faces, the data is bad, or the table or pattern is.
    """
    if isinstance(place, Splits):
        faces, folder, location, notes = place.test, None, None, ()
    else:
        faces, folder, location, notes = _read(project_path(place), on_bad)
    if not len(faces):
        raise InputError(f"{name} has no test images; give a data set that has some.")
    (faces,), how, alone = with_groups([faces], folder, group_by)
    groups, is_grouped = groups_of(faces), faces.groups is not None
    said = f"{name}: {len(faces):,} images in {len(np.unique(groups)):,} groups"
    said += f" by {how or 'your array'} and exact copies." if is_grouped else " of exact copies."
    said += f" {alone:,} of them count alone, for {how} gives them no group." if alone else ""
    notes = (*(f"{name}: {note}" for note in notes), said)
    return OtherData(name, faces, groups, notes, location, is_grouped)


def match_classes(other, class_names):
    """Return the faces of a data set that a network can name, in its classes.

    Classes are matched by name, with the spellings of `labels.FOLDER_NAMES`.

    Args:
        other: `OtherData`.
        class_names: tuple of the network's classes.

    Returns:
        The `OtherData` with the network's classes, images of other classes left out, and notes
        on these and on classes that it has no images of.

    Raises:
        InputError: if no image has a class of the network.
    """
    name, faces = other.name, other.faces
    own = {_canonical(known): label for label, known in enumerate(class_names)}
    places = np.array([own.get(_canonical(known), -1) for known in faces.class_names])
    labels, counts = places[faces.labels], faces.class_counts()
    kept, notes = labels >= 0, []
    if not kept.any():
        raise InputError(
            f"{name} has images of {', '.join(faces.class_names)}, and a network knows "
            f"{', '.join(class_names)}; give a data set with a class of these names."
        )
    for known, place, count in zip(faces.class_names, places, counts):
        if place < 0 and count:
            notes.append(
                f"{name}: {count:,} image(s) of {known} are left out, for no network of "
                "these arms knows this class."
            )
    absent = [known for label, known in enumerate(class_names) if label not in labels]
    if absent:
        notes.append(
            f"{name} has no images of {', '.join(absent)}; an answer of these is possible, and "
            "wrong."
        )
    new = {"labels": labels[kept], "class_names": tuple(class_names), "targets": None}
    chosen = replace(faces.select(kept), **new)
    return replace(other, faces=chosen, groups=other.groups[kept], notes=tuple(notes))


def _read(place, on_bad):
    """Return faces, the folder of their files or `None`, a `Location` or `None`, and notes."""
    location = find_data(place)
    folder = location.folder
    if folder and not location.csv and not test_folders(folder):
        faces, notes = read_all_images(folder, on_bad)
    else:
        splits = load_data(location, on_bad=on_bad)
        faces, notes = splits.test, splits.notes
    return faces, None if location.csv else folder or location.raf_db, location, notes


def _canonical(name):
    return FOLDER_NAMES.get(name.lower(), name.lower())
