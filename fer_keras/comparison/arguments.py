"""Refuse impossible arguments of a comparison."""

from fer_keras.comparison.catalogue import COMPARISONS
from fer_keras.comparison.parsing import parse_arm
from fer_keras.data.faces import Splits
from fer_keras.utils.errors import InputError
from fer_keras.utils.seeds import MAX_SEED

MAX_JOBS = MAX_SEEDS = 1000
OF_READING = ("storage", "division", "split_seed", "labels")
"""Fields of a recipe that say how its data is read."""


def require_fitting(arms, minutes, changes, factors, is_shared):
    """Raise InputError if arguments do not go together.

    Args:
        arms: as for `run_comparison`.
        minutes: as for `run_comparison`.
        changes: as for `run_comparison`.
        factors: as for `run_comparison`.
        is_shared: whether runs share this machine or others.
    """
    if isinstance(arms, str):
        try:
            parse_arm(arms)
        except InputError as error:
            raise InputError(
                f"There are the comparisons {', '.join(COMPARISONS)}. {error}"
            ) from error
    for name, value in (("changes", changes), ("factors", factors)):
        if not isinstance(value, dict):
            raise InputError(f"{name} is {value!r}; give a dict by the fields of the recipe.")
    is_number = type(minutes) in (int, float)
    if minutes is not None and not (is_number and 0 < minutes < float("inf")):
        raise InputError(f"minutes is {minutes!r}; give a number above 0, or None.")
    if minutes and is_shared:
        raise InputError(
            "Arms of equal time are trained one after the other, for runs beside each other share "
            "the cores; leave jobs and dask out, or change epochs in place of minutes."
        )
    if "classes" in factors:
        raise InputError(
            "classes is a factor, and with other classes networks answer another question; compare "
            "the arms of each choice on their own, by --set classes=[...]."
        )
    if "seed" in changes:
        raise InputError("seed is no change of the recipe; the argument seeds says which to run.")
    if both := [field for field in changes if field in factors]:
        raise InputError(f"{both[0]} is a factor; change another field.")


def require_unchosen(factors, changes, minutes, search_rate):
    """Raise InputError if a field is set that the comparison itself chooses.

    Args:
        factors: as for `run_comparison`.
        changes: as for `run_comparison`.
        minutes: as for `run_comparison`.
        search_rate: as for `run_comparison`.
    """
    chosen = {"epochs": minutes and "minutes", "learning_rate": search_rate and "search_rate"}
    for argument, fields in (("factors", factors), ("changes", changes)):
        for field, chooser in chosen.items():
            # A changed rate is where the search begins.
            if field in fields and chooser and (argument, field) != ("changes", "learning_rate"):
                raise InputError(
                    f"{argument} sets {field}, which {chooser} chooses for each arm; leave one of "
                    "the two out."
                )


def require_jobs(jobs, dask=None):
    """Refuse an impossible number of runs at a time, or no address.

    Args:
        jobs: the number asked for.
        dask: as for `run_comparison`.

    Raises:
        InputError: if the number is no whole one from 1 to 1,000, or the address no text.
    """
    if dask is not None and not (isinstance(dask, str) and dask.strip()):
        raise InputError(
            f"dask is {dask!r}; give the address of a scheduler, such as tcp://host:8786."
        )
    if type(jobs) is not int or not 1 <= jobs <= MAX_JOBS:
        raise InputError(f"jobs is {jobs!r}; give a whole number from 1 to {MAX_JOBS:,}.")


def chosen_seeds(seeds, default, first_seed):
    """Return the seeds to run, as a tuple.

    Args:
        seeds: a number of seeds, a list of them, or `None`.
        default: the number that `None` means.
        first_seed: the first one, where `seeds` is a number.

    Raises:
        InputError: if a value is impossible.
    """
    seeds = default if seeds is None else seeds
    if isinstance(seeds, list | tuple | range):
        chosen = tuple(seeds[: MAX_SEEDS + 1])
        if first_seed != 0:
            raise InputError(
                f"first_seed is {first_seed!r} beside a list of seeds; leave it out, for the list "
                "says which seeds to run."
            )
    elif type(seeds) is int and type(first_seed) is int:
        chosen = tuple(range(first_seed, first_seed + min(seeds, MAX_SEEDS + 1)))
    else:
        chosen = ()
    are_seeds = all(type(seed) is int and 0 <= seed <= MAX_SEED for seed in chosen)
    if not are_seeds or not 0 < len(chosen) <= MAX_SEEDS or len(set(chosen)) < len(chosen):
        first = f" and first_seed {first_seed!r}" if first_seed else ""
        raise InputError(
            f"seeds is {seeds!r}{first}; give a number of seeds from 1 to {MAX_SEEDS:,}, or a list "
            f"of seeds from 0 to {MAX_SEED}, each once."
        )
    return chosen


def require_unread(data_sets, factors, class_names):
    """Raise InputError if an argument says how to read faces in memory.

    Args:
        data_sets: dict from a name to a `Location` or `Splits`.
        factors: as for `run_comparison`.
        class_names: as for `run_comparison`.
    """
    if not any(isinstance(data, Splits) for data in data_sets.values()):
        return
    if read := next((name for name in factors if name in OF_READING), None):
        raise InputError(
            f"The factor {read} says how data is read, and these Splits are read already; give the "
            "data's folder in place of Splits."
        )
    if class_names is not None:
        raise InputError("class_names name the codes of a CSV file; leave them out for Splits.")
