"""What `ablations.py` tries: one change of `quick`'s training each.

Many come from Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (2024), airbench for short.
"""

from dataclasses import dataclass, replace
from functools import reduce

import cv2
import keras
import numpy as np
from keras import Sequential, layers

from fer_keras.comparison.catalogue import LABELS_AND_VOTES, QUICK
from fer_keras.comparison.run import fit
from fer_keras.comparison.trained import load_model
from fer_keras.data.faces import IMAGE_SIZE, Splits

BASE = QUICK.changed(**LABELS_AND_VOTES | {"corruption": 0.0, "validation_fraction": 0.0})
"""Half FER2013's label, half what people predict; moved and flipped faces."""

WIDTHS = (48, 96, 192)
"""`quick`'s."""


@dataclass(frozen=True)
class Trial:
    """Changes of a training.

    Args:
        changes: dict of the recipe's fields.
        epoch: functions `(faces, epoch, seed)` that return the epoch's `Faces`.
        batch: functions `(images, targets, progress, random)` that return a batch's uint8 images
            `(batch, side, side)` and targets; `progress` is the share of epochs done.
        begin: functions `(model, faces, place)` that are called with the model before it learns;
            what they return, unless `None`, takes its place.
        optimizer: a class in place of the recipe's.
        callbacks: classes of Keras callbacks.
    """

    changes: dict
    epoch: tuple = ()
    batch: tuple = ()
    begin: tuple = ()
    optimizer: type | None = None
    callbacks: tuple = ()


def together(names):
    """Return a `Trial` of all changes whose names are joined by `+`."""
    return reduce(_both, (TRIALS[name] for name in names.split("+")))


def _both(one, other):
    return Trial(
        one.changes | other.changes,
        one.epoch + other.epoch,
        one.batch + other.batch,
        one.begin + other.begin,
        other.optimizer or one.optimizer,
        one.callbacks + other.callbacks,
    )


def cut_and_paste(images, targets, progress, random):
    """Paste a rectangle of another face: Yun et al., "CutMix" (2019), alpha 1."""
    side = IMAGE_SIZE * np.sqrt(1 - random.random())
    top, left = random.integers(0, IMAGE_SIZE, 2)
    rows = slice(max(0, int(top - side / 2)), int(top + side / 2))
    columns = slice(max(0, int(left - side / 2)), int(left + side / 2))
    mixed = images.copy()
    mixed[:, rows, columns] = images[::-1, rows, columns]
    share = mixed[0, rows, columns].size / mixed[0].size
    return mixed, (1 - share) * targets + share * targets[::-1]


def erase(images, targets, progress, random):
    """Fill a rectangle of half the faces with noise: Zhong et al., "Random Erasing" (2020)."""
    erased = images.copy()
    for place in np.flatnonzero(random.random(len(erased)) < 0.5):
        _fill(erased[place], random)
    return erased, targets


def _fill(image, random):
    area, ratio = random.uniform(0.02, 0.2) * image.size, np.exp(random.uniform(-1.2, 1.2))
    height, width = (min(IMAGE_SIZE, round(np.sqrt(area * by))) for by in (ratio, 1 / ratio))
    top, left = random.integers(0, IMAGE_SIZE - np.array([height, width]) + 1)
    noise = random.integers(0, 256, (height, width), dtype=np.uint8)
    image[top : top + height, left : left + width] = noise


def flip_in_turn(faces, epoch, seed):
    """Flip the one half of all faces in even epochs, the other in odd ones (airbench)."""
    is_first = np.random.default_rng(seed).random(len(faces)) < 0.5
    is_flipped = is_first if epoch % 2 == 0 else ~is_first
    flipped = np.where(is_flipped[:, None, None], faces.images[:, :, ::-1], faces.images)
    return replace(faces, images=flipped)


def grow(images, targets, progress, random):
    """Show small images first: 32 pixels a side in the first half of training, then 40, then 48."""
    side = 32 if progress < 0.5 else 40 if progress < 0.75 else IMAGE_SIZE
    if side == IMAGE_SIZE:
        return images, targets
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(small), targets


def of_any_size(model, faces, place):
    """Return the model for images of any size, with the same layers."""
    return Sequential([keras.Input((None, None, 1)), *model.layers])


def whiten(model, faces, place):
    """Freeze a first layer that whitens patches of the faces (airbench)."""
    layer = next(each for each in model.layers if isinstance(each, layers.Conv2D))
    size, count = layer.kernel_size[0], layer.filters // 2
    places = np.random.default_rng(0).integers(0, IMAGE_SIZE - size, (20_000, 2))
    images = faces.images[np.random.default_rng(1).integers(0, len(faces), len(places))]
    patches = np.stack(
        [
            image[row : row + size, column : column + size].ravel()
            for image, (row, column) in zip(images, places)
        ]
    )
    values, vectors = np.linalg.eigh(np.cov(patches.T / 255))
    filters = vectors[:, ::-1][:, :count] / np.sqrt(values[::-1][:count] + 5e-4)
    kernel = np.concatenate([filters, -filters], axis=1).reshape(size, size, 1, 2 * count)
    layer.set_weights([kernel, *layer.get_weights()[1:]])
    layer.trainable = False


