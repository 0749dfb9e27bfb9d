"""`make` makes the environment, also after a try that was killed half-way."""

import os
import shutil
import subprocess
import sys

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
[[ "$*" == *"import ensurepip"* ]] && [ -e "$home/bare" ] && exit 1
if [[ "$*" == "-m venv"* ]]; then
    rm -rf "${{@: -1}}"; mkdir -p "${{@: -1}}/bin"; cp "$0" "${{@: -1}}/bin/python"
fi
[[ "$*" == *"import platform"* ]] && exec {python} "$@"
[[ "$*" == *"import tensorflow"* ]] && exit "$(cat "$home/tensorflow" 2> /dev/null || echo 0)"
exit 0
"""


@pytest.fixture
def home(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    python = tmp_path / "python"
    python.write_text(PYTHON.format(home=tmp_path, python=sys.executable))
    python.chmod(0o755)
    return tmp_path


def make(home, *more):
    """Make the environment; return the exit code, what python was asked since, and stderr."""
    (home / "asked").write_text("")
    command = ["make", "--no-print-directory", f"PYTHON={home / 'python'}", *more]
    answer = subprocess.run(
        [*command, ".venv/installed"], cwd=home, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]}, start_new_session=True,
    )  # fmt: skip
    return answer.returncode, (home / "asked").read_text(), answer.stderr


@pytest.mark.parametrize("step", ["-m venv", "--requirement", "--editable", "import tensorflow"])
def test_an_environment_that_was_killed_half_way_is_replaced(home, step):
    (home / "fatal").write_text(step)
    code, _, _ = make(home)
    assert code != 0 and not (home / ".venv" / "installed").exists()
    (home / ".venv").mkdir(exist_ok=True)
    (home / ".venv" / "half").touch()
    code, asked, _ = make(home)
    assert code == 0 and (home / ".venv" / "installed").exists()
    assert "-m venv --clear" in asked and not (home / ".venv" / "half").exists()
    assert not (home / ".venv.unfinished").exists()


def test_a_sound_environment_is_kept_and_brought_up_to_date(home):
    assert make(home)[0] == 0
    (home / ".venv" / "mine").touch()
    assert make(home)[:2] == (0, "")
    os.utime(home / "locks" / "compare.txt", (4e9, 4e9))
    code, asked, _ = make(home)
    assert code == 0 and "--requirement" in asked and "-m venv" not in asked
    assert (home / ".venv" / "mine").exists()


def test_an_environment_whose_tensorflow_does_not_start_is_not_installed(home):
    (home / "tensorflow").write_text("1")
    assert make(home)[0] != 0 and not (home / ".venv" / "installed").exists()
    (home / "tensorflow").write_text("0")
    assert make(home)[0] == 0


def test_packages_are_installed_by_their_hashes_alone(home):
    _, asked, _ = make(home)
    installs = [line for line in asked.splitlines() if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_without_venv_one_sentence_says_what_to_install_and_the_next_try_works(home):
    (home / "bare").touch()
    code, asked, said = make(home)
    assert code != 0 and "-m venv" not in asked and not (home / ".venv").exists()
    sentence, end = said.splitlines()
    assert "sudo apt install python3-venv" in sentence and end.startswith("make: ***")
    (home / "bare").unlink()
    assert make(home)[0] == 0


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("sys.version_info = (3, 10, 4)", "Python 3.11, 3.12 or 3.13 is needed"),
        ("sys.version_info = (3, 14, 0)", "Python 3.11, 3.12 or 3.13 is needed"),
        ("sys.platform, platform.machine = 'darwin', lambda: 'x86_64'", "Macs with Intel"),
        ("sys.platform, platform.machine = 'darwin', lambda: 'arm64'", ""),
    ],
)
def test_machines_that_tensorflow_does_not_run_on_are_refused_first(home, told, sentence):
    (home / "sitecustomize.py").write_text(f"import sys, platform\n{told}\n")
    text = (home / "python").read_text()
    (home / "python").write_text(text.replace("exec ", f"PYTHONPATH={home} exec "))
    code, asked, said = make(home)
    assert sentence in said and len(said.splitlines()) == (2 if sentence else 0)
    assert (code != 0, "-m venv" not in asked) == (bool(sentence),) * 2


def test_a_python_that_is_not_there_is_named(home):
    (home / "python").unlink()
    code, _, said = make(home)
    assert code != 0 and said.startswith(f"There is no {home / 'python'}; name one")


def test_help_lists_every_target_for_users(home):
    command = ["make", "--no-print-directory", "help"]
    answer = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in answer.stdout.splitlines()[:-1]}
    phony = next(line for line in (home / "Makefile").open() if line.startswith(".PHONY:"))
    assert listed == set(phony.split()[1:])


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ([], " \n"),
        (['DATA=my "$data', "PARAMETERS="], ' my "$data\n'),
        (["DATA=my data", "PARAMETERS=--network 'a run' --test-on b=c"],
         " my data --network a run --test-on b=c\n"),
    ],
)  # fmt: skip
def test_options_reach_the_examination(home, settings, asked):
    assert make(home)[0] == 0
    (home / "asked").write_text("")
    command = ["make", "--no-print-directory", f"PYTHON={home / 'python'}", *settings, "examine"]
    subprocess.run(command, cwd=home, check=True, env={"PATH": os.environ["PATH"]})
    assert (home / "asked").read_text() == f"benchmarks/examine.py{asked}"


def test_data_of_any_name_reach_the_notebooks(home):
    assert make(home)[0] == 0
    papermill = home / ".venv" / "bin" / "papermill"
    papermill.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > papermill-asked\n')
    papermill.chmod(0o755)
    command = [
        "make",
        "--no-print-directory",
        f"PYTHON={home / 'python'}",
        'DATA=my/a "$b',
        "audit",
    ]
    (home / "reports").mkdir()
    subprocess.run(command, cwd=home, check=True, env={"PATH": os.environ["PATH"]})
    words = (home / "papermill-asked").read_text().splitlines()
    assert words[:2] == ["notebooks/audit.ipynb", 'reports/audit-a "$b.ipynb']
    assert words[words.index("-r") :] == ["-r", "data", 'my/a "$b']
