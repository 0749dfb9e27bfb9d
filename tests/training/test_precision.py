"""Training in bfloat16: as the recipe asks, or not at all."""

import keras
import pytest
from helpers import patterned_faces
from keras import layers

from fer_keras.training import fit
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

MIXED = Recipe(precision="mixed")
IMAGES = patterned_faces(7).images


def functional(num_classes):
    inputs = keras.Input((48, 48, 1))
    last = layers.Dense(num_classes, activation="softmax")
    return keras.Model(inputs, last(layers.Flatten()(layers.Conv2D(4, 3, strides=4)(inputs))))


@pytest.mark.parametrize(("has_bfloat16", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_a_mixed_training_multiplies_in_what_its_record_says(monkeypatch, has_bfloat16, dtype):
    monkeypatch.setattr(fit, "multiplies_bfloat16", lambda: has_bfloat16)
    model = fit.compiled_model(MIXED, 7, IMAGES)
    assert fit.arithmetic(MIXED) == dtype == model.layers[1].compute_dtype


def test_a_network_that_would_stay_in_float32_is_refused(monkeypatch):
    monkeypatch.setattr(fit, "multiplies_bfloat16", lambda: True)
    with pytest.raises(InputError, match="'mixed' would have no effect .*:functional.* at float32"):
        fit.compiled_model(MIXED.changed(network=functional), 7, IMAGES)
    monkeypatch.setattr(fit, "multiplies_bfloat16", lambda: False)
    fit.compiled_model(MIXED.changed(network=functional), 7, IMAGES)  # elsewhere, it is ignored
