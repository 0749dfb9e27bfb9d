from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as formulas
from helpers import is_5_in_100
from scipy.stats import t as student
from scipy.stats import ttest_1samp, ttest_ind, ttest_rel
from statsmodels.stats.anova import anova_lm

from fer_keras.evaluation.chance import contrast
from fer_keras.evaluation.effects import effects_at_levels, factor_effects, variance_shares
from fer_keras.utils.errors import InputError


def study(scores, *levels):
    """A table of runs with factors a, b, ... of these levels; `scores` run through seeds last."""
    names = [*"abc"[: len(levels)], "seed"]
    num_seeds = np.size(scores) // int(np.prod([len(each) for each in levels]))
    table = pd.DataFrame(product(*levels, range(num_seeds)), columns=names)
    return table.assign(score=np.ravel(scores))


def arms_of(table, factors="ab"):
    """The scores alone by arm: without images, each run is a number; and the arms' levels."""
    table = table.assign(arm=table[[*factors]].astype(str).agg(", ".join, axis=1))
    arms = {arm: own["score"].to_numpy(float)[:, None] for arm, own in table.groupby("arm")}
    return arms, table.drop_duplicates("arm").set_index("arm")[[*factors]]


def effects_of(table, factors="ab"):
    return factor_effects(*arms_of(table, factors))


BY_HAND = study(
    [[[0.50, 0.52], [0.53, 0.56]], [[0.60, 0.61], [0.68, 0.70]]], ["old", "new"], ["no", "yes"]
)
"""Scores by a, b and two seeds."""


def test_effects_and_interaction_worked_by_hand():
    # Means .51, .545, .605, .69. a: (.605 + .69 - .51 - .545) / 2 = .12; b: (.545 + .69 - .51 -
    # .605) / 2 = .06; a × b: .69 - .605 - .545 + .51 = .05.
    table = effects_of(BY_HAND).set_index("effect")
    assert table["difference"].to_dict() == pytest.approx({"a": 0.12, "b": 0.06, "a × b": 0.05})
    assert table["change"].tolist() == ["old → new", "no → yes", "old → new, no → yes"]
    assert table["order"].tolist() == [1, 1, 2] and set(table["seeds"]) == {2}
    # Runs of one arm differ by .02, .03, .01, .02: variances are halves of the squares, pooled
    # .000225. Weights ±1/2, each of two seeds: variance .000225 / 2, with 4 degrees of freedom.
    error = np.sqrt(0.000225 / 2)
    half = 2.776445 * error
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx([0.12 - half, 0.12 + half])
    assert table.loc["a", "p_value"] == pytest.approx(2 * student.sf(0.12 / error, 4))
    # The interaction's weights are ±1, so that its error is twice as large.
    row = table.loc["a × b"]
    assert row["high"] - row["low"] == pytest.approx(4 * half)
    assert row["p_of_equality"] == pytest.approx(student.cdf(0.04 / (2 * error), 4))


def test_an_effect_at_each_level_of_another_factor_worked_by_hand():
    # Means .51, .545, .605, .69. a without b: .605 - .51 = .095; with b: .69 - .545 = .145.
    table = effects_at_levels(*arms_of(BY_HAND), "a", "b").set_index("at")
    assert table["difference"].to_dict() == pytest.approx({"b no": 0.095, "b yes": 0.145})
    assert table["change"].tolist() == ["old → new"] * 2
    # Two weights of 1, each of two seeds: the pooled variance .000225, with 4 degrees of freedom.
    half = 2.776445 * np.sqrt(0.000225)
    row = table.loc["b yes"]
    assert row[["low", "high"]].tolist() == pytest.approx([0.145 - half, 0.145 + half])
    # Averaged over a third factor, and for two changes of three levels.
    rng = np.random.default_rng(1)
    table = study(rng.normal(0.6, 0.01, (3, 2, 2, 2)), "uvw", "xy", "no")
    found = effects_at_levels(*arms_of(table, "abc"), "a", "b").set_index(["at", "change"])
    means = table.groupby(["b", "a"])["score"].mean()
    assert len(found) == 4
    assert found.loc[("b y", "u → w"), "difference"] == pytest.approx(
        means["y", "w"] - means["y", "u"]
    )


