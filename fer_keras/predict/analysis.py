"""Recognise the faces of pictures in Python: `fer_keras.analyze`."""

import os
import warnings

import numpy as np

from fer_keras.networks.pretrained import DEFAULT_NETWORK
from fer_keras.predict.detection import MIN_FACE, MIN_SCORE
from fer_keras.predict.folders import list_pictures
from fer_keras.predict.recognise import REFUSED, Recogniser
from fer_keras.predict.tables import as_table, face_columns, face_row
from fer_keras.utils.errors import InputError, first_few, printable
from fer_keras.utils.files import user_path


def analyze(
    pictures,
    network=DEFAULT_NETWORK,
    whole_image=False,
    min_score=MIN_SCORE,
    min_face=MIN_FACE,
):
    """Find the faces in pictures and recognise their expressions.

    Args:
        pictures: a picture file, a folder of pictures, an array, or a list of these. An array is
            uint8, `(height, width)` of grey levels or `(height, width, 3)` of red, green, blue.
        network: a run directory, or one of `pretrained.PRETRAINED`.
        whole_image: whether each picture is one face, so that none is looked for. Small, roughly
            square photographs, of at most 120 pixels, are taken so anyway.
        min_score: lowest score of a face, 0-1.
        min_face: lowest height of a face in pixels.

    Returns:
        A DataFrame with one row a face: `file` (of an array, `array 1`, `array 2`, ...), its box
        `left`, `top`, `width`, `height` in pixels, the detector's `score` 0-1 (missing where none
        was needed), `class`, and the probability 0-1 of each class. Pictures without a face have
        no row. Of pictures that cannot be read, a warning tells.

    Raises:
        InputError: if a path, the network or a number is impossible, or no picture can be read.
    """
    several = isinstance(pictures, (list, tuple))
    named = _named(pictures if several else [pictures])
    recognise = Recogniser(network, whole_image, min_score, min_face)
    rows, refused = [], []
    for name, picture in named:
        found = recognise(picture, name)
        if found.how == REFUSED:
            refused.append(f"{found.file} ({found.reason})")
        rows += [
            {"file": found.file} | face_row(face, recognise.class_names) for face in found.faces
        ]
    _tell_refused(refused, len(named))
    return as_table(rows, ["file", *face_columns(recognise.class_names)])


def _named(pictures):
    """Return pairs of a name and a file or an array."""
    named, num_arrays = [], 0
    for each in pictures:
        if isinstance(each, np.ndarray):
            num_arrays += 1
            named.append((f"array {num_arrays}", each))
        elif isinstance(each, (str, os.PathLike)):
            named += [(None, file) for file in list_pictures([user_path(each)])[0]]
        else:
            raise InputError(
                f"{type(each).__name__} is no picture; give a file, a folder, an array such as "
                "np.asarray(image.convert('RGB')), or a list of these."
            )
    if not named:
        raise InputError("The list of pictures is empty; name a picture.")
    return named


def _tell_refused(refused, count):
    if not refused:
        return
    text = f"{len(refused)} of {count} picture(s) cannot be read: {first_few(refused)}."
    if len(refused) == count:
        raise InputError(text)
    warnings.warn(printable(text), stacklevel=3)
