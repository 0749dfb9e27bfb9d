"""Tables and sentences of what people see, beside labels."""

import numpy as np
import pandas as pd

from fer_keras.comparison.pairs import with_shared_names
from fer_keras.comparison.votes import find_votes
from fer_keras.evaluation.chance import contrast, group_means
from fer_keras.evaluation.differences import LEVEL
from fer_keras.evaluation.effects import factor_effects
from fer_keras.evaluation.intervals import holm, proportion_interval
from fer_keras.evaluation.judges import (
    EMOTIONS,
    LABEL,
    MEASURES,
    PERSON,
    PLURALITY,
    judge,
    plurality,
)
from fer_keras.reporting.difference_tables import p_text, points_text
from fer_keras.reporting.effect_tables import REPEATED, with_short_changes
from fer_keras.reporting.render import render
from fer_keras.reporting.score_tables import interval_text
from fer_keras.utils.errors import InputError

LEAST_IMAGES = 20
"""Images of a class below which its interval would be too narrow, and is left out."""

TITLES = {
    "label": "accuracy by label",
    "plurality": "accuracy by plurality",
    "vote_share": "vote share",
}
"""Measure -> its name in tables."""

GAP = "label − plurality"
"""The difference by label minus the difference by plurality."""


def judge_comparison(comparison):
    """Score a comparison by people's votes, where there are votes.

    Votes name a CSV's rows. An arm of another storage form is scored on the test images that its
    pixels pair with those of an arm that has votes.

    Args:
        comparison: the `Comparison`.

    Returns:
        A `judges.Judgement`, or `None` where no arm has votes; and a sentence on why it is
        `None` although there are votes, or an empty text.
    """
    try:
        votes, arms = find_votes(comparison)
    except InputError as error:
        return None, f"**People's votes could not be used.** {error}"
    named = [arm for arm in arms if votes.index.isin(comparison.first[arm].predictions.ids).any()]
    if not named:
        return None, ""
    runs = with_shared_names(comparison, named[0])
    judgement = judge({arm: [*runs[arm].values()] for arm in arms}, votes)
    if judgement:
        others = [arm for arm in comparison.first if arm not in arms]
        judgement.left_out.update(dict.fromkeys(others, "its labels are not FER2013's"))
    return judgement, ""


def judge_table(judgement):
    """Return the scores of the arms and of people by each measure.

    Args:
        judgement: the `judges.Judgement`.

    Returns:
        A DataFrame, one row an arm, and then a person, the plurality and the label: `who`,
        `is_arm`, `seeds` (0 for people), and for each measure its mean and the ends `_low` and
        `_high` of its 95 % interval over seeds and images, in 0-1. A score that is 1 on every
        image has no interval.
    """
    rows = []
    for who in (*judgement.arms, *judgement.people):
        is_arm = who in judgement.arms
        row = {"who": who, "is_arm": is_arm, "seeds": judgement.seeds(who) if is_arm else 0}
        for measure in MEASURES:
            row |= _with_ends(measure, judgement.score(who, measure))
        rows.append(row)
    return pd.DataFrame(rows)


def readable_judges(table):
    """Return the scores as text.

    Args:
        table: what `judge_table` returned.

    Returns:
        A DataFrame of texts, one row an arm or people: `.684 [.670, .701]`.
    """
    columns = {"seeds": table["seeds"].map(lambda seeds: str(seeds or ""))}
    for measure, title in TITLES.items():
        names = [measure, f"{measure}_low", f"{measure}_high"]
        columns[title] = [interval_text(*values) for values in table[names].to_numpy()]
    return pd.DataFrame(columns).set_axis(table["who"].rename("arm"))


def judge_differences(judgement):
    """Compare every arm with the first one by each measure.

    Args:
        judgement: the `judges.Judgement`.

    Returns:
        A DataFrame, one row an arm and measure, and one of the difference by label minus the
        difference by plurality (`GAP`): `arm`, `reference`, `measure`, `seeds` (the fewer of both
        arms'), `difference`, `low` and `high` (its 95 % interval over seeds and images),
        `p_value`, `holm_p_value` (corrected over measures and arms with two seeds or more; not of
        `GAP`) and `is_shown` (corrected p value of at most 5 %). Empty for one arm.
    """
    (reference, *others), rows = judgement.arms, []
    for arm in others:
        for measure in (*MEASURES, GAP):
            names = ("label", "plurality") if measure == GAP else measure
            estimate = judgement.difference(arm, reference, names)
            row = {"arm": arm, "reference": reference, "measure": measure}
            row["seeds"] = min(map(judgement.seeds, (arm, reference)))
            low, high = estimate.interval()
            row |= {"difference": estimate.value, "low": low, "high": high}
            rows.append(row | {"p_value": estimate.p_value()})
    table = pd.DataFrame(rows)
    if len(table):
        is_tested = (table["measure"] != GAP) & (table["seeds"] > 1)
        table["holm_p_value"] = holm(table["p_value"].where(is_tested))
        table["is_shown"] = table["holm_p_value"] <= LEVEL
    return table


def readable_judge_differences(differences):
    """Return differences as text, in points.

    Args:
        differences: what `judge_differences` returned.

    Returns:
        A DataFrame of texts, one row an arm.
    """
    rows = {}
    for row in differences.to_dict("records"):
        text = rows.setdefault(row["arm"], {"seeds": str(row["seeds"])})
        title = TITLES.get(row["measure"], row["measure"])
        text[title] = points_text(row)
        if pd.notna(row["holm_p_value"]):
            text[f"p of {title}, after Holm"] = p_text(row["holm_p_value"])
    return pd.DataFrame(rows).T.fillna("").rename_axis("arm")


