"""Clipped gradients: steps as long as arithmetic says, and no shorter ones changed."""

import numpy as np
import pytest
from helpers import patterned_faces
from keras import Input, Sequential, layers

from fer_keras.data.faces import Splits
from fer_keras.training.fit import _fresh_network, train
from fer_keras.training.recipe import Recipe


def linear(num_classes):
    return Sequential(
        [Input((48, 48, 1)), layers.Rescaling(1 / 255), layers.Flatten(),
         layers.Dense(num_classes, activation="softmax")]
    )  # fmt: skip


def moved(tmp_path, **changes):
    """By how much one step of SGD moves all weights together, and where they end."""
    recipe = Recipe(network=linear, epochs=1, batch_size=35, optimizer="sgd", learning_rate=0.01)
    recipe = recipe.changed(**changes)
    faces = patterned_faces(35)
    before = [weight.numpy() for weight in _fresh_network(recipe, 7, None).trainable_weights]
    network, _ = train(recipe, Splits(faces, faces), tmp_path)
    after = [weight.numpy() for weight in network.trainable_weights]
    steps = [(new - old).ravel() for old, new in zip(before, after, strict=True)]
    return np.linalg.norm(np.concatenate(steps)), after


def test_a_clipped_step_is_as_long_as_rate_and_norm_say(tmp_path):
    # The first step with Nesterov momentum .9 is 1.9 times rate times gradient.
    length, _ = moved(tmp_path / "clipped", clip_norm=0.5)
    assert length == pytest.approx(1.9 * 0.01 * 0.5, rel=1e-3)


def test_a_norm_that_no_gradient_reaches_changes_nothing(tmp_path):
    free_length, free = moved(tmp_path / "free")
    assert free_length > 1.9 * 0.01 * 0.5
    _, same = moved(tmp_path / "same", clip_norm=1000)
    assert all(np.array_equal(one, two) for one, two in zip(free, same, strict=True))
