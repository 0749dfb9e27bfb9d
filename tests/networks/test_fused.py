import os
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import assert_as_near
from keras import layers

from fer_keras.networks.backbones import BACKBONES
from fer_keras.networks.build import build, in_dtype, standardisation
from fer_keras.networks.builders import NETWORKS
from fer_keras.networks.fused import BiasAndReLU, FusedBatchNormalization, fuse, take_weights

BEFORE_AVX512 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2")


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48, 1), dtype=np.uint8)


def network(name):
    """A network with random weights where they matter, and without dropout, which is random."""
    keras.utils.set_random_seed(1)
    model = build(name, 5, standardisation(images(20)))
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0
    output = model.layers[-1]
    output.kernel.assign(keras.random.normal(output.kernel.shape, stddev=0.1, seed=2))
    return model


def own_network(*middle, first=None, last=None):
    """A small network of a user's own; every bias is 0.1."""
    keras.utils.set_random_seed(1)
    first = first or layers.Rescaling(1 / 255)
    last = last or layers.Dense(5, activation="softmax")
    model = keras.Sequential([keras.Input((48, 48, 1)), first, *middle, last], name="own")
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(np.full(layer.bias.shape, 0.1))
    return model


def loss_and_gradients(model, batch, labels):
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(labels, model(batch, training=True))
        loss = tf.reduce_mean(losses)
    variables = model.trainable_variables
    return float(loss), [each.numpy() for each in tape.gradient(loss, variables)]


def train(model, batch, labels, steps=3):
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    for _ in range(steps):
        model.train_on_batch(batch, labels)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in BACKBONES])
def test_the_fused_form_has_the_networks_loss_and_gradients(name):
    plain = network(name)
    fused, exact = fuse(plain), in_dtype(plain, "float64")
    batch, labels = images(8, seed=3), np.arange(8) % 5
    (true_loss, truth), (loss, gradients), (fused_loss, fused_gradients) = (
        loss_and_gradients(model, batch, labels) for model in (exact, plain, fused)
    )
    assert fused_loss == pytest.approx(true_loss, rel=1e-5)
    assert loss == pytest.approx(true_loss, rel=1e-5)
    largest = max(np.abs(gradient).max() for gradient in truth)
    left_out = [
        id(layer.bias)
        for layer, following in pairwise(plain.layers)
        if isinstance(following, layers.BatchNormalization) and layer.use_bias
    ]
    for variable, gradient, true in zip(plain.trainable_variables, gradients, truth, strict=True):
        if id(variable) in left_out:
            assert np.abs(true).max() < 1e-9 * largest  # batch norm subtracts it with the mean
            continue
        # Processors round float32 differently; both forms may be as far from the truth as each
        # other, but not further.
        error = np.linalg.norm(gradient - true)
        fused_error = np.linalg.norm(fused_gradients.pop(0) - true)
        rounding = 1e-6 * max(np.linalg.norm(true), 1e-4 * largest * np.sqrt(true.size))
        assert fused_error < 3 * error + 10 * rounding
    assert not fused_gradients


def assert_learns_alike_when_fused(plain, labels, folder):
    """Ask that a network and its fused form answer alike before and after some steps, and saved."""
    fused, exact = fuse(plain), in_dtype(plain, "float64")
    assert fused is not plain
    batch = images(16, seed=4)
    assert_as_near(fused(batch), plain(batch), exact(batch), slack=1e-6)
    for model in (exact, fused, plain):
        train(model, batch, labels)
    assert_as_near(fused(batch), plain(batch), exact(batch), slack=1e-3)
    fused.save(folder / "fused.keras")
    take_weights(plain, keras.models.load_model(folder / "fused.keras"))
    assert_as_near(plain(batch), fused(batch), in_dtype(plain, "float64")(batch), slack=1e-6)


# Among them are all of the fused parts: a moved bias, one left out, and none to begin with.
@pytest.mark.parametrize("name", ["conv3", "conv4_bn", "quick"])
def test_after_some_steps_the_network_answers_as_its_fused_form(name, tmp_path):
    plain = network(name)
    assert_learns_alike_when_fused(plain, np.arange(16) % 5, tmp_path)


@pytest.mark.skipif(
    os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper() in BEFORE_AVX512,
    reason="TensorFlow asks oneDNN for bfloat16, which it was told to leave out",
)
@pytest.mark.parametrize("name", ["conv3", "quick"])
def test_in_bfloat16_the_fused_form_answers_and_learns_nearly_the_same(name):
    plain = network(name)
    fused, mixed = fuse(plain), fuse(plain, "mixed_bfloat16")
    batch, labels = images(32, seed=5), np.arange(32) % 5
    hidden = [layer for layer in mixed.layers[1:-1] if not isinstance(layer, layers.Flatten)]
    assert {layer.compute_dtype for layer in hidden} == {"bfloat16"}
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert mixed(batch).dtype == tf.float32
    np.testing.assert_allclose(mixed(batch), fused(batch), atol=0.02)  # 8 bits of mantissa
    _, gradients = loss_and_gradients(fused, batch, labels)
    _, rounded = loss_and_gradients(mixed, batch, labels)
    for exact, near in zip(gradients, rounded, strict=True):
        assert np.linalg.norm(near - exact) < 0.2 * np.linalg.norm(exact)
    before = [weight.numpy() for weight in plain.trainable_variables]
    take_weights(plain, mixed)
    for weight, same in zip(plain.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, same)


