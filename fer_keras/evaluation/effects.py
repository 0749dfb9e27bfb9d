"""Effects of crossed factors over seeds and images; shares of variance."""

from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy.stats import f

from fer_keras.evaluation.chance import contrast
from fer_keras.evaluation.differences import MARGIN
from fer_keras.evaluation.shared import have_same_images
from fer_keras.utils.errors import InputError

UNKNOWN = ("low", "high", "p_value", "p_of_equality")
"""What an effect without repeated runs lacks."""


def factor_effects(arms, levels, margin=MARGIN, repeated=None):
    """Compute the effects of factors on a score, alone and together.

    An effect is averaged over the levels of the other factors. An interaction of two factors tells
    by how much the second's change raises the first's effect, and so on for more.

    Args:
        arms: dict from an arm's name to its runs' pseudo-values, as for `chance.contrast`.
        levels: DataFrame, one row an arm, indexed by its name; one column a factor. Each level is
            compared with the first that appears.
        margin: the effect below which a factor counts as doing nothing, in units of the score.
        repeated: the factor whose levels are measured on the same runs, as epochs are where a
            longer training goes on from a shorter one. What such runs share counts once; they
            stand in the same order in all arms. `None`: each arm has runs of its own.

    Returns:
        A DataFrame, one row an effect: `effect` (`balance`, or `balance × network`), `change`
        (`none → weights`), `order` (number of factors), `seeds` (the fewest runs of an arm),
        `difference`, the ends `low` and `high` of its 95 % interval, `p_value`, and `p_of_equality`
        (that the true effect lies beyond ±margin). All but the difference are missing where no arm
        has two runs.

    Raises:
        InputError: if an arm is missing or double, or a factor has one level.
    """
    factors = [*levels]
    grid = _grid(levels.assign(arm=levels.index), factors, "arm")
    found = {factor: levels[factor].unique() for factor in factors}
    seeds, rows = min(map(len, arms.values())), []
    series = _series(levels, repeated)
    for order in range(1, len(factors) + 1):
        for chosen in combinations(factors, order):
            for changed in product(*(range(1, len(found[name])) for name in chosen)):
                steps = [
                    f"{found[name][0]} → {found[name][to]}" for name, to in zip(chosen, changed)
                ]
                axes = [factors.index(name) for name in chosen]
                row = {"effect": " × ".join(chosen), "change": ", ".join(steps), "order": order}
                weights = _weights(grid, dict(zip(axes, changed)))
                rows.append(row | {"seeds": seeds} | _estimated(arms, weights, margin, series))
    return pd.DataFrame(rows)


def tested_apart(levels, runs):
    """Return the factors whose levels do not share their tests.

    They have other test images, labels or classes. Scores differ for that reason alone, so that
    such factors' own effects are not tested.

    Args:
        levels: as for `factor_effects`.
        runs: dict from an arm's name to its runs' `Predictions`, by seed.

    Returns:
        A list of columns of `levels`.
    """
    apart = []
    for factor in levels:
        rest = [name for name in levels if name != factor] or [0] * len(levels)
        for _, arms in levels.groupby(rest, sort=False):
            first, *others = (runs[arm][0] for arm in arms.index)
            alike = [run for run in others if run.class_names == first.class_names]
            if len(alike) < len(others) or not have_same_images([first, *alike]):
                apart.append(factor)
                break
    return apart


def is_apart(effect, apart):
    """Return whether all factors of an effect are tested apart.

    Args:
        effect: its name, such as `labels × data`.
        apart: what `tested_apart` returned.
    """
    return {*effect.split(" × ")} <= {*apart}


