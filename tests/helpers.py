"""What several tests use: faces, predictions, runs and pictures made for them."""

import io
import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from scipy.ndimage import gaussian_filter

from fer_keras.comparison.identity import faces_identity, run_identity
from fer_keras.comparison.record import Comparison
from fer_keras.comparison.run import Run
from fer_keras.comparison.source import Source
from fer_keras.data.faces import Faces, split_names
from fer_keras.data.labels import CLASS_NAMES, FERPLUS_COLUMNS
from fer_keras.data.readers.fer2013_csv import read_all_rows
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.predictions import Predictions
from fer_keras.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
COMPARE = ROOT / "notebooks" / "compare.ipynb"
SMALL = f"{ROOT}/tests/small_networks.py:small"
"""A network with batch norm and dropout that is soon built and trained."""
TINY = f"{ROOT}/tests/small_networks.py:tiny"
"""One that is trained sooner, without either."""
EYES_AND_MOUTH = ((215, 190), (308, 190), (263, 277))  # (x, y), read off the photograph
FACE = (160, 114, 368, 322)  # where the photograph's face is: left, top, right, bottom


def patterned_faces(count, split="Training", seed=0, class_names=CLASS_NAMES):
    """Noise whose bright stripe tells the class: learnable, all classes present, no two equal."""
    rng = np.random.default_rng([seed, len(split)])
    labels = np.arange(count) % len(class_names)
    images = rng.integers(0, 100, (count, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[6 * label : 6 * label + 5] += 120
    ids = np.array([f"{split}/row{number}" for number in range(1, count + 1)])
    return Faces(images, labels, ids, tuple(class_names))


def run_script(script, *arguments):
    """Run a script of this repository here, which imports nothing twice; return its exit code."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.syspath_prepend((ROOT / script).parent)
        patch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(str(ROOT / script), run_name="__main__")
    return ended.value.code


def module_of(folder, name):
    """Import a script of this repository, which may import those beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / folder)
        return import_module(name)


def assert_same(one, other):
    """Ask that two `Splits` hold the same faces in the same order."""
    for mine, others in ((one.train, other.train), (one.test, other.test)):
        assert mine.ids.tolist() == others.ids.tolist()
        assert mine.labels.tolist() == others.labels.tolist()
        assert mine.class_names == others.class_names
        np.testing.assert_array_equal(mine.images, others.images)


def predictions_of(y_true, y_pred, ids=None, class_names=CLASS_NAMES, groups=None, leaked=None):
    others = len(class_names) - 1
    share = min(0.1, 0.6 / others)  # of seven classes, the predicted one has 0.4
    probabilities = np.full((len(y_true), others + 1), share)
    probabilities[np.arange(len(y_true)), y_pred] = 1 - share * others
    if ids is None:
        ids = np.array([f"PublicTest/row{number}" for number in range(len(y_true))])
    return Predictions(ids, np.asarray(y_true), probabilities, class_names, groups, leaked)


def assert_as_near(found, other, truth, slack):
    """Ask that a float32 result is about as near to the float64 one as another float32 result.

    Two of them may differ by more than either's own error, and by other amounts on each processor.
    """
    error, others = (np.abs(np.asarray(each) - truth).max() for each in (found, other))
    assert error < 3 * others + slack


def is_5_in_100(shares, num_trials):
    """Whether shares of false alarms in simulations lie within 2.9 standard errors of 5 %."""
    return np.all(np.abs(np.asarray(shares) - 0.05) <= 2.9 * np.sqrt(0.05 * 0.95 / num_trials))


def run_of(accuracy, seed, ids=None, count=1000):
    rng = np.random.default_rng(1)  # both arms share the true classes
    y_true = rng.integers(0, 7, count)
    rng = np.random.default_rng(seed)
    y_pred = np.where(rng.random(count) < accuracy, y_true, (y_true + 1) % 7)
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "accuracy": [0.4, 0.5, 0.6],
            "loss": np.array([1.5, 1.3, 1.1]) + seed / 1000,
            "val_accuracy": [0.4, 0.55, 0.5],
            "val_loss": [1.5, 1.2, 1.3],
            "seconds": [60.0, 30.0, 30.0],
            "images_per_second": [100.0, 900.0, 800.0],
        }
    )
    return Run(
        Path("somewhere"),
        Recipe(epochs=3),
        history,
        predictions_of(y_true, y_pred, ids),
        None,
        {
            "date": "2026-01-01",
            "processor": "abacus",
            "cores": "2",
            "python": "3.11",
            "git commit": "unknown",
        },
    )


