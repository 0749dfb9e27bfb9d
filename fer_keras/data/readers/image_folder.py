"""Faces as a folder of images: `train/<class>/*.jpg` and `test/<class>/*.jpg`."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.faces import NO_SPLIT, Faces, Splits
from fer_keras.data.labels import CLASS_NAMES, FOLDER_NAMES
from fer_keras.data.readers.images import decode_faces
from fer_keras.utils.errors import InputError, first_few, require_choice

EXTENSIONS = (".jpg", ".jpeg", ".png")
SPLIT_PREFIXES = ("Training", "PublicTest", "PrivateTest")
"""FER2013's own splits, which the folder form keeps in its file names only."""


class _ImageFile(NamedTuple):
    path: str
    label: int
    id: str
    in_train: bool


def read_image_folder(directory, on_bad="raise"):
    """Read a folder of images, divided into its train/ and test/.

    Images of any size or colour mode become grayscale 48x48.

    Args:
        directory: folder holding `train/<class>/` and `test/<class>/` with JPEG or PNG files;
            `train`, `test` and the extensions in any case, classes as in `folder_classes`.
        on_bad: `"raise"`, or `"skip"` to leave out the images that cannot be decoded and name
            them in the notes.

    Returns:
        `Splits` of `train` and `test`, each by class in order, then by file name in natural
        order. Ids are `"<split>/<class>/<file name>"`; the split is the one that the file name
        starts with (`PublicTest_1.jpg`), else `Training` or `test`.

    Raises:
        InputError: if a split, or a class in training, has no images, the classes are bad, or
            an image cannot be decoded.
    """
    directory = Path(directory).expanduser()
    for split in ("train", "test"):
        if not _split_folders(directory, split):
            found = ", ".join(entry.name for entry in _folders(directory)) or "no folders"
            raise InputError(
                f"{directory} has no folder '{split}' (found: {found}); give a folder that holds "
                "train/<class>/ and test/<class>/ with images, or train/<class>/ alone together "
                "with division='random'."
            )
    faces, in_train, notes = _read(directory, on_bad)
    count = in_train.sum()
    train, test = faces.select(slice(0, count)), faces.select(slice(count, None))
    _require_images(train, f"The train folder of {directory}")
    if not len(test):
        raise InputError(
            f"The test folder of {directory} has no images; add some ({', '.join(EXTENSIONS)})."
        )
    if absent := _absent_classes(test):
        notes = (*notes, f"The test folder has no images of {', '.join(absent)}.")
    return Splits(train, test, notes=notes, folder=directory)


def read_all_images(directory, on_bad="raise"):
    """Read every image of a folder, to be divided otherwise than by train/ and test/.

    Args:
        directory: as for `read_image_folder`, but `test/` may be missing; then the ids' split is
            `all`, unless the file name starts with one.
        on_bad: as for `read_image_folder`.

    Returns:
        `Faces`, those of `train/` first, and a tuple of notes.

    Raises:
        InputError: if a class has no images, the classes are bad, or an image cannot be decoded.
    """
    faces, _, notes = _read(Path(directory).expanduser(), on_bad)
    _require_images(faces, directory)
    return faces, notes


def folder_classes(directory):
    """Return the classes of a folder of images.

    Args:
        directory: folder holding `train/<class>/`, and `test/<class>/` perhaps.

    Returns:
        A tuple of names: where every folder has a name of `labels.FOLDER_NAMES`, in any case,
        those of `CLASS_NAMES` that are there, in their order; else the folders' own names in
        natural order.

    Raises:
        InputError: if there are fewer than two classes, or two names differ in their case only.
    """
    splits = ("train", "test")
    names = {folder.name for split in splits for folder in _class_folders(directory, split)}
    known = {FOLDER_NAMES.get(name.lower()) for name in names}
    classes = [name for name in CLASS_NAMES if name in known]
    if None in known:
        classes = sorted(names, key=lambda name: (_natural(name), name))
        lower = [name.lower() for name in classes]
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


def link_training_folder(directory, faces, target):
    """Lay out some of a folder's images as a folder of their own, by links.

    `flow_from_directory(target, classes=list(faces.class_names))` then sees these images only,
    and the labels in their order.

    Args:
        directory: the folder that the faces were read from.
        faces: some of its `Faces`.
        target: the folder to make, absent or empty: `target/<class>/<file name>`, with a folder
            for each class, even without faces. Links are absolute.

    Raises:
        InputError: if an id is not in the folder, or `target` holds something already.
    """
    directory, target = Path(directory).expanduser().resolve(), Path(target).expanduser()
    path_of = {file.id: file.path for file in _list_images(directory)[0]}
    unknown = [name for name in faces.ids.tolist() if name not in path_of]
    if unknown:
        raise InputError(
            f"{len(unknown)} face(s) are not among the images of {directory}: "
            f"{first_few(unknown)}; give the folder that these faces were read from."
        )
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; give a new folder to hold the links.")
    for name in faces.class_names:
        (target / name).mkdir(parents=True, exist_ok=True)
    taken = set()
    for name, label in zip(faces.ids.tolist(), faces.labels.tolist(), strict=True):
        link = f"{faces.class_names[label]}/{name.rsplit('/', 1)[1]}"
        os.symlink(path_of[name], target / _unique(link, taken))


