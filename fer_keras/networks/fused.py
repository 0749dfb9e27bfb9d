"""A network's twin to train in: the same function and gradients, fewer passes over large arrays.

On CPUs, TensorFlow spends much of a training step on what is hardly arithmetic: adding a bias at
full resolution and summing its gradient there, and batch norm as a dozen operations. The twin

- adds bias and ReLU after max-pooling, where a quarter of the values is left; both rise with
  their input, so that the largest stays the largest;
- leaves out the bias of a convolution before batch norm, which takes it off again with the mean;
- computes batch norm by TensorFlow's one operation for it;
- where asked, multiplies in bfloat16.
"""

import keras
import numpy as np
from keras import Sequential, layers, ops

from fer_keras.networks.build import copy_layer


def training_twin(network, dtype="float32"):
    """Return a network's twin, with the weights that the network has.

    Args:
        network: a `keras.Sequential`, whose convolutions before batch norm have zeros as biases,
            as they do when fresh.
        dtype: `float32`, or `mixed_bfloat16` to multiply in bfloat16 between the first and the
            last layer, with weights, batch norm's sums and probabilities in float32
            (Micikevicius et al., "Mixed Precision Training", 2018).

    Returns:
        A `keras.Sequential` of the same name. Backends other than TensorFlow fuse operations
        themselves; on them the twin has the network's own layers, and in float32 it is the
        network itself.
    """
    is_fused = keras.backend.backend() == "tensorflow"
    if not is_fused and dtype == "float32":
        return network
    first, *hidden, last = network.layers
    rewritten = [keras.Input(network.input_shape[1:]), copy_layer(first)]
    for before, layer, after in zip([first, *hidden], hidden, [*hidden[1:], last]):
        rewritten.append(_twin(layer, after, dtype) if is_fused else copy_layer(layer, dtype=dtype))
        if is_fused and _moves_its_bias(before, layer):
            rewritten.append(BiasAndReLU(dtype=dtype))
    rewritten.append(copy_layer(last))
    twin = Sequential(rewritten, name=network.name)
    for layer, own, moved in _pairs(network, twin):
        weights = layer.get_weights()
        if len(own.weights) < len(weights):
            bias = weights.pop()
            if moved:
                moved.set_weights([bias])
        own.set_weights(weights)
    return twin


def take_weights(network, twin):
    """Give a network the weights of its twin.

    Args:
        network: a `keras.Sequential` built as the one that the twin was made of.
        twin: what `training_twin` returned, or such a model read back from its file.
    """
    for layer, own, moved in _pairs(network, twin):
        weights = own.get_weights()
        if len(weights) < len(layer.weights):
            weights += moved.get_weights() if moved else [np.zeros(layer.bias.shape)]
        layer.set_weights(weights)


def _pairs(network, twin):
    """Yield each layer, its counterpart, and what follows the pooling behind that, if a bias."""
    places = [n for n, layer in enumerate(twin.layers) if not isinstance(layer, BiasAndReLU)]
    for layer, place in zip(network.layers, places, strict=True):
        own, *others = twin.layers[place : place + 3]
        is_moved = len(others) == 2 and isinstance(others[1], BiasAndReLU)
        yield layer, own, others[1] if is_moved else None


@keras.saving.register_keras_serializable("fer_keras")
class BiasAndReLU(layers.Layer):
    """Add a bias to each channel and cut off what is below 0."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.relu(inputs + self.bias)


@keras.saving.register_keras_serializable("fer_keras")
class FusedBatchNormalization(layers.BatchNormalization):
    """Keras' batch norm of images, trained through TensorFlow's one operation for it."""

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        # TensorFlow divides by n - 1, Keras by n.
        count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (count - 1) / count
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return outputs


def _moves_its_bias(layer, following):
    return (
        isinstance(layer, layers.Conv2D)
        and layer.use_bias
        and layer.activation is keras.activations.relu
        and isinstance(following, layers.MaxPooling2D)
    )


def _twin(layer, following, dtype):
    normalised = isinstance(layer, layers.Conv2D) and isinstance(
        following, layers.BatchNormalization
    )
    if normalised and layer.activation is keras.activations.linear:
        return copy_layer(layer, use_bias=False, dtype=dtype)
    if _moves_its_bias(layer, following):
        return copy_layer(layer, use_bias=False, activation="linear", dtype=dtype)
    if type(layer) is layers.BatchNormalization:
        return FusedBatchNormalization.from_config(layer.get_config() | {"dtype": dtype})
    return copy_layer(layer, dtype=dtype)
