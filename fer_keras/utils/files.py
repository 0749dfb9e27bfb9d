"""Files appear whole or not at all; relative paths count from the project's folder."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def whole_file(path):
    """Give a temporary path in the same folder, which becomes `path` if the block succeeds.

    Args:
        path: the file to write; its folder is made where missing.

    Yields:
        The `Path` to write to, with the same suffix as `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{uuid4().hex}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path, text):
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def project_folder():
    """Return the folder that holds `notebooks/`: where Jupyter runs a notebook, its parent."""
    here = Path.cwd()
    return here.parent if here.name == "notebooks" else here
