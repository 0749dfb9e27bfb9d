"""Many runs: a grid of recipes, each run executed as a notebook in processes of its own."""

import itertools
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import joblib
import pandas as pd
from tqdm.auto import tqdm

from fer_keras.comparison.catalogue import named_recipe
from fer_keras.comparison.jobs import Job, paired_arms
from fer_keras.comparison.run import load_run, run_name
from fer_keras.data.loading import find_or_draw_data
from fer_keras.evaluation.predictions import CLEAN, score_table
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, write_text
from fer_keras.utils.machine import num_cores


@dataclass(frozen=True)
class Study:
    """A grid of recipes: all combinations of the levels of some factors.

    Args:
        recipe: the named recipe to begin with.
        changes: fields to change in all runs, `field=value`.
        factors: dict from a field of the recipe to its levels.
    """

    recipe: str
    changes: tuple[str, ...]
    factors: dict[str, tuple[str, ...]]


STUDIES = {
    "storage-feed-augmentation": Study(
        "conv3_csv",
        ("division=own",),
        {
            "storage": ("csv", "folder"),
            "feed": ("memory", "image_data_generator"),
            "augmentation": ("none", "study_d"),
        },
    )
}
"""Name -> study. Study D's two arms differ in these three factors, and in epochs and dropout."""


@dataclass(frozen=True)
class PlannedRun:
    """One cell of a study's grid, for one seed.

    Args:
        levels: dict from each factor, and `seed`, to its level.
        job: the `Job` that the notebook is given.
        directory: its run directory.
    """

    levels: dict[str, str | int]
    job: Job
    directory: Path

    @property
    def is_finished(self):
        """Whether the run directory holds a finished run."""
        return (self.directory / "metrics.json").is_file()


def plan(name, data, seeds, changes, output):
    """Return all runs of a study, each with its directory.

    The data is read once a seed, so that a directory's name says which recipe, faces and code its
    run belongs to, and a finished run counts only while all of these stand.

    Args:
        name: one of `STUDIES`.
        data: folder with both forms of FER2013; empty as for `Job`.
        seeds: number of seeds, counted from 0.
        changes: further fields to change in all runs, `field=value`.
        output: folder of the study.

    Returns:
        A list of `PlannedRun`, all cells of a seed before the next seed.

    Raises:
        InputError: if the name, a change or the data is impossible.
    """
    if name not in STUDIES:
        raise InputError(f"No study is called {name}; there are {', '.join(STUDIES)}.")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise InputError(f"seeds is {seeds!r}; give a whole number of at least 1.")
    study = STUDIES[name]
    fixed = [change for change in changes if change.partition("=")[0] in (*study.factors, "seed")]
    if fixed:
        raise InputError(f"The study sets {', '.join(fixed)} itself; change another field.")
    output = project_folder() / Path(output).expanduser()
    places = _resolved(data, output)
    runs = []
    for seed in range(seeds):
        cells = [
            dict(zip(study.factors, levels))
            for levels in itertools.product(*study.factors.values())
        ]
        arms = None
        for cell in cells:
            levels = cell | {"seed": seed}
            own = [f"{field}={level}" for field, level in levels.items()]
            recipe = named_recipe(study.recipe, [*study.changes, *changes, *own])
            arms = arms or paired_arms(recipe, places)
            splits = arms[recipe.storage].splits
            job = Job(
                study.recipe,
                places,
                " ".join([*study.changes, *changes, *own]),
                str(output),
                same_images=True,
            )
            runs.append(PlannedRun(levels, job, output / run_name(job.recipe, recipe, splits)))
    return runs


