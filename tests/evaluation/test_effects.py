from itertools import product

import numpy as np
import pandas as pd
import pytest
from helpers import is_5_in_100
from scipy.stats import ttest_rel

from fer_keras.evaluation.effects import compare_pipelines, factor_effects, variance_shares
from fer_keras.utils.errors import InputError


def runs(accuracy, macro_f1=None):
    accuracy = np.asarray(accuracy, float)
    macro_f1 = accuracy if macro_f1 is None else macro_f1
    return pd.DataFrame({"seed": range(len(accuracy)), "accuracy": accuracy, "macro_f1": macro_f1})


def study(scores, *levels):
    """A table of runs with factors a, b, ... of these levels; `scores` run through seeds last."""
    names = [*"abc"[: len(levels)], "seed"]
    num_seeds = np.size(scores) // int(np.prod([len(each) for each in levels]))
    table = pd.DataFrame(product(*levels, range(num_seeds)), columns=names)
    return table.assign(score=np.ravel(scores))


def test_pipelines_compared_by_hand():
    # Differences .03, .02, .05: mean .1/3, deviation .0152753, t = 3.77964 with 2 degrees of
    # freedom, for which p = 1 - t / √(t² + 2) and the 97.5 % point is 4.302653.
    row = compare_pipelines(runs([0.50, 0.52, 0.51]), runs([0.53, 0.54, 0.56])).iloc[0]
    half = 4.302653 * 0.0152753 / np.sqrt(3)
    assert (row["score"], row["seeds"]) == ("accuracy", 3)
    assert row[["first", "second"]].tolist() == pytest.approx([0.51, 1.63 / 3])
    assert row["difference"] == pytest.approx(0.1 / 3)
    assert row[["low", "high"]].tolist() == pytest.approx([0.1 / 3 - half, 0.1 / 3 + half], 1e-4)
    assert row["p_value"] == pytest.approx(1 - 3.77964 / np.sqrt(3.77964**2 + 2), 1e-5)


def test_runs_are_paired_by_seed_whatever_their_order():
    rng = np.random.default_rng(0)
    luck = rng.normal(0, 0.03, 5)
    first = runs(0.6 + luck + rng.normal(0, 0.002, 5))
    second = runs(0.61 + luck + rng.normal(0, 0.002, 5))
    table = compare_pipelines(first, second.sample(frac=1, random_state=1))
    expected = ttest_rel(second["macro_f1"], first["macro_f1"])
    assert table.loc[1, "p_value"] == pytest.approx(expected.pvalue)
    assert table.loc[1, ["low", "high"]].tolist() == pytest.approx(
        [*expected.confidence_interval()]
    )
    assert table.loc[1, "p_value"] < 0.01  # although seeds vary thrice as much as the difference


@pytest.mark.parametrize("second", [[0.6], [0.6, 0.7, 0.8]], ids=["one seed", "equal differences"])
def test_without_spread_there_is_a_difference_but_no_interval(second):
    row = compare_pipelines(runs(np.array(second) - 0.1), runs(second)).iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    assert row[["low", "high", "p_value"]].isna().all()


def tables_of_pipelines(rng, num_trials, difference):
    """Compare pipelines of four seeds that share luck, whose two scores differ by so much."""
    for _ in range(num_trials):
        luck = rng.normal(0, 0.02, (2, 4))
        first = 0.6 + luck + rng.normal(0, 0.01, (2, 4))
        second = 0.6 + luck + difference + rng.normal(0, 0.01, (2, 4))
        yield compare_pipelines(runs(*first), runs(*second))


