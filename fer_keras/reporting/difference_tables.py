"""Tables of differences between arms and of effects of factors."""

from enum import StrEnum

import numpy as np
import pandas as pd

from fer_keras.evaluation.effects import (
    RUN_SCORES,
    compare_pipelines,
    factor_effects,
    variance_shares,
)
from fer_keras.evaluation.intervals import compare_models, differences_apart, holm, mcnemar_test
from fer_keras.evaluation.predictions import CLEAN
from fer_keras.reporting.score_tables import SCORE_NAMES, headline_rows
from fer_keras.utils.errors import InputError

LEVEL = 0.05
"""Significance level: the share of false alarms to accept where nothing differs."""


class How(StrEnum):
    """How a difference was found."""

    OVER_SEEDS = "paired t test over seeds"
    SAME_IMAGES = "one run each, same test images"
    OTHER_IMAGES = "one run each, different test images"
    NOT_COMPARED = "not compared: other classes or labels"


def difference_table(comparison, results, reference=None):
    """Compare every arm with a reference arm.

    Arms that share two or more seeds are compared as pipelines, over seeds; others as the two
    models of their first seeds, over test images.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        reference: an arm's name; `None` takes the first one.

    Returns:
        A DataFrame, one row an arm, set of test images and score: `arm`, `reference`,
        `test images` (`all`, or `clean`: without copies in training), `score`, `seeds` (number),
        `first` (the reference's score), `second` (the arm's), `difference` (second minus first),
        `low` and `high` (its 95 % interval), `p_value` (paired t test over seeds, or McNemar's for
        the accuracy of two models), `holm_p_value` (corrected over the arms), `how`, `is_shown`
        (corrected p value of at most 5 %; for models without one, the interval leaves out 0).

    Raises:
        InputError: if no finished arm is called `reference`.
    """
    arms = list(comparison.first)
    reference = arms[0] if reference is None else reference
    if reference not in arms:
        raise InputError(f"No arm is called {reference!r}; the arms are {', '.join(arms)}.")
    if len(arms) == 1:
        return pd.DataFrame()
    others = [arm for arm in arms if arm != reference]
    tables = {arm: _difference(comparison, results, reference, arm) for arm in others}
    table = pd.concat(tables, names=["arm"]).reset_index("arm").reset_index(drop=True)
    table["reference"] = reference
    table["holm_p_value"] = table.groupby(["test images", "score"])["p_value"].transform(holm)
    leaves_out_0 = (table["low"] > 0) | (table["high"] < 0)
    has_test = (table["how"] == How.OVER_SEEDS) | table["p_value"].notna()
    table["is_shown"] = np.where(has_test, table["holm_p_value"] <= LEVEL, leaves_out_0)
    first = ["arm", "reference", "test images", "score", "seeds", "first", "second", "difference"]
    return table[[*first, "low", "high", "p_value", "holm_p_value", "how", "is_shown"]]


def readable_differences(differences):
    """Return differences as text, in points.

    Args:
        differences: what `difference_table` returned.

    Returns:
        A DataFrame of texts, one row an arm and set of test images.
    """
    rows = {}
    for row in differences.to_dict("records"):
        name = SCORE_NAMES[row["score"]]
        text = rows.setdefault((row["arm"], row["test images"]), {})
        text[name] = points_text(row)
        text[f"p of {name}, after Holm"] = p_text(row["holm_p_value"])
        text["how"] = row["how"] + f" ({row['seeds']})" * (row["how"] == How.OVER_SEEDS)
    table = pd.DataFrame(rows).T.rename_axis(["arm", "test images"])
    table = table.loc[:, (table != "").any()]
    return table[[*table.columns.drop("how"), "how"]]


def points_text(row):
    """Return a difference and its interval as text.

    Args:
        row: dict with `difference`, `low` and `high`, in 0-1.

    Returns:
        A text in points, such as `+1.2 (-0.3 to +2.7)`.
    """
    if pd.isna(row["difference"]):
        return ""
    interval = f" ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
    return f"{100 * row['difference']:+.1f}" + interval * bool(pd.notna(row["low"]))


