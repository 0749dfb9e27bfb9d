"""Feeds of batches: from memory, or through Keras' ImageDataGenerator.

Batches are gathered from the faces' own array, in memory or on disk, so that pixels are kept once.
Training feeds run on without end. What they give in an epoch depends on the seed and the epoch
alone, so that a resumed run sees the same batches as an undisturbed one. Memory is fed through
tf.data on the TensorFlow backend, and by threads of Python's on others, which need no TensorFlow.
"""

import io
import math
import shutil
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import lru_cache
from itertools import count

import keras
import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.readers.image_folder import link_training_folder
from fer_keras.training.augmentation import augment, corrupt_some, mix
from fer_keras.utils.errors import InputError

MIXUP, CORRUPTION, ORDER = 1, 2, 3
"""Added to a seed, so that changes of a batch draw numbers of their own."""

WORKERS = 2
"""Batches prepared at a time: one is augmented while the other is copied."""


def feed_from(recipe, splits, directory, first_epoch):
    """Start a recipe's training feed at an epoch.

    Args:
        recipe: the `Recipe`.
        splits: `Splits`; `train` is fed.
        directory: the run directory; `backup/` in it gets links to the images that
            `flow_from_directory` reads.
        first_epoch: the epoch to begin with, counted from 0.

    Returns:
        An endless feed, as `training_feed`.

    Raises:
        InputError: if the recipe feeds from a folder and the faces were read from none, or have
            soft targets, which no folder holds.
    """
    train = splits.train
    how = (recipe.batch_size, recipe.seed, recipe.ranges, first_epoch)
    if recipe.feed == "memory":
        balanced = recipe.balance == "balanced_sampling"
        return training_feed(train, *how, balanced, recipe.corruption, recipe.mixup)
    linked = None
    if recipe.storage == "folder":
        if splits.folder is None:
            raise InputError(f"The feed {recipe.feed!r} needs images in a folder; none was given.")
        if train.targets is not None:
            raise InputError(
                f"The feed {recipe.feed!r} takes each label from the image's folder, so that soft "
                "targets would have no effect; set feed to memory."
            )
        linked = directory / "backup" / "training_folder"
        shutil.rmtree(linked, ignore_errors=True)
        link_training_folder(splits.folder, train, linked)
    return generator_feed(train, *how, linked)


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
        Endless batches of (uint8 `(batch, 48, 48, 1)`, float32 one-hot or soft targets
        `(batch, num_classes)`): a `tf.data.Dataset`, or a generator on other backends.
    """
    targets, steps = targets_of(faces), math.ceil(len(faces) / batch_size)

    @lru_cache(2)  # batches of two epochs may be prepared at a time
    def order(epoch):
        random = np.random.default_rng([seed, epoch, ORDER])
        if balanced_sampling:
            return _equal_shares(faces.labels, random)
        return random.permutation(len(faces))

    def batch(step):
        epoch, number = divmod(int(step), steps)
        place = [seed, epoch, number]
        index = order(epoch)[number * batch_size : (number + 1) * batch_size]
        images, labels = faces.images[index], targets[index]
        if ranges:
            images = augment(images, ranges, place)
        if corruption:
            images = corrupt_some(images, corruption, [*place, CORRUPTION])
        if mixup:
            images, shares = mix(images, mixup, [*place, MIXUP])
            own = shares[:, np.newaxis]
            labels = own * labels + (1 - own) * labels[::-1]
        return images[..., np.newaxis], labels

    first = first_epoch * steps
    if keras.backend.backend() != "tensorflow":
        return _prepared_ahead(batch, first)
    import tensorflow as tf

    numbers = tf.data.Dataset.range(first, tf.int64.max)
    batches = numbers.map(_in_numpy(batch, targets.shape[1]), num_parallel_calls=WORKERS)
    return _without_autotune(batches.prefetch(WORKERS))


def evaluation_feed(faces, batch_size=256):
    """Feed faces from memory once, in their order.

    Args:
        faces: the `Faces` to predict or to score.
        batch_size: images a batch; the last one may be smaller.

    Returns:
        Batches of (uint8 `(batch, 48, 48, 1)`, float32 one-hot `(batch, num_classes)`): a
        `tf.data.Dataset`, or a `keras.utils.PyDataset` on other backends.
    """
    targets = _one_hot(faces)

    def batch(number):
        part = slice(number * batch_size, (number + 1) * batch_size)
        return faces.images[part][..., np.newaxis], targets[part]

    steps = math.ceil(len(faces) / batch_size)
    if keras.backend.backend() != "tensorflow":
        return _Batches(batch, steps)
    import tensorflow as tf

    numbers = tf.data.Dataset.range(steps)
    return _without_autotune(numbers.map(_in_numpy(batch, targets.shape[1])))


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
        Endless batches of (float32 `(batch, 48, 48, 1)`, 0-255, float32 one-hot or soft targets
        `(batch, num_classes)`): a `tf.data.Dataset`, or a generator on other backends.
    """
    # What tf.keras.preprocessing.image holds; it needs no TensorFlow.
    from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(**_along_its_axes(ranges or {}))
    options = {"batch_size": batch_size, "seed": _distant_seed(seed)}
    if directory is None:
        flow = generator.flow(faces.images[..., np.newaxis], targets_of(faces), **options)
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
    if keras.backend.backend() != "tensorflow":
        # It draws from NumPy's global generator, so that batches must not be made side by side.
        return _prepared_ahead(lambda number: next(flow), 0, workers=1)
    import tensorflow as tf

    signature = (
        tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32),
        tf.TensorSpec((None, len(faces.class_names)), tf.float32),
    )
    batches = tf.data.Dataset.from_generator(lambda: flow, output_signature=signature)
    return _without_autotune(batches.prefetch(2))


