"""Training in two stages: the backbone frozen, then the whole network."""

import keras
import numpy as np
import pytest
from helpers import patterned_faces
from keras import layers
from small_networks import small

from fer_keras.comparison.identity import run_identity
from fer_keras.data.faces import Splits
from fer_keras.networks.backbones import backbone_of
from fer_keras.training.checkpoint import Checkpoint
from fer_keras.training.fit import compiled_model, train
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

RECIPE = Recipe(
    network=small, epochs=3, frozen_epochs=1, batch_size=32, schedule="one_cycle", seed=3
)
SPLITS = Splits(patterned_faces(140), patterned_faces(35, "PublicTest"))


def weights_of(model):
    return backbone_of(model).get_weights(), model.layers[-1].get_weights()


def are_equal(some, others):
    return all(map(np.array_equal, some, others))


def test_a_killed_training_in_two_stages_ends_as_if_nothing_had_been(tmp_path, monkeypatch):
    class Kill(Exception):
        pass

    def trained_until(killed_before):
        def die(self, epoch, logs=None):
            if epoch == killed_before:
                raise Kill
            begin(self, epoch, logs)

        monkeypatch.setattr(Checkpoint, "on_epoch_begin", die)
        with pytest.raises(Kill):
            train(RECIPE, SPLITS, tmp_path / "killed")
        file = tmp_path / "killed" / "backup" / f"epoch_{killed_before:04}.keras"
        return weights_of(keras.models.load_model(file))

    begin = Checkpoint.on_epoch_begin
    fresh = weights_of(compiled_model(RECIPE, 7, SPLITS.train.images))
    frozen = trained_until(1)
    monkeypatch.undo()
    assert are_equal(frozen[0], fresh[0]) and not are_equal(frozen[1], fresh[1])
    network, history = train(RECIPE, SPLITS, tmp_path / "killed")
    calm, calm_history = train(RECIPE, SPLITS, tmp_path / "calm")
    assert are_equal(network.get_weights(), calm.get_weights())
    assert history["loss"].tolist() == calm_history["loss"].tolist()
    assert not any(map(np.array_equal, backbone_of(network).get_weights(), frozen[0]))
    assert all(layer.trainable for layer in backbone_of(network).layers)


def test_each_stage_has_a_learning_rate_of_its_own():
    recipe = RECIPE.changed(learning_rate=0.01, frozen_learning_rate=0.3)
    frozen = compiled_model(recipe, 7, SPLITS.train.images)
    assert float(frozen.optimizer.learning_rate) == pytest.approx(0.3)
    assert len(frozen.trainable_weights) == 2  # the last layer's
    whole = compiled_model(recipe, 7, SPLITS.train.images, frozen)
    rates = [float(whole.optimizer._learning_rate(step)) for step in range(11)]
    # Two epochs of 5 steps are left; a fifth of them rises.
    assert max(rates) == rates[2] == pytest.approx(0.01) and rates[10] == pytest.approx(0)


def test_the_content_of_pretrained_weights_counts(tmp_path):
    file = tmp_path / "mine.weights.h5"
    recipe, found = RECIPE.changed(pretrained_weights=str(file)), set()
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.add(run_identity(recipe, SPLITS)["network"]["weights"])
    assert len(found) == 2
    file.unlink()
    with pytest.raises(InputError, match="mine.weights.h5 are not there"):
        run_identity(recipe, SPLITS)


def test_pretrained_weights_reach_a_builder_of_ones_own(tmp_path):
    file = tmp_path / "mine.weights.h5"
    learnt = backbone_of(small(7))
    learnt.save_weights(file)
    model = compiled_model(RECIPE.changed(pretrained_weights=str(file)), 7, SPLITS.train.images)
    assert are_equal(weights_of(model)[0], learnt.get_weights())


def without_backbone(num_classes):
    last = layers.Dense(num_classes, activation="softmax")
    return keras.Sequential([keras.Input((48, 48, 1)), layers.Flatten(), last])


def test_a_network_without_backbone_cannot_be_frozen(tmp_path):
    with pytest.raises(InputError, match="no layer called backbone to freeze; take one of eff"):
        train(RECIPE.changed(network=without_backbone), SPLITS, tmp_path)
