"""Train a network; a killed training resumes and ends the same."""

import math
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np

from fer_keras.networks.backbones import all_layers, backbone_of
from fer_keras.networks.backend import multiplies_bfloat16
from fer_keras.networks.build import build, standardisation
from fer_keras.networks.finding import network_name
from fer_keras.networks.fused import fuse, take_weights
from fer_keras.training.adjustment import adjust_logits, require_adjustable
from fer_keras.training.checkpoint import Checkpoint
from fer_keras.training.feeds import evaluation_feed, feed_from
from fer_keras.utils.errors import InputError

MOST_AT_ONCE = 16
SEED_STATE = "seed_generator_state"
"""What Keras calls the variable that a layer's random numbers follow from."""

WARM_UP = 0.2
"""Share of all steps in which a one-cycle learning rate rises."""


def train(recipe, splits, directory, callbacks=()):
    """Train a network, or go on with a training that was interrupted.

    After the frozen epochs the optimiser starts afresh, on all layers. Each epoch's state is kept
    in `directory/backup`. Random layers and feeds draw their numbers from seed and epoch alone, so
    that an epoch repeated after a kill is the same epoch. Several GPUs share each batch.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; without validation, the last epoch is kept.
        directory: the run directory.
        callbacks: Keras callbacks that watch it; they come after the checkpoint's.

    Returns:
        The network with the weights of the kept epoch (`history.kept_epoch`), and the history: a
        DataFrame with one row an epoch.

    Raises:
        InputError: if the recipe asks for what the network does not have, the feed for what the
            splits do not hold, or a callback stops the training.
    """
    directory, faces = Path(directory), splits.train
    checkpoint = Checkpoint(directory / "backup", recipe, len(faces))
    network = _fresh_network(recipe, len(faces.class_names), faces.images)
    if recipe.logit_adjustment:
        require_adjustable(network)
    if recipe.frozen_epochs:
        backbone_of(network)  # refuses a network without one
    while not checkpoint.finished:
        is_frozen = checkpoint.epochs_done < recipe.frozen_epochs
        last = min(recipe.frozen_epochs, recipe.epochs) if is_frozen else recipe.epochs
        _train_until(last, recipe, splits, directory, checkpoint, callbacks)
    take_weights(network, checkpoint.best())
    if recipe.logit_adjustment:
        adjust_logits(network, faces, recipe.logit_adjustment)
    return network, checkpoint.history


def _train_until(last, recipe, splits, directory, checkpoint, callbacks):
    faces, done = splits.train, checkpoint.epochs_done
    steps = math.ceil(len(faces) / recipe.batch_size)
    with _over_all_devices():
        model = checkpoint.latest()
        if done in (0, recipe.frozen_epochs):
            model = compiled_model(recipe, len(faces.class_names), faces.images, model)
        # Keras fails to execute several steps at once where several devices share them.
        model.steps_per_execution = 1 if len(_devices()) > 1 else steps_at_once(steps)
        model.fit(
            feed_from(recipe, splits, directory, done),
            initial_epoch=done,
            epochs=last,
            steps_per_epoch=steps,
            validation_data=evaluation_feed(splits.validation) if splits.validation else None,
            class_weight=class_weights(faces) if recipe.balance == "class_weights" else None,
            callbacks=[_SeededLayers(recipe.seed), checkpoint, *callbacks],
            shuffle=False,  # the feeds do that
            verbose=0,
        )
    if checkpoint.epochs_done < last and not checkpoint.finished:
        raise InputError(
            f"A callback stopped the training after epoch {checkpoint.epochs_done} of "
            f"{recipe.epochs}; callbacks are to watch, so set patience or epochs in the recipe."
        )


def steps_at_once(steps):
    """Return how many steps to execute before Python is asked.

    Args:
        steps: steps an epoch.

    Returns:
        The largest divisor of `steps` up to 16, so that each epoch ends where the feed's does; 1
        for so short an epoch that compiling the loop would cost more than it saves.
    """
    if steps <= MOST_AT_ONCE:
        return 1
    return max(count for count in range(1, MOST_AT_ONCE + 1) if steps % count == 0)


