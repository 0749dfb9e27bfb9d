"""FER2013 as a folder of images: `train/<label>/*.jpg` and `test/<label>/*.jpg`."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.faces import IMAGE_SIZE, Faces, Splits
from fer_keras.data.labels import CLASS_NAMES, FOLDER_NAMES
from fer_keras.data.memory import allocate
from fer_keras.data.readers.images import open_picture, to_face
from fer_keras.utils.errors import InputError

EXTENSIONS = (".jpg", ".jpeg", ".png")
SPLIT_PREFIXES = ("Training", "PublicTest", "PrivateTest")
"""FER2013's own splits, which the folder form keeps in its file names only."""

NUM_NAMED = 10


class _ImageFile(NamedTuple):
    path: str
    label: int
    id: str


def read_image_folder(directory, on_bad_images="raise"):
    """Read faces from a folder of images; any size or colour mode becomes grayscale 48x48.

    Args:
        directory: folder holding `train/<label>/` and `test/<label>/` with JPEG or PNG files;
            folder names and extensions in any case, labels as in `labels.FOLDER_NAMES`.
        on_bad_images: `"raise"`, or `"skip"` to leave out the images that cannot be decoded and
            name them in the notes.

    Returns:
        `Splits` of `train` and `test`, each by class in the order of `CLASS_NAMES`, then by file
        name in natural order. Ids are `"<split>/<class>/<file name>"`; the split is the one that
        the file name starts with (`PublicTest_1.jpg`), else `Training` or `test`.

    Raises:
        InputError: if a split, or a class in training, has no images, a label is unknown, or
            an image cannot be decoded.
        ValueError: if `on_bad_images` is neither of the two.
    """
    if on_bad_images not in ("raise", "skip"):
        raise ValueError(f"on_bad_images must be 'raise' or 'skip'; got {on_bad_images!r}.")
    directory = Path(directory).expanduser()
    _check_layout(directory)
    train_files, ignored_in_train = _list_images(directory, "train")
    test_files, ignored_in_test = _list_images(directory, "test")
    train, converted_in_train, bad_in_train = _decode_all(train_files)
    test, converted_in_test, bad_in_test = _decode_all(test_files)

    bad = [f"{_inside(directory, path)} ({why})" for path, why in bad_in_train + bad_in_test]
    if bad and on_bad_images == "raise":
        raise InputError(
            f"{directory} holds {len(bad)} damaged image(s): {_first_few(bad)}; replace or remove "
            "them, or leave them out with on_bad_images='skip'."
        )
    _check_classes(directory, train, test)
    ignored = [_inside(directory, path) for path in ignored_in_train + ignored_in_test]
    notes = _notes(ignored, converted_in_train + converted_in_test, bad, test)
    return Splits(train, test, notes=notes)


def link_training_folder(directory, faces, target):
    """Lay out some of a folder's training images as a folder of their own, by symbolic links.

    `flow_from_directory(target, classes=list(faces.class_names))` then sees these images only,
    and the labels in their canonical order.

    Args:
        directory: the folder that `read_image_folder` read.
        faces: a subset of its training `Faces`.
        target: the folder to make, absent or empty: `target/<class>/<file name>`, with a folder
            for each class, even without faces. Links are absolute.

    Raises:
        InputError: if an id is not in the folder, or `target` holds something already.
    """
    directory, target = Path(directory).expanduser().resolve(), Path(target).expanduser()
    _check_layout(directory)
    files, _ = _list_images(directory, "train")
    path_of = {file.id: file.path for file in files}
    unknown = [name for name in faces.ids.tolist() if name not in path_of]
    if unknown:
        raise InputError(
            f"{len(unknown)} face(s) are not among the training images of {directory}: "
            f"{_first_few(unknown)}; give the folder that these faces were read from."
        )
    if target.exists() and any(target.iterdir()):
        raise InputError(f"{target} is not empty; give a new folder to hold the links.")
    for name in faces.class_names:
        (target / name).mkdir(parents=True, exist_ok=True)
    for name, label in zip(faces.ids.tolist(), faces.labels.tolist(), strict=True):
        file_name = name.rsplit("/", 1)[1]
        os.symlink(path_of[name], target / faces.class_names[label] / file_name)


