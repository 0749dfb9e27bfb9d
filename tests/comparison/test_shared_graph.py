"""Networks that take turns in one of their form predict as they would on their own."""

import keras
import numpy as np
import pytest
from helpers import patterned_faces

from fer_keras.comparison.shared_graph import with_shared_graph
from fer_keras.networks.build import build, standardisation
from fer_keras.training.feeds import evaluation_feed

FACES = patterned_faces(20)


def network(seed, width=4, activation="relu"):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((48, 48, 1))
    hidden = layers.Dense(width, activation=activation)(layers.Flatten()(inputs))
    mixed = layers.Concatenate()([hidden, layers.Dropout(0.5)(hidden)])
    return keras.Model(inputs, layers.Dense(7, activation="softmax")(mixed))


def answers(model):
    return np.asarray(model(FACES.images[..., None] / 255))


def test_networks_that_differ_in_weights_alone_share_one_and_its_graph():
    images, shared = FACES.images[..., None] / 255, []
    for seed in range(3):
        model = network(seed)
        expected = answers(model)
        shared.append(with_shared_graph(model))
        np.testing.assert_allclose(shared[-1].predict(images, verbose=0), expected, atol=1e-6)
    assert all(model is shared[0] for model in shared)


@pytest.mark.parametrize("changes", [{"width": 5}, {"activation": "tanh"}])
def test_networks_of_other_forms_share_nothing(changes):
    one = with_shared_graph(network(0))
    before = answers(one)
    other = network(0, **changes)
    assert with_shared_graph(other) is other
    np.testing.assert_array_equal(answers(one), before)


@keras.saving.register_keras_serializable("test_shared_graph")
class Scaled(keras.layers.Layer):
    """A layer whose configuration does not say by how much it scales."""

    def __init__(self, factor=1, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def like(*between):
    keras.utils.set_random_seed(0)
    first = [keras.Input((48, 48, 1)), keras.layers.Flatten(name="flat")]
    last = keras.layers.Dense(7, activation="softmax", name="last")
    hidden = keras.layers.Dense(4, name="hidden")
    return keras.Sequential([*first, hidden, *between, last], name="net")


def scaling(factor):
    def scaled(inputs):
        return factor * inputs

    return scaled


ALIKE_IN_NAMES = {
    "layers named as their activations": [
        keras.layers.Activation(name, name=name) for name in ("relu", "tanh")
    ],
    "layers named as their types": [
        keras.layers.Activation("relu", name="tanh", dtype="float32"),
        keras.layers.Activation("relu", name="tanh", dtype="float64"),
    ],
    "layers of one's own": [Scaled(factor, name="scaled") for factor in (1, -1)],
    "functions of one's own": [
        keras.layers.Activation(scaling(factor), name="activation") for factor in (1, -1)
    ],
    "Lambda layers": [keras.layers.Lambda(scaling(factor), name="scaled") for factor in (1, -1)],
}


@pytest.mark.parametrize("layers", ALIKE_IN_NAMES.values(), ids=ALIKE_IN_NAMES)
def test_networks_that_are_alike_in_names_alone_share_nothing(layers):
    one, other = (with_shared_graph(like(layer)) for layer in layers)
    assert one is not other


def test_our_own_networks_share_one_and_that_of_a_finished_run_does(tmp_path):
    fresh = [build("conv3", 7) for _ in range(2)]
    fresh[1].save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    shared = with_shared_graph(fresh[0])
    assert with_shared_graph(fresh[1]) is shared and with_shared_graph(loaded) is shared


def test_standardisation_to_other_faces_goes_along():
    """A network that carries its training faces' mean keeps it when it takes a turn."""
    found = []
    for trained_on in (FACES.images, FACES.images // 2):
        keras.utils.set_random_seed(0)
        model = build("conv2", 7, standardisation(trained_on))
        expected = model.predict(evaluation_feed(FACES), verbose=0)
        found.append(with_shared_graph(model).predict(evaluation_feed(FACES), verbose=0))
        np.testing.assert_allclose(found[-1], expected, atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_what_a_network_adapted_to_goes_along():
    found = []
    for adapted_to in (FACES.images, FACES.images // 2):
        keras.utils.set_random_seed(0)
        first = keras.layers.Normalization(axis=None)
        first.adapt(adapted_to[..., None])
        last = [keras.layers.Flatten(), keras.layers.Dense(7, activation="softmax")]
        model = keras.Sequential([keras.Input((48, 48, 1)), first, *last])
        expected = np.asarray(model(FACES.images[..., None]))
        found.append(with_shared_graph(model).predict(evaluation_feed(FACES), verbose=0))
        np.testing.assert_allclose(found[-1], expected, atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-4