def arithmetic(recipe):
    """Return in which type this machine multiplies when it trains by a recipe.

    Args:
        recipe: the `Recipe`.

    Returns:
        `bfloat16`, if the recipe asks for it and the machine has it; else `float32`.
    """
    return "bfloat16" if recipe.precision == "mixed" and multiplies_bfloat16() else "float32"


def class_weights(faces):
    """Return how much a face of each class counts in the loss.

    King and Zeng, "Logistic Regression in Rare Events Data" (2001); scikit-learn's "balanced", but
    over all classes, absent ones too.

    Args:
        faces: the training `Faces`.

    Returns:
        A dict from label to n / (number of classes * n of the class).
    """
    counts = faces.class_counts()
    return {label: len(faces) / (len(counts) * n) for label, n in enumerate(counts) if n}


def compiled_model(recipe, num_classes, images, learnt=None):
    """Return a recipe's network in its fused form, compiled.

    Args:
        recipe: the `Recipe`.
        num_classes: number of classes.
        images: the training images, uint8 `(n, 48, 48)`, which `standardise` is adapted to.
        learnt: the model after the frozen epochs, whose weights it takes; `None`: it is fresh, and
            its backbone is frozen if the recipe says so.

    Raises:
        InputError: if the recipe and the machine multiply in bfloat16 and no layer does.
    """
    network = _fresh_network(recipe, num_classes, images)
    is_frozen = learnt is None and recipe.frozen_epochs > 0
    if learnt:
        take_weights(network, learnt)
    if is_frozen:
        backbone_of(network).trainable = False
    is_mixed = arithmetic(recipe) == "bfloat16"
    model = fuse(network, "mixed_bfloat16" if is_mixed else "float32")
    if is_mixed and all(layer.compute_dtype != "bfloat16" for layer in all_layers(model)):
        raise InputError(
            f"precision 'mixed' would have no effect on the network {network_name(recipe.network)}"
            ": it is no keras.Sequential of Keras' own layers; leave precision at float32."
        )
    on_cpu = all(device.startswith("cpu") for device in keras.distribution.list_devices())
    model.compile(
        optimizer=_optimizer(recipe, len(images), is_frozen),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        # On CPUs, XLA is slower than TensorFlow's own oneDNN for these networks.
        jit_compile=False if on_cpu and keras.backend.backend() == "tensorflow" else "auto",
    )
    return model


def _fresh_network(recipe, num_classes, images):
    keras.utils.set_random_seed(recipe.seed)
    standardise = recipe.normalisation == "standardise"
    normalisation = standardisation(images) if standardise else None
    return build(recipe.network, num_classes, normalisation, recipe.pretrained_weights)


def _optimizer(recipe, num_train, is_frozen):
    rate, decay, clip = recipe.learning_rate, recipe.weight_decay, recipe.clip_norm or None
    if is_frozen:
        rate = recipe.frozen_learning_rate
    elif recipe.schedule == "one_cycle":
        steps = (recipe.epochs - recipe.frozen_epochs) * math.ceil(num_train / recipe.batch_size)
        rise = round(WARM_UP * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 25, steps - rise, warmup_target=rate, warmup_steps=rise
        )
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=decay or None, global_clipnorm=clip
        )
    adam = keras.optimizers.AdamW if decay else keras.optimizers.Adam
    return adam(rate, weight_decay=decay or None, global_clipnorm=clip)


def _devices():
    """Return the GPUs, or where there are none, the logical CPUs: several only if configured."""
    if keras.backend.backend() != "tensorflow":
        return [keras.backend.backend()]
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def _over_all_devices():
    """Return the scope within which TensorFlow divides each batch among all devices.

    Gradients are averaged over the devices, so that batch size and learning rate keep their
    meaning. Batch norm averages over a device's own part of a batch.
    """
    devices = _devices()
    if len(devices) == 1:
        return nullcontext()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices).scope()


class _SeededLayers(keras.callbacks.Callback):
    """Make what a random layer draws in an epoch depend on seed, epoch and layer alone."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        for position, layer in enumerate(all_layers(self.model)):
            states = [each for each in layer.variables if each.name == SEED_STATE]
            for number, state in enumerate(states):
                entropy = [self.seed, epoch, position, *([number] if number else [])]
                state.assign(np.random.SeedSequence(entropy).generate_state(2))
