"""How sure the scores of models on one test set are: intervals, and comparisons of models.

Images that are equal byte by byte are no independent evidence: they form a group, and groups are
what is drawn and counted here.
"""

import warnings
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from fer_keras.utils.errors import InputError

SCORES = ("accuracy", "macro_f1", "weighted_f1")
CONFIDENCE = 0.95
NUM_RESAMPLES = 5000
BATCH = 500  # resamples held in memory at once, so that a large test set needs no gigabytes

QUESTIONS = {
    "interval of a score": (
        "What would this model score on other test images of the same kind?",
        "BCa bootstrap: the test images are drawn anew with replacement, identical images "
        "together, and the middle 95 % of the scores are taken, corrected for bias and skewness.",
    ),
    "interval of a difference": (
        "By how much would these two models' scores differ on other test images?",
        "BCa bootstrap of the difference; where both were tested on the same images, both see the "
        "same drawn ones.",
    ),
    "McNemar test": (
        "Is one of these two models right more often than the other?",
        "Only images that just one model gets right count, a group of identical ones once; if "
        "neither model were better, each side would win about half of them: the exact binomial p.",
    ),
    "Holm": (
        "Which differences remain, now that so many pairs were looked at?",
        "The p values are raised so that, if no pair differs, a false alarm anywhere among them "
        "comes in at most 5 % of studies.",
    ),
}
"""For each statistic of this file: the question it answers, and how, a sentence each."""


@dataclass(frozen=True)
class ModelComparison:
    """What two models' predictions of the same images say of which is better.

    Args:
        differences: DataFrame with one row a score: `score`, `first`, `second`, `difference`
            (second minus first), `low`, `high` and `method`, as for `bootstrap_intervals`.
        first_better: groups of identical images of which the first model gets more right.
        second_better: those of which the second does.
        p_value: of the exact McNemar test on these two counts.
    """

    differences: pd.DataFrame
    first_better: int
    second_better: int
    p_value: float


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


def bootstrap_intervals(y_true, y_pred, groups, num_classes, seed=0):
    """Compute the scores and their 95 % bootstrap intervals, drawing groups of identical images.

    The method is BCa. Where it is undefined, since every resample gives the same score or all lie
    on one side of it, `percentile` takes its place, whose interval may then have no width; for
    the accuracy of a model that is always right, or always wrong, that would claim certainty, and
    `Wilson` (on the number of groups) takes its place. One group alone says nothing: `none`, and
    the interval is all that a score can be.

    Args:
        y_true: int array `(n,)`, true classes, n at least 1.
        y_pred: int array `(n,)`, predicted classes.
        groups: int array `(n,)`, equal for identical images, as `faces.copy_groups` gives it;
            `None`: all images are different.
        num_classes: how many classes there are; one that neither occurs nor is predicted, in the
            test set or in a resample, has an F1 of 0.
        seed: integer that fixes the bootstrap.

    Returns:
        A DataFrame with one row a score: `score`, `value`, `low`, `high` (0-1) and `method`.
    """
    sample, statistic = _sample((y_true, y_pred), groups, num_classes, scores_of_confusion)
    table = _intervals([sample], statistic, (0, 1), seed)
    accuracy, num_groups = table.loc[0, "value"], len(sample)
    if accuracy in (0, 1) and num_groups > 1:
        low, high = proportion_interval(accuracy * num_groups, num_groups)
        table.loc[0, ["low", "high", "method"]] = low, high, "Wilson"
    return table


