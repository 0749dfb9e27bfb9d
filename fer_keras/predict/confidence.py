"""What a network's probability has meant on faces that it did not learn."""

import pandas as pd

from fer_keras.networks.pretrained import WEIGHTS, pretrained
from fer_keras.predict.predictor import is_pretrained
from fer_keras.utils.files import project_path

NUM_BINS = 10
MIN_FACES = 20  # fewer say too little
LIMITS = "\n## Limits\n"


def reliability(source):
    """Return how often a network is right by its confidence.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.

    Returns:
        A DataFrame as `calibration.reliability_table` returns it, of test faces without copies
        among those that the network learnt.
    """
    if is_pretrained(source):
        return pd.DataFrame(pretrained(source).card["reliability"])
    from fer_keras.evaluation.calibration import reliability_table
    from fer_keras.evaluation.predictions import Predictions

    told = Predictions.load(project_path(source) / "predictions.npz")
    return reliability_table(told if told.leaked.all() else told.select(~told.leaked), NUM_BINS)


def overall(table):
    """Return in a sentence how often a network is right.

    Args:
        table: DataFrame that `reliability` returned.
    """
    count = table["images"].sum()
    right = (table["images"] * table["accuracy"]).sum() / count
    sure = (table["images"] * table["confidence"]).sum() / count
    return (
        f"It was right about {_percent(right)} of {count:,} test faces; on average it was "
        f"{_percent(sure)} sure."
    )


def meaning(table, probability):
    """Return in a sentence what a probability has meant.

    Args:
        table: DataFrame that `reliability` returned.
        probability: of the likeliest class, 0-1.
    """
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
