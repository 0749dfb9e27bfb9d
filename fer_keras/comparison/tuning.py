"""Fit each arm to equal time, and its learning rate to its network."""

import numpy as np

from fer_keras.comparison.execute import execute_all, plan_runs
from fer_keras.comparison.run import load_run
from fer_keras.utils.errors import InputError

TIMED_EPOCHS = 3
"""Epochs of the run that times an arm."""

SHARE_PLANNED = 0.95
"""Share of the time to plan epochs for: machines slow down now and then."""

RATES = (1 / 3, 1, 3)
"""Learning rates that a search tries, in terms of the recipe's."""


def fit_time(recipes, sources, minutes, directory, seed, timed_epochs):
    """Give each recipe as many epochs as fit into the time, one at least.

    Args:
        recipes: dict from an arm's name to its `Recipe`.
        sources: dict from an arm's name to the `Source` of its faces.
        minutes: training time of a run, with validation.
        directory: the comparison's folder; the timed runs go into its `timing`.
        seed: the seed of the timed runs.
        timed_epochs: epochs of a timed run.

    Returns:
        A dict like `recipes`.

    Raises:
        InputError: if a timed run fails.
    """
    # Frozen epochs take less time than the others.
    timed = {"epochs": timed_epochs, "frozen_epochs": 0}
    short = {arm: recipe.changed(**timed) for arm, recipe in recipes.items()}
    runs, failures = _executed(short, sources, directory / "timing", seed, "timing")
    if failures:
        arm, error = next(iter(failures.items()))
        raise InputError(f"The arm {arm} could not be timed: {error}")
    planned = SHARE_PLANNED * 60 * minutes
    return {
        arm: recipe.changed(epochs=max(1, int(planned / runs[arm].history["seconds"].median())))
        for arm, recipe in recipes.items()
    }


def search_rates(recipes, sources, directory, seed, jobs=1, dask=None):
    """Choose each arm's learning rate on its validation faces.

    A third, once and three times its recipe's rate are tried, with all epochs and one seed; the
    best validation accuracy decides. The run with the best rate lies where the comparison looks
    for this seed's run.

    Args:
        recipes: dict from an arm's name to its `Recipe`.
        sources: dict from an arm's name to the `Source` of its faces.
        directory: the comparison's folder.
        seed: the seed to try with.
        jobs: as for `execute_all`.
        dask: as for `execute_all`.

    Returns:
        A dict like `recipes`, and a dict from an arm's name to a dict from each rate to its best
        validation accuracy, 0-1; NaN where the run failed, as it does at a rate that is too high.

    Raises:
        InputError: if all runs of an arm fail, an arm keeps no validation faces, or a rate would
            exceed 1.
    """
    for arm, recipe in recipes.items():
        if not recipe.validation_fraction:
            raise InputError(
                f"The arm {arm} keeps no validation faces to choose a learning rate by; give it a "
                "validation_fraction above 0, or search no rate."
            )
        if max(RATES) * recipe.learning_rate > 1:
            raise InputError(
                f"The arm {arm} has the learning rate {recipe.learning_rate:g}, and a search also "
                f"tries {max(RATES)} times as much; give it at most {1 / max(RATES):.2g}, or "
                "search no rate."
            )
    found, errors = {arm: {} for arm in recipes}, {}
    for number, times in enumerate(RATES, 1):
        changed = {
            arm: recipe.changed(learning_rate=_times(times, recipe.learning_rate))
            for arm, recipe in recipes.items()
        }
        phase = f"learning rate {number} of {len(RATES)}"
        runs, failures = _executed(changed, sources, directory, seed, phase, jobs, dask)
        errors |= failures
        for arm, recipe in changed.items():
            best = runs[arm].history["val_accuracy"].max() if arm in runs else np.nan
            found[arm][recipe.learning_rate] = float(best)
        for arm, error in failures.items():
            print(f"{arm} at the learning rate {changed[arm].learning_rate:g} failed: {error}")
    chosen = {}
    for arm, tried in found.items():
        reached = {rate: best for rate, best in tried.items() if not np.isnan(best)}
        if not reached:
            raise InputError(f"The arm {arm} could not be tried at any rate: {errors[arm]}")
        chosen[arm] = recipes[arm].changed(learning_rate=max(reached, key=reached.get))
    return chosen, found


def _times(times, rate):
    """Return a multiple of a rate in two digits, and the rate itself as it is."""
    return rate if times == 1 else float(f"{times * rate:.2g}")


def _executed(recipes, sources, directory, seed, phase, jobs=1, dask=None):
    """Return the finished runs by arm, and by arm why others failed."""
    planned, _ = plan_runs(recipes, sources, [seed], directory)
    failed = execute_all(planned, jobs, dask, None, phase)
    failures = {run.arm: failed[run.directory] for run in planned if run.directory in failed}
    return {
        run.arm: load_run(run.directory) for run in planned if run.arm not in failures
    }, failures
