import keras
import numpy as np
import pytest

from fer_keras.backend import compiled
from fer_keras.inference_graph import inference_twin
from fer_keras.models import NETWORKS, build


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


@pytest.mark.parametrize("name", NETWORKS)
def test_the_twin_answers_as_its_network(name, images):
    network = used_network(name, images)
    expected = network.predict(images, verbose=0)
    assert expected.std() > 0.01
    np.testing.assert_allclose(
        inference_twin(network).predict(images, verbose=0), expected, atol=2e-5
    )
    np.testing.assert_allclose(compiled(inference_twin(network))(images), expected, atol=2e-5)


@pytest.mark.parametrize("name", ["quick", "vgg8"])
def test_no_batch_norm_is_left(name, images):
    kinds = [type(layer) for layer in inference_twin(build(name, 7)).layers]
    assert keras.layers.BatchNormalization not in kinds
    assert kinds.count(keras.layers.Conv2D) == {"quick": 4, "vgg8": 8}[name]


def test_in_bfloat16_the_twin_answers_nearly_the_same(images):
    network = used_network("quick", images)
    twin = inference_twin(network, "bfloat16")
    assert {layer.compute_dtype for layer in twin.layers[1:-1]} == {"bfloat16"}
    expected = network.predict(images, verbose=0)
    np.testing.assert_allclose(compiled(twin)(images), expected, atol=0.03)
