"""Executed notebook -> one HTML file that shows prose, tables and figures, and loads nothing."""

import argparse
import re
import sys
from html import escape
from importlib.resources import files
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from traitlets.config import Config

from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text

# nbconvert's "classic" body keeps the figures' alternative text; its page head would load
# scripts from the network. The security policy makes browsers refuse whatever is not embedded.
PAGE = """\
{%- extends "classic/base.html.j2" -%}
{%- block header -%}
<!DOCTYPE html>
<html lang="{{ resources.language_code }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src data: 'unsafe-inline'">
<title>{{ resources.metadata.name | escape_html }}</title>
<style>
{{ resources.stylesheet }}
</style>
</head>
{%- endblock header -%}
{%- block body_header %}<body><main>{% endblock -%}
{%- block body_footer %}</main></body>{% endblock -%}
{%- block footer %}</html>{% endblock -%}
"""

# Widgets, scripts and LaTeX would need libraries from the network; each has one of these beside it.
STATIC_TYPES = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/plain",
]

MAX_UNBROKEN = 32
"""Longest text in a table, in characters, that stays on one line."""

MANY_COLUMNS = 12
"""Columns beside the index that fit on paper in ordinary type."""

CSS_LOAD = re.compile(r"@import\s+[^;]*|url\(\s*['\"]?(?!data:|#)[^)]*\)", re.IGNORECASE)


def export_html(notebook, html=None, with_faces=True):
    """Write an executed notebook as a self-contained HTML report, without its code.

    Args:
        notebook: path of the executed `.ipynb`.
        html: path of the report; by default beside the notebook, with the suffix `.html`.
        with_faces: whether figures of faces are shown; data sets may often not be passed on. Else
            their alternative text stands in their place.

    Returns:
        The `Path` of the report.

    Raises:
        InputError: if the notebook is missing, is none, was not executed, or shows something
            that lies outside it; or if the report cannot be written.
    """
    notebook = Path(notebook)
    html = notebook.with_suffix(".html") if html is None else Path(html)
    executed = _read_executed(notebook)
    if not with_faces:
        _leave_out_faces(executed)
    page = _page(executed, notebook)
    if html.suffix == ".ipynb":
        raise InputError(f"The report would replace a notebook, {html}; give a name in .html.")
    try:
        write_text(html, page)
    except OSError as error:
        raise InputError(f"Cannot write the report {html}: {error.strerror}.") from error
    return html


def _read_executed(path):
    """Read a notebook and make sure that it holds outputs."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except OSError as error:
        raise InputError(f"Cannot read the notebook {path}: {error.strerror}.") from error
    # nbformat checks little before it walks the tree: other JSON ends in Attribute- or TypeError.
    except (ValueError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise InputError(f"{path} is not a Jupyter notebook; give an executed .ipynb.") from error
    if not any(cell.get("outputs") for cell in notebook.cells):
        raise InputError(
            f"{path} holds no outputs, so it was not executed: run it first with "
            f"`papermill {path} EXECUTED.ipynb`, then export EXECUTED.ipynb."
        )
    return notebook


def _leave_out_faces(notebook):
    """Put words in the place of each figure that `notebook.show_figure` marked."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    for output in outputs:
        if output.get("metadata", {}).get("shows_faces"):
            words = escape(output.metadata["image/png"]["alt"])
            note = f"<p>Not shown, for its images may not be passed on: {words}</p>"
            output.data = {"text/html": note}
            output.metadata = {}


def _join_streams(outputs):
    """Return the outputs with printed text that came in pieces, a line an epoch say, joined."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.get("name") and output.get("name") == last.get("name"):
            last["text"] += output["text"]
        else:
            joined.append(output)
    return joined


def _page(notebook, path):
    """Return the report as HTML; `path` is where the notebook lies, for images beside it."""
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = _join_streams(cell.outputs)
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": STATIC_TYPES}}),
        template_name="classic",
        raw_template=PAGE,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        embed_images=True,
    )
    stylesheet = files("fer_keras.reporting").joinpath("report.css").read_text(encoding="utf-8")
    metadata = {"name": path.stem, "path": str(path.parent)}
    rendered, _ = exporter.from_notebook_node(
        notebook, {"metadata": metadata, "stylesheet": stylesheet}
    )
    soup = BeautifulSoup(rendered, "html.parser")
    if heading := soup.select_one(".text_cell h1"):
        soup.title.string = heading.get_text()
    # pandas means this style for its own table, but browsers apply it to the whole page.
    for style in soup("style", scoped=True):
        style.decompose()
    for table in soup("table"):
        _mark_cells(table)
        # A box that scrolls by itself, also by keyboard, keeps a wide table from widening the page.
        table.wrap(soup.new_tag("div", attrs={"class": "table-box", "tabindex": "0"}))
    if loads := _loads(soup):
        raise InputError(
            f"{path} shows {loads[0]!r}, which is not embedded in it; give an image that lies in "
            "the notebook's folder, or embed it with IPython.display.Image(data=...)."
        )
    return str(soup)


def _mark_cells(table):
    """Name what the stylesheet cannot tell: columns of `words`, `long` texts, a `wide` table.

    Columns are counted from the right, since pandas writes the index, on the left, as `th`.
    """
    rows = [row("td")[::-1] for row in table.select("tbody tr")]
    heads = [row("th")[::-1] for row in table.select("thead tr") if not row.select("[colspan]")]
    has_words = [any(map(_is_word, column)) for column in zip(*rows, strict=False)]
    for cells in [*rows, *heads]:
        for position, cell in enumerate(cells):
            if position >= len(has_words) or has_words[position]:
                cell["class"] = [*cell.get("class", []), "words"]
    for cell in table.select("tbody :is(td, th)"):
        if len(cell.get_text().strip()) > MAX_UNBROKEN:
            cell["class"] = [*cell.get("class", []), "long"]
    if len(has_words) > MANY_COLUMNS:
        table["class"] = [*table.get("class", []), "wide"]


def _is_word(cell):
    text = cell.get_text().strip()
    return text[:1].isalpha() and text.lower() not in ("nan", "none", "inf")


def _loads(soup):
    """Return what the page would load from outside itself: addresses and style rules."""
    addresses, styles = [], [style.get_text() for style in soup("style")]
    for tag in soup.find_all(True):
        names = ["src", "srcset", "poster", "data", "background"]
        names += [] if tag.name in ("a", "area") else ["href", "xlink:href"]
        addresses += [tag[name] for name in names if tag.get(name)]
        styles.append(tag.get("style", ""))
    outside = [address for address in addresses if not address.startswith(("data:", "#"))]
    return outside + CSS_LOAD.findall("\n".join(styles))


def main(arguments=None):
    """Export the notebook named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m fer_keras.reporting.html",
        description="Write an executed notebook as one self-contained HTML report.",
    )
    parser.add_argument("notebook", help="the executed .ipynb")
    parser.add_argument("html", nargs="?", help="the report; by default beside the notebook")
    parser.add_argument(
        "--without-faces",
        action="store_true",
        help="show no figures of faces: for data that may not be passed on",
    )
    options = parser.parse_args(arguments)
    try:
        report = export_html(options.notebook, options.html, not options.without_faces)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{report}: {report.stat().st_size / 1000:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
