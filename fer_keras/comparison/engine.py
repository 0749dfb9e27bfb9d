"""A comparison, arms times seeds: planned, run, resumed and collected."""

from dataclasses import replace

import pandas as pd

from fer_keras.comparison.arguments import (
    chosen_seeds,
    require_fitting,
    require_jobs,
    require_unchosen,
    require_unread,
)
from fer_keras.comparison.arms import DRAWN_EPOCHS, cross, resolve_arms
from fer_keras.comparison.callbacks import require_tensorboard
from fer_keras.comparison.catalogue import COMPARISONS
from fer_keras.comparison.cross_dataset import predict_elsewhere, read_others, require_data_name
from fer_keras.comparison.design import keep_design, require_margin
from fer_keras.comparison.execute import execute_all, plan_runs
from fer_keras.comparison.identity import run_name
from fer_keras.comparison.record import Comparison, save_comparison, source_as_json
from fer_keras.comparison.results import result_table
from fer_keras.comparison.run import load_run
from fer_keras.comparison.source import Source, find_storage, forget_faces, is_pairable
from fer_keras.comparison.tuning import TIMED_EPOCHS, fit_time, search_rates
from fer_keras.data.faces import Splits
from fer_keras.data.loading import DRAWN, checked_names, find_or_draw
from fer_keras.data.readers.locate import Location, data_set_name
from fer_keras.evaluation.differences import MARGIN
from fer_keras.networks.finding import network_name
from fer_keras.utils.errors import InputError, NoRunError, require_bools, require_choice
from fer_keras.utils.files import project_path, require_writable, user_path, write_text
from fer_keras.utils.plain import plain

DRAWN_MINUTES = 0.2
"""Minutes of a named comparison on drawn faces, unless one asks for more."""