def write_image_folder(faces, directory):
    """Write faces as grayscale JPEGs of quality 95, in the layout that `read_image_folder` reads.

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
    """Return whether `directory` holds a `train` and a `test` folder, in any case."""
    return all(_split_folders(directory, split) for split in ("train", "test"))


def _inside(directory, path):
    return Path(path).relative_to(directory).as_posix()


def _first_few(names):
    more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
    return ", ".join(names[:NUM_NAMED]) + more


def _notes(ignored, num_converted, bad, test):
    notes = []
    if ignored:
        notes.append(f"Ignored {len(ignored)} hidden or non-image entries: {_first_few(ignored)}.")
    if num_converted:
        notes.append(f"Converted {num_converted} image(s) to grayscale 48x48.")
    if bad:
        notes.append(f"Skipped {len(bad)} damaged image(s): {_first_few(bad)}.")
    absent = _absent_classes(test)
    if absent:
        notes.append(f"The test folder has no images of {', '.join(absent)}.")
    return tuple(notes)


def _absent_classes(faces):
    return [CLASS_NAMES[label] for label in np.flatnonzero(faces.class_counts() == 0)]


def _folders(directory):
    """Return the visible folders in `directory`, by name."""
    if not os.path.isdir(directory):
        return []
    entries = [e for e in os.scandir(directory) if e.is_dir() and not e.name.startswith(".")]
    return sorted(entries, key=lambda entry: entry.name)


def _split_folders(directory, split):
    return [entry for entry in _folders(directory) if entry.name.lower() == split]


def _check_layout(directory):
    for split in ("train", "test"):
        if not _split_folders(directory, split):
            found = ", ".join(entry.name for entry in _folders(directory)) or "no folders"
            raise InputError(
                f"{directory} has no folder '{split}' (found: {found}); give a folder that holds "
                "train/<label>/ and test/<label>/ with images."
            )
    unknown = [
        f"{folder.name}/{label.name}"
        for split in ("train", "test")
        for folder in _split_folders(directory, split)
        for label in _folders(folder)
        if label.name.lower() not in FOLDER_NAMES
    ]
    if unknown:
        raise InputError(
            f"{directory} has unknown label folders: {', '.join(unknown)}; allowed are "
            f"{', '.join(FOLDER_NAMES)}, so rename or remove them."
        )


def _check_classes(directory, train, test):
    absent = _absent_classes(train)
    if absent or not len(test):
        where = f"train folder has no images of {', '.join(absent)}"
        raise InputError(
            f"In {directory} the {where if absent else 'test folder has no images'}; "
            f"add some ({', '.join(EXTENSIONS)})."
        )


def _list_images(directory, split):
    """Return one split's `_ImageFile`s in canonical order, and the paths ignored, sorted."""
    found, ignored = [], []
    for split_folder in _split_folders(directory, split):
        labels = _folders(split_folder)
        seen = {folder.name for folder in labels}
        ignored += [e.path for e in os.scandir(split_folder) if e.name not in seen]
        for folder in labels:
            label = CLASS_NAMES.index(FOLDER_NAMES[folder.name.lower()])
            for entry in os.scandir(folder):
                is_image = entry.name.lower().endswith(EXTENSIONS) and not entry.is_dir()
                if is_image and not entry.name.startswith("."):
                    found.append((label, _natural(entry.name), entry.name, entry.path))
                else:
                    ignored.append(entry.path)
    # The name and the path break ties (1.jpg, 01.jpg), so that no file system's order shows.
    files, taken = [], set()
    for label, _, name, path in sorted(found):
        new_id = _unique_id(f"{_split_of(name, split)}/{CLASS_NAMES[label]}/{name}", taken)
        taken.add(new_id)
        files.append(_ImageFile(path, label, new_id))
    return files, sorted(ignored)


def _natural(name):
    """Return a sort key by which 9.jpg comes before 10.jpg."""
    return [
        int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", name))
    ]


def _split_of(file_name, folder):
    prefix = file_name.split("_", 1)[0]
    if prefix in SPLIT_PREFIXES:
        return prefix
    return "Training" if folder == "train" else folder


def _unique_id(wanted, taken):
    """Return `wanted`, or if taken, as by Happy/1.jpg and happiness/1.jpg, one like `1#2.jpg`."""
    stem, extension = os.path.splitext(wanted)
    candidate, number = wanted, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}#{number}{extension}"
    return candidate


def _decode_all(files):
    """Return the `Faces` of `files`, how many were converted, and `(path, reason)` of bad ones."""
    images = allocate((len(files), IMAGE_SIZE, IMAGE_SIZE))
    good = np.ones(len(files), bool)
    num_converted, bad = 0, []
    for place, file in enumerate(files):
        try:
            image = open_picture(file.path)
        except InputError as error:
            bad.append((file.path, str(error)))
            good[place] = False
            continue
        if image.mode != "L" or image.size != (IMAGE_SIZE, IMAGE_SIZE):
            num_converted += 1
            image = to_face(image)
        images[place] = image
    labels = np.array([file.label for file in files], np.int64)
    faces = Faces(images, labels, np.array([file.id for file in files], str), CLASS_NAMES)
    return faces.select(good) if bad else faces, num_converted, bad
