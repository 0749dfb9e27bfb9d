import numpy as np
import pytest
from helpers import is_5_in_100, predictions_of
from scipy.stats import binomtest, sem, t

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.intervals import bootstrap_intervals, largest_difference
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
    rng, ends, num_trials = np.random.default_rng(4), [], num_trials // 2
    world = np.array([[0.985 * 0.996, 0.985 * 0.004], [0.015 * 0.5, 0.015 * 0.5]])
    truth = 2 * world.diagonal() / (world.sum(axis=0) + world.sum(axis=1))
    for _ in range(num_trials):
        y_true, y_pred = np.divmod(rng.choice(4, 3589, p=world.ravel()), 2)
        part = predictions_of(y_true, y_pred, class_names=("a", "b"))
        ends.append(f1_intervals(part)[["low", "high"]])
    low, high = np.moveaxis(ends, -1, 0)
    missed = ((truth < low) | (high < truth)).mean(axis=0)
    assert is_5_in_100(missed, num_trials), missed


def test_classes_too_small_have_no_f1_interval():
    y_true = np.repeat([0, 1], [100, 10])
    table = f1_intervals(predictions_of(y_true, y_true, class_names=("a", "b")))
    assert table["low"].notna().tolist() == [True, False]
    assert table.loc[0, ["low", "high"]].tolist() == [1, 1]


PERSONS, SHOTS = 5, 20


def answers_about_persons(rng, num_runs):
    """Runs on 20 pictures of each of five persons, who are recognised in 60 % on average."""
    share, groups = rng.beta(6, 4, PERSONS), np.repeat(np.arange(PERSONS), SHOTS)
    y_true = np.tile([0, 1], PERSONS * SHOTS // 2)
    is_right = rng.random((num_runs, PERSONS * SHOTS)) < share[groups]
    return [
        predictions_of(y_true, np.where(right, y_true, 1 - y_true), groups=groups)
        for right in is_right
    ]


def test_intervals_on_few_persons_cover_the_truth_and_are_no_wider_than_need_be(num_trials):
    """Five persons' means are about normal: Student's t of these alone is as good as can be."""
    rng, missed, width, least = np.random.default_rng(8), np.zeros(2), 0, 0
    for _ in range(num_trials):
        runs = answers_about_persons(rng, 3)
        ends = mean_intervals({"x": {"a": runs}})["a", "x"][1]["accuracy"]
        alone = bootstrap_intervals(runs[0]).loc[0, ["low", "high"]]
        missed += [not low <= 0.6 <= high for low, high in (ends, alone)]
        means = np.mean([run.is_right for run in runs], axis=0).reshape(PERSONS, SHOTS).mean(axis=1)
        low, high = t.interval(0.95, PERSONS - 1, means.mean(), sem(means))
        width, least = width + ends[1] - ends[0], least + high - low
    assert (missed <= 0.05 * num_trials + 2.9 * np.sqrt(0.05 * 0.95 * num_trials)).all()
    assert least < width < 1.25 * least


def test_an_accuracy_that_is_the_same_of_every_person_is_unsure_still():
    run = predictions_of(np.tile([0, 1, 1, 1], 20), np.zeros(80, int), groups=np.arange(80) // 16)
    _, ends = mean_intervals({"x": {"a": [run, run]}})["a", "x"]
    assert ends["accuracy"] == pytest.approx(binomtest(1, 5).proportion_ci(method="wilson"))


def test_the_interval_of_one_run_on_few_persons_is_the_jackknifes():
    """Of equally many pictures each, the jackknife's error of a mean is that of persons' means."""
    [run] = answers_about_persons(np.random.default_rng(9), 1)
    means = run.is_right.reshape(PERSONS, SHOTS).mean(axis=1)
    expected = t.interval(0.95, PERSONS - 1, means.mean(), sem(means))
    found = bootstrap_intervals(run).loc[0]
    assert found[["low", "high"]].tolist() == pytest.approx(expected)
    assert found["method"] == "jackknife"


def test_arms_that_differ_on_all_of_few_persons_need_no_wider_ends_and_on_few_images_do():
    first, second = answers_about_persons(np.random.default_rng(10), 2)
    assert largest_difference([first, second]) == 0
    single = np.arange(PERSONS) * SHOTS
    y_true = first.y_true[single]
    apart = [predictions_of(y_true, answer) for answer in (y_true, 1 - y_true)]
    assert largest_difference(apart) > 0.9  # five images of five
    few = second.y_pred.copy()
    few[SHOTS:] = first.y_pred[SHOTS:]
    one_person = predictions_of(first.y_true, few, groups=first.groups)
    assert largest_difference([first, one_person]) > 0.5  # of one person in five alone
