"""How time and memory grow with the data, and write growth.csv.

    python benchmarks/scale.py

Drawn faces, each several times with noise of its own, make CSV files of 1, 4 and 16 times as many
rows. Each size is read and fed in a process of its own, which may keep 64 MiB of pixels in memory:
at the larger sizes they stay on disk. Memory is what the process holds besides the pages of files,
which the system drops when it needs room.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.data.drawn import draw_faces
from fer_keras.data.faces import Faces
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.utils.machine import environment
from fer_keras.utils.startup import start_tensorflow

RECORD = Path(__file__).parent / "growth.csv"
NUM_DRAWN, NUM_ROWS, TIMES = 1000, 8000, (1, 4, 16)
BUDGET_MIB = 64
MEASURE = """
import json, sys, time
import numpy as np
from fer_keras.utils.startup import start_tensorflow
start_tensorflow()
from fer_keras.training.feeds import training_feed
from fer_keras.training.recipe import AUGMENTATIONS
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv
from fer_keras.data.splitting import cut_validation
def memory():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["RssAnon"].split()[0]) / 1024
def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start
before = memory()
_, first = timed(lambda: read_fer2013_csv(sys.argv[1]))
splits, second = timed(lambda: read_fer2013_csv(sys.argv[1]))
cut, dividing = timed(lambda: cut_validation(splits, 0.1, 0))
faces = cut.train
feed = iter(training_feed(faces, 64, 0, AUGMENTATIONS["study_d"]))
next(feed)
_, feeding = timed(lambda: [len(next(feed)[1]) for _ in range(len(faces) // 64)])
held = memory() - before
del feed  # or its thread would still call Python while that ends
print(json.dumps({
    "first reading, s": first, "second reading, s": second, "dividing, s": dividing,
    "an epoch's feed, s": feeding, "memory, MiB": held,
    "on disk": isinstance(faces.images, np.memmap),
}))
"""


def varied(drawn, count, random):
    """Return so many faces: the drawn ones over and over, each time with other noise."""
    index = np.arange(count) % len(drawn)
    noise = random.integers(-8, 9, (count, *drawn.images.shape[1:]), dtype=np.int16)
    images = np.clip(drawn.images[index] + noise, 0, 255).astype(np.uint8)
    usages = np.where(np.arange(count) % 10 == 9, "PublicTest", "Training")
    ids = np.array([f"{usage}/row{row}" for row, usage in enumerate(usages, 1)])
    return Faces(images, drawn.labels[index], ids, drawn.class_names)


def main():
    """Measure each size and write the record."""
    start_tensorflow()
    drawn, random, rows = draw_faces(NUM_DRAWN, 0), np.random.default_rng(0), []
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"FER_KERAS_MEMORY": str(BUDGET_MIB), "FER_KERAS_CACHE": scratch}
        for times in TIMES:
            path = Path(scratch) / "fer2013.csv"
            write_fer2013_csv(varied(drawn, times * NUM_ROWS, random), path)
            command = [sys.executable, "-c", MEASURE, str(path)]
            answer = subprocess.run(
                command, env=os.environ | settings, capture_output=True, text=True, check=True
            )
            measured = json.loads(answer.stdout.splitlines()[-1])
            megabytes = round(path.stat().st_size / 1e6)
            rows.append({"rows": times * NUM_ROWS, "file, MB": megabytes, **measured})
            print(rows[-1], flush=True)
    machine = {key: environment()[key] for key in ("date", "processor", "cores", "git commit")}
    pd.DataFrame(rows).round(3).assign(**machine).to_csv(RECORD, index=False)


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    main()
