"""Read and write faces as images in `train/<class>/`, `test/<class>/`."""

import os
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fer_keras.data.faces import concatenate
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.decoding import is_plain
from fer_keras.data.readers.images import read_pictures
from fer_keras.data.readers.listing import (
    EXTENSIONS,
    folder_classes,
    is_bare,
    list_images,
    test_folders,
    unique,
    unread_folders,
    visible_folders,
)
from fer_keras.utils.errors import InputError, first_few
from fer_keras.utils.files import as_text, is_taken, user_path


def read_image_folder(directory, on_bad="raise"):
    """Read a folder of images, divided into its train/ and test/.

    Images of any size or colour mode become grayscale 48x48.

    Args:
        directory: folder holding `train/<class>/` and `test/<class>/` with JPEG or PNG files;
            `train`, `test` and the extensions in any case, classes as in `folder_classes`. Without
            `test/`, another of `listing.TEST_FOLDERS` is tested on, and a note says so.
        on_bad: `"raise"`, or `"skip"` to leave out damaged images and name them in the notes.

    Returns:
        `Splits`, by class, then by file name in natural order. Ids are
        `"<split>/<class>/<file name>"`; the split is the one that the file name starts with
        (`PublicTest_1.jpg`), else `Training` or `test`.

    Raises:
        InputError: if a split, or a class in training, has no images, the classes are bad, or
            an image is damaged.
    """
    directory = user_path(directory)
    if is_bare(directory):
        names = first_few([as_text(folder.name) for folder in visible_folders(directory)])
        raise InputError(
            f"{directory} holds {names} and no train/; to divide these images at random, take "
            "division='random' (--set division=random)."
        )
    tops = {"train": visible_folders(directory, "train"), "test": test_folders(directory)}
    for split, folders in tops.items():
        if not folders:
            found = ", ".join(path.name for path in visible_folders(directory)) or "no folders"
            raise InputError(
                f"{directory} has no folder '{split}' (found: {found}); give a folder that holds "
                "train/<class>/ and test/<class>/ (or validation/<class>/) with images, or "
                "train/<class>/ alone together with division='random' (--set division=random)."
            )
    splits = _read(directory, on_bad)
    _require_images(splits.train, f"The train folder of {directory}")
    if not len(splits.test):
        _require_images(splits.test, f"The test folder of {directory}")
    absent = _absent_classes(splits.test)
    notes = [f"The test folder has no images of {', '.join(absent)}."] if absent else []
    tested = tops["test"][0].name
    if tested.lower() != "test":
        notes.append(
            f"There is no folder test/: the images of {tested}/ are tested, and validation images "
            "are cut out of train/."
        )
    return replace(splits, notes=(*splits.notes, *notes), folder=directory)


def read_all_images(directory, on_bad="raise"):
    """Read every image of a folder, whether for training or for testing.

    Args:
        directory: as for `read_image_folder`, but test images may be missing; then the ids' split
            is `all`, unless the file name starts with one.
        on_bad: as for `read_image_folder`.

    Returns:
        `Faces`, those of `train/` first, and a tuple of notes.

    Raises:
        InputError: if a class has no images, the classes are bad, or an image is damaged.
    """
    splits = _read(user_path(directory), on_bad)
    faces = concatenate(splits.train, splits.test)
    _require_images(faces, directory)
    return faces, splits.notes


def link_training_folder(directory, faces, target):
    """Link some of a folder's images into a folder of their own, for Keras.

    Pictures that Keras would decode differently are written there as `open_picture` sees them.
    `flow_from_directory(target, classes=list(faces.class_names))` then sees these images only.

    Args:
        directory: the folder that the faces were read from.
        faces: some of its `Faces`.
        target: the folder to make, absent or empty: `target/<class>/<file name>`, with a folder
            for each class, even without faces. Links are absolute.

    Raises:
        InputError: if an id is not in the folder, or `target` holds something already.
    """
    directory, target = user_path(directory).resolve(), user_path(target)
    train, test, _ = list_images(directory)
    path_of = {name: path for path, _, name in train + test}
    unknown = [name for name in faces.ids.tolist() if name not in path_of]
    if unknown:
        raise InputError(
            f"{len(unknown)} face(s) are not among the images of {directory}: "
            f"{first_few(unknown)}; give the folder that these faces were read from."
        )
    if is_taken(target):
        raise InputError(f"{target} is not empty; give a new folder to hold the links.")
    for name in faces.class_names:
        (target / name).mkdir(parents=True, exist_ok=True)
    taken = set()
    for image, name, label in zip(faces.images, faces.ids.tolist(), faces.labels, strict=True):
        link = target / unique(f"{faces.class_names[label]}/{name.rsplit('/', 1)[1]}", taken)
        if is_plain(path_of[name]):
            os.symlink(path_of[name], link)
        else:
            Image.fromarray(image).save(link, "PNG")  # Keras goes by the content


def write_image_folder(faces, directory):
    """Write faces as grayscale JPEGs of quality 95, for `read_image_folder`.

    The files are written one by one: a caller that must not leave half a folder writes to a
    temporary one and renames it.

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


def _read(directory, on_bad):
    """Return `Splits`; either part may be empty."""
    classes = folder_classes(directory)
    splits = read_pictures(*list_images(directory), classes, directory, on_bad)
    absent = [name for name in CLASS_NAMES if name not in classes]
    notes = []
    if not set(classes) <= set(CLASS_NAMES):
        notes = [f"The classes are the names of the folders: {', '.join(classes)}."]
    elif absent:
        notes = [f"There are no folders for FER2013's classes {', '.join(absent)}."]
    if unread := unread_folders(directory):
        notes.append(
            f"{first_few(unread)} is not read: only train/ and test/ are, and validation images "
            "are cut out of train/."
        )
    return replace(splits, notes=(*notes, *splits.notes))


def _require_images(faces, where):
    if absent := _absent_classes(faces):
        raise InputError(
            f"{where} has no images of {', '.join(absent)}; add some ({', '.join(EXTENSIONS)})."
        )


def _absent_classes(faces):
    return [name for name, count in zip(faces.class_names, faces.class_counts()) if not count]
