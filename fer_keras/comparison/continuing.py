"""Trainings that go on where a shorter one of the same recipe ended."""

import shutil
from contextlib import suppress

from filelock import FileLock


def next_longer(run, runs):
    """Return the shortest run that can go on where another one ends.

    With a constant learning rate no epoch depends on how many follow, so that on the same machine
    both trainings are the same to the bit.

    Args:
        run: the shorter `PlannedRun`.
        runs: list of the `PlannedRun`s that are left.

    Returns:
        The shortest such run, or `None` where there is none.
    """
    if run.recipe.schedule != "constant":
        return None
    longer = [
        other
        for other in runs
        if other.source is run.source
        and other.recipe.epochs > run.recipe.epochs
        and other.recipe == run.recipe.changed(epochs=other.recipe.epochs)
    ]
    return min(longer, key=lambda other: other.recipe.epochs, default=None)


def run_lock(directory):
    """Return the lock of a run directory, which ends with its process.

    Args:
        directory: the run directory, a `Path`.
    """
    return FileLock(directory.with_name(f".{directory.name}.lock"))


def pass_on(backup, longer):
    """Move the state of a finished training to a longer one, or delete it.

    Args:
        backup: `Path` of the folder with the state.
        longer: run directory of the longer training; `None` where there is none. If that has
            begun, its own state is kept.
    """
    if longer:
        # This fails if another process begins that training now or has begun it.
        with suppress(OSError), run_lock(longer).acquire(blocking=False):
            longer.mkdir()
            backup.rename(longer / "backup")
    shutil.rmtree(backup, ignore_errors=True)
