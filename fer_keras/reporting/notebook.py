"""What the notebooks need: checked parameters, and figures and tables that are kept."""

import ast
from dataclasses import fields
from pathlib import Path

from IPython.display import HTML, Image, display

from fer_keras.reporting import figures as plots
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, write_text


def read_parameters(settings_class, namespace):
    """Turn a notebook's parameters into checked settings.

    Args:
        settings_class: a dataclass with one field a parameter.
        namespace: the notebook's `globals()`.

    Returns:
        An instance of `settings_class`.

    Raises:
        InputError: if papermill injected a name that is no parameter, or a value is impossible.
    """
    known = [field.name for field in fields(settings_class)]
    unknown = [name for name in _injected_names(namespace.get("In", ())) if name not in known]
    if unknown:
        raise InputError(
            f"No parameter is called {', '.join(unknown)}; the parameters are {', '.join(known)}."
        )
    return settings_class(**{name: namespace[name] for name in known})


def project_path(path):
    """Return an absolute path; a relative one counts from the folder that holds `notebooks/`."""
    return project_folder() / Path(path).expanduser()


def show_figure(figure, name, directory):
    """Show a figure with its alternative text, and keep it as `directory/figures/<name>.png`.

    Figures of faces say so in their output's metadata, for `reports.export_html`.
    """
    path = Path(directory) / "figures" / f"{name}.png"
    plots.save(figure, path)
    image = Image(data=path.read_bytes(), alt=figure.get_label())
    display(image, metadata={"shows_faces": figure.get_gid() == plots.SHOWS_FACES})


def save_table(table, name, directory):
    """Keep a DataFrame as `directory/tables/<name>.csv`, with its index where that has a name."""
    csv = table.to_csv(index=_has_named_index(table))
    write_text(Path(directory) / "tables" / f"{name}.csv", csv)


def show_table(table, name, directory, caption, precision=3):
    """Show a DataFrame with a caption, its index where that has a name; keep it by `save_table`."""
    save_table(table, name, directory)
    style = table.style.format(precision=precision, na_rep="").set_caption(caption)
    if not _has_named_index(table):
        style = style.hide()
    display(HTML(style.to_html()))


def _has_named_index(table):
    return any(name is not None for name in table.index.names)


def _injected_names(history):
    """Names assigned by the cell that papermill adds, which begins with "# Parameters"."""
    sources = [source for source in history if source.startswith("# Parameters\n")]
    trees = [ast.parse(source) for source in sources[-1:]]
    return [
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
