"""What a network's probability has meant on faces that it did not learn."""

from dataclasses import dataclass

import pandas as pd

from fer_keras.networks.pretrained import WEIGHTS, pretrained
from fer_keras.predict.origin import right_by
from fer_keras.predict.predictor import is_pretrained
from fer_keras.utils.files import project_path

NUM_BINS = 10
MIN_FACES = 20  # fewer say too little
LIMITS = "\n## Limits\n"


@dataclass(frozen=True)
class Reliability:
    """How often a network is right by its confidence.

    Args:
        table: DataFrame as `calibration.reliability_table` returns it, of test faces without copies
            among those that the network learnt.
        by: what says which class is right, as `origin.right_by` returns it.
    """

    table: pd.DataFrame
    by: str


def reliability(source):
    """Return how often a network is right by its confidence.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.

    Returns:
        A `Reliability`.

    Raises:
        InputError: if the run's record or its predictions are damaged.
    """
    by = right_by(source)
    if is_pretrained(source):
        return Reliability(pd.DataFrame(pretrained(source).card["reliability"]), by)
    # Here, because networks that come with the package need no scikit-learn.
    from fer_keras.evaluation.calibration import reliability_table
    from fer_keras.evaluation.predictions import Predictions

    told = Predictions.load(project_path(source) / "predictions.npz")
    clean = told if told.leaked.all() else told.select(~told.leaked)
    return Reliability(reliability_table(clean, NUM_BINS), by)


def overall(record):
    """Return in a sentence how often a network is right.

    Args:
        record: the network's `Reliability`.
    """
    table = record.table
    count = table["images"].sum()
    right = (table["images"] * table["accuracy"]).sum() / count
    sure = (table["images"] * table["confidence"]).sum() / count
    return (
        f"By {record.by} it was right about {_percent(right)} of {count:,} test faces; on average "
        f"it was {_percent(sure)} sure."
    )


def meaning(record, probability):
    """Return in a sentence what a probability has meant.

    Args:
        record: the network's `Reliability`.
        probability: of the likeliest class, 0-1.
    """
    table = record.table
    bins = table[(table["low"] < probability) & (probability <= table["high"])]
    if not len(bins) or bins["images"].iloc[0] < MIN_FACES:
        return "Too few test faces had such a probability to say what it means."
    low, high, count, _, right, least, most = bins.iloc[0]
    return (
        f"Of {count:.0f} test faces to which it gave {100 * low:.0f} to {_percent(high)}, it was "
        f"right for {_percent(right)} (95 % interval {100 * least:.0f} to {_percent(most)})."
    )


def limits():
    """Return the limits that the model card names, in plain text."""
    card = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    return " ".join(card.partition(LIMITS)[2].partition("\n## ")[0].split())


def _percent(share):
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
