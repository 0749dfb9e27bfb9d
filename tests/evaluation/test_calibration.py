from dataclasses import replace

import numpy as np
import pytest
from helpers import is_5_in_100, predictions_of
from scipy.special import log_softmax, softmax
from sklearn.metrics import brier_score_loss, log_loss

from fer_keras.evaluation import calibration
from fer_keras.evaluation.calibration import (
    average_precision_table,
    before_and_after_scaling,
    calibration_table,
    error_if_calibrated,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
    scaled,
)
from fer_keras.evaluation.predictions import Predictions


def sure_by(probabilities, y_true, split="PublicTest"):
    """Predictions with these probabilities."""
    probabilities, y_true = np.asarray(probabilities), np.asarray(y_true)
    ids = np.array([f"{split}/row{number}" for number in range(len(y_true))])
    return Predictions(ids, y_true, probabilities, tuple("abcdefg"[: probabilities.shape[1]]))


# Confidences 0.95, 0.85 | 0.75, 0.65 | 0.55, 0.45, of which right: one, both, one.
SIX = sure_by(
    [
        [0.95, 0.03, 0.02],
        [0.85, 0.10, 0.05],
        [0.10, 0.75, 0.15],
        [0.20, 0.15, 0.65],
        [0.55, 0.25, 0.20],
        [0.25, 0.45, 0.30],
    ],
    [0, 1, 1, 2, 2, 1],
)


