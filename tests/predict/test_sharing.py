"""What a repository gets, and what the hub's refusals become."""

import http.server
import json
import sys
import threading
import zipfile
from dataclasses import replace
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from helpers import comparison_of, run_of, save_run

from fer_keras.cli import main
from fer_keras.comparison.record import save_comparison
from fer_keras.comparison.source import Source
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.predictions import Predictions, score_table
from fer_keras.networks.pretrained import WEIGHTS, pretrained
from fer_keras.predict.sharing import export_network, push
from fer_keras.utils.errors import InputError


@pytest.fixture
def told_run(tmp_path):
    """A run directory with a recipe whose builder lies in somebody's folder."""
    last = keras.layers.Dense(7, activation="softmax")
    network = [keras.Input((48, 48, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    directory = save_run(tmp_path / "mine-1234", keras.Sequential([*network, last]))
    rng = np.random.default_rng(0)
    y_true, shares = rng.integers(0, 7, 70), rng.dirichlet(np.ones(7), 70)
    ids = np.array([f"PublicTest/row{number}" for number in range(70)])
    Predictions(ids, y_true, shares, CLASS_NAMES).save(directory / "predictions.npz")
    recipe = {"network": "/home/someone/mynet.py:build", "epochs": 5, "weight_decay": 0.0005}
    (directory / "recipe.json").write_text(json.dumps({"recipe": recipe, "data": {}}))
    return directory


def test_a_folder_gets_the_network_in_both_forms_and_its_card(told_run, tmp_path, capsys):
    folder = tmp_path / "hub"
    assert main(["push", str(told_run), f"file://{folder}"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    names = ["README.md", "fer_keras.json", "model.keras", "model.tflite"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert keras.saving.load_model(folder / "model.keras").output_shape == (None, 7)
    card = (folder / "README.md").read_text()
    scores = score_table(Predictions.load(told_run / "predictions.npz"))
    assert card.startswith("---\nlibrary_name: keras\n") and "# mine-1234" in card
    assert f"| PublicTest | 70 | {scores['accuracy'][0]:.3f} [" in card
    assert "network mynet.py:build" in card and "weight_decay 0.0005" in card
    assert "license" not in card and "someone" not in card
    assert "Do not use them to decide anything about people." in card
    assert json.loads((folder / "fer_keras.json").read_text())["recipe"]["epochs"] == 5

    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(["push", str(told_run), f"file://{folder}"]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "drawn", "labels", "told", "judge"),
    [
        ("fer2013", False, "own", "fer2013", "FER2013's label"),
        ("fer2013", False, "own_given_votes", "fer2013", "FER2013's label"),
        ("fer2013", False, "ferplus", "fer2013", "most people's votes"),
        ("fer2013", True, "own", "faces drawn from formulas", "the labels of its data"),
        ("cats", False, "own", "cats", "the labels of its data"),
    ],
)
def test_the_card_names_the_data_and_by_what_the_scores_are(
    told_run, tmp_path, name, drawn, labels, told, judge
):
    known = json.loads((told_run / "recipe.json").read_text())
    known["recipe"]["labels"] = labels
    known["data"] = {"sha256": "0", "train": 80, "validation": 9, "test": 70, "classes": ["a"]}
    (told_run / "recipe.json").write_text(json.dumps(known))
    runs = {"a": {0: replace(run_of(0.5, 0), directory=told_run)}}
    source = {"sources": {"a": Source(Location(name))}, "drawn": drawn}
    save_comparison(comparison_of(runs, tmp_path, **source))
    card = (push(told_run, tmp_path / "hub") / "README.md").read_text()
    counts = "training images 80, validation images 9, test images 70"
    assert f"- data: name {told}, {counts}\n" in card and f"scores are by {judge}. In" in card
    facts = json.loads((tmp_path / "hub" / "fer_keras.json").read_text())
    assert facts["data"]["name"] == told


def test_a_folder_below_a_file_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file is no folder to write to"):
        push("quick", tmp_path / "file" / "hub")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_an_unknown_format_is_one_sentence():
    with pytest.raises(InputError, match="The format is 'tflite'; choose one of litert, onnx"):
        export_network("quick", "tflite")


def test_a_network_that_comes_along_keeps_its_card(tmp_path):
    assert main(["push", "quick", str(tmp_path / "hub")]) == 0
    card = (tmp_path / "hub" / "README.md").read_text()
    accuracy = pretrained("quick").card["scores"][0]["accuracy"]
    assert "- data: name FER2013, " in card and "The scores are by FER2013's label." in card
    assert "license: mit" in card and f"| PublicTest | 3,589 | {accuracy:.3f} [" in card
    assert "FER+'s annotators" in card


def test_a_network_that_comes_along_is_exported_in_the_bits_whose_scores_are_known(tmp_path):
    """In 8 bits some drawn faces get another class: if converted here, it would keep float32."""
    exported = export_network("faces", "litert", tmp_path / "mine.tflite")
    assert exported.weights == "8-bit" and "weights are 8-bit" in str(exported)
    content, shipped = exported.path.read_bytes(), (WEIGHTS / "faces.tflite").read_bytes()
    assert content.startswith(shipped) and len(content) < len(shipped) + 10_000
    with zipfile.ZipFile(exported.path) as archive:
        assert json.loads(archive.read("fer_keras.json"))["input"].startswith("float32 (1, 48,")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, 2, "does not let your token write to me/mine (401)"),
        (400, 1, "The hub answers 400"),
        (None, 1, "The hub cannot be reached (ConnectError)"),
    ],
)
def test_the_hubs_refusals_are_one_sentence(told_run, monkeypatch, capsys, status, code, sentence):
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")

    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Refuse) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "hf_mine")
        if status:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        else:
            server.server_close()
        assert main(["push", str(told_run), "me/mine"]) == code
        if status:
            server.shutdown()
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error


def test_missing_token_package_and_names_are_said(told_run, monkeypatch, capsys, tmp_path):
    assert main(["push", str(told_run), "mine"]) == 2
    assert "'mine' is no repository; give `owner/name`" in capsys.readouterr().err
    assert main(["push", str(told_run), "me/bad name"]) == 2
    assert "a folder as ./me/bad name" in capsys.readouterr().err
    if find_spec("huggingface_hub"):
        monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
        assert main(["push", str(told_run), "me/mine"]) == 2
        assert "make a token that may write" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["push", str(told_run), "me/mine"]) == 2
    assert 'pip install "huggingface_hub' in capsys.readouterr().err
