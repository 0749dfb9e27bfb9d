"""Fitting a model so that a killed run goes on where it was and ends as if nothing had happened."""

import json
import time
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from fer_keras.networks.backend import multiplies_bfloat16
from fer_keras.networks.builders import build, standardisation
from fer_keras.networks.fused import fuse, take_weights
from fer_keras.training.history import kept_epoch
from fer_keras.utils.files import whole_file, write_text

MOST_AT_ONCE = 16
WARM_UP = 0.2
"""Share of all steps in which a one-cycle learning rate rises."""


def train(recipe, feed_from, faces, validation_feed, directory, progress):
    """Train a network, or go on with a training that was interrupted.

    After each epoch the state is kept in `directory/backup`: weights with optimiser, history and
    the best weights so far. Dropout, like the feeds, draws its random numbers from seed and epoch
    alone, so that an epoch repeated after a kill is the same epoch.

    Where there are several GPUs, each batch is divided among them (`over_all_devices`).

    Args:
        recipe: the `Recipe`; network, optimiser, class weights, epochs, patience and seed count.
        feed_from: function from an epoch (counted from 0) to the endless training feed that
            begins with it.
        faces: the training `Faces`; their number makes an epoch.
        validation_feed: finite feed of the validation faces; `None` where there are none.
        directory: the run directory.
        progress: Keras callbacks that show how it goes.

    Returns:
        The model with the weights of the epoch that `history.kept_epoch` names, and the history:
        a DataFrame with one row an epoch.
    """
    backup = Backup(Path(directory) / "backup", recipe, len(faces))
    if not backup.finished:
        with over_all_devices():
            model = backup.latest_twin() or compiled_twin(
                recipe, len(faces.class_names), faces.images
            )
            steps = -(-len(faces) // recipe.batch_size)
            # Keras fails to execute several steps at once where several devices share them.
            model.steps_per_execution = 1 if len(_devices()) > 1 else steps_at_once(steps)
            model.fit(
                feed_from(backup.epochs_done),
                initial_epoch=backup.epochs_done,
                epochs=recipe.epochs,
                steps_per_epoch=steps,
                validation_data=validation_feed,
                class_weight=class_weights(faces) if recipe.balance == "class_weights" else None,
                callbacks=[SeededDropout(recipe.seed), backup, *progress],
                shuffle=False,  # the feeds do that
                verbose=0,
            )
    network = fresh_network(recipe, len(faces.class_names), faces.images)
    take_weights(network, backup.best_twin())
    return network, backup.history


def steps_at_once(steps):
    """Return how many steps to execute before Python is asked: a divisor of an epoch's, up to 16.

    A divisor, so that each epoch ends where the feed's does.
    """
    return max(count for count in range(1, MOST_AT_ONCE + 1) if steps % count == 0)


def over_all_devices():
    """Return the scope within which each batch is divided among all of several GPUs.

    TensorFlow's `MirroredStrategy`: gradients are averaged over the devices, so that batch size
    and learning rate keep their meaning; batch norm averages over a device's own part of a batch.
    Logical CPUs, of which there are several only where somebody configured them, count if there
    is no GPU; with one device the scope does nothing.
    """
    devices = _devices()
    if len(devices) == 1:
        return nullcontext()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices).scope()


def _devices():
    """Return the names of the devices to divide batches among; one, if only its number counts."""
    if keras.backend.backend() != "tensorflow":
        return [keras.backend.backend()]
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def uses_bfloat16(recipe):
    """Return whether a recipe's network is trained in bfloat16 on this machine."""
    return recipe.precision == "mixed" and multiplies_bfloat16()


def class_weights(faces):
    """Return what a face of each class counts: dict from label to n / (num_classes * n of class).

    King and Zeng, "Logistic Regression in Rare Events Data" (2001); scikit-learn's "balanced".
    """
    counts = faces.class_counts()
    return {
        label: len(faces) / (len(counts) * count) for label, count in enumerate(counts) if count
    }


