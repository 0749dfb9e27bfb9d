"""Check a notebook's parameters; show and keep figures and tables."""

import symtable
from pathlib import Path

from IPython.display import HTML, Image, display

from fer_keras.reporting import figures as plots
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, user_path, write_text

LONGEST_LINE = 32
"""Length of the longest text in a table, in characters, that stays on one line."""

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


def project_path(path):
    """Return an absolute path; relative ones count from the project.

    Args:
        path: str or `Path`, relative to the folder of `notebooks/`; `~` is the home folder.
    """
    return project_folder() / user_path(path)


def show_figure(figure, name, directory):
    """Show a figure and keep it as `directory/figures/<name>.png`.

    Figures of faces are marked, so that `html.export_html` can leave them out.

    Args:
        figure: matplotlib `Figure`, whose label is shown as alternative text.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
    """
    path = Path(directory) / "figures" / f"{name}.png"
    plots.save(figure, path)
    image = Image(data=path.read_bytes(), alt=figure.get_label())
    display(image, metadata={"shows_faces": figure.get_gid() == plots.SHOWS_FACES})


def save_table(table, name, directory):
    """Keep a table as `directory/tables/<name>.csv`.

    Args:
        table: DataFrame; its index is kept where it has a name.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
    """
    path = Path(directory) / "tables" / f"{name}.csv"
    write_text(path, table.to_csv(index=_has_named_index(table)))


def show_table(table, name, directory, caption, precision=3):
    """Show a table and keep it by `save_table`, with all digits.

    Args:
        table: DataFrame; its index is shown where it has a name.
        name: str, the file's name without suffix.
        directory: str or `Path` of the results.
        caption: str, shown above the table.
        precision: int, the decimal places shown.
    """
    save_table(table, name, directory)
    style = table.style.format(precision=precision, na_rep="").set_caption(caption)
    style.set_table_styles(_column_styles(table))
    if table.shape[1] > MANY_COLUMNS:
        style.set_table_attributes('class="wide"')
    if not _has_named_index(table):
        style.hide()
    display(HTML(style.to_html()))


def _column_styles(table):
    """Return pandas table styles: words stand left, and long texts take several lines."""
    styles = []
    for part, frame in ((".col", table), (".row_heading.level", table.index.to_frame())):
        for number in range(frame.shape[1]):
            texts = frame.iloc[:, number].dropna().astype(str)
            rules = []
            if texts.str[:1].str.isalpha().any():
                rules.append("text-align: left; overflow-wrap: anywhere")
            if texts.str.len().max() > LONGEST_LINE:
                rules.append("white-space: normal; min-width: 14rem")
            styles += [{"selector": f"{part}{number}", "props": rule} for rule in rules]
    return styles


def _has_named_index(table):
    return any(name is not None for name in table.index.names)


def _assigned_names(source):
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return [symbol.get_name() for symbol in symbols if symbol.is_assigned()]
