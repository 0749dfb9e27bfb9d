"""Feeds of batches: through tf.data, or through Keras' ImageDataGenerator.

Batches are gathered from the faces' own array, in memory or on disk, so that pixels are kept once.
Training feeds run on without end. What they give in an epoch depends on the seed and the epoch
alone, so that a resumed run sees the same batches as an undisturbed one.
"""

import io
import shutil
from contextlib import redirect_stdout

import numpy as np
import tensorflow as tf

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.readers.image_folder import link_training_folder
from fer_keras.training.augmentation import augment, corrupt_some, mix
from fer_keras.utils.errors import InputError

MIXUP, CORRUPTION = 1, 2
"""Added to a batch's seed, so that no two changes draw the same numbers."""


def feeds_by_epoch(recipe, splits, directory):
    """Return the function that starts a recipe's training feed at an epoch.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; `train` is fed.
        directory: the run directory; `backup/` in it gets links to the images that
            `flow_from_directory` reads.

    Returns:
        A function from an epoch, counted from 0, to an endless `tf.data.Dataset`.

    Raises:
        InputError: if the recipe feeds from a folder and the faces were read from none.
    """
    train, sizes = splits.train, (recipe.batch_size, recipe.seed, recipe.ranges)
    if recipe.feed == "memory":
        balanced = recipe.balance == "balanced_sampling"
        changes = (balanced, recipe.corruption, recipe.mixup)
        return lambda epoch: training_feed(train, *sizes, epoch, *changes)
    linked = None
    if recipe.storage == "folder":
        if splits.folder is None:
            raise InputError(f"The feed {recipe.feed!r} needs images in a folder; none was given.")
        linked = directory / "backup" / "training_folder"
        shutil.rmtree(linked, ignore_errors=True)
        link_training_folder(splits.folder, train, linked)
    return lambda epoch: generator_feed(train, *sizes, epoch, linked)


def training_feed(
    faces,
    batch_size,
    seed,
    ranges=None,
    first_epoch=0,
    balanced_sampling=False,
    corruption=0.0,
    mixup=0.0,
):
    """Feed faces from memory without end, each epoch in its own order.

    Args:
        faces: the `Faces` to train on; soft `targets` take the place of one-hot labels.
        batch_size: images a batch; an epoch's last batch may be smaller.
        seed: integer that fixes every epoch's order and augmentation.
        ranges: strengths of the augmentation, as `Recipe.ranges`; `None` or empty for none.
        first_epoch: the epoch to begin with, counted from 0.
        balanced_sampling: whether an epoch, as long as ever, shows each class equally often.
        corruption: share for `augmentation.corrupt_some`; 0 corrupts nothing.
        mixup: alpha of `augmentation.mix`; 0 mixes nothing.

    Returns:
        An endless `tf.data.Dataset` of (uint8 `(batch, 48, 48, 1)`, float32 one-hot or soft
        targets `(batch, num_classes)`).
    """
    targets = _targets(faces)

    def epoch_batches(epoch):
        positions = tf.range(len(faces))
        if balanced_sampling:
            positions = _equal_shares(faces.labels, [seed, epoch])
        order = tf.random.experimental.stateless_shuffle(positions, seed=[seed, epoch])
        return tf.data.Dataset.range(-(-len(faces) // batch_size)).map(
            lambda n: (order[n * batch_size : (n + 1) * batch_size], [epoch, n])
        )

    def batch(index, place):
        images, labels = faces.images[index], targets[index]
        if ranges:
            images = augment(images, ranges, [seed, *place])
        if corruption:
            images = corrupt_some(images, corruption, [seed, *place, CORRUPTION])
        if mixup:
            images, shares = mix(images, mixup, [seed, *place, MIXUP])
            own = shares[:, np.newaxis]
            labels = own * labels + (1 - own) * labels[::-1]
        return images, labels

    batches = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch_batches)
    # Two at a time: one batch is augmented while TensorFlow copies the other.
    batches = batches.map(_in_numpy(batch, targets.shape[1]), num_parallel_calls=2)
    return _without_autotune(batches.prefetch(2))


