"""Runs that are killed, or whose state is damaged: they end as if nothing had been."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from helpers import SMALL, patterned_faces
from keras import layers

from fer_keras.comparison.run import fit, load_run
from fer_keras.data.faces import Splits, concatenate
from fer_keras.data.loading import load_data
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.data.splitting import cut_validation
from fer_keras.evaluation.predictions import Predictions
from fer_keras.training.recipe import Recipe

RECIPE = Recipe(network=SMALL, epochs=3, batch_size=32, seed=7)


def shaken(num_classes):
    """A network whose layers draw random numbers of two kinds."""
    first = [keras.Input((48, 48, 1)), layers.RandomContrast(0.5), layers.Rescaling(1 / 255)]
    last = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(num_classes, activation="softmax")]
    return keras.Sequential([*first, layers.Conv2D(4, 5, strides=4), *last])


RECIPES = {
    "augmented": RECIPE.changed(
        augmentation="study_d", normalisation="standardise", weight_decay=0.01
    ),
    "generator": RECIPE.changed(storage="folder", feed="image_data_generator"),
    "mixed": RECIPE.changed(mixup=0.2, balance="balanced_sampling", schedule="one_cycle"),
    "frozen": RECIPE.changed(network=SMALL, frozen_epochs=1),
    "random layers": RECIPE.changed(network=f"{__file__}:shaken"),
    "patient": RECIPE.changed(epochs=9, patience=2, optimizer="sgd", label_smoothing=0.1),
}

# Dies by SIGKILL just before its n-th rename: at each place where something would become visible.
KILLED_RUN = """
import os, pickle, signal, sys
from fer_keras.comparison.run import fit

recipe, splits, directory = pickle.load(open(sys.argv[1], "rb"))
renames_left, rename = int(sys.argv[2]), os.replace

def replace_or_die(*paths):
    global renames_left
    renames_left -= 1
    if renames_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*paths)

