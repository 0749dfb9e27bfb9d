"""A run's identity: recipe, data and code, all that could change it."""

import hashlib
import json
from pathlib import Path

import numpy as np

from fer_keras.networks.backbones import weights_identity
from fer_keras.networks.build import fingerprint
from fer_keras.utils.errors import InputError
from fer_keras.utils.machine import keras_backend, version_if_any
from fer_keras.utils.records import read_object

PACKAGE = Path(__file__).parents[1]
TRAINING_CODE = (
    *("networks/*.py", "training/*.py", "data/corruptions.py"),
    *("data/readers/image_folder.py", "data/readers/decoding.py"),  # what a generator is fed from
)
"""The code that decides what a recipe's training does."""
TRAINING_PACKAGES = ("keras", "numpy", "opencv-python-headless", "pillow", "scipy")
"""Packages that compute what a network learns from, beside Keras' backend."""

MAX_TITLE_BYTES = 100
"""Bytes of a title in a directory's name, which file systems limit to 255."""


def faces_identity(splits):
    """Return a hash of all faces, and their counts.

    Args:
        splits: `Splits`, validation cut out.

    Returns:
        A dict of JSON values: `sha256` of all pixels, labels, ids, targets and groups; the numbers
        of images `train`, `validation` and `test`; and `classes`, their names.
    """
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    arrays = []
    for faces in filter(None, parts.values()):
        optional = [each for each in (faces.targets, faces.groups) if each is not None]
        arrays += [faces.images, faces.labels, faces.ids.astype(str), *optional]
    return {
        "sha256": _sha256(arrays),
        **{name: len(faces) if faces else 0 for name, faces in parts.items()},
        "classes": list(splits.test.class_names),
    }


def mark_of(faces, groups):
    """Return a text that other pixels, labels, ids or groups would change.

    Args:
        faces: `Faces`.
        groups: int array `(n,)`.
    """
    return _sha256([faces.images, faces.labels, faces.ids.astype(str), groups])


def run_identity(recipe, splits, network=None):
    """Return what a run directory belongs to.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`, validation cut out.
        network: what `network_identity` returned of it in the process that planned the run; `None`
            computes it.

    Returns:
        A dict of JSON values: `recipe` (all fields), `augmentation` (its strengths), `network`
        (hashes of a builder of the user's own and of a file of pretrained weights), `data` (as
        `faces_identity`) and `code` (a hash of the code that trains, versions of packages, and the
        `backend` unless it is TensorFlow).
    """
    backend = keras_backend()
    sources = sorted(path for pattern in TRAINING_CODE for path in PACKAGE.glob(pattern))
    code = {
        "sha256": hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest(),
        **{package: version_if_any(package) for package in (backend, *TRAINING_PACKAGES)},
        # TensorFlow goes without saying, as in runs from before there was a choice.
        **({} if backend == "tensorflow" else {"backend": backend}),
    }
    return {
        "recipe": recipe.as_json(),
        "augmentation": recipe.ranges,
        "network": network or network_identity(recipe, len(splits.test.class_names)),
        "data": faces_identity(splits),
        "code": code,
    }


def network_identity(recipe, num_classes):
    """Return hashes of a user's own builder and of pretrained weights.

    Args:
        recipe: the `Recipe`.
        num_classes: number of classes.

    Returns:
        A dict from a name to a hash.

    Raises:
        InputError: if the network cannot be built, or the file is not there.
    """
    own = fingerprint(recipe.network, num_classes)
    return own | weights_identity(recipe.network, recipe.pretrained_weights)


def was_trained_on(directory, splits):
    """Return whether a run learnt and was tested on these faces.

    Args:
        directory: the run directory.
        splits: `Splits`, validation cut out.

    Raises:
        InputError: if the directory's `recipe.json` is damaged.
    """
    identity = read_object(directory / "recipe.json", data=dict)
    return identity["data"].get("sha256") == faces_identity(splits)["sha256"]


def run_name(title, identity):
    """Return a directory name that any other identity would change.

    Args:
        title: what the name begins with.
        identity: dict of JSON values that the directory belongs to.

    Raises:
        InputError: if the title is no text.
    """
    if not isinstance(title, str):
        raise InputError(f"A name or title is {title!r}; give a text.")
    text = json.dumps(identity, sort_keys=True)
    words = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in title)
    words = words.encode()[:MAX_TITLE_BYTES].decode(errors="ignore").lstrip("-") or "run"
    return f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _sha256(arrays):
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
