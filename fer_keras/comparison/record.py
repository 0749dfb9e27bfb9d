"""A finished comparison, and its record on disk."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from fer_keras.comparison.design import read_design
from fer_keras.comparison.pairs import PAIRS
from fer_keras.comparison.run import Run, load_run
from fer_keras.comparison.source import Source
from fer_keras.data.faces import Splits
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.differences import MARGIN
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import clear_report, project_path, write_text
from fer_keras.utils.records import MEND, read_object

RECORD = "comparison.json"
KINDS = {
    "name": str,
    "arms": dict,
    "seeds": list,
    "factors": dict,
    "minutes": (int, float, type(None)),
    "drawn": bool,
    "sources": dict,
    "notes": list,
    "runs": dict,
    "errors": list,
}
"""Types of the values in it, by key."""


@dataclass(frozen=True)
class Comparison:
    """The runs of a comparison, and what a reader must know about them.

    Args:
        name: a name in `catalogue.COMPARISONS`, or the user's.
        directory: its folder, with run directories, `comparison.json` and `results.csv`.
        arms: dict from an arm's name to its `Recipe` of the first seed, all fields filled in.
        seeds: the seeds that each arm was run with.
        factors: dict from a crossed field to its levels; empty where arms are no grid.
        minutes: equal training time of each arm; `None`: each recipe's epochs.
        drawn: whether the faces are drawn, for want of real ones.
        rates: dict from an arm's name to a dict from each learning rate that was tried to its best
            validation accuracy (0-1); empty without a search.
        sources: dict from an arm's name to the `Source` of its faces.
        notes: sentences: what was skipped, left out, paired.
        runs: dict from an arm's name to a dict from a seed to its finished `Run`.
        errors: dicts with `arm`, `seed` and `error` of runs that failed.
        margin: the difference in accuracy within which two arms count as equal, in 0-1, stated
            before the runs.
        design: what `design.keep_design` wrote before the first run; `None` where the
            comparison was run before there were designs.
        group_by: the pattern that tells persons apart by the names of files; `None` without.
    """

    name: str
    directory: Path
    arms: dict[str, Recipe]
    seeds: tuple[int, ...]
    factors: dict[str, tuple]
    minutes: float | None
    drawn: bool
    sources: dict[str, Source]
    notes: tuple[str, ...]
    runs: dict[str, dict[int, Run]]
    errors: tuple[dict, ...]
    rates: dict[str, dict[float, float]] = field(default_factory=dict)
    margin: float = MARGIN
    design: dict | None = None
    group_by: str | None = None

    @property
    def is_grid(self):
        """Whether factors are crossed: then effects are tested, and not arms."""
        return bool(self.factors) and len(self.arms) > 1

    @property
    def first(self):
        """The first seed's run of each arm that has one: a dict by the arm's name."""
        return {arm: next(iter(runs.values())) for arm, runs in self.runs.items() if runs}

    @property
    def all_runs(self):
        """The finished runs of all arms, a list."""
        return [run for runs in self.runs.values() for run in runs.values()]

    @property
    def added_arms(self):
        """Names of the arms that the design does not have; none without a design."""
        planned = self.design["arms"] if self.design else self.arms
        return [arm for arm in self.arms if arm not in planned]

    @property
    def has_faces(self):
        """Whether the faces of some arm can be read here."""
        return any(source.is_here for source in self.sources.values())

    def splits(self, arm):
        """Return the `Splits` of an arm's first run.

        Args:
            arm: the arm's name.

        Returns:
            The `Splits`, of the first seed where no run has finished; `None` where the faces of the
            runs are not here: they were in memory, or their files have gone or hold others.
        """
        source, run = self.sources[arm], self.first.get(arm)
        if not source.is_here:
            return None
        if run is None:
            return source.splits(self.arms[arm])[1]
        return source.splits_of(run)


def load_comparison(directory):
    """Read a comparison back from its folder, without training.

    Args:
        directory: the comparison's folder.

    Returns:
        The `Comparison`.

    Raises:
        InputError: if the folder holds none.
    """
    directory = project_path(directory)
    path = directory / RECORD
    if not path.is_file():
        raise InputError(f"{directory} holds no {RECORD}; give a folder of `fer-keras compare`.")
    record = read_object(path, **KINDS)
    try:
        return _comparison(record, directory)
    except InputError:
        raise
    # What a record from elsewhere may bring about whose values are of other kinds further in.
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"{path} is damaged ({error!r}); {MEND}.") from error


def _comparison(record, directory):
    return Comparison(
        name=record["name"],
        directory=directory,
        arms={arm: Recipe().changed(**recipe) for arm, recipe in record["arms"].items()},
        seeds=tuple(map(int, record["seeds"])),
        factors={factor: tuple(levels) for factor, levels in record["factors"].items()},
        minutes=record["minutes"],
        drawn=record["drawn"],
        sources={arm: _from_json(source) for arm, source in record["sources"].items()},
        notes=tuple(record["notes"]),
        runs={
            arm: {int(seed): load_run(directory / Path(name).name) for seed, name in runs.items()}
            for arm, runs in record["runs"].items()
        },
        errors=tuple(record["errors"]),
        rates={
            arm: {float(rate): accuracy for rate, accuracy in tried.items()}
            for arm, tried in record.get("rates", {}).items()
        },
        margin=record.get("margin", MARGIN),
        design=read_design(directory),
        group_by=record.get("group_by"),
    )


def save_comparison(comparison):
    """Write `comparison.json`, from which `load_comparison` reads it back.

    If it differs from the one before, tables and figures of a former report go, and pairs of test
    images: they are about other runs.

    Args:
        comparison: the `Comparison`.
    """
    record = {
        "name": comparison.name,
        "arms": {arm: recipe.as_json() for arm, recipe in comparison.arms.items()},
        "seeds": comparison.seeds,
        "factors": comparison.factors,
        "minutes": comparison.minutes,
        "drawn": comparison.drawn,
        "sources": {arm: source_as_json(source) for arm, source in comparison.sources.items()},
        "notes": comparison.notes,
        "runs": {
            arm: {seed: run.directory.name for seed, run in runs.items()}
            for arm, runs in comparison.runs.items()
        },
        "errors": comparison.errors,
        "rates": comparison.rates,
        "margin": comparison.margin,
        "group_by": comparison.group_by,
    }
    path, text = comparison.directory / RECORD, json.dumps(record, indent=1, default=str) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        clear_report(comparison.directory)
        (comparison.directory / PAIRS).unlink(missing_ok=True)
    write_text(path, text)


def source_as_json(source):
    """Return a `Source` as JSON gives it back, without faces in memory.

    Args:
        source: the `Source`.
    """
    data = source.data
    values = {"name": data.name} if isinstance(data, Splits) else asdict(data)
    values = {name: value and str(value) for name, value in values.items()}
    record = asdict(replace(source, data=None)) | {"data": values}
    if source.group_by is None:  # as in records from before there was a choice
        del record["group_by"]
    return record


def _from_json(record):
    places = {name: value and Path(value) for name, value in record["data"].items()}
    location = Location(**places | {"name": record["data"]["name"]})
    names = record["class_names"]
    return Source(**record | {"data": location, "class_names": names and tuple(names)})
