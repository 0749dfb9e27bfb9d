"""Execute runs: one by one, several at a time, or on a Dask cluster."""

from dataclasses import dataclass
from pathlib import Path

from fer_keras.comparison.identity import run_identity, run_name
from fer_keras.comparison.prepare import Source
from fer_keras.comparison.run import fit
from fer_keras.comparison.workers import on_cluster, on_this_machine, share_cores
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

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
        ended = {run.directory: _execute(run) for run in todo}
        return {directory: error for directory, error in ended.items() if error}
    from tqdm.auto import tqdm

    if dask is None:
        ended = on_this_machine(_execute_beside, todo, jobs)
    else:
        ended = on_cluster(_execute_beside, todo, dask)
    failures = {}
    for run, error, died in tqdm(ended, "runs", len(todo), disable=not todo, unit="run"):
        if error := _sentence(died) if died else error:
            failures[run.directory] = error
    return failures


def _execute(run):
    """Finish a run; return what went wrong, or an empty text."""
    try:
        recipe, splits = run.source.splits(run.recipe)
        fit(recipe, splits, run.directory, f"{run.arm}, seed {recipe.seed}")
    except Exception as error:  # a run that fails, however it does, is a row of the table
        return _sentence(error)
    return ""


def _execute_beside(run, slots):
    """Finish a run with its share of a machine's cores, which `slots` runs share."""
    share_cores(slots)
    return _execute(run)


def _sentence(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
