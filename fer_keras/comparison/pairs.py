"""The test images that two arms share, whatever their files are called."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_keras.data.pairing import pair_within_parts
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.records import read_table

PAIRS = "pairs.csv"
COLUMNS = ("arm", "id", "reference", "name")


def with_shared_names(comparison, reference):
    """Return predictions in which the same test images have the same ids.

    Two arms may name the same test image differently: in the other storage form, or in another data
    set. Where pixels pair two images, within Training or within the rest, the arm takes the
    reference's id. Storage forms that share an id need no pairs. Unpaired images of another data
    set get the data set's name in front, because its files may have the same names. The pairs are
    kept in `pairs.csv` in the comparison's folder and read from there, also if the data is gone.

    Args:
        comparison: the `Comparison`.
        reference: the arm whose ids stay, which has finished a run.

    Returns:
        A dict from an arm's name to a dict from a seed to the run's `Predictions`. Arms without a
        finished run are left out.

    Raises:
        InputError: if `pairs.csv` is damaged.
    """
    runs = {
        arm: {seed: run.predictions for seed, run in own.items()}
        for arm, own in comparison.runs.items()
        if own
    }
    for arm, own in runs.items():
        names = _names(comparison, runs, reference, arm)
        place = (
            f"{comparison.sources[arm].name}/" if _is_other_data(comparison, reference, arm) else ""
        )
        if names or place:
            runs[arm] = {seed: _renamed(run, names, place) for seed, run in own.items()}
    return runs


def _is_other_data(comparison, *arms):
    return len({comparison.sources[arm].name for arm in arms}) > 1


def _renamed(run, names, place):
    ids = [names.get(each, f"{place}{each}") for each in run.ids.tolist()]
    return replace(run, ids=np.array(ids))


def _names(comparison, runs, reference, arm):
    """Return a dict from an arm's ids to the reference's ids of the same images."""
    one, two = (next(iter(runs[each].values())).ids for each in (reference, arm))
    is_same_form = comparison.arms[arm].storage == comparison.arms[reference].storage
    is_named_alike = is_same_form or np.intersect1d(one, two).size
    if is_named_alike and not _is_other_data(comparison, reference, arm):
        return {}
    file = comparison.directory / PAIRS
    kept = read_table(file, (), COLUMNS) if file.is_file() else pd.DataFrame(columns=COLUMNS)
    own = kept[(kept["reference"] == reference) & (kept["arm"] == arm)]
    if not len(own) and (splits := _splits(comparison, reference, arm)):
        first, second = (part.test for part in splits)
        pairs = pair_within_parts(first, second)
        own = pd.DataFrame({"id": second.ids[pairs.second], "name": first.ids[pairs.first]})
        own = own.assign(arm=arm, reference=reference)[[*COLUMNS]]
        write_text(file, pd.concat([kept, own]).to_csv(index=False))
    return dict(zip(own["id"], own["name"]))


def _splits(comparison, *arms):
    """Return the arms' `Splits` of the first seed; nothing if the data is not at hand."""
    try:
        splits = [comparison.splits(arm) for arm in arms]
    except InputError:
        return []
    return splits if all(splits) else []
