"""Reaching an accuracy of about .60 from pixels on disk, against study D's two arms and PyTorch.

All sides are processes of their own, from the import to the scores. Of study D's 15 and 30 epochs
three are trained and the rest is computed from them, or five rounds would take an hour.
"""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median, median_low

from timing import row, seconds
from torch_side import KEEPS_MEMORY, is_installed

from fer_keras.comparison.catalogue import recipe
from fer_keras.data.labels import CLASS_NAMES

CHANGES = {"epochs": 6, "labels": "own_given_votes", "label_smoothing": 0}
"""Of the recipe `quick`: about a minute, and about .60; see LOG.md."""

PUBLISHED_EPOCHS = {"csv": 15, "folder": 30}
STUDY_D = """
import sys, time
start = time.perf_counter()
import numpy as np, pandas as pd, tensorflow as tf
from sklearn.model_selection import train_test_split
from fer_keras.networks.build import build
from fer_keras.training.recipe import AUGMENTATIONS
arm, data = sys.argv[1:]
model = build("conv3" if arm == "csv" else "conv3_late_dropout", 7)
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
if arm == "csv":
    rows = pd.read_csv(data)
    pixels = np.stack([np.array(text.split(), "float32") for text in rows["pixels"]])
    labels = tf.keras.utils.to_categorical(rows["emotion"], 7)
    train, test, y_train, y_test = train_test_split(
        pixels.reshape(-1, 48, 48, 1), labels, test_size=0.2, stratify=labels
    )
    fit = lambda: model.fit(train, y_train, batch_size=64, verbose=0)
    evaluate = lambda: model.evaluate(test, y_test, verbose=0)
else:
    generator = tf.keras.preprocessing.image.ImageDataGenerator
    options = dict(target_size=(48, 48), color_mode="grayscale", batch_size=64)
    train = generator(**AUGMENTATIONS["study_d"]).flow_from_directory(data + "/train", **options)
    test = generator().flow_from_directory(data + "/test", shuffle=False, **options)
    fit = lambda: model.fit(train, verbose=0)
    evaluate = lambda: model.evaluate(test, verbose=0)
epochs = []
for _ in range(3):
    before = time.perf_counter()
    fit()
    epochs.append(time.perf_counter() - before)
evaluate()
print(time.perf_counter() - start - sum(epochs), np.mean(epochs[1:]))
"""


def bench(location, scratch, rounds):
    """Yield rows: seconds to about .60, against either arm of study D."""
    sources = {"csv": str(location.csv), "folder": str(location.folder)}
    ours, theirs, scores = [], {arm: [] for arm in sources}, []
    for number in range(rounds):
        out = scratch / f"round{number}"
        ours.append(seconds(partial(quick, location, out, number)))
        scores.append(public_test_scores(out))
        for arm, source in sources.items():
            theirs[arm].append(study_d(arm, source))
    for arm, times in theirs.items():
        against = f"study D's {arm} arm, {PUBLISHED_EPOCHS[arm]} epochs"
        yield row(_reached(scores), "s", median(ours), against, median(times))


def bench_torch(location, scratch, rounds):
    """Yield a row: seconds to about .60, against PyTorch (`channels_last`, eager), same recipe."""
    if not is_installed():
        print("PyTorch is not installed, so that nothing is compared with it.")
        return
    from against_torch import torch_layers

    from fer_keras.networks.build import build

    layers = list(torch_layers(build("quick", len(CLASS_NAMES))))
    ours, theirs, scores, reached = [], [], [], []
    for number in range(rounds):
        out, command = scratch / f"round{number}", torch_command(location, layers, number)
        ours.append(seconds(partial(quick, location, out, number)))
        scores.append(public_test_scores(out))
        theirs.append(seconds(lambda command=command: reached.append(answer_of(command))))
    against = f"PyTorch, channels_last, eager, same recipe: accuracy {median_low(reached):.3f}"
    yield row(_reached(scores), "s", median(ours), against, median(theirs))


def _reached(scores):
    accuracy, low, high = median_low(scores)
    return (
        f"quick, {', '.join(_words(CHANGES))}: accuracy {accuracy:.3f} [{low:.3f}, {high:.3f}] on "
        "PublicTest, of the median run"
    )


def torch_command(location, layers, seed):
    """Return the command that trains the recipe `quick`, changed, in PyTorch."""
    script = str(Path(__file__).with_name("reaching_torch.py"))
    fields = map(json.dumps, (layers, recipe("quick", **CHANGES, seed=seed).as_json()))
    return [sys.executable, script, str(location.csv.parent), *fields]


def answer_of(command):
    """Return the accuracy that a command prints; its allocator keeps what is freed."""
    environment = os.environ | KEEPS_MEMORY
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def quick(location, out, seed):
    """Train the recipe `quick`, changed, as the command does."""
    sets = [word for change in _words(CHANGES | {"seed": seed}) for word in ("--set", change)]
    data = ["--data", str(location.csv.parent), "--out", str(out)]
    command = [sys.executable, "-m", "fer_keras", "run", "quick", *data, *sets]
    subprocess.run(command, capture_output=True, check=True)


def _words(changes):
    return [f"{field}={value}" for field, value in changes.items()]


def public_test_scores(out):
    """Return the accuracy of the one run in a folder, and its 95 % interval's ends."""
    (path,) = out.glob("*/*/metrics.json")
    metrics = json.loads(path.read_text())
    return tuple(metrics[f"PublicTest/accuracy{end}"] for end in ("", "_low", "_high"))


def study_d(arm, source):
    """Return the seconds of study D's protocol, epochs beyond the third computed."""
    command = [sys.executable, "-c", STUDY_D, arm, source]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    rest, epoch = map(float, answer.stdout.split()[-2:])
    return rest + PUBLISHED_EPOCHS[arm] * epoch
