"""Turn an executed notebook into one HTML file that loads nothing."""

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

# Of each output, the first of these is shown. Widgets, scripts and LaTeX would load libraries.
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]

ACTIVE = ["script", "iframe", "object", "embed", "base", "form", "link", "frame", "applet"]
"""Tags that run or load something; a report needs none of them."""

SAFE_LINK = re.compile(r"\s*(#|https?:|mailto:|data:image/(png|jpeg)|[^:]*$)", re.IGNORECASE)

CSS_LOAD = re.compile(r"@import\s+[^;]*|url\(\s*['\"]?(?!data:|#)[^)]*\)", re.IGNORECASE)


def export_html(notebook, html=None, with_faces=True):
    """Write an executed notebook as an HTML report without its code.

    Args:
        notebook: str or `Path` of the executed `.ipynb`.
        html: str or `Path` of the report; None: beside the notebook, with the suffix `.html`.
        with_faces: bool; False shows the alternative texts of figures of faces instead.

    Returns:
        The `Path` of the report, one file with all figures embedded.

    Raises:
        InputError: if the notebook cannot be read, was not executed or shows something that is
            not embedded, or if the report cannot be written.
    """
    notebook = Path(notebook)
    html = notebook.with_suffix(".html") if html is None else Path(html)
    if html.suffix == ".ipynb":
        raise InputError(f"The report would replace a notebook, {html}; give a name in .html.")
    executed = _read_executed(notebook)
    if not with_faces:
        _leave_out_faces(executed)
    page = _self_contained(_convert(executed, notebook), notebook)
    try:
        write_text(html, page)
    except OSError as error:
        raise InputError(f"Cannot write the report {html}: {error.strerror}.") from error
    return html


def _read_executed(path):
    try:
        notebook = nbformat.read(path, as_version=4)
    except OSError as error:
        raise InputError(f"Cannot read the notebook {path}: {error.strerror}.") from error
    # nbformat raises Attribute- and TypeErrors for JSON that is no notebook.
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
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        if output.get("metadata", {}).get("shows_faces"):
            words = escape(output.metadata["image/png"]["alt"])
            note = f"<p>Not shown, for its images may not be passed on: {words}</p>"
            output.update(data={"text/html": note}, metadata={})


def _convert(notebook, path):
    """Return the notebook as HTML; `path` is where it lies, for images beside it."""
    config = {
        "NbConvertBase": {"display_data_priority": SHOWN},
        "CoalesceStreamsPreprocessor": {"enabled": True},  # one box for the lines of all epochs
    }
    hidden = {f"exclude_{part}": True for part in ("input", "output_prompt", "anchor_links")}
    page = {"template_name": "classic", "raw_template": _read("templates/report.html.j2")}
    exporter = HTMLExporter(config=Config(config), embed_images=True, **page, **hidden)
    metadata = {"name": path.stem, "path": str(path.parent)}
    resources = {"metadata": metadata, "stylesheet": _read("report.css")}
    return exporter.from_notebook_node(notebook, resources)[0]


def _read(name):
    return files("fer_keras.reporting").joinpath(name).read_text(encoding="utf-8")


def _self_contained(page, path):
    """Return the page with its title and scrolling tables, or refuse what it would load."""
    soup = BeautifulSoup(page, "html.parser")
    if heading := soup.select_one(".text_cell h1"):
        soup.title.string = heading.get_text()
    # pandas adds this style to a plain table, but browsers apply it to the whole page.
    for style in soup("style", scoped=True):
        style.decompose()
    # In a box that scrolls, also by keyboard, a wide table does not widen the page.
    for table in soup("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "table-box", "tabindex": "0"}))
    if loads := _loads(soup):
        raise InputError(
            f"{path} shows {loads[0]!r}, which is not embedded in it; give an image that lies in "
            "the notebook's folder, or embed it with IPython.display.Image(data=...)."
        )
    _disarm(soup)
    return str(soup)


def _disarm(soup):
    """Take out what would run: names of users' files and arms may hold anything."""
    for tag in soup(ACTIVE):
        tag.decompose()
    for tag in soup.find_all(True):
        for name in [name for name in tag.attrs if name.lower().startswith("on")]:
            del tag[name]
        for name in ("href", "xlink:href", "action", "formaction"):
            if tag.get(name) and not SAFE_LINK.match(tag[name]):
                del tag[name]


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
    """Export the notebook named on the command line.

    Args:
        arguments: list of str; None takes those of the command line.

    Returns:
        int, the exit code: 0, or 2 after an `InputError`.
    """
    does = "Write an executed notebook as one self-contained HTML report."
    parser = argparse.ArgumentParser("python -m fer_keras.reporting.html", description=does)
    parser.add_argument("notebook", help="the executed .ipynb")
    parser.add_argument("html", nargs="?", help="the report; by default beside the notebook")
    hint = "show no figures of faces: for data that may not be passed on"
    parser.add_argument("--without-faces", action="store_true", help=hint)
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
