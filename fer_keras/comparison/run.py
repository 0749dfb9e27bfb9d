"""One run, end to end, and everything that it leaves in its run directory."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from fer_keras.data.faces import copy_groups
from fer_keras.data.readers.image_folder import link_training_folder
from fer_keras.evaluation.predictions import (
    Predictions,
    class_report,
    confusion_table,
    flat_metrics,
)
from fer_keras.reporting import figures as plots
from fer_keras.training.history import kept_epoch
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file, write_text
from fer_keras.utils.machine import environment


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
    def best_epoch(self):
        """The epoch whose weights were kept, counted from 1."""
        return 1 + kept_epoch(self.history)


VALIDATION_FILE = "validation_predictions.npz"
AUGMENTED_FILE = "augmented_predictions.npz"

PACKAGE = Path(__file__).parents[1]
TRAINING_CODE = (
    "networks/backend.py",
    "networks/builders.py",
    "training/feeds.py",
    "training/augmentation.py",
    "training/history.py",
    "networks/fused.py",
    "training/fit.py",
)
"""The files of this package that decide what a recipe's training does."""


def run_identity(recipe, splits):
    """Return what a run directory belongs to: a dict of recipe, data and code.

    Code counts, so that a network that was edited is trained anew, not read back.
    """
    digest = hashlib.sha256()
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    for faces in filter(None, parts.values()):
        targets = () if faces.targets is None else (faces.targets,)
        for array in (faces.images, faces.labels, faces.ids.astype(str), *targets):
            digest.update(np.ascontiguousarray(array))
    data = {
        "sha256": digest.hexdigest(),
        **{name: len(faces) if faces else 0 for name, faces in parts.items()},
        "classes": list(splits.test.class_names),
    }
    sources = [(PACKAGE / name).read_bytes() for name in TRAINING_CODE]
    code = {
        "sha256": hashlib.sha256(b"".join(sources)).hexdigest(),
        **{package: version(package) for package in ("tensorflow", "keras")},
    }
    recipe = asdict(recipe) | {"classes": list(recipe.classes)}  # as JSON gives it back
    return {"recipe": recipe, "data": data, "code": code}