def run_study(runs, num_jobs=1, dask=None):
    """Execute the runs of a study that are not finished, and say how each ended.

    Args:
        runs: list of `PlannedRun`.
        num_jobs: how many to run at a time on this machine; they share its cores evenly.
        dask: address of a Dask scheduler, `tcp://host:port`, whose workers run them instead;
            they need this package and the same paths.

    Returns:
        A list of texts, one a run: what went wrong, or empty.

    Raises:
        InputError: if the scheduler cannot be reached.
    """
    todo = [run for run in runs if not run.is_finished]
    errors = {}
    with _backend(dask, num_jobs) as slots:
        parallel = joblib.Parallel(return_as="generator_unordered")
        ended = parallel(joblib.delayed(execute)(run, slots) for run in todo)
        for directory, error in tqdm(ended, "runs", len(todo), disable=not todo, unit="run"):
            errors[directory] = error
    return [errors.get(run.directory, "") for run in runs]


def execute(run, slots):
    """Execute a run's notebook; what it leaves is the executed notebook and the run directory.

    Args:
        run: a `PlannedRun`.
        slots: how many runs share a machine: a number, or a dict from a host to it.

    Returns:
        The run's directory and what went wrong, in one sentence, or an empty text.
    """
    import papermill

    num_threads = str(max(1, num_cores() // _slots_here(slots)))
    os.environ |= dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), num_threads
    )
    run.directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            Path(__file__).parents[2] / "notebooks" / "train.ipynb",
            run.directory.with_suffix(".ipynb"),
            {
                "recipe": run.job.recipe,
                "data": run.job.data,
                "changes": run.job.changes,
                "output": run.job.output,
                "same_images": run.job.same_images,
            },
            kernel_name="python3",
            progress_bar=False,
            # Of two runs at a time, the kernels' warnings would tear the progress bar apart.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
    except Exception as error:  # a run that fails, however it does, is a row of the table
        return run.directory, (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return run.directory, ""


def results(runs, errors):
    """Return what the runs came to: a DataFrame, one row a run.

    Args:
        runs: list of `PlannedRun`.
        errors: list of texts, as from `run_study`.

    Returns:
        Columns: the factors, `seed`, the recipe's other fields, those of `evaluation.score_table`
        for all test images together; where copies of some leaked into training, `clean_images`,
        `clean_accuracy` and `clean_macro_f1` of the others; `trained_epochs`, `kept_epoch`,
        `minutes`, the machine and versions of the run, `error` and `directory`.
    """
    rows = []
    for planned, error in zip(runs, errors, strict=True):
        recipe = named_recipe(planned.job.recipe, planned.job.changes.split())
        row = planned.levels | asdict(recipe) | {"classes": ",".join(recipe.classes)}
        if planned.is_finished:
            run = load_run(planned.directory)
            row |= _scores(run.predictions)
            row |= {"trained_epochs": len(run.history), "kept_epoch": run.best_epoch}
            row |= {"minutes": run.history["seconds"].sum() / 60}
            row |= run.environment
        rows.append(row | {"error": error, "directory": planned.directory.name})
    return pd.DataFrame(rows)


def _scores(predictions):
    first, *others = score_table(predictions).to_dict("records")
    clean = next((row for row in others if row["split"] == CLEAN.format(first["split"])), {})
    names = [name for name in ("images", "accuracy", "macro_f1") if name in clean]
    return first | {f"clean_{name}": clean[name] for name in names}


def save_results(table, output):
    """Write a study's table as `results.csv` into its folder; return the path."""
    path = project_folder() / Path(output).expanduser() / "results.csv"
    write_text(path, table.to_csv(index=False))
    return path


def _resolved(data, output):
    """Return the folder of the data, absolute; drawn faces where there is none."""
    if data:
        return str(project_folder() / Path(data).expanduser())
    _, drawn = find_or_draw_data("", output)
    return str(output / "drawn_faces") if drawn else ""


@contextmanager
def _backend(dask, num_jobs):
    """Have joblib run here or on a cluster; give how many runs share a machine, as `execute`."""
    if dask is None:
        with joblib.parallel_config(backend="loky", n_jobs=num_jobs):
            yield num_jobs
        return
    try:
        from distributed import Client

        client = Client(dask, timeout="10s")
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