def model_of(count, factor, seed=0, split="PublicTest"):
    """Predictions, `factor` too sure, of labels that are drawn from a softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 7))
    y_true = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return sure_by(softmax(factor * logits, axis=1).astype(np.float32), y_true.clip(max=6), split)


def loss_of(predictions):
    return log_loss(predictions.y_true, predictions.probabilities, labels=range(7))


def test_calibration_error_agrees_with_its_definition_written_as_loops():
    model = model_of(400, 2)
    probabilities, y_true, expected = model.probabilities, model.y_true, 0
    for m in range(1, 16):
        members = [n for n in range(400) if (m - 1) / 15 < probabilities[n].max() <= m / 15]
        right = sum(probabilities[n].argmax() == y_true[n] for n in members)
        expected += abs(right - sum(float(probabilities[n].max()) for n in members)) / 400
    assert expected_calibration_error(model) == pytest.approx(expected)


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large_one():
    assert expected_calibration_error(model_of(20000, 1)) < 0.015
    assert expected_calibration_error(model_of(20000, 3)) > 0.1


def test_the_error_of_a_calibrated_network_is_what_chance_gives(num_trials):
    model, rng = model_of(1500, 1), np.random.default_rng(8)
    mean, most = error_if_calibrated(model)
    cumulated, errors = model.probabilities.cumsum(axis=1, dtype=float), []
    for _ in range(num_trials // 2):
        y_true = (cumulated < rng.random((1500, 1))).sum(axis=1).clip(max=6)
        errors.append(expected_calibration_error(replace(model, y_true=y_true)))
    assert mean == pytest.approx(np.mean(errors), rel=0.1)
    assert is_5_in_100(np.mean(np.array(errors) > most), num_trials // 2)
    assert expected_calibration_error(model_of(1500, 3)) > most


def test_identical_images_raise_the_error_that_chance_gives():
    once = model_of(300, 1)
    thrice = once.select(np.repeat(np.arange(300), 3))
    together = error_if_calibrated(replace(thrice, groups=np.repeat(np.arange(300), 3)))
    assert together == pytest.approx(error_if_calibrated(once))
    assert together[0] > 1.4 * error_if_calibrated(replace(thrice, groups=np.arange(900)))[0]


def test_reliability_by_hand_with_wilsons_interval():
    table = reliability_table(SIX, num_bins=5)
    assert table["images"].tolist() == [2, 2, 2]  # the two bins below 0.4 are empty
    np.testing.assert_allclose(table["low"], [0.4, 0.6, 0.8])
    np.testing.assert_allclose(table["high"], [0.6, 0.8, 1.0])
    np.testing.assert_allclose(table["confidence"], [0.5, 0.7, 0.9])
    np.testing.assert_allclose(table["accuracy"], [0.5, 1, 0.5])
    # Wilson's interval of 1 in 2 has the middle 1/2 and this half width:
    z = 1.959964
    half = z * np.sqrt(1 / 8 + z**2 / 16) / (1 + z**2 / 2)
    ends = table.loc[0, ["accuracy_low", "accuracy_high"]].tolist()
    assert ends == pytest.approx([0.5 - half, 0.5 + half], abs=1e-6)


def test_a_bin_holds_its_upper_end():
    at_ends = sure_by([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]], [0, 0, 0])
    table = reliability_table(at_ends, num_bins=4)
    assert table["high"].tolist() == [0.5, 0.75, 1]


@pytest.mark.parametrize("factor", [0.5, 1, 2.5])
def test_the_temperature_is_the_factor_by_which_logits_are_too_large(factor):
    assert fit_temperature(model_of(20000, factor)) == pytest.approx(factor, rel=0.05)


def test_no_other_temperature_makes_the_validation_faces_more_likely():
    model = model_of(60, 2)
    logits = np.log(model.probabilities.astype(float))
    temperature = fit_temperature(model)

    def loss(temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(60), model.y_true].mean()

    assert loss(temperature) <= min(loss(other) for other in np.geomspace(0.1, 100, 2000))


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_scaling_never_makes_the_validation_faces_less_likely(count):
    for seed in range(5):
        model = model_of(count, 4, seed)
        after = scaled(model, fit_temperature(model))
        assert loss_of(after) <= loss_of(scaled(model, 1))


def test_scaling_divides_the_logits_and_keeps_the_most_probable_class():
    logits = np.random.default_rng(1).normal(0, 3, (200, 7))
    model = sure_by(softmax(logits, axis=1).astype(np.float32), np.zeros(200, int))
    for temperature in (0.1, 1, 3, 100):
        after = scaled(model, temperature).probabilities
        np.testing.assert_allclose(after, softmax(logits / temperature, axis=1), rtol=1e-4)
        np.testing.assert_allclose(after.sum(axis=1), 1, rtol=1e-12)
        assert (after.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_a_model_without_doubts_has_scores_and_a_temperature():
    certain = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    right, one_wrong = sure_by(certain, [0, 1, 2, 0]), sure_by(certain, [0, 1, 2, 1])
    assert scores_of(right)["calibration error"] == 0
    assert scores_of(right)["negative log-likelihood"] == pytest.approx(0, abs=1e-12)
    assert np.isfinite(scaled(right, fit_temperature(right)).probabilities).all()
    assert expected_calibration_error(one_wrong) == pytest.approx(0.25)
    # The best that one confidence c for all can do is c = 3/4, the accuracy.
    cooled = scaled(one_wrong, fit_temperature(one_wrong)).probabilities
    assert cooled.max(axis=1) == pytest.approx(np.full(4, 0.75), abs=1e-3)


def test_where_all_is_right_the_lowest_temperature_is_returned():
    all_right, lowest = sure_by([[0.6, 0.4], [0.3, 0.7]], [0, 1]), calibration.TEMPERATURES[0]
    assert fit_temperature(all_right) == pytest.approx(lowest, rel=1e-3)


def scores_of(predictions):
    return calibration_table({"arm": {"as trained": predictions}}).iloc[0]


def test_scores_by_hand_and_by_scikit_learn():
    scores = scores_of(sure_by([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]], [0, 1]))
    brier = ((0.3**2 + 0.2**2 + 0.1**2) + (0.5**2 + 0.75**2 + 0.25**2)) / 2
    assert scores["Brier score"] == pytest.approx(brier)
    assert scores["negative log-likelihood"] == pytest.approx(-(np.log(0.7) + np.log(0.25)) / 2)
    first = np.random.default_rng(0).random(50)
    truth = np.arange(50) % 2
    of_two = scores_of(sure_by(np.c_[1 - first, first], truth))["Brier score"]
    assert of_two == pytest.approx(2 * brier_score_loss(truth, first))


def test_test_faces_are_scaled_by_what_fits_the_validation_faces():
    test, validation = model_of(900, 1), model_of(3000, 3, seed=1, split="Training")
    temperature = fit_temperature(validation)
    versions = before_and_after_scaling(test, validation)
    assert list(versions) == ["as trained", f"temperature {temperature:.2f}"]
    before, after = versions.values()
    assert before is test and temperature > 2.5
    expected = softmax(np.log(test.probabilities.astype(float)) / temperature, axis=1)
    np.testing.assert_allclose(after.probabilities, expected)
    # The test faces' true classes have no say.
    other = replace(test, y_true=(test.y_true + 1) % 7)
    assert list(before_and_after_scaling(other, validation)) == list(versions)
    assert list(before_and_after_scaling(test, None)) == ["as trained"]


def test_a_temperature_is_not_fitted_to_reported_faces():
    test = model_of(10, 1)
    with pytest.raises(ValueError, match="10 faces, PublicTest/row0 for one, are in both parts"):
        before_and_after_scaling(test, test)


def test_scaling_improves_all_scores_of_an_overconfident_model_but_its_accuracy():
    test, validation = model_of(3000, 3), model_of(3000, 3, seed=1, split="Training")
    table = calibration_table({"CSV": before_and_after_scaling(test, validation)})
    assert table.index.names == ["arm", "probabilities"] and len(table) == 2
    before, after = table.iloc[0], table.iloc[1]
    assert before["accuracy"] == after["accuracy"] == np.mean(test.y_pred == test.y_true)
    assert after["confidence"] == pytest.approx(after["accuracy"], abs=0.02)
    for score in ("calibration error", "Brier score", "negative log-likelihood"):
        assert after[score] < before[score]


def test_average_precision_by_hand():
    # Ranked by the probability of "a": a, b, a. Precision is 1 at the first, 2/3 at the second.
    ranked = sure_by([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.5, 0.5, 0]], [0, 1, 0])
    table = average_precision_table(ranked)
    assert table["class"].tolist() == ["a", "b"]  # "c" does not occur
    assert table["support"].tolist() == [2, 1]
    assert table["share"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["average precision"].tolist() == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])


def test_a_ranking_without_information_reaches_the_share_of_the_class():
    table = average_precision_table(predictions_of([0, 0, 0, 1], [2, 2, 2, 2]))
    assert table["average precision"].tolist() == table["share"].tolist() == [0.75, 0.25]
