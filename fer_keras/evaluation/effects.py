"""Comparisons of pipelines, and effects of factors, over several seeds.

A seed fixes the order of the images and the initial weights. Runs with the same seed share this
luck and are paired, and the statistics count seeds, not runs or images.
"""

from bisect import bisect_left
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu, ttest_1samp
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower

from fer_keras.evaluation.intervals import CONFIDENCE
from fer_keras.utils.errors import InputError

RUN_SCORES = ("accuracy", "macro_f1")
POWER = 0.8
MOST_SEEDS = 1000


def compare_pipelines(first, second):
    """Compare two pipelines by their runs with the same seeds.

    The test is the paired t test and not Wilcoxon's: with 5 seeds, the smallest two-sided p value
    of signed ranks is 2/32 = .06, so that it could never find a difference at 5 %.

    Args:
        first: DataFrame, one row a run: `seed`, `accuracy` and `macro_f1` (0-1).
        second: DataFrame like `first`, with the same seeds.

    Returns:
        A DataFrame, one row a score: `score`, `seeds` (their number), `first` and `second` (mean
        scores), `difference` (second minus first), `low` and `high` (95 % t interval over seeds),
        `p_value` (paired t test), `superiority` (the probability, 0-1, that a run of the second
        beats one of the first, ties half), and `seeds_needed`: the fewest seeds, from 3 to 1,000,
        that give 80 % power at a level of 5 % if the observed difference and spread are the true
        ones. The interval, p value and seeds needed are missing where no spread is observed.

    Raises:
        InputError: if a run is missing or double, or a score is missing.
    """
    both = pd.concat({"first": first, "second": second}, names=["pipeline", None]).reset_index(0)
    rows = []
    for score in RUN_SCORES:
        scores_first, scores_second = _grid(both, ["pipeline"], score).T
        differences = scores_second - scores_first
        wins = mannwhitneyu(scores_second, scores_first).statistic
        rows.append(
            {
                "score": score,
                "seeds": len(scores_first),
                "first": scores_first.mean(),
                "second": scores_second.mean(),
                **_mean_over_seeds(differences),
                "superiority": wins / len(scores_first) ** 2,
                "seeds_needed": _seeds_needed(differences),
            }
        )
    return pd.DataFrame(rows).astype({"seeds_needed": "Int64"})


def factor_effects(table, factors, score):
    """Compute the effect of each factor on a score, and of each two together.

    Each effect is computed within each seed and averaged over the levels of the other factors. Its
    interval is from the spread of the seeds' effects. It holds for other seeds, assumes nothing
    about how runs of one seed depend on each other, and is wide for few seeds.

    Args:
        table: DataFrame, one row a run: the factors, `seed` and the score, of every combination of
            levels with every seed.
        factors: list of columns to examine, each with two or more levels. Each level is compared
            with the first that appears.
        score: name of the column to explain.

    Returns:
        A DataFrame, one row an effect: `effect` (`balance`, or `balance × network` for an
        interaction), `change` (`none → weights`), `seeds` (their number), `difference`, and the
        ends `low` and `high` of its 95 % t interval, missing where no spread is observed. An
        interaction is by how much the second factor's change raises the first factor's effect.

    Raises:
        InputError: if a run is missing or double, a score is missing, or a factor has one level.
    """
    grid = _grid(table, factors, score)
    levels = {factor: table[factor].unique() for factor in factors}
    rows = []
    for chosen in (*combinations(factors, 1), *combinations(factors, 2)):
        for changed in product(*(range(1, len(levels[factor])) for factor in chosen)):
            steps = [f"{levels[name][0]} → {levels[name][to]}" for name, to in zip(chosen, changed)]
            effect = _contrast(grid, [factors.index(factor) for factor in chosen], changed)
            row = {"effect": " × ".join(chosen), "change": ", ".join(steps), "seeds": len(effect)}
            rows.append(row | _mean_over_seeds(effect))
    return pd.DataFrame(rows).drop(columns="p_value")


