"""Runs tested on other pictures: other data sets, the other storage form.

Predictions are kept in the run directory as `predictions_on_<name>.npz`, so that tables can be
made again without the network and without the faces.
"""

import json
import re
from contextlib import suppress
from dataclasses import replace
from os import PathLike

from fer_keras.comparison.identity import mark_of
from fer_keras.comparison.source import is_pairable
from fer_keras.comparison.trained import has_model, predict
from fer_keras.data.faces import Splits
from fer_keras.data.grouping import groups_of, join_groups
from fer_keras.data.other_data import OtherData, match_classes, read_other_data
from fer_keras.evaluation.predictions import Predictions
from fer_keras.utils.arrays import load_arrays
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.records import read_object

RECORD = "tested_on.json"
PIXELS = "{}_pixels"
"""What the pixels of a storage form are called among the data sets tested on."""

STORAGES = ("csv", "folder")


def read_others(test_on, group_by, arms, sources, on_bad):
    """Read the data sets that a comparison is to be tested on.

    Args:
        test_on: dict from a data set's name to a folder, a CSV file or `Splits`.
        group_by: a pattern of file names, as for `groups_by_pattern`, or `None`.
        arms: dict from an arm's name to its `Recipe`.
        sources: dict from an arm's name to the `Source` of its faces.
        on_bad: `raise`, or `skip` to leave out bad rows and images.

    Returns:
        A list of `OtherData`.

    Raises:
        InputError: if a name cannot be that of a file, an arm was trained on the data set, it has
            no class in common with an arm, or it cannot be read.
    """
    others = []
    if test_on and not isinstance(test_on, dict):
        raise InputError(f"test_on is {test_on!r}; give a dict from a name to each data set.")
    asks = test_on or group_by
    own = {arm: source.splits(arms[arm]) for arm, source in sources.items() if asks}
    trained = {arm: splits.name for arm, (_, splits) in own.items()}
    for name, place in (test_on or {}).items():
        if not isinstance(place, str | PathLike | Splits):
            raise InputError(
                f"test_on's {name} is of type {type(place).__name__}; give a folder, a CSV file or "
                "Splits."
            )
        require_data_name("test_on", name)
        other = read_other_data(name, place, group_by, on_bad)
        for arm, source in sources.items():
            is_same = source.data == other.location if other.location else source.data is place
            if trained[arm] == name or is_same:
                raise InputError(
                    f"The arm {arm} is trained on {trained[arm]}, which test_on gives as {name}; "
                    "give a data set that no arm is trained on."
                )
            match_classes(other, own[arm][0].classes)
        others.append(other)
    is_found = any(other.is_grouped for other in others)
    if group_by and not is_found and all(part.test.groups is None for _, part in own.values()):
        raise InputError(
            f"group_by is {group_by!r} and gives no image a group; give a pattern that is found in "
            "the names of image files, or leave it out."
        )
    return others


def require_data_name(argument, name):
    """Raise InputError unless a data set's name can be part of a file's.

    Args:
        argument: the argument that gives it.
        name: what the user calls the data set.
    """
    is_name = isinstance(name, str) and re.fullmatch(r"[\w.-]+", name)
    if not is_name or name in map(PIXELS.format, STORAGES):
        raise InputError(
            f"{argument} has the name {name!r}, which becomes part of a file's name; give "
            f"letters, digits, hyphens and underscores, not {PIXELS.format('csv')}."
        )


def predict_elsewhere(comparison, others):
    """Predict all that the runs are tested on beside their own test images.

    These are the data sets of other arms, other data, and the same test images in the other storage
    form. Predictions that are kept already are not made again.

    Args:
        comparison: the `Comparison`.
        others: list of `OtherData`, as of `read_others`.

    Raises:
        InputError: if a network or predictions that are kept cannot be read.
    """
    splits = {arm: part for arm in comparison.first if (part := comparison.splits(arm))}
    tests = {part.name: part.test for part in splits.values()}
    own = [OtherData(name, test, groups_of(test)) for name, test in tests.items()]
    notes = _notes(others, comparison)
    for arm in splits:
        first, source = comparison.first[arm], comparison.sources[arm]
        runs = [run for run in comparison.runs[arm].values() if has_model(run)]
        for other in (*others, *_of_other_arms(own, splits[arm].name, first.recipe.classes)):
            found = [_test_elsewhere(run, other, source) for run in runs]
            if other.name in notes and found:
                notes[other.name] += _note_on_copies(other.name, arm, found[0].leaked)
        for run in runs:
            _test_on_other_pixels(run, source)
    if notes:
        text = json.dumps(notes_on_others(comparison) | notes, indent=1)
        write_text(comparison.directory / RECORD, text + "\n")