def evaluation_feed(faces, batch_size=256):
    """Feed faces from memory once, in their order.

    Args:
        faces: the `Faces` to predict or to score.
        batch_size: images a batch; the last one may be smaller.

    Returns:
        A `tf.data.Dataset` of (uint8 `(batch, 48, 48, 1)`, float32 one-hot
        `(batch, num_classes)`).
    """
    targets = _one_hot(faces)

    def batch(start):
        return tuple(array[start : start + batch_size] for array in (faces.images, targets))

    starts = tf.data.Dataset.range(0, len(faces), batch_size)
    return _without_autotune(starts.map(_in_numpy(batch, targets.shape[1])))


def generator_feed(faces, batch_size, seed, ranges=None, first_epoch=0, directory=None):
    """Feed faces without end, by Keras' ImageDataGenerator.

    Args:
        faces: the `Faces` to train on; the generator keeps a float32 copy of those in memory.
        batch_size: images a batch; an epoch's last batch may be smaller.
        seed: integer that fixes order and augmentation.
        ranges: strengths of the augmentation, as `Recipe.ranges`; `None` or empty for none.
        first_epoch: the epoch to begin with, counted from 0.
        directory: holds a folder of images for each class, which `flow_from_directory` reads;
            `None` takes the images in memory, by `flow`.

    Returns:
        An endless `tf.data.Dataset` of (float32 `(batch, 48, 48, 1)`, 0-255, float32 one-hot or
        soft targets `(batch, num_classes)`).
    """
    generator = tf.keras.preprocessing.image.ImageDataGenerator(**(ranges or {}))
    options = {"batch_size": batch_size, "seed": _distant_seed(seed)}
    if directory is None:
        flow = generator.flow(faces.images[..., np.newaxis], _targets(faces), **options)
    else:
        with redirect_stdout(io.StringIO()):  # it prints how many images it found
            flow = generator.flow_from_directory(
                directory,
                classes=list(faces.class_names),  # in label order; alone, it would sort them
                color_mode="grayscale",
                target_size=(IMAGE_SIZE, IMAGE_SIZE),
                interpolation="bilinear",
                **options,
            )
    # The iterator seeds each batch by its running number, so that this alone resumes it.
    flow.total_batches_seen = first_epoch * len(flow)
    signature = (
        tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32),
        tf.TensorSpec((None, len(faces.class_names)), tf.float32),
    )
    batches = tf.data.Dataset.from_generator(lambda: flow, output_signature=signature)
    return _without_autotune(batches.prefetch(2))


def _equal_shares(labels, seed):
    """Draw as many positions as labels, from each class equally often (or once more).

    No face is drawn twice before all of its class were drawn once.
    """
    random, classes, shares = tf.random.experimental, np.unique(labels), []
    for number, label in enumerate(classes):
        members = np.flatnonzero(labels == label)
        share = len(labels) // len(classes) + (number < len(labels) % len(classes))
        own_seed = random.stateless_fold_in(seed, number)
        rounds = [
            random.stateless_shuffle(members, random.stateless_fold_in(own_seed, each))
            for each in range(-(-share // len(members)))
        ]
        shares.append(tf.concat(rounds, axis=0)[:share])
    return tf.cast(tf.concat(shares, axis=0), tf.int32)


def _distant_seed(seed):
    # ImageDataGenerator adds the batch number to its seed: with neighbouring seeds, one run's
    # second batch would draw the same random numbers as the next run's first.
    return int(np.random.default_rng(seed).integers(2**31))


def _one_hot(faces):
    return np.eye(len(faces.class_names), dtype=np.float32)[faces.labels]


def _targets(faces):
    return _one_hot(faces) if faces.targets is None else faces.targets


def _in_numpy(function, num_classes):
    """Wrap a NumPy function that returns images `(batch, 48, 48)` and targets, for tf.data."""

    def with_channel(*arguments):
        images, targets = function(*arguments)
        return images[..., np.newaxis], targets

    def call(*arguments):
        images, targets = tf.numpy_function(with_channel, arguments, [tf.uint8, tf.float32])
        images = tf.ensure_shape(images, (None, IMAGE_SIZE, IMAGE_SIZE, 1))
        return images, tf.ensure_shape(targets, (None, num_classes))

    return call


def _without_autotune(dataset):
    # An iterator that ends while TensorFlow's tuning thread sleeps waits for it, for seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return dataset.with_options(options)
