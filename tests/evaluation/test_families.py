import numpy as np
import pytest
from helpers import is_5_in_100
from scipy.stats import dunnett, multivariate_t
from scipy.stats import t as student

from fer_keras.evaluation.chance import Estimate, contrast
from fer_keras.evaluation.families import (
    Family,
    against_reference,
    detectable,
    family_of,
    seeds_needed,
)


def scores(rng, sizes, means=0.6):
    """Run scores by arm, without images: arrays `(seeds, 1)`."""
    means = np.broadcast_to(means, len(sizes))
    return {
        arm: rng.normal(mean, 0.01, (size, 1)) for arm, size, mean in zip("abcdefgh", sizes, means)
    }


@pytest.mark.parametrize("sizes", [(3, 3, 3), (5, 3, 4, 3), (4,) * 7])
def test_without_images_it_is_scipys_dunnett(sizes):
    arms = scores(np.random.default_rng(sum(sizes)), sizes, np.linspace(0.6, 0.63, len(sizes)))
    family = against_reference(arms, "a")
    first, *others = (each[:, 0] for each in arms.values())
    expected = dunnett(*others, control=first, rng=np.random.default_rng(0))
    assert family.p_values() == pytest.approx(expected.pvalue, abs=0.002)
    ends = expected.confidence_interval(0.95)
    found = np.array(family.intervals())
    assert found[:, 0] == pytest.approx(ends.low, abs=2e-4)
    assert found[:, 1] == pytest.approx(ends.high, abs=2e-4)


@pytest.mark.parametrize("df", [3, 20])
def test_any_correlation_agrees_with_scipys_multivariate_t(df):
    rng = np.random.default_rng(df)
    loads = rng.normal(0.5, 1, (4, 6))
    shape = np.corrcoef(loads)
    family = Family(tuple(Estimate(value, 1.0, df) for value in (1, 2, 2.5, 4)), shape)
    spread = multivariate_t(shape=shape, df=df, seed=rng)
    for estimate, p_value in zip(family.estimates, family.p_values()):
        ends = np.full(4, estimate.value)
        assert p_value == pytest.approx(1 - spread.cdf(ends, lower_limit=-ends), abs=0.003)
    ends = np.full(4, family.critical(0.9))
    assert spread.cdf(ends, lower_limit=-ends) == pytest.approx(0.9, abs=0.003)


def test_one_estimate_needs_no_correction_and_two_families_need_bonferronis():
    arms = scores(np.random.default_rng(0), (3, 4))
    alone, [estimate] = against_reference(arms, "a"), against_reference(arms, "a").estimates
    assert alone.p_values() == [pytest.approx(estimate.p_value())]
    assert alone.intervals(0.9) == [pytest.approx(estimate.interval(0.9))]
    twice = against_reference(arms, "a", families=2)
    assert twice.p_values() == [pytest.approx(min(1, 2 * estimate.p_value()))]
    assert twice.intervals() == [pytest.approx(estimate.interval(0.975))]


@pytest.mark.parametrize("df", [2, 4, 60, 5000])
@pytest.mark.parametrize("size", [2, 3, 12])
def test_estimates_that_agree_or_have_nothing_in_common_have_their_known_ends(size, df):
    estimates = tuple(Estimate(2.0, 1.0, df) for _ in range(size))
    agree = Family(estimates, np.ones((size, size)))
    assert agree.critical() == pytest.approx(student.ppf(0.975, df), rel=0.01)
    assert agree.p_values()[0] == pytest.approx(2 * student.sf(2, df), rel=0.01)
    apart = Family(estimates, np.eye(size)).critical()
    assert apart <= student.ppf(1 - 0.025 / size, df)  # Bonferroni's
    if df == 5000:
        sidak = student.ppf(0.5 + 0.95 ** (1 / size) / 2, df)
        assert apart == pytest.approx(sidak, rel=0.01)


