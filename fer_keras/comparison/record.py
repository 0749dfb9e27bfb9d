"""A finished comparison, and its record on disk."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fer_keras.comparison.prepare import Source
from fer_keras.comparison.run import Run, load_run
from fer_keras.data.faces import Splits
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.differences import MARGIN
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, write_text

RECORD = "comparison.json"


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
        sources: dict from an arm's name to the `Source` of its faces.
        notes: sentences: what was skipped, left out, paired.
        runs: dict from an arm's name to a dict from a seed to its finished `Run`.
        errors: dicts with `arm`, `seed` and `error` of runs that failed.
        margin: the difference in accuracy below which two arms count as equal, in 0-1, stated
            before the runs.
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
    margin: float = MARGIN

    @property
    def first(self):
        """The first seed's run of each arm that has one: a dict by the arm's name."""
        return {arm: next(iter(runs.values())) for arm, runs in self.runs.items() if runs}

    def splits(self, arm):
        """Return an arm's `Splits` of the first seed.

        Args:
            arm: the arm's name.

        Returns:
            The `Splits`; `None` where they were given in memory and are gone.
        """
        source = self.sources[arm]
        return source.data and source.splits(self.arms[arm])[1]


def load_comparison(directory):
    """Read a comparison back from its folder, without training.

    Args:
        directory: the comparison's folder.

    Returns:
        The `Comparison`.

    Raises:
        InputError: if the folder holds none.
    """
    directory = project_folder() / Path(directory).expanduser()
    if not (directory / RECORD).is_file():
        raise InputError(f"{directory} holds no {RECORD}; give a folder of `fer-keras compare`.")
    record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    return Comparison(
        name=record["name"],
        directory=directory,
        arms={arm: Recipe(**recipe) for arm, recipe in record["arms"].items()},
        seeds=tuple(record["seeds"]),
        factors={factor: tuple(levels) for factor, levels in record["factors"].items()},
        minutes=record["minutes"],
        drawn=record["drawn"],
        sources={arm: _from_json(source) for arm, source in record["sources"].items()},
        notes=tuple(record["notes"]),
        runs={
            arm: {int(seed): load_run(directory / name) for seed, name in runs.items()}
            for arm, runs in record["runs"].items()
        },
        errors=tuple(record["errors"]),
        margin=record.get("margin", MARGIN),
    )


def save_comparison(comparison):
    """Write `comparison.json`, from which `load_comparison` reads it back.

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
        "margin": comparison.margin,
    }
    write_text(comparison.directory / RECORD, json.dumps(record, indent=1, default=str) + "\n")


def source_as_json(source):
    """Return a `Source` as JSON gives it back, without faces in memory.

    Args:
        source: the `Source`.
    """
    data = source.data
    values = {"name": data.name} if isinstance(data, Splits) else asdict(data)
    values = {name: value and str(value) for name, value in values.items()}
    return asdict(replace(source, data=None)) | {"data": values}


def _from_json(record):
    places = {name: value and Path(value) for name, value in record["data"].items()}
    location = Location(**(places | {"name": record["data"]["name"]})) if len(places) > 1 else None
    names = record["class_names"]
    return Source(**(record | {"data": location, "class_names": names and tuple(names)}))