def run_name(title, recipe, splits):
    """Return a directory name for a run that any other recipe, data or code would change."""
    identity = json.dumps(run_identity(recipe, splits), sort_keys=True)
    return f"{title}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def run(recipe, splits, directory, title="run", image_folder=None):
    """Train by a recipe, predict the test faces, and write the run directory.

    A run that was killed goes on after its last complete epoch and ends as it would have; a
    finished one is read back. `metrics.json`, written last, marks it as finished.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; without validation, the last epoch's weights are kept.
        directory: the run directory; made where missing.
        title: what progress lines begin with.
        image_folder: the data set's folder (`train/<label>/...`) that `splits.train` was read
            from; needed by storage `folder` with the feed `image_data_generator`.

    Returns:
        The finished `Run`.

    Raises:
        InputError: if the directory holds a run of another recipe, other data or other code.
    """
    directory = Path(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Whoever comes second waits, and finds the run finished; a lock ends with its process.
    with FileLock(directory.with_name(f".{directory.name}.lock")):
        _claim(directory, run_identity(recipe, splits))
        if not (directory / "metrics.json").is_file():
            _train_and_predict(recipe, splits, directory, title, image_folder)
        shutil.rmtree(directory / "backup", ignore_errors=True)
    return load_run(directory)


def load_run(directory):
    """Read a finished run back from its directory; InputError if it is not finished."""
    directory = Path(directory)
    if not (directory / "metrics.json").is_file():
        raise InputError(f"{directory} holds no finished run; start it again to finish it.")
    validation, augmented = (
        Predictions.load(directory / name) if (directory / name).is_file() else None
        for name in (VALIDATION_FILE, AUGMENTED_FILE)
    )
    recipe = Recipe(**json.loads((directory / "recipe.json").read_text())["recipe"])
    return Run(
        directory,
        recipe,
        pd.read_csv(directory / "history.csv"),
        Predictions.load(directory / "predictions.npz"),
        validation,
        json.loads((directory / "environment.json").read_text()),
        augmented,
    )


def predict(run, faces):
    """Return the `Predictions` of a finished run's model for other faces of the same classes."""
    return _predictions(load_model(run), faces)


def load_model(run):
    """Return a finished run's `keras.Sequential`, with the kept epoch's weights."""
    import keras

    return keras.models.load_model(run.directory / "model.keras")


def _claim(directory, identity):
    file = directory / "recipe.json"
    if file.is_file() and json.loads(file.read_text()) != identity:
        raise InputError(
            f"{directory} holds a run of another recipe, other data or other code; "
            "give another directory, or delete this one."
        )
    write_text(file, json.dumps(identity, indent=2) + "\n")


def _train_and_predict(recipe, splits, directory, title, image_folder):
    # Imported here, so that reading finished runs needs no TensorFlow.
    from fer_keras.training import feeds
    from fer_keras.training.fit import train, uses_bfloat16
    from fer_keras.training.progress import progress_callback

    arithmetic = {"arithmetic": "bfloat16" if uses_bfloat16(recipe) else "float32"}
    write_text(
        directory / "environment.json", json.dumps(environment() | arithmetic, indent=2) + "\n"
    )
    model, history = train(
        recipe,
        _training_feed(recipe, splits, directory, image_folder),
        splits.train,
        feeds.evaluation_feed(splits.validation) if splits.validation else None,
        directory,
        [progress_callback(title, recipe, len(splits.train))],
    )
    with whole_file(directory / "model.keras") as part:
        model.save(part)
    predictions = replace(_predictions(model, splits.test), leaked=splits.leaked())
    predictions.save(directory / "predictions.npz")
    if splits.validation:
        _predictions(model, splits.validation).save(directory / VALIDATION_FILE)
    if recipe.test_time_augmentation:
        _over_views(model, splits.test, predictions).save(directory / AUGMENTED_FILE)
    write_text(directory / "history.csv", history.to_csv(index=False))
    _write_tables_and_figures(predictions, history, splits.test, directory, title)
    write_text(directory / "metrics.json", json.dumps(flat_metrics(predictions), indent=2) + "\n")


def _probabilities(model, faces):
    from fer_keras.training import feeds

    return model.predict(feeds.evaluation_feed(faces), verbose=0)


def _predictions(model, faces):
    groups = copy_groups(faces.images)
    return Predictions(
        faces.ids, faces.labels, _probabilities(model, faces), faces.class_names, groups
    )


def _over_views(model, faces, predictions):
    from fer_keras.training.augmentation import views

    seen = [_probabilities(model, replace(faces, images=view)) for view in views(faces.images)]
    return replace(predictions, probabilities=np.mean(seen, axis=0))


def _training_feed(recipe, splits, directory, image_folder):
    from fer_keras.training import feeds

    if recipe.feed == "memory":
        return lambda epoch: feeds.training_feed(
            splits.train,
            recipe.batch_size,
            recipe.seed,
            recipe.augmentation,
            epoch,
            recipe.balance == "balanced_sampling",
            recipe.mixup,
        )
    if recipe.storage == "csv":
        return lambda epoch: feeds.array_generator_feed(
            splits.train, recipe.batch_size, recipe.seed, recipe.augmentation, epoch
        )
    if image_folder is None:
        raise InputError(f"The feed {recipe.feed!r} needs images in a folder; none was given.")
    linked = directory / "backup" / "training_folder"
    shutil.rmtree(linked, ignore_errors=True)
    link_training_folder(image_folder, splits.train, linked)
    return lambda epoch: feeds.generator_feed(
        linked,
        splits.train.class_names,
        recipe.batch_size,
        recipe.seed,
        recipe.augmentation,
        epoch,
    )


def _write_tables_and_figures(predictions, history, test, directory, title):
    reports = [
        class_report(part).assign(split=split) for split, part in predictions.by_split().items()
    ]
    write_text(directory / "class_report.csv", pd.concat(reports).to_csv(index=False))
    counts, shares = confusion_table(predictions), confusion_table(predictions, normalised=True)
    write_text(directory / "confusion_matrix.csv", counts.to_csv())
    write_text(directory / "confusion_matrix_normalised.csv", shares.to_csv())
    figures = {
        "curves": plots.training_curves({title: history}),
        "confusion_matrix": plots.confusion_matrices(predictions.by_split()),
        "class_accuracy": plots.class_accuracy(predictions.by_split()),
        "gallery": plots.gallery(test, predictions, title),
    }
    for name, figure in figures.items():
        plots.save(figure, directory / f"{name}.png")