def test_three_factors_have_an_interaction_of_all_and_agree_with_regression():
    rng = np.random.default_rng(0)
    table = study(rng.normal(0.6, 0.01, (2, 2, 2, 3)), "uv", "wx", "yz")
    found = effects_of(table, "abc").set_index("effect")
    assert found.index.tolist() == ["a", "b", "c", "a × b", "a × c", "b × c", "a × b × c"]
    # Effects coded -1/2 and 1/2 are the coefficients of a regression, but for halves of products.
    coded = table[["a", "b", "c"]].apply(lambda column: column.isin(["v", "x", "z"]) - 0.5)
    fit = formulas.ols("score ~ a * b * c", coded.assign(score=table["score"])).fit()
    for effect, row in found.iterrows():
        name = effect.replace(" × ", ":")
        assert row["difference"] == pytest.approx(fit.params[name])
        assert row[["low", "high"]].tolist() == pytest.approx(fit.conf_int().loc[name].tolist())
        assert row["p_value"] == pytest.approx(fit.pvalues[name])


def test_with_images_an_effect_is_a_contrast_of_arms():
    rng = np.random.default_rng(1)
    arms = {f"{a}, {b}": rng.random((3, 50)) for a in "uv" for b in "wx"}
    levels = pd.DataFrame([arm.split(", ") for arm in arms], index=[*arms], columns=["a", "b"])
    row = factor_effects(arms, levels).set_index("effect").loc["b"]
    expected = contrast(arms, {"u, w": -0.5, "u, x": 0.5, "v, w": -0.5, "v, x": 0.5})
    assert row[["low", "high"]].tolist() == pytest.approx(expected.interval())


def test_one_run_each_gives_differences_alone():
    table = effects_of(BY_HAND[BY_HAND["seed"] == 0])
    assert table["difference"].tolist() == pytest.approx([0.125, 0.055, 0.05])
    assert table[["low", "high", "p_value", "p_of_equality"]].isna().all(axis=None)


def test_each_further_level_is_compared_with_the_first():
    table = effects_of(study([0.5, 0.5, 0.6, 0.6, 0.8, 0.8], "xyz"), "a")
    assert dict(zip(table["change"], table["difference"])) == pytest.approx(
        {"x → y": 0.1, "x → z": 0.3}
    )


def noisy_study(rng, num_seeds, effect=0.0, interaction=0.0):
    """Runs that differ by chance, and of which the factors change the scores by so much."""
    levels = np.array([0, 1])
    a, b = levels[:, None, None], levels[None, :, None]
    scores = 0.6 + a * effect + a * b * interaction + rng.normal(0, 0.01, (2, 2, num_seeds))
    return study(scores, levels, levels)


def test_intervals_of_effects_cover_the_truth_and_alarm_falsely_5_times_in_100(num_trials):
    rng, covered = np.random.default_rng(4), 0
    truth = np.array([0.04 + 0.02 / 2, 0.02 / 2, 0.02])  # a, b, a × b
    planted = 0
    for trial in range(num_trials):
        is_null = trial % 2
        data = noisy_study(rng, 4, 0 if is_null else 0.04, 0 if is_null else 0.02)
        table = effects_of(data)
        held = truth * (not is_null)
        covered += ((table["low"] <= held) & (held <= table["high"])).to_numpy()
        planted += not is_null and table.loc[0, "low"] > 0
    assert is_5_in_100(1 - covered / num_trials, num_trials), covered
    assert planted / (num_trials / 2) > 0.9


def continued_study(rng, num_seeds, effect=0.0):
    """Runs of factor a, each looked at after two numbers of epochs, b: its luck stays with it."""
    luck = rng.normal(0, 0.01, (2, 1, num_seeds))
    scores = 0.6 + luck + rng.normal(0, 0.005, (2, 2, num_seeds))
    return study(scores + np.array([0, effect])[:, None, None], "uv", [15, 30])