def fresh_network(recipe, num_classes, images):
    """Return the recipe's network with seeded fresh weights.

    Args:
        recipe: the `Recipe`.
        num_classes: number of classes.
        images: the training images, uint8 `(n, 48, 48)`, which `standardise` is adapted to.
    """
    keras.utils.set_random_seed(recipe.seed)
    standardise = recipe.normalisation == "standardise"
    return build(recipe.network, num_classes, standardisation(images) if standardise else None)


def compiled_twin(recipe, num_classes, images):
    """Return the twin of `fresh_network`, to train in, compiled with the recipe's optimiser."""
    dtype = "mixed_bfloat16" if uses_bfloat16(recipe) else "float32"
    model = fuse(fresh_network(recipe, num_classes, images), dtype)
    on_cpu = all(device.startswith("cpu") for device in keras.distribution.list_devices())
    model.compile(
        optimizer=_optimizer(recipe, len(images)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        # On CPUs, XLA is slower than TensorFlow's own oneDNN for these networks.
        jit_compile=False if on_cpu and keras.backend.backend() == "tensorflow" else "auto",
    )
    return model


def _optimizer(recipe, num_train):
    rate = recipe.learning_rate
    if recipe.schedule == "one_cycle":
        steps = recipe.epochs * -(-num_train // recipe.batch_size)
        rise = round(WARM_UP * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 25, steps - rise, warmup_target=rate, warmup_steps=rise
        )
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay or None
        )
    if recipe.weight_decay:
        return keras.optimizers.AdamW(rate, recipe.weight_decay)
    return keras.optimizers.Adam(rate)


class SeededDropout(keras.callbacks.Callback):
    """Make an epoch's dropout masks depend on the seed, the epoch and the layer alone."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        for position, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout):
                words = np.random.SeedSequence([self.seed, epoch, position]).generate_state(2)
                layer.seed_generator.state.assign(words)


class Backup(keras.callbacks.Callback):
    """Keep the state of a training after each epoch; `state.json`, renamed last, commits it.

    Args:
        directory: the folder to keep it in.
        recipe: the `Recipe`: its epochs and patience say when training is finished.
        num_train: training faces an epoch, for the images/s.
    """

    def __init__(self, directory, recipe, num_train):
        super().__init__()
        self.directory = directory
        self.recipe = recipe
        self.num_train = num_train
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
        if not self.rows:
            return False
        patience = self.recipe.patience
        stale = self.epochs_done - self.best_epoch
        return self.epochs_done >= self.recipe.epochs or (
            patience is not None and stale >= patience
        )

    def latest_twin(self):
        """Return the compiled twin after the last complete epoch; `None` if there is none."""
        return keras.models.load_model(self._file(self.epochs_done)) if self.rows else None

    def best_twin(self):
        """Return the twin with the weights of the best epoch."""
        return keras.models.load_model(self._file(self.best_epoch), compile=False)

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        self.train_seconds = None

    def on_test_begin(self, logs=None):
        self.train_seconds = time.perf_counter() - self.started

    def on_epoch_end(self, epoch, logs=None):
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        scores = {name: float(logs[name]) for name in names if name in logs}
        seconds = time.perf_counter() - self.started
        timing = {
            "seconds": round(seconds, 3),
            "images_per_second": round(self.num_train / (self.train_seconds or seconds), 1),
        }
        with whole_file(self._file(epoch + 1)) as part:
            self.model.save(part)
        self.rows.append({"epoch": epoch + 1, **scores, **timing})
        write_text(self.directory / "state.json", json.dumps(self.rows, indent=1))
        for file in self.directory.glob("epoch_*.keras"):
            if file not in (self._file(self.epochs_done), self._file(self.best_epoch)):
                file.unlink()
        self.model.stop_training = self.finished

    def _file(self, epoch):
        return self.directory / f"epoch_{epoch:04}.keras"