def effects_at_levels(arms, levels, factor, given, repeated=None):
    """Compute a factor's effect on a score at each level of another one.

    Args:
        arms: as for `factor_effects`.
        levels: as for `factor_effects`.
        factor: the column of `levels` whose effect is computed, averaged over all but `given`.
        given: the other column.
        repeated: as for `factor_effects`.

    Returns:
        A DataFrame like that of `factor_effects`, one row a level of `given` and a change of
        `factor`, with a column `at`: `given` and its level.
    """
    first, *others = levels[factor].unique()
    rows, series = [], _series(levels, repeated)
    for level in levels[given].unique():
        own = levels.loc[levels[given] == level, factor]
        for other in others:
            weights = {
                arm: weight / (own == end).sum()
                for end, weight in ((first, -1), (other, 1))
                for arm in own.index[own == end]
            }
            row = {"effect": factor, "change": f"{first} → {other}", "at": f"{given} {level}"}
            rows.append(row | _estimated(arms, weights, MARGIN, series))
    return pd.DataFrame(rows)


def variance_shares(table, factors, score, repeated=None):
    """Divide a score's variance among factors, interactions and seeds.

    This is an analysis of variance whose replicates are the seeds. Every combination has as many
    runs, so the sums of squares of types I, II and III agree, and the shares sum to 1. With a
    repeated factor this is a split-plot analysis. Effects between series are tested against the
    variation between series of the same levels, effects within series against the rest.

    Args:
        table: DataFrame of runs, one row for each combination of levels and seed.
        factors: columns to examine.
        score: name of the column to explain.
        repeated: as for `factor_effects`.

    Returns:
        A DataFrame, one row a source (each factor, each interaction, and `seeds`, the variation
        among runs of one arm; with `repeated`, that of series, and `seeds × epochs`, the rest):
        `source`, `share` of the sum of squares (0-1; missing if all scores
        are equal), `omega_squared` (the share corrected for chance: about 0, or below, where a
        source has no effect; Hays, "Statistics for Psychologists", 1963), `F`, `df`, and `p_value`.
        The last four are missing with one run an arm. Of these, `seeds` has only `df`.

    Raises:
        InputError: if a run is missing or double, a score is missing, or a factor has one level.
    """
    # Imported here: reading results should not wait for it.
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    grid = _grid(table, ["seed", *factors], score, free=("seed",))
    levels = table[factors].apply(lambda column: column.factorize()[0]).astype(str)
    levels[score] = table[score]
    sources = {
        " × ".join(chosen): ":".join(f"Q({name!r})" for name in chosen)
        for order in range(1, len(factors) + 1)
        for chosen in combinations(factors, order)
    }
    model = ols(f"Q({score!r}) ~ {' + '.join(sources.values())}", levels).fit()
    with np.errstate(all="ignore"):  # of F values without a residual
        found = anova_lm(model, typ=1)[["sum_sq", "df"]]
    rest = {"seeds": found.loc["Residual"].to_numpy()}
    if repeated in factors:
        rest = _strata(table, factors, score, repeated, *rest["seeds"])
    known = [*found.loc[[*sources.values()]].to_numpy(), *rest.values()]
    shares = pd.DataFrame(known, [*sources, *rest], ["squares", "df"])
    total, varies = shares["squares"].sum(), np.ptp(grid) > 1e-12  # less is rounding, not spread
    shares["share"] = shares["squares"] / total if varies else np.nan
    shares[["omega_squared", "F", "p_value"]] = np.nan
    for source in sources:
        squares, df = shares.loc[source, ["squares", "df"]]
        is_within = repeated in source.split(" × ")
        of_chance, df_chance = [*rest.values()][-1 if is_within else 0]
        if df_chance > 0 and varies and of_chance > 1e-12 * total:
            chance = of_chance / df_chance
            ratio = squares / df / chance
            omega = (squares - df * chance) / (total + chance)
            p_value = f.sf(ratio, df, df_chance)
            shares.loc[source, ["omega_squared", "F", "p_value"]] = omega, ratio, p_value
    shares = shares.rename_axis("source").reset_index()
    return shares[["source", "share", "omega_squared", "F", "df", "p_value"]]


