"""Notebooks get badges and a first cell that works on Colab alone."""

import runpy
import shutil

import nbformat
import pytest
from helpers import ROOT
from IPython.core.inputtransformer2 import TransformerManager

ADD_BADGES = runpy.run_path(str(ROOT / "docs" / "badges.py"))["add_badges"]
URL = "https://github.com/someone/faces"


@pytest.mark.parametrize("name", ["compare", "tutorial"])
def test_a_notebook_gets_two_cells_once_and_keeps_the_others(tmp_path, name, monkeypatch):
    path = tmp_path / f"{name}.ipynb"
    shutil.copy(ROOT / "notebooks" / path.name, path)
    before = nbformat.read(path, as_version=4).cells
    ADD_BADGES(path, URL)
    once = path.read_bytes()
    ADD_BADGES(path, URL)
    assert path.read_bytes() == once
    title, badges, setup, *rest = nbformat.read(path, as_version=4).cells
    assert [title, *rest] == before
    assert f"/github/someone/faces/blob/main/notebooks/{name}.ipynb)" in badges.source
    assert f"src={URL}/blob/main/notebooks/{name}.ipynb)" in badges.source

    asked = []
    shell = type("Shell", (), {"run_line_magic": staticmethod(lambda *call: asked.append(call))})
    code = TransformerManager().transform_cell(setup.source)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    exec(code, {"get_ipython": lambda: shell})
    assert not asked
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    exec(code, {"get_ipython": lambda: shell})
    assert asked == [("pip", f'install --quiet "fer_keras @ git+{URL}"')]
