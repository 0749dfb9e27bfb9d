"""PyTorch is given the networks that Keras trains."""

from importlib import import_module
from math import prod

import numpy as np
import pytest
from helpers import module_of, patterned_faces

from fer_keras.comparison.catalogue import QUICK
from fer_keras.networks.backbones import BACKBONES
from fer_keras.networks.build import build
from fer_keras.networks.builders import NETWORKS
from fer_keras.training.fit import compiled_model


@pytest.fixture(scope="module")
def against_torch():
    return module_of("benchmarks", "against_torch")


def num_weights(name, sizes):
    """How many trainable numbers a layer of PyTorch's has, by its documentation."""
    if name == "Conv2d":
        inputs, outputs, kernel, _, _, _, _, bias = sizes
        return inputs * outputs * prod(kernel) + outputs * bias
    if name == "Linear":
        return (sizes[0] + 1) * sizes[1]
    return 2 * sizes[0] if name == "BatchNorm2d" else 0


def test_its_learning_rate_is_that_of_the_recipe(against_torch):
    recipe, steps = QUICK.changed(epochs=6), 60
    ours = compiled_model(recipe, 7, patterned_faces(10 * recipe.batch_size).images).optimizer
    theirs = [import_module("torch_side").one_cycle(step, steps) for step in range(steps + 1)]
    rates = [float(ours._learning_rate(step)) for step in range(steps + 1)]
    np.testing.assert_allclose(recipe.learning_rate * np.array(theirs), rates, atol=1e-7)


def test_every_network_is_measured_with_whole_batches(against_torch):
    # As conv3, with its dropout elsewhere; and networks of more than one path.
    left_out = {"conv3_late_dropout", *BACKBONES}
    assert {*against_torch.NUM_IMAGES} == {*NETWORKS} - left_out
    counts = [*against_torch.NUM_IMAGES.values(), *against_torch.ON_GPU.values()]
    assert not any(count % against_torch.BATCH_SIZE for count in counts)


@pytest.mark.parametrize("network", ["conv2", "conv4_bn", "quick", "conv7_bn"])
def test_its_layers_have_as_many_weights(against_torch, network):
    model = build(network, 7)
    layers = list(against_torch.torch_layers(model))
    ours = sum(prod(weight.shape) for weight in model.trainable_weights)
    assert sum(num_weights(*layer) for layer in layers) == ours
    pools = [name for name, _ in layers if "Pool" in name]
    assert len(pools) == sum("Pooling" in type(layer).__name__ for layer in model.layers)