def test_effects_of_runs_that_go_on_are_t_tests_of_their_means_and_differences():
    table = continued_study(np.random.default_rng(8), 5)
    found = factor_effects(*arms_of(table), repeated="b").set_index("effect")
    u, v = table["score"].to_numpy().reshape(2, 2, 5)
    test = ttest_ind(v.mean(axis=0), u.mean(axis=0))
    assert found.loc["a", "p_value"] == pytest.approx(test.pvalue)
    assert found.loc["a", ["low", "high"]].tolist() == pytest.approx([*test.confidence_interval()])
    test = ttest_ind(v[1] - v[0], u[1] - u[0])
    assert found.loc["a × b", "p_value"] == pytest.approx(test.pvalue)
    # Of both series the differences have one variance, as in the regression on a centred a.
    gains = pd.DataFrame({"gain": [*(u[1] - u[0]), *(v[1] - v[0])], "a": [-1] * 5 + [1] * 5})
    fit = formulas.ols("gain ~ a", gains).fit()
    assert found.loc["b", "p_value"] == pytest.approx(fit.pvalues["Intercept"])
    assert found.loc["b", ["low", "high"]].tolist() == pytest.approx([*fit.conf_int().iloc[0]])
    # One series alone, in whatever order its arms stand: the paired t test.
    alone = table[table["a"] == "u"].iloc[::-1].sort_values("seed", kind="stable")
    row = factor_effects(*arms_of(alone, "b"), repeated="b").iloc[0]
    assert row["p_value"] == pytest.approx(ttest_rel(u[1], u[0]).pvalue)


def test_effects_at_levels_of_runs_that_go_on_are_t_tests():
    table = continued_study(np.random.default_rng(9), 5)
    u, v = table["score"].to_numpy().reshape(2, 2, 5)
    found = effects_at_levels(*arms_of(table), "a", "b", repeated="b").set_index("at")
    assert found.loc["b 30", "p_value"] == pytest.approx(ttest_ind(v[1], u[1]).pvalue)
    found = effects_at_levels(*arms_of(table), "b", "a", repeated="b").set_index("at")
    spread = np.mean([np.var(each[1] - each[0], ddof=1) for each in (u, v)])
    ratio = np.mean(v[1] - v[0]) / np.sqrt(spread / 5)
    assert found.loc["a v", "p_value"] == pytest.approx(2 * student.sf(abs(ratio), 8))


def test_shares_of_runs_that_go_on_are_those_of_a_split_plot():
    table = continued_study(np.random.default_rng(10), 5, effect=0.01)
    shares = variance_shares(table, ["a", "b"], "score", repeated="b").set_index("source")
    u, v = table["score"].to_numpy().reshape(2, 2, 5)
    of_a = ttest_ind(v.mean(axis=0), u.mean(axis=0))
    assert shares.loc["a", ["F", "p_value"]].tolist() == pytest.approx(
        [of_a.statistic**2, of_a.pvalue]
    )
    both = ttest_ind(v[1] - v[0], u[1] - u[0])
    assert shares.loc["a × b", ["F", "p_value"]].tolist() == pytest.approx(
        [both.statistic**2, both.pvalue]
    )
    assert shares.index.tolist() == ["a", "b", "a × b", "seeds", "seeds × b"]
    assert shares["df"].tolist() == [1, 1, 1, 8, 8]
    plain = variance_shares(table, ["a", "b"], "score").set_index("source")
    assert shares["share"].sum() == pytest.approx(1)
    assert shares["share"].tolist()[:3] == pytest.approx(plain["share"].tolist()[:3])
    assert shares["share"].iloc[3:].sum() == pytest.approx(plain.loc["seeds", "share"])
    alone = variance_shares(table[table["a"] == "u"], ["b"], "score", repeated="b")
    paired = ttest_1samp(u[1] - u[0], 0)
    assert alone.loc[0, ["F", "p_value"]].tolist() == pytest.approx(
        [paired.statistic**2, paired.pvalue]
    )


def test_luck_that_a_run_keeps_raises_no_false_alarms(num_trials):
    rng, alarms = np.random.default_rng(11), {"b": 0, None: 0}
    for _ in range(num_trials):
        arms = arms_of(continued_study(rng, 3))
        for repeated in alarms:
            alarms[repeated] += factor_effects(*arms, repeated=repeated)["p_value"] <= 0.05
    assert is_5_in_100(alarms["b"] / num_trials, num_trials), alarms["b"]
    # Taken for runs of their own, they alarm more often of a, and of what epochs do hardly ever.
    assert alarms[None][0] / num_trials > 0.09 and alarms[None][1] / num_trials < 0.02


def sums_of_squares(table, columns):
    """Sum the squared distances of group means from the grand mean: one a run."""
    means = table.groupby(columns)["score"].transform("mean")
    return np.sum((means - table["score"].mean()) ** 2)


