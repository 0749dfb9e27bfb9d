"""A finished comparison: its runs, scores, differences and report."""

import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import fer_keras
from fer_keras.comparison import record
from fer_keras.comparison.engine import run_comparison
from fer_keras.comparison.record import Comparison
from fer_keras.comparison.robustness import is_measured, robustness
from fer_keras.comparison.votes import find_votes
from fer_keras.reporting import difference_tables, effect_tables, score_tables
from fer_keras.reporting.score_figures import draw_run
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError, did_you_mean
from fer_keras.utils.files import project_path, require_writable, user_path
from fer_keras.utils.records import read_table
from fer_keras.utils.watching import bar, shows_bars, waiting

NUMBERS = ("seed", "images", "accuracy", "macro_f1", "weighted_f1", "epochs", "minutes")
TEXTS = ("arm", "split", "error")
"""Columns of `results.csv` that are always there."""


@dataclass(frozen=True)
class Result:
    """A finished comparison and what can be asked of it.

    Args:
        comparison: the `Comparison`.
    """

    comparison: Comparison

    @property
    def runs(self):
        """The finished runs: dicts from an arm's name, then from a seed."""
        return self.comparison.runs

    @property
    def directory(self):
        """The comparison's folder, a `Path`."""
        return self.comparison.directory

    @cached_property
    def results(self):
        """The record, `results.csv`: a DataFrame, one row a run and test set.

        Raises:
            InputError: if the file is missing or damaged.
        """
        path = self.directory / "results.csv"
        # Arms may be called as numbers are.
        options = {"keep_default_na": False, "na_values": [""], "dtype": {"arm": str}}
        return read_table(path, NUMBERS, TEXTS, **options)

    def scores(self):
        """Return the scores over seeds, as `score_tables.score_table` does."""
        return score_tables.score_table(self.results, self.comparison)

    def differences(self, reference=None):
        """Compare every arm with a reference arm.

        Args:
            reference: an arm's name; `None` takes the first one.

        Returns:
            A DataFrame, as `difference_tables.difference_table` describes it.

        Raises:
            InputError: if no finished arm is called `reference`.
        """
        return difference_tables.difference_table(self.comparison, reference)

    def effects(self):
        """Return the effects of crossed factors on accuracy and macro F1.

        Returns:
            A DataFrame, one row an effect and score, as `effect_tables.effect_table` describes it.

        Raises:
            InputError: if the comparison crosses no factors, or no seed is complete.
        """
        runs, factors = effect_tables.balanced_runs(self.comparison, self.results)
        return effect_tables.effect_table(runs, factors, self.comparison)

    def as_document(self):
        """Return results, differences or effects, errors and notes for machines.

        Returns:
            A dict that JSON can hold; `results`, `differences` and, of a grid in their place,
            `effects` are lists, a dict a row.
        """
        compared = self.comparison
        if compared.is_grid:
            effects = effect_tables.grid_effects(compared, self.results)
            tested = {"effects": effects.table if effects else pd.DataFrame()}
        else:
            tested = {"differences": self.differences().reset_index()}
        tables = {"results": self.results, **tested}
        return {
            "folder": str(self.directory),
            **{name: json.loads(table.to_json(orient="records")) for name, table in tables.items()},
            "errors": list(self.comparison.errors),
            "notes": list(self.comparison.notes),
        }

    def report(self, path, with_faces=True):
        """Write the report of the comparison, without training anything.

        Args:
            path: the HTML file to write; one file that loads nothing from elsewhere.
            with_faces: whether to show figures of faces; else their alternative texts.

        Returns:
            The `Path` of the report.

        Raises:
            InputError: if the report cannot be written.
        """
        require_page(path)
        _ = self.results  # refused before networks are tested
        # These take a second to import, and only reports need them.
        import papermill

        from fer_keras.reporting.html import export_html

        if not is_measured(self.comparison):
            robustness(self.comparison)  # takes longest, and its progress is seen here only
        words, moves = "Writing the report", shows_bars()
        with TemporaryDirectory() as place:
            executed = Path(place) / "compare.ipynb"
            try:
                with nullcontext() if moves else waiting(words):
                    papermill.execute_notebook(
                        notebook_path("compare"),
                        executed,
                        {"folder": str(self.directory.absolute())},
                        kernel_name="python3",
                        progress_bar=moves and {"desc": words, "unit": " cells", "leave": False},
                        # Cells' errors come as messages; the log holds what Ctrl-C breaks off.
                        extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                    )
            except papermill.PapermillExecutionError as error:
                raise InputError(f"The report could not be made: {error.evalue}") from error
            return export_html(executed, path, with_faces)

    def __repr__(self):
        return score_tables.readable_scores(self.scores()).to_string()

    def _repr_html_(self):
        return score_tables.readable_scores(self.scores()).to_html()


