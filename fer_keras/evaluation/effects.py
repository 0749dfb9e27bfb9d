"""What several runs with different seeds say: pipelines compared, and the effects of factors.

A seed fixes the order of the images and the initial weights, so that runs of equal seed share luck:
they are compared with each other, and seeds, not runs or images, are counted.
"""

from bisect import bisect_left
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu, ttest_1samp
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower

from fer_keras.evaluation.intervals import CONFIDENCE, holm
from fer_keras.utils.errors import InputError

RUN_SCORES = ("accuracy", "macro_f1")
POWER = 0.8
MOST_SEEDS = 1000

QUESTIONS = {
    "paired t test": (
        "Is one of these two pipelines better on average over seeds, not just in one run?",
        "The difference of each seed's two runs is held against how much it varies from seed to "
        "seed.",
    ),
    "probability of superiority": (
        "How often is a run of the second pipeline better than a run of the first?",
        "The share of all pairs of runs, one from each, that the second wins, ties counting half; "
        "0.5 means that neither is ahead.",
    ),
    "seeds needed": (
        "With how many seeds would such a difference be seen?",
        "The fewest for which the paired t test would find it in 80 % of studies, if the observed "
        "difference and its spread were the true ones: rough with few seeds.",
    ),
    "effect of a factor": (
        "By how much does changing this factor move the score, the other factors averaged?",
        "The mean over seeds of each seed's difference, with a t interval from how that "
        "difference varies between seeds.",
    ),
    "interaction": (
        "Does the effect of one factor depend on the other?",
        "How much larger the first factor's effect is at the second's other level, with a t "
        "interval over seeds; 0 means that the effects simply add up.",
    ),
    "share of variance": (
        "What moves the score most: which factor, which combination, or the seed?",
        "Analysis of variance divides the variation among all runs' scores; what mere chance "
        "would give each source stands beside it.",
    ),
}
"""For each statistic of this file: the question it answers, and how, a sentence each."""


