"""List what lies in a folder of images: its classes and files."""

import os
import re
import unicodedata
from itertools import chain, count

from fer_keras.data.faces import NO_SPLIT
from fer_keras.data.labels import CLASS_NAMES, FOLDER_NAMES
from fer_keras.data.readers.csv_parser import SPLITS
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import as_text

EXTENSIONS = (".jpg", ".jpeg", ".png")

UNREAD = (".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif", ".jfif", ".jpe")
"""How files end that show something and are not read."""

TEST_FOLDERS = ("test", "validation", "valid", "val")
"""Names of the folder with test images: the first that is there is read."""

SPLIT_WORDS = (re.compile("(?<![a-z])train|Train"), re.compile("(?<![a-z])(test|val)|Test|Val"))
"""What splits are called, and no classes, such as FER2013Train and FER2013Test."""

GROUPS_NAME = "groups.csv"
"""A table that says which images of a data set belong together."""


def visible_folders(directory, called=None):
    """Return the folders in a directory, by name, except hidden ones.

    Args:
        directory: a `Path`, which need not exist.
        called: a name in lower case, to return only the folders called so in any case.
    """
    entries = sorted(directory.iterdir()) if directory.is_dir() else []
    folders = [path for path in entries if path.is_dir() and not path.name.startswith(".")]
    return [path for path in folders if called in (None, path.name.lower())]


def test_folders(directory):
    """Return the folders that hold a directory's test images.

    Args:
        directory: a `Path`, which need not exist.
    """
    return next(filter(None, (visible_folders(directory, name) for name in TEST_FOLDERS)), [])


def has_image_folder(directory):
    """Return whether a folder holds `train/<class>/`, `train` in any case.

    Args:
        directory: a `Path`, which need not exist.
    """
    return any(visible_folders(top) for top in visible_folders(directory, "train"))


def is_bare(directory):
    """Return whether a folder holds classes with images, and no splits.

    Args:
        directory: a `Path`, which need not exist.
    """
    folders = visible_folders(directory)
    if visible_folders(directory, "train") or test_folders(directory):
        return False
    if all(any(word.search(folder.name) for folder in folders) for word in SPLIT_WORDS):
        return False
    return any(
        entry.name.lower().endswith(EXTENSIONS)
        for folder in folders
        for entry in os.scandir(folder)
    )


def folder_classes(directory):
    """Return the classes of a folder of images.

    Args:
        directory: the `Path` of a folder with `train/<class>/`, and perhaps `test/<class>/` or
            another of `TEST_FOLDERS`; or, where `is_bare` says so, with `<class>/`.

    Returns:
        A tuple of names: those of `CLASS_NAMES` that are there, in their order, if every folder
        has a name of `labels.FOLDER_NAMES`; else the folders' own names in natural order.

    Raises:
        InputError: if there are fewer than two classes, or two names differ in their case only.
    """
    folders = _class_folders(directory, "train") + _class_folders(directory, "test")
    names = {_class_name(folder) for folder in folders}
    known = {FOLDER_NAMES.get(name.lower()) for name in names}
    classes = [name for name in CLASS_NAMES if name in known]
    if None in known:
        classes = sorted(names, key=lambda name: (_natural(name), name))
        lower = [name.lower() for name in names]
        doubled = [name for name in classes if lower.count(name.lower()) > 1]
        if doubled:
            raise InputError(
                f"{directory} has class folders that differ in upper and lower case only: "
                f"{', '.join(doubled)}; give a class the same name everywhere."
            )
    if len(classes) < 2:
        raise InputError(
            f"{directory} holds {len(classes)} class(es) of images; give a folder that holds "
            "train/<class>/ for two or more classes."
        )
    return tuple(classes)


