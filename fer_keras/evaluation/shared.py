"""The test images that several runs have in common."""

from dataclasses import replace
from functools import reduce

import numpy as np

FEW_IMAGES, FEW_HITS = 20, 5
"""With fewer images or hits of a class, macro F1's interval misses the truth too often."""


def on_shared_images(runs):
    """Return predictions of the images that all runs were tested on.

    Args:
        runs: list of `Predictions`.

    Returns:
        A list of `Predictions` of the same images in the order of the first, with its groups of
        identical images; empty if no image is shared.
    """
    first = runs[0]
    if all(np.array_equal(first.ids, run.ids) for run in runs):
        return [replace(run, groups=first.groups) for run in runs]
    shared = reduce(np.intersect1d, [run.ids for run in runs])
    if not len(shared):
        return []
    ids = first.ids[np.isin(first.ids, shared)]
    parts = []
    for run in runs:
        order = np.argsort(run.ids)
        parts.append(run.select(order[np.searchsorted(run.ids, ids, sorter=order)]))
    return [replace(part, groups=parts[0].groups) for part in parts]


def have_same_images(runs):
    """Return whether all runs have the same test images and labels.

    Args:
        runs: list of `Predictions`.
    """
    first, *others = runs
    return all(
        np.array_equal(first.ids, run.ids) and np.array_equal(first.y_true, run.y_true)
        for run in others
    )


def is_idle(runs):
    """Return whether each of an arm's runs always answers with one class.

    Args:
        runs: list of `Predictions`.
    """
    return all((run.y_pred == run.y_pred[0]).all() for run in runs)


def weak_classes(runs):
    """Return the classes that make macro F1's interval unsure.

    Args:
        runs: list of `Predictions` of the same classes.

    Returns:
        A list of names: classes with fewer than `FEW_IMAGES` images or, in some run, fewer than
        `FEW_HITS` hits.
    """
    counts = np.array([run.confusion() for run in runs])
    images = counts.sum(axis=2).min(axis=0)
    hits = np.diagonal(counts, axis1=1, axis2=2).min(axis=0)
    is_weak = (images < FEW_IMAGES) | (hits < FEW_HITS)
    return [name for name, weak in zip(runs[0].class_names, is_weak) if weak]
