"""What Keras leaves to its backend, TensorFlow or JAX: compiled inference, gradients, devices."""

from pathlib import Path

import keras
import numpy as np

BFLOAT16_CPUS = ("avx512_bf16", "amx_bf16")
"""What Linux calls the instructions that multiply bfloat16."""

BFLOAT16_GPUS = (8, 0)
"""The least compute capability, Ampere's, at which NVIDIA's GPUs multiply bfloat16."""


def multiplies_bfloat16():
    """Return whether this machine multiplies bfloat16 in hardware, and so faster than float32."""
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
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return any(name in flags for name in BFLOAT16_CPUS)


def compiled(model):
    """Return a model's inference as one compiled function.

    It answers sooner than `model.predict`, which sets up a loop over batches at each call.

    Args:
        model: a Keras model.

    Returns:
        A function from an array `(n, height, width, channels)` to a NumPy array, the prediction.
    """
    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(inference(model))
    else:
        import tensorflow as tf

        function = tf.function(inference(model), reduce_retracing=True)
    return lambda images: np.asarray(function(keras.ops.convert_to_tensor(images)))


def inference(model):
    """Return a model's inference, to be compiled, with its weights as they are now for constants.

    Those need not be laid out anew at each call.

    Args:
        model: a Keras model.

    Returns:
        A function from a tensor `(n, height, width, channels)` to one, the prediction.
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
    """Return the gradient of a function that gives one number.

    Args:
        function: from a tensor to a scalar tensor, written with `keras.ops`.
        values: the tensor to take the gradient at.

    Returns:
        A tensor shaped like `values`.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(values)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(values)
    return tape.gradient(result, values)