def test_no_network_keeps_a_bias_that_batch_norm_subtracts():
    fused = fuse(build("vgg8", 7))
    convolutions = [layer for layer in fused.layers if isinstance(layer, layers.Conv2D)]
    assert len(convolutions) == 8 and not any(layer.use_bias for layer in convolutions)


def relu_convolution(**settings):
    return layers.Conv2D(4, 3, activation="relu", **settings)


def adapted_normalisation():
    layer = layers.Normalization(axis=None)
    layer.adapt(images(20))
    return layer


def functional_maps():
    """A functional model with a batch norm, a layer that adds, and a `+`."""
    entry = keras.Input((48, 48, 1))
    maps = layers.BatchNormalization()(layers.Conv2D(4, 3, strides=4, use_bias=False)(entry))
    return keras.Model(entry, layers.Add()([maps, layers.ReLU()(maps)]) + 1.0)


OWN_NETWORKS = {
    "begins with a convolution, ends in an activation": lambda: own_network(
        layers.MaxPooling2D(4), relu_convolution(), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(5), first=relu_convolution(), last=layers.Activation("softmax"),
    ),
    "ends in a pooling": lambda: own_network(
        layers.Conv2D(5, 46, activation="relu"), last=layers.MaxPooling2D(3)
    ),
    "is frozen in part": lambda: own_network(
        relu_convolution(trainable=False), layers.MaxPooling2D(4), layers.Conv2D(4, 3),
        layers.BatchNormalization(trainable=False), layers.Flatten(),
    ),
    "normalises a dense layer and without scale": lambda: own_network(
        layers.Conv2D(4, 3, strides=4), layers.BatchNormalization(scale=False), layers.Flatten(),
        layers.Dense(8), layers.BatchNormalization(),
    ),
    "has a bias before batch norm, and an adapted normalisation": lambda: own_network(
        layers.Conv2D(4, 3, strides=4), layers.BatchNormalization(), layers.Flatten(),
        first=adapted_normalisation(),
    ),
    "holds a functional model": lambda: own_network(
        functional_maps(), layers.GlobalAveragePooling2D()
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", OWN_NETWORKS)
def test_networks_of_ones_own_learn_the_same_when_fused(kind, tmp_path):
    plain = OWN_NETWORKS[kind]()
    labels = np.zeros((16, 1, 1)) if kind == "ends in a pooling" else np.arange(16) % 5
    assert_learns_alike_when_fused(plain, labels, tmp_path)


def test_parts_that_can_be_fused_are_in_networks_of_ones_own_too():
    fused = fuse(
        own_network(
            relu_convolution(), layers.MaxPooling2D(4), layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(), layers.Flatten(),
        )
    )  # fmt: skip
    kinds = [type(layer) for layer in fused.layers]
    assert BiasAndReLU in kinds and FusedBatchNormalization in kinds


class Swish(layers.Layer):
    def call(self, inputs):
        return inputs * keras.ops.sigmoid(inputs)


def functional_network():
    entry = keras.Input((48, 48, 1))
    hidden = layers.Conv2D(4, 3, strides=4, activation="relu")(entry)
    branches = [layers.Conv2D(4, 3, padding="same")(hidden), layers.BatchNormalization()(hidden)]
    flat = layers.Flatten()(layers.Add()(branches))
    return keras.Model(entry, layers.Dense(5, activation="softmax")(flat))


NOT_FUSED = {
    "functional": functional_network,
    "nested": lambda: own_network(
        keras.Sequential([layers.Conv2D(4, 3, strides=4), layers.BatchNormalization()]),
        layers.Dropout(0.0), layers.Flatten(),
    ),
    "a layer of one's own": lambda: own_network(Swish(), layers.Flatten()),
    "an activation of one's own": lambda: own_network(
        layers.Activation(lambda inputs: inputs**2), layers.Flatten()
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("kind", NOT_FUSED)
def test_other_networks_are_trained_as_they_are(kind):
    plain, trained = NOT_FUSED[kind](), NOT_FUSED[kind]()
    assert fuse(trained) is trained and fuse(trained, "mixed_bfloat16") is trained
    batch, labels = images(8, seed=4), np.arange(8) % 5
    train(trained, batch, labels)
    assert not np.allclose(plain(batch), trained(batch), atol=1e-4)
    take_weights(plain, trained)
    np.testing.assert_allclose(plain(batch), trained(batch), atol=1e-6)
