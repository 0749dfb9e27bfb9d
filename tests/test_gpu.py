"""One call trains where there is a GPU, and what is done is not done again."""

import os
import subprocess

import pytest
from helpers import ROOT

# Stands for python3: it notes what it was asked.
PYTHON = """#!/bin/bash
echo "$*" >> "{home}/asked"
"""


@pytest.fixture
def train(tmp_path):
    """Return a function that calls gpu.sh with CHANGES and returns the trainings it started."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(PYTHON.format(home=tmp_path))
    (tmp_path / "bin" / "python3").chmod(0o755)
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "data" / "fer2013.csv").touch()  # so that nothing is unpacked

    def called(changes=None):
        (tmp_path / "asked").write_text("")
        command = [ROOT / "benchmarks" / "gpu.sh", tmp_path, "work", "out", "9", "vgg8"]
        path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        answer = subprocess.run(
            command, cwd=tmp_path, env=path | ({"CHANGES": changes} if changes else {}),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert "vgg8 is done." in answer.stdout
        asked = (tmp_path / "asked").read_text().splitlines()
        return [line for line in asked if line.startswith("-m fer_keras compare vgg8 ")]

    return called


def test_a_job_with_other_changes_is_another_job(train):
    (first,) = train("--set epochs=1")
    assert " --set epochs=1 " in first and not train("--set epochs=1")
    (second,) = train("--set epochs=2")
    assert " --set epochs=2 " in second
    (plain,) = train()
    assert "--set" not in plain and not train() and not train("--set epochs=2")
