"""Data sets to test on that nothing was trained on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_keras.data.faces import Faces, Splits, copy_groups
from fer_keras.data.grouping import groups_by_pattern, join_groups, numbered, read_groups
from fer_keras.data.labels import FOLDER_NAMES
from fer_keras.data.loading import load_data
from fer_keras.data.readers.image_folder import read_all_images
from fer_keras.data.readers.listing import GROUPS_NAME, list_images, test_folders
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
        location: the `Location` that it was read from; `None` in memory or without `train/`.
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
    files = _files(faces, folder)
    named, how = read_groups(folder, files) if folder else None, GROUPS_NAME
    if named is None and group_by:
        named, how = groups_by_pattern(group_by, files), f"the pattern {group_by}"
    is_grouped, copies = any(named or ()), copy_groups(faces.images)
    groups = join_groups(copies, numbered(named)) if is_grouped else copies
    said = f"{name}: {len(faces):,} images in {len(np.unique(groups)):,} groups"
    said += f" by {how} and exact copies." if is_grouped else " of exact copies."
    if named and None in named:
        said += f" {named.count(None):,} of them count alone, for {how} gives them no group."
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
    chosen = Faces(faces.images[kept], labels[kept], faces.ids[kept], tuple(class_names))
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


def _files(faces, folder):
    """Return where each face lies in its folder; else what its id says after the split."""
    ids = faces.ids.tolist()
    try:
        train, test, _ = list_images(folder) if folder else ((), (), ())
    except InputError:  # RAF-DB's folders are no classes
        train, test = (), ()
    path_of = {name: Path(path).relative_to(folder).as_posix() for path, _, name in (*train, *test)}
    return [path_of.get(name, name.split("/", 1)[1]) for name in ids]


def _canonical(name):
    return FOLDER_NAMES.get(name.lower(), name.lower())
