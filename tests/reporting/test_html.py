"""Reports: what of an executed notebook reaches the page, and that the page loads nothing."""

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from fer_keras.reporting.html import export_html, main
from fer_keras.utils.errors import InputError

ALT = 'Line chart: accuracy < 0.7 and "flat" after epoch 40 — étude'
SETUP = """\
import sys, warnings
import numpy as np
import pandas as pd
from IPython.display import Javascript, display
from matplotlib.figure import Figure
from fer_keras.data.faces import Faces
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.reporting import figures as plots
from fer_keras.reporting.notebook import show_figure, show_table
secret_variable = 1
"""
FIGURE = f"""\
chart = Figure(figsize=(3, 2))
chart.set_label({ALT!r})
show_figure(chart, "chart", directory)
"""
TABLES = """\
frame = pd.DataFrame({"network": ["linear", "vgg"], "accuracy": [0.3512, float("nan")]})
show_table(frame, "accuracy", directory, "Accuracy by network", precision=2)
frame
"""
STREAMS = """\
print("read 12 faces")
warnings.warn("two labels conflict")
display(Javascript("document.title = 'changed'"))
"""
FACES = """\
images = np.random.default_rng(0).integers(0, 256, (14, 48, 48), np.uint8)
ids = np.array([f"Training/{n}" for n in range(14)])
faces = Faces(images, np.arange(14) % 7, ids, CLASS_NAMES)
show_figure(plots.sample_faces(faces), "faces", directory)
"""


def png():
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    return buffer.getvalue()


def html_output(html):
    return new_code_cell("", outputs=[new_output("display_data", {"text/html": html})])


