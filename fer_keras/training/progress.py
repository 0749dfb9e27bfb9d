"""How a training shows itself: a live bar where someone watches, one line an epoch elsewhere."""

import sys
import time

import keras
import psutil
from tqdm.auto import tqdm


def progress_callback(title, recipe, num_train):
    """Return the Keras callback that shows a training's progress.

    Args:
        title: what is trained, for the line's beginning.
        recipe: the `Recipe`: epochs and batch size count.
        num_train: number of training faces.
    """
    kind = LiveBar if is_watched() else EpochLines
    return kind(title, recipe.epochs, num_train, recipe.batch_size)


def is_watched():
    """Return whether a terminal or a live notebook shows the output as it comes.

    A notebook executed by papermill or nbconvert is not watched: there, each step of a bar would
    become a line of its own.
    """
    if "ipykernel" not in sys.modules:
        return sys.stdout.isatty()
    commands = [" ".join(_command(parent)) for parent in psutil.Process().parents()]
    return not any("papermill" in command or "nbconvert" in command for command in commands)


class LiveBar(keras.callbacks.Callback):
    """A bar over all images to train on, with time left and the running loss and accuracy."""

    def __init__(self, title, epochs, num_train, batch_size):
        super().__init__()
        self.title, self.epochs = title, epochs
        self.num_train, self.batch_size = num_train, batch_size
        self.validation = {}
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.bar is None:
            total = self.epochs * self.num_train
            self.bar = tqdm(total=total, initial=epoch * self.num_train, unit="image")
        self.bar.set_description(f"{self.title}: epoch {epoch + 1}/{self.epochs}")
        self.seen = 0

    def on_train_batch_end(self, batch, logs=None):
        # Keras calls this once for several steps where they are executed at once.
        seen = min((batch + 1) * self.batch_size, self.num_train)
        images, self.seen = seen - self.seen, seen
        scores = {"loss": f"{logs['loss']:.3f}", "accuracy": f"{logs['accuracy']:.3f}"}
        self.bar.set_postfix(scores | self.validation, refresh=False)
        self.bar.update(images)

    def on_epoch_end(self, epoch, logs=None):
        if "val_accuracy" in logs:
            self.validation = {"validation accuracy": f"{logs['val_accuracy']:.3f}"}

    def on_train_end(self, logs=None):
        self.bar.close()


class EpochLines(keras.callbacks.Callback):
    """One line an epoch: scores, speed and time left."""

    def __init__(self, title, epochs, num_train, batch_size):
        super().__init__()
        self.title, self.epochs, self.num_train = title, epochs, num_train

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        left = (self.epochs - epoch - 1) * seconds
        validation = (
            f"validation {logs['val_loss']:.3f} {logs['val_accuracy']:.3f}  "
            if "val_loss" in logs
            else ""
        )
        print(
            f"{self.title}: epoch {epoch + 1:2}/{self.epochs}  "
            f"loss {logs['loss']:.3f} accuracy {logs['accuracy']:.3f}  {validation}"
            f"{self.num_train / seconds:,.0f} images/s, {seconds:.0f} s, "
            f"{left / 60:.1f} min left",
            flush=True,
        )


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
