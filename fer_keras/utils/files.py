"""Write files whole or not at all, and find the project's folder."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from fer_keras.utils.errors import InputError


@contextmanager
def whole_file(path):
    """Yield a temporary path that becomes `path` if the block succeeds.

    Args:
        path: str or `Path` of the file to write; its folder is made where missing.

    Yields:
        The `Path` to write to: in the same folder, with the same suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{uuid4().hex}{path.suffix}")
    try:
        yield part
        # On the disk before the name is, or a power cut could leave the name without the file.
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    except OSError as error:
        if error.filename in (None, str(part)):  # a full disk names no file
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def _sync(path):
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path, text):
    """Write a text file as UTF-8, whole or not at all.

    Args:
        path: str or `Path` of the file; its folder is made where missing.
        text: str, the file's content.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_bytes(path, content):
    """Write a file, whole or not at all.

    Args:
        path: str or `Path` of the file; its folder is made where missing.
        content: bytes.
    """
    with whole_file(path) as part:
        part.write_bytes(content)


def clear_report(directory):
    """Delete the tables and figures that a former report left in a folder.

    They may be about other runs or other data, and not all would be written again.

    Args:
        directory: the folder of a comparison or an audit, a `Path`.
    """
    for name in ("tables", "figures"):
        shutil.rmtree(directory / name, ignore_errors=True)


def is_taken(path):
    """Return whether a path is a file or a folder that holds something.

    Args:
        path: the `Path`.
    """
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def require_named(place):
    """Refuse an empty path, which `Path` takes for the working folder.

    Args:
        place: str or `Path`.

    Raises:
        InputError: if it is empty.
    """
    if not str(place):
        raise InputError("A path is empty, as of a variable that is not set; name a place.")


def user_path(place):
    """Return a path as a user writes it, with `~` expanded.

    Args:
        place: str or `Path`.

    Raises:
        InputError: if `~name` names no user of this machine, or the text is empty or no path.
    """
    require_named(place)
    try:
        path = Path(place).expanduser()
        path.exists()
    except (RuntimeError, ValueError, OSError, TypeError) as error:
        raise InputError(f"{str(place)!r} is no path here ({error}); give another.") from error
    return path


def require_writable(folder):
    """Raise InputError if a folder can neither be written to nor made.

    Args:
        folder: the `Path`; folders above it may be missing, too.
    """
    folder = folder.absolute()
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(
            f"Nothing can be written to {folder}: {there} is no folder to write to; give another."
        )


def as_text(name):
    r"""Return a file's name as text that can be printed and stored.

    Archives from elsewhere hold names that are no UTF-8; their odd bytes become such as `\xe9`.

    Args:
        name: str, as the system's listings give it.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def project_folder():
    """Return the folder that relative paths start from.

    It is the working directory, or its parent where Jupyter works in `notebooks/`.
    """
    here = Path.cwd()
    return here.parent if here.name == "notebooks" else here


def project_path(path):
    """Return an absolute path; relative ones count from the project.

    Args:
        path: str or `Path`, relative to `project_folder`; `~` is the home folder.

    Raises:
        InputError: as for `user_path`.
    """
    return project_folder() / user_path(path)


def path_from_project(path):
    """Return a path as a report shows it, without this machine's folders.

    Args:
        path: a `Path`.

    Returns:
        The `Path` from the project's folder; of one that lies elsewhere, the last name.
    """
    path, project = path.absolute(), project_folder()
    return path.relative_to(project) if path.is_relative_to(project) else Path(path.name)
