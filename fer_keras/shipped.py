"""The trained networks that come with the package, so that nobody has to train one first."""

import hashlib
import json
from pathlib import Path

from fer_keras.errors import InputError

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = ("quick", "best")
"""Recipes whose networks come with the package, as `weights/NAME.keras`."""


def card(name):
    """Return what is known of a shipped network.

    Args:
        name: one of `SHIPPED`.

    Returns:
        A dict: `sha256` of the file, `recipe`, `class_names`, `scores` on PublicTest (a list of
        dicts, as rows of `comparison.result_table`), what it was trained on, and when.
    """
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def load(name):
    """Return a shipped network, in float32, and the names of its classes.

    Its file holds float16, half as large; that changes no score (see `weights/README.md`).

    Args:
        name: one of `SHIPPED`.

    Returns:
        An uncompiled `keras.Sequential`, raw grey levels in and probabilities out, and a tuple.

    Raises:
        InputError: if the file is not the one that the card describes.
    """
    import keras

    from fer_keras.models import in_dtype

    path, about = WEIGHTS / f"{name}.keras", card(name)
    if hashlib.sha256(path.read_bytes()).hexdigest() != about["sha256"]:
        raise InputError(f"{path} is damaged or another network; install fer_keras again.")
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    return in_dtype(network, "float32"), tuple(about["class_names"])
