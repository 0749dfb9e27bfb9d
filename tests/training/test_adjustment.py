import keras
import numpy as np
import pytest
from helpers import patterned_faces

from fer_keras.networks.builders import conv2
from fer_keras.training.adjustment import adjust_logits, require_adjustable
from fer_keras.utils.errors import InputError


def test_probabilities_are_divided_by_a_power_of_the_shares():
    faces = patterned_faces(70)
    # Shares of 1/2, 1/4 and 1/4 of the first three classes, by hand; four classes are absent.
    labels = np.repeat([0, 0, 1, 2], 10)
    some = faces.select(np.flatnonzero(np.isin(faces.labels, [0, 1, 2])))
    places = [np.flatnonzero(some.labels == label)[n % 10] for n, label in enumerate(labels)]
    network = conv2(7)
    images = faces.images[:9, ..., None]
    before = np.asarray(network(images))
    adjust_logits(network, some.select(np.array(places)), 0.5)
    expected = before / np.sqrt([0.5, 0.25, 0.25, 1, 1, 1, 1])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(network(images)), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        keras.layers.Softmax(),
        keras.layers.Dense(7, activation="softmax", use_bias=False),
        keras.layers.Dense(7, activation="sigmoid"),
    ],
)
def test_another_last_layer_is_refused_before_training(last):
    flat = [keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]
    with pytest.raises(InputError, match="ends in Dense with softmax and a bias"):
        require_adjustable(keras.Sequential([*flat, last]))
    require_adjustable(conv2(7))
