"""One run, end to end, and its run directory."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.comparison.callbacks import require_usable, tensorboard_callback
from fer_keras.comparison.continuing import pass_on, run_lock
from fer_keras.comparison.identity import run_identity, run_name
from fer_keras.comparison.prepare import prepared
from fer_keras.comparison.progress import Progress, Training
from fer_keras.comparison.shared_graph import with_shared_graph
from fer_keras.comparison.trained import over_views, predict_faces
from fer_keras.data.faces import Splits
from fer_keras.evaluation.predictions import (
    Predictions,
    class_report,
    confusion_table,
    flat_metrics,
    score_table,
)
from fer_keras.training.history import kept_epoch
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path, require_writable, whole_file, write_text
from fer_keras.utils.machine import environment
from fer_keras.utils.records import read_object, read_table
from fer_keras.utils.startup import errors_only, start_tensorflow
from fer_keras.utils.watching import waiting

VALIDATION_FILE = "validation_predictions.npz"
AUGMENTED_FILE = "augmented_predictions.npz"
OF_AN_EPOCH = ("epoch", "loss", "accuracy", "seconds", "images_per_second")
"""Columns of `history.csv`; with validation there are `val_loss` and `val_accuracy`, too."""
OF_THE_MACHINE = ("date", "processor", "cores", "python", "git commit")
"""What `environment.json` names at least."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Args:
        directory: its run directory.
        recipe: the `Recipe` that it followed.
        history: DataFrame, one row an epoch.
        predictions: `Predictions` of the test faces by the kept epoch's weights.
        validation_predictions: those of the validation faces; `None` where there are none.
        environment: the machine and the versions that it was trained with, as
            `machine.environment()`.
        augmented_predictions: those of the test faces as the mean over several views of each;
            `None` unless the recipe asks for `test_time_augmentation`.
    """

    directory: Path
    recipe: Recipe
    history: pd.DataFrame
    predictions: Predictions
    validation_predictions: Predictions | None
    environment: dict[str, str]
    augmented_predictions: Predictions | None = None

    @property
    def kept_epoch(self):
        """The epoch whose weights were kept, counted from 1."""
        return kept_epoch(self.history)

    def scores(self):
        """Return the scores on each test set, as `predictions.score_table` does."""
        return score_table(self.predictions)


def fit(recipe, splits, directory=None, title=None, *, callbacks=(), tensorboard=None):
    """Train by a recipe, predict the test faces, and write the run directory.

    A run that was killed goes on after its last complete epoch and, on the same machine, ends as
    it would have; a finished one is read back. `metrics.json`, written last, marks it as finished.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; where they have no validation, it is cut out as the recipe says.
        directory: the run directory; `None` takes `runs/<title>-<hash>`.
        title: what progress lines begin with; `None` takes the network's name.
        callbacks: Keras callbacks that watch the training: epochs are counted from 0, and a run
            that goes on begins with the first epoch that is left. They are not part of a run's
            identity: a callback that changes the training gives a run that cannot be repeated, and
            a finished run is read back without them.
        tensorboard: folder for TensorBoard's logs, which go into a folder there called as the run
            directory; `None` writes none.

    Returns:
        The finished `Run`.

    Raises:
        InputError: if the recipe asks for what the splits do not hold, the training diverges, the
            directory holds a run of another recipe, other data or other code, a callback is none
            of Keras', or TensorBoard is asked for and not installed.
    """
    if not isinstance(recipe, Recipe) or not isinstance(splits, Splits):
        kinds = f"{type(recipe).__name__} and {type(splits).__name__}"
        raise InputError(f"fit takes a Recipe and Splits, as of load_data; it was given {kinds}.")
    recipe, splits = prepared(recipe, splits)
    network = recipe.as_json()["network"]
    title = title or network.rpartition(":")[2]
    identity = run_identity(recipe, splits)
    name = run_name(title, identity)
    directory = project_path(f"runs/{name}" if directory is None else directory)
    require_writable(directory)
    with Progress([Training(title, recipe.epochs, len(splits.train))]) as progress:
        return finish(recipe, splits, directory, title, identity, progress, callbacks, tensorboard)


def finish(
    recipe,
    splits,
    directory,
    title,
    identity,
    progress=None,
    callbacks=(),
    tensorboard=None,
    longer=None,
):
    """Do what `fit` does, for faces that are prepared.

    Args:
        recipe: the `Recipe`, its storage and classes filled in.
        splits: its `Splits`, validation cut out.
        directory: the run directory, a `Path`.
        title: what progress lines begin with.
        identity: what `run_identity` returned of it.
        progress: the `Progress` in which this training has its turn; `None` shows none.
        callbacks: as for `fit`.
        tensorboard: as for `fit`.
        longer: directory of a longer training that goes on where this one ends.

    Returns:
        The finished `Run`.

    Raises:
        InputError: as `fit`.
    """
    require_usable(callbacks, tensorboard)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Whoever comes second waits, and finds the run finished; a lock ends with its process.
    with waiting(f"Another process trains {directory.name}; waiting for its end"):
        lock = run_lock(directory).acquire()
    with lock:
        _claim(directory, identity)
        if not (directory / "metrics.json").is_file():
            start_tensorflow()
            watching = [progress.callback(title, recipe.batch_size)] if progress else []
            if tensorboard is not None:
                watching.append(tensorboard_callback(tensorboard, directory.name))
            _train_and_predict(recipe, splits, directory, (*watching, *callbacks))
        pass_on(directory / "backup", longer)
    return load_run(directory)


def load_run(directory):
    """Read a finished run back from its directory.

    Args:
        directory: the run directory.

    Returns:
        The `Run`.

    Raises:
        InputError: if the run is not finished.
    """
    directory = project_path(directory)
    if not (directory / "metrics.json").is_file():
        raise InputError(
            f"{directory} is a comparison, which load_comparison reads."
            if (directory / "comparison.json").is_file()
            else f"{directory} holds no finished run; start it again to finish it."
        )
    validation, augmented = (
        Predictions.load(directory / name) if (directory / name).is_file() else None
        for name in (VALIDATION_FILE, AUGMENTED_FILE)
    )
    recipe = Recipe().changed(**read_object(directory / "recipe.json", recipe=dict)["recipe"])
    return Run(
        directory,
        recipe,
        read_table(directory / "history.csv", OF_AN_EPOCH),
        Predictions.load(directory / "predictions.npz"),
        validation,
        read_object(directory / "environment.json", **dict.fromkeys(OF_THE_MACHINE, str)),
        augmented,
    )


def _claim(directory, identity):
    file = directory / "recipe.json"
    if file.is_file() and (known := _read_identity(file)) and known != identity:
        raise InputError(
            f"{directory} holds a run of another recipe, other data or other code; "
            "give another directory, or delete this one."
        )
    write_text(file, json.dumps(identity, indent=2) + "\n")


def _read_identity(file):
    """Return the identity in `recipe.json`; if damaged, delete the run's state, return `None`."""
    with suppress(ValueError, RecursionError):
        identity = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(identity, dict) and identity:
            return identity
    print(f"{file} is damaged; the run begins again.")
    for name in ("backup", "metrics.json"):
        path = file.with_name(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return None


def _train_and_predict(recipe, splits, directory, callbacks):
    # Imported here, so that reading finished runs needs no TensorFlow.
    from fer_keras.training.fit import arithmetic, train

    made_with = environment() | {"arithmetic": arithmetic(recipe)}
    _write_json(directory / "environment.json", made_with)
    with errors_only():
        model, history = train(recipe, splits, directory, callbacks)
        _require_finite(history)
        with whole_file(directory / "model.keras") as part:
            model.save(part)
        model = with_shared_graph(model)
        predictions = replace(predict_faces(model, splits.test), leaked=splits.leaked())
        predictions.save(directory / "predictions.npz")
        if splits.validation:
            predict_faces(model, splits.validation).save(directory / VALIDATION_FILE)
        if recipe.test_time_augmentation:
            over_views(model, splits.test, predictions).save(directory / AUGMENTED_FILE)
    write_text(directory / "history.csv", history.to_csv(index=False))
    _write_tables(predictions, directory)
    _write_json(directory / "metrics.json", flat_metrics(predictions))


def _require_finite(history):
    """Refuse a training that diverged: its network would call every face the first class."""
    losses = history[[name for name in ("loss", "val_loss") if name in history]]
    bad = history.loc[~np.isfinite(losses).all(axis=1), "epoch"]
    if len(bad):
        raise InputError(
            f"The training diverged: a loss of epoch {bad.iloc[0]} is no number; give a lower "
            "learning_rate."
        )


def _write_json(path, values):
    write_text(path, json.dumps(values, indent=2) + "\n")


def _write_tables(predictions, directory):
    reports = [
        class_report(part).assign(split=split) for split, part in predictions.by_split().items()
    ]
    tables = {
        "class_report": pd.concat(reports).to_csv(index=False),
        "confusion_matrix": confusion_table(predictions).to_csv(),
        "confusion_matrix_normalised": confusion_table(predictions, normalised=True).to_csv(),
    }
    for name, text in tables.items():
        write_text(directory / f"{name}.csv", text)
