"""Small faces that every test can afford, made here and nowhere near the package's own drawing."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from fer_keras.faces import Faces, Splits
from fer_keras.labels import CLASS_NAMES


def patterned_faces(count, split="Training", seed=0, class_names=CLASS_NAMES):
    """Noise whose bright stripe tells the class: learnable, all classes present, no two equal."""
    rng = np.random.default_rng([seed, len(split)])
    labels = np.arange(count) % len(class_names)
    images = rng.integers(0, 100, (count, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[6 * label : 6 * label + 5] += 120
    ids = np.array([f"{split}/row{number}" for number in range(1, count + 1)])
    return Faces(images, labels, ids, tuple(class_names))


@pytest.fixture
def make_faces():
    return patterned_faces


@pytest.fixture
def splits():
    """140 training, 35 validation and 70 test faces."""
    return Splits(
        train=patterned_faces(140),
        validation=patterned_faces(35, seed=1),
        test=patterned_faces(70, "PublicTest", seed=2),
    )
