"""How robust the runs are: accuracy on corrupted test images."""

import hashlib
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.comparison.estimates import by_images, mean_and_difference
from fer_keras.comparison.identity import mark_of
from fer_keras.comparison.shared_graph import with_shared_graph
from fer_keras.comparison.trained import is_readable, load_model
from fer_keras.evaluation.chance import group_means
from fer_keras.utils.arrays import load_arrays
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file
from fer_keras.utils.watching import bar

MOST_SEEDS = 3
"""Runs of an arm that are tested, the first ones."""

MOST_RUNS = 24
"""Runs of a comparison that are tested. Many arms have fewer runs each, one at least."""

MOST_IMAGES = 1_500
"""Test images that are corrupted; of more, those that a hash of their ids chooses."""

MOST_AT_ONCE = 10_000
"""Images in memory at once: 23 MB, and a second or two of work."""

FILE = "robustness.npz"
CORRUPTIONS = Path(__file__).parents[1] / "data" / "corruptions.py"
"""The code that corrupts: what other code found is measured again."""


@dataclass(frozen=True)
class Corrupted:
    """Which corrupted test images a run's network gets right.

    Args:
        ids: string array `(n,)`, the ids of the test images: at most `MOST_IMAGES`.
        groups: int array `(n,)`, equal for identical images.
        uncorrupted: bool array `(n,)`, whether it is right about the image itself.
        right: bool array `(30, n)`, whether it is right about the corrupted image.
        names: string array `(30,)`, the corruptions.
        steps: int array `(30,)`, their strengths from 1 to 3.
    """

    ids: np.ndarray
    groups: np.ndarray
    uncorrupted: np.ndarray
    right: np.ndarray
    names: np.ndarray
    steps: np.ndarray


def robustness(comparison):
    """Test each arm's first runs on corrupted images, or read the results.

    What is found is kept in the run directory, as `robustness.npz`, so that it is there without
    the network and without the faces.

    Args:
        comparison: the `Comparison`.

    Returns:
        A dict from an arm's name to a list of `Corrupted`, one for each of its first runs; empty
        where neither faces nor files are there.

    Raises:
        InputError: if a file that is kept is damaged.
    """
    found = {}
    for arm, run in _tested(comparison):
        if part := _of_run(run, comparison.sources[arm]):
            found.setdefault(arm, []).append(part)
    return found


def is_measured(comparison):
    """Return whether every run that is tested has its `robustness.npz`.

    Args:
        comparison: the `Comparison`.
    """
    return all((run.directory / FILE).is_file() for _, run in _tested(comparison))


def seeds_tested(comparison):
    """Return how many runs of each arm are tested, at most.

    Args:
        comparison: the `Comparison`.
    """
    return max(1, min(MOST_SEEDS, MOST_RUNS // len(comparison.first)))


def _tested(comparison):
    most = seeds_tested(comparison)
    return [(arm, run) for arm, runs in comparison.runs.items() for run in [*runs.values()][:most]]


def robustness_table(found):
    """Estimate each arm's accuracy over all corruptions.

    Args:
        found: what `robustness` returned.

    Returns:
        A DataFrame, one row an arm: `arm`, `images`, `groups`, `seeds` (runs), `uncorrupted`
        (accuracy on the images themselves, also on those with a copy in training), `mean` (the
        mean of the accuracies on the 30 corruptions), both in 0-1 with the ends `_low` and `_high`
        of their 95 % intervals over seeds and images; `difference`, with its ends, is the mean
        minus that of `reference`, the first arm, and missing where the images are not the same.
    """
    rows, reference = [], next(iter(found))
    for arms in by_images(found):
        uncorrupted, mean = (
            {
                arm: np.stack([group_means(values(part), part.groups) for part in parts])
                for arm, parts in arms.items()
            }
            for values in (lambda part: part.uncorrupted, lambda part: part.right.mean(axis=0))
        )
        for arm, parts in arms.items():
            row = {"arm": arm, "images": len(parts[0].ids), "seeds": len(parts)}
            row["groups"] = len(np.unique(parts[0].groups))
            own, difference = mean_and_difference(mean, arm, reference)
            first = mean_and_difference(uncorrupted, arm, reference)[0]
            estimates = {"uncorrupted": first, "mean": own, "difference": difference}
            for name, values in estimates.items():
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), values))
            rows.append(row | {"reference": reference})
    return pd.DataFrame(rows).set_index("arm").loc[[*found]].reset_index()


