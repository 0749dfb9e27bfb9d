"""What each trial of `ablations.py` changes, from its record."""

import numpy as np
import pandas as pd

from fer_keras.evaluation.families import against_reference

MEASURES = {
    "label": "FER2013's label",
    "votes": "vote share",
    "corrupted": "mean of 30 corruptions, by label",
}
"""Column -> row of `examine`."""


def summary(record):
    """Return each trial's mean scores and their differences from `base` of the same seeds.

    The intervals are 95 % ones over seeds, by Dunnett's correction for all trials of a measure. The
    deviation over seeds is pooled over all trials of as many epochs.

    Args:
        record: DataFrame, one row a trial, epochs and seed.

    Returns:
        A DataFrame, one row a number of epochs and trial: `seeds`, `minutes` (median), each
        measure in 0-1, and for each `<measure> +`, in points, with `<measure> ±`, half of its
        interval; the last is missing for `base` and for trials of one seed.
    """
    tables = []
    for epochs, own in record.groupby("epochs"):
        trials = own.groupby("trial")
        table, seeds = trials[[*MEASURES]].mean(), trials.size()
        base = own[own["trial"] == "base"].set_index("seed")
        for name in MEASURES:
            beyond = own[name] - own["seed"].map(base[name])
            table[f"{name} +"] = 100 * beyond.groupby(own["trial"]).mean()
            table[f"{name} ±"] = _halves(trials[name])
        minutes = trials["seconds"].median() / 60
        tables.append(table.assign(epochs=epochs, seeds=seeds, minutes=minutes))
    return pd.concat(tables).reset_index().set_index(["epochs", "trial"])


def _halves(trials):
    """Return half of each trial's interval, in points, as a series."""
    arms = {trial: scores.to_numpy()[:, np.newaxis] for trial, scores in trials}
    others = [trial for trial in arms if trial != "base"]
    if not others or max(map(len, arms.values())) < 2:
        return np.nan
    found, num_base = {}, len(arms["base"])
    for trial, (low, high) in zip(others, against_reference(arms, "base").intervals()):
        num_seeds = len(arms[trial])
        if num_seeds > 1:  # its difference is from as many runs of `base`, not from all of them
            wider = np.sqrt((2 / num_seeds) / (1 / num_seeds + 1 / num_base))
            found[trial] = 50 * (high - low) * max(wider, 1)
    return pd.Series(found)
