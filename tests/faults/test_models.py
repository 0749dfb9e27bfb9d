"""Networks and predictions of strangers: nothing in them is executed, whatever they ask for."""

import json
import os
import shutil
import warnings
import zipfile

import keras
import numpy as np
import pytest
from helpers import save_run
from keras import layers

from fer_keras.evaluation.predictions import Predictions
from fer_keras.predict.predictor import Predictor

IMAGES = np.zeros((1, 48, 48), np.uint8)


def network(*more):
    last = layers.Dense(7, activation="softmax")
    return keras.Sequential([keras.Input((48, 48, 1)), layers.Flatten(), *more, last])


def calls(module, name, config, of="dense"):
    """Ask Keras for something other than a layer: in a layer's place, or as its activation."""
    wanted = {"module": module, "class_name": name, "config": config, "registered_name": name}

    def change(model):
        layer = model["config"]["layers"][-1]
        if of == "layer":
            layer.update(wanted)
        else:
            layer["config"]["activation"] = wanted

    return change


def attacks(canary):
    """What a model's config.json is made to ask for -> a function that changes it."""
    touch, source = f"touch {canary}", f"open({str(canary)!r}, 'w')"
    theft = {"fname": "x", "origin": "file:///etc/passwd", "cache_dir": str(canary.parent)}
    function = {"class_name": "function", "config": "system", "module": "os"}
    return {
        "os.system in a layer's place": calls("os", "system", touch, "layer"),
        "os.system as activation": calls("os", "system", {"command": touch}),
        "eval": calls("builtins", "eval", source, "layer"),
        "exec": calls("builtins", "exec", {"source": source}),
        "subprocess": calls("subprocess", "Popen", {"args": touch, "shell": True}, "layer"),
        "a function of os": lambda model: model["config"]["layers"][-1]["config"].update(
            activation={**function, "registered_name": "system"}
        ),
        "a download": calls("keras.utils", "get_file", theft),
        "a loader of other files": calls("keras.saving", "load_model", {"filepath": "x.h5"}),
        "unsafe loading": calls("keras.config", "enable_unsafe_deserialization", {}),
        "a Lambda of bytes": calls(
            "keras.layers", "Lambda",
            {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAAA"}}}, "layer",
        ),
        "a vocabulary of this machine": calls(
            "keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}, "layer"
        ),
        "a file beside": calls("evil", "Payload", {}, "layer"),
    }  # fmt: skip


def rewritten(path, change):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    model = json.loads(parts["config.json"])
    change(model)
    parts["config.json"] = json.dumps(model).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    (tmp_path / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    return save_run(tmp_path / "run", network()), canary


def test_networks_that_ask_for_code(run, tmp_path, tally, trials):
    directory, canary = run
    for what, change in [*attacks(canary).items()][:: trials(1, 4)]:
        place = tmp_path / what.replace(" ", "_")
        shutil.copytree(directory, place)
        rewritten(place / "model.keras", change)
        tally.attack(what, lambda place=place: Predictor(place)(IMAGES), lambda found: False)
        assert not canary.exists(), f"{what} was executed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = network(layers.Lambda(lambda x: x * 2, output_shape=(2304,)))
        directory = save_run(tmp_path / "lambda", model)
    tally.attack("a Lambda", lambda: Predictor(directory)(IMAGES), lambda found: False)


def test_predictions_that_are_pickles(run, tally):
    directory, canary = run
    for name in ("ids", "y_true", "probabilities", "class_names"):
        with np.load(directory / "predictions.npz") as stored:
            parts = dict(stored)
        known = (directory / "predictions.npz").read_bytes()
        parts[name] = np.array([Payload(canary)], dtype=object)
        np.savez(directory / "predictions.npz", **parts)
        tally.attack(
            name, lambda: Predictions.load(directory / "predictions.npz"), lambda found: False
        )
        assert not canary.exists()
        (directory / "predictions.npz").write_bytes(known)