def accuracy_by_step(found):
    """Return each arm's accuracy on each corruption and strength.

    Args:
        found: what `robustness` returned.

    Returns:
        A DataFrame, one row a corruption and step: `corruption`, `step` (0, the images themselves,
        to 3), and for each arm its accuracy in 0-1, the mean over its runs.
    """
    names, steps = (getattr(next(iter(found.values()))[0], name) for name in ("names", "steps"))
    tables = []
    for name in dict.fromkeys(names.tolist()):
        own = np.flatnonzero(names == name)
        columns = {
            arm: [
                np.mean([part.uncorrupted for part in parts]),
                *np.mean([part.right[own].mean(axis=1) for part in parts], axis=0),
            ]
            for arm, parts in found.items()
        }
        steps_of = [0, *steps[own].tolist()]
        tables.append(pd.DataFrame({"corruption": name, "step": steps_of} | columns))
    return pd.concat(tables, ignore_index=True)


def _of_run(run, source):
    """Return a run's `Corrupted`, from its directory if it is of the same faces; or `None`."""
    file = run.directory / FILE
    kept, mark = _load(file, run) if file.is_file() else (None, None)
    splits = source.splits_of(run)
    if not splits:
        return kept
    chosen = _chosen(splits.test.ids)
    faces, groups = splits.test.select(chosen), run.predictions.groups[chosen]
    own_mark = f"{mark_of(faces, groups)} {hashlib.sha256(CORRUPTIONS.read_bytes()).hexdigest()}"
    if (kept and mark == own_mark) or not is_readable(run):
        return kept
    arrays = {"groups": groups, **_measure(run, faces)}
    with whole_file(file) as part:
        np.savez_compressed(part, mark=own_mark, **arrays)
    return _load(file, run)[0]


def _chosen(ids):
    """Return the sorted places of the images to corrupt: the same ones in every arm."""
    hashes = [zlib.crc32(name.encode()) for name in ids.tolist()]
    return np.sort(np.argsort(hashes, kind="stable")[:MOST_IMAGES])


def _load(file, run):
    """Return a `Corrupted` and the mark of its faces."""
    chosen = run.predictions.select(_chosen(run.predictions.ids))
    stored = load_arrays(file)
    wanted = ("right", "names", "steps", "groups", "mark")
    if missing := ", ".join(name for name in wanted if name not in stored):
        raise InputError(f"{file} has no {missing}; delete it, and it is made again.")
    arrays, mark = {name: stored[name] for name in wanted[:-1]}, str(stored["mark"])
    return Corrupted(chosen.ids, uncorrupted=chosen.is_right, **arrays), mark


def _measure(run, faces):
    """Return whether the network is right about each corrupted face, and the corruptions."""
    # Imported here: OpenCV and TensorFlow take seconds, and reading what is kept needs neither.
    from fer_keras.data.corruptions import CORRUPTED, corrupt
    from fer_keras.training.feeds import evaluation_feed

    model, right = with_shared_graph(load_model(run)), []
    at_once = max(1, MOST_AT_ONCE // len(faces))
    starts = range(0, len(CORRUPTED), at_once)
    for start in bar(starts, f"Testing {run.directory.name} on corrupted images", "parts"):
        pairs = CORRUPTED[start : start + at_once]
        pictures = np.concatenate([corrupt(faces.images, faces.ids, *pair) for pair in pairs])
        labels, ids = np.tile(faces.labels, len(pairs)), np.tile(faces.ids, len(pairs))
        changed = replace(faces, images=pictures, labels=labels, ids=ids, targets=None, groups=None)
        answers = model.predict(evaluation_feed(changed), verbose=0).argmax(axis=1)
        right.append((answers == labels).reshape(len(pairs), -1))
    names, steps = map(np.array, zip(*CORRUPTED))
    return {"right": np.concatenate(right), "names": names, "steps": steps}
