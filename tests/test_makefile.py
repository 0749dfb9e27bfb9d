"""`make` makes the environment, also after a try that was killed half-way."""

import os
import shutil
import subprocess

import pytest
from helpers import ROOT

# Stands for python in and outside the environment. It notes what it was asked, and at the step
# that the file `fatal` names, its make is killed, as by a user who has waited long enough.
PYTHON = """#!/bin/bash
home="{home}"
echo "$*" >> "$home/asked"
if [ -s "$home/fatal" ] && [[ "$*" == *"$(cat "$home/fatal")"* ]]; then
    rm "$home/fatal"; kill -KILL $PPID; sleep 0.2; exit 1
fi
if [[ "$*" == "-m venv"* ]]; then
    rm -rf "${{@: -1}}"; mkdir -p "${{@: -1}}/bin"; cp "$0" "${{@: -1}}/bin/python"
fi
[[ "$*" == *"import tensorflow"* ]] && exit "$(cat "$home/tensorflow" 2> /dev/null || echo 0)"
exit 0
"""


@pytest.fixture
def home(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON.format(home=tmp_path))
    python.chmod(0o755)
    return tmp_path


def make(home, *more):
    """Make the environment; return the exit code and what python was asked since."""
    (home / "asked").write_text("")
    command = ["make", "--no-print-directory", f"PYTHON={home / 'python'}", *more]
    answer = subprocess.run(
        [*command, ".venv/installed"], cwd=home, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]}, start_new_session=True,
    )  # fmt: skip
    return answer.returncode, (home / "asked").read_text()


@pytest.mark.parametrize("step", ["-m venv", "--requirement", "--editable", "import tensorflow"])
def test_an_environment_that_was_killed_half_way_is_replaced(home, step):
    (home / "fatal").write_text(step)
    code, _ = make(home)
    assert code != 0 and not (home / ".venv" / "installed").exists()
    (home / ".venv").mkdir(exist_ok=True)
    (home / ".venv" / "half").touch()
    code, asked = make(home)
    assert code == 0 and (home / ".venv" / "installed").exists()
    assert "-m venv --clear" in asked and not (home / ".venv" / "half").exists()
    assert not (home / ".venv.unfinished").exists()


def test_a_sound_environment_is_kept_and_brought_up_to_date(home):
    assert make(home)[0] == 0
    (home / ".venv" / "mine").touch()
    assert make(home) == (0, "")
    os.utime(home / "requirements.txt", (4e9, 4e9))
    code, asked = make(home)
    assert code == 0 and "--requirement" in asked and "-m venv" not in asked
    assert (home / ".venv" / "mine").exists()


def test_an_environment_whose_tensorflow_does_not_start_is_not_installed(home):
    (home / "tensorflow").write_text("1")
    assert make(home)[0] != 0 and not (home / ".venv" / "installed").exists()
    (home / "tensorflow").write_text("0")
    assert make(home)[0] == 0
