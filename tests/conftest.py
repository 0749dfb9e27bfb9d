"""Small faces that every test can afford, made here and nowhere near the package's own drawing."""

import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# No test leaves anything in the home folder of whoever runs it.
os.environ["FER_KERAS_CACHE"] = tempfile.mkdtemp(prefix="fer_keras_tests_")

from dataclasses import replace

import pytest
from helpers import finish_untrained, patterned_faces, smooth, sure_run
from PIL import Image

from fer_keras.data.faces import Splits, concatenate
from fer_keras.data.labels import RAFDB_CLASSES
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="simulate at length, too")


LONGEST = ("test_public_api.py", "test_cli.py", "test_compare_notebook.py", "test_engine.py")


def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that no worker waits for one in the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def num_trials(request):
    """How often a simulation draws: 1,000 times with --all, 250 times without."""
    return 1000 if request.config.getoption("all") else 250


@pytest.fixture
def make_faces():
    return patterned_faces


@pytest.fixture
def untrained(monkeypatch):
    """Finish runs by made-up predictions, for tests of what stands round a training."""
    from fer_keras.comparison import engine

    monkeypatch.setattr(engine, "execute_all", finish_untrained)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory):
    """A finished run whose network is sure of what it says; only to be read."""
    return sure_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def splits():
    """140 training, 35 validation and 70 test faces."""
    return Splits(
        train=patterned_faces(140),
        validation=patterned_faces(35, seed=1),
        test=patterned_faces(70, "PublicTest", seed=2),
    )


@pytest.fixture
def data(tmp_path, make_faces):
    """Both storage forms of 280 training and 70 test faces, 4 test faces copied from training."""
    train, test = smooth(make_faces(280)), smooth(make_faces(70, "PublicTest"), seed=1)
    images = test.images.copy()
    images[:4] = train.images[:4]
    faces = concatenate(train, replace(test, images=images))
    write_fer2013_csv(faces, tmp_path / "fer2013.csv")
    write_image_folder(faces, tmp_path)
    return tmp_path


@pytest.fixture
def rafdb(tmp_path, make_faces):
    """RAF-DB in the official layout: 140 training and 35 test faces, in colour, 100x100."""
    root = tmp_path / "rafdb"
    (root / "EmoLabel").mkdir(parents=True)
    (root / "Image" / "aligned").mkdir(parents=True)
    codes = {name: code for code, name in RAFDB_CLASSES.items()}
    lines = []
    for split, faces in (("train", make_faces(140)), ("test", make_faces(35, "test"))):
        for number, (image, label) in enumerate(zip(faces.images, faces.labels), 1):
            name = f"{split}_{number:05}"
            lines.append(f"{name}.jpg {codes[faces.class_names[label]]}")
            picture = Image.fromarray(image).convert("RGB").resize((100, 100))
            picture.save(root / "Image" / "aligned" / f"{name}_aligned.jpg", quality=95)
    (root / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return root
