"""Apply a trained network to new faces, prepared as the training data was."""

import re
from io import BytesIO
from os import PathLike
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from fer_keras.data.readers.decoding import open_picture, to_gray
from fer_keras.data.readers.images import to_face
from fer_keras.networks.own_layers import read_model
from fer_keras.networks.pretrained import PRETRAINED, network_input, pretrained
from fer_keras.predict.detection import crop
from fer_keras.utils.errors import InputError, first_few, reason
from fer_keras.utils.files import project_path
from fer_keras.utils.records import read_object
from fer_keras.utils.startup import start_tensorflow

MIN_SIDE = 16  # a picture whose longer side has fewer pixels shows no face
HARMLESS = (
    (
        "Invalid SOS parameters for sequential JPEG",
        rb"(?s)(\xff\xda\0(?:\x08\x01..|\x0a\x02.{4}|\x0c\x03.{6}|\x0e\x04.{8}))...",
        rb"\g<1>" + bytes([0, 63, 0]),
    ),
    ("extraneous bytes before marker 0xd9", rb"(?<!\0)\0+(\xff\xd9)\Z", rb"\1"),
)
"""Flaws that cameras leave in JPEGs: libjpeg's words, what is wrong, and what should be there.

They are three numbers that only progressive JPEGs need, and zeros that fill up the end.
"""


class Predictor:
    """A trained network and the names of its classes.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.

    Raises:
        InputError: if there is no finished run, or its files are damaged.
    """

    def __init__(self, source):
        if not isinstance(source, str | PathLike):
            raise InputError(
                f"The network is of type {type(source).__name__}; give a run directory, as "
                f"run.directory is, or one of {', '.join(PRETRAINED)}."
            )
        if is_pretrained(source):
            network = pretrained(source)
            self._infer, self.class_names = network.predict, network.class_names
        else:
            model, self.class_names = _load_run(project_path(source))
            from fer_keras.networks.backend import compiled

            self._infer = compiled(model)

    def __call__(self, images):
        """Return the class probabilities of faces, a float array `(n, num_classes)`.

        Args:
            images: uint8 array `(n, 48, 48)`, grey levels 0-255.
        """
        return self._infer(network_input(images))


def is_pretrained(source):
    """Return whether a network comes with the package.

    Args:
        source: a run directory or a name. A run directory of such a name goes before.
    """
    return source in PRETRAINED and not is_run(source)


def is_run(source):
    """Return whether a text names a run directory, finished or not.

    Args:
        source: str or `Path`.
    """
    return any((project_path(source) / name).is_file() for name in ("model.keras", "recipe.json"))


def short_name(source):
    """Return what to call a network: its name, or the last folder of a run.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
    """
    return str(source) if is_pretrained(source) else project_path(source).resolve().name


def face_images(pixels, found):
    """Return faces as training gets them, a uint8 array `(n, 48, 48)`.

    Args:
        pixels: uint8 array `(height, width)` of grey levels, or `(height, width, 3)` of colours.
        found: list of n `Detection`, at least one. A box is squeezed to a square if it is none.
    """
    return np.stack([to_face(Image.fromarray(crop(pixels, each.box))) for each in found])


def read_picture(path):
    """Read a picture file: upright, transparent parts white, first frame.

    Args:
        path: the file.

    Returns:
        A uint8 array `(height, width, 3)`, red, green, blue.

    Raises:
        InputError: in a few words, if the file is no picture or can show no face.
    """
    try:
        image = open_picture(path)
    except InputError as error:
        image = _without_flaw(path, error)
    require_side(*image.size)
    gray = to_gray(image) if image.mode.startswith("I") else image  # of 16 bits
    return np.asarray(gray.convert("RGB"))


def _without_flaw(path, error):
    """Return a JPEG whose only flaw is a harmless one; raise the error for any other picture."""
    for words, flaw, right in HARMLESS:
        if words in str(error):
            content = re.sub(flaw, right, Path(path).read_bytes())
            try:
                simplejpeg.decode_jpeg(content, strict=True)  # a flaw may hide damage behind it
                return ImageOps.exif_transpose(Image.open(BytesIO(content), formats=["JPEG"]))
            except Exception:  # decoders raise almost anything
                break
    raise error


def require_side(width, height):
    """Refuse a picture that is too small to show a face.

    Args:
        width: int, in pixels.
        height: int, in pixels.

    Raises:
        InputError: in a few words, if both are below `MIN_SIDE`.
    """
    if max(width, height) < MIN_SIDE:
        raise InputError(f"{width}x{height} pixels are too few to show a face")


def keras_model_and_classes(source):
    """Return a network as a Keras model, and the tuple of its classes' names.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.

    Raises:
        InputError: if there is no finished run, or its files are damaged.
    """
    if is_pretrained(source):
        start_tensorflow()
        network = pretrained(source)
        return network.model(), network.class_names
    return _load_run(project_path(source))


def require_no_comparison(place):
    """Raise InputError if a folder is that of a comparison.

    The sentence names its runs.

    Args:
        place: str or `Path`.
    """
    if (Path(place) / "comparison.json").is_file():
        runs = sorted(str(path.parent) for path in Path(place).glob("*/model.keras"))
        which = f"name one of its runs: {first_few(runs)}" if runs else "it holds no networks"
        raise InputError(f"{place} is a comparison; {which}.")


def _load_run(directory):
    """Return a run's Keras model and its class names."""
    require_no_comparison(directory)
    for name in ("model.keras", "predictions.npz"):
        if not (directory / name).is_file():
            raise InputError(
                f"{directory} holds no finished run, for it has no {name}; give a run directory, "
                "which `fer-keras run` prints last, or the name of a network that comes with "
                f"fer_keras: {', '.join(PRETRAINED)}."
            )
    start_tensorflow()
    from fer_keras.evaluation.predictions import Predictions

    try:
        # A run directory may come from anyone, so code inside the model is never run.
        model = read_model(_network_of(directory), directory / "model.keras")
        class_names = Predictions.load(directory / "predictions.npz").class_names
    except Exception as error:  # damaged files raise almost anything
        raise InputError(f"The run in {directory} cannot be read: {reason(error)}") from error
    if model.output_shape[-1] != len(class_names):
        raise InputError(
            f"{directory} holds a network of {model.output_shape[-1]} classes but predictions "
            f"of {len(class_names)}; take both files from one run."
        )
    return model, class_names


def _network_of(directory):
    """Return what a run's recipe calls its network, or an empty text."""
    path = directory / "recipe.json"
    return read_object(path, recipe=dict)["recipe"].get("network", "") if path.is_file() else ""
