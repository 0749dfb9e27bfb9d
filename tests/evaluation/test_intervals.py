from dataclasses import replace

import numpy as np
import pytest
from helpers import is_5_in_100, predictions_of
from scipy.stats import binom, binomtest, norm, permutation_test, t
from sklearn.metrics import accuracy_score, f1_score

from fer_keras.data.faces import copy_groups
from fer_keras.evaluation import intervals as statistics
from fer_keras.evaluation.intervals import (
    SCORES,
    bootstrap_intervals,
    holm,
    mcnemar_test,
    scores_of_confusion,
    share_interval,
)
from fer_keras.evaluation.shared import weak_classes

SINGLES_AND_COPIES = np.repeat(np.arange(300), [1, 3] * 150)
"""The groups of 600 images: 150 single ones, and 150 times three identical ones."""

FEW_GROUPS = SINGLES_AND_COPIES[:240]
"""The groups of 240 images, for the many trials of a simulation."""


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


def random_answers(rng):
    """True classes of 300 images, and answers of which 60 % and some by luck are right."""
    y_true = rng.integers(0, 3, 300)
    is_right = rng.random(300) < 0.6
    return y_true, np.where(is_right, y_true, rng.integers(0, 3, 300))


def intervals_of(y_true, y_pred, groups, num_classes, seed=0):
    names = tuple("abcdefgh"[:num_classes])
    return bootstrap_intervals(
        predictions_of(y_true, y_pred, class_names=names, groups=groups), seed
    )


def test_bootstrap_agrees_with_scikit_learn_on_drawn_groups():
    y_true, y_pred = (each[SINGLES_AND_COPIES] for each in random_answers(rng_of(10)))
    members = [np.flatnonzero(group == SINGLES_AND_COPIES) for group in range(300)]
    draws = []
    for drawn in rng_of(11).integers(0, 300, (400, 300)):
        images = np.concatenate([members[group] for group in drawn])
        draws.append(scikit_scores(y_true[images], y_pred[images], 3))
    table = intervals_of(y_true, y_pred, SINGLES_AND_COPIES, 3)
    assert table["score"].tolist() == list(SCORES)
    assert table["value"].tolist() == pytest.approx(scikit_scores(y_true, y_pred, 3))
    # Hardly skewed at this size: BCa and percentiles differ by less than the tolerance, which is
    # far less than what drawing the copies apart would narrow the interval by.
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    assert table["low"].to_numpy() == pytest.approx(low, abs=0.01)
    assert table["high"].to_numpy() == pytest.approx(high, abs=0.01)
    assert set(table["method"]) == {"BCa"}


def test_interval_is_efrons_bca_where_scores_are_skewed():
    # 60 images, 3 of them wrong; the formula is Efron's (1987), from 400,000 draws of its own.
    wrong = np.arange(60) < 3
    draws = 1 - rng_of(12).binomial(60, 3 / 60, 400_000) / 60
    bias = norm.ppf(np.mean(draws < 0.95) + np.mean(draws == 0.95) / 2)
    left_out = (57 - ~wrong) / 59
    influence = left_out.mean() - left_out
    acceleration = np.sum(influence**3) / (6 * np.sum(influence**2) ** 1.5)
    z = bias + norm.ppf([0.025, 0.975])
    expected = np.quantile(draws, norm.cdf(bias + z / (1 - acceleration * z)))
    row = intervals_of(np.zeros(60, int), wrong.astype(int), None, 2).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx(expected)
    assert expected[0] < np.quantile(draws, 0.025)


def test_identical_images_add_no_certainty():
    y_true, y_pred = random_answers(rng_of(13))
    once = intervals_of(y_true, y_pred, None, 3)
    thrice = [np.repeat(each, 3) for each in (y_true, y_pred)]
    together = intervals_of(*thrice, copy_groups(np.repeat(np.arange(300), 3)), 3)
    apart = intervals_of(*thrice, None, 3)
    for column in ("value", "low", "high"):
        assert together[column].tolist() == pytest.approx(once[column].tolist())
    widths = [(table["high"] - table["low"]).to_numpy() for table in (once, apart)]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(3), rel=0.1)


