import re

import matplotlib.figure
import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT

from fer_keras.reporting import notebook
from fer_keras.utils.errors import InputError

DEFAULTS = 'epochs = 1  # more is slower\ndata = ""  # empty: data="data"\n'


@pytest.mark.parametrize(
    "added",
    [
        [],
        ["# Parameters\nepochs = 3"],
        ['# Parameters\ndata = "a=b#c"\nepochs = float("nan")', "other = 2"],
        ["# Parameters\nepoch = 3", "# Parameters\nepochs = 3"],  # mended, and executed again
    ],
)
def test_parameters_that_the_notebook_has_are_accepted(added):
    notebook.check_parameters(["", DEFAULTS, *added])


def test_a_misspelt_parameter_is_named_with_those_that_there_are():
    added = '# Parameters\nepochs = 2\nepoch = 3\ndate = "a=b"'
    with pytest.raises(InputError, match="called epoch, date; the parameters are epochs, data"):
        notebook.check_parameters(["import math", DEFAULTS, added, "other = 2"])


def test_shown_figures_carry_alternative_text_and_are_kept(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda *args, **kwargs: shown.append(args[0]))
    figure = matplotlib.figure.Figure()
    figure.set_label("A dog.")
    notebook.show_figure(figure, "dog", tmp_path)
    _, metadata = shown[0]._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "A dog."
    assert (tmp_path / "figures" / "dog.png").read_bytes().startswith(b"\x89PNG")


def test_shown_tables_are_kept_as_they_are(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda output, **_: shown.append(output))
    table = pd.DataFrame({"score": [0.123456, None]}, index=pd.Index(["a", "b"], name="arm"))
    notebook.show_table(table, "scores", tmp_path, "Scores of the arms.")
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "tables" / "scores.csv", index_col="arm"), table
    )
    assert "0.123<" in shown[0].data and "Scores of the arms." in shown[0].data
    assert "nan" not in shown[0].data and ">a<" in shown[0].data
    notebook.show_table(table.reset_index(drop=True).assign(kind="x"), "plain", tmp_path, "None.")
    assert ">0.123<" in shown[1].data and ">0<" not in shown[1].data
    notebook.show_table(table, "scores", tmp_path, "Scores of the arms.")
    assert shown[2].data == shown[0].data  # so that a report can be compared with a former one


def test_words_stand_left_and_long_texts_and_headings_take_a_few_lines(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda output, **_: shown.append(output))
    columns = {
        "network": ["vgg", None],
        "score": [0.5, None],
        "difference": ["-0.2 (-2.0 to +1.7)", "1e-05"],
        "note": ["no word " * 9, "7"],
        "test images with a copy in training": [7, 8],
    }
    index = pd.Index(["csv, image_data_generator, study_d", "csv"], name="arm")
    table = pd.DataFrame(columns, index)
    notebook.show_table(table, "scores", tmp_path, "Scores.")
    css = BeautifulSoup(shown[0].data, "html.parser").style.get_text()
    rules = re.findall(r"(\.[\w.]+) {\s*([\w-]+): (\w+)", css)
    assert sorted(rules) == [
        (".col0", "text-align", "left"),
        (".col3", "text-align", "left"),
        (".col3", "white-space", "normal"),
        (".col4", "min-width", "9rem"),
        (".row_heading.level0", "text-align", "left"),
        (".row_heading.level0", "white-space", "normal"),
    ]


@pytest.mark.parametrize(("columns", "wide"), [(12, None), (13, ["wide"])])
def test_tables_with_many_columns_are_marked(tmp_path, monkeypatch, columns, wide):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda output, **_: shown.append(output))
    heads = pd.MultiIndex.from_product([["group"], range(columns)])
    notebook.show_table(pd.DataFrame(np.eye(columns), None, heads), "eye", tmp_path, "Ones.")
    assert BeautifulSoup(shown[0].data, "html.parser").table.get("class") == wide


def test_notebooks_in_git_have_no_outputs_no_functions_and_one_parameters_cell():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        assert not any(cell.outputs or cell.execution_count for cell in code), path
        assert not any("def " in cell.source for cell in code), path
        assert sum("parameters" in cell.metadata.get("tags", ()) for cell in code) == 1, path
