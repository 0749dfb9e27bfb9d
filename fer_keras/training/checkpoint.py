"""The state of a training after each epoch, kept on disk."""

import json
import time

import keras
import pandas as pd

from fer_keras.training.history import kept_epoch
from fer_keras.utils.files import whole_file, write_text


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
        state = directory / "state.json"
        self.rows = json.loads(state.read_text()) if state.is_file() else []

    @property
    def history(self):
        """The epochs so far: a DataFrame, one row each."""
        return pd.DataFrame(self.rows)

    @property
    def epochs_done(self):
        """How many epochs are complete."""
        return len(self.rows)

    @property
    def best_epoch(self):
        """The epoch, counted from 1, whose weights would be kept by now."""
        return 1 + kept_epoch(self.history)

    @property
    def finished(self):
        """Whether all epochs are done, or patience has run out."""
        patience = self.recipe.patience or self.recipe.epochs
        is_stale = bool(self.rows) and self.epochs_done - self.best_epoch >= patience
        return is_stale or self.epochs_done >= self.recipe.epochs

    def latest(self):
        """Return the compiled model after the last epoch, or `None` before it."""
        return keras.models.load_model(self._file(self.epochs_done)) if self.rows else None

    def best(self):
        """Return the model with the best epoch's weights, not compiled."""
        return keras.models.load_model(self._file(self.best_epoch), compile=False)

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
        kept = {self._file(self.epochs_done), self._file(self.best_epoch)}
        for file in {*self.directory.glob("epoch_*.keras")} - kept:
            file.unlink()
        self.model.stop_training = self.finished

    def _file(self, epoch):
        return self.directory / f"epoch_{epoch:04}.keras"
