"""A run's identity: whatever could change its result changes it."""

import shutil
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest

from fer_keras.comparison import identity
from fer_keras.comparison.identity import run_identity, run_name
from fer_keras.training import recipe as recipes
from fer_keras.training.recipe import Recipe

RECIPE = Recipe(augmentation="study_d", storage="csv")
SOURCE = """
import keras
from keras import layers

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)), layers.Flatten(), layers.Dense(num_classes, "softmax")
    ])
"""


def with_pixel(splits):
    images = splits.test.images.copy()
    images[3, 5, 7] ^= 1
    return replace(splits, test=replace(splits.test, images=images))


def with_label(splits):
    labels = splits.train.labels.copy()
    labels[0] = 6
    return replace(splits, train=replace(splits.train, labels=labels))


def with_targets(splits):
    targets = np.eye(7, dtype=np.float32)[splits.train.labels]
    return replace(splits, train=replace(splits.train, targets=targets))


@pytest.mark.parametrize(
    ("recipe", "change"),
    [
        (RECIPE.changed(seed=1), None),
        (RECIPE.changed(augmentation={"rotation_range": 10}), None),
        (RECIPE.changed(classes=("angry", "happy")), None),
        (RECIPE, with_pixel),
        (RECIPE, with_label),
        (RECIPE, with_targets),
        (RECIPE, lambda splits: replace(splits, validation=None)),
    ],
)
def test_recipe_and_data_count(splits, recipe, change):
    changed = run_identity(recipe, change(splits) if change else splits)
    assert changed != run_identity(RECIPE, splits)
    assert run_name("a", changed) != run_name("a", run_identity(RECIPE, splits))


def test_the_strengths_of_a_named_augmentation_count(splits, monkeypatch):
    before = run_identity(RECIPE, splits)
    stronger = recipes.AUGMENTATIONS["study_d"] | {"rotation_range": 45}
    monkeypatch.setitem(recipes.AUGMENTATIONS, "study_d", stronger)
    assert run_identity(RECIPE, splits)["augmentation"] != before["augmentation"]


@pytest.mark.parametrize(
    "code",
    [
        *("networks/*.py", "training/*.py", "data/corruptions.py"),
        *("data/readers/image_folder.py", "data/readers/decoding.py"),
    ],
)
def test_the_code_that_trains_counts_whole_rooms(splits, monkeypatch, tmp_path, code):
    before = run_identity(RECIPE, splits)
    for name in ("networks", "training", "data"):
        shutil.copytree(identity.PACKAGE / name, tmp_path / name)
    monkeypatch.setattr(identity, "PACKAGE", tmp_path)
    assert run_identity(RECIPE, splits) == before
    for file in sorted(tmp_path.glob(code)):
        content = file.read_text()
        file.write_text(content + "# changed\n")
        assert run_identity(RECIPE, splits)["code"] != before["code"], file
        file.write_text(content)


def test_versions_count(splits, monkeypatch):
    before = run_identity(RECIPE, splits)
    monkeypatch.setattr(identity, "version_if_any", lambda package: "99")
    assert run_identity(RECIPE, splits)["code"] != before["code"]


def test_another_backend_counts_and_tensorflow_goes_without_saying(splits, monkeypatch):
    before = run_identity(RECIPE, splits)
    packages = ("keras", "numpy", "opencv-python-headless", "pillow", "scipy")
    assert before["code"].keys() == {"sha256", "tensorflow", *packages}
    monkeypatch.setattr(identity, "keras_backend", lambda: "jax")
    code = run_identity(RECIPE, splits)["code"]
    assert code == {
        "sha256": before["code"]["sha256"],
        "backend": "jax",
        "jax": version("jax"),
        **{package: version(package) for package in packages},
    }


def test_a_builders_source_counts(splits, tmp_path):
    file = tmp_path / "mynet.py"
    file.write_text(SOURCE)
    recipe = RECIPE.changed(network=f"{file}:build")
    before = run_identity(recipe, splits)
    assert run_identity(recipe, splits) == before
    file.write_text(SOURCE.replace("layers.Flatten()", "layers.GlobalAveragePooling2D()"))
    after = run_identity(recipe, splits)
    assert after["network"]["source"] != before["network"]["source"]
    assert after["network"]["configuration"] != before["network"]["configuration"]


def test_names_hold_only_what_every_file_system_takes(splits):
    name = run_name("csv, memory/none: x", run_identity(RECIPE, splits))
    assert name.rsplit("-", 1)[0] == "csv--memory-none--x"
    long = run_name(300 * "ä", run_identity(RECIPE, splits))
    assert len(long.encode()) < 120 and long[:50] == 50 * "ä"
    assert run_name("😀", run_identity(RECIPE, splits))[0] != "-"  # or it would look like an option
