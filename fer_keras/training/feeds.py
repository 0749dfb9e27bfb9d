"""Faces -> batches: through tf.data, or through ImageDataGenerator from a folder or from memory.

Batches are gathered from the faces' own array, in memory or on disk, so that pixels are kept once.
All training feeds run on without end, and what they give in epoch `e` depends on the seed and `e`
alone: a run that resumes at epoch `e` sees the batches that an undisturbed run would have seen.
"""

import io
import shutil
from contextlib import redirect_stdout

import numpy as np
import tensorflow as tf

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.readers.image_folder import link_training_folder
from fer_keras.training.augmentation import augment, mix
from fer_keras.utils.errors import InputError

MIXUP = 1
"""Added to the seed of mixing, which must not draw the numbers that augmentation draws."""


def feeds_by_epoch(recipe, splits, directory):
    """Return the function that gives a recipe's training feed from an epoch on.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; `train` is fed.
        directory: the run directory; its `backup/` gets links to the images that
            `flow_from_directory` is to read.

    Returns:
        A function from an epoch, counted from 0, to an endless `tf.data.Dataset`.

    Raises:
        InputError: if the recipe feeds from a folder and the faces were read from none.
    """
    train, sizes = splits.train, (recipe.batch_size, recipe.seed, recipe.ranges)
    if recipe.feed == "memory":
        balanced = recipe.balance == "balanced_sampling"
        return lambda epoch: training_feed(train, *sizes, epoch, balanced, recipe.mixup)
    if recipe.storage != "folder":
        return lambda epoch: array_generator_feed(train, *sizes, epoch)
    if splits.folder is None:
        raise InputError(f"The feed {recipe.feed!r} needs images in a folder; none was given.")
    linked = directory / "backup" / "training_folder"
    shutil.rmtree(linked, ignore_errors=True)
    link_training_folder(splits.folder, train, linked)
    return lambda epoch: generator_feed(linked, train.class_names, *sizes, epoch)


def training_feed(
    faces,
    batch_size,
    seed,
    ranges=None,
    first_epoch=0,
    balanced_sampling=False,
    mixup=0.0,
):
    """Feed faces from memory, each epoch once in an order of its own, without end.

    Args:
        faces: the `Faces` to train on. Where they have soft `targets`, these take the place of
            the one-hot labels.
        batch_size: images a batch; an epoch's last batch may be smaller.
        seed: integer that fixes every epoch's order and augmentation.
        ranges: `Recipe.ranges`, the strengths of the augmentation; `None` or empty for none.
        first_epoch: the epoch to begin with, counted from 0.
        balanced_sampling: whether an epoch, as long as ever, shows each class equally often: the
            faces of a rare class several times, a part of those of a common one.
        mixup: alpha of `augmentation.mix`; 0 mixes nothing.

    Returns:
        An infinite `tf.data.Dataset` of (uint8 `(batch, 48, 48, 1)`, float32
        one-hot or soft targets `(batch, num_classes)`).
    """
    targets = _one_hot(faces) if faces.targets is None else tf.constant(faces.targets)
    members = [np.flatnonzero(faces.labels == label) for label in np.unique(faces.labels)]

    def epoch_batches(epoch):
        positions = tf.range(len(faces))
        if balanced_sampling:
            positions = _equal_shares(members, len(faces), [seed, epoch])
        order = tf.random.experimental.stateless_shuffle(positions, seed=[seed, epoch])
        return tf.data.Dataset.range(-(-len(faces) // batch_size)).map(
            lambda number: (
                order[number * batch_size : (number + 1) * batch_size],
                [epoch, number],
            )
        )

    def gather(index, place):
        batch = _in_numpy(images, [index, place])
        labels = tf.gather(targets, index)
        if not mixup:
            return batch, labels
        batch, shares = tf.numpy_function(mixed, [batch, place], [tf.uint8, tf.float32])
        shares = tf.ensure_shape(shares, [None])[:, tf.newaxis]
        batch = tf.ensure_shape(batch, [None, IMAGE_SIZE, IMAGE_SIZE, 1])
        return batch, shares * labels + (1 - shares) * labels[::-1]

    def mixed(batch, place):
        batch, shares = mix(batch[..., 0], mixup, [seed, *place, MIXUP])
        return batch[..., np.newaxis], shares

    def images(index, place):
        batch = faces.images[index]
        return augment(batch, ranges, [seed, *place]) if ranges else batch

    batches = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch_batches)
    # Two at a time: one is augmented while the other's way through TensorFlow is paid for.
    return _without_autotune(batches.map(gather, num_parallel_calls=2).prefetch(2))


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

    def part(start):
        batch = targets[start : start + batch_size]
        return _in_numpy(lambda begin: faces.images[begin : begin + batch_size], [start]), batch

    return _without_autotune(tf.data.Dataset.range(0, len(faces), batch_size).map(part))


