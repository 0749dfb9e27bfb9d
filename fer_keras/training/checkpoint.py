"""The state of a training after each epoch, kept on disk."""

import json
import math
import time
import zipfile
import zlib
from contextlib import suppress

import keras
import pandas as pd

from fer_keras.training.history import kept_epoch
from fer_keras.utils.files import whole_file, write_text

KERAS_PARTS = {"config.json", "metadata.json", "model.weights.h5"}
"""The files of a Keras archive."""


class Checkpoint(keras.callbacks.Callback):
    """Keep the state of a training after each epoch.

    It holds the weights with the optimiser, the history and the best weights so far.
    `state.json`, written last, makes an epoch complete.

    Args:
        directory: the folder to keep it in.
        recipe: the `Recipe`: its epochs and patience say when training is finished.
        num_train: number of training faces, for the images/s.
    """

    def __init__(self, directory, recipe, num_train):
        super().__init__()
        self.directory, self.recipe, self.num_train = directory, recipe, num_train
        self.rows = self._read_state()
        while self.rows and (damaged := self._damaged()):
            whole = self.kept_epoch if self.kept_epoch < self.epochs_done else 0
            self.rows = self.rows[:whole]
            print(f"{damaged} is damaged; the training goes on after epoch {whole}.")

    @property
    def history(self):
        """The epochs so far: a DataFrame, one row each."""
        return pd.DataFrame(self.rows)

    @property
    def epochs_done(self):
        """How many epochs are complete."""
        return len(self.rows)

    @property
    def kept_epoch(self):
        """The epoch, counted from 1, whose weights would be kept by now."""
        return kept_epoch(self.history)

    @property
    def finished(self):
        """Whether training ends here: all epochs done, stale, or diverged."""
        patience = self.recipe.patience or self.recipe.epochs
        is_stale = bool(self.rows) and self.epochs_done - self.kept_epoch >= patience
        diverged = bool(self.rows) and not math.isfinite(self.rows[-1]["loss"])
        return is_stale or diverged or self.epochs_done >= self.recipe.epochs

    def latest(self):
        """Return the compiled model after the last epoch, or `None` before it."""
        return keras.models.load_model(self._file(self.epochs_done)) if self.rows else None

    def best(self):
        """Return the model with the best epoch's weights, not compiled."""
        return keras.models.load_model(self._file(self.kept_epoch), compile=False)

    def on_epoch_begin(self, epoch, logs=None):
        self.started, self.train_seconds = time.perf_counter(), None

    def on_test_begin(self, logs=None):
        self.train_seconds = time.perf_counter() - self.started

    def on_epoch_end(self, epoch, logs=None):
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        scores = {name: float(logs[name]) for name in names if name in logs}
        seconds = time.perf_counter() - self.started
        speed = self.num_train / (self.train_seconds or seconds)
        timing = {"seconds": round(seconds, 3), "images_per_second": round(speed, 1)}
        with whole_file(self._file(epoch + 1)) as part:
            self.model.save(part)
        self.rows.append({"epoch": epoch + 1, **scores, **timing})
        write_text(self.directory / "state.json", json.dumps(self.rows, indent=1))
        kept = {self._file(self.epochs_done), self._file(self.kept_epoch)}
        for file in {*self.directory.glob("epoch_*.keras")} - kept:
            file.unlink()
        self.model.stop_training = self.finished

    def _read_state(self):
        """Return the rows of the epochs so far; none where the state is absent or damaged."""
        state = self.directory / "state.json"
        if not state.is_file():
            return []
        with suppress(ValueError, RecursionError):
            rows = json.loads(state.read_text(encoding="utf-8"))
            if _are_epochs(rows):
                return rows
        print(f"{state} is damaged; the training begins again.")
        return []

    def _damaged(self):
        """Return a file that going on would need and that is absent or not whole, or `None`."""
        for file in (self._file(self.epochs_done), self._file(self.kept_epoch)):
            if not _is_whole(file):
                return file
        return None

    def _file(self, epoch):
        return self.directory / f"epoch_{epoch:04}.keras"


def _are_epochs(rows):
    """Return whether rows of `state.json` are those of epochs 1, 2, ... with their numbers."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return False
    names = ("loss", "accuracy", "seconds", "images_per_second")
    names += ("val_loss", "val_accuracy") if rows and "val_accuracy" in rows[0] else ()
    return all(
        row.get("epoch") == number and all(type(row.get(name)) is float for name in names)
        for number, row in enumerate(rows, 1)
    )


def _is_whole(file):
    """Return whether a file is a Keras archive without damage."""
    if not file.is_file():
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return set(archive.namelist()) >= KERAS_PARTS and not archive.testzip()
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        return False
