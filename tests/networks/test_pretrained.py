"""The networks that come with the package are what their cards say."""

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import ROOT, patterned_faces

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.run import fit
from fer_keras.comparison.trained import load_model
from fer_keras.data.faces import Splits
from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES
from fer_keras.data.loading import load_data
from fer_keras.data.readers.locate import find_data
from fer_keras.networks import pretrained as pretrained_module
from fer_keras.networks.build import build, in_dtype
from fer_keras.networks.cost import megaflops
from fer_keras.networks.pretrained import PRETRAINED, pretrained
from fer_keras.predict.pictures import predict
from fer_keras.predict.predictor import Predictor
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

SHIP = runpy.run_path(str(ROOT / "reports" / "ship_weights.py"))


def test_in_another_dtype_a_network_answers_nearly_the_same():
    keras.utils.set_random_seed(2)
    network = build("quick", 7)
    images = np.random.default_rng(1).integers(0, 256, (9, 48, 48, 1), dtype=np.uint8)
    small = in_dtype(network, "float16")
    assert {weight.dtype for weight in small.weights} == {"float16"}
    again = in_dtype(small, "float32")
    assert {weight.dtype for weight in again.weights} == {"float32"}
    np.testing.assert_allclose(again(images), network(images), atol=2e-3)
    assert megaflops(again) == megaflops(network)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small run, its test faces, and the folder that its files were shipped to as `quick`."""
    directory = tmp_path_factory.mktemp("shipped")
    splits = Splits(train=patterned_faces(140), test=patterned_faces(70, "PublicTest", seed=2))
    finished = fit(Recipe(network="quick", epochs=1), splits, directory / "quick-1a2b3c4d")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained_module, "WEIGHTS", directory / "weights")
        SHIP["ship"]("quick", finished, finished.scores(), splits.test)
    return finished, splits.test, directory / "weights"


def test_a_shipped_run_is_loaded_as_it_was_trained(trained, monkeypatch):
    finished, faces, weights = trained
    monkeypatch.setattr(pretrained_module, "WEIGHTS", weights)
    network, original = pretrained("quick"), load_model(finished)
    assert network.class_names == faces.class_names
    expected = np.asarray(original(faces.images[..., None]))
    np.testing.assert_allclose(network.model()(faces.images[..., None]), expected, atol=5e-3)
    for images in (faces.images, faces.images[..., None]):
        found = network.predict(images)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=0.02)
    np.testing.assert_array_equal(Predictor("quick")(faces.images), found)
    assert network.model().count_params() == original.count_params()
    assert list(network.card["files"]) == ["quick.keras", "quick.tflite"]
    for facts in network.card["files"].values():
        assert facts["accuracy"] == pytest.approx(network.card["scores"][0]["accuracy"], abs=0.05)
        assert facts["agreement"] > 0.9


@pytest.mark.parametrize("form", ["keras", "tflite"])
@pytest.mark.parametrize("use", [pretrained, Predictor])
def test_a_changed_file_is_refused(tmp_path, monkeypatch, form, use):
    weights = shutil.copytree(pretrained_module.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(pretrained_module, "WEIGHTS", weights)
    path = weights / f"quick.{form}"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match=rf"quick\.{form} is damaged or another network"):
        use("quick")


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="No network called bets .* there are quick, best"):
        pretrained("bets")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 48, 48)),  # 0 to 1, perhaps
        np.zeros((48, 48), np.uint8),
        np.zeros((2, 64, 64), np.uint8),
        np.zeros((2, 48, 48, 3), np.uint8),
    ],
)
def test_images_of_another_kind_are_refused(images):
    with pytest.raises(InputError, match=r"give grey levels 0-255 as uint8 of shape \(n, 48, 48\)"):
        pretrained("quick").predict(images)


def test_images_of_several_shapes_are_refused():
    with pytest.raises(InputError, match="images differ in shape; give each 48 x 48 grey levels"):
        pretrained("quick").predict([np.zeros((48, 48), np.uint8), np.zeros((50, 48), np.uint8)])


def test_no_images_have_no_probabilities():
    assert pretrained("quick").predict(np.zeros((0, 48, 48), np.uint8)).shape == (0, 7)


def test_a_shipped_network_recognises_without_tensorflow_and_in_silence():
    code = (
        "import sys, numpy as np\n"
        "from fer_keras.networks.pretrained import pretrained\n"
        "print(pretrained('best').predict(np.zeros((2, 48, 48), np.uint8)).shape)\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.stdout, answer.stderr) == ("(2, 7)\n[]\n", "")


def test_a_shipped_network_becomes_a_keras_model_without_tensorflows_log():
    code = (
        "from fer_keras.networks.pretrained import pretrained\n"
        "print(pretrained('quick').model().output_shape)"
    )
    environment = {name: text for name, text in os.environ.items() if name[:5] != "TF_CP"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert answer.stdout == "(None, 7)\n"
    assert answer.stderr in ("", "Starting TensorFlow ...\n")  # where it takes seconds


def test_a_folder_of_that_name_is_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").mkdir()
    Predictor("quick")  # a folder that holds no run
    (tmp_path / "quick" / "recipe.json").touch()
    with pytest.raises(InputError, match="no finished run, .* comes with fer_keras: quick"):
        Predictor("quick")


def test_the_files_together_stay_below_8_mb():
    assert sum(path.stat().st_size for path in pretrained_module.WEIGHTS.iterdir()) < 8_000_000


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_card_describes_its_file_and_a_recipe_that_there_is(name):
    network = pretrained(name)
    about, model = network.card, network.model()
    assert list(about["files"]) == [f"{name}.keras", f"{name}.tflite"]
    for file, facts in about["files"].items():
        content = (pretrained_module.WEIGHTS / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert facts["accuracy"] == pytest.approx(about["scores"][0]["accuracy"], abs=0.005)
    classes = ALL_CLASS_NAMES if about["recipe"]["labels"] == "ferplus_votes" else CLASS_NAMES
    filled_in = {"storage": "csv", "classes": classes}
    assert Recipe(**about["recipe"]) == RECIPES[name].recipe.changed(**filled_in)
    assert model.name == about["recipe"]["network"] and model.output_shape == (None, len(classes))
    assert network.class_names == classes
    assert {row["split"].split(",")[0] for row in about["scores"]} == {"PublicTest"}


def test_the_model_card_is_that_of_the_cards():
    card = (pretrained_module.WEIGHTS / "README.md").read_text(encoding="utf-8")
    assert card == SHIP["model_card"]()
    cards = (pretrained(name).card for name in PRETRAINED)
    assert all(facts["sha256"] in card for about in cards for facts in about["files"].values())


def test_the_model_card_names_who_judges_each_network():
    rows = re.findall(r"\| `(\w+)` \| PublicTest \(([\d,]+)\) \| (\w+) \|", SHIP["model_card"]())
    # Of 390 of the 3,589 images, no more than half of the ten people agree.
    by_label, by_people = ("3,589", "label"), ("3,199", "people")
    assert rows == [("quick", *by_label), ("best", *by_label), ("faces", *by_people)]


def test_photos_are_recognised_without_any_training(tmp_path, monkeypatch, make_faces):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(make_faces(1).images[0]).save(tmp_path / "face.png")
    table = predict("quick", [tmp_path / "face.png"]).table
    assert table.parent.parent.resolve() == (tmp_path / "predictions").resolve()


@pytest.mark.skipif(
    not os.environ.get("FER_KERAS_DATA")
    or not Path(os.environ["FER_KERAS_DATA"], "fer2013.csv").is_file(),
    reason="FER_KERAS_DATA names no directory with fer2013.csv",
)
@pytest.mark.parametrize("name", PRETRAINED)
def test_public_test_is_recognised_as_the_card_says(name):
    network = pretrained(name)
    labels = network.card["recipe"]["labels"]
    if labels != "own" and find_data(os.environ["FER_KERAS_DATA"]).votes is None:
        pytest.skip("FER+'s votes, fer2013new.csv, do not lie beside fer2013.csv")
    faces = load_data(os.environ["FER_KERAS_DATA"], storage="csv", labels=labels).test
    faces = faces.select(np.char.startswith(faces.ids, "PublicTest/"))
    found = network.predict(faces.images).argmax(axis=1)
    accuracy = network.card["files"][f"{name}.tflite"]["accuracy"]
    assert (found == faces.labels).mean() == pytest.approx(accuracy, abs=0.002)
