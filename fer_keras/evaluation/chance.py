"""Estimates over two sources of chance: seeds and test images.

Runs of an arm differ by their seed, and all runs are tested on the same images. This is the design
of Dorfman, Berbaum and Metz, "Receiver Operating Characteristic Rating Analysis" (1992). Runs take
the place of readers. Each run and image gets a pseudo-value. An analysis of variance of these shows
how much of a mean's error comes from seeds and how much from images. Arms share the images, and
identical images count as one. Runs of different arms count as independent. Runs of one seed share
validation faces and, with the same network, first weights, so intervals can be too wide.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from fer_keras.evaluation.intervals import CONFIDENCE, scores_of_confusion
from fer_keras.evaluation.shared import on_shared_images

ROUNDING = 1e-12
"""A standard error below it is rounding, not chance."""


@dataclass(frozen=True)
class Estimate:
    """A mean score, or a difference of such, and how sure it is.

    Args:
        value: the estimate.
        standard_error: its standard error, of seeds and images together.
        df: degrees of freedom of the standard error (Satterthwaite's), above 0.
    """

    value: float
    standard_error: float
    df: float

    def interval(self, confidence=CONFIDENCE):
        """Return the ends of the t interval.

        Args:
            confidence: coverage, in 0-1.
        """
        half = self.standard_error * t.ppf((1 + confidence) / 2, self.df)
        return float(self.value - half), float(self.value + half)

    def p_value(self):
        """Return the two-sided p value of the t test that the true value is 0."""
        if not self.standard_error:
            return 1.0 if self.value == 0 else 0.0
        return float(2 * t.sf(abs(self.value) / self.standard_error, self.df))

    def p_value_of_equality(self, margin):
        """Return the p value of the test that the true value lies beyond ±margin.

        These are two one-sided t tests (Schuirmann, 1987); at most 5 % is the same as a 90 %
        interval within ±margin.

        Args:
            margin: in the units of `value`, above 0.
        """
        room = margin - abs(self.value)
        if not self.standard_error:
            return 0.0 if room > 0 else 1.0
        return float(t.sf(room / self.standard_error, self.df))

    def probability_within(self, margin):
        """Return the probability that the true value lies within ±margin.

        It is the posterior one under a flat prior.

        Args:
            margin: in the units of `value`, above 0.
        """
        if not self.standard_error:
            return float(abs(self.value) <= margin)
        ends = (np.array([-margin, margin]) - self.value) / self.standard_error
        return float(np.diff(t.cdf(ends, self.df))[0])


def pseudo_values(predictions):
    """Return the jackknife's pseudo-values of a run's scores.

    A pseudo-value is θ + (n − 1) (θ₋ − θ₋ᵢ), where θ is the score on all n images, θ₋ᵢ the score
    without image i, and θ₋ the mean of these. The mean of the pseudo-values is the score itself.
    The jackknife's correction of its bias is left out, so that tables and estimates agree.

    Args:
        predictions: `Predictions`, whose `groups` mark identical images; these are left out
            together, and n counts groups.

    Returns:
        A float array `(3, n)`, rows in the order of `intervals.SCORES`, columns in the order of
        the sorted group numbers.
    """
    counts = predictions.confusion_by_group()
    total = counts.sum(axis=0)
    if len(counts) == 1:
        return scores_of_confusion(total)[:, None]
    without = scores_of_confusion(total - counts)
    return _around(scores_of_confusion(total), without.T)


def values_by_arm(arms, on_images=True):
    """Return each score's values by arm, as `contrast` takes them.

    They are pseudo-values, or the runs' scores alone.

    Args:
        arms: dict from an arm's name to a list of `Predictions`, one a run.
        on_images: whether all runs have the same test images; else only their scores count.

    Returns:
        A dict from an arm's name to a float array `(seeds, 3, n)`, scores in the order of
        `intervals.SCORES`; n is 1 for the scores alone.
    """
    every = [run for runs in arms.values() for run in runs]
    if on_images:
        values = map(pseudo_values, on_shared_images(every))
    else:
        values = (scores_of_confusion(run.confusion())[:, None] for run in every)
    return {arm: np.array([next(values) for _ in runs]) for arm, runs in arms.items()}


def group_means(values, groups):
    """Return the jackknife's pseudo-values of a mean over images.

    Args:
        values: float array `(..., images)`, such as whether each image is right.
        groups: int array `(images,)`, equal for identical images.

    Returns:
        A float array `(..., n)`, a column for each group, as for `pseudo_values`.
    """
    values, places = np.asarray(values, float), np.unique(groups, return_inverse=True)[1]
    size = np.bincount(places)
    sums = np.zeros((*values.shape[:-1], len(size)))
    np.add.at(sums, (..., places), values)
    if len(size) == 1:
        return sums / size
    total = sums.sum(axis=-1, keepdims=True)
    without = (total - sums) / (size.sum() - size)
    return _around(total[..., 0] / size.sum(), without)


def contrast(arms, weights):
    """Estimate a weighted sum of the arms' mean scores.

    Weights 1 and -1 give a difference of two arms, a single 1 the mean score of an arm. The
    variance between seeds is pooled over all arms, also those of weight 0, because three seeds
    estimate it poorly.

    Args:
        arms: dict from an arm's name to its runs' pseudo-values, a float array `(seeds, n)`. The
            n columns are the same images in all arms.
        weights: dict from an arm's name to its weight; others weigh 0.

    Returns:
        An `Estimate`.

    Raises:
        ValueError: if no arm has two runs and the images are fewer than two.
    """
    means = {arm: runs.mean(axis=0) for arm, runs in arms.items()}
    of_images = sum(weight * means[arm] for arm, weight in weights.items())
    n = len(of_images)
    run_variance, df_runs, noise = within_arms(arms)
    share = sum(weight**2 / len(arms[arm]) for arm, weight in weights.items())
    # Both parts hold the noise of single predictions, which counts once.
    parts = {"images": (of_images.var(ddof=1) / n, n - 1)} if n > 1 else {}
    if df_runs:
        parts["runs"] = share * run_variance, df_runs
    if not parts:
        raise ValueError("One image and one run of each arm tell nothing about chance.")
    variance = sum(part for part, _ in parts.values())
    if len(parts) == 2:
        least = max(part for part, _ in parts.values())
        variance = max(variance - share * noise / n, least)
    spread = sum(part**2 / df for part, df in parts.values())
    df = variance**2 / spread if spread else max(df for _, df in parts.values())
    value, error = of_images.mean(), np.sqrt(variance)
    if error < ROUNDING:
        error, value = 0, 0 if abs(value) < ROUNDING else value
    return Estimate(float(value), float(error), float(df))


def run_deviation(arms):
    """Return the standard deviation of run scores, pooled over the arms.

    Args:
        arms: as for `contrast`.

    Returns:
        A float; NaN where no arm has two runs.
    """
    variance, df, _ = within_arms(arms)
    return float(np.sqrt(variance)) if df else np.nan


def _around(score, without):
    """Return pseudo-values `(..., n)` with the mean `score`, an array of the shape `(...)`."""
    rest = without.mean(axis=-1, keepdims=True) - without
    return score[..., None] + (without.shape[-1] - 1) * rest


def within_arms(arms):
    """Return how runs of one arm differ, pooled over the arms.

    Args:
        arms: as for `contrast`.

    Returns:
        The variance of run scores, its degrees of freedom, and the variance of what is peculiar to
        a run and image; zeros where no arm has two runs. Arms whose runs are identical, such as
        arms that learnt nothing, are left out unless all arms are so.
    """
    varied = [runs for runs in arms.values() if np.ptp(runs, axis=0).any()]
    pool = varied or [*arms.values()]
    df = sum(len(runs) - 1 for runs in pool)
    if not df:
        return 0.0, 0, 0.0
    scores = [runs.mean(axis=1) for runs in pool]
    variance = sum(((score - score.mean()) ** 2).sum() for score in scores) / df
    squares, n = 0.0, pool[0].shape[1]
    for runs in pool:
        rest = runs - runs.mean(axis=0) - runs.mean(axis=1, keepdims=True) + runs.mean()
        squares += (rest**2).sum()
    return variance, df, squares / (df * max(n - 1, 1))
