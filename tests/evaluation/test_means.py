import numpy as np
import pytest
from helpers import is_5_in_100, predictions_of
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.means import f1_intervals, mean_intervals


def runs_of(rng, num_seeds, accuracy=0.6, count=300, ids=None):
    y_true = np.random.default_rng(0).integers(0, 7, count)
    found = []
    for _ in range(num_seeds):
        is_right = rng.random(count) < accuracy
        found.append(predictions_of(y_true, np.where(is_right, y_true, (y_true + 1) % 7), ids))
    return found


def test_arms_on_the_same_images_pool_how_their_runs_differ():
    rng = np.random.default_rng(1)
    arms = {"a": runs_of(rng, 3), "b": runs_of(rng, 2, 0.5)}
    found = mean_intervals({"PublicTest": arms})
    values = {arm: np.array([pseudo_values(run)[0] for run in runs]) for arm, runs in arms.items()}
    for arm in "ab":
        weak, ends = found[arm, "PublicTest"]
        assert weak == "" and ends["accuracy"] == pytest.approx(
            contrast(values, {arm: 1}).interval()
        )
    apart = mean_intervals({"PublicTest": {"a": arms["a"]}})["a", "PublicTest"][1]
    assert apart["accuracy"] != found["a", "PublicTest"][1]["accuracy"]


def test_where_images_change_with_the_seed_the_scores_alone_count():
    rng = np.random.default_rng(2)
    runs = [
        runs_of(rng, 1, ids=np.array([f"all/{seed}-{n}" for n in range(300)]))[0]
        for seed in range(3)
    ]
    _, ends = mean_intervals({"all": {"a": runs}})["a", "all"]
    scores = np.array([[np.mean(run.y_pred == run.y_true)] for run in runs])
    assert ends["accuracy"] == pytest.approx(contrast({"a": scores}, {"a": 1}).interval())


def test_a_mean_without_errors_is_as_unsure_as_wilson_says():
    right = predictions_of(np.arange(20) % 7, np.arange(20) % 7)
    _, ends = mean_intervals({"x": {"a": [right, right]}})["a", "x"]
    wilson = binomtest(20, 20).proportion_ci(method="wilson")
    assert ends["accuracy"] == pytest.approx((wilson.low, wilson.high))


def test_means_of_few_errors_cover_the_truth(num_trials):
    rng, missed, num_trials = np.random.default_rng(6), 0, num_trials // 5
    for _ in range(num_trials):
        y_pred = (rng.random(100) < 0.02).astype(int)
        runs = [predictions_of(np.zeros(100, int), y_pred)] * 2
        low, high = mean_intervals({"x": {"a": runs}})["a", "x"][1]["accuracy"]
        missed += not low <= 0.98 <= high
    assert missed <= 0.05 * num_trials + 2.9 * np.sqrt(0.05 * 0.95 * num_trials)


def test_single_runs_have_no_interval_over_seeds_but_a_flag():
    rng = np.random.default_rng(3)
    assert mean_intervals({"x": {"a": runs_of(rng, 1)}})["a", "x"] == ("", {})
    runs = runs_of(rng, 1, count=100)
    few = [n for n, count in zip(CLASS_NAMES, np.bincount(runs[0].y_true)) if count < 20]
    assert few and mean_intervals({"x": {"a": runs}})["a", "x"] == (", ".join(few), {})


def test_f1_intervals_cover_the_truth_also_of_a_rare_class(num_trials):
    """1.5 % of 3,589 images, of which one half is found: 54 images, 27 hits."""
    rng, missed, num_trials = np.random.default_rng(4), np.zeros(2), num_trials // 2
    shares, truth = (0.985, 0.015), []
    for trial in range(num_trials + 1):
        count = 3589 if trial < num_trials else 2_000_000
        y_true = rng.choice(2, count, p=shares)
        y_pred = np.where(rng.random(count) < np.array([0.004, 0.5])[y_true], 1, 0)
        if trial == num_trials:
            truth = f1_score(y_true, y_pred, average=None)
            break
        part = predictions_of(y_true, y_pred, class_names=("a", "b"))
        table = f1_intervals(part)
        missed = np.append(missed, table[["low", "high"]].to_numpy().ravel())
    ends = missed[2:].reshape(-1, 2, 2)
    outside = (ends[:, :, 0] > truth) | (ends[:, :, 1] < truth)
    assert is_5_in_100(outside.mean(axis=0), num_trials), outside.mean(axis=0)


def test_classes_too_small_have_no_f1_interval():
    y_true = np.repeat([0, 1], [100, 10])
    table = f1_intervals(predictions_of(y_true, y_true, class_names=("a", "b")))
    assert table["low"].notna().tolist() == [True, False]
    assert table.loc[0, ["low", "high"]].tolist() == [1, 1]
