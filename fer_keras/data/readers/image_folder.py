"""Faces as a folder of images: `train/<class>/*.jpg` and `test/<class>/*.jpg`."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.data.faces import Splits
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.images import read_pictures
from fer_keras.data.readers.listing import (
    EXTENSIONS,
    folder_classes,
    list_images,
    split_folders,
    unique,
    visible_folders,
)
from fer_keras.utils.errors import InputError, first_few, require_choice


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
        if not split_folders(directory, split):
            found = ", ".join(path.name for path in visible_folders(directory)) or "no folders"
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
    """Read every image of a folder, whether in train/ or in test/.

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
    path_of = {file.id: file.path for file in list_images(directory)[0]}
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
        os.symlink(path_of[name], target / unique(link, taken))


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


def _read(directory, on_bad):
    """Return the good `Faces`, those of train/ first, their mask, and the notes."""
    require_choice("on_bad", on_bad, ("raise", "skip"))
    classes = folder_classes(directory)
    files, ignored = list_images(directory)
    faces, kept, bad, num_converted = read_pictures(files, classes, directory, on_bad)
    in_train = np.array([files[place].in_train for place in kept], bool)
    ignored = [Path(path).relative_to(directory).as_posix() for path in ignored]
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
