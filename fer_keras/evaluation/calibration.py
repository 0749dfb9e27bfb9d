"""Calibration of probabilities, and how well they rank each class."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import average_precision_score, log_loss, mean_squared_error

from fer_keras.evaluation.intervals import CONFIDENCE, share_interval

NUM_BINS = 15  # of confidence, as in Guo et al. (2017)
OF_CHANCE = ("if calibrated, mean", "if calibrated, at most")
NUM_DRAWS = 400  # of the hits of a perfectly calibrated network
TEMPERATURES = (0.1, 100.0)  # the range that is tried


def reliability_table(predictions, num_bins=NUM_BINS):
    """Compare confidence with accuracy, in bins of confidence.

    Args:
        predictions: `Predictions`; the confidence is the predicted class's probability.
        num_bins: number of equal bins of confidence.

    Returns:
        A DataFrame, one row a bin that is not empty: `low` and `high` (its ends; it includes the
        upper one), `images`, `confidence` (their mean), `accuracy`, and the ends `accuracy_low` and
        `accuracy_high` of its 95 % interval (`intervals.share_interval`); all but `images` in 0-1.
    """
    ends = np.linspace(0, 1, num_bins + 1)
    confidence = predictions.probabilities.max(axis=1).astype(float)
    right = predictions.is_right
    bins = np.searchsorted(ends[1:-1], confidence)
    rows = []
    for place in np.unique(bins):
        inside = bins == place
        ends_of_share = share_interval(right[inside], predictions.groups[inside])
        shares = confidence[inside].mean(), right[inside].mean(), *ends_of_share
        rows.append((ends[place], ends[place + 1], inside.sum(), *shares))
    names = ("low", "high", "images", "confidence", "accuracy", "accuracy_low", "accuracy_high")
    return pd.DataFrame(rows, columns=names)


def expected_calibration_error(predictions):
    """Compute the expected calibration error (Guo et al., 2017).

    It is the mean absolute difference of accuracy and confidence in the bins of
    `reliability_table`, weighted by their images. Chance alone keeps it above 0;
    `error_if_calibrated` tells how far.

    Args:
        predictions: `Predictions`.
    """
    table = reliability_table(predictions)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float(np.average(gaps, weights=table["images"]))


def error_if_calibrated(predictions):
    """Compute the error that chance gives a perfectly calibrated network.

    Draw for each prediction whether it is right, with its confidence as the probability, many times
    (consistency resampling: Bröcker and Smith, "Increasing the Reliability of Reliability
    Diagrams", 2007). Identical images are drawn together. An error in this range is no evidence of
    bad calibration.

    Args:
        predictions: `Predictions`.

    Returns:
        The mean error, and the one that 95 of 100 such networks stay below, in 0-1.
    """
    confidence = predictions.probabilities.max(axis=1).astype(float)
    bins = np.searchsorted(np.linspace(0, 1, NUM_BINS + 1)[1:-1], confidence)
    groups = predictions.group_numbers
    luck = np.random.default_rng(0).random((NUM_DRAWS, groups.max() + 1))[:, groups]
    gaps = (luck < confidence) - confidence
    by_bin = gaps @ (bins[:, None] == np.arange(NUM_BINS))
    errors = np.abs(by_bin).sum(axis=1) / len(bins)
    return float(errors.mean()), float(np.quantile(errors, CONFIDENCE))


def scaled(predictions, temperature):
    """Divide a model's logits by a temperature.

    The logarithms of the probabilities serve as logits: they differ from the model's by a constant
    an image, which the softmax cancels. Probabilities are at least 2e-16, as in `log_loss`.

    Args:
        predictions: `Predictions`.
        temperature: number above 0. Above 1 it lowers the confidence; 1 changes nothing.

    Returns:
        `Predictions` with probabilities in float64, and the same predicted classes.
    """
    logits = np.log(np.maximum(predictions.probabilities.astype(float), np.finfo(float).eps))
    return replace(predictions, probabilities=softmax(logits / temperature, axis=1))


def fit_temperature(predictions):
    """Find the temperature that makes the true classes most likely.

    Args:
        predictions: `Predictions` of validation faces, never of those that are reported on.

    Returns:
        A float within `TEMPERATURES`; 1 where no other temperature is better.
    """

    def loss(temperature):
        return _negative_log_likelihood(scaled(predictions, temperature))

    # The logarithm keeps the single minimum, and 1/2 is then as far from 1 as 2 is.
    bounds, options = np.log(TEMPERATURES), {"xatol": 1e-6}
    found = minimize_scalar(
        lambda exponent: loss(np.exp(exponent)), bounds=bounds, method="bounded", options=options
    )
    return float(min(1.0, np.exp(found.x), key=loss))


def before_and_after_scaling(test, validation):
    """Scale test predictions by the temperature of the validation faces.

    Args:
        test: `Predictions` to report on.
        validation: the same model's `Predictions` of its validation faces, or `None`.

    Returns:
        A dict of test `Predictions`: `as trained` and, with validation faces, `temperature 1.23`.

    Raises:
        ValueError: if a validation face is a test face too.
    """
    versions = {"as trained": test}
    if validation is None:
        return versions
    shared = np.intersect1d(test.ids, validation.ids)
    if len(shared):
        raise ValueError(
            f"{len(shared)} faces, {shared[0]} for one, are in both parts; fit the temperature to "
            "faces that are not reported on."
        )
    temperature = fit_temperature(validation)
    return versions | {f"temperature {temperature:.2f}": scaled(test, temperature)}


def calibration_table(versions):
    """Score the probabilities of several models, before and after scaling.

    Args:
        versions: dict from an arm's name to the result of `before_and_after_scaling`.

    Returns:
        A DataFrame with the index (arm, probabilities): `accuracy`, `confidence` (mean probability
        of the predicted class), `calibration error`, and what chance gives a perfectly calibrated
        network, `if calibrated, mean` and `if calibrated, at most` (in 95 of 100), all in 0-1;
        `Brier score`, in 0-2; `negative log-likelihood`, in nats, at most 36.
    """
    rows = {
        (arm, version): {
            "accuracy": np.mean(part.is_right),
            "confidence": part.probabilities.max(axis=1).mean(dtype=float),
            "calibration error": expected_calibration_error(part),
            **dict(zip(OF_CHANCE, error_if_calibrated(part))),
            "Brier score": _brier_score(part),
            "negative log-likelihood": _negative_log_likelihood(part),
        }
        for arm, parts in versions.items()
        for version, part in parts.items()
    }
    return pd.DataFrame(rows).T.rename_axis(["arm", "probabilities"])


def average_precision_table(predictions):
    """Compute how well each class's probability ranks its own faces first.

    Args:
        predictions: `Predictions`.

    Returns:
        A DataFrame, one row a class that occurs: `class`, `support`, `share` of all faces (what a
        random ranking would reach) and `average precision`, the last two in 0-1.
    """
    rows = []
    for label, name in enumerate(predictions.class_names):
        is_class = predictions.y_true == label
        if is_class.any():
            score = average_precision_score(is_class, predictions.probabilities[:, label])
            rows.append((name, is_class.sum(), is_class.mean(), score))
    return pd.DataFrame(rows, columns=["class", "support", "share", "average precision"])


def _brier_score(predictions):
    """Return the mean squared distance from the truth, summed over classes (Brier, 1950)."""
    num_classes = len(predictions.class_names)
    truth = np.eye(num_classes)[predictions.y_true]
    return float(num_classes * mean_squared_error(truth, predictions.probabilities))


def _negative_log_likelihood(predictions):
    # Scaling by 1 makes rows sum to 1 in double precision, which scikit-learn asks for.
    probabilities = scaled(predictions, 1).probabilities
    return log_loss(predictions.y_true, probabilities, labels=range(probabilities.shape[1]))