def generator_feed(directory, class_names, batch_size, seed, ranges=None, first_epoch=0):
    """Feed an image folder by Keras' `ImageDataGenerator.flow_from_directory`, without end.

    Args:
        directory: holds one folder a class, named as in `class_names`.
        class_names: the classes in label order; the generator alone would sort them by name.
        batch_size: images a batch; an epoch's last batch may be smaller.
        seed: integer that fixes order and augmentation.
        ranges: `Recipe.ranges`, the strengths of the augmentation; `None` or empty for none.
        first_epoch: the epoch to begin with, counted from 0.

    Returns:
        An infinite `tf.data.Dataset` of (float32 `(batch, 48, 48, 1)`, 0-255, float32 one-hot
        `(batch, num_classes)`).
    """
    # It prints how many images it found; the reader has said so.
    with redirect_stdout(io.StringIO()):
        flow = _generator(ranges).flow_from_directory(
            directory,
            classes=list(class_names),
            color_mode="grayscale",
            target_size=(IMAGE_SIZE, IMAGE_SIZE),
            interpolation="bilinear",
            batch_size=batch_size,
            seed=_distant_seed(seed),
        )
    return _endless(flow, len(class_names), first_epoch)


def array_generator_feed(faces, batch_size, seed, ranges=None, first_epoch=0):
    """Feed faces from memory by Keras' `ImageDataGenerator.flow`, without end.

    Args:
        faces: the `Faces` to train on; the generator keeps a float32 copy.
        batch_size: images a batch; an epoch's last batch may be smaller.
        seed: integer that fixes order and augmentation.
        ranges: `Recipe.ranges`, the strengths of the augmentation; `None` or empty for none.
        first_epoch: the epoch to begin with, counted from 0.

    Returns:
        An infinite `tf.data.Dataset`, as from `generator_feed`.
    """
    labels = np.eye(len(faces.class_names), dtype=np.float32)[faces.labels]
    flow = _generator(ranges).flow(
        faces.images[..., np.newaxis],
        labels if faces.targets is None else faces.targets,
        batch_size=batch_size,
        seed=_distant_seed(seed),
    )
    return _endless(flow, len(faces.class_names), first_epoch)


def _generator(ranges):
    return tf.keras.preprocessing.image.ImageDataGenerator(**(ranges or {}))


def _endless(flow, num_classes, first_epoch):
    # The iterator seeds each batch by its running number, so that this alone resumes it.
    flow.total_batches_seen = first_epoch * len(flow)
    signature = (
        tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32),
        tf.TensorSpec((None, num_classes), tf.float32),
    )
    batches = tf.data.Dataset.from_generator(lambda: flow, output_signature=signature)
    return _without_autotune(batches.prefetch(2))


def _equal_shares(members, count, seed):
    """Draw `count` positions, equally many of each class, none twice before all of its class once.

    Args:
        members: list of int arrays, the positions of each class's faces.
        count: how many to draw; the classes' shares differ by one at most.
        seed: two integers that fix the draw.
    """
    shares = []
    for label, positions in enumerate(members):
        share = count // len(members) + (label < count % len(members))
        rounds = -(-share // len(positions))
        seeds = tf.random.experimental.stateless_fold_in(seed, label)
        drawn = [
            tf.random.experimental.stateless_shuffle(
                positions, tf.random.experimental.stateless_fold_in(seeds, number)
            )
            for number in range(rounds)
        ]
        shares.append(tf.concat(drawn, axis=0)[:share])
    return tf.cast(tf.concat(shares, axis=0), tf.int32)


def _distant_seed(seed):
    # ImageDataGenerator adds the batch number to its seed: with neighbouring seeds, one run's
    # second batch would draw the same random numbers as the next run's first.
    return int(np.random.default_rng(seed).integers(2**31))


def _one_hot(faces):
    return tf.one_hot(faces.labels, len(faces.class_names))


def _in_numpy(images, arguments):
    """Return the uint8 array `(batch, 48, 48)` of a function, with its channel, as a tensor."""
    batch = tf.numpy_function(lambda *values: images(*values)[..., np.newaxis], arguments, tf.uint8)
    return tf.ensure_shape(batch, (None, IMAGE_SIZE, IMAGE_SIZE, 1))


def _without_autotune(dataset):
    # An iterator that ends while TensorFlow's tuning thread sleeps waits for it, for seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return dataset.with_options(options)