def test_scores_that_never_vary_fall_back_and_say_so():
    labels = np.repeat([0, 1, 2], 100)
    right = intervals_of(labels, labels, None, 3).set_index("score")
    z2 = norm.ppf(0.975) ** 2  # Wilson for n of n: from n / (n + z²) to 1
    assert right.loc["accuracy", ["low", "high"]].tolist() == pytest.approx([300 / (300 + z2), 1])
    assert right.loc["macro_f1", ["low", "high"]].tolist() == [1, 1]
    assert right["method"].tolist() == ["Wilson", "percentile", "percentile"]
    in_pairs = intervals_of(labels, labels, np.arange(300) // 2, 3)
    assert in_pairs.loc[0, "low"] == pytest.approx(150 / (150 + z2))
    wrong = intervals_of(labels, (labels + 1) % 3, None, 3)
    assert wrong.loc[0, ["low", "high"]].tolist() == pytest.approx([0, z2 / (300 + z2)])


def test_persons_who_are_all_right_in_one_of_four_images_are_few_persons_still():
    table = intervals_of(np.tile([0, 1, 1, 1], 4), np.zeros(16, int), np.arange(16) // 4, 2)
    wilson = binomtest(1, 4).proportion_ci(method="wilson")
    assert table.loc[0, ["value", "low", "high"]].tolist() == [0.25, wilson.low, wilson.high]


def test_the_jackknife_holds_where_few_of_many_groups_have_most_images():
    """One person has half of the images: of 40 such, the bootstrap's covered in 87 of 100."""
    rng = rng_of(12)
    groups = np.repeat(np.arange(60), [118, *[2] * 59])
    is_right = rng.random(236) < rng.beta(6, 4, 60)[groups]
    y_true = np.arange(236) % 2
    answers = predictions_of(y_true, np.where(is_right, y_true, 1 - y_true), groups=groups)
    without = np.array([is_right[groups != person].mean() for person in range(60)])
    error = np.sqrt(59 / 60 * ((without - without.mean()) ** 2).sum())
    low, high, method = bootstrap_intervals(answers).loc[0, ["low", "high", "method"]]
    assert method == "jackknife"
    assert low <= is_right.mean() - t.ppf(0.975, 59) * error + 1e-9
    assert high >= is_right.mean() + t.ppf(0.975, 59) * error - 1e-9


def test_a_share_of_single_images_has_wilsons_interval_and_copies_tell_nothing_more():
    holds = np.arange(40) < 30
    wilson = binomtest(30, 40).proportion_ci(method="wilson")
    assert share_interval(holds, np.arange(40)) == pytest.approx((wilson.low, wilson.high))
    low, high = share_interval(np.repeat(holds, 3), np.repeat(np.arange(40), 3))
    assert low == pytest.approx(wilson.low, abs=0.01) and low < wilson.low
    assert high == pytest.approx(wilson.high, abs=0.01) and high > wilson.high
    everyone = binomtest(5, 5).proportion_ci(method="wilson")
    assert share_interval(np.ones(50, bool), np.arange(50) // 10)[0] < everyone.low + 1e-9
    low, high = share_interval(np.arange(20) < 14, np.zeros(20, int))
    assert low < 0.2 and high > 0.9  # one person is one trial


@pytest.mark.parametrize("first", [10, 90], ids=["equal", "one has half"])
def test_intervals_of_shares_cover_the_truth_of_persons(num_trials, first):
    """Ten persons; if each image counted as independent, 15 or 35 of 100 would miss."""
    rng, missed = rng_of(13), 0
    groups = np.repeat(np.arange(10), [first, *[10] * 9])
    for _ in range(num_trials):
        low, high = share_interval(rng.random(len(groups)) < rng.beta(6, 4, 10)[groups], groups)
        missed += not low <= 0.6 <= high
    assert missed <= 0.05 * num_trials + 2.9 * np.sqrt(0.05 * 0.95 * num_trials)


def test_one_group_alone_says_nothing():
    table = intervals_of(np.array([0, 0]), np.array([0, 1]), np.array([7, 7]), 2)
    assert table[["low", "high", "method"]].to_numpy().tolist() == [[0, 1, "none"]] * 3


def test_groups_of_other_images_are_refused():
    with pytest.raises(ValueError, match="3 images need groups of shape \\(3,\\)"):
        intervals_of(np.zeros(3, int), np.zeros(3, int), np.zeros(2, int), 2)


def drawn_cells(rng, world, groups):
    """Draw one cell of `world` (probabilities) for each group: arrays of its coordinates."""
    cells = rng.choice(world.size, groups.max() + 1, p=world.ravel())[groups]
    return np.unravel_index(cells, world.shape)


def test_intervals_cover_the_truth_only_if_identical_images_are_drawn_together(
    monkeypatch, num_trials
):
    monkeypatch.setattr(statistics, "NUM_RESAMPLES", 600)
    world = np.array([[0.30, 0.05, 0.05], [0.10, 0.20, 0.05], [0.05, 0.05, 0.15]])
    truth = scores_of_confusion(world)
    rng = rng_of(14)
    together, apart = np.zeros(3), np.zeros(3)
    for trial in range(num_trials):
        y_true, y_pred = drawn_cells(rng, world, FEW_GROUPS)
        together += covers(intervals_of(y_true, y_pred, FEW_GROUPS, 3, trial), truth)
        if trial < 200:
            apart += covers(intervals_of(y_true, y_pred, None, 3, trial), truth)
    assert is_5_in_100(1 - together / num_trials, num_trials), together
    assert all(apart / 200 < 0.85), apart


def covers(table, truth):
    return (table["low"] <= truth) & (truth <= table["high"])


PUBLIC_TEST = np.array([467, 56, 496, 895, 653, 415, 607])
"""Images of FER2013's classes in PublicTest; of disgust there are 1.6 %."""


def with_a_rare_class():
    """Probabilities of true class and answer, classes as in PublicTest."""
    recalls = np.array([0.5, 0.3, 0.35, 0.8, 0.45, 0.7, 0.6])
    wrong = np.tile(PUBLIC_TEST * [1, 0.3, 1, 1, 1, 1, 1], (7, 1))
    np.fill_diagonal(wrong, 0)
    wrong *= ((1 - recalls) / wrong.sum(axis=1))[:, None]
    return (PUBLIC_TEST / PUBLIC_TEST.sum())[:, None] * (wrong + np.diag(recalls))


def fast_ends(confusion, rng, num_resamples=600):
    """BCa's ends `(2, 3)`, from the kinds of images there are, drawn all at once."""
    times, count = confusion[confusion > 0], confusion.sum()
    draws = np.zeros((num_resamples, 49))
    draws[:, confusion.ravel() > 0] = rng.multinomial(count, times / count, num_resamples)
    draws, scores = scores_of_confusion(draws.reshape(-1, 7, 7)), scores_of_confusion(confusion)
    bias = norm.ppf(((draws < scores).mean(axis=0) + (draws <= scores).mean(axis=0)) / 2)
    without = scores_of_confusion(confusion - np.eye(49).reshape(7, 7, 7, 7)[confusion > 0])
    gain = times @ without / count - without
    acceleration = times @ gain**3 / (6 * (times @ gain**2) ** 1.5)
    z = bias + norm.ppf([[0.025], [0.975]])
    tails = norm.cdf(bias + z / (1 - acceleration * z))
    return np.array([np.quantile(each, ends) for each, ends in zip(draws.T, tails.T)]).T


def test_the_simulations_ends_are_the_packages():
    world = with_a_rare_class()
    cells = rng_of(15).choice(world.size, PUBLIC_TEST.sum(), p=world.ravel())
    part = predictions_of(*np.divmod(cells, 7))
    found = bootstrap_intervals(part)[["low", "high"]].to_numpy().T
    assert found == pytest.approx(fast_ends(part.confusion(), rng_of(16), 5_000), abs=0.002)


def missed_and_flagged(world, num_images, rng, num_trials):
    """How often each score's interval misses the truth, and how often a class is called weak."""
    truth, missed, flagged = scores_of_confusion(world), np.zeros(3), 0
    for _ in range(num_trials):
        confusion = rng.multinomial(num_images, world.ravel()).reshape(7, 7)
        low, high = fast_ends(confusion, rng)
        missed += (truth < low) | (high < truth)
        cells = np.repeat(np.arange(49), confusion.ravel())
        flagged += bool(weak_classes([predictions_of(*np.divmod(cells, 7))]))
    return missed / num_trials, flagged / num_trials


def test_intervals_cover_the_truth_with_a_class_as_rare_as_disgust(num_trials):
    """56 images of it; macro F1, too, and hardly ever is its interval called unsure."""
    world, images = with_a_rare_class(), PUBLIC_TEST.sum()
    missed, flagged = missed_and_flagged(world, images, rng_of(17), num_trials)
    assert is_5_in_100(missed, num_trials) and flagged < 0.05, (missed, flagged)


def test_macro_f1_misses_the_truth_where_it_is_called_unsure(num_trials):
    """4 images of the rare class: the other two scores are as sure as ever."""
    missed, flagged = missed_and_flagged(with_a_rare_class(), 250, rng_of(18), num_trials)
    assert is_5_in_100(missed[[0, 2]], num_trials) and missed[1] > 0.1, missed
    assert flagged > 0.99


BETTER = np.array([[[22, 8], [12, 8]], [[8, 14], [8, 20]]]) / 100
"""Shares of images by true class, first and second model's class; the second model is better."""

ALIKE = (BETTER + BETTER.transpose(0, 2, 1)) / 2


def drawn_pair(rng, world, groups):
    y_true, first, second = drawn_cells(rng, world, groups)
    return [
        predictions_of(y_true, y_pred, class_names=("a", "b"), groups=groups)
        for y_pred in (first, second)
    ]


def models_apart(first_only, second_only, groups=None):
    """Two models: so many images are right by the first only, by the second only, 5 by both."""
    right_first = np.repeat([True, False, True], [first_only, second_only, 5])
    right_second = np.repeat([False, True, True], [first_only, second_only, 5])
    y_true = np.ones(len(right_first), int)
    return [
        predictions_of(y_true, right.astype(int), groups=groups)
        for right in (right_first, right_second)
    ]


def test_mcnemar_is_the_sign_test_worked_by_hand():
    # 1 against 8: twice the chance of at most 1 in 9 tosses, 2 (1 + 9) / 2⁹.
    assert mcnemar_test(*models_apart(1, 8)) == (1, 8, pytest.approx(20 / 512))
    assert mcnemar_test(*models_apart(0, 0)) == (0, 0, 1)


def test_mcnemar_flips_the_gains_of_groups_as_scipy_does():
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 4, 5, 5, 5, 6, 7, 7, 8, 8, 9, 9])
    pair = models_apart(4, 9, groups=groups)
    gains = np.bincount(groups, pair[1].is_right.astype(int) - pair[0].is_right)
    flipped = permutation_test([gains], np.sum, permutation_type="samples", n_resamples=np.inf)
    assert mcnemar_test(*pair) == (4, 9, pytest.approx(flipped.pvalue))


def test_images_of_one_person_fall_together_in_mcnemar():
    # Of eight falls of gains of 1, 6 and 1, six are as unequal as 6: not the two of 6 - 1 - 1.
    persons = np.array([0] + [1] * 6 + [2] + [3] * 5)
    assert mcnemar_test(*models_apart(1, 7, groups=persons)) == (1, 7, pytest.approx(6 / 8))
    alike = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7] + [8] * 5)  # one image under two labels: a draw
    assert mcnemar_test(*models_apart(1, 8, groups=alike)) == (1, 8, pytest.approx(2 / 2**7))


