"""The votes of people on the test images of a comparison."""

import numpy as np
import pandas as pd

from fer_keras.data.readers.fer_plus import ANSWERS, read_votes
from fer_keras.data.readers.locate import Location
from fer_keras.utils.files import write_text
from fer_keras.utils.records import read_table

VOTES = "votes.csv"


def find_votes(comparison):
    """Return the votes on the test images, and keep them in a file.

    Votes lie beside the CSV, and are kept as `votes.csv` in the comparison's folder. They are read
    from there where the data is gone.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame, as `fer_plus.read_votes` returns it, and the names of the arms that it is
        about: those whose labels are FER+'s, or FER2013's of the same rows. Both are empty where
        there are no votes.

    Raises:
        InputError: if the votes do not fit the CSV.
    """
    kept, data = comparison.directory / VOTES, _with_votes(comparison)
    if data:
        votes = read_votes(data.csv, data.votes)
        tested = {name for run in comparison.all_runs for name in run.predictions.ids.tolist()}
        votes = votes[votes.index.isin(tested)]
        write_text(kept, votes.to_csv())
    elif kept.is_file():
        votes = read_table(kept, ANSWERS, ("id", "label")).set_index("id")
    else:
        return pd.DataFrame(), []
    return votes, [arm for arm, run in comparison.first.items() if _has_the_labels(run, votes)]


def _with_votes(comparison):
    """Return the first `Location` whose CSV and votes are here, or `None`."""
    places = [source.data for source in comparison.sources.values()]
    places = [data for data in places if isinstance(data, Location) and data.csv and data.votes]
    return next((data for data in places if data.csv.is_file() and data.votes.is_file()), None)


def _has_the_labels(run, votes):
    """Return whether a run is about the votes' rows; another CSV has rows of the same names."""
    if run.recipe.labels != "own":
        return True
    predictions = run.predictions
    is_shared = np.isin(predictions.ids, votes.index.to_numpy(str))
    labels = np.array(predictions.class_names)[predictions.y_true[is_shared]]
    return bool((votes.loc[predictions.ids[is_shared], "label"].to_numpy() == labels).all())