def _strata(table, factors, score, repeated, squares, df):
    """Divide the residual into what runs of one series share, and what is peculiar to each."""
    others = [name for name in factors if name != repeated]
    means = table.groupby([*others, "seed"])[score].mean()
    of_series = means - (means.groupby(others).transform("mean") if others else means.mean())
    shared = table[repeated].nunique() * (of_series**2).sum()
    df_shared = df / table[repeated].nunique()
    rest = squares - shared, df - df_shared
    return {"seeds": (shared, df_shared), f"seeds × {repeated}": rest}


def _series(levels, repeated):
    """Return lists of the arms that differ in `repeated` alone, its levels in one order."""
    if repeated not in levels:
        return [[arm] for arm in levels.index]
    ordered = levels.iloc[np.argsort(levels[repeated].factorize()[0], kind="stable")]
    others = [name for name in levels if name != repeated]
    groups = ordered.groupby(others, sort=False) if others else [("", ordered)]
    return [[*own.index] for _, own in groups]


def _estimated(arms, weights, margin, series):
    """Return the difference, interval and p values; without seeds, the difference alone."""
    if max(map(len, arms.values())) == 1:
        value = sum(weight * arms[arm].mean() for arm, weight in weights.items())
        return {"difference": value} | dict.fromkeys(UNKNOWN, np.nan)
    estimate = contrast(*_joined(arms, weights, series))
    p_values = estimate.p_value(), estimate.p_value_of_equality(margin)
    known = zip(UNKNOWN, (*estimate.interval(), *p_values))
    return {"difference": estimate.value, **dict(known)}


def _joined(arms, weights, series):
    """Return each series as one arm, and its weight.

    Runs of one seed in a series share chance, so their weighted sum counts as one run. The weights
    of the levels are the same in all series, up to a factor for each series.
    """
    rows = np.array([[weights.get(arm, 0.0) for arm in own] for own in series])
    pattern = rows[np.abs(rows).sum(axis=1).argmax()]
    factors = rows @ pattern / (pattern @ pattern)
    joined = [sum(part * arms[arm] for part, arm in zip(pattern, own)) for own in series]
    names = [own[0] for own in series]
    return dict(zip(names, joined)), dict(zip(names, factors))


def _weights(grid, changed):
    """Return the weights by arm of raising some factors from their first levels.

    `changed` is a dict from a factor's axis of `grid` to the place of its level.
    """
    weights = {}
    for place in np.ndindex(grid.shape):
        weight = 1.0
        for axis, size in enumerate(grid.shape):
            if axis not in changed:
                weight /= size
            elif place[axis] not in (0, changed[axis]):
                weight = 0.0
            elif place[axis] == 0:
                weight = -weight
        if weight:
            weights[grid[place]] = weight
    return weights


def _grid(table, names, value, free=()):
    """Return the values as an array: each name's levels in order of appearance."""
    for name in (*names, value):
        if name not in table:
            columns = ", ".join(map(str, table))
            raise InputError(f"The table has no column {name!r}; its columns are {columns}.")
    levels = {name: table[name].unique() for name in names}
    for name, found in levels.items():
        if name not in free and len(found) < 2:
            raise InputError(
                f"{name} has the one level {', '.join(map(str, found))} and so no effect to "
                "find; run it with another level, or leave it out of the factors."
            )
    index = pd.MultiIndex.from_product(levels.values(), names=names)
    if len(names) == 1:
        index = index.get_level_values(0)
    counts = table.groupby(names)[value].count().reindex(index, fill_value=0)
    wrong = counts[counts != 1]
    if len(wrong):
        first = wrong.index[0] if len(names) > 1 else [wrong.index[0]]
        run = ", ".join(f"{name} {level}" for name, level in zip(names, first))
        raise InputError(
            f"The run with {run} has {wrong.iloc[0]} values of {value} instead of 1 ({len(wrong)} "
            f"of {len(counts)} runs are missing or double); run what is missing, or leave out what "
            "is double or the whole seed."
        )
    values = table.set_index(names)[value].reindex(index)
    return values.to_numpy().reshape([len(found) for found in levels.values()])