def test_shares_of_variance_are_sums_of_squares_over_their_total():
    table = noisy_study(np.random.default_rng(5), 3, 0.02, 0.01)
    table = pd.concat([table.assign(c=0), table.assign(c=1, score=table["score"] ** 2)])
    shares = variance_shares(table, ["a", "b", "c"], "score").set_index("source")
    total = np.sum((table["score"] - table["score"].mean()) ** 2)
    for name in ("a", "b", "c"):
        assert shares.loc[name, "share"] == pytest.approx(sums_of_squares(table, [name]) / total)
    for one, two in (("a", "b"), ("a", "c"), ("b", "c")):
        both = sums_of_squares(table, [one, two])
        alone = sums_of_squares(table, [one]) + sums_of_squares(table, [two])
        assert shares.loc[f"{one} × {two}", "share"] == pytest.approx((both - alone) / total)
    within = total - sums_of_squares(table, ["a", "b", "c"])
    assert shares.index[-1] == "seeds" and shares["share"].iloc[-1] == pytest.approx(within / total)
    assert shares["share"].sum() == pytest.approx(1)
    assert shares["df"].tolist() == [1] * 7 + [16]


def test_f_p_and_omega_squared_are_those_of_an_analysis_of_variance():
    table = noisy_study(np.random.default_rng(6), 4, 0.02)
    shares = variance_shares(table, ["a", "b"], "score").set_index("source")
    found = anova_lm(formulas.ols("score ~ C(a) * C(b)", table).fit(), typ=2)
    row, rest = found.loc["C(a)"], found.loc["Residual"]
    assert shares.loc["a", "F"] == pytest.approx(row["F"])
    assert shares.loc["a", "p_value"] == pytest.approx(row["PR(>F)"])
    chance = rest["sum_sq"] / rest["df"]
    omega = (row["sum_sq"] - row["df"] * chance) / (found["sum_sq"].sum() + chance)
    assert shares.loc["a", "omega_squared"] == pytest.approx(omega)
    assert shares.loc["seeds", ["omega_squared", "F", "p_value"]].isna().all()


def test_omega_squared_is_0_on_average_where_nothing_has_an_effect():
    rng, found = np.random.default_rng(7), []
    for _ in range(100):
        table = study(rng.normal(0.6, 0.01, (3, 2, 4)), "xyz", ["no", "yes"])
        found.append(variance_shares(table, ["a", "b"], "score")["omega_squared"][:-1])
    errors = np.std(found, axis=0) / 10
    assert np.all(np.abs(np.mean(found, axis=0)) < 3 * errors)


def test_shares_with_one_seed_or_without_variation():
    one_seed = variance_shares(BY_HAND[BY_HAND["seed"] == 0], ["a", "b"], "score")
    assert one_seed["source"].tolist() == ["a", "b", "a × b", "seeds"]
    assert one_seed["share"].sum() == pytest.approx(1)
    assert one_seed[["omega_squared", "F", "p_value"]].isna().all(axis=None)
    flat = variance_shares(BY_HAND.assign(score=0.1 + 0.2), ["a", "b"], "score")
    assert flat["share"].isna().all()


def test_tables_that_are_not_complete_are_refused():
    with pytest.raises(InputError, match="seed 0, a new, b yes has 0 values of score instead of 1"):
        variance_shares(BY_HAND.drop(index=6), ["a", "b"], "score")
    with pytest.raises(InputError, match="seed 1, a new, b yes has 2 values .* .1 of 8 runs"):
        variance_shares(pd.concat([BY_HAND, BY_HAND.tail(1)]), ["a", "b"], "score")
    with pytest.raises(InputError, match="8 of 8 runs"):
        variance_shares(BY_HAND.assign(score=np.nan), ["a", "b"], "score")
    with pytest.raises(InputError, match="a has the one level old"):
        variance_shares(BY_HAND[BY_HAND["a"] == "old"], ["a", "b"], "score")
    with pytest.raises(InputError, match="no column 'c'; its columns are a, b, seed, score"):
        variance_shares(BY_HAND, ["a", "c"], "score")
    with pytest.raises(InputError, match="a new, b yes has 0 values of arm"):
        effects_of(BY_HAND.iloc[:6])
