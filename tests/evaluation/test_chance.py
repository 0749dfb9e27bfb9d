"""Estimates over seeds and images: by hand, by bootstrap, and by how often they are right."""

import numpy as np
import pytest
from helpers import is_5_in_100, predictions_of
from scipy.stats import norm, ttest_ind
from scipy.stats import t as student

from fer_keras.evaluation.chance import (
    Estimate,
    contrast,
    group_means,
    pseudo_values,
    run_deviation,
)
from fer_keras.evaluation.intervals import scores_of_confusion

FER_SHARES = np.array([0.13, 0.015, 0.14, 0.25, 0.17, 0.115, 0.18])
"""Shares of seven classes, of which one is as rare as FER2013's rarest."""


def test_pseudo_values_by_hand():
    # Accuracy 3/4: without a right image 2/3, without the wrong one 1, in the mean 3/4. A right
    # image has 3/4 + 3 (3/4 - 2/3) = 1 and the wrong one 3/4 + 3 (3/4 - 1) = 0.
    part = predictions_of([0, 0, 1, 1], [0, 0, 1, 0], class_names=("a", "b"))
    values = pseudo_values(part)
    assert values.shape == (3, 4) and values[0] == pytest.approx([1, 1, 1, 0])
    # Macro F1: 2·2/5 and 2·1/3 give .7333. Without image 0: 2/3 twice; without 2: 4/5 and 0;
    # without 3, the wrong one: 1 and 1.
    without = np.array([2 / 3, 2 / 3, 2 / 5, 1])
    score = (4 / 5 + 2 / 3) / 2
    assert values[1] == pytest.approx(score + 3 * (without.mean() - without))
    assert values.mean(axis=1) == pytest.approx(scores_of_confusion(part.confusion()))


def test_identical_images_are_one_column():
    groups = np.array([5, 5, 2, 9])
    part = predictions_of([0, 0, 1, 1], [0, 1, 1, 1], class_names=("a", "b"), groups=groups)
    values = pseudo_values(part)
    # Groups 2, 5, 9 have 1 of 1, 1 of 2, 1 of 1 right; without them 2/3, 1, 2/3.
    without = np.array([2 / 3, 1, 2 / 3])
    assert values[0] == pytest.approx(3 / 4 + 2 * (without.mean() - without))
    right = part.y_pred == part.y_true
    assert group_means(right, groups) == pytest.approx(values[0])
    both = group_means([right, ~right], groups)
    assert both.shape == (2, 3) and both.sum(axis=0) == pytest.approx(1)


def test_an_arm_that_learnt_nothing_does_not_tell_how_others_differ():
    rng = np.random.default_rng(0)
    arms = {name: rng.normal(size=(3, 50)) for name in "ab"}
    idle = {f"idle {number}": np.tile(rng.normal(size=50), (3, 1)) for number in range(4)}
    difference = {"a": 1, "b": -1}
    assert contrast(arms | idle, difference) == contrast(arms, difference)
    assert run_deviation(arms | idle) == run_deviation(arms)
    assert run_deviation(idle) == pytest.approx(0)


def test_a_contrast_by_hand():
    # Two runs an arm on three images. Means by image: a 1, 1/2, 0; b 1, 1, 1/2.
    arms = {"a": np.array([[1, 1, 0], [1, 0, 0]]), "b": np.array([[1, 1, 0], [1, 1, 1]])}
    found = contrast(arms, {"b": 1, "a": -1})
    assert found.value == pytest.approx(1 / 3)
    # Differences by image 0, 1/2, 1/2: variance 1/12, over three images 1/36.
    # Run scores 2/3, 1/3 and 2/3, 1: variance 1/18 in each arm; weights 1/2 and 1/2: 1/18.
    # What is left of a run and image: of each arm ± (-1/6, 1/3, -1/6), squares 2 (1/36 + 1/9 +
    # 1/36) = 1/3, together 2/3 over 2·2 degrees of freedom: 1/6; over three images 1/18.
    # 1/36 + 1/18 - 1/18 = 1/36 is less than the runs' part alone, 1/18, which is taken.
    assert found.standard_error == pytest.approx(np.sqrt(1 / 18))
    assert found.df == pytest.approx((1 / 18) ** 2 / ((1 / 36) ** 2 / 2 + (1 / 18) ** 2 / 2))
    assert run_deviation(arms) == pytest.approx(np.sqrt(1 / 18))


def test_rounding_is_neither_an_effect_nor_a_chance():
    runs = np.full((3, 3589), 0.1) + np.arange(3589) % 2
    arms = dict.fromkeys("12345678", runs)
    found = contrast(arms, {arm: (-1) ** place / 3 for place, arm in enumerate(arms)})
    assert (found.value, found.standard_error, found.p_value()) == (0, 0, 1)


def test_scores_alone_give_the_pooled_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.6, 0.01, 4), rng.normal(0.61, 0.01, 6)
    found = contrast({"a": first[:, None], "b": second[:, None]}, {"b": 1, "a": -1})
    expected = ttest_ind(second, first)
    assert found.p_value() == pytest.approx(expected.pvalue) and found.df == 8
    ends = expected.confidence_interval()
    assert found.interval() == pytest.approx((ends.low, ends.high))


def test_one_run_each_gives_the_interval_over_images():
    rng = np.random.default_rng(1)
    values = rng.random((2, 300)) < 0.6
    found = contrast({"a": values[:1] * 1.0, "b": values[1:] * 1.0}, {"b": 1, "a": -1})
    gain = values[1] * 1.0 - values[0]
    assert found.standard_error == pytest.approx(gain.std(ddof=1) / np.sqrt(300))
    assert np.isnan(run_deviation({"a": values[:1] * 1.0}))
    with pytest.raises(ValueError, match="nothing about chance"):
        contrast({"a": np.ones((1, 1))}, {"a": 1})


