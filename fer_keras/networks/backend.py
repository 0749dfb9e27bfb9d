"""Compiled inference, gradients and hardware of Keras' backends."""

import os
from pathlib import Path

import keras
import numpy as np

BFLOAT16_CPUS = ("avx512_bf16", "amx_bf16")  # Linux's names for instructions
ONEDNN_WITH_BFLOAT16 = ("BF16", "FP16", "AMX", "AVX10", "ALL", "DEFAULT")
"""Parts of oneDNN's names for instructions that multiply bfloat16."""
BFLOAT16_GPUS = (8, 0)  # NVIDIA's compute capability from Ampere on


def multiplies_bfloat16():
    """Return whether this machine multiplies bfloat16 in hardware."""
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        capability = str(getattr(device, "compute_capability", "0.0"))
        return device.platform == "tpu" or tuple(map(int, capability.split("."))) >= BFLOAT16_GPUS
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        return all(each.get("compute_capability", (0, 0)) >= BFLOAT16_GPUS for each in details)
    # TensorFlow asks the processor alone, and fails where oneDNN was told to use less of it.
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or "DEFAULT"
    if not any(part in limit.upper() for part in ONEDNN_WITH_BFLOAT16):
        return False
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return any(name in flags for name in BFLOAT16_CPUS)


def compiled(model):
    """Compile a model's inference: faster than `model.predict`.

    Args:
        model: a Keras model. Later changes of its weights have no effect.

    Returns:
        A function from an array `(n, height, width, channels)` to the prediction, a NumPy array
        `(n, num_classes)`.
    """
    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(inference(model))
    else:
        import tensorflow as tf

        function = tf.function(inference(model), reduce_retracing=True)
    return lambda images: np.asarray(function(keras.ops.convert_to_tensor(images)))


def inference(model):
    """Return a model's inference with its present weights as constants.

    The compiler lays out constants in memory once, but variables at each call.

    Args:
        model: a Keras model.

    Returns:
        A function from a tensor `(n, height, width, channels)` to the prediction, a tensor
        `(n, num_classes)`; to be compiled.
    """
    weights = [
        [np.asarray(weight) for weight in weights]
        for weights in (model.trainable_variables, model.non_trainable_variables)
    ]

    def infer(images):
        constants = (list(map(keras.ops.convert_to_tensor, part)) for part in weights)
        return model.stateless_call(*constants, images, training=False)[0]

    return infer


def gradient(function, values):
    """Compute the gradient of a scalar function.

    Args:
        function: function from a tensor to a scalar tensor, written with `keras.ops`.
        values: tensor to take the gradient at.

    Returns:
        A tensor of the shape of `values`.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(values)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(values)
    return tape.gradient(result, values)