def judge_effects(judgement, levels):
    """Return the effects of crossed factors by each measure.

    Args:
        judgement: the `judges.Judgement`.
        levels: `effect_tables.Effects.levels`.

    Returns:
        A DataFrame like that of `effects.factor_effects`, with a first column `measure`; `None`
        where an arm of the grid is not judged, or a run is missing.
    """
    if {*levels.index} != {*judgement.arms} or len({*map(judgement.seeds, judgement.arms)}) > 1:
        return None
    tables = {
        measure: factor_effects(
            {
                arm: group_means(judgement.arms[arm][place], judgement.groups)
                for arm in levels.index
            },
            levels,
            repeated=REPEATED,
        )
        for place, measure in enumerate(MEASURES)
    }
    return pd.concat(tables, names=["measure", None]).reset_index(0).reset_index(drop=True)


def readable_judge_effects(effects):
    """Return effects by each measure as text, in points.

    Args:
        effects: what `judge_effects` returned.

    Returns:
        A DataFrame of texts, one row an effect.
    """
    rows = {}
    for row in with_short_changes(effects).to_dict("records"):
        text = rows.setdefault((row["effect"], row["change"]), {})
        text[TITLES[row["measure"]]] = points_text(row)
    return pd.DataFrame(rows).T.rename_axis(["effect", "change"])


def class_agreement(judgement):
    """Return how often people's plurality is FER2013's label, by class.

    Args:
        judgement: the `judges.Judgement`.

    Returns:
        A DataFrame, one row a class and then all: `class`, `images`, `agree` (share in 0-1), the
        ends `low` and `high` of its 95 % interval over images (NaN for fewer than `LEAST_IMAGES`),
        and `seen most as`, the emotion that is most often the plurality.
    """
    chosen, labels = plurality(judgement.votes), judgement.votes["label"].to_numpy()
    agrees = judgement.people[PLURALITY][MEASURES.index("label"), 0]
    rows = []
    for name in [*(each for each in EMOTIONS if each in labels), "all"]:
        part = np.full(len(labels), True) if name == "all" else labels == name
        row = {"class": name, "images": part.sum(), "agree": agrees[part].mean()}
        row |= {"low": np.nan, "high": np.nan}
        if part.sum() >= LEAST_IMAGES:
            groups = judgement.groups[part]
            estimate = contrast({name: group_means(agrees[None, part], groups)}, {name: 1})
            ends = np.clip(estimate.interval(), 0, 1)
            if not estimate.standard_error:  # no image differs from the others
                num_groups = len(np.unique(groups))
                ends = proportion_interval(row["agree"] * num_groups, num_groups)
            row["low"], row["high"] = ends
        rows.append(row | {"seen most as": EMOTIONS[chosen[part].sum(axis=0).argmax()]})
    return pd.DataFrame(rows)


def readable_agreement(table):
    """Return the agreement by class as text.

    Args:
        table: what `class_agreement` returned.
    """
    shares = [interval_text(*values) for values in table[["agree", "low", "high"]].to_numpy()]
    texts = {"images": table["images"].map("{:,}".format), "plurality is the label": shares}
    texts["seen most as"] = table["seen most as"]
    return pd.DataFrame(texts).set_axis(table["class"])


def judge_summary(judgement, table, differences):
    """Return whether labels and people agree on the arms, as Markdown.

    Each arm is ranked against the reference alone. A difference is claimed where `is_shown` says
    so, and nowhere else. The arms of a grid are not ranked.

    Args:
        judgement: the `judges.Judgement`.
        table: what `judge_table` returned of it.
        differences: what `judge_differences` returned of it; `None` of a grid.
    """
    arms, is_grid = {}, differences is None
    differences = pd.DataFrame() if is_grid else differences
    for row in differences.to_dict("records"):
        sign = int(np.sign(row["difference"])) if row["is_shown"] else 0
        arms.setdefault(row["arm"], {})[row["measure"]] = row | {
            "sign": sign,
            "points": points_text(row),
        }
    ranked = {arm: each for arm, each in arms.items() if each["label"]["seeds"] > 1}
    signs = {
        arm: (each["label"]["sign"], each["plurality"]["sign"]) for arm, each in ranked.items()
    }
    people = readable_judges(table)
    return render(
        "judges.md.j2",
        is_grid=is_grid,
        arms=arms,
        gap=GAP,
        ranked=[*ranked],
        unranked=[arm for arm in arms if arm not in ranked],
        reference=next((each["label"]["reference"] for each in arms.values()), None),
        any_shown=any(any(pair) for pair in signs.values()),
        are_alike=all(label == people for label, people in signs.values()),
        opposed=[arm for arm, (label, people) in signs.items() if label * people < 0],
        person={measure: people.loc[PERSON, title] for measure, title in TITLES.items()},
        agreement=people.loc[LABEL, TITLES["plurality"]],
        images=len(judgement.votes),
        tested=judgement.tested,
        first=next(iter(judgement.arms)),
        left_out=judgement.left_out,
    )


def _with_ends(name, estimate):
    low, high = estimate.interval() if estimate.standard_error else (np.nan, np.nan)
    return {name: estimate.value, f"{name}_low": low, f"{name}_high": high}