def save(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def soup_of(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook that a kernel executed."""
    folder = tmp_path_factory.mktemp("executed")
    directory = f"directory = {str(folder / 'results')!r}"
    notebook = new_notebook(
        cells=[
            new_markdown_cell("```python\n# not a title\n```"),
            new_markdown_cell("# Five *small* networks & <7 faces\n\nSee [it](https://a.org/x)."),
            new_markdown_cell("# A later heading\n\n| class | share |\n|---|--:|\n| fear | 3 % |"),
            *map(new_code_cell, [directory, SETUP, FIGURE, TABLES, STREAMS, FACES]),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(NotebookClient(notebook, timeout=60).execute(), folder / "study.ipynb")
    return folder / "study.ipynb"


@pytest.fixture(scope="module")
def report(executed):
    return export_html(executed)


def test_report_lies_beside_the_notebook_by_default(report):
    assert report.name == "study.html"
    assert sorted(path.name for path in report.parent.glob("study.*")) == [
        "study.html",
        "study.ipynb",
    ]


def test_page_names_title_language_and_viewport(report):
    soup = soup_of(report)
    assert soup.title.get_text() == "Five small networks & <7 faces"
    assert soup.html["lang"] == "en"
    assert soup.find("meta", charset="utf-8")
    assert "width=device-width" in soup.find("meta", attrs={"name": "viewport"})["content"]


def test_figure_is_embedded_with_its_alternative_text(report):
    figure = soup_of(report)("img")[0]
    assert figure["alt"] == ALT
    prefix, data = figure["src"].split(",")
    assert prefix == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (330, 220)


def test_tables_and_prose_are_kept(report):
    soup = soup_of(report)
    assert soup.find("a", href="https://a.org/x").get_text() == "it"
    assert soup.caption.get_text() == "Accuracy by network"
    cells = [[td.get_text() for td in table("td")] for table in soup("table")]
    assert cells == [
        ["fear", "3 %"],
        ["linear", "0.35", "vgg", ""],
        ["linear", "0.3512", "vgg", "NaN"],
    ]


def test_each_table_scrolls_in_a_box_of_its_own(report):
    for table in soup_of(report)("table"):
        assert table.parent["class"] == ["table-box"]
        assert table.parent["tabindex"] == "0"
    assert re.search(r"\.table-box\s*{[^}]*overflow-x: auto", report.read_text(encoding="utf-8"))


def test_words_stand_left_and_numerals_right(report):
    markdown, styled, plain = soup_of(report)("table")
    assert [cell.get("style") for cell in markdown("td")] == [None, "text-align:right"]
    page = report.read_text(encoding="utf-8")
    assert re.search(rf"#{styled['id']} \.col0 {{\s*text-align: left", page)
    assert not re.search(rf"#{styled['id']} \.col1 {{", page)
    assert re.search(r"\.output_html \.table-box [^{]*:is\(td, [^{]*{ text-align: right", page)
    assert all(table.find_parent(class_="output_html") for table in (styled, plain))


def test_pandas_page_wide_style_is_dropped(report):
    assert ".dataframe tbody" in report.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert ".dataframe tbody" not in report.read_text(encoding="utf-8")


def test_widget_is_shown_as_its_text(tmp_path):
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "12/12"}
    path = save(tmp_path / "a.ipynb", new_code_cell("", outputs=[new_output("display_data", bar)]))
    soup = soup_of(export_html(path))
    assert soup.select_one(".output_text").get_text().strip() == "12/12"
    assert len(soup("script")) == 1  # our own


def test_code_and_prompts_are_absent(report):
    text = soup_of(report).get_text()
    assert "secret_variable" not in text
    assert not re.search(r"(In|Out)\s*\[", text)


def test_printed_lines_and_warnings_stay_visible(report):
    soup = soup_of(report)
    assert "read 12 faces" in soup.select_one(".output_stdout").get_text()
    assert "UserWarning: two labels conflict" in soup.select_one(".output_stderr").get_text()


def test_lines_printed_one_after_the_other_stand_in_one_box(tmp_path):
    def printed(name, text):
        return new_output("stream", name=name, text=text)

    outputs = [printed("stdout", "epoch 1\n"), printed("stdout", "epoch 2\n")]
    outputs += [printed("stderr", "careful\n"), printed("stdout", "epoch 3\n")]
    path = save(tmp_path / "lines.ipynb", new_code_cell("", outputs=outputs))
    boxes = [box.get_text().strip() for box in soup_of(export_html(path)).select("pre")]
    assert boxes == ["epoch 1\nepoch 2", "careful", "epoch 3"]


def test_page_has_our_script_alone_and_no_address_but_links(report):
    soup = soup_of(report)
    (script,) = soup("script")
    assert not soup("link") and not soup("iframe")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
    assert policy["content"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'"
    )
    for link in soup("a"):
        link.decompose()
    assert not re.search(r"https?://|@import|url\(", str(soup))


HOSTILE = """
<p onclick="document.title='owned'">text</p><img src=data:x onerror="document.title='owned'">
<a href=" jAvAsCrIpT:document.title='owned'">click</a><a href="https://a.org/x">kept</a>
<svg onload="document.title='owned'"><animate onbegin="document.title='owned'"/></svg>
<form action="javascript:document.title='owned'"><button>x</button></form>
<script>document.title='owned'</script><iframe srcdoc="<script>top.document.title='owned'</script>">
</iframe><math><mtext></math><img src=data:x onerror="document.title='owned'"></mtext>
"""


REFRESH = '<meta http-equiv="refresh" content="0; url=https://a.org/owned">'


@pytest.fixture
def hostile_page(tmp_path):
    markdown = new_markdown_cell(f"[click](javascript:document.title='owned') {HOSTILE}")
    return export_html(save(tmp_path / "a.ipynb", markdown, html_output(HOSTILE + REFRESH)))


def test_nothing_that_would_run_is_left(hostile_page):
    soup = soup_of(hostile_page)
    assert not soup(["iframe", "form"]) and not soup.body("meta") and len(soup("script")) == 1
    assert "owned" not in soup.script.string
    attributes = [(name, value) for tag in soup.find_all(True) for name, value in tag.attrs.items()]
    assert not [name for name, _ in attributes if name.startswith("on")]
    assert "owned" not in str([value for _, value in attributes])
    assert {link["href"] for link in soup("a", href=True)} == {"https://a.org/x"}


def test_a_browser_runs_nothing_of_a_hostile_report(hostile_page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.skip("there is no Chromium")

    def title_in_browser(page):
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        answer = subprocess.run(
            [*command, page.as_uri()], capture_output=True, text=True, timeout=60, env=home
        )
        return BeautifulSoup(answer.stdout, "html.parser").title.get_text()

    # The same page without our care shows that the browser would run it.
    careless = tmp_path / "careless.html"
    careless.write_text(f"<html><title>a</title><body>{HOSTILE}</body></html>")
    assert title_in_browser(careless) == "owned"
    assert title_in_browser(hostile_page) != "owned"
    # The policy alone holds, too.
    policy = soup_of(hostile_page).find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    careless.write_text(f"<html>{policy}<title>a</title><body>{HOSTILE}</body></html>")
    assert title_in_browser(careless) == "a"


def test_skeleton_is_small(tmp_path):
    page = export_html(save(tmp_path / "a.ipynb", html_output("<p>x</p>")))
    assert page.stat().st_size < 25_000


def test_title_falls_back_to_the_file_name(tmp_path):
    path = save(tmp_path / "no & heading.ipynb", html_output("<h1>from a cell</h1>"))
    assert soup_of(export_html(path)).title.get_text() == "no & heading"


def test_picture_beside_the_notebook_is_embedded(tmp_path):
    (tmp_path / "face.png").write_bytes(png())
    path = save(tmp_path / "a.ipynb", new_markdown_cell("![A face](face.png)"), html_output("x"))
    picture = soup_of(export_html(path, tmp_path / "deep" / "b.html")).img
    assert picture["alt"] == "A face"
    assert base64.b64decode(picture["src"].split(",")[1]) == png()


@pytest.mark.parametrize(
    ("html", "named"),
    [
        ('<img src="https://a.org/x.png">', "https://a.org/x.png"),
        ('<img src="missing.png">', "missing.png"),
        ('<script src="//cdn.org/plotly.js"></script>', "//cdn.org/plotly.js"),
        ('<link rel="stylesheet" href="http://a.org/a.css">', "http://a.org/a.css"),
        ("<style>@import 'a.css';</style>", "@import"),
        ('<p style="background: URL( http://a.org/b.png)">x</p>', "http://a.org/b.png"),
        ('<svg><image xlink:href="f.png"/></svg>', "f.png"),
    ],
)
def test_outside_resource_is_refused_by_name_and_nothing_is_written(tmp_path, html, named):
    path = save(tmp_path / "a.ipynb", html_output(html))
    with pytest.raises(InputError, match="not embedded") as error:
        export_html(path)
    assert named in str(error.value)
    assert list(tmp_path.iterdir()) == [path]


def test_embedded_resources_are_accepted(tmp_path):
    data = "data:image/png;base64," + base64.b64encode(png()).decode()
    html = f'<p style="background: url({data})">x</p><img src="{data}"><a href="http://a.org">a</a>'
    assert soup_of(export_html(save(tmp_path / "a.ipynb", html_output(html)))).img["src"] == data


def test_failed_write_keeps_the_former_report(tmp_path, monkeypatch):
    path = save(tmp_path / "a.ipynb", html_output("new"))
    (tmp_path / "a.html").write_text("former")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", no_space)
    with pytest.raises(InputError, match="No space left"):
        export_html(path)
    assert (tmp_path / "a.html").read_text() == "former"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.html", "a.ipynb"]


def test_report_never_replaces_a_notebook(tmp_path):
    path = save(tmp_path / "a.ipynb", html_output("x"))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"\.html"):
        export_html(path, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"nbformat": 4}',
        '{"nbformat": 9}',
        '{"cells": [3], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "\udcff",  # written as the byte FF, which is no UTF-8
    ],
)
def test_file_that_is_no_notebook_is_refused(tmp_path, content, capsys):
    path = tmp_path / "a.ipynb"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert main([str(path)]) == 2
    assert capsys.readouterr().err == (
        f"{path} is not a Jupyter notebook; give an executed .ipynb.\n"
    )


def test_notebook_without_outputs_is_refused(tmp_path, capsys):
    path = save(tmp_path / "a.ipynb", new_markdown_cell("# Title"), new_code_cell("1 + 1"))
    assert main([str(path)]) == 2
    assert re.search(
        r"not executed: run it first with `papermill .*a\.ipynb", capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == [path]


def test_command_prints_the_path_and_size(tmp_path, capsys):
    path = save(tmp_path / "a.ipynb", html_output("x"))
    assert main([str(path), str(tmp_path / "b.html")]) == 0
    size = (tmp_path / "b.html").stat().st_size
    assert capsys.readouterr().out == f"{tmp_path / 'b.html'}: {size / 1000:.0f} kB\n"


def test_module_run_on_a_missing_notebook_prints_one_sentence(tmp_path):
    command = [sys.executable, "-m", "fer_keras.reporting.html", str(tmp_path / "none.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"Cannot read the notebook {tmp_path / 'none.ipynb'}: No such file or directory.\n"
    )


def test_a_report_without_faces_gives_their_figures_in_words(executed, report, tmp_path):
    assert len(soup_of(report)("img")) == 2
    assert main([str(executed), str(tmp_path / "b.html"), "--without-faces"]) == 0
    soup = soup_of(tmp_path / "b.html")
    assert [image["alt"] for image in soup("img")] == [ALT]
    note = soup.select_one("details.quiet")
    assert note.summary.get_text().startswith("1 figure of faces is left out")
    assert note.li.get_text().startswith("Up to 8 faces of each class")
