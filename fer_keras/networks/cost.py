"""What a trained network costs: parameters, arithmetic, disk and time to recognise."""

import itertools
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.utils.startup import errors_only

BATCH_SIZES = (32, 1)
ROUNDS = 5
SECONDS = 0.2
"""How long a network recognises in each round, at least."""


def cost_table(model_files, images):
    """Measure what trained networks cost, on this machine.

    Args:
        model_files: dict from a network's name to its `model.keras`.
        images: uint8 `(n, 48, 48)`, at least one, to recognise; the same ones over and over.

    Returns:
        A DataFrame with one row a network (index `network`): `parameters`, `megaflops` (an image),
        `bytes` (of the file), and images/s as `recognised_per_second_in_32s` and
        `recognised_per_second_one_by_one`.
    """
    import keras

    models = {
        name: keras.models.load_model(file, compile=False) for name, file in model_files.items()
    }
    in_batches, one_by_one = (
        recognition_speeds(models, images, batch_size) for batch_size in BATCH_SIZES
    )
    rows = {
        name: {
            "parameters": model.count_params(),
            "megaflops": megaflops(model),
            "bytes": Path(model_files[name]).stat().st_size,
            "recognised_per_second_in_32s": round(in_batches[name]),
            "recognised_per_second_one_by_one": round(one_by_one[name]),
        }
        for name, model in models.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def megaflops(model):
    """Count the floating-point operations of recognising one image, in millions.

    TensorFlow's profiler, or on JAX XLA's, counts them in the graph of the forward pass: a
    multiplication and an addition are two, biases and poolings count, batch norm and softmax in
    part. A convolution or dense layer with m multiplications so has about 2m; by hand, those of
    `conv2` come to 24.9, and TensorFlow's profiler says 25.1. XLA leaves out what the zeros round
    a padded image are multiplied with.

    Args:
        model: a Keras model of images `(batch, 48, 48, 1)`.
    """
    import keras

    def forward(images):
        return model(images, training=False)

    if keras.backend.backend() == "jax":
        import jax

        image = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
        return jax.jit(forward).lower(image).cost_analysis()["flops"] / 1e6
    import tensorflow as tf

    image = tf.TensorSpec((1, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32)
    graph = tf.function(forward).get_concrete_function(image).graph
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    with errors_only():
        counted = profiler.profile(graph, options=options.with_empty_output().build())
    return counted.total_float_ops / 1e6


def recognition_speeds(models, images, batch_size, rounds=ROUNDS, seconds=SECONDS):
    """Measure how fast networks recognise, all in turn, so that a busy moment meets all alike.

    Args:
        models: dict from a name to a Keras model.
        images: uint8 `(n, 48, 48)`, at least one.
        batch_size: images a call; with 1, what a camera's frames would get.
        rounds: how often each network has its turn.
        seconds: how long a turn lasts, at least.

    Returns:
        A dict from each name to the median images/s of its turns.
    """
    from fer_keras.networks.backend import compiled

    endless = itertools.islice(itertools.cycle(images), batch_size)
    batch = np.stack([image[..., np.newaxis] for image in endless])
    forward = {name: compiled(model) for name, model in models.items()}
    with errors_only():
        for function in forward.values():
            function(batch)  # the first call builds the graph
    speeds = {name: [] for name in models}
    for _ in range(rounds):
        for name, function in forward.items():
            speeds[name].append(batch_size * _calls_per_second(function, batch, seconds))
    return {name: median(turns) for name, turns in speeds.items()}


def _calls_per_second(function, batch, seconds):
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        function(batch)
        calls += 1
    return calls / spent
