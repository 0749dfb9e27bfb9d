"""Confidence intervals of scores, and comparisons of models by them.

Identical images are not independent evidence: the statistics draw and count groups of them.
"""

import warnings

import numpy as np
import pandas as pd
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.contingency_tables import mcnemar

from fer_keras.utils.errors import InputError

SCORES = ("accuracy", "macro_f1", "weighted_f1")
CONFIDENCE = 0.95
NUM_RESAMPLES = 5000
BATCH = 500  # resamples in memory at once


def scores_of_confusion(confusion):
    """Compute accuracy, macro F1 and weighted F1 from confusion matrices.

    Args:
        confusion: counts `(..., num_classes, num_classes)`, rows true classes.

    Returns:
        A float array `(..., 3)` in the order of `SCORES`. A class that neither occurs nor is
        predicted has an F1 of 0.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support = confusion.sum(axis=-1)
    both = support + confusion.sum(axis=-2)
    f1 = np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)
    total = support.sum(axis=-1)
    scores = hits.sum(axis=-1) / total, f1.mean(axis=-1), (f1 * support).sum(axis=-1) / total
    return np.stack(scores, axis=-1)


def bootstrap_intervals(predictions, seed=0):
    """Compute the scores and their 95 % bootstrap intervals.

    The bootstrap draws groups of identical images, and its intervals are BCa's (Efron, "Better
    Bootstrap Confidence Intervals", 1987). Other methods are used where BCa is undefined:
    `percentile` where all resamples give the same score or lie on one side of it; `Wilson`, on
    the number of groups, for an accuracy of 0 or 1; `none` for a single group, which leaves the
    whole range of the score.

    Args:
        predictions: `Predictions` of at least one image.
        seed: integer that fixes the bootstrap.

    Returns:
        A DataFrame, one row a score: `score`, `value`, `low`, `high` (all in 0-1) and `method`.
    """
    sample, statistic = _sample(predictions, (predictions.y_true, predictions.y_pred))
    table, num_groups = _intervals([sample], statistic, (0, 1), seed), len(sample)
    accuracy = table.loc[0, "value"]
    if accuracy in (0, 1) and num_groups > 1:
        low, high = proportion_interval(accuracy * num_groups, num_groups)
        table.loc[0, ["low", "high", "method"]] = low, high, "Wilson"
    return table


def proportion_interval(hits, total):
    """Return the ends of Wilson's 95 % interval of a proportion, in 0-1.

    Args:
        hits: number of successes.
        total: number of trials, at least 1.
    """
    interval = binomtest(int(hits), int(total)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def compare_models(first, second, seed=0):
    """Compare the scores of two models on the same images.

    Args:
        first: `Predictions`, whose `groups` mark identical images.
        second: `Predictions` of the same images in the same order.
        seed: integer that fixes the bootstrap.

    Returns:
        A DataFrame, one row a score: `score`, `first`, `second`, `difference` (second minus
        first), `low`, `high` and `method`, as for `bootstrap_intervals`.

    Raises:
        InputError: if images, true classes or class names differ.
    """
    _require_same_images(first, second)

    def differences(counts):
        return scores_of_confusion(counts.sum(axis=-2)) - scores_of_confusion(counts.sum(axis=-1))

    sample, statistic = _sample(first, (first.y_true, first.y_pred, second.y_pred), differences)
    return _difference_table(first, second, [sample], statistic, seed)


def differences_apart(first, second, seed=0):
    """Compare the scores of two models on test sets of different images.

    Args:
        first: `Predictions`.
        second: `Predictions` of other images, with the same classes.
        seed: integer that fixes the bootstrap, which draws from each test set separately.

    Returns:
        A DataFrame like that of `compare_models`.

    Raises:
        InputError: if the class names differ.
    """
    _require_same_classes(first, second)
    sample_first, scores_first = _sample(first, (first.y_true, first.y_pred))
    sample_second, scores_second = _sample(second, (second.y_true, second.y_pred))

    def differences(drawn_first, drawn_second, axis=-1):
        return scores_second(drawn_second) - scores_first(drawn_first)

    return _difference_table(first, second, [sample_first, sample_second], differences, seed)


def mcnemar_test(first, second):
    """Test whether one of two models is right more often than the other.

    The exact McNemar test needs independent images. Each group of identical images therefore has
    one vote, for the model that gets more of it right.

    Args:
        first: `Predictions`, whose `groups` mark identical images.
        second: `Predictions` of the same images in the same order.

    Returns:
        The votes for the first model, those for the second, and the p value.
    """
    gain = (second.y_pred == second.y_true).astype(int) - (first.y_pred == first.y_true)
    votes = np.bincount(_numbers_of_groups(first), weights=gain)
    first_better, second_better = int((votes < 0).sum()), int((votes > 0).sum())
    test = mcnemar([[0, first_better], [second_better, 0]], exact=True)
    return first_better, second_better, float(test.pvalue)


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


def _require_same_classes(first, second):
    if first.class_names != second.class_names:
        raise InputError(
            f"Models of different classes cannot be compared: {', '.join(first.class_names)} and "
            f"{', '.join(second.class_names)}; give two of the same classes in the same order."
        )


def _require_same_images(first, second):
    _require_same_classes(first, second)
    rule = "Only predictions of the same images in the same order can be compared, and"
    if len(first.ids) != len(second.ids):
        raise InputError(f"{rule} these are of {len(first.ids):,} and {len(second.ids):,} images.")
    for what, field in (("ids", "ids"), ("true classes", "y_true")):
        ours, theirs = getattr(first, field), getattr(second, field)
        places = np.flatnonzero(ours != theirs)
        if len(places):
            pair = f"{ours[places[0]]} and {theirs[places[0]]}"
            raise InputError(
                f"{rule} {len(places):,} of {len(ours):,} {what} differ, first at place "
                f"{places[0]}: {pair}; test both models on one data set."
            )


def _sample(predictions, classes, scores_of=scores_of_confusion):
    """Return what the bootstrap draws from, and the function that scores what it drew.

    Groups with equal counts in the confusion matrix are of one kind. A resample is scored from how
    often it drew each kind, which makes thousands of resamples one matrix product.
    """
    shape = len(classes) * (len(predictions.class_names),)
    groups = _numbers_of_groups(predictions)
    counts = np.zeros((groups.max() + 1, np.prod(shape)))
    np.add.at(counts, (groups, np.ravel_multi_index(classes, shape)), 1)
    kinds, kind_of_group = np.unique(counts, axis=0, return_inverse=True)

    def statistic(drawn, axis=-1):
        outer, drawn = drawn.shape[:-1], drawn.reshape(-1, drawn.shape[-1])
        rows = np.arange(len(drawn))[:, None] * len(kinds)
        times = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * len(kinds))
        confusions = times.reshape(-1, len(kinds)) @ kinds
        return np.moveaxis(scores_of(confusions.reshape(*outer, *shape)), -1, 0)

    return kind_of_group, statistic


def _numbers_of_groups(predictions):
    return np.unique(predictions.groups, return_inverse=True)[1]


def _difference_table(first, second, samples, statistic, seed):
    table = _intervals(samples, statistic, (-1, 1), seed).rename(columns={"value": "difference"})
    table.insert(1, "first", scores_of_confusion(first.confusion()))
    table.insert(2, "second", scores_of_confusion(second.confusion()))
    return table


def _intervals(samples, statistic, bounds, seed):
    table = pd.DataFrame({"score": SCORES, "value": statistic(*samples)})
    if min(map(len, samples)) < 2:
        return table.assign(low=bounds[0], high=bounds[1], method="none")
    options = {"n_resamples": NUM_RESAMPLES, "batch": BATCH, "confidence_level": CONFIDENCE}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # SciPy warns where BCa is undefined
        found = bootstrap(samples, statistic, rng=np.random.default_rng(seed), **options)
    ends, draws = np.array(found.confidence_interval), found.bootstrap_distribution
    usable = np.isfinite(ends).all(axis=0) & (np.ptp(draws, axis=-1) > 0)
    tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    low, high = np.where(usable, ends, np.quantile(draws, tails, axis=-1))
    return table.assign(low=low, high=high, method=np.where(usable, "BCa", "percentile"))
