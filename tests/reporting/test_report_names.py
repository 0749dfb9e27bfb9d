"""`make` names each report by its notebook, its comparison and its settings."""

import os
import shutil
import subprocess

import pytest
from helpers import ROOT

TOOL = """#!/bin/bash
printf '%s\\n' "$(basename "$0")" "$@" >> "{home}/asked"
"""


@pytest.fixture
def home(tmp_path):
    """A project whose environment holds a python and a papermill that note what they are asked."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / "reports").mkdir()
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "compare.txt").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "papermill"):
        tool = tmp_path / ".venv" / "bin" / name
        tool.write_text(TOOL.format(home=tmp_path))
        tool.chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["compare"], "compare-same_images"),
        (["compare", "COMPARISON=published"], "compare-published"),
        (
            ["compare", "PARAMETERS=-p seeds 5 -r changes 'epochs=8 mixup=0.2'"],
            "compare-same_images-seeds-5-changes-epochs=8-mixup=0.2",
        ),
        (["audit", "DATA=/my data/fer2013/"], "audit-fer2013"),
        (["audit"], "audit-data"),
        (["compare", "NAME=mine"], "mine"),
    ],
)
def test_a_report_has_a_name_of_its_own(home, arguments, name):
    subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=home, check=True, capture_output=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    asked = (home / "asked").read_text().splitlines()
    assert f"reports/{name}.ipynb" in asked[: asked.index("python")]
    assert asked[-3:] == ["-m", "fer_keras.reporting.html", f"reports/{name}.ipynb"]
    if any("changes" in each for each in arguments):
        assert "epochs=8 mixup=0.2" in asked
