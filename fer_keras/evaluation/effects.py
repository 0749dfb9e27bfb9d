"""Comparisons of pipelines, and effects of factors, over several seeds.

Runs with the same seed share its luck: the order of the images and the initial weights. They are
paired, and the statistics count seeds, not runs or images.
"""

from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy.stats import ttest_1samp
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from fer_keras.evaluation.intervals import CONFIDENCE
from fer_keras.utils.errors import InputError

RUN_SCORES = ("accuracy", "macro_f1")


def compare_pipelines(first, second):
    """Compare two pipelines by their runs with the same seeds.

    The test is the paired t test. Wilcoxon's could never find a difference at 5 % with 5 seeds:
    its smallest two-sided p value is then 2/32 = .06.

    Args:
        first: DataFrame, one row a run: `seed`, `accuracy` and `macro_f1` (0-1).
        second: DataFrame like `first`, with the same seeds.

    Returns:
        A DataFrame, one row a score: `score`, `seeds` (their number), `first` and `second` (mean
        scores), `difference` (second minus first), `low` and `high` (95 % t interval over seeds)
        and `p_value` (paired t test). Interval and p value are missing without spread.

    Raises:
        InputError: if a run is missing or double, or a score is missing.
    """
    both = pd.concat({"first": first, "second": second}, names=["pipeline", None]).reset_index(0)
    rows = []
    for score in RUN_SCORES:
        scores = _grid(both, ["pipeline"], score)
        row = {"score": score, "seeds": len(scores)}
        row |= dict(zip(("first", "second"), scores.mean(axis=0)))
        rows.append(row | _mean_over_seeds(scores[:, 1] - scores[:, 0]))
    return pd.DataFrame(rows)


def factor_effects(table, factors, score):
    """Compute the effect of each factor on a score, and of each two together.

    Each effect is computed within each seed and averaged over the levels of the other factors. Its
    interval comes from the spread of the seeds' effects, and so holds for other seeds.

    Args:
        table: DataFrame, one row for each combination of levels and seed: factors, `seed`, score.
        factors: columns to examine. Each level is compared with the first that appears.
        score: name of the column to explain.

    Returns:
        A DataFrame, one row an effect: `effect` (`balance`, or for an interaction `balance ×
        network`: by how much the second's change raises the first's effect), `change` (`none →
        weights`), `seeds` (their number), `difference`, and the ends `low` and `high` of its 95 % t
        interval, missing where no spread is observed.

    Raises:
        InputError: if a run is missing or double, a score is missing, or a factor has one level.
    """
    grid = _grid(table, factors, score)
    levels = {factor: table[factor].unique() for factor in factors}
    rows = []
    for chosen in (*combinations(factors, 1), *combinations(factors, 2)):
        for changed in product(*(range(1, len(levels[factor])) for factor in chosen)):
            steps = [f"{levels[name][0]} → {levels[name][to]}" for name, to in zip(chosen, changed)]
            effect = _contrast(grid, [1 + factors.index(factor) for factor in chosen], changed)
            row = {"effect": " × ".join(chosen), "change": ", ".join(steps), "seeds": len(effect)}
            rows.append(row | _mean_over_seeds(effect))
    return pd.DataFrame(rows).drop(columns="p_value")


def variance_shares(table, factors, score):
    """Divide a score's variance among factors, interactions and the seed.

    This is an analysis of variance with the seed as a block. As every combination is there, the
    sums of squares of types I, II and III agree, and the shares sum to 1.

    Args:
        table: DataFrame of runs, as for `factor_effects`.
        factors: columns to examine.
        score: name of the column to explain.

    Returns:
        A DataFrame, one row a source (each factor, each two factors, `seed`, and `rest`, which is
        how effects vary between seeds): `source`, `share` (0-1; missing if all scores are equal)
        and `by_chance`, the share to expect if only chance moves the scores.

    Raises:
        InputError: as `factor_effects`.
    """
    grid = _grid(table, factors, score)
    levels = table[[*factors, "seed"]].apply(lambda column: column.factorize()[0]).astype(str)
    sources = {factor: f"Q({factor!r})" for factor in factors}
    for one, two in combinations(factors, 2):
        sources[f"{one} × {two}"] = f"{sources[one]}:{sources[two]}"
    if len(grid) > 1:
        sources["seed"] = "seed"
    levels[score] = table[score]
    model = ols(f"Q({score!r}) ~ {' + '.join(sources.values())}", levels).fit()
    with np.errstate(all="ignore"):  # of F values, which are not used
        # Type I also works where nothing is left for the rest.
        found = anova_lm(model, typ=1).loc[[*sources.values(), "Residual"]]
    shares = found[["sum_sq", "df"]] / found[["sum_sq", "df"]].sum()
    shares = shares.set_axis(["share", "by_chance"], axis=1).assign(source=[*sources, "rest"])
    if not _varies(grid):
        shares["share"] = np.nan
    return shares[["source", "share", "by_chance"]].reset_index(drop=True)


def _grid(table, factors, score):
    """Return the scores as an array: seeds, then each factor's levels, in order of appearance."""
    names = ["seed", *factors]
    for name in (*names, score):
        if name not in table:
            columns = ", ".join(map(str, table))
            raise InputError(f"The table has no column {name!r}; its columns are {columns}.")
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


def _contrast(grid, axes, levels):
    """Return each seed's effect of raising these factors from their first to these levels."""
    for axis, level in zip(axes, levels):
        grid = grid.take([level], axis) - grid.take([0], axis)
    return grid.reshape(len(grid), -1).mean(axis=1)


def _mean_over_seeds(values):
    low = high = p_value = np.nan
    if _varies(values):
        test = ttest_1samp(values, 0)
        (low, high), p_value = test.confidence_interval(CONFIDENCE), test.pvalue
    return {"difference": values.mean(), "low": low, "high": high, "p_value": p_value}


def _varies(values):
    return np.ptp(values) > 1e-12  # less is rounding, not spread