def tested_elsewhere(comparison):
    """Return predictions for data sets that some arm was not trained on.

    Args:
        comparison: the `Comparison`.

    Returns:
        A dict from a data set's name to a dict from an arm's name to a dict from a seed to its
        `Predictions`. An arm's own test images are included if another arm is tested on them.

    Raises:
        InputError: if a file that is kept is damaged.
    """
    own = {arm: comparison.sources[arm].name for arm in comparison.first}
    found = {}
    for name in (*dict.fromkeys(filter(None, own.values())), *notes_on_others(comparison)):
        arms = {
            arm: {
                seed: run.predictions if own[arm] == name else _kept(run, name)
                for seed, run in comparison.runs[arm].items()
            }
            for arm in own
        }
        arms = {arm: {s: part for s, part in runs.items() if part} for arm, runs in arms.items()}
        found[name] = {arm: runs for arm, runs in arms.items() if runs}
    return {name: arms for name, arms in found.items() if arms}


def notes_on_others(comparison):
    """Return the notes on each data set that no arm was trained on.

    Args:
        comparison: the `Comparison`.

    Returns:
        A dict from a data set's name to a list of sentences.

    Raises:
        InputError: if the file that holds them is damaged.
    """
    file = comparison.directory / RECORD
    return read_object(file) if file.is_file() else {}


def storage_crossed(comparison):
    """Return each arm's predictions for the pixels of both storage forms.

    Args:
        comparison: the `Comparison`.

    Returns:
        A dict from an arm's name to a dict from `csv` and `folder` to a list of `Predictions`, one
        a run, in the same order; empty where the arms are not paired.

    Raises:
        InputError: if a file that is kept is damaged.
    """
    found = {}
    for arm, runs in comparison.runs.items():
        forms = {form: [] for form in STORAGES}
        for run in runs.values():
            other = _other_form(run.recipe.storage)
            if other and (kept := _kept(run, PIXELS.format(other))):
                forms[run.recipe.storage].append(replace(run.predictions, groups=kept.groups))
                forms[other].append(kept)
        if forms["csv"]:
            found[arm] = forms
    return found


def _notes(others, comparison):
    """Return sentences on each data set: groups, and classes that arms lack or have alone."""
    arms_of, notes = {}, {other.name: list(other.notes) for other in others}
    for arm, run in comparison.first.items():
        arms_of.setdefault(run.recipe.classes, []).append(arm)
    for classes, arms in arms_of.items():
        suffix = f" ({', '.join(arms)})" if len(arms_of) > 1 else ""
        for other in others:
            notes[other.name] += [f"{n}{suffix}" for n in match_classes(other, classes).notes]
    return notes


def _note_on_copies(name, arm, leaked):
    if not leaked.any():
        return []
    return [
        f"{name}: exact copies of training or validation images of {arm}: {leaked.sum():,} of the "
        f"{len(leaked):,} images."
    ]


def _of_other_arms(own, name, classes):
    """Return the data sets of other arms that have a class of this arm."""
    fitting = []
    for other in own:
        with suppress(InputError):
            match_classes(other, classes)
            fitting += [other] if other.name != name else []
    return fitting


def _test_elsewhere(run, other, source):
    """Return a run's predictions for another data set, and keep them."""
    matched = match_classes(other, run.recipe.classes)

    def copies():
        splits = source.splits(run.recipe)[1]
        return Splits(splits.train, matched.faces, splits.validation).leaked()

    return _keep(run, other.name, matched.faces, matched.groups, copies)


def _test_on_other_pixels(run, source):
    """Keep a paired run's predictions for its test images in the other storage form."""
    other = _other_form(run.recipe.storage)
    if not (source.paired and is_pairable(run.recipe) and other):
        return
    faces = source.splits(run.recipe.changed(storage=other))[1].test
    groups = join_groups(run.predictions.groups, groups_of(faces))
    _keep(run, PIXELS.format(other), faces, groups, lambda: run.predictions.leaked)


def _other_form(storage):
    return {"csv": "folder", "folder": "csv"}.get(storage)


def _keep(run, name, faces, groups, leaked):
    """Return a run's predictions for faces, from its directory if these are the same faces."""
    file, mark = _file(run, name), mark_of(faces, groups)
    if file.is_file():
        stored = load_arrays(file)
        if "mark" in stored and str(stored["mark"]) == mark:
            return Predictions.load(file)
    predictions = replace(predict(run, faces), groups=groups, leaked=leaked())
    predictions.save(file, mark=mark)
    return predictions


def _kept(run, name):
    """Return the kept predictions of a run for a data set or a storage form's pixels, or `None`."""
    file = _file(run, name)
    return Predictions.load(file) if file.is_file() else None


def _file(run, name):
    return run.directory / f"predictions_on_{name}.npz"
