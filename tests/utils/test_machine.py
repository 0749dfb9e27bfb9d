"""What is said of the machine that a run was trained on."""

import sys
from importlib.metadata import version

import pytest

from fer_keras.utils import machine


@pytest.fixture
def without_keras(monkeypatch, tmp_path):
    """A process that has not imported Keras, with a folder of Keras' settings."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "keras.json"


@pytest.mark.parametrize(
    ("settings", "variable", "expected"),
    [
        (None, None, "tensorflow"),
        (None, "jax", "jax"),
        ('{"backend": "jax"}', None, "jax"),
        ('{"backend": "torch"}', "jax", "jax"),
        ('{"floatx": "float32"}', None, "tensorflow"),
        ("[]", None, "tensorflow"),
        ("{", None, "tensorflow"),
    ],
)
def test_the_backend_is_found_where_keras_looks(
    without_keras, monkeypatch, settings, variable, expected
):
    if settings is not None:
        without_keras.write_text(settings)
    if variable:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    assert machine.keras_backend() == expected


def test_the_backend_in_use_is_named_and_no_other(without_keras, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = machine.environment()
    assert (found["backend"], found["jax"]) == ("jax", version("jax"))
    assert "tensorflow" not in found and "gpu" not in found
    assert all(isinstance(value, str) for value in found.values())


def test_packages_that_are_absent_are_left_out(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", ("numpy", "no-such-package"))
    found = machine.environment()
    assert found["numpy"] == version("numpy") and "no-such-package" not in found


def test_gpus_are_named_as_their_backend_names_them(monkeypatch):
    class Device:
        platform, device_kind = "gpu", "NVIDIA H100 80GB HBM3"

    class Jax:
        @staticmethod
        def devices():
            return [Device(), Device()]

    monkeypatch.setitem(sys.modules, "jax", Jax)
    monkeypatch.setattr(machine, "keras_backend", lambda: "jax")
    assert machine.environment()["gpu"] == "NVIDIA H100 80GB HBM3, NVIDIA H100 80GB HBM3"


def test_a_mac_is_named_by_its_chip(monkeypatch):
    monkeypatch.setattr(machine.Path, "is_file", lambda self: False)
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    asked = []

    def answer(command, **options):
        asked.append(command)
        return "Apple M3 Pro\n"

    monkeypatch.setattr(machine.subprocess, "check_output", answer)
    assert machine._processor() == "Apple M3 Pro" and asked[0][0] == "sysctl"