def _equal_shares(labels, random):
    """Draw as many positions as labels, from each class equally often (or once more).

    No face is drawn twice before all of its class were drawn once.
    """
    classes, shares = np.unique(labels), []
    for number, label in enumerate(classes):
        members = np.flatnonzero(labels == label)
        share = len(labels) // len(classes) + (number < len(labels) % len(classes))
        rounds = [random.permutation(members) for _ in range(math.ceil(share / len(members)))]
        shares.append(np.concatenate(rounds)[:share])
    return random.permutation(np.concatenate(shares))


class _Batches(keras.utils.PyDataset):
    """So many batches, each made when Keras asks for it."""

    def __init__(self, batch, steps):
        super().__init__()
        self._batch, self._steps = batch, steps

    def __len__(self):
        return self._steps

    def __getitem__(self, number):
        return self._batch(number)


def _prepared_ahead(batch, first, workers=WORKERS):
    """Yield the batches from a number on without end, some prepared in threads."""
    with ThreadPoolExecutor(workers) as threads:
        coming = deque()
        for number in count(first):
            coming.append(threads.submit(batch, number))
            if len(coming) > 2 * workers:
                yield coming.popleft().result()


def _along_its_axes(ranges):
    # Keras 3's ImageDataGenerator moves images down by width_shift_range, and across by the other.
    across, down = "width_shift_range", "height_shift_range"
    return ranges | {across: ranges.get(down, 0), down: ranges.get(across, 0)}


def _distant_seed(seed):
    # ImageDataGenerator adds the batch number to its seed: with neighbouring seeds, one run's
    # second batch would draw the same random numbers as the next run's first.
    return int(np.random.default_rng(seed).integers(2**31))


def _one_hot(faces):
    return np.eye(len(faces.class_names), dtype=np.float32)[faces.labels]


def targets_of(faces):
    """Return the targets that faces are trained on.

    They are float32 `(n, num_classes)`: soft targets, or one-hot labels.

    Args:
        faces: the `Faces`.
    """
    return _one_hot(faces) if faces.targets is None else faces.targets


def _in_numpy(function, num_classes):
    """Wrap a NumPy function from a number to a batch, for tf.data."""
    import tensorflow as tf

    def call(number):
        images, targets = tf.numpy_function(function, [number], [tf.uint8, tf.float32])
        images = tf.ensure_shape(images, (None, IMAGE_SIZE, IMAGE_SIZE, 1))
        return images, tf.ensure_shape(targets, (None, num_classes))

    return call


def _without_autotune(dataset):
    import tensorflow as tf

    # An iterator that ends while TensorFlow's tuning thread sleeps waits for it, for seconds.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.deterministic = True
    return dataset.with_options(options)
