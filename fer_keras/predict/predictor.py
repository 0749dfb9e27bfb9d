"""A trained network applied to new faces: pictures are prepared as the training data was."""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.data.readers.images import open_picture, to_face, to_gray
from fer_keras.networks import pretrained as shipped
from fer_keras.predict.detection import crop
from fer_keras.utils.errors import InputError
from fer_keras.utils.startup import start_tensorflow

MIN_SIDE = 16
"""A picture with no longer side shows no face."""


class Predictor:
    """A trained network, and the names of its classes.

    Args:
        source: a run directory, which `runs.run` wrote; or one of `shipped.SHIPPED`, a network
            that comes with the package.

    Raises:
        InputError: if there is no finished run, or its files are damaged.
    """

    def __init__(self, source):
        if is_shipped(source):
            self._compute, self.class_names = shipped.recogniser(source)
            return
        model, self.class_names = _load_run(Path(source))
        from fer_keras.networks.backend import compiled

        self._compute = compiled(model)

    def __call__(self, images):
        """Return the class probabilities of faces.

        Args:
            images: uint8 array `(n, 48, 48)`, grey levels 0-255, as `Faces` holds them.

        Returns:
            A float array `(n, num_classes)`, rows summing to 1.
        """
        return self._compute(network_input(images))


def is_shipped(source):
    """Return whether a network's source is a name in `shipped.SHIPPED`, and no folder's."""
    return str(source) in shipped.SHIPPED and not Path(source).exists()


class Picture(NamedTuple):
    """A picture, upright, as people see it and as the network does.

    Args:
        colour: a `PIL.Image.Image` of mode `RGB`.
        gray: uint8 array `(height, width)`.
    """

    colour: Image.Image
    gray: np.ndarray


def network_input(images):
    """Return what the training feeds give the network: a uint8 array `(n, 48, 48, 1)`."""
    return np.asarray(images, np.uint8)[..., np.newaxis]


def face_image(pixels, box):
    """Return a face as the training data holds it: a uint8 array `(48, 48)`.

    Args:
        pixels: uint8 array `(height, width)`, grey levels, or `(height, width, 3)`, colours.
        box: where the face is, a `Box`; squeezed to a square if it is none.
    """
    return np.asarray(to_face(Image.fromarray(crop(pixels, box))))


def read_picture(path):
    """Read a picture file: turned upright, transparent parts white, the first frame only.

    Args:
        path: the file.

    Returns:
        A `Picture`.

    Raises:
        InputError: in a few words, if the file is no picture, or one of no use.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF, say, which is no harm
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = open_picture(path, upright=True)
    try:
        return _upright_picture(image)
    except (OSError, ValueError) as error:  # Pillow cannot convert every mode
        raise InputError(str(error)) from error


def _upright_picture(image):
    if max(image.size) < MIN_SIDE:
        raise InputError(f"{image.width}x{image.height} pixels are too few to show a face")
    if image.mode == "F":
        raise InputError("fractional grey levels of unknown range: save it with 8 or 16 bits")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    gray = to_gray(image)
    colour = gray if image.mode.startswith("I") else image
    return Picture(colour.convert("RGB"), np.asarray(gray))


def _load_run(directory):
    for name in ("model.keras", "predictions.npz"):
        if not (directory / name).is_file():
            raise InputError(
                f"{directory} holds no finished run, for it has no {name}; give a run directory, "
                "which `fer-keras run` prints last, or the name of a network that comes with "
                f"fer_keras: {', '.join(shipped.SHIPPED)}."
            )
    start_tensorflow()
    try:
        model, class_names = _load(directory)
    except Exception as error:  # damaged files raise almost anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"The run in {directory} cannot be read: {reason}") from error
    if model.output_shape[-1] != len(class_names):
        raise InputError(
            f"{directory} holds a network of {model.output_shape[-1]} classes but predictions "
            f"of {len(class_names)}; take both files from one run."
        )
    return model, class_names


def _load(directory):
    import keras

    from fer_keras.evaluation.predictions import Predictions

    # Safe mode is the default, and said here all the same: a run directory may come from anyone.
    model = keras.saving.load_model(directory / "model.keras", compile=False, safe_mode=True)
    return model, Predictions.load(directory / "predictions.npz").class_names