def run_comparison(
    arms,
    data=None,
    seeds=None,
    *,
    factors=None,
    crossed=True,
    changes=None,
    minutes=None,
    search_rate=False,
    name=None,
    out="runs",
    jobs=1,
    dask=None,
    on_bad="raise",
    class_names=None,
    first_seed=0,
    margin=None,
    test_on=None,
    group_by=None,
    tensorboard=None,
):
    """Run every arm with every seed, or read finished runs back.

    Args:
        arms: dict from an arm's name to a `Recipe` or to a text such as
            `conv3_csv,network=mynet.py:build`; or a list of texts `NAME=RECIPE[,FIELD=VALUE...]`;
            or the name of a comparison in `catalogue.COMPARISONS` or of a recipe.
        data: folder or CSV file, `Splits` in memory, or a dict from a data set's name to either,
            to train each arm on each. `None`: FER_KERAS_DATA, then `data/`, then drawn faces.
        seeds: number of runs of each arm, or a list of seeds; `None`: 3, or the named
            comparison's.
        factors: dict from a field of the only arm's recipe to its levels.
        crossed: whether all levels are combined; else one factor changes at a time.
        changes: dict of fields to change in every arm.
        minutes: training time, with validation, that decides each arm's epochs.
        search_rate: whether each arm's learning rate is chosen: a third, once or three times its
            recipe's, by the best validation accuracy of the first seed.
        name: the comparison's name, for its folder.
        out: folder that gets the comparison's own.
        jobs: how many runs to execute at a time on this machine.
        dask: address of a Dask scheduler whose workers execute the runs instead.
        on_bad: `raise`, or `skip` to leave out bad rows and images and list them.
        class_names: names of the codes 0, 1, ... of a CSV of your own.
        first_seed: the first seed, where `seeds` is a number.
        margin: the difference in score within which two arms count as equal, 0.001 to 0.2; one
            point is 0.01. `None`: the design's, and for a new design 0.01.
        test_on: dict from a name to a data set that no arm is trained on, to test all runs on: a
            folder, also of `<class>/` alone, a CSV file or `Splits`.
        group_by: a regular expression, searched in the names of image files, whose first group in
            parentheses names the person or sequence that counts as one; unless there is a
            `groups.csv` with the columns `file` and `group`. Random divisions and the validation
            cut keep a group on one side.
        tensorboard: folder for TensorBoard's logs of the runs that are trained; a comparison has a
            folder in it, and a run one in that. `None` writes none.

    Returns:
        A `Comparison`. A run that failed is one of its `errors`.

    Raises:
        InputError: if an argument or the data is impossible.
        NoRunError: if no run succeeded; `results.csv` says why.
    """
    seeds, first_seed, minutes, margin, jobs, class_names = map(
        plain, (seeds, first_seed, minutes, margin, jobs, class_names)
    )
    factors, changes = plain(factors or {}), changes or {}
    asks_for_minutes = minutes is not None
    if named := COMPARISONS.get(arms) if isinstance(arms, str) else None:
        name, arms, factors = name or arms, named.arms, factors or named.factors
        # Whoever sets epochs wants equal epochs, not equal time.
        minutes = named.minutes if minutes is None and "epochs" not in changes else minutes
        search_rate = search_rate or named.search_rate
    require_bools(crossed=crossed, search_rate=search_rate)
    require_choice("on_bad", on_bad, ("raise", "skip"))
    require_fitting(arms, minutes, changes, factors, is_shared=jobs != 1 or dask is not None)
    require_unchosen(factors, changes, minutes, search_rate)
    require_margin(margin)
    require_jobs(jobs, dask)
    if tensorboard is not None:
        require_tensorboard(tensorboard)
    seeds = chosen_seeds(seeds, named.seeds if named else 3, first_seed)
    out = project_path(out)
    require_writable(out)
    checked = resolve_arms(arms, changes, drawn=False)  # before any faces are drawn
    if factors:
        cross(checked, factors, crossed)
    forget_faces()
    data_sets, drawn = _data_sets(data, out)
    require_unread(data_sets, factors, class_names)
    if drawn and minutes and not asks_for_minutes:
        minutes = DRAWN_MINUTES
    recipes = resolve_arms(arms, changes, drawn)
    if factors:
        name = name or next(iter(recipes), None)  # the arms are called by their levels
        recipes = cross(recipes, factors, crossed)
    recipes, sources, skipped = _sources(recipes, data_sets, on_bad, class_names, group_by or None)
    for note in skipped:
        print(note)
    name = name or "-".join(recipes if len(recipes) < 4 else [*recipes][:1])
    directory = out / run_name(name, _settings(recipes, sources, minutes, search_rate))
    factors = {
        field: tuple(network_name(level) if callable(level) else level for level in levels)
        for field, levels in (factors if crossed else {}).items()
    }
    others = read_others(test_on, group_by, recipes, sources, on_bad)
    asked = {"minutes": minutes, "search_rate": search_rate, "margin": margin or MARGIN}
    design = keep_design(directory, name, recipes, sources, seeds, factors, **asked)
    if minutes:
        epochs = 1 if drawn else TIMED_EPOCHS
        recipes = fit_time(recipes, sources, minutes, directory, seeds[0], epochs)
    rates = {}
    if search_rate:
        recipes, rates = search_rates(recipes, sources, directory, seeds[0], jobs, dask)
    planned, arms = plan_runs(recipes, sources, seeds, directory)
    logs = tensorboard and user_path(tensorboard) / directory.name
    failures = execute_all(planned, jobs, dask, logs)
    runs, errors = _collect(planned, arms, failures, directory)
    comparison = Comparison(
        name=name,
        directory=directory,
        arms=arms,
        seeds=seeds,
        factors=factors,
        minutes=minutes,
        rates=rates,
        drawn=drawn or any(place.name == DRAWN for place in data_sets.values()),
        sources=sources,
        notes=(*skipped, *_notes(arms, sources)),
        runs=runs,
        errors=errors,
        margin=margin or design["margin"],
        design=design,
        group_by=group_by or None,
    )
    write_text(directory / "results.csv", result_table(comparison).to_csv(index=False))
    save_comparison(comparison)
    predict_elsewhere(comparison, others)
    return comparison


