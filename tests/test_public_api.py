"""The package as a user has it: README's Python as it stands there, and a wheel."""

import os
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT, photograph
from PIL import Image

import fer_keras as fk
from fer_keras.comparison.prepare import prepared
from fer_keras.data.drawn import draw_faces, write_drawn_data
from fer_keras.data.labels import ALL_CLASS_NAMES

ARMS = ["CSV", "folder", "mine"]


def my_builder(num_classes):
    return keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(8, 5, strides=4, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder with a few drawn faces in `fer2013/`."""
    folder = tmp_path_factory.mktemp("home")
    write_drawn_data(folder / "fer2013", 84, 42)
    photograph().save(folder / "photo.jpg")
    return folder


@pytest.fixture(scope="module")
def num_seeds(request):
    return 5 if request.config.getoption("all") else 2


@pytest.fixture(scope="module")
def names(home, num_seeds, request):
    """The names that README's first block of Python defines, when it runs in the home folder.

    Its comparison has fewer seeds and epochs than README's, which take a minute more, unless with
    `--all`.
    """
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert block.count("seeds=5") == 1
    if not request.config.getoption("all"):
        block = block.replace("seeds=5", f"seeds={num_seeds}, changes={{'epochs': 2}}")
    names = {"my_builder": my_builder, "images": draw_faces(3, seed=0).images}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("FER_KERAS_DATA", raising=False)
        patch.chdir(home)
        exec(block, names)
    return names


def test_every_public_name_is_there():
    assert all(callable(getattr(fk, name)) for name in fk.__all__)
    assert set(fk.__all__) <= set(dir(fk))
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        fk.train  # noqa: B018


def test_readme_builds_a_plain_keras_network(names):
    assert type(names["model"]) is keras.Sequential
    assert names["model"].output_shape == (None, 7)


def test_readme_trains_on_the_faces_that_it_read(names):
    splits, run = names["splits"], names["run"]
    assert (len(splits.train), len(splits.test)) == (84, 42)
    assert run.history["epoch"].tolist() == list(range(1, 16))
    assert run.predictions.ids.tolist() == splits.test.ids.tolist()
    hits = run.predictions.probabilities.argmax(axis=1) == splits.test.labels
    assert run.scores()["accuracy"][0] == pytest.approx(hits.mean())


def test_readme_compares_three_arms_over_seeds(names, num_seeds):
    result = names["result"]
    scores = result.scores()
    assert scores["arm"].unique().tolist() == ARMS and set(scores["seeds"]) == {num_seeds}
    differences = result.differences()
    assert differences["arm"].unique().tolist() == ["folder", "mine"]
    assert set(differences["reference"]) == {"CSV"} and set(differences["seeds"]) == {num_seeds}


def test_readme_writes_a_report_of_all_arms(names, home):
    report = BeautifulSoup((home / "reports" / "run.html").read_text(), "html.parser")
    heads = {cell.text for table in report("table") for cell in table("th")}
    assert set(ARMS) <= heads


def test_arrays_of_ones_own_become_splits_as_the_docs_say(monkeypatch):
    """The block of docs/extending.md, up to its comparison."""
    text = (ROOT / "docs" / "extending.md").read_text()
    (block,) = (b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "fk.Faces" in b)
    compared = []
    monkeypatch.setattr(fk, "compare", lambda *arguments: compared.append(arguments), raising=False)
    images, labels = draw_faces(8, 0).images, np.arange(8) % 2
    names = {"np": np, "fk": fk, "images": images, "labels": labels}
    exec(block, names | {"test_images": images[:4], "test_labels": labels[:4]})
    ((_, splits),) = compared
    _, cut = prepared(fk.Recipe(validation_fraction=0.25), splits)
    assert (len(cut.train), len(cut.validation), cut.test.ids[0]) == (6, 2, "test/0")


def test_readme_runs_a_network_that_comes_along(names):
    probabilities = names["fk"].pretrained("faces").predict(names["images"])
    assert probabilities.shape == (3, len(ALL_CLASS_NAMES))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-3)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder with nothing but the installed wheel."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"  # a copy: setuptools would build inside the checkout
    source.mkdir()
    for name in ("fer_keras", "notebooks"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    target = place / "installed"
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", place, source],
        check=True,
    )
    (built,) = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", target, built], check=True)
    return target


def test_a_wheel_holds_every_file_of_the_package_and_the_notebooks(wheel):
    def files_below(*folders):
        files = {path for folder in folders for path in folder.rglob("*.*") if path.is_file()}
        return {path for path in files if path.suffix != ".pyc"}

    package, notebooks = ROOT / "fer_keras", ROOT / "notebooks"
    there = {path.relative_to(wheel / "fer_keras") for path in files_below(wheel / "fer_keras")}
    assert there >= {path.relative_to(package) for path in files_below(package)}
    assert there >= {path.relative_to(ROOT) for path in files_below(notebooks)}


def test_a_wheel_reads_its_own_files(wheel, home, tmp_path):
    face = tmp_path / "face.png"
    Image.fromarray(draw_faces(1, seed=0).images[0]).save(face)
    environment = os.environ | {"PYTHONPATH": str(wheel)}

    def answer_of(*command):
        answer = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment
        )
        assert answer.returncode == 0, answer.stderr[-2000:]
        return answer.stdout

    places = "print(fer_keras.__file__, notebook_path('compare'))"
    code = f"import fer_keras; from fer_keras.reporting.result import notebook_path; {places}"
    package = wheel / "fer_keras"
    found = answer_of(sys.executable, "-c", code).split()
    assert found == [str(package / "__init__.py"), str(package / "notebooks" / "compare.ipynb")]
    command = wheel / "bin" / "fer-keras"
    assert "same_images" in answer_of(command, "recipes")
    predicted = answer_of(command, "predict", "best", "--whole-image", face)
    assert any(name in predicted for name in ALL_CLASS_NAMES)
    assert "copies" in answer_of(command, "audit", home / "fer2013")
