"""A longer training goes on where a shorter one ended, and ends as if it had trained alone."""

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from helpers import SMALL

from fer_keras.comparison.continuing import pass_on, run_lock
from fer_keras.comparison.engine import run_comparison
from fer_keras.comparison.execute import PlannedRun, execute_all
from fer_keras.training import fit
from fer_keras.training.recipe import Recipe

RECIPE = Recipe(network=SMALL, batch_size=35, learning_rate=1e-2, epochs=4)


@pytest.fixture
def trained(monkeypatch):
    """The number of epochs that each call of `train` trained, in turn."""
    epochs, before = [], fit.train

    def train(*arguments):
        before_it = fit.Checkpoint(arguments[2] / "backup", arguments[0], 1).epochs_done
        network, history = before(*arguments)
        epochs.append(len(history) - before_it)
        return network, history

    monkeypatch.setattr(fit, "train", train)
    return epochs


def compared(recipe, data, out, **options):
    done = run_comparison({"a": recipe}, data, 1, out=out, **options)
    assert not done.errors
    return {arm: runs[0] for arm, runs in done.runs.items()}


def assert_same(run, other):
    np.testing.assert_array_equal(run.predictions.probabilities, other.predictions.probabilities)
    assert run.recipe == other.recipe
    names = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(run.history[names], other.history[names])


def test_each_length_trains_only_the_epochs_that_are_left(data, tmp_path, trained):
    runs = compared(RECIPE, data, tmp_path / "all", factors={"epochs": (1, 2, 4)})
    assert trained == [1, 1, 2]
    assert not [*tmp_path.glob("all/*/*/backup")]
    for number, run in enumerate(runs.values()):
        alone = compared(run.recipe, data, tmp_path / str(number))["a"]
        assert_same(run, alone)
    assert trained[3:] == [1, 2, 4]


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"schedule": "one_cycle"}, {"factors": {"epochs": (1, 2)}}),
        ({}, {"factors": {"epochs": (2, 1)}}),
        ({}, {"factors": {"epochs": (1, 2)}, "tensorboard": "logs"}),
    ],
)
def test_a_training_that_begins_otherwise_trains_all_its_epochs(
    data, tmp_path, trained, changes, options
):
    if "tensorboard" in options:
        options = options | {"tensorboard": tmp_path / "logs"}
    runs = compared(RECIPE.changed(**changes), data, tmp_path / "runs", **options)
    assert trained == [run.recipe.epochs for run in runs.values()]


def test_a_training_that_has_begun_keeps_its_own_state(tmp_path):
    backup, longer = tmp_path / "short" / "backup", tmp_path / "long"
    for folder, state in ((backup, "the other's"), (longer / "backup", "its own")):
        folder.mkdir(parents=True)
        (folder / "state.json").write_text(state)
    pass_on(backup, longer)
    assert (longer / "backup" / "state.json").read_text() == "its own" and not backup.exists()


def test_the_state_of_a_run_that_was_killed_when_it_had_finished_is_deleted(tmp_path):
    left, locked = tmp_path / "left", tmp_path / "locked"
    for directory in (left, locked):
        (directory / "backup").mkdir(parents=True)
        (directory / "metrics.json").touch()
    runs = [PlannedRun("a", RECIPE, None, directory, 0, None) for directory in (left, locked)]
    with run_lock(locked):
        assert execute_all(runs) == {}
    assert [path.name for path in left.iterdir()] == ["metrics.json"]
    assert (locked / "backup").is_dir()


def test_a_training_that_another_process_begins_is_left_alone(tmp_path):
    backup, longer = tmp_path / "backup", tmp_path / "long"
    backup.mkdir()
    with FileLock(tmp_path / ".long.lock"):
        pass_on(backup, longer)
    assert not longer.exists() and not backup.exists()
