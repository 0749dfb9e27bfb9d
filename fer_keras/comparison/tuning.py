"""Fit each arm to equal time, and its learning rate to its network."""

from fer_keras.comparison.execute import execute_all, plan_runs
from fer_keras.comparison.run import load_run
from fer_keras.utils.errors import InputError

TIMED_EPOCHS = 3
"""Epochs of the run that times an arm."""

SHARE_PLANNED = 0.95
"""Share of the time to plan epochs for: machines slow down now and then."""

RATES = (1 / 3, 1, 3)
"""Learning rates that a search tries, in terms of the recipe's."""


def fit_time(recipes, sources, minutes, directory, seed, timed_epochs=TIMED_EPOCHS):
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
    runs = _executed(short, sources, directory / "timing", seed, phase="timing")
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
        validation accuracy, 0-1.

    Raises:
        InputError: if a run fails, an arm keeps no validation faces, or a rate would exceed 1.
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
    found = {arm: {} for arm in recipes}
    for number, times in enumerate(RATES, 1):
        changed = {
            arm: recipe.changed(learning_rate=_times(times, recipe.learning_rate))
            for arm, recipe in recipes.items()
        }
        phase = f"learning rate {number} of {len(RATES)}"
        for arm, run in _executed(changed, sources, directory, seed, jobs, dask, phase).items():
            best = run.history["val_accuracy"].max()
            found[arm][changed[arm].learning_rate] = float(best)
    chosen = {arm: max(tried, key=tried.get) for arm, tried in found.items()}
    return {arm: recipes[arm].changed(learning_rate=rate) for arm, rate in chosen.items()}, found


def _times(times, rate):
    """Return a multiple of a rate in two digits, and the rate itself as it is."""
    return rate if times == 1 else float(f"{times * rate:.2g}")


def _executed(recipes, sources, directory, seed, jobs=1, dask=None, phase=""):
    planned, _ = plan_runs(recipes, sources, [seed], directory)
    failures = execute_all(planned, jobs, dask, None, phase)
    for run in planned:
        if run.directory in failures:
            raise InputError(f"The arm {run.arm} could not be tried: {failures[run.directory]}")
    return {run.arm: load_run(run.directory) for run in planned}
