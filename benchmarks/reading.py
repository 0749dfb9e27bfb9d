"""Reading the CSV, against what the student studies do and against the quickest of one line."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
from timing import in_turn, row

from fer_keras.sources.fer2013_csv import read_all_rows

READ = """
import sys
import numpy as np, pandas as pd
from fer_keras.sources.fer2013_csv import read_all_rows
if sys.argv[2] == "ours":
    read_all_rows(sys.argv[1])
else:
    rows = pd.read_csv(sys.argv[1])
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) / 1024)
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


def memory(path, side):
    """Return the MiB that a process of its own takes at most when it reads the CSV; on Linux."""
    command = [sys.executable, "-c", READ, path, side]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def bench(location, scratch, rounds):
    """Yield rows: the first and the second reading, and the memory of the first."""
    # A link in a folder of our own, so that the cache beside it is ours to delete.
    link = scratch / "fer2013.csv"
    link.symlink_to(location.csv)
    cache = link.with_name("fer2013.csv.faces-cache.npz")

    def first_time():
        cache.unlink(missing_ok=True)
        read_all_rows(link)

    first, plain, quick = in_turn(
        [first_time, lambda: row_by_row(link), lambda: by_fromstring(link)], rounds
    )
    second, plain_too = in_turn([lambda: read_all_rows(link), lambda: row_by_row(link)], rounds)
    studies, one_line = "pandas.read_csv + np.array(text.split())", "the same by np.fromstring"
    yield row("read the CSV, first time", "s", first, studies, plain)
    yield row("read the CSV, first time", "s", first, one_line, quick)
    yield row("read the CSV, second time", "s", second, studies, plain_too)
    cache.unlink()
    yield row(
        "memory to read the CSV", "MiB", memory(link, "ours"), studies, memory(link, "theirs")
    )
