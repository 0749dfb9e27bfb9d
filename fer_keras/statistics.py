"""How sure the scores are: intervals of single scores and of differences.

Accuracy and F1 depend on the images only through counts, so that drawing images with replacement
is drawing the table of counts from a multinomial distribution: the same bootstrap, and fast.
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

SCORES = ("accuracy", "macro_f1", "weighted_f1")
CONFIDENCE = 0.95
NUM_RESAMPLES = 5000


def scores_of_confusion(confusion):
    """Compute accuracy, macro F1 and weighted F1 from confusion matrices.

    Args:
        confusion: counts `(..., num_classes, num_classes)`, rows true classes.

    Returns:
        A float array `(..., 3)` in the order of `SCORES`; the F1 of a class that neither occurs
        nor is predicted counts as 0, as in scikit-learn.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support = confusion.sum(axis=-1)
    both = support + confusion.sum(axis=-2)
    f1 = np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)
    total = support.sum(axis=-1)
    return np.stack(
        [hits.sum(axis=-1) / total, f1.mean(axis=-1), (f1 * support).sum(axis=-1) / total], axis=-1
    )


def score_intervals(confusion, seed=0):
    """Compute 95 % intervals: Wilson's for accuracy, the percentile bootstrap for the F1 scores.

    Args:
        confusion: counts `(num_classes, num_classes)`, rows true classes, not all 0.
        seed: integer that fixes the bootstrap.

    Returns:
        A dict from each of `SCORES` to its (low, high).
    """
    accuracy = proportion_interval(np.trace(confusion), confusion.sum())
    low, high = _percentiles(scores_of_confusion(_resample(confusion, seed)))
    return {
        name: accuracy if name == "accuracy" else (float(low[place]), float(high[place]))
        for place, name in enumerate(SCORES)
    }


def proportion_interval(hits, total):
    """Return the ends (low, high) of Wilson's 95 % interval of `hits` among `total`, 1 or more."""
    interval = binomtest(int(hits), int(total)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def score_differences(first, second, seed=0):
    """Compare two models' scores, with a 95 % bootstrap interval of each difference.

    Where both predict the same images (equal ids in equal order), images are drawn in pairs, which
    is sharper; else each test set is drawn for itself.

    Args:
        first: `Predictions`.
        second: `Predictions` with the same classes.
        seed: integer that fixes the bootstrap.

    Returns:
        A DataFrame with one row a score: `score`, `first`, `second`, `difference` (second minus
        first), `low`, `high` and `paired`.
    """
    if first.class_names != second.class_names:
        raise ValueError(f"Different classes: {first.class_names} and {second.class_names}.")
    paired = np.array_equal(first.ids, second.ids)
    if paired and not np.array_equal(first.y_true, second.y_true):
        raise ValueError("The same images bear different true classes in the two predictions.")
    if paired:
        drawn_first, drawn_second = _resample_pairs(first, second, seed)
    else:
        drawn_first = _resample(first.confusion(), seed)
        drawn_second = _resample(second.confusion(), seed + 1)
    low, high = _percentiles(scores_of_confusion(drawn_second) - scores_of_confusion(drawn_first))
    scores_first = scores_of_confusion(first.confusion())
    scores_second = scores_of_confusion(second.confusion())
    return pd.DataFrame(
        {
            "score": SCORES,
            "first": scores_first,
            "second": scores_second,
            "difference": scores_second - scores_first,
            "low": low,
            "high": high,
            "paired": paired,
        }
    )


def _resample(counts, seed):
    counts = np.asarray(counts)
    total = counts.sum()
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, NUM_RESAMPLES)
    return draws.reshape(NUM_RESAMPLES, *counts.shape)


def _resample_pairs(first, second, seed):
    num_classes = len(first.class_names)
    counts = np.zeros((num_classes,) * 3, int)
    np.add.at(counts, (first.y_true, first.y_pred, second.y_pred), 1)
    drawn = _resample(counts, seed)
    return drawn.sum(axis=3), drawn.sum(axis=2)


def _percentiles(draws):
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(draws, [tail, 1 - tail], axis=0)
