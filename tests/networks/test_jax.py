"""Keras on JAX, in a process of its own, must give what Keras on TensorFlow gives."""

import json
import os
import subprocess
import sys

import keras
import numpy as np

from fer_keras.comparison import run as runs
from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.networks import cost

PROGRAM = """
import json, sys
import keras
import numpy as np
from fer_keras.networks import cost
from fer_keras.comparison import run as runs
from fer_keras.data.faces import Faces, Splits
from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.predict.predictor import Predictor
from fer_keras.training.recipe import Recipe

assert keras.backend.backend() == "jax"
with np.load(sys.argv[1]) as stored:
    parts = [
        Faces(*(stored[f"{part}_{name}"] for name in ("images", "labels", "ids")), CLASS_NAMES)
        for part in ("train", "test", "validation")
    ]
run = runs.run(Recipe(**json.loads(sys.argv[3])), Splits(*parts), sys.argv[2])
faces, model = parts[1].images, runs.load_model(run)
np.savez(
    run.directory / "from_jax.npz",
    probabilities=Predictor(run.directory)(faces),
    evidence=grad_cam(model, faces, 3),
    megaflops=cost.megaflops(model),
)
"""


def train_on_jax(splits, directory, **fields):
    """Train in a process of its own; return the finished `Run`."""
    parts = {"train": splits.train, "test": splits.test, "validation": splits.validation}
    arrays = {
        f"{part}_{name}": getattr(faces, name)
        for part, faces in parts.items()
        for name in ("images", "labels", "ids")
    }
    np.savez(directory.with_suffix(".npz"), **arrays)
    answer = subprocess.run(
        [
            sys.executable, "-c", PROGRAM, directory.with_suffix(".npz"), directory,
            json.dumps(fields),
        ],
        capture_output=True, text=True, env=os.environ | {"KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-3000:]
    return runs.load_run(directory)


def test_a_network_trained_on_jax_is_the_same_network_on_tensorflow(splits, tmp_path):
    fields = {
        "network": "quick", "epochs": 1, "augmentation": "study_d", "optimizer": "sgd",
        "schedule": "one_cycle", "learning_rate": 0.05, "batch_size": 16,
    }  # fmt: skip
    run = train_on_jax(splits, tmp_path / "run", **fields)
    assert keras.backend.backend() == "tensorflow"
    here = runs.predict(run, splits.test).probabilities
    assert np.ptp(here, axis=0).max() > 0.05  # there is something to agree on
    with np.load(run.directory / "from_jax.npz") as there:
        for probabilities in (run.predictions.probabilities, there["probabilities"]):
            np.testing.assert_allclose(probabilities, here, atol=1e-5)
        model = runs.load_model(run)
        evidence = grad_cam(model, splits.test.images, 3)
        np.testing.assert_allclose(there["evidence"], evidence, atol=1e-4 * evidence.max())
        # XLA leaves out what the zeros round a padded image are multiplied with.
        assert cost.megaflops(model) * 0.88 < there["megaflops"] < cost.megaflops(model)


def test_training_on_jax_is_repeatable(splits, tmp_path):
    fields = {"network": "conv3", "epochs": 2, "batch_size": 32}
    first, second = (train_on_jax(splits, tmp_path / name, **fields) for name in ("one", "two"))
    np.testing.assert_array_equal(first.predictions.probabilities, second.predictions.probabilities)
    assert first.history["loss"][1] < first.history["loss"][0]
