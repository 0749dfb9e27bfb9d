"""Intervals of one weight file's scores, and tests of two.

Identical images are not independent evidence: the statistics draw and count groups of them.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, bootstrap, norm, t

SCORES = ("accuracy", "macro_f1", "weighted_f1")
CONFIDENCE = 0.95
NUM_RESAMPLES = 5000
FEW = 10
"""With fewer images that are wrong, or on which arms differ, Student's t is not to be trusted."""
FEW_GROUPS = 50
"""With fewer groups of equal size, or unequal ones like them, the bootstrap misses too often."""
BATCH = 64  # resamples at once: few enough for the cache of a processor


def scores_of_confusion(confusion):
    """Compute accuracy, macro F1 and weighted F1 from confusion matrices.

    Args:
        confusion: counts `(..., num_classes, num_classes)`, rows true classes.

    Returns:
        A float array `(..., 3)` in the order of `SCORES`.
    """
    hits = np.trace(confusion, axis1=-2, axis2=-1)
    f1, support = f1_of_confusion(confusion), confusion.sum(axis=-1)
    total = support.sum(axis=-1)
    scores = hits / total, f1.mean(axis=-1), (f1 * support).sum(axis=-1) / total
    return np.stack(scores, axis=-1)


def f1_of_confusion(confusion):
    """Compute each class's F1 from confusion matrices.

    Args:
        confusion: as for `scores_of_confusion`.

    Returns:
        A float array `(..., num_classes)`; 0 for a class that neither occurs nor is predicted.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    both = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)


def bootstrap_intervals(predictions, seed=0):
    """Compute the scores and their 95 % bootstrap intervals.

    The bootstrap draws groups of identical images, and its intervals are BCa's (Efron, "Better
    Bootstrap Confidence Intervals", 1987). Other methods are used where BCa is undefined:
    `percentile` where all resamples give the same score or lie on one side of it; `Wilson`, on
    the number of groups, for an accuracy that is the same in all of them, such as 0 or 1; `none`
    for a single group, which leaves the whole range of the score. With fewer groups than
    `FEW_GROUPS` the ends are at least those of the jackknife with Student's t, `jackknife` (Efron,
    "The Jackknife, the Bootstrap and Other Resampling Plans", 1982). Groups of unequal size count
    as (Σ size)² / Σ size² (Kish, "Survey Sampling", 1965).

    Args:
        predictions: `Predictions` of at least one image.
        seed: integer that fixes the bootstrap.

    Returns:
        A DataFrame, one row a score: `score`, `value`, `low`, `high` (all in 0-1) and `method`.
    """
    sample, statistic = _sample(predictions)
    table, num_groups = _intervals(sample, statistic, seed), len(sample)
    sizes = np.bincount(predictions.group_numbers)
    if num_groups > 1 and sizes.sum() ** 2 / (sizes**2).sum() < FEW_GROUPS:
        half = jackknife_errors(predictions) * t.ppf((1 + CONFIDENCE) / 2, num_groups - 1)
        low, high = np.maximum(table["value"] - half, 0), np.minimum(table["value"] + half, 1)
        table.loc[(low < table["low"]) | (high > table["high"]), "method"] = "jackknife"
        table["low"], table["high"] = np.minimum(table["low"], low), np.maximum(table["high"], high)
    accuracy, *ends = table.loc[0, ["value", "low", "high"]]
    if ends[0] == ends[1]:
        low, high = proportion_interval(round(accuracy * num_groups), num_groups)
        table.loc[0, ["low", "high", "method"]] = min(low, accuracy), max(high, accuracy), "Wilson"
    return table


def jackknife_errors(predictions):
    """Return the scores' standard errors, leaving out a group at a time.

    Args:
        predictions: `Predictions` of at least two groups of images.

    Returns:
        A float array `(3,)` in the order of `SCORES`.
    """
    counts = predictions.confusion_by_group()
    without = scores_of_confusion(counts.sum(axis=0) - counts)
    return np.sqrt((len(counts) - 1) * without.var(axis=0))


def are_few(holds, groups):
    """Return whether too few images hold something for Student's t.

    Few are less than `FEW` images, or groups of them; of fewer groups, each must hold it.

    Args:
        holds: bool array `(..., images)`, such as which images are wrong in each of several runs;
            their mean counts.
        groups: int array `(images,)`, the groups of images as 0, 1, ...
    """
    holds, num_groups = np.atleast_2d(holds), int(groups.max()) + 1
    counts = [len(np.unique(groups[each])) for each in holds]
    is_few = round(float(np.mean(counts))) < min(FEW, num_groups)
    return is_few or round(float(holds.sum(axis=-1).mean())) < FEW


def proportion_interval(hits, total):
    """Return the ends of Wilson's 95 % interval of a proportion, in 0-1.

    Args:
        hits: number of successes.
        total: number of trials, above 0; neither need be whole.
    """
    square = norm.ppf((1 + CONFIDENCE) / 2) ** 2
    middle = (hits + square / 2) / (total + square)
    half = np.sqrt(square * (hits * (total - hits) / total + square / 4)) / (total + square)
    return float(max(middle - half, 0)), float(min(middle + half, 1))


def share_interval(holds, groups):
    """Return the ends of the 95 % interval of a share of images, in 0-1.

    It is Wilson's, for as many independent images as tell as much. Images of one group resemble
    each other by their intraclass correlation, which an analysis of variance estimates (Donner and
    Klar, "Design and Analysis of Cluster Randomization Trials in Health Research", 2000). Groups
    that are few widen it as Student's t does. Single images are all independent.

    Args:
        holds: bool array `(images,)`, at least one, such as which are right.
        groups: int array `(images,)`, equal for images of one group.
    """
    places, share, count = np.unique(groups, return_inverse=True)[1], holds.mean(), len(holds)
    sizes = np.bincount(places)
    num_groups, alike = len(sizes), 1.0
    if 1 < num_groups < count and 0 < share < 1:
        shares = np.bincount(places, weights=holds) / sizes
        between = (sizes * (shares - share) ** 2).sum() / (num_groups - 1)
        within = (sizes * shares * (1 - shares)).sum() / (count - num_groups)
        mean_size = (count - (sizes**2).sum() / count) / (num_groups - 1)
        alike = max((between - within) / (between + (mean_size - 1) * within), 0)
    effective = count / (1 + alike * ((sizes**2).sum() / count - 1))
    if 1 < num_groups < count:
        of_images, of_groups = t.ppf((1 + CONFIDENCE) / 2, [count - 1, num_groups - 1])
        effective *= (of_images / of_groups) ** 2
    return proportion_interval(share * effective, effective)


def largest_difference(runs, confidence=CONFIDENCE):
    """Return how far accuracies may lie apart where runs differ on few images.

    Runs that agree on all of a few images need not do so on others: of 20 images, they agree on
    all in 82 of 100 studies though they differ on one in a hundred. Student's t knows nothing of
    that. The share of images on which runs differ bounds the difference, and has an exact limit
    (Clopper and Pearson, 1934).

    Args:
        runs: list of `Predictions` of the same images in the same order.
        confidence: of an interval with two ends, in 0-1.

    Returns:
        The limit, in 0-1; 0 where the runs differ on images enough to show what chance does, as
        `are_few` says.
    """
    groups = runs[0].group_numbers
    is_right = np.array([run.is_right for run in runs])
    is_varied = is_right.any(axis=0) & ~is_right.all(axis=0)
    count = len(np.unique(groups[is_varied]))
    limits = binomtest(count, int(groups.max()) + 1).proportion_ci(confidence, method="exact")
    return float(limits.high) if are_few(is_varied, groups) else 0.0


def mcnemar_test(first, second):
    """Test whether one of two models is right more often than the other.

    If neither is, each image that only one of them gets right could as well be the other's. The p
    value is the exact chance that the images fall at least as unequally so. Images of one group
    fall together. Of single images this is the exact McNemar test; of groups, Fisher's
    randomisation test of their gains ("The Design of Experiments", 1935).

    Args:
        first: `Predictions`, whose `groups` mark images that belong together.
        second: `Predictions` of the same images in the same order.

    Returns:
        How many images only the first model gets right, how many only the second, the p value.
    """
    gain = second.is_right.astype(int) - first.is_right
    by_group = np.bincount(first.group_numbers, weights=gain).astype(int)
    chances = np.ones(1)  # that the second model gains 0, 1, ... of what it can
    for size, count in zip(*np.unique(np.abs(by_group[by_group != 0]), return_counts=True)):
        own = np.zeros(size * count + 1)
        own[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, own)
    totals = 2 * np.arange(len(chances)) - (len(chances) - 1)
    p_value = chances[np.abs(totals) >= abs(by_group.sum())].sum()
    return int((gain < 0).sum()), int((gain > 0).sum()), float(min(p_value, 1))


def holm(p_values):
    """Correct p values for their number by Holm's method.

    Args:
        p_values: floats in 0-1; NaN stays NaN and counts as no test.
    """
    corrected = np.array(p_values, float)
    places = np.argsort(corrected)[: np.isfinite(corrected).sum()]  # NaN stands last
    # statsmodels' own collects garbage at each call, which takes longer than a simulation can wait.
    raised = corrected[places] * np.arange(len(places), 0, -1)
    corrected[places] = np.minimum(1, np.maximum.accumulate(raised))
    return corrected


def _sample(predictions):
    """Return what the bootstrap draws from, and the function that scores what it drew.

    Groups with equal counts in the confusion matrix are of one kind. A resample is scored from how
    often it drew each kind, which makes thousands of resamples one matrix product.
    """
    counts = predictions.confusion_by_group()
    shape = counts.shape[1:]
    kinds, kind_of_group = np.unique(counts.reshape(len(counts), -1), axis=0, return_inverse=True)

    def statistic(drawn, axis=-1):
        outer, drawn = drawn.shape[:-1], drawn.reshape(-1, drawn.shape[-1])
        rows = np.arange(len(drawn))[:, None] * len(kinds)
        times = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * len(kinds))
        confusions = times.reshape(-1, len(kinds)) @ kinds
        return np.moveaxis(scores_of_confusion(confusions.reshape(*outer, *shape)), -1, 0)

    return kind_of_group, statistic


def _intervals(sample, statistic, seed):
    table = pd.DataFrame({"score": SCORES, "value": statistic(sample)})
    if len(sample) < 2:
        return table.assign(low=0, high=1, method="none")
    options = {"n_resamples": NUM_RESAMPLES, "batch": BATCH, "confidence_level": CONFIDENCE}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # SciPy warns where BCa is undefined
        found = bootstrap([sample], statistic, rng=np.random.default_rng(seed), **options)
    ends, draws = np.array(found.confidence_interval), found.bootstrap_distribution
    usable = np.isfinite(ends).all(axis=0) & (np.ptp(draws, axis=-1) > 0)
    tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    low, high = np.where(usable, ends, np.quantile(draws, tails, axis=-1))
    return table.assign(low=low, high=high, method=np.where(usable, "BCa", "percentile"))
