"""Turn an executed notebook into one HTML file that loads nothing."""

import argparse
import base64
import hashlib
import re
import sys
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from traitlets.config import Config

from fer_keras.reporting.page import arrange
from fer_keras.reporting.render import render_html
from fer_keras.reporting.tiles import picture_tiles, svg_tiles
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path, write_text

# Of each output, the first of these is shown. Widgets, scripts and LaTeX would load libraries.
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]

ACTIVE = ["script", "iframe", "object", "embed", "base", "form", "link", "frame", "applet"]
"""Tags that run or load something; a report needs none of them."""

FIGURES = ("image/svg+xml", "image/png")

MARKS = {"name", "alt", "directory", "shows_faces"}
"""What `notebook.show_figure` says of a figure."""

SAFE_LINK = re.compile(
    r"\s*(#|https?:|mailto:|data:image/(png|jpeg|webp)|data:text/plain;base64,|[^:]*$)",
    re.IGNORECASE,
)

CSS_LOAD = re.compile(r"@import\s+[^;]*|url\(\s*['\"]?(?!data:|#)[^)]*\)", re.IGNORECASE)


def export_html(notebook, html=None, with_faces=True):
    """Write an executed notebook as an HTML report without its code.

    Args:
        notebook: str or `Path` of the executed `.ipynb`.
        html: str or `Path` of the report; None: beside the notebook, with the suffix `.html`.
        with_faces: bool; False leaves out all that shows faces, and says so once.

    Returns:
        The `Path` of the report, one file with all figures embedded.

    Raises:
        InputError: if the notebook cannot be read, was not executed or shows something that is
            not embedded, or if the report cannot be written.
    """
    notebook = Path(notebook)
    html = notebook.with_suffix(".html") if html is None else project_path(html)
    if html.suffix == ".ipynb":
        raise InputError(f"The report would replace a notebook, {html}; give a name in .html.")
    executed = _read_executed(notebook)
    left_out = [] if with_faces else _leave_out_faces(executed)
    _set_figures(executed, html.absolute().parent)
    page = _self_contained(_convert(executed, notebook), notebook, left_out)
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
    """Take out what `notebook.show_figure` and `show_html` marked; return what it was, in words."""
    words = []
    for cell in notebook.cells:
        shown = cell.get("outputs", [])
        marked = [output for output in shown if output.get("metadata", {}).get("shows_faces")]
        for output in marked:
            if "text/html" in output.data:
                soup = BeautifulSoup(output.data["text/html"], "html.parser")
                for tag in soup.select(".faces, .of-faces"):
                    tag.decompose()
                output.data = {"text/html": str(soup)}
            else:
                # The first sentence names the figure; the rest tells what one would see.
                words.append(output.metadata.get("alt", "a figure").split(". ")[0].rstrip("."))
                shown.remove(output)
    # What is left of these cells would speak of figures that are not there.
    kept = [cell for cell in notebook.cells if "faces" not in cell.metadata.get("tags", [])]
    notebook.cells = kept if words else notebook.cells
    return words


def _set_figures(notebook, folder):
    """Turn figures into HTML, with links to their files where these lie below the report."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        about = output.get("metadata", {})
        kind = next((kind for kind in FIGURES if kind in output.get("data", {})), None)
        if not kind or not about.keys() >= MARKS:
            continue  # a figure that the user's own code shows
        place = Path(about["directory"])
        files = [place / f"{about['name']}{suffix}" for suffix in (".png", ".svg")]
        near = [file for file in files if file.is_file() and file.is_relative_to(folder)]
        width, rows = _tiles(output.data, about)
        html = render_html(
            "figure.html.j2",
            width=width,
            rows=rows,
            about=about,
            files={file.suffix[1:].upper(): file.relative_to(folder).as_posix() for file in near},
        )
        output.update(data={"text/html": html}, metadata={})


def _tiles(data, about):
    """Return a figure's width and its tiles; faces take a tenth of the bytes as WebP."""
    rows = about.get("tiles") or [[[0, 0, 1, 1]]]
    form = ("WEBP", {"quality": 70}) if about["shows_faces"] else ("PNG", {"optimize": True})
    try:
        if svg := data.get("image/svg+xml"):
            return svg_tiles(svg, rows, about["name"])
        return picture_tiles(base64.b64decode(data["image/png"]), rows, form[0], **form[1])
    except (ValueError, TypeError, OSError, ElementTree.ParseError) as error:
        raise InputError(
            f"The notebook's figure {about['name']!r} is damaged: execute the notebook again."
        ) from error


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
    digest = base64.b64encode(hashlib.sha256(_read("report.js").encode()).digest()).decode()
    resources = {"metadata": metadata, "stylesheet": _read("report.css"), "script_hash": digest}
    return exporter.from_notebook_node(notebook, resources)[0]


def _read(name):
    return files("fer_keras.reporting").joinpath(name).read_text(encoding="utf-8")


def _self_contained(page, path, left_out):
    """Return the page, arranged and with our script alone, or refuse what it would load."""
    soup = BeautifulSoup(page, "html.parser")
    # pandas adds this style to a plain table, but browsers apply it to the whole page.
    for style in soup("style", scoped=True):
        style.decompose()
    if loads := _loads(soup):
        raise InputError(
            f"{path} shows {loads[0]!r}, which is not embedded in it; give an image that lies in "
            "the notebook's folder, or embed it with IPython.display.Image(data=...)."
        )
    _disarm(soup)
    arrange(soup, left_out)
    start, end, rest = str(soup).rpartition("</body>")
    return f"{start}<script>{_read('report.js')}</script>{end}{rest}"


def _disarm(soup):
    """Take out what would run: names of users' files and arms may hold anything."""
    for tag in [*soup(ACTIVE), *soup.body("meta")]:
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