def write_image_folder(faces, directory):
    """Write faces as grayscale JPEGs of quality 95, for `read_image_folder`.

    The files are encoded straight to their final names: a caller that must not leave half a
    folder writes to a temporary one and renames it.

    Args:
        faces: `Faces`; those of the split `Training` go to `train/<class>/Training_<n>.jpg`, the
            others to `test/<class>/<split>_<n>.jpg`, with n from 1 in each split.
        directory: the folder to write to; every class gets a folder, even without faces.
    """
    directory = Path(directory)
    for folder in ("train", "test"):
        for name in faces.class_names:
            (directory / folder / name).mkdir(parents=True, exist_ok=True)
    written = {}
    for image, label, name in zip(faces.images, faces.labels, faces.ids.tolist(), strict=True):
        split = name.split("/", 1)[0]
        written[split] = written.get(split, 0) + 1
        folder = directory / ("train" if split == "Training" else "test")
        path = folder / faces.class_names[label] / f"{split}_{written[split]}.jpg"
        Image.fromarray(image).save(path, quality=95)


def has_image_folder(directory):
    """Return whether a folder holds `train/`, in any case, with class folders in it.

    Args:
        directory: the folder, which need not exist.
    """
    return bool(_class_folders(directory, "train"))


def _read(directory, on_bad):
    """Return the good `Faces`, a mask of those of train/, which come first, and the notes."""
    require_choice("on_bad", on_bad, ("raise", "skip"))
    classes = folder_classes(directory)
    files, ignored = _list_images(directory)
    images, faults, num_converted = decode_faces([file.path for file in files])
    labels = np.array([file.label for file in files], np.int64)
    faces = Faces(images, labels, np.array([file.id for file in files], str), classes)
    in_train = np.array([file.in_train for file in files], bool)
    bad = [f"{_inside(directory, files[place].path)} ({why})" for place, why in faults.items()]
    if bad and on_bad == "raise":
        raise InputError(
            f"{directory} holds {len(bad)} damaged image(s): {first_few(bad)}; replace or remove "
            "them, or leave them out with on_bad='skip'."
        )
    if bad:
        good = np.delete(np.arange(len(files)), list(faults))
        faces, in_train = faces.select(good), in_train[good]
    ignored = [_inside(directory, path) for path in ignored]
    return faces, in_train, _notes(classes, ignored, num_converted, bad)


def _notes(classes, ignored, num_converted, bad):
    notes = []
    if not set(classes) <= set(CLASS_NAMES):
        notes.append(f"The classes are the names of the folders: {', '.join(classes)}.")
    elif len(classes) < len(CLASS_NAMES):
        absent = [name for name in CLASS_NAMES if name not in classes]
        notes.append(f"There are no folders for FER2013's classes {', '.join(absent)}.")
    if ignored:
        notes.append(f"Ignored {len(ignored)} hidden or non-image entries: {first_few(ignored)}.")
    if num_converted:
        notes.append(f"Converted {num_converted} image(s) to grayscale 48x48.")
    if bad:
        notes.append(f"Skipped {len(bad)} damaged image(s): {first_few(bad)}.")
    return tuple(notes)


def _require_images(faces, where):
    if absent := _absent_classes(faces):
        raise InputError(
            f"{where} has no images of {', '.join(absent)}; add some ({', '.join(EXTENSIONS)})."
        )


def _absent_classes(faces):
    return [faces.class_names[label] for label in np.flatnonzero(faces.class_counts() == 0)]


def _inside(directory, path):
    return Path(path).relative_to(directory).as_posix()


def _folders(directory):
    """Return the visible folders in `directory`, by name."""
    if not os.path.isdir(directory):
        return []
    entries = [e for e in os.scandir(directory) if e.is_dir() and not e.name.startswith(".")]
    return sorted(entries, key=lambda entry: entry.name)


def _split_folders(directory, split):
    return [entry for entry in _folders(directory) if entry.name.lower() == split]


def _class_folders(directory, split):
    return [label for folder in _split_folders(directory, split) for label in _folders(folder)]


def _list_images(directory):
    """Return the `_ImageFile`s in order, those of train/ first, and the paths ignored."""
    classes = folder_classes(directory)
    training = "Training" if _split_folders(directory, "test") else NO_SPLIT
    files, all_ignored, taken = [], [], set()
    for split, id_split in (("train", training), ("test", "test")):
        found, ignored = _scan(directory, split, classes)
        all_ignored += sorted(ignored)
        # The name and the path break ties (1.jpg, 01.jpg), so that no file system's order shows.
        for label, _, name, path in sorted(found):
            prefix = name.split("_", 1)[0]
            start = prefix if prefix in SPLIT_PREFIXES else id_split
            new_id = _unique(f"{start}/{classes[label]}/{name}", taken)
            files.append(_ImageFile(path, label, new_id, split == "train"))
    return files, all_ignored


def _scan(directory, split, classes):
    """Return a split's images as (label, sort key, name, path), and the paths ignored."""
    folders = _class_folders(directory, split)
    paths = {folder.path for folder in folders}
    ignored = [
        entry.path
        for folder in _split_folders(directory, split)
        for entry in os.scandir(folder)
        if entry.path not in paths
    ]
    found = []
    for folder in folders:
        name = folder.name if folder.name in classes else FOLDER_NAMES[folder.name.lower()]
        for entry in os.scandir(folder):
            is_image = entry.name.lower().endswith(EXTENSIONS) and not entry.is_dir()
            if is_image and not entry.name.startswith("."):
                found.append((classes.index(name), _natural(entry.name), entry.name, entry.path))
            else:
                ignored.append(entry.path)
    return found, ignored


def _natural(name):
    """Return a sort key by which 9.jpg comes before 10.jpg."""
    return [
        int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", name))
    ]


def _unique(wanted, taken):
    """Return `wanted`, or where it is taken a name like `1#2.jpg`, and take it."""
    stem, extension = os.path.splitext(wanted)
    candidate, number = wanted, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}#{number}{extension}"
    taken.add(candidate)
    return candidate