def _data_sets(data, out):
    """Return a dict from a data set's name to its `Location` or `Splits`, and if it is drawn."""
    places = data if isinstance(data, dict) else {None: data}
    if not places:
        raise InputError("data is an empty dict; give a dict from a name to each data set.")
    found, drawn = {}, False
    for name, place in places.items():
        if name is not None:
            require_data_name("data", name)
        if name is not None and isinstance(place, str | None) and not place:
            raise InputError(f"The data set {name!r} is {place!r}; give its folder, or Splits.")
        if not isinstance(place, Splits):
            place, is_drawn = find_or_draw(place, out)
            drawn |= is_drawn
        found[name or place.name] = place
    if drawn:
        print(
            f"No data was found, so this runs on drawn faces, with at most {DRAWN_EPOCHS} epochs a "
            "run unless you set epochs; name your data folder to use it."
        )
    else:
        print(f"Data: {'; '.join(f'{name}, {_place(place)}' for name, place in found.items())}.")
    return found, drawn


def _place(data):
    if isinstance(data, Splits):
        return f"{len(data.train):,} training and {len(data.test):,} test faces in memory"
    return str(data.csv or data.folder or data.raf_db)


def _sources(recipes, data_sets, on_bad, class_names, group_by):
    """Return recipes and sources by arm, an arm for each data set; and what was skipped."""
    class_names = None if class_names is None else checked_names(class_names)
    kept, sources, notes = {}, {}, []
    for data_name, data in data_sets.items():
        users_name = None if [*data_sets] == [data.name] else data_name
        if class_names and isinstance(data, Location) and data.csv:
            data = replace(data, name=data_set_name(class_names, data.csv))
        own = {}
        for arm, recipe in recipes.items():
            storage, fault = find_storage(recipe, data)
            if fault:
                notes.append(f"The arm {arm} is skipped: {fault}")
            else:
                own[arm] = recipe.changed(storage=storage)
        forms = {recipe.storage for recipe in own.values() if is_pairable(recipe)}
        is_paired = {"csv", "folder"} <= forms
        has_files = isinstance(data, Location) and bool(data.folder or data.raf_db)
        pattern = group_by if has_files and not is_paired else None
        source = Source(data, is_paired, on_bad, class_names, users_name, pattern)
        for arm, recipe in own.items():
            name = f"{arm} on {data_name}" if len(data_sets) > 1 else arm
            kept[name], sources[name] = recipe, source
    if not kept:
        if not notes:
            raise InputError("There is no arm; give at least one recipe.")
        raise InputError(
            f"{' '.join(notes)} Or change what recipes read: --set storage=csv, or folder."
        )
    return kept, sources, notes


def _settings(recipes, sources, minutes, search_rate):
    """Return what makes this another comparison than the next one, seeds aside."""
    return {
        **({"search_rate": True} if search_rate else {}),
        "arms": {arm: recipe.as_json() | {"seed": 0} for arm, recipe in recipes.items()},
        "data": {arm: source_as_json(source) for arm, source in sources.items()},
        "minutes": minutes,
    }


def _collect(planned, arms, failures, directory):
    """Return the finished runs by arm and seed, and the errors of the others."""
    runs, errors = {arm: {} for arm in arms}, []
    for run in planned:
        if run.is_finished:
            runs[run.arm][run.recipe.seed] = load_run(run.directory)
        else:
            error = failures.get(run.directory, "it did not finish")
            errors.append({"arm": run.arm, "seed": run.recipe.seed, "error": error})
    if not any(runs.values()):
        write_text(directory / "results.csv", pd.DataFrame(errors).to_csv(index=False))
        raise NoRunError(f"No run succeeded; the first error is: {errors[0]['error']}")
    return runs, tuple(errors)


def _notes(arms, sources):
    notes = [note for arm in arms for note in sources[arm].splits(arms[arm])[1].notes]
    return dict.fromkeys(notes)
