"""A network's twin to predict with: batch norm folded into the convolutions before it.

Batch norm of a trained network scales and shifts each channel by fixed numbers, which kernel and
bias take over: k' = k s and b' = (b - mean) s + beta, with s = gamma / sqrt(variance + epsilon)
(Jacob et al., 2018, section 3.2). The twin computes the same with a third of the layers.
"""

import keras
import numpy as np
from keras import Sequential, layers

from fer_keras.models import copy_layer


def inference_twin(network, dtype="float32"):
    """Return a trained network's twin, for predictions alone.

    Args:
        network: a `keras.Sequential`; of its convolutions those are folded that batch norm
            follows at once.
        dtype: what the layers between the first and the last store and multiply: `float32`, or
            `bfloat16`, which moves probabilities by about a hundredth.

    Returns:
        A `keras.Sequential` with the same inputs and outputs.
    """
    first, *hidden, last = network.layers
    twins, weights = [copy_layer(first)], [first.get_weights()]
    folded = False
    for layer, following in zip(hidden, [*hidden[1:], last]):
        if folded:  # the batch norm that went into the convolution
            folded = False
            continue
        folded = _can_be_folded(layer, following)
        twins.append(copy_layer(layer, dtype=dtype, **({"use_bias": True} if folded else {})))
        weights.append(_folded_weights(layer, following) if folded else layer.get_weights())
    twin = Sequential(
        [keras.Input(network.input_shape[1:]), *twins, copy_layer(last)], name=network.name
    )
    for layer, values in zip(twin.layers, [*weights, last.get_weights()], strict=True):
        layer.set_weights(values)
    return twin


def _can_be_folded(layer, following):
    return (
        isinstance(layer, layers.Conv2D)
        and layer.activation is keras.activations.linear
        and isinstance(following, layers.BatchNormalization)
    )


def _folded_weights(convolution, batch_norm):
    kernel, *bias = convolution.get_weights()
    gamma, beta, mean, variance = batch_norm.get_weights()
    scale = gamma / np.sqrt(variance + batch_norm.epsilon)
    return [kernel * scale, ((bias[0] if bias else 0) - mean) * scale + beta]
