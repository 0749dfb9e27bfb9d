"""`make compare` when the notebook's process dies."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

DEADLY = "import os, signal\nprint('begun', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"


def test_a_dead_kernel(request, tmp_path, tally):
    if not request.config.getoption("all"):
        pytest.skip("with --all")
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    binaries = tmp_path / "env" / "bin"
    binaries.mkdir(parents=True)
    for name in ("python", "papermill"):
        program = Path(sys.executable).with_name(name)
        (binaries / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (binaries / name).chmod(0o755)
    (tmp_path / "env" / "installed").touch()
    (tmp_path / "reports").mkdir()
    (tmp_path / "notebooks").mkdir()
    parameters = nbformat.v4.new_code_cell("comparison = ''", metadata={"tags": ["parameters"]})
    cells = [parameters, nbformat.v4.new_code_cell(DEADLY)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, tmp_path / "notebooks" / "compare.ipynb")
    answer = subprocess.run(
        ["make", "--no-print-directory", "VENV=env", "compare"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "begun" in answer.stdout
    lines = [line for line in answer.stderr.splitlines() if not line.startswith("make: ")]
    says_so = len(lines) == 1 and lines[0].startswith("The process of the notebook died")
    is_right = answer.returncode != 0 and says_so and not list(tmp_path.glob("reports/*.html"))
    tally.count("dead kernel", "refused" if is_right else "traceback", answer.stderr)
