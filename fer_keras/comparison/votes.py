"""The votes of people on the test images of a comparison."""

from contextlib import suppress

import pandas as pd

from fer_keras.data.readers.fer_plus import read_votes
from fer_keras.data.readers.locate import Location
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text

VOTES = "votes.csv"


def find_votes(comparison):
    """Return the votes on the arms' test images, and keep them in the comparison's folder.

    Votes lie beside the CSV, and are kept as `votes.csv`. They are read from there where the data
    is gone.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame, as `fer_plus.read_votes` returns it, and the names of the arms whose faces it
        is about. Both are empty where there are no votes.

    Raises:
        InputError: if the votes do not fit the CSV.
    """
    kept = comparison.directory / VOTES
    sources = {arm: source.data for arm, source in comparison.sources.items()}
    located = {arm: data for arm, data in sources.items() if isinstance(data, Location)}
    first = next((data for data in located.values() if data.csv and data.votes), None)
    arms = [arm for arm, data in located.items() if first and data.csv == first.csv]
    if first and first.csv.is_file() and first.votes.is_file():
        votes = _of_test_images(read_votes(first.csv, first.votes), comparison, arms)
        write_text(kept, votes.to_csv())
        return votes, arms
    if first and kept.is_file():
        return pd.read_csv(kept, index_col="id"), arms
    return pd.DataFrame(), []


def keep_votes(comparison):
    """Keep the votes in the comparison's folder, where there are fitting ones.

    Args:
        comparison: the `Comparison`.
    """
    with suppress(InputError):  # the report says it
        find_votes(comparison)


def _of_test_images(votes, comparison, arms):
    runs = [run for arm in arms for run in comparison.runs.get(arm, {}).values()]
    tested = {name for run in runs for name in run.predictions.ids.tolist()}
    return votes[votes.index.isin(tested)]
