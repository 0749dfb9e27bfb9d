"""The order of a report's page: contents, folds, heads of tables, files beside it."""

import base64
import re

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_keras.reporting import notebook
from fer_keras.reporting.html import export_html
from fer_keras.utils.errors import InputError

LOG = "\n".join(f"epoch {number}" for number in range(1, 31))


def soup_of(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def tagged(cell, *tags):
    cell.metadata["tags"] = list(tags)
    return cell


def shown(output, metadata=None):
    data, more = DisplayFormatter().format(output)
    return new_output("display_data", data, metadata=more | (metadata or {}))


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A report whose figure and table were kept in the folder `results` beside it."""
    outputs = []
    monkeypatch.setattr(
        notebook, "display", lambda *args, **more: outputs.append(shown(*args, **more))
    )
    table = pd.DataFrame({"score": [0.25, 0.5]}, index=pd.Index(["a", "b"], name="arm"))
    notebook.show_table(table, "scores", tmp_path / "results", "Scores.")
    figure = Figure(figsize=(2, 1))
    figure.set_label("A chart.")
    notebook.show_figure(figure, "a chart/../of 1", tmp_path / "results")
    log = new_output("stream", name="stdout", text=LOG)
    cells = [
        new_markdown_cell("# Title"),
        tagged(new_markdown_cell("## Training"), "appendix", "fold"),
        tagged(new_code_cell("", outputs=[log]), "appendix"),
        new_markdown_cell("## Results"),
        new_code_cell("", outputs=outputs),
        new_markdown_cell("### Part\n\nwords"),
        tagged(new_markdown_cell("## Glossary"), "fold"),
        new_markdown_cell("its words"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    return export_html(tmp_path / "a.ipynb")


def test_the_contents_list_all_headings_in_the_order_of_the_page(page):
    soup = soup_of(page)
    links = [(link.parent["class"], link.get_text(), link["href"]) for link in soup.select("nav a")]
    assert [(kind[0], words) for kind, words, _ in links] == [
        ("h2", "Results"), ("h3", "Part"), ("h2", "Glossary"), ("h2", "Training"),
    ]  # fmt: skip
    assert all(soup.find(id=place[1:]).get_text() == words for _, words, place in links)


def test_what_few_readers_need_is_folded_at_the_end(page):
    soup = soup_of(page)
    glossary, training = soup.select("details.section")
    assert glossary.summary.get_text() == "Glossary" and "its words" in glossary.get_text()
    assert "words" not in training.get_text()
    log = training.details
    assert log.summary.get_text() == "30 lines printed" and log.pre.get_text().strip() == LOG
    assert not soup.select("details.section[open]")


def test_a_table_has_one_row_of_heads_and_its_files_inside(page):
    soup = soup_of(page)
    heads = [[cell.get_text() for cell in row("th")] for row in soup.select("thead tr")]
    assert heads == [["arm", "score"]]
    files = {link.get_text(): link for link in soup.select("p.files a") if "download" in link.attrs}
    csv = files["CSV"]["href"].partition("base64,")[2]
    assert base64.b64decode(csv).decode() == "arm,score\na,0.25\nb,0.5\n"
    assert (page.parent / "results" / "tables" / "scores.tex").read_text().count(r"\\") == 4


def test_a_damaged_figure_is_refused_and_a_foreign_one_is_left_alone(tmp_path):
    about = {"shows_faces": True, "name": "faces", "alt": "Faces.", "directory": str(tmp_path)}
    broken = new_output("display_data", {"image/png": "aGVsbG8="}, metadata=about)
    foreign = new_output("display_data", {"text/html": "<p>x</p>"}, metadata={"name": "mine"})
    for name, output in {"broken": broken, "foreign": foreign}.items():
        cells = [new_code_cell("", outputs=[output])]
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    with pytest.raises(InputError, match="figure 'faces' is damaged"):
        export_html(tmp_path / "broken.ipynb")
    assert "<p>x</p>" in export_html(tmp_path / "foreign.ipynb").read_text()


def test_files_below_the_report_are_linked_and_others_are_not(page, tmp_path):
    links = [link["href"] for link in soup_of(page).select("figure .files a")]
    assert len(links) == 2 and all((tmp_path / link).is_file() for link in links)
    assert all(
        re.fullmatch(r"results/figures/a chart_.._of 1-\w+\.(png|svg)", link) for link in links
    )
    moved = export_html(tmp_path / "a.ipynb", tmp_path / "elsewhere" / "b.html")
    assert not soup_of(moved).select("figure .files a")
