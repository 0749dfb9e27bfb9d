"""Collect finished runs of the named recipes into `studies.csv` and `studies/`.

    python reports/collect_studies.py RUN...

takes run directories, as `fer-keras run` prints them, and puts each in the place of the record's
former run of the same recipe.
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.run import load_run
from fer_keras.reporting.tables import result_table
from fer_keras.utils.files import write_text

REPORTS = Path(__file__).parent
RECORD = REPORTS / "studies.csv"
KEPT = ("history.csv", "class_report.csv", "confusion_matrix.csv")


def collect(directories):
    """Return the record of runs: a DataFrame, one row a recipe and split."""
    tables = [pd.read_csv(RECORD)] if RECORD.is_file() else []
    for directory in map(Path, directories):
        name = directory.name.rsplit("-", 1)[0]
        run = load_run(directory)
        table = result_table({name: run}).rename(columns={"arm": "recipe"})
        table["training_accuracy"] = run.history["accuracy"].iloc[-1]
        table["git_commit"] = run.environment["git commit"]
        tables = [old[old["recipe"] != name] for old in tables] + [table]
        for file in KEPT:
            shutil.copy(directory / file, REPORTS / "studies" / f"{name}_{file}")
    record = pd.concat(tables)
    order = list(RECIPES).index
    return record.sort_values("recipe", key=lambda names: names.map(order), kind="stable")


if __name__ == "__main__":
    (REPORTS / "studies").mkdir(exist_ok=True)
    write_text(RECORD, collect(sys.argv[1:]).to_csv(index=False))
