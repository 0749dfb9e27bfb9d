"""Execute runs: one by one, several at a time, or on a Dask cluster."""

import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fer_keras.comparison.identity import run_identity, run_name
from fer_keras.comparison.prepare import Source
from fer_keras.comparison.run import fit
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.machine import num_cores

MAX_JOBS = 1000


@dataclass(frozen=True)
class PlannedRun:
    """A run that is to be there in the end.

    Args:
        arm: the arm's name.
        recipe: its `Recipe`, with the run's seed.
        source: the `Source` of its faces.
        directory: its run directory.
    """

    arm: str
    recipe: Recipe
    source: Source
    directory: Path

    @property
    def is_finished(self):
        """Whether the run directory holds a finished run."""
        return (self.directory / "metrics.json").is_file()


def plan_runs(recipes, sources, seeds, directory):
    """Plan a run of every arm with every seed.

    Args:
        recipes: dict from an arm's name to its `Recipe`.
        sources: dict from an arm's name to the `Source` of its faces.
        seeds: the seeds.
        directory: the folder of the run directories.

    Returns:
        A list of (arm, seed, `PlannedRun`), and a dict from an arm's name to its `Recipe` of the
        first seed, all fields filled in.
    """
    planned, first = [], {}
    for seed in seeds:
        for arm, recipe in recipes.items():
            resolved, splits = sources[arm].splits(recipe.changed(seed=seed))
            first.setdefault(arm, resolved)
            place = directory / run_name(f"{arm}-seed{seed}", run_identity(resolved, splits))
            planned.append((arm, seed, PlannedRun(arm, resolved, sources[arm], place)))
    return planned, first


def require_jobs(jobs):
    """Refuse an impossible number of runs at a time.

    Args:
        jobs: the number asked for.

    Raises:
        InputError: if it is no whole number from 1 to 1,000.
    """
    if type(jobs) is not int or not 1 <= jobs <= MAX_JOBS:
        raise InputError(f"jobs is {jobs!r}; give a whole number from 1 to {MAX_JOBS:,}.")


def execute_all(planned, jobs=1, dask=None):
    """Execute the runs that are not finished yet.

    Args:
        planned: list of `PlannedRun`.
        jobs: how many to run at a time on this machine; they share its cores evenly.
        dask: address of a Dask scheduler, `tcp://host:port`, whose workers run them instead; they
            need this package and the same paths.

    Returns:
        A dict from a run directory to what went wrong there, in one sentence.

    Raises:
        InputError: if `jobs` is impossible or the scheduler cannot be reached.
    """
    require_jobs(jobs)
    todo = [run for run in planned if not run.is_finished]
    if jobs == 1 and dask is None:
        ended = map(_execute, todo)
        return {directory: error for directory, error in ended if error}
    import joblib
    from tqdm.auto import tqdm

    with _backend(dask, jobs) as slots:
        parallel = joblib.Parallel(return_as="generator_unordered")
        ended = parallel(joblib.delayed(_execute_beside)(run, slots) for run in todo)
        bar = tqdm(ended, "runs", len(todo), disable=not todo, unit="run")
        return {directory: error for directory, error in bar if error}


def _execute(run):
    recipe, splits = run.source.splits(run.recipe)
    try:
        fit(recipe, splits, run.directory, f"{run.arm}, seed {recipe.seed}")
    except Exception as error:  # a run that fails, however it does, is a row of the table
        return run.directory, (str(error).strip().splitlines() or [type(error).__name__])[0]
    return run.directory, ""


def _execute_beside(run, slots):
    """Execute a run with its share of the machine's cores; `slots` as `_backend` gives them."""
    num_threads = str(max(1, num_cores() // _slots_here(slots)))
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    os.environ |= dict.fromkeys(names, num_threads)
    return _execute(run)


@contextmanager
def _backend(dask, jobs):
    """Have joblib run here or on a cluster; give how many runs share a machine."""
    import joblib

    if dask is None:
        with joblib.parallel_config(backend="loky", n_jobs=jobs):
            yield jobs
        return
    try:
        from distributed import Client

        client = Client(dask, timeout="5s")
    except ImportError as error:
        raise InputError(
            "Dask is not installed; install it with: pip install distributed."
        ) from error
    except OSError as error:
        raise InputError(
            f"No Dask scheduler answers at {dask} ({error}); start one with `dask scheduler`."
        ) from error
    with client, joblib.parallel_config(backend="dask", n_jobs=-1):
        slots = Counter()
        for worker in client.scheduler_info(n_workers=-1)["workers"].values():
            slots[worker["host"]] += worker["nthreads"]
        yield dict(slots)


def _slots_here(slots):
    if isinstance(slots, int):
        return slots
    from distributed import get_worker

    return slots[urlsplit(get_worker().address).hostname]
