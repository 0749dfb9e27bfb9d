"""Differences of arms from a reference, over seeds and test images."""

from enum import StrEnum

import numpy as np
import pandas as pd

from fer_keras.evaluation.chance import run_deviation, values_by_arm
from fer_keras.evaluation.families import against_reference, detectable, seeds_needed
from fer_keras.evaluation.intervals import (
    SCORES,
    holm,
    largest_difference,
    mcnemar_test,
    scores_of_confusion,
)
from fer_keras.evaluation.shared import have_same_images, is_idle, on_shared_images, weak_classes

PRIMARY = "accuracy"
"""The score that verdicts rest on, named before any run; all others are descriptive."""
RUN_SCORES = (PRIMARY, "macro_f1")
"""The scores of which differences and effects are told."""
LEVEL = 0.05
"""Significance level: the share of false alarms to accept where nothing differs."""
MARGIN = 0.01
"""The difference in accuracy below which two arms count as equal, unless another is stated."""
COLUMNS = (
    *("arm", "reference", "test images", "images", "score", "seeds", "first", "second"),
    *("difference", "low", "high", "low90", "high90", "p_value", "verdict"),
    *("probability_within", "margin", "detectable", "run_sd", "seeds_needed"),
    *("only_first", "only_second", "weak classes", "how"),
)
"""The columns of a table of differences."""


class How(StrEnum):
    """How a difference was found."""

    OVER_SEEDS = "over seeds and test images"
    SEEDS_ALONE = "over seeds alone: each seed has other test images"
    ONE_RUN = "one run each: two weight files"
    NOT_COMPARED = "cannot be compared: other classes or labels"
    NOTHING_SHARED = "cannot be compared: no test image is known to be shared"


