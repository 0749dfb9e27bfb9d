"""Training the studies' networks, against plain `model.fit` and what the machine can do."""

import time

import numpy as np
from timing import BATCH_SIZE, in_turn, row

from fer_keras.data.loading import load_data
from fer_keras.data.splitting import cut_validation
from fer_keras.training.recipe import Recipe

# An epoch of each takes some ten seconds on two cores.
# Each number of steps has 4 as its largest useful divisor, as FER2013's 404 have.
NUM_IMAGES = {"conv2": 20224, "conv3": 25856, "conv4_bn": 9472, "vgg8": 1280}
OURS = {"quick": 20224, "conv7_bn": 6400}
MATRIX_SIDE, NUM_PRODUCTS = 4096, 5


def bench(location, scratch, rounds):
    """Yield rows: an epoch of each network; the share of the machine's speed; augmentation."""
    train = cut_validation(load_data(location), 0.1, seed=0).train
    peak = matrix_speed("float32")
    for network, count in NUM_IMAGES.items():
        faces = train.select(slice(count))
        ours = our_epoch(Recipe(network=network), faces)
        sides = {"model.fit(x, y)": plain_fit(network, faces)}
        first, *others = (count / spent for spent in in_turn([ours, *sides.values()], rounds))
        for name, speed in zip(sides, others):
            yield row(f"train {network}", "images/s", first, name, speed)
        arithmetic = first * flops_of_a_training_image(network) / 1e9
        yield row(f"arithmetic of {network}", "GFLOP/s", arithmetic, "a matrix product", peak)
    for precision, dtype in (("float32", "float32"), ("mixed", "bfloat16")):
        limit = matrix_speed(dtype)
        for network, count in OURS.items():
            recipe = Recipe(network=network, precision=precision)
            (spent,) = in_turn([our_epoch(recipe, train.select(slice(count)))], rounds)
            arithmetic = count / spent * flops_of_a_training_image(network) / 1e9
            what = f"arithmetic of {network} in {dtype}"
            yield row(what, "GFLOP/s", arithmetic, f"a matrix product in {dtype}", limit)
    faces = train.select(slice(NUM_IMAGES["conv3"]))
    with_it, without = (
        len(faces) / spent
        for spent in in_turn(
            [
                our_epoch(Recipe(network="conv3", augmentation=name), faces)
                for name in ("study_d", "none")
            ],
            rounds,
        )
    )
    yield row("train conv3 with augmentation", "images/s", with_it, "without", without)


def our_epoch(recipe, faces):
    """Return a function that trains one more epoch as `fk.fit` does."""
    from fer_keras.training.feeds import training_feed
    from fer_keras.training.fit import compiled_model, steps_at_once

    model = compiled_model(recipe, len(faces.class_names), faces.images)
    steps = -(-len(faces) // recipe.batch_size)
    feed = training_feed(faces, recipe.batch_size, 0, recipe.ranges)
    model.steps_per_execution = steps_at_once(steps)
    # Builds the graph.
    model.fit(feed, steps_per_epoch=model.steps_per_execution, shuffle=False, verbose=0)
    return lambda: model.fit(feed, steps_per_epoch=steps, shuffle=False, verbose=0)


def plain_fit(network, faces):
    """Return a function that trains one more epoch as Keras' guide does, all defaults."""
    import keras

    from fer_keras.networks.build import build

    model = build(network, len(faces.class_names))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    images = faces.images[..., np.newaxis].astype("float32")
    labels = keras.utils.to_categorical(faces.labels, len(faces.class_names))
    model.fit(images[:128], labels[:128], batch_size=BATCH_SIZE, verbose=0)
    return lambda: model.fit(images, labels, batch_size=BATCH_SIZE, verbose=0)


def flops_of_a_training_image(network):
    """Return forward and backward operations: three times the forward pass."""
    from fer_keras.networks.build import build
    from fer_keras.networks.cost import megaflops

    return 3e6 * megaflops(build(network, 7))


def matrix_speed(dtype):
    """Return the GFLOP/s of matrix products of a dtype on this machine."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((MATRIX_SIDE, MATRIX_SIDE)), dtype)
    tf.matmul(matrix, matrix).numpy()
    start = time.perf_counter()
    for _ in range(NUM_PRODUCTS):
        tf.matmul(matrix, matrix).numpy()
    return NUM_PRODUCTS * 2 * MATRIX_SIDE**3 / (time.perf_counter() - start) / 1e9
