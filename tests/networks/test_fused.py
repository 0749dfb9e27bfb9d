from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.networks.build import build, in_dtype, standardisation
from fer_keras.networks.builders import NETWORKS
from fer_keras.networks.fused import take_weights, training_twin


def network(name):
    """A network with random weights where they matter, and without dropout, which is random."""
    keras.utils.set_random_seed(1)
    model = build(name, 5, standardisation(images(20)))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    output = model.layers[-1]
    output.kernel.assign(keras.random.normal(output.kernel.shape, stddev=0.1, seed=2))
    return model


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48, 1), dtype=np.uint8)


def loss_and_gradients(model, batch, labels):
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(labels, model(batch, training=True))
        loss = tf.reduce_mean(losses)
    variables = model.trainable_variables
    return float(loss), [each.numpy() for each in tape.gradient(loss, variables)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_twin_has_the_networks_loss_and_gradients(name):
    plain = network(name)
    twin, exact = training_twin(plain), in_dtype(plain, "float64")
    batch, labels = images(8, seed=3), np.arange(8) % 5
    (true_loss, truth), (loss, gradients), (twins_loss, twins_gradients) = (
        loss_and_gradients(model, batch, labels) for model in (exact, plain, twin)
    )
    assert twins_loss == pytest.approx(true_loss, rel=1e-5)
    assert loss == pytest.approx(true_loss, rel=1e-5)
    largest = max(np.abs(gradient).max() for gradient in truth)
    left_out = [
        id(layer.bias)
        for layer, following in pairwise(plain.layers)
        if isinstance(following, keras.layers.BatchNormalization) and layer.use_bias
    ]
    for variable, gradient, true in zip(plain.trainable_variables, gradients, truth, strict=True):
        if id(variable) in left_out:
            assert np.abs(true).max() < 1e-9 * largest  # batch norm takes it off again
            continue
        # Processors round float32 differently; both forms may be as far from the truth as each
        # other, but not further.
        plains_error = np.linalg.norm(gradient - true)
        twins_error = np.linalg.norm(twins_gradients.pop(0) - true)
        rounding = 1e-6 * max(np.linalg.norm(true), 1e-4 * largest * np.sqrt(true.size))
        assert twins_error < 3 * plains_error + 10 * rounding
    assert not twins_gradients


@pytest.mark.parametrize("name", NETWORKS)
def test_after_some_steps_the_network_answers_as_its_twin(name, tmp_path):
    plain = network(name)
    twin = training_twin(plain)
    batch, labels = images(16, seed=4), np.arange(16) % 5
    np.testing.assert_allclose(twin(batch), plain(batch), atol=1e-6)
    twin.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    plain.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    for _ in range(3):
        twin.train_on_batch(batch, labels)
        plain.train_on_batch(batch, labels)
    trained_alone = np.asarray(plain(batch))
    twin.save(tmp_path / "twin.keras")
    take_weights(plain, keras.models.load_model(tmp_path / "twin.keras"))
    np.testing.assert_allclose(plain(batch), twin(batch), atol=1e-5)
    np.testing.assert_allclose(trained_alone, twin(batch), atol=2e-3)


@pytest.mark.parametrize("name", ["conv3", "quick"])
def test_in_bfloat16_the_twin_answers_and_learns_nearly_the_same(name):
    plain = network(name)
    twin, mixed = training_twin(plain), training_twin(plain, "mixed_bfloat16")
    batch, labels = images(32, seed=5), np.arange(32) % 5
    hidden = [layer for layer in mixed.layers[1:-1] if not isinstance(layer, keras.layers.Flatten)]
    assert {layer.compute_dtype for layer in hidden} == {"bfloat16"}
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert mixed(batch).dtype == tf.float32
    np.testing.assert_allclose(mixed(batch), twin(batch), atol=0.02)  # 8 bits of mantissa
    _, gradients = loss_and_gradients(twin, batch, labels)
    _, rounded = loss_and_gradients(mixed, batch, labels)
    for exact, near in zip(gradients, rounded, strict=True):
        assert np.linalg.norm(near - exact) < 0.2 * np.linalg.norm(exact)
    before = [weight.numpy() for weight in plain.trainable_variables]
    take_weights(plain, mixed)
    for weight, same in zip(plain.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, same)


def test_no_network_keeps_a_bias_that_batch_norm_takes_off():
    twin = training_twin(build("vgg8", 7))
    convolutions = [layer for layer in twin.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 8 and not any(layer.use_bias for layer in convolutions)
