"""Show how a training goes, by a live bar or one line an epoch."""

import sys
import time

import keras
from tqdm.auto import tqdm


def progress_callback(title, recipe, num_train):
    """Return the Keras callback that shows how a training goes.

    Args:
        title: str, what is trained; each line begins with it.
        recipe: `Recipe`, of which the number of epochs and the batch size are used.
        num_train: int, number of training images.

    Returns:
        A `LiveBar` where someone watches the output, else an `EpochLines`.
    """
    return (LiveBar if is_watched() else EpochLines)(title, recipe, num_train)


def is_watched():
    """Return whether someone watches a terminal or a live notebook.

    Only live notebooks let a cell ask for input; papermill and nbconvert would write each step of
    a bar as a line.
    """
    # Who is in IPython has imported it; nobody else needs it.
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if not hasattr(shell, "kernel"):
        return sys.stdout.isatty()
    # A button may start a training too; its message has no such field.
    return shell.get_parent()["content"].get("allow_stdin", False)


class LiveBar(keras.callbacks.Callback):
    """A bar over the images of all epochs, with the time left and scores.

    Args: as in `progress_callback`.
    """

    def __init__(self, title, recipe, num_train):
        super().__init__()
        self.title, self.recipe, self.num_train = title, recipe, num_train
        self.bar, self.validation = None, {}

    def on_epoch_begin(self, epoch, logs=None):
        if self.bar is None:
            total = self.recipe.epochs * self.num_train
            self.bar = tqdm(total=total, initial=epoch * self.num_train, unit="image")
        self.bar.set_description(f"{self.title}: epoch {epoch + 1}/{self.recipe.epochs}")
        self.seen = 0

    def on_train_batch_end(self, batch, logs=None):
        # With `steps_per_execution`, Keras calls this once for several batches.
        seen = min((batch + 1) * self.recipe.batch_size, self.num_train)
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
    """One line an epoch: scores, speed and time left.

    Args: as in `progress_callback`.
    """

    def __init__(self, title, recipe, num_train):
        super().__init__()
        self.title, self.epochs, self.num_train = title, recipe.epochs, num_train

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        left = (self.epochs - epoch - 1) * seconds
        scores = f"loss {logs['loss']:.3f} accuracy {logs['accuracy']:.3f}  "
        if "val_loss" in logs:
            scores += f"validation {logs['val_loss']:.3f} {logs['val_accuracy']:.3f}  "
        print(
            f"{self.title}: epoch {epoch + 1:2}/{self.epochs}  {scores}"
            f"{self.num_train / seconds:,.0f} images/s, {seconds:.0f} s, {left / 60:.1f} min left",
            flush=True,
        )
