"""Execute runs: one by one, several at a time, or on a Dask cluster."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fer_keras.comparison.continuing import next_longer, pass_on, run_lock
from fer_keras.comparison.identity import run_identity, run_name
from fer_keras.comparison.parallel_progress import ParallelProgress
from fer_keras.comparison.progress import Progress, Training
from fer_keras.comparison.run import finish
from fer_keras.comparison.source import Source
from fer_keras.comparison.workers import on_cluster, on_this_machine, share_cores
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError, reason
from fer_keras.utils.records import read_table


@dataclass(frozen=True)
class PlannedRun:
    """A run of the plan, finished or not.

    Args:
        arm: the arm's name.
        recipe: its `Recipe`, with the run's seed.
        source: the `Source` of its faces.
        directory: its run directory.
        num_train: number of its training faces.
        network: hashes of a network that is given as a function: where such a function comes from
            is not known in another process. `None` for one that is named.
    """

    arm: str
    recipe: Recipe
    source: Source
    directory: Path
    num_train: int
    network: dict | None

    @property
    def is_finished(self):
        """Whether the run directory holds a finished run."""
        return (self.directory / "metrics.json").is_file()

    @property
    def training(self):
        """What there is to train, a `Training`."""
        return Training(self.arm, self.recipe.epochs, self.num_train)


def plan_runs(recipes, sources, seeds, directory):
    """Plan a run of every arm with every seed.

    Args:
        recipes: dict from an arm's name to its `Recipe`.
        sources: dict from an arm's name to the `Source` of its faces.
        seeds: the seeds.
        directory: the folder of the run directories.

    Returns:
        A list of `PlannedRun`, and a dict from an arm's name to its `Recipe` of the first seed,
        all fields filled in.

    Raises:
        InputError: if an arm's faces cannot be read, or its network cannot be built.
    """
    planned, first = [], {}
    for seed in seeds:
        for arm, recipe in recipes.items():
            resolved, splits = sources[arm].splits(recipe.changed(seed=seed))
            first.setdefault(arm, resolved)
            identity = run_identity(resolved, splits)
            place = directory / run_name(f"{arm}-seed{seed}", identity)
            network = identity["network"] if callable(resolved.network) else None
            source, num_train = sources[arm], len(splits.train)
            planned.append(PlannedRun(arm, resolved, source, place, num_train, network))
    return planned, first


def execute_all(planned, jobs=1, dask=None, tensorboard=None, phase=""):
    """Execute the runs that are not finished yet.

    Args:
        planned: list of `PlannedRun`.
        jobs: how many to run at a time on this machine; they share its cores evenly.
        dask: address of a Dask scheduler, `tcp://host:port`, whose workers run them instead; they
            need this package and the same paths.
        tensorboard: folder for TensorBoard's logs, one folder a run; `None` writes none.
        phase: what these runs are for, where more follow, to be shown meanwhile.

    Returns:
        A dict from a run directory to what went wrong there, in one sentence.

    Raises:
        InputError: if the scheduler cannot be reached.
    """
    _tidy(run.directory for run in planned if run.is_finished)
    todo = [run for run in planned if not run.is_finished]
    if jobs == 1 and dask is None:
        ended = _in_turn(todo, tensorboard, phase, _paces(planned))
    else:
        ended = _side_by_side(todo, jobs, dask, tensorboard, phase)
    return {run.directory: error for run, error in ended if error}


def _tidy(finished):
    """Delete states of finished runs, which a kill at the very end leaves behind."""
    for directory in finished:
        if (backup := directory / "backup").is_dir():
            # Whoever holds the lock is about to do so.
            with suppress(OSError), run_lock(directory).acquire(blocking=False):
                pass_on(backup, None)


def _paces(planned):
    """Return the seconds that an image took in finished runs, by arm."""
    paces = {}
    for run in planned:
        with suppress(InputError):  # a damaged run is reported when it is loaded
            if run.is_finished:
                seconds = read_table(run.directory / "history.csv", ("seconds",))["seconds"]
                paces[run.arm] = seconds.sum() / (len(seconds) * run.num_train)
    return paces


def _in_turn(runs, tensorboard, phase, paces):
    """Finish runs one after the other; yield each with what went wrong."""
    with Progress([run.training for run in runs], phase, paces) as progress:
        for number, run in enumerate(runs):
            progress.turn_to(number)
            # TensorBoard's logs show all epochs of a run.
            longer = None if tensorboard else next_longer(run, runs[number + 1 :])
            yield run, _execute(run, progress, tensorboard, longer and longer.directory)


def _side_by_side(runs, jobs, dask, tensorboard, phase):
    """Finish runs in other processes; yield each that ended with what went wrong."""
    with ParallelProgress(runs, phase) as progress:
        task = partial(_execute_beside, silent=progress.is_watched, tensorboard=tensorboard)
        here = dask is None
        ended = on_this_machine(task, runs, jobs) if here else on_cluster(task, runs, dask)
        for run, error, died in ended:
            progress.ended(run)
            yield run, reason(died) if died else error


def _execute(run, progress, tensorboard, longer=None):
    """Finish a run; return what went wrong, or an empty text."""
    try:
        recipe, splits = run.source.splits(run.recipe)
        identity = run_identity(recipe, splits, run.network)
        _require_as_planned(run, identity)
        title = f"{run.arm}, seed {recipe.seed}"
        finish(recipe, splits, run.directory, title, identity, progress, (), tensorboard, longer)
    except Exception as error:  # a run that fails, however it does, is a row of the table
        return reason(error)
    return ""


def _require_as_planned(run, identity):
    """Refuse a run whose code, faces or packages changed since it was planned.

    So an arm's runs differ in the seed alone.
    """
    if run_name(f"{run.arm}-seed{run.recipe.seed}", identity) != run.directory.name:
        raise InputError(
            "The network's code or weights, the faces or versions of packages are not those that "
            "this comparison began with; start it again, and all its runs take the new ones."
        )


def _execute_beside(run, slots, silent, tensorboard):
    """Finish a run with its share of a machine's cores, which `slots` runs share."""
    share_cores(slots)
    progress = None if silent else Progress([run.training])
    return _execute(run, progress, tensorboard)
