"""Runs over two devices, in processes of their own: devices are fixed when they are used."""

import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import patterned_faces

from fer_keras.comparison.run import fit, load_run
from fer_keras.data.faces import Splits
from fer_keras.training.recipe import Recipe

# The run in the directory that is named dies by SIGKILL when its second epoch begins.
PROGRAM = """
import os, pickle, signal, sys
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from fer_keras.comparison.run import fit
from fer_keras.training.checkpoint import Checkpoint

begin = Checkpoint.on_epoch_begin

def begin_or_die(self, epoch, logs=None):
    if epoch == 1 and self.directory.parent.name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    begin(self, epoch, logs)

Checkpoint.on_epoch_begin = begin_or_die
with open(sys.argv[1], "rb") as jobs:
    for job in pickle.load(jobs):
        fit(*job)
assert len(tf.config.list_logical_devices("CPU")) == 2
"""
NETWORKS = """
import keras
from keras import layers

def plain(num_classes, *more):
    return keras.Sequential([
        keras.Input((48, 48, 1)),
        layers.Conv2D(8, 5, strides=3, activation="relu"),
        layers.Flatten(),
        *more,
        layers.Dense(num_classes, activation="softmax"),
    ])

def with_dropout(num_classes):
    return plain(num_classes, layers.Dropout(0.3))
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A plain run over one device and over two, and a killed one beside an undisturbed one."""
    directory = tmp_path_factory.mktemp("runs")
    file = directory / "mine.py"
    file.write_text(NETWORKS)
    splits = Splits(
        patterned_faces(56), patterned_faces(21, "PublicTest"), patterned_faces(14, seed=1)
    )
    plain = Recipe(
        network=f"{file}:plain", epochs=3, batch_size=16, optimizer="sgd", learning_rate=0.1, seed=3
    )
    rich = Recipe(
        network=f"{file}:with_dropout", normalisation="standardise", augmentation="study_d",
        balance="class_weights", batch_size=16, epochs=2,
    )  # fmt: skip

    def over_two_devices(to_be_killed, **recipes):
        jobs = [(recipe, splits, directory / name) for name, recipe in recipes.items()]
        (directory / "jobs").write_bytes(pickle.dumps(jobs))
        code = [sys.executable, "-c", PROGRAM, directory / "jobs", to_be_killed]
        answer = subprocess.run(code, capture_output=True, text=True)
        assert answer.returncode == (-signal.SIGKILL if to_be_killed else 0), answer.stderr[-3000:]

    fit(plain, splits, directory / "one")
    over_two_devices("killed", two=plain, undisturbed=rich, killed=rich)
    assert (directory / "killed" / "backup" / "state.json").is_file()
    assert not (directory / "killed" / "metrics.json").is_file()
    over_two_devices("", killed=rich)
    return {name: load_run(directory / name) for name in ("one", "two", "undisturbed", "killed")}


def test_two_devices_give_what_one_gives(runs):
    # No dropout, no batch norm: what is left depends on the sum of gradients alone.
    alone, shared = (runs[name].predictions.probabilities for name in ("one", "two"))
    np.testing.assert_allclose(shared, alone, atol=2e-3)
    losses = [runs[name].history["loss"] for name in ("one", "two")]
    np.testing.assert_allclose(*losses, rtol=1e-3)
    assert np.ptp(alone, axis=0).max() > 0.3  # there is something to agree on


def test_a_run_over_two_devices_that_was_killed_ends_as_it_would_have(runs):
    killed, undisturbed = runs["killed"], runs["undisturbed"]
    np.testing.assert_array_equal(
        killed.predictions.probabilities, undisturbed.predictions.probabilities
    )
    np.testing.assert_array_equal(killed.history["loss"], undisturbed.history["loss"])
