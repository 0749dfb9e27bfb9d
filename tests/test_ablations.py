"""Each change of `quick`'s training does what its name says, and no more."""

from importlib import import_module

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import module_of, patterned_faces
from keras import layers
from scipy.stats import dunnett

from fer_keras.comparison.run import fit
from fer_keras.comparison.trained import load_model
from fer_keras.data.faces import Splits


@pytest.fixture(scope="module")
def ablations():
    return module_of("benchmarks", "ablations")


@pytest.fixture(scope="module")
def trials(ablations):
    return import_module("ablation_trials")


@pytest.fixture
def random():
    return np.random.default_rng(0)


def small_network(num_classes):
    """Two convolutions, batch norm and a dense layer."""
    parts = [
        keras.Input((48, 48, 1)),
        layers.Conv2D(8, 5, padding="same", use_bias=False),
        layers.Conv2D(6, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(num_classes, activation="softmax"),
    ]
    return keras.Sequential(parts)


def test_without_changes_it_trains_as_the_package_does(ablations, trials, tmp_path):
    faces = patterned_faces(140)
    changes = {"network": small_network, "labels": "own", "precision": "float32"}
    recipe = trials.BASE.changed(epochs=2, **changes)
    model = ablations.train(trials.together("base"), recipe, faces, tmp_path)
    run = fit(recipe, Splits(faces, faces), tmp_path / "run")
    images = faces.images[..., np.newaxis]
    expected = load_model(run).predict(images, verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-4)


def test_every_trial_trains(ablations, trials, tmp_path, monkeypatch):
    faces = patterned_faces(70)
    small = trials.BASE.changed(network=small_network, labels="own")
    monkeypatch.setattr(trials.Teacher, "recipe", small.changed(epochs=1))
    monkeypatch.setattr(trials, "WIDTHS", (4, 6, 8))
    joined = "alternating_flip+cutmix+erasing+whitened_stem+identity_start+fast_bias+lookahead"
    for name in ("taught", "progressive", joined):
        trial = trials.together(name)
        recipe = small.changed(**trial.changes, epochs=4)
        model = ablations.train(trial, recipe, faces, tmp_path)
        found = model.predict(faces.images[..., np.newaxis], verbose=0)
        assert found.shape == (70, 7) and np.isfinite(found).all()


def test_cutmix_counts_targets_by_the_pasted_area(trials, random):
    faces = np.zeros((2, 48, 48), np.uint8)
    faces[1] = 255
    shares = []
    for _ in range(300):
        images, targets = trials.cut_and_paste(faces, np.eye(2), 0, random)
        np.testing.assert_allclose(images.mean(axis=(1, 2)) / 255, targets[:, 1])
        shares.append(targets[0, 1])
    assert min(shares) < 0.05 and max(shares) > 0.8 and not faces[0].any()


def test_half_of_the_faces_lose_a_rectangle(trials, random):
    faces = np.zeros((1000, 48, 48), np.uint8)
    erased, _ = trials.erase(faces, None, 0, random)
    changed = erased.reshape(1000, -1) > 0
    areas = changed[changed.any(axis=1)].mean(axis=1)
    assert 450 < len(areas) < 550 and areas.min() > 0.015 and areas.max() < 0.21
    rows, columns = np.nonzero(erased[changed.any(axis=1)][0])
    filled = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert len(rows) > 0.9 * filled and not faces.any()


def test_each_face_is_flipped_in_every_other_epoch(trials):
    faces = patterned_faces(70)
    faces.images[:, :, 0] = 255
    flipped = [(trials.flip_in_turn(faces, epoch, 3).images[:, 0, -1] == 255) for epoch in range(4)]
    np.testing.assert_array_equal(flipped[0], ~flipped[1])
    np.testing.assert_array_equal(flipped[0], flipped[2])
    assert 15 < flipped[0].sum() < 55


def test_images_grow(trials, random):
    images = np.full((3, 48, 48), 7, np.uint8)
    for progress, side in ((0, 32), (0.49, 32), (0.5, 40), (0.75, 48)):
        grown, _ = trials.grow(images, None, progress, random)
        assert grown.shape == (3, side, side) and (grown == 7).all()


def test_the_whitened_stem_gives_uncorrelated_answers_of_variance_1(trials):
    faces = patterned_faces(210)
    model = small_network(7)
    trials.whiten(model, faces, None)
    stem = model.layers[0]
    patches = np.lib.stride_tricks.sliding_window_view(faces.images / 255, (5, 5), (1, 2))
    answers = patches.reshape(-1, 25) @ stem.kernel.numpy().reshape(25, 8)
    np.testing.assert_allclose(answers[:, :4], -answers[:, 4:], atol=1e-5)
    np.testing.assert_allclose(np.cov(answers[:, :4].T), np.eye(4), atol=0.2)
    assert not stem.trainable


def test_the_identity_start_passes_inputs_on(trials, random):
    model = small_network(7)
    trials.start_as_identity(model, None, None)
    inputs = random.normal(size=(2, 9, 9, 8)).astype(np.float32)
    np.testing.assert_allclose(model.layers[1](inputs), inputs[..., :6], atol=1e-6)


def test_the_bias_of_batch_norm_moves_eight_times_as_fast(trials):
    moved = []
    for optimizer in (keras.optimizers.SGD(0.1), trials.FastBias(0.1)):
        norm = layers.BatchNormalization()
        norm.build((None, 2))
        optimizer.apply([np.ones(2), np.ones(2)], norm.trainable_variables)
        moved.append((norm.gamma.numpy() - 1, norm.beta.numpy()))
    np.testing.assert_allclose(moved, [([-0.1] * 2, [-0.1] * 2), ([-0.1] * 2, [-0.8] * 2)], 1e-5)


class Stub:
    """A model of one weight."""

    def __init__(self):
        self.weight = keras.Variable([0.0])
        self.trainable_weights = [self.weight]

    def get_weights(self):
        return [self.weight.numpy()]

    def set_weights(self, weights):
        self.weight.assign(weights[0])


def test_slow_weights_go_half_the_way(trials):
    lookahead, model = trials.Lookahead(), Stub()
    lookahead.set_model(model)
    lookahead.on_train_begin()
    found = []
    for batch in range(10):
        model.weight.assign(model.weight + 1)
        lookahead.on_train_batch_end(batch)
        found.append(float(model.weight[0]))
    # Five steps lead to 5, half the way to 2.5; five more to 7.5, half the way to 5.
    assert found == [1, 2, 3, 4, 2.5, 3.5, 4.5, 5.5, 6.5, 5]


def test_weights_are_averaged_over_epochs(trials):
    averaged, model = trials.Averaged(), Stub()
    averaged.set_model(model)
    averaged.on_train_begin()
    for epoch, weight in enumerate((1.0, 2.0, 3.0)):
        model.weight.assign([weight])
        averaged.on_epoch_end(epoch)
        assert model.weight[0] == weight
    averaged.on_train_end()
    assert float(model.weight[0]) == pytest.approx(0.49 * 1 + 0.21 * 2 + 0.3 * 3)


def record(scores):
    """Return a record of trials, as a dict from a name to a score for each seed."""
    rows = [
        {"trial": name, "epochs": 12, "seed": seed, "seconds": 60}
        | {"label": score, "votes": score, "corrupted": score}
        for name, each in scores.items()
        for seed, score in enumerate(each)
    ]
    return pd.DataFrame(rows)


def test_differences_of_all_trials_have_dunnetts_intervals(ablations):
    scores = {"base": (0.60, 0.61, 0.65), "mixup": (0.66, 0.63, 0.66), "cutmix": (0.5, 0.52, 0.51)}
    table = ablations.summary(record(scores)).loc[12]
    expected = dunnett(scores["mixup"], scores["cutmix"], control=scores["base"], rng=0)
    ends = expected.confidence_interval()
    for place, name in enumerate(("mixup", "cutmix")):
        row = table.loc[name]
        assert row["seeds"] == 3 and row["minutes"] == 1
        assert row["label"] == pytest.approx(np.mean(scores[name]))
        difference, half = row["label +"], row["label ±"]
        assert difference - half == pytest.approx(100 * ends.low[place], abs=0.1)
        assert difference + half == pytest.approx(100 * ends.high[place], abs=0.1)
    assert np.isnan(table.loc["base", "label ±"])
    table = ablations.summary(record(scores | {"erasing": (0.7,)})).loc[12]
    # Of one seed, the difference is from `base` of that seed: .70 from .60.
    assert (
        table.loc["erasing", "label +"] == pytest.approx(10) and table.loc["mixup", "label ±"] > 0
    )
    assert np.isnan(table.loc["erasing", "label ±"])


def test_the_interval_of_two_seeds_is_that_of_two_runs_of_base(ablations):
    scores = {"base": (0.60, 0.61, 0.65), "mixup": (0.66, 0.63), "cutmix": (0.5, 0.52, 0.51)}
    halves = ablations.summary(record(scores)).loc[12, "label ±"]
    # By hand: of errors sd √(1/2 + 1/2) and sd √(1/3 + 1/3), with one critical value.
    assert halves["mixup"] / halves["cutmix"] == pytest.approx(np.sqrt(3 / 2), rel=0.01)


def test_single_runs_have_no_intervals(ablations):
    table = ablations.summary(record({"base": (0.60,), "mixup": (0.66,)})).loc[12]
    assert table.loc["mixup", "label +"] == pytest.approx(6)
    assert table["label ±"].isna().all()


def test_base_alone_is_compared_with_nothing(ablations):
    table = ablations.summary(record({"base": (0.60, 0.62)})).loc[12]
    assert table.loc["base", "label +"] == 0 and table["label ±"].isna().all()