def start_as_identity(model, faces, place):
    """Let the first filters of each later convolution pass their inputs on (airbench)."""
    convolutions = [each for each in model.layers if isinstance(each, layers.Conv2D)]
    for layer in convolutions[1:]:
        kernel, *others = layer.get_weights()
        same = min(kernel.shape[2:])
        kernel[:, :, :, :same] = 0
        middle = kernel.shape[0] // 2
        kernel[middle, middle, range(same), range(same)] = 1
        layer.set_weights([kernel, *others])


class Teacher:
    """A larger network that has learnt the same faces, and says what it sees in each batch."""

    recipe = BASE.changed(network="conv7_bn", augmentation="strong", epochs=20)

    def learn(self, model, faces, place):
        """Train the teacher once, into `place`."""
        run = fit(self.recipe, Splits(faces, faces.select(slice(100))), place / "teacher")
        self.model = load_model(run)

    def answer(self, images, targets, progress, random):
        """Let half of the targets be what the teacher sees in these views."""
        seen = self.model.predict_on_batch(images[..., np.newaxis])
        return images, (targets + seen.astype(np.float32)) / 2


class FastBias(keras.optimizers.SGD):
    """SGD that moves the biases of batch norm eight times as fast (airbench: 64 times)."""

    def update_step(self, gradient, variable, learning_rate):
        is_bias = variable.name.partition(":")[0].endswith("beta")
        factor = 8 if is_bias else 1
        super().update_step(gradient, variable, factor * learning_rate)


class Clipped(keras.optimizers.SGD):
    """SGD whose gradients have a norm of 2 at most, over all weights."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options | {"global_clipnorm": 2.0})


class Lookahead(keras.callbacks.Callback):
    """Move slow weights half the way every five steps: Zhang et al., "Lookahead" (2019)."""

    def on_train_begin(self, logs=None):
        self.slow = [weight.numpy() for weight in self.model.trainable_weights]

    def on_train_batch_end(self, batch, logs=None):
        if batch % 5 == 4:
            self.pull()

    def on_train_end(self, logs=None):
        self.pull()

    def pull(self):
        for place, weight in enumerate(self.model.trainable_weights):
            self.slow[place] += 0.5 * (weight.numpy() - self.slow[place])
            weight.assign(self.slow[place])


class Averaged(keras.callbacks.Callback):
    """End with the mean of each epoch's weights, the later ones counted more (decay .7)."""

    def on_train_begin(self, logs=None):
        self.mean = None

    def on_epoch_end(self, epoch, logs=None):
        now = self.model.get_weights()
        old = self.mean or now
        self.mean = [0.7 * before + 0.3 * each for before, each in zip(old, now)]

    def on_train_end(self, logs=None):
        self.model.set_weights(self.mean)


def _normalised(filters, size=3, strides=1):
    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def pooled(num_classes):
    """`quick` with global average pooling in place of `Flatten`."""
    hidden = _normalised(WIDTHS[0], 5, strides=2)
    for filters in WIDTHS:
        hidden += [*_normalised(filters), layers.AveragePooling2D(2)]
    output = layers.Dense(num_classes, activation="softmax", dtype="float32")
    first = [keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1)), layers.Rescaling(1 / 255)]
    return Sequential([*first, *hidden, layers.GlobalAveragePooling2D(), output], name="pooled")


_TEACHER = Teacher()
TRIALS = {
    "base": Trial({}),
    "own_labels": Trial({"labels": "own", "label_smoothing": 0.1}),
    "mixup": Trial({"mixup": 0.2}),
    "cutmix": Trial({}, batch=(cut_and_paste,)),
    "erasing": Trial({}, batch=(erase,)),
    "corrupted": Trial({"corruption": 0.25}),
    "alternating_flip": Trial(
        {"augmentation": {"width_shift_range": 0.08, "height_shift_range": 0.08}},
        epoch=(flip_in_turn,),
    ),
    "strong": Trial({"augmentation": "strong"}),
    "whitened_stem": Trial({}, begin=(whiten,)),
    "identity_start": Trial({}, begin=(start_as_identity,)),
    "fast_bias": Trial({}, optimizer=FastBias),
    "clipped": Trial({}, optimizer=Clipped),
    "lookahead": Trial({}, callbacks=(Lookahead,)),
    "averaged": Trial({}, callbacks=(Averaged,)),
    "taught": Trial({}, begin=(_TEACHER.learn,), batch=(_TEACHER.answer,)),
    "pooled": Trial({"network": pooled}),
    "progressive": Trial({"network": pooled}, begin=(of_any_size,), batch=(grow,)),
    "batch_128": Trial({"batch_size": 128, "learning_rate": 0.15}),
    "batch_32": Trial({"batch_size": 32, "learning_rate": 0.07}),
    "no_decay": Trial({"weight_decay": 0.0}),
    "decay_twice": Trial({"weight_decay": 1e-3}),
    "rate_half": Trial({"learning_rate": 0.05}),
    "rate_twice": Trial({"learning_rate": 0.2}),
    "standardised": Trial({"normalisation": "standardise"}),
}
"""Name -> trial."""