def unread_folders(directory):
    """Return the names of folders with classes that are not read.

    These are such as `val/` beside `test/`.

    Args:
        directory: as for `list_images`.
    """
    if is_bare(directory):
        return []
    classes = {_class_name(folder) for folder in _class_folders(directory, "train")}
    return [
        as_text(folder.name)
        for folder in visible_folders(directory)
        if folder not in _tops(directory, "train") + _tops(directory, "test")
        and classes & {_class_name(each) for each in visible_folders(folder)}
    ]


def list_images(directory):
    """Return the images of a folder, and what else lies among them.

    Args:
        directory: as for `folder_classes`.

    Returns:
        Two lists of `(path, label, id)`, of `train/` and of `test/`, by class, then by file name
        in natural order; and a list of the paths ignored. Ids are as of `read_image_folder`, and
        unique; without a folder of test images their split is `all` instead of `Training`. The
        images of bare `<class>/` are in the first list.

    Raises:
        InputError: if the classes are bad, as for `folder_classes`, or a class folder holds
            pictures of other kinds alone.
    """
    classes = folder_classes(directory)
    training = "Training" if test_folders(directory) else NO_SPLIT
    parts, all_ignored, taken = [], [], set()
    for split, id_split in (("train", training), ("test", "test")):
        images, ignored = _scan(directory, split, classes)
        all_ignored += sorted(ignored)
        files = []
        # The name and the path break ties (1.jpg, 01.jpg), so that no file system's order shows.
        for label, _, name, path in sorted(images):
            prefix = name.split("_", 1)[0]
            start = prefix if prefix in SPLITS else id_split
            name = unique(f"{start}/{classes[label]}/{as_text(name)}", taken)
            files.append((path, label, name))
        parts.append(files)
    return *parts, all_ignored


def unique(wanted, taken):
    """Return a name that is not taken yet, and add it to those taken.

    Args:
        wanted: the name to return if it is free; else a number is added, as in `1#2.jpg`.
        taken: set of names.
    """
    stem, extension = os.path.splitext(wanted)
    numbered = (f"{stem}#{number}{extension}" for number in count(2))
    name = next(name for name in chain([wanted], numbered) if name not in taken)
    taken.add(name)
    return name


def _scan(directory, split, classes):
    """Return a split's images as (label, sort key, name, path), and what is ignored."""
    folders = _class_folders(directory, split)
    inside = [path for top in _tops(directory, split) for path in top.iterdir()]
    ignored = [str(path) for path in inside if path not in folders and path.name != GROUPS_NAME]
    images = []
    for folder in folders:
        name = _class_name(folder)
        name = name if name in classes else FOLDER_NAMES[name.lower()]
        before, unread = len(images), []
        for entry in os.scandir(folder):  # quicker than iterdir for many files
            is_image = entry.name.lower().endswith(EXTENSIONS) and entry.name[0] != "."
            if is_image and _is_file(entry):
                images.append((classes.index(name), _natural(entry.name), entry.name, entry.path))
            else:
                ignored.append(entry.path)
                unread += [entry.name] if entry.name.lower().endswith(UNREAD) else []
        if unread and len(images) == before:
            raise InputError(
                f"{folder} holds {len(unread):,} picture(s) such as {min(unread)}, which are not "
                f"read; turn them into {', '.join(EXTENSIONS[:-1])} or {EXTENSIONS[-1]}."
            )
    return images, ignored


def _is_file(entry):
    """Whether an entry is no folder, no pipe that would be waited on, and no link in a circle."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _class_folders(directory, split):
    return [folder for top in _tops(directory, split) for folder in visible_folders(top)]


def _class_name(folder):
    """Return a folder's name with composed letters: some archives spell é as e and an accent."""
    return unicodedata.normalize("NFC", as_text(folder.name))


def _tops(directory, split):
    """Return the folders that hold a split's class folders."""
    if is_bare(directory):
        return [directory] if split == "train" else []
    return test_folders(directory) if split == "test" else visible_folders(directory, split)


def _natural(name):
    """Return a sort key by which 9.jpg comes before 10.jpg."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