def compare_pipelines(first, second):
    """Compare two pipelines by their runs with the same seeds.

    The paired t test is taken, not Wilcoxon's signed ranks: with 5 seeds the smallest two-sided p
    that ranks can give is 2/32 = .06, so that they could find nothing at 5 %.

    Args:
        first: DataFrame with one row a run: `seed`, `accuracy` and `macro_f1` (0-1).
        second: as `first`, with the same seeds.

    Returns:
        A DataFrame with one row a score: `score`, `seeds` (how many), `first` and `second` (mean
        scores), `difference` (second minus first), `low` and `high` (95 % t interval over seeds),
        `p_value` (paired t test), `superiority` (the probability, 0-1, that a run of the second
        beats one of the first, ties half), `seeds_needed` (for 80 % power at a level of 5 %, were
        the observed difference and spread the true ones; at least 3, missing if more than 1,000).
        Where nothing varies between seeds, as with one seed, what needs that spread is missing.

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


def compare_all_pipelines(pipelines):
    """Compare every two of several pipelines, with p values corrected by Holm's method.

    Args:
        pipelines: dict from a pipeline's name to its runs, as for `compare_pipelines`.

    Returns:
        A DataFrame with one row a pair and score: `first_name`, `second_name`, the columns of
        `compare_pipelines`, and `holm_p_value`, corrected over the pairs for each score; empty
        for fewer than two pipelines.

    Raises:
        InputError: as for `compare_pipelines`, with the two names.
    """
    tables = []
    for name, other in combinations(pipelines, 2):
        try:
            table = compare_pipelines(pipelines[name], pipelines[other])
        except InputError as error:
            raise InputError(f"{name} and {other}: {error}") from error
        table.insert(0, "first_name", name)
        table.insert(1, "second_name", other)
        tables.append(table)
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    return table.assign(holm_p_value=table.groupby("score")["p_value"].transform(holm))


def factor_effects(table, factors, score):
    """Compute by how much each factor moves a score, and each two factors beyond their sum.

    An effect is computed within each seed, from runs that share its luck, and averaged over the
    other factors' levels; its error is how much it varies between seeds. The interval is thus
    about other seeds, assumes nothing of how runs of one seed hang together, and is wide with few
    seeds: 3 of them leave 2 degrees of freedom.

    Args:
        table: DataFrame with one row a run: the factors, `seed` and the score, of every
            combination of levels with every seed.
        factors: the columns to examine, each of two or more levels; the first to appear is what
            the others are held against.
        score: the column to explain.

    Returns:
        A DataFrame with one row an effect: `effect` (`balance`, or `balance × network` for an
        interaction), `change` (`none → weights`; an interaction is how much larger the first
        factor's effect is after the second one's change), `seeds` (how many), `difference`, and
        its 95 % t interval `low` and `high`, missing where nothing varies between seeds.

    Raises:
        InputError: if a run is missing or double, a score is missing, or a factor has one level.
    """
    grid = _grid(table, factors, score)
    levels = {factor: table[factor].unique() for factor in factors}
    rows = []
    for size in (1, 2):
        for chosen in combinations(factors, size):
            for changed in product(*(range(1, len(levels[factor])) for factor in chosen)):
                effect = _contrast(grid, [factors.index(factor) for factor in chosen], changed)
                test = _mean_over_seeds(effect)
                test.pop("p_value")
                change = ", ".join(
                    f"{levels[factor][0]} → {levels[factor][level]}"
                    for factor, level in zip(chosen, changed)
                )
                row = {"effect": " × ".join(chosen), "change": change, "seeds": len(effect)}
                rows.append(row | test)
    return pd.DataFrame(rows)


def variance_shares(table, factors, score):
    """Divide the variation among all runs' scores between factors, interactions and seed.

    Analysis of variance with the seed as a block. As every combination is there, types I, II and
    III agree and the shares sum to 1; type I also works where nothing is left over for `rest`.

    Args:
        table: as for `factor_effects`.
        factors: the columns to examine.
        score: the column to explain.

    Returns:
        A DataFrame with one row a source (each factor, each two factors, `seed`, and `rest`):
        `source`, `share` (0-1; missing if all scores are equal) and `by_chance`, the share
        expected if nothing but chance moved the scores: more levels always explain more. `rest` is
        what is left, with how much effects vary between seeds.

    Raises:
        InputError: as for `factor_effects`.
    """
    grid = _grid(table, factors, score)
    columns = dict(zip([*factors, "seed"], (f"x{place}" for place in range(len(factors) + 1))))
    coded = table[[*columns]].rename(columns=columns).apply(lambda found: found.factorize()[0])
    coded = coded.astype(str).assign(y=table[score])
    pairs = list(combinations(factors, 2))
    sources = {factor: columns[factor] for factor in factors}
    sources |= {f"{one} × {two}": f"{columns[one]}:{columns[two]}" for one, two in pairs}
    if len(grid) > 1:
        sources["seed"] = columns["seed"]
    model = ols(f"y ~ {' + '.join(sources.values())}", coded).fit()
    with np.errstate(all="ignore"):  # of F values, which are not used
        found = anova_lm(model, typ=1).loc[[*sources.values(), "Residual"]]
    total = found["sum_sq"].sum() if _varies(grid) else np.nan
    shares = found["sum_sq"] / total
    chances = found["df"] / found["df"].sum()
    return pd.DataFrame(
        {"source": [*sources, "rest"], "share": shares.to_numpy(), "by_chance": chances.to_numpy()}
    )


def _grid(table, factors, score):
    # An array of scores: seeds, then the levels of each factor, all in order of appearance.
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
                f"{factor} has the one level {', '.join(map(str, found))}, so that it has no "
                "effect to find; run it with another level, or leave it out of the factors."
            )
    index = pd.MultiIndex.from_product(levels, names=names)
    counts = table.groupby(names)[score].count().reindex(index, fill_value=0)
    if (counts != 1).any():
        run, count = next((run, count) for run, count in counts.items() if count != 1)
        raise InputError(
            f"The run with {', '.join(f'{name} {level}' for name, level in zip(names, run))} has "
            f"{count} values of {score} instead of 1 ({(counts != 1).sum()} of {len(counts)} runs "
            "are so); run what is missing, leave out what is double, or leave out the whole seed."
        )
    scores = table.set_index(names)[score].reindex(index)
    return scores.to_numpy(float).reshape([len(found) for found in levels])


def _contrast(grid, places, levels):
    # One value a seed: the difference that each level makes to the first, taken in turn.
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
