"""Fitting a network, so that a killed run goes on and ends as if nothing had happened."""

from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np

from fer_keras.networks.backend import multiplies_bfloat16
from fer_keras.networks.build import build, standardisation
from fer_keras.networks.fused import fuse, take_weights
from fer_keras.training.checkpoint import Checkpoint
from fer_keras.training.feeds import evaluation_feed, feeds_by_epoch
from fer_keras.training.progress import progress_callback

MOST_AT_ONCE = 16
WARM_UP = 0.2
"""Share of all steps in which a one-cycle learning rate rises."""


def train(recipe, splits, directory, title):
    """Train a network, or go on with a training that was interrupted.

    After each epoch the state is kept in `directory/backup`. Dropout, like the feeds, draws its
    random numbers from seed and epoch alone, so that an epoch repeated after a kill is the same
    epoch. Where there are several GPUs, each batch is divided among them.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; without validation, the last epoch is kept.
        directory: the run directory.
        title: what progress lines begin with.

    Returns:
        The network with the weights of the kept epoch (`history.kept_epoch`), and the history: a
        DataFrame with one row an epoch.
    """
    directory, train_faces = Path(directory), splits.train
    num_train, num_classes = len(train_faces), len(train_faces.class_names)
    checkpoint = Checkpoint(directory / "backup", recipe, num_train)
    if not checkpoint.finished:
        validation = evaluation_feed(splits.validation) if splits.validation else None
        feed_from = feeds_by_epoch(recipe, splits, directory)
        with over_all_devices():
            model = checkpoint.latest() or compiled_model(recipe, num_classes, train_faces.images)
            steps = -(-num_train // recipe.batch_size)
            # Keras fails to execute several steps at once where several devices share them.
            model.steps_per_execution = 1 if len(_devices()) > 1 else steps_at_once(steps)
            model.fit(
                feed_from(checkpoint.epochs_done),
                initial_epoch=checkpoint.epochs_done,
                epochs=recipe.epochs,
                steps_per_epoch=steps,
                validation_data=validation,
                class_weight=(
                    class_weights(train_faces) if recipe.balance == "class_weights" else None
                ),
                callbacks=[
                    SeededRandomness(recipe.seed),
                    checkpoint,
                    progress_callback(title, recipe, num_train),
                ],
                shuffle=False,  # the feeds do that
                verbose=0,
            )
    network = fresh_network(recipe, num_classes, train_faces.images)
    take_weights(network, checkpoint.best())
    return network, checkpoint.history


def steps_at_once(steps):
    """Return how many steps to execute before Python is asked.

    Args:
        steps: steps an epoch.

    Returns:
        The largest divisor of `steps` up to 16, so that each epoch ends where the feed's does.
    """
    return max(count for count in range(1, MOST_AT_ONCE + 1) if steps % count == 0)


def over_all_devices():
    """Return the scope within which each batch is divided among all GPUs.

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
    if keras.backend.backend() != "tensorflow":
        return [keras.backend.backend()]
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def uses_bfloat16(recipe):
    """Return whether a recipe's network is trained in bfloat16 on this machine.

    Args:
        recipe: the `Recipe`.
    """
    return recipe.precision == "mixed" and multiplies_bfloat16()


def class_weights(faces):
    """Return how much a face of each class counts in the loss.

    King and Zeng, "Logistic Regression in Rare Events Data" (2001); scikit-learn's "balanced".

    Args:
        faces: the training `Faces`.

    Returns:
        A dict from label to n / (number of classes * n of the class).
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


def compiled_model(recipe, num_classes, images):
    """Return the fused form of `fresh_network`, compiled with the recipe's optimiser.

    Args:
        recipe: the `Recipe`.
        num_classes: number of classes.
        images: the training images, uint8 `(n, 48, 48)`.
    """
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


class SeededRandomness(keras.callbacks.Callback):
    """Make an epoch's dropout masks depend on the seed, the epoch and the layer alone.

    Args:
        seed: the recipe's seed.
    """

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        for position, layer in enumerate(_all_layers(self.model)):
            generator = getattr(layer, "seed_generator", None)
            if isinstance(generator, keras.random.SeedGenerator):
                words = np.random.SeedSequence([self.seed, epoch, position]).generate_state(2)
                generator.state.assign(words)


def _all_layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _all_layers(layer)
