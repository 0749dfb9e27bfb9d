"""What Keras leaves to its backend, here TensorFlow or JAX: compiled inference and gradients."""

import keras
import numpy as np


def compiled(model):
    """Return a model's inference as one compiled function.

    It answers sooner than `model.predict`, which sets up a loop over batches at each call.

    Args:
        model: a Keras model, or a function of `(images, training)`.

    Returns:
        A function from an array `(n, height, width, channels)` to a NumPy array, the prediction.
    """

    def infer(images):
        return model(images, training=False)

    if keras.backend.backend() == "jax":
        import jax

        function = jax.jit(infer)
    else:
        import tensorflow as tf

        function = tf.function(infer, reduce_retracing=True)
    return lambda images: np.asarray(function(keras.ops.convert_to_tensor(images)))


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
