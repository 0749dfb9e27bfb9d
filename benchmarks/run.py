"""Measure fer_keras against what it replaces, and write results.csv.

    python benchmarks/run.py DIR     # DIR holds fer2013.csv and the folders train/, test/

Each row is the median of several rounds; in every round all sides run in turn, some of them in
processes of their own. Nothing else should run on the machine meanwhile.
"""

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

import against_torch
import feeding
import pandas as pd
import predicting
import reaching
import reading
import remembering
import starting
import training

from fer_keras.data.readers.locate import find_data
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment, processor_and_gpu
from fer_keras.utils.startup import start_tensorflow

RESULTS = Path(__file__).parent / "results.csv"
BENCHMARKS = {
    "starting": starting.bench,
    "reading": reading.bench,
    "feeding": feeding.bench,
    "training": training.bench,
    "torch": against_torch.bench,
    "remembering": remembering.bench,
    "predicting": predicting.bench,
    "reaching": reaching.bench,
    "reaching with PyTorch": reaching.bench_torch,
}


def main():
    """Run the benchmarks asked for and put their rows in the place of the former ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    text = "folder with fer2013.csv and train/, test/; else FER_KERAS_DATA"
    parser.add_argument("data", nargs="?", help=text)
    parser.add_argument("--rounds", type=int, default=5, help="rounds a row (default 5)")
    parser.add_argument("--only", choices=BENCHMARKS, help="one of the benchmarks alone")
    parser.add_argument("--record", type=Path, default=RESULTS, help="the file of the rows")
    arguments = parser.parse_args()
    location = find_data(arguments.data or None)  # make gives an empty text where DATA is empty
    if not (location and location.csv and location.folder):
        raise InputError(
            "DIR must hold fer2013.csv and the folders train/ and test/; name it, or set "
            "FER_KERAS_DATA, as in: make bench DATA=~/fer2013"
        )
    start_tensorflow()
    importlib.import_module("keras")  # only then does its backend tell of GPUs
    machine = environment()
    machine["processor"] = processor_and_gpu(machine)
    kept = ("date", "processor", "cores", "tensorflow", "jax", "pandas", "git commit")
    facts = {key: machine[key] for key in kept if key in machine}
    for name in [arguments.only] if arguments.only else BENCHMARKS:
        rows = []
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["FER_KERAS_CACHE"] = f"{scratch}/cache"  # the user's own stays as it is
            for row in BENCHMARKS[name](location, Path(scratch), arguments.rounds):
                rows.append({"benchmark": name, **row, "rounds": arguments.rounds, **facts})
                print(rows[-1], flush=True)
                put(rows, arguments.record)  # at once: a benchmark may take hours
        if rows:
            put(rows, arguments.record, is_whole=True)


def put(rows, record, is_whole=False):
    """Put rows of one benchmark on one processor in the place of the former ones.

    Args:
        rows: dicts, the rows of the benchmark up to now.
        record: path of the CSV file.
        is_whole: whether these are all of the benchmark's rows, so that no former one stays.
    """
    table, numbers = pd.DataFrame(rows), ["fer_keras", "theirs", "times better"]
    table[numbers] = table[numbers].map(lambda value: float(f"{value:.4g}"))
    if record.is_file():
        former = pd.read_csv(record, dtype={"cores": str})
        keys = ["benchmark", "processor"] + ["what", "against"] * (not is_whole)
        is_replaced = pd.MultiIndex.from_frame(former[keys]).isin(
            pd.MultiIndex.from_frame(table[keys])
        )
        table = pd.concat([former[~is_replaced], table])
    order = table["benchmark"].map([*BENCHMARKS].index)
    write_text(record, table.iloc[order.argsort(kind="stable")].to_csv(index=False))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
