"""Networks in LiteRT's format answer as the networks that they were converted from."""

import keras
import numpy as np
import pytest

from fer_keras.networks import litert
from fer_keras.networks.build import build


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (12, 48, 48, 1), dtype=np.uint8)


def used_network(name, images):
    """A network with biases and moving statistics that are not those of a fresh one."""
    keras.utils.set_random_seed(4)
    network = build(name, 7)
    random = np.random.default_rng(5)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, gamma.shape),
                    random.normal(0, 0.2, beta.shape),
                    random.normal(0, 0.2, mean.shape),
                    random.uniform(0.5, 2, variance.shape),
                ]
            )
        elif isinstance(layer, keras.layers.Conv2D) and layer.use_bias:
            layer.bias.assign(random.normal(0, 0.1, layer.bias.shape))
    last = network.layers[-1]
    last.kernel.assign(random.normal(0, 0.15, last.kernel.shape))
    return network


# The other networks are made of the same layers.
@pytest.mark.parametrize("name", ["conv2", "conv3", "conv4_bn", "quick", "conv7_bn"])
def test_it_answers_nearly_as_its_network(name, images):
    network = used_network(name, images)
    expected = network.predict(images, verbose=0)
    found = litert.load(litert.convert(network))(images)
    assert found.dtype == np.float32 and expected.std() > 0.01
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert np.abs(found - expected).mean() < expected.std() / 10


def test_its_weights_take_a_byte_each_and_no_image_is_held_over(images):
    network = used_network("quick", images)
    content = litert.convert(network)
    assert len(content) < 1.2 * network.count_params()
    recognise = litert.load(content)
    together = recognise(images)
    assert together.shape == (len(images), 7)
    alone = np.concatenate([recognise(image[np.newaxis]) for image in images[::-1]])
    np.testing.assert_array_equal(together, alone[::-1])
    assert recognise(images[:0]).shape == (0, 7)