def finish_untrained(planned, *_):
    """Stand in for `engine.execute_all`: finish runs by made-up predictions, without training."""
    for each in planned:
        if each.is_finished:
            continue
        recipe, splits = each.source.splits(each.recipe)
        each.directory.mkdir(parents=True)
        rng = np.random.default_rng([recipe.seed, len(each.arm)])
        parts = {"validation_predictions": splits.validation, "predictions": splits.test}
        for name, faces in parts.items():
            shares = rng.dirichlet(np.ones(len(faces.class_names)), len(faces))
            shares = (shares + np.eye(len(faces.class_names))[faces.labels]) / 2
            predictions = Predictions(faces.ids, faces.labels, shares, faces.class_names)
            predictions.save(each.directory / f"{name}.npz")
        run = run_of(0.5, recipe.seed)
        run.history.to_csv(each.directory / "history.csv", index=False)
        texts = {"recipe": run_identity(recipe, splits), "environment": run.environment}
        for name, values in (texts | {"metrics": {}}).items():
            (each.directory / f"{name}.json").write_text(json.dumps(values))
    return {}


def of_faces(run, splits, directory):
    """The run, in a directory that says that it learnt these faces."""
    directory.mkdir(exist_ok=True)
    (directory / "recipe.json").write_text(json.dumps({"data": faces_identity(splits)}))
    return replace(run, directory=directory)


def accuracy_of(run):
    return np.mean(run.predictions.y_pred == run.predictions.y_true)


def leaky(run):
    """The run, with copies in training of its first 100 test images."""
    leaked = np.arange(len(run.predictions.ids)) < 100
    return replace(run, predictions=replace(run.predictions, leaked=leaked))


def lasting(run, *seconds):
    """The run, with epochs of these lengths."""
    return replace(run, history=run.history.iloc[: len(seconds)].assign(seconds=seconds))


