"""Two networks whose files each define a layer of the same name."""

import keras
import numpy as np
import pytest
from keras import saving

from fer_keras.comparison.run import fit
from fer_keras.comparison.trained import predict
from fer_keras.networks.build import build
from fer_keras.networks.own_layers import read_model
from fer_keras.predict.predictor import Predictor
from fer_keras.training.recipe import Recipe

SOURCE = """
import keras
from keras import layers

@keras.saving.register_keras_serializable()
class Block(layers.Layer):
    def call(self, inputs):
        return {maths}

@keras.saving.register_keras_serializable()
def bent(inputs):
    return {maths}

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)), layers.Conv2D(4, 3, strides=4, activation=bent), Block(),
        layers.Flatten(), layers.Dense(num_classes, activation="softmax"),
    ])
"""
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)


@pytest.fixture
def networks(tmp_path):
    """Two files of networks; Keras' registry is as it was afterwards."""
    before = dict(saving.get_custom_objects())
    for name, maths in (("doubling", "2 * inputs"), ("squaring", "inputs**2")):
        (tmp_path / f"{name}.py").write_text(SOURCE.replace("{maths}", maths))
    yield [f"{tmp_path}/doubling.py:build", f"{tmp_path}/squaring.py:build"]
    saving.get_custom_objects().clear()
    saving.get_custom_objects().update(before)


def test_each_network_is_read_back_with_its_own_layers(networks, tmp_path):
    built = {network: build(network) for network in networks}
    for network, model in built.items():
        model.save(tmp_path / "model.keras")
        again = read_model(network, tmp_path / "model.keras")
        np.testing.assert_allclose(again(IMAGES), model(IMAGES), atol=1e-6)


@pytest.fixture
def functions(networks, tmp_path):
    """The builders of both files, imported one after the other."""
    modules = {name: {"__name__": name} for name in ("doubling", "squaring")}
    for name, module in modules.items():
        exec((tmp_path / f"{name}.py").read_text(), module)
    return [module["build"] for module in modules.values()]


def test_a_resumed_training_and_a_finished_run_have_the_layers_of_their_file(
    functions, splits, tmp_path
):
    recipe = Recipe(network=functions[0], epochs=2)
    calm = fit(recipe, splits, tmp_path / "calm")

    class Stopped(Exception):
        pass

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                raise Stopped

    with pytest.raises(Stopped):
        fit(recipe, splits, tmp_path / "run", callbacks=[Stop()])
    resumed = fit(recipe, splits, tmp_path / "run")
    np.testing.assert_array_equal(resumed.predictions.probabilities, calm.predictions.probabilities)
    for answer in (
        lambda: predict(resumed, splits.test).probabilities,
        lambda: Predictor(resumed.directory)(splits.test.images),
    ):
        build(functions[1])
        np.testing.assert_allclose(answer(), calm.predictions.probabilities, atol=1e-6)
