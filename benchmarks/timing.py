"""Both sides of a comparison: their times in turn, and their memory."""

import subprocess
import sys
import time
from statistics import median

BATCH_SIZE = 64
OF_FACES = "of all faces"
"""The unit of accuracies."""
PEAK = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) / 1024)
"""
"""Prints the most MiB that its process has taken."""


def seconds(function):
    """Return how long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(functions, rounds):
    """Return the median seconds of each of several functions, called alternately."""
    turns = [[seconds(function) for function in functions] for _ in range(rounds)]
    return [median(times) for times in zip(*turns)]


def peak_memory(code, *arguments):
    """Return the MiB that a process of its own takes at most for some code; on Linux."""
    command = [sys.executable, "-c", code + PEAK, *arguments]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


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