def papermill(output, *arguments, notebook=COMPARE):
    return subprocess.run(
        [sys.executable, "-m", "papermill", notebook, output, "--no-progress-bar", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


def photograph():
    """Grace Hopper, 512x600, a public-domain portrait that matplotlib ships."""
    return Image.open(get_sample_data("grace_hopper.jpg")).convert("RGB")


def assert_frames_the_face(box, scale=1.0):
    for x, y in EYES_AND_MOUTH:
        assert box.left < scale * x < box.left + box.width
        assert box.top < scale * y < box.top + box.height
    # Eyes stand 93 pixels apart; in FER2013 that is 0.4 to 0.5 of the image's width.
    assert 93 / 0.55 < box.width / scale < 93 / 0.38
    assert box.width == box.height


def save_run(directory, model, class_names=CLASS_NAMES):
    directory.mkdir(exist_ok=True)
    model.save(directory / "model.keras")
    share = np.full((1, len(class_names)), 1 / len(class_names))
    Predictions(np.array(["PublicTest/1"]), np.array([0]), share, class_names).save(
        directory / "predictions.npz"
    )
    return directory


def sure_run(directory, class_names=CLASS_NAMES):
    """Save a run whose network has random weights, large ones: it is sure of what it says."""
    import keras

    from fer_keras.networks.build import build

    keras.utils.set_random_seed(3)
    model = build("conv3", len(class_names))
    last = model.layers[-1]
    last.set_weights([60 * last.get_weights()[0], last.get_weights()[1]])
    return save_run(directory, model, class_names)


def tight_crops():
    """The same face as files of several kinds: name -> picture."""
    face = photograph().crop(FACE)
    gray = face.convert("L").resize((48, 48))
    return {
        "gray48.png": gray,
        "gray48.jpg": gray,
        "colour.jpg": face.resize((100, 100)),
        "oblong.png": face.resize((90, 110)),
        "sixteen_bits.png": Image.fromarray(np.asarray(gray).astype(np.uint16) * 257),
        "palette.png": face.resize((64, 64)).quantize(64),
        "opaque.png": face.resize((60, 60)).convert("RGBA"),
    }


def jpeg(image, quality=30):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def shifted(image, down, right):
    return np.pad(image, 2, mode="edge")[2 - down : 50 - down, 2 - right : 50 - right]


def textured(count, seed=0):
    """Pictures with light, shade and details, no two alike."""
    rng = np.random.default_rng(seed)
    images = sum(
        gaussian_filter(rng.normal(size=(count, 48, 48)), (0, blur, blur)) * blur * strength
        for blur, strength in ((2, 60), (6, 150))
    )
    return np.clip(images + 128, 0, 255).astype(np.uint8)


def texts(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def alternatives(soup):
    """The alternative texts of a report's pictures: the first tile of a figure has that of all."""
    return [figure.img["alt"] for figure in soup("figure") if figure.img]


def write_votes(directory, also):
    """Write FER+'s votes beside a CSV: seven see what FER2013 says, and three another emotion."""
    faces, _ = read_all_rows(directory / "fer2013.csv")
    lines = [",".join(["Usage", "Image name", *FERPLUS_COLUMNS, "unknown", "NF"])]
    for usage, label in zip(split_names(faces.ids), faces.labels):
        votes = Counter({CLASS_NAMES[label]: 7}) + Counter({also: 3})
        counts = [str(votes[name]) for name in FERPLUS_COLUMNS.values()]
        lines.append(",".join([usage, "x.png", *counts, "0", "0"]))
    (directory / "fer2013new.csv").write_text("\n".join(lines) + "\n")


def name_in_latin1(directory):
    """Give a class and a picture of a folder of images names that are no UTF-8."""
    for top in (directory / "train", directory / "test"):
        os.rename(os.fsencode(top / "happy"), os.fsencode(top) + b"/ga\xeet\xe9")
    image = next((directory / "train" / "sad").iterdir())
    os.rename(os.fsencode(image), os.fsencode(image.parent) + b"/\xe9t\xe9.jpg")
    with open(os.fsencode(image.parent) + b"/\xe0 lire.txt", "w"):
        pass


def smooth(faces, seed=0):
    """The same faces without pixel noise, which would not survive JPEG."""
    coarse = np.random.default_rng(seed).integers(30, 225, (len(faces), 6, 6), dtype=np.uint8)
    images = np.stack([np.asarray(Image.fromarray(c).resize((48, 48))) for c in coarse])
    return replace(faces, images=images)


def comparison_of(runs, directory, **fields):
    """A finished comparison of these runs: dict from an arm's name to a dict from seed to `Run`."""
    runs = {
        arm: {
            seed: replace(
                run, recipe=run.recipe.changed(seed=seed, storage="csv", classes=CLASS_NAMES)
            )
            for seed, run in each.items()
        }
        for arm, each in runs.items()
    }
    known = {
        "name": "mine",
        "directory": Path(directory),
        "arms": {arm: next(iter(each.values())).recipe for arm, each in runs.items()},
        "seeds": tuple(dict.fromkeys(seed for each in runs.values() for seed in each)),
        "factors": {},
        "minutes": None,
        "drawn": False,
        "sources": {arm: Source(Location("faces")) for arm in runs},
        "notes": (),
        "runs": runs,
        "errors": (),
    }
    return Comparison(**known | fields)