os.replace = replace_or_die
fit(recipe, splits, directory)
"""


@pytest.fixture(scope="module")
def splits():
    return Splits(
        patterned_faces(140), patterned_faces(70, "PublicTest"), patterned_faces(35, seed=1)
    )


def whole_number_of_epochs(directory):
    state = directory / "backup" / "state.json"
    return len(json.loads(state.read_text())) if state.is_file() else 0


def is_the_same(run, other):
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    metrics = [(each.directory / "metrics.json").read_text() for each in (run, other)]
    weights = [
        keras.models.load_model(each.directory / "model.keras").get_weights()
        for each in (run, other)
    ]
    return (
        np.array_equal(run.predictions.probabilities, other.predictions.probabilities)
        and run.history[columns].equals(other.history[columns])
        and metrics[0] == metrics[1]
        and all(map(np.array_equal, *weights))
    )


@pytest.mark.parametrize("name", RECIPES)
def test_killed_runs(request, splits, tmp_path, tally, name):
    is_full = request.config.getoption("all")
    if not is_full and name != "augmented":
        pytest.skip("with --all")
    recipe, directory = RECIPES[name], tmp_path / "killed"
    if name == "generator":
        folder = tmp_path / "faces"
        write_image_folder(concatenate(splits.train, splits.test), folder)
        splits = cut_validation(load_data(folder, storage="folder"), 0.2, seed=0)
    job = tmp_path / "job.pickle"
    job.write_bytes(pickle.dumps((recipe, splits, directory)))
    exits, epochs = [], []
    # Renames: recipe, environment, two an epoch, then model, predictions, tables, metrics.
    for renames_left in (5, 4, 1, 9, 6) if is_full else (5, 9):
        code = [sys.executable, "-c", KILLED_RUN, job, str(renames_left)]
        exits.append(subprocess.run(code, capture_output=True).returncode)
        epochs.append(whole_number_of_epochs(directory))
    assert set(exits) == {-signal.SIGKILL}
    assert epochs == sorted(epochs) and max(epochs) > 0
    finished, calm = (fit(recipe, splits, place) for place in (directory, tmp_path / "calm"))
    is_right = is_the_same(finished, calm)
    for number, epoch in enumerate(epochs, 1):
        tally.count(f"kill {number}, epoch {epoch}", "right" if is_right else "silently wrong")


def test_runs_killed_at_any_time(request, splits, tmp_path, tally):
    """Killed after random seconds, wherever it is by then: in C++, in a file, in an import."""
    if not request.config.getoption("all"):
        pytest.skip("with --all")
    rng, recipe, directory = np.random.default_rng(0), RECIPE.changed(epochs=60), tmp_path / "run"
    calm = fit(recipe, splits, tmp_path / "calm")
    job = tmp_path / "job.pickle"
    job.write_bytes(pickle.dumps((recipe, splits, directory)))
    code = [sys.executable, "-c", KILLED_RUN, job, "0"]
    kills = []
    while not (directory / "metrics.json").is_file():
        done = whole_number_of_epochs(directory)
        process = subprocess.Popen(code, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # At least one epoch each time, so that the kills have an end.
        while process.poll() is None and whole_number_of_epochs(directory) <= done:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.wait()
        kills.append(whole_number_of_epochs(directory))
        if len(kills) == 10:
            subprocess.run(code, check=True, capture_output=True)
    is_right = is_the_same(load_run(directory), calm)
    for epoch in kills:
        tally.count(f"kill in epoch {epoch + 1}", "right" if is_right else "silently wrong")


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def garbage(file):
    file.write_bytes(np.random.default_rng(0).bytes(1000))


def other_archive(file):
    with open(file, "wb") as there:
        np.savez(there, a=np.zeros(3))


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def written(text):
    return lambda file: file.write_text(text)


STATE, EPOCH, IDENTITY = "state.json", "epoch_0003.keras", "../recipe.json"
DAMAGE = {
    "state, empty": (STATE, empty),
    "state, cut": (STATE, cut),
    "state, garbage": (STATE, garbage),
    "state of something else": (STATE, written('{"a": 1}')),
    "state without numbers": (STATE, written('[{"epoch": 1, "loss": "low"}]')),
    "state too deep": (STATE, written("[" * 100_000)),
    "epoch, empty": (EPOCH, empty),
    "epoch, cut": (EPOCH, cut),
    "epoch, flipped": (EPOCH, flip),
    "epoch, garbage": (EPOCH, garbage),
    "epoch, another archive": (EPOCH, other_archive),
    "epoch, a pipe": (EPOCH, pipe),
    "epoch, gone": (EPOCH, lambda file: file.unlink()),
    "recipe, empty": (IDENTITY, empty),
    "recipe, cut": (IDENTITY, cut),
    "recipe, garbage": (IDENTITY, garbage),
    "recipe of another type": (IDENTITY, written("[]")),
}
SHORT = ("state, cut", "state without numbers", "epoch, flipped", "epoch, a pipe", "recipe, cut")


@pytest.fixture(scope="module")
def stopped(splits, tmp_path_factory):
    """An undisturbed run, and the folder of one that was stopped before it predicted anything."""
    place = tmp_path_factory.mktemp("stopped")

    class Stop(Exception):
        pass

    def stop(*args):
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Predictions, "save", stop)
        with pytest.raises(Stop):
            fit(RECIPE, splits, place / "run")
    return fit(RECIPE, splits, place / "calm"), place / "run"


def test_damaged_states(request, splits, stopped, tmp_path, capsys, tally):
    calm, directory = stopped
    is_full = request.config.getoption("all")
    for number, (what, (name, damage)) in enumerate(DAMAGE.items()):
        if not is_full and what not in SHORT:
            continue
        place = tmp_path / str(number)
        shutil.copytree(directory, place)
        damage(place / "backup" / name)
        tally.attack(
            what,
            lambda place=place: fit(RECIPE, splits, place),
            lambda run: (
                "is damaged; the" in capsys.readouterr().out
                and np.array_equal(run.predictions.probabilities, calm.predictions.probabilities)
                and run.history["loss"].equals(calm.history["loss"])
            ),
        )


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux names open files there")
def test_files_and_folders_are_on_the_disk_before_they_count(splits, tmp_path, monkeypatch):
    """Of each rename: the file is synced before it, and what was renamed before it, too."""
    events, sync, rename = [], os.fsync, os.replace

    def noted_sync(handle):
        events.append(("synced", os.readlink(f"/proc/self/fd/{handle}")))
        sync(handle)

    def noted_rename(source, target):
        events.append(("renamed", str(source), str(target)))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_rename)
    fit(RECIPE.changed(epochs=1), splits, tmp_path / "run")
    renames = [place for place, event in enumerate(events) if event[0] == "renamed"]
    assert os.path.basename(events[renames[-1]][2]) == "metrics.json"
    for place in renames:
        _, source, target = events[place]
        assert events[place - 1] == ("synced", source)
        assert events[place + 1] == ("synced", os.path.dirname(target))
