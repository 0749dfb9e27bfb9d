"""Scripts beside the package say how they are called, and what is wrong with a call."""

from pathlib import Path

import pytest
from helpers import ROOT, run_script

SCRIPTS = [
    str(script.relative_to(ROOT))
    for folder in ("benchmarks", "reports")
    for script in sorted((ROOT / folder).glob("*.py"))
    if "argparse" in script.read_text(encoding="utf-8")
]


def test_the_scripts_are_found():
    names = ("ablations", "bring", "distil", "examine", "load", "pack", "run", "scale")
    assert {f"benchmarks/{name}.py" for name in names} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_helps(script, capsys):
    assert run_script(script, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: {Path(script).name} ")


@pytest.mark.parametrize("script", SCRIPTS)
def test_wrong_arguments_end_in_a_sentence(script, capsys):
    assert run_script(script, "--no-such-option") == 2
    assert f"\n{Path(script).name}: error: " in capsys.readouterr().err


@pytest.mark.parametrize("script", ["benchmarks/pack.py", "benchmarks/bring.py"])
def test_missing_arguments_are_named(script, capsys):
    assert run_script(script) == 2
    assert "error: the following arguments are required: " in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_not_brought(tmp_path, capsys):
    assert run_script("benchmarks/bring.py", str(tmp_path / "work"), str(tmp_path / "out")) == 2
    assert f"there is no folder {tmp_path / 'work'}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [("benchmarks/run.py", ()), ("reports/publish.py", ("audit",))],
)
def test_without_data_one_sentence_says_what_to_give(script, words, tmp_path, monkeypatch):
    """An empty text is what make passes on where DATA is empty."""
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "must hold fer2013.csv" in run_script(script, "", *words)
