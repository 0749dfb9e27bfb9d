"""Folders with pictures to look at, and folders that commands write."""

import os
from collections import Counter
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from fer_keras.networks.pretrained import PRETRAINED
from fer_keras.predict.predictor import is_pretrained
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import (
    is_taken,
    project_path,
    require_named,
    require_writable,
    user_path,
    write_text,
)

EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".heic",
    ".heif",
)  # fmt: skip
MARK = "# written by fer-keras\n"
"""First line of the .gitignore in a folder whose pictures are answers, not questions."""
OTHER_FILES, OWN_FOLDERS = "other file(s) in folders", "folder(s) that fer-keras wrote"
"""What is ignored in folders."""


def list_pictures(paths):
    """Return the pictures in files and folders.

    Args:
        paths: picture files, whatever their names, and folders to search for files that end in
            `EXTENSIONS`. Links to folders are followed; hidden files and folders are passed over.

    Returns:
        A list of `Path` without repetitions, and a `Counter` of what else was found and ignored.
        Broken links and folders that cannot be opened are in the list, so that reading them tells.

    Raises:
        InputError: if a path is empty, does not exist or is neither, or there is no picture.
    """
    files, ignored = [], Counter()
    for path in map(str, paths):
        require_named(path)
        path = Path(path)
        if not path.exists():
            raise InputError(
                f"{path} does not exist; name a picture or a folder of pictures"
                f"{f' after the network {path}' if str(path) in PRETRAINED else ''}."
            )
        if path.is_file():
            files.append(path)
        elif path.is_dir():
            files += _pictures_in(path, ignored)
        else:
            raise InputError(f"{path} is neither a file nor a folder; name a picture.")
    if not files:
        raise InputError(
            f"There is no picture in {', '.join(map(str, paths))}{in_words(ignored)}; pictures end "
            f"in {', '.join(EXTENSIONS)}."
        )
    return list(dict.fromkeys(files)), ignored


def in_words(ignored):
    """Return what was ignored as the end of a sentence.

    Args:
        ignored: `Counter` that `list_pictures` returned.
    """
    return "".join(f"; {number} {what} ignored" for what, number in ignored.items() if number)


def output_folder(source, out):
    """Return the folder to write to.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        out: str or `Path` of a folder that is absent or empty. `None` makes `predictions/<time>` in
            the run directory, or here for a network that comes with the package.

    Returns:
        A `Path`.

    Raises:
        InputError: if the folder holds anything or cannot be written to.
    """
    if out is None:
        base = Path() if is_pretrained(source) else project_path(source)
        now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        names = chain([now], (f"{now}-{number}" for number in count(2)))
        out = next(p for name in names if not (p := base / "predictions" / name).exists())
    out = user_path(out)
    if is_taken(out):
        raise InputError(f"{out} exists and is not empty; name a new folder with --out.")
    require_writable(out)
    return out


def make_folder(folder):
    """Make a folder whose pictures stay out of a repository around it.

    Args:
        folder: the `Path`.
    """
    write_text(folder / ".gitignore", f"{MARK}*\n")


def _pictures_in(top, ignored):
    """Return the pictures below a folder, and count in `ignored` what is left out."""
    found, seen = [], {os.path.realpath(top)}

    def is_entered(folder):
        real = os.path.realpath(folder)
        if folder.name[0] == "." or real in seen:  # a link may lead back to where it lies
            return False
        seen.add(real)
        is_own = _is_own(folder)
        ignored[OWN_FOLDERS] += is_own
        return not is_own

    walk = os.walk(top, onerror=lambda error: found.append(Path(error.filename)), followlinks=True)
    for place, folders, names in walk:
        place = Path(place)
        folders[:] = [name for name in sorted(folders) if is_entered(place / name)]
        visible = [place / name for name in sorted(names) if name[0] != "."]
        files = [file for file in visible if os.path.isfile(file) or not os.path.exists(file)]
        pictures = [file for file in files if file.suffix.lower() in EXTENSIONS]
        found += pictures
        ignored[OTHER_FILES] += len(files) - len(pictures)
    return found


def _is_own(folder):
    """Return whether a command wrote a folder."""
    path = folder / ".gitignore"
    try:
        if not path.is_file():  # a pipe would be waited on for ever
            return False
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline() == MARK
    except OSError:
        return False
