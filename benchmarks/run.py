"""Measure fer_keras against what it replaces, both sides in turn, and write results.csv.

    python benchmarks/run.py DIR     # DIR holds fer2013.csv and the folders train/, test/

Each row is the median of several rounds; in every round both sides run, one after the other, in
this one process. Nothing else should run on the machine meanwhile.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from fer_keras.faces import cut_validation
from fer_keras.labels import CLASS_NAMES
from fer_keras.runs import environment
from fer_keras.sources.fer2013_csv import read_all_rows
from fer_keras.sources.image_folder import link_training_folder, read_image_folder
from fer_keras.sources.location import find_data
from fer_keras.startup import start_tensorflow

RESULTS = Path(__file__).parent / "results.csv"
BATCH_SIZE = 64
NUM_BATCHES = 100


def seconds(function):
    """Return how long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(ours, other, rounds):
    """Return the median seconds of both functions, called alternately."""
    pairs = [(seconds(ours), seconds(other)) for _ in range(rounds)]
    return [median(side) for side in zip(*pairs)]


def load_row_by_row(path):
    """Read the CSV as the student studies do."""
    rows = pd.read_csv(path)
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
    return pixels.reshape(-1, 48, 48, 1), rows["emotion"].to_numpy()


def bench_csv(csv, scratch, rounds):
    """Compare the first and the second reading of the CSV with pandas, row by row."""
    # A link in a folder of our own, so that the cache beside it is ours to delete.
    link = scratch / "fer2013.csv"
    link.symlink_to(csv)
    cache = link.with_name("fer2013.csv.faces-cache.npz")

    def first_time():
        cache.unlink(missing_ok=True)
        read_all_rows(link)

    first, by_rows = in_turn(first_time, lambda: load_row_by_row(csv), rounds)
    second, by_rows_too = in_turn(lambda: read_all_rows(link), lambda: load_row_by_row(csv), rounds)
    against = "pandas.read_csv + np.array(text.split())"
    yield "read the CSV, first time", "s", first, against, by_rows, by_rows / first
    yield "read the CSV, second time", "s", second, against, by_rows_too, by_rows_too / second


def bench_feed(folder, scratch, rounds):
    """Compare study D's augmentation in memory with ImageDataGenerator's from the folder."""
    from fer_keras import feeds

    faces = cut_validation(read_image_folder(folder), 0.1, seed=0).train
    link_training_folder(folder, faces, scratch / "linked")
    ours = iter(feeds.training_feed(faces, BATCH_SIZE, 0, "study_d"))
    other = iter(feeds.generator_feed(scratch / "linked", CLASS_NAMES, BATCH_SIZE, 0, "study_d"))

    def take(feed):
        for _ in itertools.islice(feed, NUM_BATCHES):
            pass

    take(ours), take(other)  # the first batches wait for files and graphs
    speeds = [
        BATCH_SIZE * NUM_BATCHES / spent
        for spent in in_turn(lambda: take(ours), lambda: take(other), rounds)
    ]
    against = "ImageDataGenerator.flow_from_directory"
    yield (
        "feed with study D's augmentation",
        "images/s",
        speeds[0],
        against,
        speeds[1],
        (speeds[0] / speeds[1]),
    )


def main():
    """Run all benchmarks and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with fer2013.csv and train/, test/")
    parser.add_argument("--rounds", type=int, default=5, help="rounds a row (default 5)")
    arguments = parser.parse_args()
    start_tensorflow()
    location, machine = find_data(arguments.data), environment()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for bench, source in ((bench_csv, location.csv), (bench_feed, location.folder)):
            for what, unit, ours, against, theirs, ratio in bench(
                source, scratch, arguments.rounds
            ):
                rows.append(
                    {
                        "what": what,
                        "unit": unit,
                        "fer_keras": round(ours, 3),
                        "against": against,
                        "theirs": round(theirs, 3),
                        "times faster": round(ratio, 1),
                        "rounds": arguments.rounds,
                    }
                )
                print(rows[-1], flush=True)
    kept = ("date", "processor", "cores", "tensorflow", "pandas")
    table = pd.DataFrame(rows).assign(**{name: machine[name] for name in kept})
    table.to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
