"""Estimates that are read together, corrected for their number."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import fdtrc
from scipy.stats import qmc, t

from fer_keras.evaluation.chance import Estimate, contrast, within_arms
from fer_keras.evaluation.intervals import CONFIDENCE

POWER = 0.8
"""The share of studies that should find a difference of the size that they are planned for."""
NUM_DIRECTIONS = 2048
"""Points on the sphere over which the multivariate t distribution is averaged."""
MOST_SEEDS = 1000
"""Runs of an arm beyond which nobody plans."""


@dataclass(frozen=True)
class Family:
    """Estimates of which a reader asks whether any of them differs from 0.

    Their p values and intervals hold for all of them at once. Against one reference this is
    Dunnett's correction ("A Multiple Comparison Procedure", 1955), with the correlations that
    seeds and images give: the largest of the family's |t| follows a multivariate t distribution.

    Args:
        estimates: tuple of `Estimate`.
        correlation: float array `(k, k)`, of the k estimates.
        families: number of families that are read together; Bonferroni's correction of these.
    """

    estimates: tuple[Estimate, ...]
    correlation: np.ndarray
    families: int = 1

    def p_values(self):
        """Return the corrected two-sided p values: a list of floats in 0-1."""
        found = []
        for estimate in self.estimates:
            # The smallest df of the family, as in its intervals: the two agree on what is shown.
            alone, count = replace(estimate, df=self._df()).p_value(), len(self.estimates)
            p_value = alone
            if estimate.standard_error and count > 1:
                p_value = self._beyond(abs(estimate.value) / estimate.standard_error)
            # The mean over directions is no exact integral; the true value lies within these ends.
            p_value = min(max(p_value, alone), count * alone)
            found.append(min(1.0, self.families * p_value))
        return found

    def critical(self, confidence=CONFIDENCE):
        """Return how many standard errors the corrected intervals reach.

        Args:
            confidence: coverage of all intervals together, in 0-1.
        """
        confidence, df = 1 - (1 - confidence) / self.families, self._df()
        least = float(t.ppf((1 + confidence) / 2, df))
        if len(self.estimates) == 1:
            return least
        most = float(t.ppf(1 - (1 - confidence) / (2 * len(self.estimates)), df))
        share = 1 - confidence
        # The correction lies between none, for estimates that always agree, and Bonferroni's, for
        # estimates that never do.
        if self._beyond(least) <= share:
            return least
        if self._beyond(most) >= share:
            return most
        return brentq(lambda reach: self._beyond(reach) - share, least, most, xtol=1e-3)

    def intervals(self, confidence=CONFIDENCE):
        """Return the ends of the corrected intervals, a list of pairs.

        Args:
            confidence: coverage of all intervals together, in 0-1.
        """
        reach = self.critical(confidence)
        halves = [reach * estimate.standard_error for estimate in self.estimates]
        return [(one.value - half, one.value + half) for one, half in zip(self.estimates, halves)]

    def _df(self):
        return min(estimate.df for estimate in self.estimates)

    def _beyond(self, reach):
        """Return the probability that some estimate lies further from 0 by chance.

        A point of the multivariate t distribution is a direction times a length. In each direction
        the length that leads beyond is known, and its square over k follows the F distribution.
        """
        size = len(self.estimates)
        lengths = reach / self._farthest
        return float(fdtrc(size, self._df(), lengths**2 / size).mean())

    @cached_property
    def _farthest(self):
        """The largest |t| that a unit step in each direction leads to, `(NUM_DIRECTIONS,)`."""
        roots, axes = np.linalg.eigh(self.correlation)
        points = _directions(len(self.estimates)) @ (axes * np.sqrt(np.maximum(roots, 0))).T
        return np.abs(points).max(axis=1)


@lru_cache
def _directions(size):
    points = qmc.MultivariateNormalQMC(np.zeros(size), rng=0).random(NUM_DIRECTIONS)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def against_reference(arms, reference, families=1):
    """Estimate by how much each arm's mean score lies above that of one arm.

    Args:
        arms: dict from an arm's name to its runs' pseudo-values, as for `chance.contrast`.
        reference: the arm that the others are compared with.
        families: as for `Family`.

    Returns:
        A `Family`, in the order of the other arms.
    """
    return family_of([{arm: 1, reference: -1} for arm in arms if arm != reference], arms, families)


def family_of(weightings, arms, families=1):
    """Estimate several weighted sums of the arms' mean scores.

    Args:
        weightings: list of dicts from an arm's name to its weight; others weigh 0.
        arms: dict from an arm's name to its runs' pseudo-values, as for `chance.contrast`.
        families: as for `Family`.

    Returns:
        A `Family`, in the order of `weightings`.
    """
    estimates = tuple(contrast(arms, weights) for weights in weightings)
    table = np.array([[weights.get(arm, 0) for arm in arms] for weights in weightings], float)
    of_images = table @ np.array([runs.mean(axis=0) for runs in arms.values()])
    n, (variance, _, noise) = of_images.shape[1], within_arms(arms)
    shares = table / [len(runs) for runs in arms.values()] @ table.T
    both = shares * (variance if n == 1 else max(variance - noise / n, 0))
    if n > 1:
        both = both + np.atleast_2d(np.cov(of_images)) / n
    errors = np.array([estimate.standard_error for estimate in estimates])
    scale = np.outer(errors, errors)
    correlation = np.divide(both, scale, out=np.zeros_like(both), where=scale > 0)
    np.fill_diagonal(correlation, 1)
    return Family(estimates, correlation, families)


def detectable(estimate, critical):
    """Return the smallest true difference that these runs would have found.

    A study of this size shows it, by an interval that leaves out 0, in 80 of 100 repetitions.

    Args:
        estimate: the `Estimate` of the difference.
        critical: how many standard errors the interval reaches, as `Family.critical`.
    """
    return float(estimate.standard_error * (critical + t.ppf(POWER, estimate.df)))


def seeds_needed(arms, weights, margin, tests=1):
    """Return how many runs an arm needs to find a difference of the margin.

    It is planned from the deviation of run scores, pooled over the arms, and from what the same
    test images leave open whatever the seeds; never from the difference that was found.

    Args:
        arms: dict from an arm's name to its runs' pseudo-values, as for `chance.contrast`.
        weights: dict from an arm's name to its weight in the difference.
        margin: the difference to find in 80 of 100 studies, in the units of the scores.
        tests: number of differences that are tested together.

    Returns:
        The number of runs, 2 or more; `None` if no arm has two runs, or if no number of runs up to
        `MOST_SEEDS` suffices on these images.
    """
    variance, df_runs, noise = within_arms(arms)
    if not df_runs:
        return None
    of_images = sum(weight * arms[arm].mean(axis=0) for arm, weight in weights.items())
    n = len(of_images)
    share = sum(weight**2 / len(arms[arm]) for arm, weight in weights.items())
    fixed = max((of_images.var(ddof=1) - share * noise) / n, 0) if n > 1 else 0
    seeds = np.arange(2, MOST_SEEDS + 1)
    runs = sum(weight**2 for weight in weights.values()) * variance / seeds
    spread = runs**2 / (len(arms) * (seeds - 1)) + (fixed**2 / (n - 1) if n > 1 else 0)
    total = np.maximum(fixed + runs, 1e-300)
    df = np.divide(total**2, spread, out=np.full(len(seeds), np.inf), where=spread > 0)
    reach = t.ppf(1 - (1 - CONFIDENCE) / (2 * tests), df) + t.ppf(POWER, df)
    enough = np.flatnonzero(reach * np.sqrt(total) <= margin)
    return int(seeds[enough[0]]) if len(enough) else None
