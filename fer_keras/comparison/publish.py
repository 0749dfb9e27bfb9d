"""Copy a comparison in a slim form that others can analyse again."""

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from fer_keras.comparison.cross_dataset import RECORD as TESTED_ON
from fer_keras.comparison.design import DESIGN
from fer_keras.comparison.pairs import PAIRS
from fer_keras.comparison.record import RECORD, load_comparison
from fer_keras.comparison.votes import VOTES
from fer_keras.evaluation.predictions import Predictions, in_half_precision
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path, write_text

RESULTS = "results.csv"
OF_A_COMPARISON = (RECORD, DESIGN, RESULTS, VOTES, PAIRS, TESTED_ON)
"""Files of a comparison's folder that are published, where they are there."""

OF_A_RUN = ("recipe.json", "environment.json", "history.csv", "metrics.json")
"""Files of a run directory that are published, beside its arrays."""

PATH = re.compile(r"(?<![\w.~/])~?(?:/[^\s/:;,'\"\\]+)*/(?=[^\s/:;,'\"\\])")
"""The folders before the last name of an absolute path; `images/s` and `train/` are none."""

WORD = r"""[^/\s"',]+"""
WHOLE_PATH = re.compile(rf"""(?<=["',])~?(?:/{WORD}(?: {WORD}){{0,2}})*/(?=[^\s/:;,'"])""")
"""The same at the beginning of a text of JSON or CSV, where folders may have names of 3 words."""


def publish(folder, target):
    """Copy what a comparison's report and other analyses need.

    These are the record, the design and the results; and of each run the recipe, machine, history,
    scores, and predictions with probabilities in float16. No faces and no networks are copied, and
    absolute paths are cut to their last name.
    `load_comparison` and `fer-keras report` read the copy as they read the original.

    Args:
        folder: the comparison's folder.
        target: the folder to write; a former copy there is replaced.

    Returns:
        The `Path` of the copy.

    Raises:
        InputError: if `folder` holds no comparison, or `target` something else than a copy.
    """
    comparison = load_comparison(folder)
    target = project_path(target)
    _require_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=target.parent) as place:
        copy = Path(place) / "new"
        for name in OF_A_COMPARISON:
            _copy_text(comparison.directory / name, copy / name)
        _forget_places(copy / RECORD)
        for run in comparison.all_runs:
            _copy_run(run.directory, copy / run.directory.name)
        if target.exists():
            target.rename(Path(place) / "old")
        copy.rename(target)
    return target


def without_paths(text):
    """Return a text in which absolute paths are cut to their last name.

    Args:
        text: any text, also JSON or CSV.
    """
    return PATH.sub("", WHOLE_PATH.sub("", text))


def _require_replaceable(target):
    """Raise InputError where the target may hold what nobody could make again."""
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    is_copy = RECORD in names and not any(target.glob("*/model.keras"))
    if target.is_file() or (names - {RESULTS} and not is_copy):
        raise InputError(
            f"{target} holds something else than a published comparison; give another folder, or "
            "delete this one."
        )


def _forget_places(path):
    """Keep no more of the data's places than the data set's name."""
    record = json.loads(path.read_text(encoding="utf-8"))
    for source in record["sources"].values():
        source["data"] = {"name": source["data"]["name"]}
    write_text(path, json.dumps(record, indent=1) + "\n")


def _copy_run(directory, copy):
    for name in OF_A_RUN:
        _copy_text(directory / name, copy / name)
    for path in directory.glob("*.npz"):
        if "predictions" in path.name:
            in_half_precision(Predictions.load(path)).save(copy / path.name)
        else:
            shutil.copyfile(path, copy / path.name)


def _copy_text(path, copy):
    if path.is_file():
        write_text(copy, without_paths(path.read_text(encoding="utf-8")))
