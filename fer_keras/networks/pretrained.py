"""Load the trained networks that come with the package."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks import litert
from fer_keras.utils.errors import InputError
from fer_keras.utils.startup import start_tensorflow

WEIGHTS = Path(__file__).parent / "weights"
PRETRAINED = ("quick", "best", "faces")
"""Recipes whose trained networks lie in `weights/`, as `NAME.keras` and `NAME.tflite`."""
DEFAULT_NETWORK = "faces"
"""The one of them that is applied to photos unless another is named: it learnt what people see."""
SIDE_BY_SIDE = (DEFAULT_NETWORK, "best")
"""Those that the page shows unless others are named."""


@dataclass(frozen=True)
class Pretrained:
    """A trained network that comes with the package.

    Attributes:
        name: one of `PRETRAINED`.
        class_names: tuple of str, the class of each probability.
        card: dict of `files` (file name -> `sha256`, `accuracy` on FER2013's PublicTest by the
            labels that it learnt, 0-1, and `agreement` with the run's network), `recipe`,
            `class_names`, `scores` (a list of dicts), and `minutes` and `environment` of the
            training.
    """

    name: str
    class_names: tuple[str, ...]
    card: dict

    def predict(self, images):
        """Return the class probabilities of faces, without TensorFlow or Keras.

        Args:
            images: uint8 array `(n, 48, 48)` or `(n, 48, 48, 1)`, grey levels 0-255.

        Returns:
            A float32 array `(n, num_classes)`, 0-1, rows summing to 1.

        Raises:
            InputError: if the images have another shape or dtype.
        """
        return self._infer(network_input(images))

    def model(self):
        """Return the network as a Keras model, to train on or to look into.

        Returns:
            An uncompiled float32 `keras.Sequential` from grey levels `(n, 48, 48, 1)`, 0-255, to
            probabilities `(n, num_classes)`. Its file holds float16, which changes no score.
        """
        start_tensorflow()
        import keras

        from fer_keras.networks.build import in_dtype

        path = WEIGHTS / f"{self.name}.keras"
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
        return in_dtype(network, "float32")

    @cached_property
    def _infer(self):
        return litert.load((WEIGHTS / f"{self.name}.tflite").read_bytes())


def pretrained(name):
    """Return a trained network that comes with the package.

    Args:
        name: one of `PRETRAINED`.

    Returns:
        A `Pretrained`.

    Raises:
        InputError: if no network has this name, or one of its files is not the one on its card.
    """
    if name not in PRETRAINED:
        raise InputError(
            f"No network called {name} comes with fer_keras; there are {', '.join(PRETRAINED)}."
        )
    card = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    for file, facts in card["files"].items():
        path = WEIGHTS / file
        if hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            raise InputError(f"{path} is damaged or another network; install fer_keras again.")
    return Pretrained(name, tuple(card["class_names"]), card)


def network_input(images):
    """Return faces in the shape that every network takes.

    Args:
        images: uint8 array `(n, 48, 48)` or `(n, 48, 48, 1)`, grey levels 0-255.

    Returns:
        The same values as a uint8 array `(n, 48, 48, 1)`, as the training feeds give them.

    Raises:
        InputError: if the images have another shape or dtype.
    """
    side = IMAGE_SIZE
    try:
        images = np.asarray(images)
    except ValueError as error:  # NumPy's, of arrays that make no array together
        raise InputError(
            f"The images differ in shape; give each {side} x {side} grey levels 0-255 as uint8."
        ) from error
    if images.dtype != np.uint8 or images.shape[1:] not in ((side, side), (side, side, 1)):
        raise InputError(
            f"The images are {images.dtype} of shape {images.shape}; give grey levels 0-255 as "
            f"uint8 of shape (n, {side}, {side}) or (n, {side}, {side}, 1)."
        )
    return images.reshape(-1, side, side, 1)
