"""The embedded default data set: faces drawn from parameters, for when no real one is there."""

import os
import tempfile
from pathlib import Path

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE, Faces, concatenate
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.data.synthetic_face import draw_face
from fer_keras.utils.errors import InputError

NUM_TRAIN, NUM_TEST = 5000, 1250
FER2013_COUNTS = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])
"""FER2013's own training faces per class, whose imbalance the drawn ones follow."""
MIN_PER_CLASS = 5


def _class_counts(num_faces):
    """Divide `num_faces` by FER2013's class shares, rare classes getting a handful at least."""
    least = min(MIN_PER_CLASS, num_faces // len(CLASS_NAMES))
    spare = num_faces - least * len(CLASS_NAMES)
    quotas = least + spare * FER2013_COUNTS / FER2013_COUNTS.sum()
    counts = quotas.astype(int)
    largest_remainders = np.argsort(counts - quotas, kind="stable")[: num_faces - counts.sum()]
    counts[largest_remainders] += 1
    return counts


def draw_faces(num_faces, seed, split="Training"):
    """Draw faces in FER2013's class proportions, shuffled.

    Args:
        num_faces: how many to draw.
        seed: integer, 0 or more; with `num_faces` and `split` it fixes every pixel.
        split: the split part of the ids; each split has faces of its own.

    Returns:
        `Faces` with the classes `CLASS_NAMES` and the ids `"<split>/<number>"`, from 1.
    """
    rng = np.random.default_rng([seed, *split.encode()])
    labels = rng.permutation(np.repeat(np.arange(len(CLASS_NAMES)), _class_counts(num_faces)))
    images = np.empty((num_faces, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:] = draw_face(rng, CLASS_NAMES[label])
    ids = np.array([f"{split}/{number}" for number in range(1, num_faces + 1)], dtype=str)
    return Faces(images, labels, ids, CLASS_NAMES)


def _is_complete(directory):
    return all((directory / part).exists() for part in ("fer2013.csv", "train", "test"))


def write_drawn_data(directory, num_train=NUM_TRAIN, num_test=NUM_TEST, seed=0):
    """Write drawn faces in both of FER2013's storage forms; leave a complete directory as it is.

    The directory appears under its name only when every file is written.

    Args:
        directory: gets `fer2013.csv`, `train/<label>/` and `test/<label>/`, of the same faces.
        num_train: how many faces of the split `Training` to draw.
        num_test: how many faces of the split `PublicTest` to draw.
        seed: integer, 0 or more, that fixes the faces.

    Raises:
        InputError: if `directory` holds something else.
    """
    directory = Path(directory).expanduser()
    if _is_complete(directory):
        return
    if directory.is_file() or (directory.is_dir() and any(directory.iterdir())):
        raise InputError(
            f"{directory} exists but holds no complete drawn data (fer2013.csv, train, test); "
            "remove it or name another directory."
        )
    faces = concatenate(
        draw_faces(num_train, seed, "Training"), draw_faces(num_test, seed, "PublicTest")
    )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawn-", dir=directory.parent) as temporary:
        unfinished = Path(temporary) / directory.name
        unfinished.mkdir()
        write_fer2013_csv(faces, unfinished / "fer2013.csv")
        write_image_folder(faces, unfinished)
        try:
            os.replace(unfinished, directory)
        except OSError:
            # Another process may have been first; its faces do as well.
            if not _is_complete(directory):
                raise
