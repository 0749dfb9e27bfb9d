"""Tables of the effects of crossed factors, and of shares of the variance."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from fer_keras.evaluation.chance import values_by_arm
from fer_keras.evaluation.differences import LEVEL, PRIMARY, RUN_SCORES
from fer_keras.evaluation.effects import (
    UNKNOWN,
    effects_at_levels,
    factor_effects,
    is_apart,
    tested_apart,
    variance_shares,
)
from fer_keras.evaluation.intervals import SCORES, holm, largest_difference
from fer_keras.evaluation.shared import have_same_images, is_idle
from fer_keras.reporting.difference_tables import p_text, points_text
from fer_keras.reporting.score_tables import SCORE_NAMES, headline_rows
from fer_keras.utils.errors import InputError

REPEATED = "epochs"
"""The factor whose levels are measured on the same runs: a longer training goes on from a shorter
one, and others of one seed begin alike."""


@dataclass(frozen=True)
class Effects:
    """The effects of a comparison's crossed factors.

    Args:
        runs: the runs that `balanced_runs` returned.
        factors: its factors.
        table: what `effect_table` returned of them.
        at_levels: DataFrame like that of `effects.effects_at_levels`, of accuracy: each of two
            factors at the levels of the other, where their interaction is shown; else empty.
    """

    runs: pd.DataFrame
    factors: list[str]
    table: pd.DataFrame
    at_levels: pd.DataFrame

    @property
    def primary(self):
        """The rows of `table` on the score that is tested, with short changes."""
        return with_short_changes(self.table[self.table["score"] == PRIMARY])

    @property
    def levels(self):
        """The levels of each arm: a DataFrame, one column a factor."""
        return _levels(self.runs, self.factors)


def grid_effects(comparison, results):
    """Return the effects of a comparison's crossed factors.

    Args:
        comparison: the `Comparison`, a grid.
        results: what `results.result_table` returned of it.

    Returns:
        `Effects`; `None` where no seed has finished with every arm.
    """
    try:
        runs, factors = balanced_runs(comparison, results)
    except InputError:
        return None
    table = effect_table(runs, factors, comparison)
    shown = table.loc[table["is_shown"] & (table["order"] == 2), "effect"].unique()
    pairs = [pair for effect in shown for pair in permutations(effect.split(" × "))]
    if not pairs:
        return Effects(runs, factors, table, pd.DataFrame())
    levels, values = _levels(runs, factors), _values(runs, _predictions(runs, comparison))
    accuracies = {arm: each[:, SCORES.index(PRIMARY)] for arm, each in values.items()}
    parts = [effects_at_levels(accuracies, levels, *pair, REPEATED) for pair in pairs]
    return Effects(runs, factors, table, pd.concat(parts))


def balanced_runs(comparison, results):
    """Return the runs of a grid with which effects can be computed.

    Seeds with a failed run are left out, so that the grid stays balanced. With several data sets,
    `data` is one more factor.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.

    Returns:
        A DataFrame, one row a run, and the list of its columns that are factors.

    Raises:
        InputError: if the comparison crosses no factors, or no seed is complete.
    """
    runs = headline_rows(results)
    if "epochs" in comparison.factors:  # those of the recipe; patience may have trained fewer
        runs = runs.assign(epochs=[comparison.arms[arm].epochs for arm in runs["arm"]])
    factors = [factor for factor in comparison.factors if runs[factor].nunique() > 1]
    if not factors:
        raise InputError("This comparison crosses no factors, so that it has no effects.")
    if runs.duplicated(["seed", *factors]).any():
        # These arms differ in their data set, which stands at the end of their names.
        runs = runs.assign(data=runs["arm"].str.rpartition(" on ")[2])
        factors.append("data")
    num_arms = runs.groupby("seed")["arm"].nunique()
    complete = num_arms.index[num_arms == len(comparison.arms)]
    if not len(complete):
        raise InputError(
            "No seed has finished with every arm, so that there are no effects to compute; "
            f"the first error is: {comparison.errors[0]['error']}"
        )
    return runs[runs["seed"].isin(complete)], factors


def effect_table(runs, factors, comparison):
    """Return the effects of factors, alone and together, on each score.

    Args:
        runs: the runs that `balanced_runs` returned.
        factors: its factors.
        comparison: the `Comparison`. Intervals are over seeds and test images, or over seeds alone
            where the test images are not the same for all runs.

    Returns:
        A DataFrame like that of `effects.factor_effects`, with a first column `score`. Of accuracy
        alone `is_shown` and `is_small` say what is found: an effect, or that it is smaller than the
        comparison's margin, each at 5 % after Holm's correction for the number of effects, and
        `holm_p_value` is the corrected p value. Nothing is found of arms that have all learnt
        nothing, and no effect is called small where some have, or where the runs differ on too few
        images to tell. `attrs["apart"]` lists the factors whose levels have other tests; of their
        own effects the difference alone is given.
    """
    predictions = _predictions(runs, comparison)
    levels, values, tables = _levels(runs, factors), _values(runs, predictions), {}
    idle = [is_idle(own) for own in predictions.values()]
    may_be_small = not any(idle) and _differ_enough(predictions, comparison.margin)
    apart = tested_apart(levels, predictions) if predictions else []
    for score in RUN_SCORES:
        arms = {arm: each[:, SCORES.index(score)] for arm, each in values.items()}
        table = factor_effects(arms, levels, comparison.margin, REPEATED)
        table.loc[table["effect"].map(lambda name: is_apart(name, apart)), [*UNKNOWN]] = np.nan
        table["holm_p_value"] = holm(table["p_value"]) if score == PRIMARY else np.nan
        equality = holm(table["p_of_equality"]) if score == PRIMARY else np.nan
        table["is_small"] = may_be_small & (equality <= LEVEL)
        table["is_shown"] = (table["holm_p_value"] <= LEVEL) & (not idle or not all(idle))
        tables[score] = table
    effects = pd.concat(tables, names=["score", None]).reset_index(0).reset_index(drop=True)
    effects.attrs["on_images"] = next(iter(values.values())).shape[-1] > 1
    effects.attrs["apart"] = apart
    return effects


def with_short_changes(effects):
    """Leave out interactions' changes where each factor has two levels.

    The row of a factor alone names its levels.

    Args:
        effects: DataFrame with the columns `effect`, `change` and `order`.

    Returns:
        A DataFrame like it.
    """
    own = effects.loc[effects["order"] == 1, ["effect", "change"]].drop_duplicates()
    if not own["effect"].is_unique:
        return effects
    return effects.assign(change=effects["change"].where(effects["order"] == 1, ""))


def readable_effects(effects):
    """Return effects as text, in points.

    Args:
        effects: what `effect_table` returned.

    Returns:
        A DataFrame of texts, one row an effect.
    """
    rows = {}
    for row in with_short_changes(effects).to_dict("records"):
        text = rows.setdefault((row["effect"], row["change"]), {})
        text[SCORE_NAMES[row["score"]]] = points_text(row)
        if row["score"] == PRIMARY:
            text["p, after Holm"] = p_text(row["holm_p_value"])
            text["found"] = "an effect" * row["is_shown"]
            if is_apart(row["effect"], effects.attrs["apart"]):
                text["found"] = "not comparable: other tests"
            if row["is_small"]:
                text["found"] += ", " * row["is_shown"] + "smaller than the margin"
    table = pd.DataFrame(rows).T.rename_axis(["effect", "change"])
    return table.loc[:, (table != "").any()]


def share_table(runs, factors, apart=()):
    """Return the share of the variation among runs that each factor explains.

    Args:
        runs: the runs that `balanced_runs` returned.
        factors: its factors.
        apart: those of them whose levels have other tests, which have no p values.

    Returns:
        A DataFrame like that of `effects.variance_shares`, with a first column `score`. Of
        accuracy the p values are corrected by Holm's method; other scores have none.
    """
    tables = {score: variance_shares(runs, factors, score, REPEATED) for score in RUN_SCORES}
    for score, table in tables.items():
        table.loc[table["source"].map(lambda name: is_apart(name, apart)), "p_value"] = np.nan
        table["p_value"] = holm(table["p_value"]) if score == PRIMARY else np.nan
    return pd.concat(tables, names=["score", None]).reset_index(0).reset_index(drop=True)


def readable_shares(shares):
    """Return shares of the variation as text.

    Args:
        shares: what `share_table` returned.

    Returns:
        A DataFrame of texts, one row a source, with columns for each score.
    """
    rows = {}
    for row in shares.to_dict("records"):
        name, text = SCORE_NAMES[row["score"]], rows.setdefault(row["source"], {})
        text[f"{name}: share"] = _percent(row["share"])
        text[f"{name}: ω²"] = _percent(row["omega_squared"])
        if row["score"] == PRIMARY:
            text["F"] = "" if pd.isna(row["F"]) else f"{row['F']:.3g}"
            text["df"] = f"{row['df']:.0f}"
            text["p, after Holm"] = p_text(row["p_value"])
    table = pd.DataFrame(rows).T.rename_axis("source")
    return table.loc[:, (table != "").any()]


def readable_at_levels(effects):
    """Return effects at the levels of another factor as text, in points.

    Args:
        effects: `Effects.at_levels`.

    Returns:
        A DataFrame of texts, one row an effect and level.
    """
    texts = effects[["effect", "change", "at"]].assign(
        accuracy=list(map(points_text, effects.to_dict("records")))
    )
    return texts.set_index(["effect", "change"])


def _levels(runs, factors):
    return runs.drop_duplicates("arm").set_index("arm")[factors]


def _percent(share):
    return "" if pd.isna(share) else f"{100 * share:z.0f} %"


def _values(runs, predictions):
    """Return values by arm, `(seeds, scores, n)`: pseudo-values, or n = 1 and the scores alone."""
    if predictions and have_same_images([run for own in predictions.values() for run in own]):
        return values_by_arm(predictions)
    return {
        arm: own.sort_values("seed")[[*SCORES]].to_numpy(float)[:, :, None]
        for arm, own in runs.groupby("arm", sort=False)
    }


def _predictions(runs, comparison):
    """Return the `Predictions` of each arm's runs, by seed; none where some arm has none here."""
    seeds = {arm: sorted(own["seed"]) for arm, own in runs.groupby("arm", sort=False)}
    if not all(arm in comparison.runs for arm in seeds):
        return {}
    return {
        arm: [comparison.runs[arm][seed].predictions for seed in own] for arm, own in seeds.items()
    }


def _differ_enough(predictions, margin):
    """Return whether runs on the same images differ on enough of them to call effects small."""
    every = [run for own in predictions.values() for run in own]
    if not every or not have_same_images(every):
        return True
    return largest_difference(every, 1 - 2 * LEVEL) < margin
