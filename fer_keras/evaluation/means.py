"""Intervals of mean scores over seeds and test images."""

import numpy as np
import pandas as pd
from scipy.stats import t

from fer_keras.evaluation.chance import contrast, values_by_arm
from fer_keras.evaluation.intervals import (
    CONFIDENCE,
    SCORES,
    are_few,
    f1_of_confusion,
    proportion_interval,
)
from fer_keras.evaluation.shared import weak_classes


def mean_intervals(test_sets):
    """Compute the 95 % intervals of the arms' mean scores.

    How runs of one arm differ is pooled over the arms with the same test images. Where an arm's
    test images change from run to run, the interval is that of the runs' scores alone.

    Args:
        test_sets: dict from a test set's name to a dict from an arm's name to a list of
            `Predictions`, one a run.

    Returns:
        A dict from (arm, test set) to two things: the classes too small for macro F1's interval, as
        a text, and a dict from each of `intervals.SCORES` to its interval's ends, in 0-1. The
        second is empty where no arm with these test images has two runs.
    """
    found = {}
    for split, arms in test_sets.items():
        for pool in _pools(arms):
            every = [run for runs in pool.values() for run in runs]
            on_images = all(np.array_equal(every[0].ids, run.ids) for run in every)
            values = values_by_arm(pool, on_images)
            groups = every[0].group_numbers if on_images else None
            for arm, runs in pool.items():
                weak = ", ".join(weak_classes(runs))
                ends = {}
                if max(map(len, pool.values())) > 1:
                    ends = {
                        score: contrast(
                            {name: each[:, place] for name, each in values.items()}, {arm: 1}
                        ).interval()
                        for place, score in enumerate(SCORES)
                    }
                    if on_images:
                        ends["accuracy"] = _widened(ends["accuracy"], runs, groups)
                    ends = {score: tuple(np.clip(each, 0, 1)) for score, each in ends.items()}
                found[arm, split] = weak, ends
    return found


def f1_intervals(predictions):
    """Compute the 95 % interval of each class's F1, of one weight file.

    It is the jackknife's, over groups of identical images, with Student's t. Its degrees of freedom
    count the groups that hold the class, for the others tell little of it.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row a class: `class`, `low` and `high` in 0-1; both missing for classes
        too small for it, as `shared.weak_classes` says.
    """
    counts = predictions.confusion_by_group()
    n, total = len(counts), counts.sum(axis=0)
    num_own = (counts.sum(axis=2) > 0).sum(axis=0)
    value, without = f1_of_confusion(total), f1_of_confusion(total - counts)
    error = np.sqrt((n - 1) * without.var(axis=0))
    half = error * t.ppf((1 + CONFIDENCE) / 2, np.maximum(num_own - 1, 1))
    table = pd.DataFrame({"class": predictions.class_names})
    table["low"], table["high"] = np.maximum(value - half, 0), np.minimum(value + half, 1)
    table.loc[table["class"].isin(weak_classes([predictions])), ["low", "high"]] = np.nan
    return table


def _pools(arms):
    """Return dicts of the arms that were tested alike: on the same images, or each on others."""
    pools = {}
    for arm, runs in arms.items():
        same = all(np.array_equal(runs[0].ids, run.ids) for run in runs)
        key = (runs[0].class_names, "\n".join(runs[0].ids) if same else None)
        pools.setdefault(key, {})[arm] = runs
    return pools.values()


def _widened(ends, runs, groups):
    """Return an accuracy's interval, wider where images cannot show their own variance."""
    right, num_groups = np.array([run.is_right for run in runs]), int(groups.max()) + 1
    is_unsure = ends[0] == ends[1] or are_few(right, groups) or are_few(~right, groups)
    if num_groups < 2 or not is_unsure:
        return ends
    least, most = proportion_interval(round(right.mean() * num_groups), num_groups)
    return min(ends[0], least), max(ends[1], most)