def compare(arms, data=None, seeds=None, **options):
    """Run every arm with every seed, or read finished runs back.

    Args:
        arms: as for `comparison.engine.run_comparison`: a dict from an arm's name to a `Recipe`
            or text, a list of texts, or the name of a comparison or recipe.
        data: folder, CSV file, `Splits`, or a dict from a data set's name to either; `None`:
            FER_KERAS_DATA, then `data/`, then drawn faces.
        seeds: number of runs of each arm, or a list of seeds; `None`: 3, or the named
            comparison's.
        **options: the other arguments of `run_comparison`: `factors`, `crossed`, `changes`,
            `minutes`, `search_rate`, `name`, `out`, `jobs`, `dask`, `on_bad`, `class_names`,
            `first_seed`, `margin`, `test_on`, `group_by`, `tensorboard`.

    Returns:
        A `Result`.

    Raises:
        InputError: if an argument or the data is impossible, or no run succeeded.
    """
    known = list(signature(run_comparison).parameters)
    if unknown := next((name for name in options if name not in known), None):
        fields = Recipe().as_json()
        hint = " A field of the recipe is changed by changes={...}." * (unknown in fields)
        raise InputError(
            f"compare has no argument {unknown}; it has {', '.join(known)}."
            f"{hint or did_you_mean(unknown, known)}"
        )
    result = Result(run_comparison(arms, data, seeds, **options))
    with suppress(InputError):  # the report says why votes do not fit
        find_votes(result.comparison)  # keeps them where a later report finds them
    _draw_runs(result.comparison)
    return result


def load_comparison(folder):
    """Read a finished comparison back, without training.

    Args:
        folder: the comparison's folder.

    Returns:
        A `Result`.

    Raises:
        InputError: if the folder holds none.
    """
    return Result(record.load_comparison(folder))


def require_page(path):
    """Raise InputError if a report cannot be written to a path.

    Args:
        path: the HTML file to write.
    """
    is_page = isinstance(path, str | PathLike) and Path(path).suffix.lower() in (".html", ".htm")
    if not is_page or user_path(path).is_dir():
        raise InputError(f"The report cannot be {path!r}; give a file that ends in .html.")
    require_writable(project_path(path).parent)  # said before hours of training


def notebook_path(name):
    """Return where one of the notebooks lies, in a wheel or in a checkout.

    Args:
        name: of the notebook, without suffix.

    Raises:
        InputError: if it is not there.
    """
    package = Path(fer_keras.__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / f"{name}.ipynb").is_file():
            return folder / f"{name}.ipynb"
    raise InputError(f"This installation has no notebook {name}.ipynb; install fer_keras again.")


def _draw_runs(comparison):
    """Draw the figures of each arm's first run."""
    for arm, run in bar(comparison.first.items(), "Drawing each arm's figures", "arms"):
        splits = comparison.splits(arm)
        draw_run(run, splits.test if splits else None, f"{arm}, seed {run.recipe.seed}")
