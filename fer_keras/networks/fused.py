"""The fused form of a network: the same function, trained in less time.

On CPUs, TensorFlow spends much of a training step on little arithmetic: adding biases at full
resolution, summing their gradients, and batch norm as a dozen operations. The fused form

- adds bias and ReLU after max-pooling, to a quarter of the values. The result is the same, as
  neither of them changes which value is the largest;
- leaves out the bias of a convolution before batch norm, which subtracts it with the mean;
- computes batch norm by TensorFlow's single operation for it;
- multiplies in bfloat16, if asked.
"""

import keras
import numpy as np
from keras import Sequential, layers, ops

from fer_keras.networks.build import copy_layer, give_weights


def fuse(network, dtype="float32"):
    """Return the fused form of a network, with the same weights.

    Args:
        network: a Keras model. A built `keras.Sequential` of Keras' own layers is fused, and batch
            norm in functional models inside it. Any other model is returned unchanged.
        dtype: `float32`, or `mixed_bfloat16` to multiply in bfloat16 between the first and the
            last layer (Micikevicius et al., "Mixed Precision Training", 2018).

    Returns:
        A `keras.Sequential` of the same name. It is the network itself if this cannot be fused, or
        in float32 on other backends than TensorFlow, which fuse operations themselves.
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if not _can_be_fused(network) or (dtype == "float32" and not on_tensorflow):
        return network
    first, *hidden, last = network.layers
    fused, moves_bias = [keras.Input(network.input_shape[1:]), copy_layer(first)], False
    for layer, following in zip(hidden, [*hidden[1:], last]):
        follows_moved, moves_bias = moves_bias, False
        changes, kind = {"dtype": dtype}, type(layer)
        if on_tensorflow:
            moves_bias = following is not last and _moves_its_bias(layer, following)
            if moves_bias:
                changes |= {"use_bias": False, "activation": "linear"}
            elif _needs_no_bias(layer, following):
                changes |= {"use_bias": False}
            elif _is_image_norm(layer):
                kind = FusedBatchNormalization
        if isinstance(layer, keras.Model):
            fused.append(_fused_inside(layer, dtype, on_tensorflow))
        else:
            fused.append(kind.from_config(layer.get_config() | changes))
        if follows_moved:
            fused.append(BiasAndReLU(dtype=dtype))
    fused = Sequential([*fused, copy_layer(last)], name=network.name)
    _give_weights(network, fused)
    return fused


def take_weights(network, fused):
    """Give a network the weights of its fused form.

    Args:
        network: a Keras model built like the one that was fused.
        fused: the model that `fuse` returned, or one read back from its file.
    """
    for layer, own, moved in _pairs(network, fused):
        weights = own.get_weights()
        if len(weights) < len(layer.weights):
            weights += moved.get_weights() if moved else [np.zeros(layer.bias.shape)]
        give_weights(layer, weights)


@keras.saving.register_keras_serializable("fer_keras")
class BiasAndReLU(layers.Layer):
    """Add a bias to each channel of images and set negative values to 0."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.relu(inputs + self.bias)


@keras.saving.register_keras_serializable("fer_keras")
class FusedBatchNormalization(layers.BatchNormalization):
    """Batch norm of images, trained through TensorFlow's single operation."""

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


def _can_be_fused(network):
    is_sequence = type(network) is Sequential and network.built and len(network.layers) > 1
    return is_sequence and all(map(_can_be_copied, network.layers))


def _fused_inside(model, dtype, on_tensorflow):
    """Return a copy of a functional model, its batch norm fused on TensorFlow."""

    def copy(layer):
        if on_tensorflow and _is_image_norm(layer):
            return FusedBatchNormalization.from_config(layer.get_config() | {"dtype": dtype})
        return copy_layer(layer, dtype=dtype)

    return keras.models.clone_model(model, clone_function=copy, recursive=True)


def _can_be_copied(layer):
    is_nested = isinstance(layer, Sequential | layers.Wrapper | layers.Lambda)
    if is_nested or not type(layer).__module__.startswith("keras."):
        return False
    if isinstance(layer, keras.Model):  # a functional one
        return all(_can_be_copied(each) for each in layer.layers)
    try:
        copy_layer(layer)
    except (TypeError, ValueError):  # of an activation or initializer that Keras does not know
        return False
    return True


def _moves_its_bias(layer, following):
    return (
        type(layer) is layers.Conv2D
        and type(following) is layers.MaxPooling2D
        and layer.activation is keras.activations.relu
        and layer.data_format == "channels_last"
        and layer.use_bias
        and layer.trainable
        and not (layer.bias_regularizer or layer.bias_constraint or layer.activity_regularizer)
    )


def _needs_no_bias(layer, following):
    return (
        type(layer) is layers.Conv2D
        and _is_image_norm(following)
        and layer.activation is keras.activations.linear
        and layer.use_bias
        and not np.any(layer.bias)  # else the moving mean, which holds it, would not fit
    )


def _is_image_norm(layer):
    return (
        type(layer) is layers.BatchNormalization
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and layer.center
        and layer.scale
        and layer.trainable
    )


def _give_weights(network, fused):
    for layer, own, moved in _pairs(network, fused):
        weights = layer.get_weights()
        if len(own.weights) < len(weights):
            bias = weights.pop()
            if moved:
                moved.set_weights([bias])
        give_weights(own, weights)


def _pairs(network, fused):
    """Yield each layer, its counterpart, and the layer that its bias moved to, if any."""
    places = [n for n, layer in enumerate(fused.layers) if not isinstance(layer, BiasAndReLU)]
    for layer, place in zip(network.layers, places, strict=True):
        own, *others = fused.layers[place : place + 3]
        is_moved = len(others) == 2 and isinstance(others[1], BiasAndReLU)
        yield layer, own, others[1] if is_moved else None