def test_pipelines_alarm_falsely_5_times_in_100_and_find_a_planted_difference(num_trials):
    rng = np.random.default_rng(2)
    same = pd.concat(tables_of_pipelines(rng, num_trials // 2, 0))
    assert is_5_in_100(np.mean(same["p_value"] <= 0.05), num_trials)
    assert is_5_in_100(np.mean((same["low"] > 0) | (same["high"] < 0)), num_trials)
    better = pd.concat(tables_of_pipelines(rng, 50, 0.06))
    assert np.mean(better["p_value"] <= 0.05) > 0.9
    assert np.mean((better["low"] <= 0.06) & (better["high"] >= 0.06)) >= 0.85


def test_pipelines_with_other_seeds_are_refused():
    with pytest.raises(InputError, match="seed 3, pipeline first has 0 values of accuracy"):
        compare_pipelines(runs([0.5] * 3), runs([0.5] * 4))
    with pytest.raises(InputError, match="seed 0, pipeline second has 2 values of accuracy"):
        compare_pipelines(runs([0.5] * 2), pd.concat([runs([0.5] * 2), runs([0.5])]))


BY_HAND = study(
    [[[0.50, 0.52], [0.53, 0.56]], [[0.60, 0.61], [0.68, 0.70]]], ["old", "new"], ["no", "yes"]
)
"""Scores by a, b and two seeds."""


def test_effects_and_interaction_worked_by_hand():
    # Seed 0: a moves .50 and .53 to .60 and .68, by .10 and .15, mean .125, interaction .05.
    # Seed 1: .52 and .56 to .61 and .70, by .09 and .14, mean .115, interaction .05.
    # b: .03 and .08, mean .055 in seed 0; .04 and .09, mean .065 in seed 1.
    table = factor_effects(BY_HAND, ["a", "b"], "score").set_index("effect")
    assert table["difference"].to_dict() == pytest.approx({"a": 0.12, "b": 0.06, "a × b": 0.05})
    assert table["change"].tolist() == ["old → new", "no → yes", "old → new, no → yes"]
    # Two seeds .01 apart: standard error .005; the 97.5 % point with 1 degree is 12.7062.
    half = 12.7062 * 0.005
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx([0.12 - half, 0.12 + half])
    assert table.loc["a × b", ["low", "high"]].isna().all()  # the same in both seeds


def test_effects_do_not_depend_on_the_order_of_runs_but_for_the_first_level():
    shuffled = pd.concat([BY_HAND.iloc[:1], BY_HAND.iloc[1:].sample(frac=1, random_state=0)])
    expected = factor_effects(BY_HAND, ["a", "b"], "score")
    pd.testing.assert_frame_equal(factor_effects(shuffled, ["a", "b"], "score"), expected)


def test_each_further_level_is_compared_with_the_first():
    table = factor_effects(study([0.5, 0.5, 0.6, 0.6, 0.8, 0.8], "xyz"), ["a"], "score")
    assert dict(zip(table["change"], table["difference"])) == pytest.approx(
        {"x → y": 0.1, "x → z": 0.3}
    )


def noisy_study(rng, num_seeds, effect=0.0, interaction=0.0):
    """Runs whose seeds share luck, and whose seeds differ in how much each factor does."""
    levels = np.array([0, 1])
    a, b = levels[:, None, None], levels[None, :, None]
    scores = 0.6 + rng.normal(0, 0.03, num_seeds)
    scores = scores + a * (effect + rng.normal(0, 0.01, num_seeds))
    scores = scores + b * rng.normal(0, 0.01, num_seeds) + a * b * interaction
    scores = scores + rng.normal(0, 0.005, (2, 2, num_seeds))
    return study(scores, levels, levels)


def test_intervals_of_effects_cover_the_truth_and_alarm_falsely_5_times_in_100(num_trials):
    rng, covered = np.random.default_rng(4), 0
    truth = np.array([0.04 + 0.02 / 2, 0.02 / 2, 0.02])  # a, b, a × b
    planted = 0
    for trial in range(num_trials):
        is_null = trial % 2
        data = noisy_study(rng, 4, 0 if is_null else 0.04, 0 if is_null else 0.02)
        table = factor_effects(data, ["a", "b"], "score")
        held = truth * (not is_null)
        covered += ((table["low"] <= held) & (held <= table["high"])).to_numpy()
        planted += not is_null and table.loc[0, "low"] > 0
    assert is_5_in_100(1 - covered / num_trials, num_trials), covered
    assert planted / (num_trials / 2) > 0.9


def sums_of_squares(table, columns):
    """Sum the squared distances of group means from the grand mean: one a run."""
    means = table.groupby(columns)["score"].transform("mean")
    return np.sum((means - table["score"].mean()) ** 2)


def test_shares_of_variance_are_sums_of_squares_over_their_total():
    table = noisy_study(np.random.default_rng(5), 3, 0.02, 0.01)
    table = pd.concat([table.assign(c=0), table.assign(c=1, score=table["score"] ** 2)])
    shares = variance_shares(table, ["a", "b", "c"], "score").set_index("source")["share"]
    total = np.sum((table["score"] - table["score"].mean()) ** 2)
    for name in ("a", "b", "c", "seed"):
        assert shares[name] == pytest.approx(sums_of_squares(table, [name]) / total)
    for one, two in (("a", "b"), ("a", "c"), ("b", "c")):
        both = sums_of_squares(table, [one, two])
        alone = sums_of_squares(table, [one]) + sums_of_squares(table, [two])
        assert shares[f"{one} × {two}"] == pytest.approx((both - alone) / total)
    assert shares.index[-1] == "rest"
    assert shares.sum() == pytest.approx(1)


def test_shares_by_chance_are_what_mere_noise_gives():
    rng, found = np.random.default_rng(6), 0
    for _ in range(100):
        table = study(rng.normal(0.6, 0.01, (3, 2, 4)), "xyz", ["no", "yes"])
        result = variance_shares(table, ["a", "b"], "score")
        found = found + result["share"].to_numpy() / 100
    assert result["by_chance"].sum() == pytest.approx(1)
    assert found == pytest.approx(result["by_chance"].to_numpy(), abs=0.03)


def test_shares_with_one_seed_or_without_variation():
    one_seed = variance_shares(BY_HAND[BY_HAND["seed"] == 0], ["a", "b"], "score")
    assert one_seed["source"].tolist() == ["a", "b", "a × b", "rest"]
    assert one_seed["share"].sum() == pytest.approx(1)
    assert one_seed["share"].iloc[-1] == pytest.approx(0)
    flat = variance_shares(BY_HAND.assign(score=0.1 + 0.2), ["a", "b"], "score")
    assert flat["share"].isna().all()


@pytest.mark.parametrize("examine", [factor_effects, variance_shares])
def test_tables_that_are_not_complete_are_refused(examine):
    with pytest.raises(InputError, match="seed 0, a new, b yes has 0 values of score instead of 1"):
        examine(BY_HAND.drop(index=6), ["a", "b"], "score")
    with pytest.raises(InputError, match="seed 1, a new, b yes has 2 values .* .1 of 8 runs"):
        examine(pd.concat([BY_HAND, BY_HAND.tail(1)]), ["a", "b"], "score")
    with pytest.raises(InputError, match="8 of 8 runs"):
        examine(BY_HAND.assign(score=np.nan), ["a", "b"], "score")
    with pytest.raises(InputError, match="a has the one level old"):
        examine(BY_HAND[BY_HAND["a"] == "old"], ["a", "b"], "score")
    with pytest.raises(InputError, match="no column 'c'; its columns are a, b, seed, score"):
        examine(BY_HAND, ["a", "c"], "score")
