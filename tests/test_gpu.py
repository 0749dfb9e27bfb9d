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
    """Return a function that calls gpu.sh with jobs and returns the trainings it started."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(PYTHON.format(home=tmp_path))
    (tmp_path / "bin" / "python3").chmod(0o755)
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "data" / "fer2013.csv").touch()  # so that nothing is unpacked

    def called(*jobs):
        (tmp_path / "asked").write_text("")
        command = [ROOT / "benchmarks" / "gpu.sh", tmp_path, "work", "out", "9", *jobs]
        path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        answer = subprocess.run(
            command, cwd=tmp_path, env=path, check=True, capture_output=True, text=True
        )
        assert all(f"{job} is done." in answer.stdout for job in jobs)
        asked = (tmp_path / "asked").read_text().splitlines()
        assert asked[-1].split()[-len(jobs) :] == [job.split()[0] for job in jobs]  # to bring back
        return asked[:-1]

    return called


def test_a_job_with_other_options_is_another_job(train):
    short = "vgg8 --set epochs=1"
    (first,) = train(short)
    assert first.startswith("-m fer_keras compare vgg8 --seeds 3 --jobs 8 --set epochs=1 --data ")
    assert not train(short)
    second, third = train("vgg8 --set epochs=2", short, "ablations --epochs 28 base")
    assert " --set epochs=2 " in second and "epochs=1" not in second
    assert third.startswith("benchmarks/ablations.py ")
    assert third.endswith("/runs/ablations --at-once 8 --epochs 28 base")
    (plain,) = train("vgg8")
    assert "--set" not in plain and not train("vgg8") and not train(short, "vgg8")
