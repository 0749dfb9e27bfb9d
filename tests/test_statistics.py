import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score
from test_evaluation import predictions_of

from fer_keras.statistics import (
    SCORES,
    score_differences,
    score_intervals,
    scores_of_confusion,
)


def scikit_scores(y_true, y_pred, num_classes):
    labels = range(num_classes)
    return [
        accuracy_score(y_true, y_pred),
        f1_score(y_true, y_pred, labels=labels, average="macro", zero_division=0),
        f1_score(y_true, y_pred, labels=labels, average="weighted", zero_division=0),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_scores_of_a_confusion_matrix_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.integers(0, 5, 30), rng.integers(0, 7, 30)  # classes 5, 6 never occur
    confusion = np.zeros((8, 8), int)  # class 7 is not even predicted
    np.add.at(confusion, (y_true, y_pred), 1)
    assert scores_of_confusion(confusion) == pytest.approx(scikit_scores(y_true, y_pred, 8))


def test_accuracy_interval_is_wilsons():
    # Wilson (1927) for 8 of 10 by hand: centre (8 + z²/2)/(10 + z²), z = 1.959964.
    confusion = np.array([[5, 1], [1, 3]])
    z = 1.959964
    centre = (8 + z**2 / 2) / (10 + z**2)
    half = z * np.sqrt(8 * 2 / 10 + z**2 / 4) / (10 + z**2)
    assert score_intervals(confusion)["accuracy"] == pytest.approx((centre - half, centre + half))


def test_f1_intervals_agree_with_a_bootstrap_image_by_image():
    rng = np.random.default_rng(3)
    y_true = rng.integers(0, 3, 400)
    y_pred = np.where(rng.random(400) < 0.6, y_true, rng.integers(0, 3, 400))
    draws = [
        scikit_scores(y_true[drawn], y_pred[drawn], 3) for drawn in rng.integers(0, 400, (600, 400))
    ]
    expected = np.quantile(draws, [0.025, 0.975], axis=0)
    intervals = score_intervals(
        predictions_of(y_true, y_pred, class_names=tuple("abc")).confusion()
    )
    for place, name in ((1, "macro_f1"), (2, "weighted_f1")):
        assert intervals[name] == pytest.approx(expected[:, place], abs=0.008)


def test_intervals_cover_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(4)
    world = np.array([[0.3, 0.1], [0.15, 0.45]])
    truth = dict(zip(SCORES, scores_of_confusion(world)))
    covered = dict.fromkeys(SCORES, 0)
    for trial in range(400):
        counts = rng.multinomial(800, world.ravel()).reshape(2, 2)
        for name, (low, high) in score_intervals(counts, seed=trial).items():
            covered[name] += low <= truth[name] <= high
    # 400 trials of a 95 % interval: 372 to 388 within two standard errors; 366 to 393 in three.
    assert all(366 <= count <= 393 for count in covered.values()), covered


def two_models(rng, count, accuracy_first, accuracy_second, agreement):
    y_true = rng.integers(0, 7, count)
    luck = rng.random(count)
    other_luck = np.where(rng.random(count) < agreement, luck, rng.random(count))
    wrong = (y_true + rng.integers(1, 7, count)) % 7
    return (
        predictions_of(y_true, np.where(luck < accuracy_first, y_true, wrong)),
        predictions_of(y_true, np.where(other_luck < accuracy_second, y_true, wrong)),
    )


def test_difference_is_second_minus_first_and_its_interval_holds_it():
    first, second = two_models(np.random.default_rng(5), 2000, 0.5, 0.6, 0.5)
    row = score_differences(first, second).set_index("score").loc["accuracy"]
    expected = np.mean(second.y_pred == second.y_true) - np.mean(first.y_pred == first.y_true)
    assert row["difference"] == pytest.approx(expected)
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["paired"]


def test_paired_accuracy_interval_agrees_with_the_textbook():
    first, second = two_models(np.random.default_rng(6), 3000, 0.55, 0.57, 0.7)
    right_first = first.y_pred == first.y_true
    right_second = second.y_pred == second.y_true
    gain = right_second.astype(int) - right_first.astype(int)
    half = 1.96 * gain.std() / np.sqrt(len(gain))
    row = score_differences(first, second).set_index("score").loc["accuracy"]
    assert (row["low"], row["high"]) == pytest.approx(
        (gain.mean() - half, gain.mean() + half), abs=0.001
    )


def test_different_images_widen_the_interval():
    first, second = two_models(np.random.default_rng(7), 2000, 0.6, 0.6, 0.9)
    apart = predictions_of(
        second.y_true, second.y_pred, np.array([f"PrivateTest/row{n}" for n in range(2000)])
    )
    paired = score_differences(first, second).set_index("score").loc["accuracy"]
    unpaired = score_differences(first, apart).set_index("score").loc["accuracy"]
    assert not unpaired["paired"]
    assert unpaired["high"] - unpaired["low"] > 1.5 * (paired["high"] - paired["low"])
    spread = np.sqrt(2 * 0.6 * 0.4 / 2000)
    assert unpaired["high"] - unpaired["low"] == pytest.approx(2 * 1.96 * spread, rel=0.1)


@pytest.mark.parametrize("paired", [True, False])
def test_false_alarms_under_no_difference_are_about_5_in_100(paired):
    alarms, rng = 0, np.random.default_rng(8)
    for trial in range(300):
        first, second = two_models(rng, 500, 0.6, 0.6, 0.5)
        if not paired:
            _, second = two_models(rng, 500, 0.6, 0.6, 0.5)
            second = predictions_of(second.y_true, second.y_pred, np.char.add("x", first.ids))
        row = score_differences(first, second, seed=trial).iloc[0]
        alarms += not row["low"] <= 0 <= row["high"]
    # 15 of 300 are expected; 4 to 26 lie within three standard errors.
    assert 4 <= alarms <= 26


def test_predictions_that_cannot_be_compared_are_refused():
    first = predictions_of([0, 1, 2], [0, 1, 2])
    with pytest.raises(ValueError, match="Different classes"):
        score_differences(first, predictions_of([0, 1], [0, 1], class_names=("a", "b")))
    with pytest.raises(ValueError, match="different true classes"):
        score_differences(first, predictions_of([0, 1, 3], [0, 1, 2]))