def test_an_estimates_probabilities_are_those_of_its_t_distribution():
    one = Estimate(0.01, 0.005, 7.0)
    assert one.p_value() == pytest.approx(2 * student.sf(2, 7))
    assert one.probability_within(0.01) == pytest.approx(student.cdf(0, 7) - student.cdf(-4, 7))
    low, high = one.interval(0.9)
    assert (low, high) == pytest.approx(
        (0.01 - 1.894579 * 0.005, 0.01 + 1.894579 * 0.005), rel=1e-5
    )
    # Equality within the margin at 5 % is the same as a 90 % interval within it.
    assert one.p_value_of_equality(high) == pytest.approx(0.05)
    assert one.p_value_of_equality(0.005) == pytest.approx(student.cdf(1, 7))
    assert Estimate(-0.01, 0.005, 7.0).p_value_of_equality(0.005) == one.p_value_of_equality(0.005)
    sure = Estimate(0.0, 0.0, 3.0)
    assert (sure.p_value(), sure.probability_within(0.01), sure.p_value_of_equality(1)) == (1, 1, 0)


def simulated(rng, num_seeds, num_images, num_arms=2, luck=0.06):
    """True classes, and predictions of each arm and seed, whose truth is the same for all arms.

    Images are hard or easy for all; a seed has luck with all images, and with each class its own.
    """
    y_true = rng.choice(7, num_images, p=FER_SHARES)
    hard = rng.normal(0, 1, num_images)
    wrong = (y_true + rng.integers(1, 7, num_images)) % 7
    level = np.array([0, -0.1, -0.4, 1.1, -0.2, 0.8, 0.2])[y_true]
    arms = {}
    for arm in range(num_arms):
        shape = (num_seeds, num_images)
        seeds = rng.normal(0, luck, (num_seeds, 1)) + rng.normal(0, 0.15, (num_seeds, 7))[:, y_true]
        own = rng.normal(0, 0.4, num_images)
        is_right = level + hard + own + seeds + rng.normal(0, 1, shape) > 0
        arms[arm] = np.where(is_right, y_true, wrong)
    return y_true, arms


def values_of(y_true, arms):
    """Pseudo-values by arm: `(seeds, 3, images)`, from the few kinds of images there are."""
    return {
        arm: np.array([pseudo_values_of(y_true, run) for run in runs]) for arm, runs in arms.items()
    }


def pseudo_values_of(y_true, y_pred):
    cells = 7 * y_true + y_pred
    total = np.bincount(cells, minlength=49).reshape(7, 7).astype(float)
    without = scores_of_confusion(np.maximum(total - np.eye(49).reshape(49, 7, 7), 0))[cells].T
    score = scores_of_confusion(total)[:, None]
    return score + (len(cells) - 1) * (without.mean(axis=1, keepdims=True) - without)


def test_the_simulations_pseudo_values_are_the_packages():
    y_true, arms = simulated(np.random.default_rng(2), 1, 400)
    part = predictions_of(y_true, arms[0][0])
    assert pseudo_values_of(y_true, arms[0][0]) == pytest.approx(pseudo_values(part))


def test_with_many_seeds_the_interval_is_that_of_a_crossed_bootstrap():
    """Seeds and images drawn with replacement, each by itself (Bouthillier et al., 2021)."""
    rng = np.random.default_rng(3)
    y_true, arms = simulated(rng, 20, 1500, luck=0.15)
    values = values_of(y_true, arms)
    right = {arm: (runs == y_true).astype(float) for arm, runs in arms.items()}
    draws = []
    for _ in range(3000):
        images = rng.integers(0, 1500, 1500)
        seeds = rng.integers(0, 20, (2, 20))
        times = np.bincount(images, minlength=1500) / 1500
        draws.append([(right[arm][seeds[arm]] @ times).mean() for arm in (0, 1)])
    draws = np.array(draws)
    # The bootstrap counts the noise of single predictions once for seeds and once for images.
    for weights, drawn in (({0: 1}, draws[:, 0]), ({1: 1, 0: -1}, draws[:, 1] - draws[:, 0])):
        found = contrast({arm: each[:, 0] for arm, each in values.items()}, weights)
        low, high = np.quantile(drawn, [0.025, 0.975])
        width = np.subtract(*found.interval()[::-1])
        assert width == pytest.approx(high - low, rel=0.12)
        assert np.mean(found.interval()) == pytest.approx((low + high) / 2, abs=0.1 * width)


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_intervals_cover_the_truth_with_few_seeds_and_a_rare_class(num_trials, num_seeds):
    """Of a difference, whose truth is 0, and of a mean accuracy, whose truth is known."""
    rng, num_images = np.random.default_rng(num_seeds), 1000
    deviation = np.sqrt(1 + 0.4**2 + 0.06**2 + 0.15**2 + 1)
    level = np.array([0, -0.1, -0.4, 1.1, -0.2, 0.8, 0.2])
    truth = FER_SHARES @ norm.cdf(level / deviation)
    missed = np.zeros(4)
    for _ in range(num_trials):
        values = values_of(*simulated(rng, num_seeds, num_images))
        for score in range(3):
            low, high = contrast(
                {arm: v[:, score] for arm, v in values.items()}, {1: 1, 0: -1}
            ).interval()
            missed[score] += not low <= 0 <= high
        low, high = contrast({arm: v[:, 0] for arm, v in values.items()}, {0: 1}).interval()
        missed[3] += not low <= truth <= high
    shares = missed / num_trials
    # They may be wider than they need be, and never narrower.
    assert is_5_in_100(np.maximum(shares, 0.05), num_trials) and np.all(shares > 0.005), shares
