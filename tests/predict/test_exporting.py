"""Exported networks answer as the originals, and say what they take."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest
from helpers import save_run
from keras import layers

from fer_keras.cli import main
from fer_keras.data.drawn import draw_faces
from fer_keras.networks import litert
from fer_keras.predict import exporting
from fer_keras.predict.exporting import SUFFIXES, export
from fer_keras.utils.errors import InputError

CLASSES = ("angry", "happy", "sad")


@pytest.fixture(scope="module")
def network():
    """A tiny network that is sure of what it says, and of more than one class."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 5, strides=4, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    last, seen = model.layers[-1], draw_faces(50, seed=8).images[..., np.newaxis]
    last.kernel.assign(3 * last.kernel)
    last.bias.assign(-np.log(model.predict(seen, verbose=0)).mean(axis=0))
    return model


@pytest.fixture(scope="module")
def run(network, tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("mine"), network, CLASSES)


@pytest.fixture(scope="module")
def faces():
    """Other faces than those that the export is checked on."""
    return draw_faces(20, seed=9).images[..., np.newaxis]


def answers(form, path, faces):
    if form == "litert":
        return litert.load(path.read_bytes())(faces)
    if form == "keras":
        loaded = keras.saving.load_model(path, compile=False, safe_mode=True)
        return loaded.predict(faces, verbose=0)
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path)
    assert [end.shape for end in session.get_inputs()] == [["n", 48, 48, 1]]
    return session.run(None, {"faces": faces.astype(np.float32)})[0]


def facts(form, path):
    if form == "onnx":
        found = pytest.importorskip("onnxruntime").InferenceSession(path).get_modelmeta()
        return dict(found.custom_metadata_map)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt").decode().split() == list(CLASSES)
        return json.loads(archive.read("fer_keras.json"))


@pytest.mark.parametrize("form", SUFFIXES)
def test_each_format_answers_as_the_network_and_names_its_classes(
    run, network, faces, tmp_path, capsys, form
):
    if form == "onnx":
        pytest.importorskip("tf2onnx", reason="needs the extra export")
        pytest.importorskip("onnxruntime", reason="needs the extra export")
    path = tmp_path / f"mine{SUFFIXES[form]}"
    assert main(["export", str(run), "--to", form, "--out", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"{path}: on 100 drawn faces" in shown and "100% have the same class" in shown
    expected = network.predict(faces, verbose=0)
    assert len(set(expected.argmax(axis=1))) > 1
    np.testing.assert_allclose(
        answers(form, path, faces), expected, atol=0.05 if form == "litert" else 1e-4
    )
    told = facts(form, path)
    names = told["class_names"]
    assert (json.loads(names) if form == "onnx" else names) == list(CLASSES)
    assert "grey levels 0-255" in told["input"]
    is_8_bit = form == "litert"  # LiteRT's form of 8 bits takes one image, and no other number
    assert told["weights"] == ("8-bit" if is_8_bit else "float32")
    assert told["input"].startswith(f"float32 ({1 if is_8_bit else 'n'}, 48, 48, 1)")
    assert f"Its weights are {told['weights']}." in shown


def test_litert_keeps_float32_where_rounding_to_8_bits_changes_too_much(
    network, tmp_path, monkeypatch
):
    rounded = export(network, CLASSES, "litert", tmp_path / "rounded.tflite")
    monkeypatch.setitem(exporting.TOLERANCES, "litert", 1e-5)
    whole = export(network, CLASSES, "litert", tmp_path / "whole.tflite")
    assert whole.difference <= 1e-5 < rounded.difference
    assert whole.path.stat().st_size > rounded.path.stat().st_size
    for exported, weights, count in ((rounded, "8-bit", 1), (whole, "float32", "n")):
        told = facts("litert", exported.path)
        assert exported.weights == told["weights"] == weights
        assert told["input"].startswith(f"float32 ({count}, 48, 48, 1)")


def test_litert_keeps_float32_where_rounding_changes_the_class_of_a_face(network, tmp_path):
    undecided = keras.models.clone_model(network)
    undecided.set_weights(network.get_weights())
    last = undecided.layers[-1]
    # Classes that differ by a thousandth of their weights, of which 8 bits know a hundredth.
    last.kernel.assign(network.layers[-1].kernel[:, :1] + 1e-3 * network.layers[-1].kernel)
    last.bias.assign(1e-3 * last.bias)
    exported = export(undecided, CLASSES, "litert", tmp_path / "mine.tflite")
    assert exported.same_class == 1 and exported.difference < 1e-6


def test_an_export_that_answers_otherwise_is_not_written(network, tmp_path, monkeypatch):
    """Another network's answers stand for a conversion that went wrong."""
    other = keras.models.clone_model(network)
    path = tmp_path / "mine.keras"
    write = exporting._WRITERS["keras"]
    monkeypatch.setitem(exporting._WRITERS, "keras", lambda model, *rest: write(other, *rest))
    with pytest.raises(InputError, match=r"answers otherwise: probabilities differ by up to 0\.\d"):
        export(network, CLASSES, "keras", path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.h5", "end its name in .keras"),
        ("there.keras", "exists already"),
        ("there.keras/a.keras", "there.keras is no folder to write to"),
    ],
)
def test_impossible_exports_are_refused(network, tmp_path, name, message):
    (tmp_path / "there.keras").write_text("mine")
    with pytest.raises(InputError, match=message):
        export(network, CLASSES, "keras", tmp_path / name)
    assert (tmp_path / "there.keras").read_text() == "mine"


def test_onnx_without_its_packages_is_one_sentence(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    path = tmp_path / "mine.onnx"
    assert main(["export", str(run), "--to", "onnx", "--out", str(path)]) == 2
    assert 'pip install "onnx' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
