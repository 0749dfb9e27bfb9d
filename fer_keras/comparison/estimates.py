"""Arms' mean scores and differences, over seeds and images."""

from dataclasses import replace

import numpy as np

from fer_keras.data.grouping import join_groups
from fer_keras.evaluation.chance import contrast


def by_images(arms):
    """Return arms in sets that are tested on the same images.

    Args:
        arms: dict from an arm's name to a list of what has `ids` and `groups`, one a run, such as
            `Predictions`. Runs on other images than the arm's first are left out.

    Returns:
        A list of dicts like `arms`. In each, all have the same groups, those that images of one
        group in any of them share.
    """
    sets = {}
    for arm, parts in arms.items():
        ids = tuple(parts[0].ids.tolist())
        same = [part for part in parts if tuple(part.ids.tolist()) == ids]
        sets.setdefault(ids, {})[arm] = same
    return [_with_common_groups(same) for same in sets.values()]


def estimate(values, weights):
    """Return an estimate of `chance.contrast` with its 95 % interval.

    Args:
        values: dict from an arm's name to its runs' pseudo-values, a float array `(seeds, n)`.
        weights: dict from an arm's name to its weight.

    Returns:
        The value and the ends of its interval; the ends are NaN where one run on one group of
        images says nothing about chance.
    """
    try:
        found = contrast(values, weights)
    except ValueError:
        return sum(weight * values[arm].mean() for arm, weight in weights.items()), np.nan, np.nan
    return found.value, *found.interval()


def mean_and_difference(values, arm, reference):
    """Return an arm's mean, and the mean minus the reference's.

    Args:
        values: dict from an arm's name to its runs' pseudo-values, a float array `(seeds, n)`.
        arm: the arm's name.
        reference: the name of the arm to compare with, which `values` may lack.

    Returns:
        Two tuples as of `estimate`, the mean's ends in 0-1; the second holds NaN where there is
        nothing to compare.
    """
    mean, *ends = estimate(values, {arm: 1})
    mean = mean, *np.clip(ends, 0, 1)
    if arm == reference or reference not in values:
        return mean, (np.nan,) * 3
    return mean, estimate(values, {arm: 1, reference: -1})


def _with_common_groups(arms):
    groups = join_groups(*(part.groups for parts in arms.values() for part in parts))
    return {arm: [replace(part, groups=groups) for part in parts] for arm, parts in arms.items()}
