"""Keras on JAX, in processes of its own, must give what Keras on TensorFlow gives."""

import os
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from helpers import patterned_faces

from fer_keras.comparison.run import load_run
from fer_keras.comparison.trained import load_model, predict
from fer_keras.data.faces import Splits
from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.networks import cost
from fer_keras.training.feeds import generator_feed
from fer_keras.training.recipe import Recipe

PROGRAM = """
import pickle, sys
from pathlib import Path
import keras
import numpy as np
from fer_keras.comparison.run import fit
from fer_keras.comparison.trained import load_model, predict
from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.networks import cost
from fer_keras.predict.predictor import Predictor
from fer_keras.training.feeds import generator_feed

assert keras.backend.backend() == "jax"
recipe, splits = pickle.loads(Path(sys.argv[1]).read_bytes())
run = fit(recipe, splits, Path(sys.argv[2]))
faces, model = splits.test.images, load_model(run)
feed = generator_feed(splits.train, 16, 0, {"rotation_range": 10}, first_epoch=1)
np.savez(
    run.directory / "from_jax.npz",
    fed=np.concatenate([next(feed)[0] for _ in range(3)]),
    probabilities=Predictor(run.directory)(faces),
    evidence=grad_cam(model, faces, 3),
    megaflops=cost.megaflops(model),
)
"""
# Each kind of layer that the package's networks are made of, once.
NETWORK = """
import keras
from keras import layers

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)),
        layers.Conv2D(8, 5, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.AveragePooling2D(2),
        layers.Dropout(0.2),
        layers.Flatten(),
        layers.Dense(num_classes, activation="softmax"),
    ])
"""


@pytest.fixture(scope="module")
def splits():
    return Splits(
        patterned_faces(140), patterned_faces(35, "PublicTest"), patterned_faces(35, seed=1)
    )


@pytest.fixture(scope="module")
def runs(splits, tmp_path_factory):
    """The same recipe trained twice on JAX, in two processes at once."""
    directory = tmp_path_factory.mktemp("jax")
    (directory / "mine.py").write_text(NETWORK)
    recipe = Recipe(
        network=f"{directory / 'mine.py'}:build", epochs=2, augmentation="study_d",
        optimizer="sgd", schedule="one_cycle", learning_rate=0.05, batch_size=16,
    )  # fmt: skip
    (directory / "job").write_bytes(pickle.dumps((recipe, splits)))
    code, folders = [sys.executable, "-c", PROGRAM, directory / "job"], ("one", "two")
    processes = [
        subprocess.Popen(
            [*code, directory / folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"KERAS_BACKEND": "jax"},
        )
        for folder in folders
    ]  # fmt: skip
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]
    return [load_run(directory / folder) for folder in folders]


def test_a_network_trained_on_jax_is_the_same_network_on_tensorflow(runs, splits):
    run, model = runs[0], load_model(runs[0])
    assert keras.backend.backend() == "tensorflow"
    here = predict(run, splits.test).probabilities
    assert np.ptp(here, axis=0).max() > 0.05  # there is something to agree on
    with np.load(run.directory / "from_jax.npz") as there:
        for probabilities in (run.predictions.probabilities, there["probabilities"]):
            np.testing.assert_allclose(probabilities, here, atol=1e-5)
        evidence = grad_cam(model, splits.test.images, 3)
        np.testing.assert_allclose(there["evidence"], evidence, atol=1e-4 * evidence.max())
        # XLA leaves out what the zeros round a padded image are multiplied with.
        assert cost.megaflops(model) * 0.88 < there["megaflops"] < cost.megaflops(model)


def test_image_data_generator_feeds_jax_what_it_feeds_tensorflow(runs, splits):
    feed = iter(generator_feed(splits.train, 16, 0, {"rotation_range": 10}, first_epoch=1))
    here = np.concatenate([next(feed)[0].numpy() for _ in range(3)])
    with np.load(runs[0].directory / "from_jax.npz") as there:
        np.testing.assert_array_equal(there["fed"], here)


def test_training_on_jax_is_repeatable(runs):
    first, second = runs
    np.testing.assert_array_equal(first.predictions.probabilities, second.predictions.probabilities)
    assert first.history["loss"][1] < first.history["loss"][0]
