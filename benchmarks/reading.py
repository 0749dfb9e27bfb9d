"""Reading the CSV, against what the student studies do and against the quickest of one line."""

import itertools
import warnings
from statistics import median

import numpy as np
import pandas as pd
from timing import in_turn, peak_memory, row

from fer_keras.data.readers.fer2013_csv import read_all_rows

READ = """
import sys
import numpy as np, pandas as pd
from fer_keras.data.readers.fer2013_csv import read_all_rows
if sys.argv[2] == "ours":
    read_all_rows(sys.argv[1])
else:
    rows = pd.read_csv(sys.argv[1])
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
"""


def row_by_row(path):
    """Read the CSV as the student studies do: a float32 array."""
    rows = pd.read_csv(path)
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
    return pixels.reshape(-1, 48, 48, 1), rows["emotion"].to_numpy()


def by_fromstring(path):
    """Read the CSV by one `np.fromstring` a row: a uint8 array."""
    rows = pd.read_csv(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pixels = np.stack([np.fromstring(text, np.uint8, sep=" ") for text in rows["pixels"]])
    return pixels.reshape(-1, 48, 48), rows["emotion"].to_numpy()


def bench(location, scratch, rounds):
    """Yield rows: the first and the second reading, and the memory of the first."""
    # Each first reading needs a link that has no cache yet: to delete 80 MB of cache takes time
    # that is no part of reading.
    links = (scratch / f"{number}.csv" for number in itertools.count())

    def first_time():
        link = next(links)
        link.symlink_to(location.csv)
        read_all_rows(link)

    path = location.csv
    first, plain, quick = in_turn(
        [first_time, lambda: row_by_row(path), lambda: by_fromstring(path)], rounds
    )
    known = scratch / "0.csv"
    second, plain_too = in_turn([lambda: read_all_rows(known), lambda: row_by_row(path)], rounds)
    studies, one_line = "pandas.read_csv + np.array(text.split())", "the same by np.fromstring"
    yield row("read the CSV, first time", "s", first, studies, plain)
    yield row("read the CSV, first time", "s", first, one_line, quick)
    yield row("read the CSV, second time", "s", second, studies, plain_too)
    peaks = []
    for link in itertools.islice(links, rounds):
        link.symlink_to(path)
        peaks.append((peak_memory(READ, link, "ours"), peak_memory(READ, path, "theirs")))
    ours, theirs = map(median, zip(*peaks))
    yield row("memory to read the CSV", "MiB", ours, studies, theirs)