def proportion_interval(hits, total):
    """Return the ends (low, high) of Wilson's 95 % interval of `hits` among `total`, 1 or more."""
    interval = binomtest(int(hits), int(total)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def compare_models(first, second, seed=0):
    """Compare two models by their predictions of the same images.

    Args:
        first: `Predictions`, whose `groups` say which images are identical.
        second: `Predictions` of the same images in the same order.
        seed: integer that fixes the bootstrap.

    Returns:
        A `ModelComparison`. McNemar's test takes images for independent, which identical ones
        are not; so each group has one vote, for the model that gets more of it right.

    Raises:
        InputError: if images, true classes or class names differ.
    """
    _require_same_images(first, second)

    def differences(counts):
        return scores_of_confusion(counts.sum(axis=-2)) - scores_of_confusion(counts.sum(axis=-1))

    classes = (first.y_true, first.y_pred, second.y_pred)
    sample, statistic = _sample(classes, first.groups, len(first.class_names), differences)
    table = _difference_table(first, second, _intervals([sample], statistic, (-1, 1), seed))
    return ModelComparison(table, *mcnemar_test(first, second))


def differences_apart(first, second, seed=0):
    """Compare two models' scores on test sets of different images: all that can be said of them.

    Args:
        first: `Predictions`.
        second: `Predictions` of other images, with the same classes.
        seed: integer that fixes the bootstrap, which draws each test set for itself.

    Returns:
        A DataFrame like `ModelComparison.differences`.

    Raises:
        InputError: if the class names differ.
    """
    _require_same_classes(first, second)
    (sample_first, scores_first), (sample_second, scores_second) = (
        _sample((part.y_true, part.y_pred), part.groups, len(part.class_names), scores_of_confusion)
        for part in (first, second)
    )

    def differences(drawn_first, drawn_second, axis=-1):
        return scores_second(drawn_second) - scores_first(drawn_first)

    samples = [sample_first, sample_second]
    return _difference_table(first, second, _intervals(samples, differences, (-1, 1), seed))


def mcnemar_test(first, second):
    """Return the counts `first_better` and `second_better` and the p value of `compare_models`."""
    gain = (second.y_pred == second.y_true).astype(int) - (first.y_pred == first.y_true)
    votes = np.bincount(_numbered(first.groups, len(gain)), weights=gain)
    first_better, second_better = int((votes < 0).sum()), int((votes > 0).sum())
    test = mcnemar([[0, first_better], [second_better, 0]], exact=True)
    return first_better, second_better, float(test.pvalue)


def compare_all(models, seed=0):
    """Compare every two of several models, with p values corrected by Holm's method.

    Args:
        models: dict from a model's name to its `Predictions`.
        seed: integer that fixes the bootstraps.

    Returns:
        A DataFrame with one row a pair: `first`, `second`, for each of `SCORES` its
        `<score>_difference`, `<score>_low` and `<score>_high`, which are each pair's own and not
        corrected, then `first_better`, `second_better`, `p_value` and `holm_p_value`.

    Raises:
        InputError: as for `compare_models`, with the two names.
    """
    rows = []
    for name, other in combinations(models, 2):
        try:
            comparison = compare_models(models[name], models[other], seed)
        except InputError as error:
            raise InputError(f"{name} and {other}: {error}") from error
        row = {"first": name, "second": other}
        for score in comparison.differences.itertuples():
            row[f"{score.score}_difference"] = score.difference
            row |= {f"{score.score}_low": score.low, f"{score.score}_high": score.high}
        row |= {"first_better": comparison.first_better, "second_better": comparison.second_better}
        rows.append(row | {"p_value": comparison.p_value})
    table = pd.DataFrame(rows)
    return table.assign(holm_p_value=holm(table["p_value"])) if rows else table


def holm(p_values):
    """Return p values corrected by Holm's method; NaN stays NaN and counts as no test."""
    corrected = np.array(p_values, float)
    tested = np.isfinite(corrected)
    if tested.any():
        corrected[tested] = multipletests(corrected[tested], method="holm")[1]
    return corrected


def _require_same_classes(first, second):
    if first.class_names != second.class_names:
        raise InputError(
            f"Models of different classes cannot be compared: {', '.join(first.class_names)} and "
            f"{', '.join(second.class_names)}; give two of the same classes in the same order."
        )


def _require_same_images(first, second):
    _require_same_classes(first, second)
    if len(first.ids) != len(second.ids):
        raise InputError(
            "Only predictions of the same images can be compared, and these are of "
            f"{len(first.ids):,} and {len(second.ids):,}; test both models on the same images."
        )
    for what, ours, theirs in (
        ("ids", first.ids, second.ids),
        ("true classes", first.y_true, second.y_true),
    ):
        places = np.flatnonzero(np.asarray(ours) != np.asarray(theirs))
        if len(places):
            place = places[0]
            raise InputError(
                f"Only predictions of the same images can be compared, and {len(places):,} of "
                f"{len(ours):,} {what} differ, first at place {place}: {ours[place]} and "
                f"{theirs[place]}; test both models on the same images in the same order."
            )


def _numbered(groups, count):
    if groups is None:
        return np.arange(count)
    if len(groups) != count:
        raise ValueError(f"{count} images need {count} group numbers; got {len(groups)}.")
    return np.unique(groups, return_inverse=True)[1]


def _difference_table(first, second, intervals):
    table = intervals.rename(columns={"value": "difference"})
    table.insert(1, "first", scores_of_confusion(first.confusion()))
    table.insert(2, "second", scores_of_confusion(second.confusion()))
    return table


def _sample(classes, groups, num_classes, scores_of):
    # What to draw from, and the scores of what was drawn. Groups with equal counts in the
    # confusion are of one kind; a resample needs only to know how often it drew each kind, which
    # makes thousands of resamples one matrix product.
    shape = (num_classes,) * len(classes)
    cells = np.ravel_multi_index(classes, shape)
    groups = _numbered(groups, len(cells))
    counts = np.zeros((groups.max() + 1, np.prod(shape)))
    np.add.at(counts, (groups, cells), 1)
    kinds, kind_of_group = np.unique(counts, axis=0, return_inverse=True)

    def statistic(drawn, axis=-1):
        outer, drawn = drawn.shape[:-1], drawn.reshape(-1, drawn.shape[-1])
        rows = np.arange(len(drawn))[:, None] * len(kinds)
        times = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * len(kinds))
        confusions = times.reshape(-1, len(kinds)) @ kinds
        return np.moveaxis(scores_of(confusions.reshape(*outer, *shape)), -1, 0)

    return kind_of_group, statistic


def _intervals(samples, statistic, bounds, seed):
    table = pd.DataFrame({"score": SCORES, "value": statistic(*samples)})
    if min(map(len, samples)) < 2:
        return table.assign(low=bounds[0], high=bounds[1], method="none")
    low, high, method = _bca(samples, statistic, seed)
    return table.assign(low=low, high=high, method=method)


def _bca(samples, statistic, seed):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # SciPy's, of what falls back to percentiles below
        result = bootstrap(
            samples,
            statistic,
            n_resamples=NUM_RESAMPLES,
            batch=BATCH,
            vectorized=True,
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    ends = np.array(result.confidence_interval)
    draws = result.bootstrap_distribution
    usable = np.isfinite(ends).all(axis=0) & (np.ptp(draws, axis=-1) > 0)
    percentiles = _percentiles(draws.T)
    return *np.where(usable, ends, percentiles), np.where(usable, "BCa", "percentile")


def _percentiles(draws):
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(draws, [tail, 1 - tail], axis=0)
