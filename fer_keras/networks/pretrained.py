"""The trained networks that come with the package, so that nobody has to train one first."""

import hashlib
import json
from pathlib import Path

from fer_keras.networks import litert
from fer_keras.utils.errors import InputError

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = ("quick", "best")
"""Recipes whose networks come with the package, as `weights/NAME.keras` and `NAME.tflite`."""


def card(name):
    """Return what is known of a shipped network.

    Args:
        name: one of `SHIPPED`.

    Returns:
        A dict: `files` (from name to the `sha256` and the `accuracy` on PublicTest of each),
        `recipe`, `class_names`, `scores` of the run on PublicTest (a list of dicts, as rows of
        `comparison.result_table`), `minutes` and `environment` of the training.
    """
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def load(name):
    """Return a shipped network, to train on or to look into, and the names of its classes.

    Its file holds float16, half as large as the float32 that it is loaded as; that changes no
    score (see `weights/README.md`).

    Args:
        name: one of `SHIPPED`.

    Returns:
        An uncompiled `keras.Sequential`, raw grey levels in and probabilities out, and a tuple.

    Raises:
        InputError: if the file is not the one that the card describes.
    """
    import keras

    from fer_keras.networks.builders import in_dtype

    path, class_names = _checked(name, f"{name}.keras")
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    return in_dtype(network, "float32"), class_names


def recogniser(name):
    """Return a shipped network's form that answers soonest, without TensorFlow or Keras.

    Args:
        name: one of `SHIPPED`.

    Returns:
        A function as `litert.load` returns it, from raw grey levels to probabilities, and a tuple,
        the names of the classes.

    Raises:
        InputError: if the file is not the one that the card describes.
    """
    path, class_names = _checked(name, f"{name}.tflite")
    return litert.load(path.read_bytes()), class_names


def _checked(name, file):
    about, path = card(name), WEIGHTS / file
    if hashlib.sha256(path.read_bytes()).hexdigest() != about["files"][file]["sha256"]:
        raise InputError(f"{path} is damaged or another network; install fer_keras again.")
    return path, tuple(about["class_names"])