def test_the_correlation_is_that_of_the_estimates():
    """Of many simulated studies whose seeds and images both bring chance."""
    rng, found, expected = np.random.default_rng(1), [], []
    for _ in range(300):
        images = {arm: rng.normal(0, 0.4, 30) for arm in "abc"}
        arms = {
            arm: images[arm] + rng.normal(0, 0.05, (3, 1)) + rng.normal(0, 0.2, (3, 30))
            for arm in "abc"
        }
        family = against_reference(arms, "a")
        found.append([estimate.value for estimate in family.estimates])
        expected.append(family.correlation[0, 1])
    assert np.corrcoef(np.transpose(found))[0, 1] == pytest.approx(np.mean(expected), abs=0.12)


def test_arms_that_do_not_differ_at_all():
    same = {arm: np.full((2, 1), 0.5) for arm in "abc"}
    family = against_reference(same, "a")
    assert family.p_values() == [1, 1] and family.intervals() == [(0, 0), (0, 0)]
    family = against_reference(same | {"c": np.full((2, 1), 0.6)}, "a")
    assert family.p_values()[1] == 0


@pytest.mark.parametrize("correlation", [0, 0.5, 0.99])
def test_p_values_and_intervals_agree_where_degrees_of_freedom_differ(correlation):
    shape = np.array([[1, correlation], [correlation, 1]])
    reach = Family((Estimate(0, 1, 4), Estimate(0, 1, 40)), shape).critical()
    for factor, is_shown in ((0.99, False), (1.01, True)):
        family = Family((Estimate(0, 1, 4), Estimate(factor * reach, 1, 40)), shape)
        assert (family.p_values()[1] <= 0.05) == (family.intervals()[1][0] > 0) == is_shown


def test_any_false_alarm_among_arms_in_5_of_100_studies(num_trials):
    rng, alarms, missed = np.random.default_rng(2), 0, 0
    for _ in range(num_trials):
        family = against_reference(scores(rng, (3, 3, 3, 3)), "a")
        alarms += min(family.p_values()) <= 0.05
        missed += any(low > 0 or high < 0 for low, high in family.intervals())
    assert is_5_in_100([alarms / num_trials, missed / num_trials], num_trials)


def test_a_detectable_difference_is_found_in_80_of_100_studies(num_trials):
    # Five runs an arm with a known deviation: the error is .01 √(2/5), with 8 degrees of freedom.
    estimate = Estimate(0.0, 0.01 * np.sqrt(2 / 5), 8.0)
    planted = detectable(estimate, student.ppf(0.975, 8))
    rng, found = np.random.default_rng(3), 0
    for _ in range(num_trials):
        arms = scores(rng, (5, 5), [0.6, 0.6 + planted])
        found += contrast(arms, {"b": 1, "a": -1}).p_value() <= 0.05
    assert found / num_trials == pytest.approx(0.8, abs=2.9 * 0.4 / np.sqrt(num_trials))


def test_the_seeds_that_are_needed_find_the_margin():
    # Deviation 1 point, exactly: 17 runs an arm find 1 point with a power of 80 %, as textbooks
    # say of d = 1 (Cohen, 1988).
    arms = {arm: 0.6 + np.array([[-0.01], [0.01]]) / np.sqrt(2) for arm in "ab"}
    difference = {"b": 1, "a": -1}
    assert seeds_needed(arms, difference, 0.01) == 17
    assert seeds_needed(arms, difference, 0.01, tests=3) > 17
    assert seeds_needed({arm: each[:1] for arm, each in arms.items()}, difference, 0.01) is None
    # 100 images whose differences vary by 30 points leave 3 points open, whatever the seeds.
    images = np.random.default_rng(4).normal(0, 0.3, 100)
    on_images = {"a": arms["a"] + np.zeros(100), "b": arms["b"] + images}
    assert seeds_needed(on_images, difference, 0.01) is None
    assert seeds_needed(on_images, difference, 0.15) == 2


def test_weights_of_several_arms_are_taken_together():
    arms = scores(np.random.default_rng(5), (3, 3, 3, 3))
    halves = {"a": -0.5, "b": -0.5, "c": 0.5, "d": 0.5}
    family = family_of([halves, {"a": -1, "b": 1}], arms)
    assert family.correlation[0, 1] == pytest.approx(0)  # a and b take part alike
    assert family.estimates[0].df == 8