def variance_shares(table, factors, score):
    """Divide a score's variance among factors, interactions and the seed.

    This is an analysis of variance with the seed as a block. As every combination is there, the
    sums of squares of types I, II and III agree, and the shares sum to 1.

    Args:
        table: DataFrame of runs, as for `factor_effects`.
        factors: list of columns to examine.
        score: name of the column to explain.

    Returns:
        A DataFrame, one row a source (each factor, each two factors, `seed`, and `rest`):
        `source`, `share` (0-1; missing if all scores are equal) and `by_chance`, the share to
        expect if only chance moves the scores. The `rest` holds how effects vary between seeds.

    Raises:
        InputError: as `factor_effects`.
    """
    grid = _grid(table, factors, score)
    columns = dict(zip([*factors, "seed"], (f"x{place}" for place in range(len(factors) + 1))))
    coded = table[[*columns]].rename(columns=columns).apply(lambda found: found.factorize()[0])
    coded = coded.astype(str).assign(y=table[score])
    sources = {factor: columns[factor] for factor in factors}
    sources |= {
        f"{one} × {two}": f"{columns[one]}:{columns[two]}" for one, two in combinations(factors, 2)
    }
    if len(grid) > 1:
        sources["seed"] = columns["seed"]
    model = ols(f"y ~ {' + '.join(sources.values())}", coded).fit()
    with np.errstate(all="ignore"):  # of F values, which are not used
        # Type I also works where nothing is left for the rest.
        found = anova_lm(model, typ=1).loc[[*sources.values(), "Residual"]]
    total = found["sum_sq"].sum() if _varies(grid) else np.nan
    shares = found["sum_sq"].to_numpy() / total
    chances = (found["df"] / found["df"].sum()).to_numpy()
    return pd.DataFrame({"source": [*sources, "rest"], "share": shares, "by_chance": chances})


def _grid(table, factors, score):
    """Return the scores as an array: seeds, then each factor's levels, in order of appearance."""
    names = ["seed", *factors]
    for name in (*names, score):
        if name not in table:
            raise InputError(
                f"The table of runs has no column {name!r}; its columns are "
                f"{', '.join(map(str, table))}."
            )
    levels = [table[name].unique() for name in names]
    for factor, found in zip(factors, levels[1:]):
        if len(found) < 2:
            raise InputError(
                f"{factor} has the one level {', '.join(map(str, found))} and so no effect to "
                "find; run it with another level, or leave it out of the factors."
            )
    index = pd.MultiIndex.from_product(levels, names=names)
    counts = table.groupby(names)[score].count().reindex(index, fill_value=0)
    wrong = counts[counts != 1]
    if len(wrong):
        run = ", ".join(f"{name} {level}" for name, level in zip(names, wrong.index[0]))
        raise InputError(
            f"The run with {run} has {wrong.iloc[0]} values of {score} instead of 1 ({len(wrong)} "
            f"of {len(counts)} runs are missing or double); run what is missing, or leave out what "
            "is double or the whole seed."
        )
    scores = table.set_index(names)[score].reindex(index)
    return scores.to_numpy(float).reshape([len(found) for found in levels])


def _contrast(grid, places, levels):
    """Return each seed's effect of raising these factors from their first to these levels."""
    for place, level in zip(places, levels):
        axis = place + 1
        grid = grid.take([level], axis) - grid.take([0], axis)
    return grid.reshape(len(grid), -1).mean(axis=1)


def _mean_over_seeds(values):
    result = {"difference": values.mean(), "low": np.nan, "high": np.nan, "p_value": np.nan}
    if _varies(values):
        test = ttest_1samp(values, 0)
        low, high = test.confidence_interval(CONFIDENCE)
        result |= {"low": low, "high": high, "p_value": test.pvalue}
    return result


def _seeds_needed(differences):
    if not _varies(differences):
        return None
    effect = abs(differences.mean()) / differences.std(ddof=1)

    def is_enough(count):
        # From 3 seeds on, statsmodels gives NaN only where the power is as good as 1.
        return not TTestPower().power(effect, count, 1 - CONFIDENCE) < POWER

    counts = range(3, MOST_SEEDS + 1)
    place = bisect_left(counts, True, key=is_enough)
    return counts[place] if place < len(counts) else None


def _varies(values):
    return np.ptp(values) > 1e-12  # less is rounding, not spread