def p_text(p_value):
    """Return a p value as text, empty where it is missing.

    Args:
        p_value: float in 0-1, or NaN.
    """
    return "" if pd.isna(p_value) else f"{p_value:.2g}"


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


def effect_table(runs, factors):
    """Return the effects of factors and of pairs of them on each score.

    Args:
        runs: the runs that `balanced_runs` returned.
        factors: its factors.

    Returns:
        A DataFrame like that of `effects.factor_effects`, with a first column `score`.
    """
    tables = {score: factor_effects(runs, factors, score) for score in RUN_SCORES}
    return pd.concat(tables, names=["score", None]).reset_index(0).reset_index(drop=True)


def readable_effects(effects):
    """Return effects as text, in points.

    Args:
        effects: what `effect_table` returned.

    Returns:
        A DataFrame of texts, one row an effect, one column a score.
    """
    rows = {}
    for row in effects.to_dict("records"):
        text = rows.setdefault((row["effect"], row["change"]), {})
        text[SCORE_NAMES[row["score"]]] = points_text(row)
    return pd.DataFrame(rows).T.rename_axis(["effect", "change"])


def share_table(runs, factors):
    """Return the share of the variance that each factor explains.

    Args:
        runs: the runs that `balanced_runs` returned.
        factors: its factors.

    Returns:
        A DataFrame, one row a source, with `accuracy`, `macro_f1` and `by_chance`, in 0-1.
    """
    tables = [variance_shares(runs, factors, score).set_index("source") for score in RUN_SCORES]
    shares = {score: table["share"] for score, table in zip(RUN_SCORES, tables)}
    return pd.DataFrame(shares | {"by_chance": tables[0]["by_chance"]})


def readable_shares(shares):
    """Return shares of the variance as text, in per cent.

    Args:
        shares: what `share_table` returned.
    """
    text = shares.map(lambda share: "" if pd.isna(share) else f"{100 * share:.0f} %")
    return text.rename(columns={**SCORE_NAMES, "by_chance": "by chance"})


def _difference(comparison, results, reference, arm):
    first, second = (comparison.first[name].predictions for name in (reference, arm))
    same = np.array_equal(first.ids, second.ids)
    if first.class_names != second.class_names or (same and any(first.y_true != second.y_true)):
        missing = dict.fromkeys(["first", "second", "difference", "low", "high", "p_value"], np.nan)
        rows = [{"score": score, "test images": "all", "seeds": 0} for score in RUN_SCORES]
        return pd.DataFrame(rows).assign(**missing, how=How.NOT_COMPARED)
    seeds = set(comparison.runs[reference]) & set(comparison.runs[arm])
    if len(seeds) > 1:
        runs = results[results["seed"].isin(seeds)].dropna(subset="accuracy")
        return _over_seeds(*(runs[runs["arm"] == name] for name in (reference, arm)), len(seeds))
    if same:
        table = pd.concat(_of_models(first, second))
    else:
        table = differences_apart(first, second)
        table = table.assign(**{"test images": "all", "how": How.OTHER_IMAGES, "p_value": np.nan})
    return table[table["score"].isin(RUN_SCORES)].assign(seeds=1)


def _over_seeds(first, second, num_seeds):
    tables, pair = [], (first, second)
    for name, form in (("all", "{}"), ("clean", CLEAN)):
        parts = [runs[runs["split"] == form.format(runs["split"].iloc[0])] for runs in pair]
        if all(len(part) == num_seeds for part in parts):
            tables.append(compare_pipelines(*parts).assign(**{"test images": name}))
    return pd.concat(tables).assign(how=How.OVER_SEEDS)


def _of_models(first, second):
    clean = ~(first.leaked | second.leaked)
    parts = {"all": (first, second)}
    if clean.any() and not clean.all():
        parts["clean"] = first.select(clean), second.select(clean)
    for name, pair in parts.items():
        p_value = [mcnemar_test(*pair)[-1], np.nan, np.nan]
        table = compare_models(*pair).assign(how=How.SAME_IMAGES, p_value=p_value)
        yield table.assign(**{"test images": name})
