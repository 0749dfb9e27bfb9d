"""Calibration of probabilities, and how well they rank each class."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import average_precision_score, log_loss, mean_squared_error

from fer_keras.evaluation.intervals import proportion_interval

NUM_BINS = 15
"""Number of confidence bins, as in Guo et al. (2017)."""

TEMPERATURES = (0.1, 100.0)
"""Range of the temperatures that are tried."""


def reliability_table(probabilities, y_true, num_bins=NUM_BINS):
    """Compare confidence with accuracy, in bins of confidence.

    Args:
        probabilities: float array `(n, num_classes)`, rows summing to 1.
        y_true: int array `(n,)`, true classes.
        num_bins: number of equal bins of the confidence, which is the predicted class's
            probability; a bin includes its upper end.

    Returns:
        A DataFrame, one row a bin that is not empty: `low` and `high` (its ends), `images`,
        `confidence` (their mean), `accuracy`, and the ends `accuracy_low` and `accuracy_high` of
        Wilson's 95 % interval; all but `images` in 0-1.
    """
    ends = np.linspace(0, 1, num_bins + 1)
    confidence = probabilities.max(axis=1).astype(float)
    right = probabilities.argmax(axis=1) == y_true
    bins = np.searchsorted(ends[1:-1], confidence)
    rows = []
    for place in np.unique(bins):
        inside = bins == place
        hits, images = right[inside].sum(), inside.sum()
        shares = confidence[inside].mean(), hits / images, *proportion_interval(hits, images)
        rows.append((ends[place], ends[place + 1], images, *shares))
    names = ("low", "high", "images", "confidence", "accuracy", "accuracy_low", "accuracy_high")
    return pd.DataFrame(rows, columns=names)


def expected_calibration_error(probabilities, y_true, num_bins=NUM_BINS):
    """Compute the expected calibration error (Guo et al., 2017).

    It is the mean absolute difference of accuracy and confidence in the bins of
    `reliability_table`, weighted by their images. With few images, chance keeps it above 0 even
    for a perfectly calibrated model.

    Args:
        probabilities: float array `(n, num_classes)`, rows summing to 1; n at least 1.
        y_true: int array `(n,)`, true classes.
        num_bins: number of equal bins of confidence.

    Returns:
        A float in 0-1.
    """
    table = reliability_table(probabilities, y_true, num_bins)
    gaps = (table["accuracy"] - table["confidence"]).abs()
    return float(np.average(gaps, weights=table["images"]))


def scaled(probabilities, temperature):
    """Divide a model's logits by a temperature.

    The logarithms of the probabilities serve as logits: they differ from the model's by a constant
    an image, which the softmax cancels. Probabilities below 2e-16 count as 2e-16, as in
    scikit-learn's `log_loss`.

    Args:
        probabilities: float array `(n, num_classes)`, rows summing to 1.
        temperature: number above 0. Above 1 it lowers the confidence; 1 changes nothing.

    Returns:
        A float64 array `(n, num_classes)`, rows summing to 1, with the same predicted classes.
    """
    floor = np.finfo(float).eps
    logits = np.log(np.maximum(np.asarray(probabilities, float), floor))
    return softmax(logits / temperature, axis=1)


def fit_temperature(validation_probabilities, validation_y_true):
    """Find the temperature that fits the validation faces best.

    It makes their true classes most likely. Never fit it to the faces that are reported on. It
    stays within `TEMPERATURES`, although 0 would be best for a model that is always right.

    Args:
        validation_probabilities: float array `(n, num_classes)`, rows summing to 1.
        validation_y_true: int array `(n,)`, true classes; n at least 1.

    Returns:
        A float; 1 where no other temperature is better.
    """

    def loss(temperature):
        probabilities = scaled(validation_probabilities, temperature)
        return negative_log_likelihood(probabilities, validation_y_true)

    # The logarithm keeps the single minimum, and 1/2 is then as far from 1 as 2 is.
    found = minimize_scalar(
        lambda exponent: loss(np.exp(exponent)),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(min(1.0, np.exp(found.x), key=loss))


def before_and_after_scaling(test, validation):
    """Scale test predictions by the temperature of the validation faces.

    Args:
        test: `Predictions` to report on.
        validation: the same model's `Predictions` of its validation faces, or `None`.

    Returns:
        A dict to test `Predictions`, with the key `as trained` and, if there is a validation split,
        one like `temperature 1.23`.

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
    temperature = fit_temperature(validation.probabilities, validation.y_true)
    probabilities = scaled(test.probabilities, temperature)
    return versions | {f"temperature {temperature:.2f}": replace(test, probabilities=probabilities)}


def calibration_table(versions):
    """Score the probabilities of several models, before and after scaling.

    Args:
        versions: dict from an arm's name to the result of `before_and_after_scaling`.

    Returns:
        A DataFrame with the index (arm, probabilities): `accuracy`, `confidence` (mean probability
        of the predicted class) and `calibration error`, all in 0-1, `Brier score`, in 0-2, and
        `negative log-likelihood`, in nats.
    """
    rows = {
        (arm, version): {
            "accuracy": np.mean(part.y_pred == part.y_true),
            "confidence": part.probabilities.max(axis=1).mean(dtype=float),
            "calibration error": expected_calibration_error(part.probabilities, part.y_true),
            "Brier score": brier_score(part.probabilities, part.y_true),
            "negative log-likelihood": negative_log_likelihood(part.probabilities, part.y_true),
        }
        for arm, parts in versions.items()
        for version, part in parts.items()
    }
    return pd.DataFrame(rows).T.rename_axis(["arm", "probabilities"])


def brier_score(probabilities, y_true):
    """Compute the mean squared distance of probabilities from the truth.

    Args:
        probabilities: float array `(n, num_classes)`, rows summing to 1.
        y_true: int array `(n,)`, true classes.

    Returns:
        A float in 0-2: the sum over the classes, as in Brier (1950).
    """
    num_classes = probabilities.shape[1]
    return float(num_classes * mean_squared_error(np.eye(num_classes)[y_true], probabilities))


def negative_log_likelihood(probabilities, y_true):
    """Compute the mean of -log of the true class's probability.

    Args:
        probabilities: float array `(n, num_classes)`, rows summing to 1.
        y_true: int array `(n,)`, true classes.

    Returns:
        A float in nats, at most 36.
    """
    # Scaling by 1 makes rows sum to 1 in double precision, which scikit-learn asks for.
    return log_loss(y_true, scaled(probabilities, 1), labels=range(probabilities.shape[1]))


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
