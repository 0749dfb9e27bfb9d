"""One run over several devices, in processes of their own: devices are fixed when they are used."""

import json
import subprocess
import sys
import time

import numpy as np
import pandas as pd

PROGRAM = """
import json, sys
import numpy as np
import tensorflow as tf

num_devices, fields, directory = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * num_devices,
)

from fer_keras.data.faces import Faces, Splits
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.training.recipe import Recipe
from fer_keras.comparison.run import run

labels = np.arange(91) % 7
rng = np.random.default_rng(0)
patterns = rng.integers(0, 156, (7, 6, 6)).repeat(8, axis=1).repeat(8, axis=2)
images = (patterns[labels] + rng.integers(0, 100, (91, 48, 48))).astype(np.uint8)
faces = Faces(images, labels, np.array([f"Training/{n}" for n in range(91)]), CLASS_NAMES)
parts = [faces.select(slice(*ends)) for ends in ((0, 56), (56, 70), (70, 91))]
run(Recipe(**fields), Splits(parts[0], parts[2], parts[1]), directory)
assert len(tf.config.list_logical_devices("CPU")) == num_devices
"""


def command(num_devices, directory, fields):
    return [sys.executable, "-c", PROGRAM, str(num_devices), json.dumps(fields), directory]


def train_on(num_devices, directory, **fields):
    """Train in a process of its own; return probabilities and history."""
    answer = subprocess.run(command(num_devices, directory, fields), capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-3000:]
    with np.load(directory / "predictions.npz") as stored:
        return stored["probabilities"], pd.read_csv(directory / "history.csv")


def test_two_devices_give_what_one_gives(tmp_path):
    # No dropout, no batch norm: what is left depends on the sum of gradients alone.
    fields = {"network": "conv2", "epochs": 4, "batch_size": 16, "seed": 3}
    alone, history_alone = train_on(1, tmp_path / "one", **fields)
    shared, history_shared = train_on(2, tmp_path / "two", **fields)
    np.testing.assert_allclose(shared, alone, atol=2e-3)
    np.testing.assert_allclose(history_shared["loss"], history_alone["loss"], rtol=1e-3)
    assert np.ptp(alone, axis=0).max() > 0.3  # there is something to agree on


def test_a_run_over_two_devices_that_was_killed_ends_as_it_would_have(tmp_path):
    fields = {
        "network": "conv3", "normalisation": "standardise", "augmentation": "study_d",
        "balance": "class_weights", "batch_size": 16, "epochs": 3,
    }  # fmt: skip
    undisturbed, _ = train_on(2, tmp_path / "undisturbed", **fields)
    killed = tmp_path / "killed"
    process = subprocess.Popen(command(2, killed, fields), stderr=subprocess.DEVNULL)
    while not (killed / "backup" / "state.json").is_file() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (killed / "metrics.json").is_file()
    resumed, _ = train_on(2, killed, **fields)
    np.testing.assert_array_equal(resumed, undisturbed)