class Verdict(StrEnum):
    """What a difference of the primary score shows."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    UNDECIDED = "undecided"
    NOTHING_LEARNT = "nothing learnt"
    WEIGHTS_DIFFER = "weights differ"
    WEIGHTS_ALIKE = "weights not shown to differ"


def difference_table(runs, reference, margin=MARGIN):
    """Compare every arm with a reference arm.

    Arms with two or more runs are compared as pipelines, over seeds and over the test images that
    they share. An arm with one run is compared as one weight file, on these images.

    Args:
        runs: dict from an arm's name to a dict from a seed to the run's `Predictions`.
        reference: the arm that all others are compared with.
        margin: the difference below which two arms count as equal, in 0-1.

    Returns:
        A DataFrame, one row an arm, set of test images and score: `arm`, `reference`, `test images`
        (`all`, or `clean`: without exact copies in training), `images` (their number), `score`,
        `seeds` (runs of the arm that has fewer), `first` (the reference's mean), `second` (the
        arm's), `difference` (second minus first), `low` and `high` (95 % interval), `low90` and
        `high90` (for the test of equality); intervals are corrected for the number of arms
        (Dunnett). `probability_within` that the true difference lies within ±margin, which one run
        each cannot tell; `margin`; `detectable`, the true difference found in 80 of 100 such
        studies; `run_sd`, the pooled deviation of run scores; `weak classes`, too small for macro
        F1's interval; `how`. For accuracy on all test images also `seeds_needed` to find a
        difference of the margin, `p_value` (corrected; of two weight files McNemar's, by Holm),
        `verdict`, and of two weight files how many images `only_first` and `only_second` get right.
        `attrs["families"]` is the number of ways of comparing: Bonferroni's correction of these.
    """
    kinds = {arm: _kind(runs[reference], runs[arm]) for arm in runs if arm != reference}
    families = {}
    for arm, kind in kinds.items():
        families.setdefault(kind, []).append(arm)
    compared = sum(how not in (How.NOT_COMPARED, How.NOTHING_SHARED) for how, _ in families)
    rows = []
    for (how, _), arms in families.items():
        parts = _parts(how, {arm: runs[arm] for arm in (reference, *arms)})
        for name, part in parts.items():
            values = values_by_arm(part, how != How.SEEDS_ALONE)
            for score in RUN_SCORES:
                found = _rows(part, values, score, how, name == "all", margin, compared)
                about = {"test images": name, "reference": reference, "how": how}
                rows += [row | about for row in found]
        if not parts:
            empty = {"test images": "all", "how": how, "seeds": 0, "images": 0, "weak classes": ""}
            empty |= {"reference": reference, "margin": margin}
            rows += [{"arm": arm, "score": score} | empty for arm in arms for score in RUN_SCORES]
    table = pd.DataFrame(rows, columns=COLUMNS)
    in_order = {arm: place for place, arm in enumerate(kinds)}
    table = table.sort_values("arm", key=lambda names: names.map(in_order), kind="stable")
    table.attrs["families"] = compared
    return table.reset_index(drop=True)


def _kind(first, second):
    """Return how two arms' runs, dicts by seed, can be compared, and what marks their family."""
    one, two = next(iter(first.values())), next(iter(second.values()))
    if one.class_names != two.class_names:
        return How.NOT_COMPARED, ""
    pair = on_shared_images([one, two])
    has_seeds = min(len(first), len(second)) > 1
    is_crossed = all(have_same_images([*runs.values()]) for runs in (first, second))
    if has_seeds and not is_crossed:
        seeds = first.keys() & second.keys()
        pairs = [(first[seed], second[seed]) for seed in seeds]
        if len(seeds) > 1 and all(map(have_same_images, pairs)):
            return How.SEEDS_ALONE, ""
    if not pair:
        return How.NOTHING_SHARED, ""
    if any(pair[0].y_true != pair[1].y_true):
        return How.NOT_COMPARED, ""
    how = How.OVER_SEEDS if has_seeds and is_crossed else How.ONE_RUN
    return how, "\n".join(pair[0].ids)


def _parts(how, runs):
    """Return dicts from an arm to its runs' `Predictions`: of all test images, of clean ones."""
    if how in (How.NOT_COMPARED, How.NOTHING_SHARED):
        return {}
    if how == How.ONE_RUN:
        runs = {arm: dict([next(iter(own.items()))]) for arm, own in runs.items()}
    lists = {arm: [*own.values()] for arm, own in runs.items()}
    if how == How.SEEDS_ALONE:
        masks = [~run.leaked for own in lists.values() for run in own]
    else:
        every = iter(on_shared_images([run for own in lists.values() for run in own]))
        lists = {arm: [next(every) for _ in own] for arm, own in lists.items()}
        is_leaked = np.any([run.leaked for own in lists.values() for run in own], axis=0)
        masks = [~is_leaked] * sum(map(len, lists.values()))
    parts = {"all": lists}
    if all(mask.any() for mask in masks) and not all(mask.all() for mask in masks):
        masks = iter(masks)
        parts["clean"] = {
            arm: [run.select(next(masks)) for run in own] for arm, own in lists.items()
        }
    return parts


def _rows(part, values, score, how, is_all, margin, families):
    """Return a dict for each arm but the first, which is the reference."""
    place = SCORES.index(score)
    rows = _means(part, place) if score == PRIMARY else _flagged(part, place)
    values = {arm: each[:, place] for arm, each in values.items()}
    reference, *others = part
    if how == How.ONE_RUN and values[reference].shape[1] == 1:
        return rows
    found = _in_family(against_reference(values, reference, families), margin)
    deviation = {"run_sd": run_deviation(values), "margin": margin}
    rows = [row | more | deviation for row, more in zip(rows, found)]
    if how == How.ONE_RUN:  # the probability is about arms
        rows = [row | {"probability_within": np.nan} for row in rows]
    if score != PRIMARY or not is_all:
        return [row | {"p_value": np.nan} for row in rows]
    p_values = [row["p_value"] for row in rows]
    if how == How.ONE_RUN:
        tests = [mcnemar_test(part[reference][0], part[arm][0]) for arm in others]
        p_values = np.minimum(1, families * holm([test[-1] for test in tests]))
        for row, (only_first, only_second, _) in zip(rows, tests):
            row |= {"only_first": only_first, "only_second": only_second}
    for row, p_value in zip(rows, p_values):
        weights = {row["arm"]: 1, reference: -1}
        needed = seeds_needed(values, weights, margin, len(others) * families)
        row |= {"p_value": p_value, "seeds_needed": needed or np.nan}
        pair = part[reference], part[row["arm"]]
        if how != How.SEEDS_ALONE and p_value > LEVEL:
            row |= _widened(row, [*pair[0], *pair[1]], len(others) * families)
        has_learnt = not all(map(is_idle, pair))
        row["verdict"] = _verdict(row, how) if has_learnt else Verdict.NOTHING_LEARNT
    return rows


def _means(part, place):
    means = {
        arm: np.mean([scores_of_confusion(run.confusion())[place] for run in own])
        for arm, own in part.items()
    }
    reference, *others = part
    first = means[reference]
    about = {"images": len(part[reference][0].ids), "score": SCORES[place], "first": first}
    return [
        {"arm": arm, "seeds": min(len(part[reference]), len(part[arm])), "second": means[arm]}
        | about
        | {"difference": means[arm] - first, "weak classes": ""}
        for arm in others
    ]


def _flagged(part, place):
    """Return `_means` with the classes that are too small, in the reference or in the arm."""
    rows, (reference, *_) = _means(part, place), part
    for row in rows:
        row["weak classes"] = ", ".join(weak_classes(part[reference] + part[row["arm"]]))
    return rows


def _in_family(family, margin):
    critical = family.critical()
    found = zip(
        family.estimates, family.intervals(), family.intervals(1 - 2 * LEVEL), family.p_values()
    )
    return [
        {"low": wide[0], "high": wide[1], "low90": narrow[0], "high90": narrow[1]}
        | {"probability_within": estimate.probability_within(margin), "p_value": p_value}
        | {"detectable": detectable(estimate, critical)}
        for estimate, wide, narrow, p_value in found
    ]


def _widened(row, runs, num_tests):
    """Return wider ends where the runs differ on too few images for Student's t."""
    wide, narrow = (largest_difference(runs, 1 - a / num_tests) for a in (LEVEL, 2 * LEVEL))
    if not wide:
        return {}
    return {
        "low": min(row["low"], -wide),
        "high": max(row["high"], wide),
        "low90": min(row["low90"], -narrow),
        "high90": max(row["high90"], narrow),
        **dict.fromkeys(("probability_within", "detectable", "seeds_needed"), np.nan),
    }


def _verdict(row, how):
    is_shown = row["p_value"] <= LEVEL
    if how == How.ONE_RUN:
        return Verdict.WEIGHTS_DIFFER if is_shown else Verdict.WEIGHTS_ALIKE
    if is_shown:
        return Verdict.BETTER if row["difference"] > 0 else Verdict.WORSE
    # Ends that coincide have seen no chance at all.
    is_within = -row["margin"] < row["low90"] < row["high90"] < row["margin"]
    return Verdict.EQUAL if is_within else Verdict.UNDECIDED
