"""Cost of a trained network: parameters, operations, file size and speed."""

import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks.own_layers import read_model
from fer_keras.utils.startup import errors_only


def cost_table(files, images):
    """Measure the cost of trained networks on this machine.

    Args:
        files: dict from a network's name to its `model.keras`.
        images: uint8 array `(n, 48, 48)`, n at least 1, to recognise repeatedly.

    Returns:
        A DataFrame, one row a network (index `network`): `parameters`, `megaflops` (millions of
        operations an image), `bytes` (of the file), and the speeds in images/s
        `recognised_per_second_in_32s` and `recognised_per_second_one_by_one`.
    """
    models = {name: read_model(name, file) for name, file in files.items()}
    columns = {
        "parameters": {name: model.count_params() for name, model in models.items()},
        "megaflops": {name: megaflops(model) for name, model in models.items()},
        "bytes": {name: Path(file).stat().st_size for name, file in files.items()},
        "recognised_per_second_in_32s": recognition_speeds(models, images, 32),
        "recognised_per_second_one_by_one": recognition_speeds(models, images, 1),
    }
    return pd.DataFrame(columns, index=pd.Index(models, name="network"))


def megaflops(model):
    """Count the floating-point operations for one image, in millions.

    The profiler of TensorFlow, or of XLA on JAX, counts them in the graph of the forward pass: a
    multiplication and an addition as two, biases and poolings in full, batch norm and softmax in
    part. XLA does not count multiplications with the zeros that pad an image.

    Args:
        model: a Keras model of images `(batch, 48, 48, 1)`.

    Returns:
        A float, in millions of operations.
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


def recognition_speeds(models, images, batch_size, rounds=5, seconds=0.1):
    """Measure the speed of networks, which take turns.

    Turns spread a busy moment of the machine over all networks.

    Args:
        models: dict from a name to a Keras model.
        images: uint8 array `(n, 48, 48)`, n at least 1.
        batch_size: number of images a call; 1 is like the frames of a camera.
        rounds: number of turns of each network.
        seconds: shortest length of a turn, in seconds.

    Returns:
        A dict from each name to the median speed of its turns, in whole images/s.
    """
    from fer_keras.networks.backend import compiled

    batch = np.resize(images[:batch_size], (batch_size, *images.shape[1:], 1))  # repeats them
    forward = {name: compiled(model) for name, model in models.items()}
    with errors_only():
        for function in forward.values():
            function(batch)  # the first call builds the graph
    speeds = {name: [] for name in models}
    for _ in range(rounds):
        for name, function in forward.items():
            speeds[name].append(batch_size * _calls_per_second(function, batch, seconds))
    return {name: round(median(turns)) for name, turns in speeds.items()}


def _calls_per_second(function, batch, seconds):
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        function(batch)
        calls += 1
    return calls / spent
