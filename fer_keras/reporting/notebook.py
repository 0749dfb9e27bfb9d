"""Check a notebook's parameters; show and keep figures and tables."""

import re
import symtable
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from IPython.display import HTML, SVG, Image, display

from fer_keras.reporting import saving
from fer_keras.reporting.render import render_html
from fer_keras.reporting.tiles import tiles_of
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text

LONGEST_LINE = 32
"""Length of the longest text in a table, in characters, that stays on one line."""

LONGEST_HEADING = 24
"""Length of the longest heading that may be as narrow as what stands below it."""

LONGEST_NAME = 80
UNSAFE = re.compile(r"[^\w .,=+()-]|^\.+")
"""What no name of a file shall hold."""

MANY_COLUMNS = 12
"""Number of columns beside the index that fit on paper in ordinary type."""


def check_parameters(history):
    """Check that papermill set only parameters that the notebook has.

    papermill's own cell begins with "# Parameters" and follows the cell of default values.

    Args:
        history: list of str, the code of the cells that ran so far: IPython's `In`.

    Raises:
        InputError: if papermill set a name that the cell of default values does not assign.
    """
    added = [n for n, source in enumerate(history) if source.startswith("# Parameters\n")]
    if not added:
        return
    known, given = (_assigned_names(history[n]) for n in (added[0] - 1, added[-1]))
    if unknown := ", ".join(name for name in given if name not in known):
        raise InputError(
            f"No parameter is called {unknown}; the parameters are {', '.join(known)}."
        )


def save_figure(figure, name, directory):
    """Keep a figure as `directory/figures/<name>.png` and `.svg`.

    Figures of faces are pictures, and kept as PNG alone.

    Args:
        figure: matplotlib `Figure`.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
    """
    path = _file(directory, "figures", name, ".png")
    saving.save(figure, path)
    if figure.get_gid() != saving.SHOWS_FACES:
        saving.save_svg(figure, path.with_suffix(".svg"))


def show_figure(figure, name, directory):
    """Show a figure and keep it by `save_figure`.

    Figures of faces are marked, so that `html.export_html` can leave them out. Figures whose
    parts have words to show under the pointer are shown as SVG, and all others as PNG.

    Args:
        figure: matplotlib `Figure`, whose label is shown as alternative text.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
    """
    save_figure(figure, name, directory)
    path = _file(directory, "figures", name, ".png")
    if saving.has_words(figure):
        shown = SVG(path.with_suffix(".svg").read_text(encoding="utf-8"))
    else:
        shown = Image(data=path.read_bytes(), alt=figure.get_label())
    metadata = {"shows_faces": figure.get_gid() == saving.SHOWS_FACES, "name": path.stem}
    metadata |= {"alt": figure.get_label(), "directory": str(path.parent.absolute())}
    metadata["tiles"] = tiles_of(figure)
    display(shown, metadata=metadata)


def _file(directory, kind, name, suffix):
    """Return where something is kept; names of arms may hold anything, slashes too."""
    stem = UNSAFE.sub("_", name)
    if stem != name or len(stem) > LONGEST_NAME:
        stem = f"{stem[:LONGEST_NAME]}-{sha256(name.encode()).hexdigest()[:6]}"
    return Path(directory) / kind / f"{stem}{suffix}"


def show_html(html, name, shows_faces=False):
    """Show a piece of a report that a template wrote.

    Args:
        html: str, all values in it escaped.
        name: str that says what it is.
        shows_faces: bool; whether its elements of the class `faces` show images of the data.
    """
    display(HTML(html), metadata={"shows_faces": shows_faces, "name": name})


def save_table(table, name, directory):
    """Keep a table as `directory/tables/<name>.csv` and `.tex`.

    Args:
        table: DataFrame; its index is kept where it has a name.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.

    Returns:
        A dict from `CSV` and `LaTeX` to the `Path` of each file.
    """
    path = _file(directory, "tables", name, ".csv")
    write_text(path, table.to_csv(index=_has_named_index(table)))
    form = {"float_format": "%.3f", "na_rep": "", "escape": True}
    latex = table.to_latex(index=_has_named_index(table), **form)
    write_text(path.with_suffix(".tex"), latex)
    return {"CSV": path, "LaTeX": path.with_suffix(".tex")}


def show_table(table, name, directory, caption, precision=3):
    """Show a table and keep it by `save_table`, with all digits.

    Args:
        table: DataFrame; its index is shown where it has a name.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
        caption: str, shown above the table.
        precision: int, the decimal places shown.
    """
    files = save_table(table, name, directory)
    style = table.style.format(precision=precision, thousands=",", na_rep="", escape="html")
    for axis in ("index", "columns"):
        style.format_index(axis=axis, escape="html")
    style.set_caption(escape(caption))
    style.set_table_styles(_column_styles(table))
    # Otherwise it is random, and the report another one each time.
    style.set_uuid(sha256(name.encode()).hexdigest()[:8])
    if table.shape[1] > MANY_COLUMNS:
        style.set_table_attributes('class="wide"')
    if not _has_named_index(table):
        style.hide()
    # Each row names its arm, so that rows can be sorted.
    links = render_html("files.html.j2", files={kind: _link(path) for kind, path in files.items()})
    display(HTML(style.to_html(sparse_index=False) + links), metadata={"name": name})


def _link(path):
    """Return a file's name, and its content as an address that needs no file beside the page."""
    return path.name, "data:text/plain;base64," + b64encode(path.read_bytes()).decode()


def _column_styles(table):
    """Return pandas table styles: words stand left, long texts and headings take a few lines."""
    styles = []
    for part, frame in ((".col", table), (".row_heading.level", table.index.to_frame())):
        for number in range(frame.shape[1]):
            texts = frame.iloc[:, number].dropna().astype(str)
            rules = []
            if texts.str[:1].str.isalpha().any():
                rules.append("text-align: left; overflow-wrap: anywhere")
            if texts.str.len().max() > LONGEST_LINE:
                rules.append("white-space: normal; min-width: 14rem")
            elif len(_heading(frame.columns[number])) > LONGEST_HEADING:
                rules.append("min-width: 9rem")
            styles += [{"selector": f"{part}{number}", "props": rule} for rule in rules]
    return styles


def _heading(label):
    return str(label[-1] if isinstance(label, tuple) else label)


def _has_named_index(table):
    return any(name is not None for name in table.index.names)


def _assigned_names(source):
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return [symbol.get_name() for symbol in symbols if symbol.is_assigned()]
