"""Both sides of a comparison, timed in turn."""

import time
from statistics import median

BATCH_SIZE = 64
OF_FACES = "of all faces"
"""The unit of accuracies."""


def seconds(function):
    """Return how long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(functions, rounds):
    """Return the median seconds of each of several functions, called alternately."""
    turns = [[seconds(function) for function in functions] for _ in range(rounds)]
    return [median(times) for times in zip(*turns)]


def row(what, unit, ours, against, theirs):
    """Return a row of the record; of seconds and MiB less is better, of anything else more.

    Accuracies have no ratio: the table shows their difference and its interval.
    """
    ratio = theirs / ours if unit in ("s", "MiB") else ours / theirs
    return {
        "what": what,
        "unit": unit,
        "fer_keras": ours,
        "against": against,
        "theirs": theirs,
        "times better": float("nan") if unit == OF_FACES else ratio,
    }