@pytest.mark.parametrize("discordant", [5, 10, 25, 60])
def test_exact_mcnemar_never_alarms_falsely_more_often_than_5_in_100(discordant):
    counts = np.arange(discordant + 1)
    p_values = [mcnemar_test(*models_apart(n, discordant - n))[2] for n in counts]
    false_alarms = binom.pmf(counts, discordant, 0.5)[np.array(p_values) <= 0.05].sum()
    assert false_alarms <= 0.05


def test_mcnemars_false_alarms_are_about_5_in_100_if_identical_images_fall_together(num_trials):
    # Exact tests are conservative, and with few discordant images much so (the test above); with
    # hundreds of them, as test sets of thousands give, the share comes near the nominal 5 %.
    groups = np.repeat(np.arange(1500), [1, 1, 1, 5, 5] * 300)
    rng, together, apart = rng_of(19), 0, 0
    for _ in range(num_trials):
        pair = drawn_pair(rng, ALIKE, groups)
        together += mcnemar_test(*pair)[2] <= 0.05
        as_if_different = [replace(part, groups=np.arange(len(groups))) for part in pair]
        apart += mcnemar_test(*as_if_different)[2] <= 0.05
    assert is_5_in_100(together / num_trials, num_trials)
    assert apart / num_trials > 0.15


def test_holm_agrees_with_the_steps_worked_by_hand():
    # The smallest times 3, the next times 2, the last times 1, none below the one before it.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, np.nan, 0.03]) == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)


def rng_of(seed):
    return np.random.default_rng(seed)
