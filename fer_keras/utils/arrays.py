"""Read files of arrays that may come from anyone."""

import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy

from fer_keras.utils.errors import InputError, reason

MAX_BYTES = 500_000_000
"""Larger contents are refused before they are read: a few MB can unpack to many GB."""

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def load_arrays(path):
    """Return the arrays of a `.npz` file, never objects of Python's.

    Args:
        path: the file.

    Returns:
        A dict from a name to its array.

    Raises:
        InputError: if the file cannot be read, or holds more than `MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _require_small(archive)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    # What zipfile, zlib and NumPy raise for files that are damaged or made to harm.
    except (
        OSError, EOFError, ValueError, KeyError, IndexError, RuntimeError, MemoryError,
        SyntaxError, TypeError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise InputError(f"{path} holds no arrays that can be read: {reason(error)}") from error


def _require_small(archive):
    """Raise a ValueError if the arrays are large, or larger than their bytes."""
    total = sum(member.file_size for member in archive.infolist())
    if total > MAX_BYTES:
        raise ValueError(f"{total / 1e6:,.0f} MB where {MAX_BYTES / 1e6:,.0f} are allowed.")
    for member in archive.infolist():
        with archive.open(member) as file:
            version = npy.read_magic(file)
            if version not in _HEADERS:
                raise ValueError(f"{member.filename} is of a later version of NumPy's format.")
            shape, _, dtype = _HEADERS[version](file)
        # NumPy makes room for what a header promises before it looks at what there is.
        if np.prod([dtype.itemsize, *shape], dtype=object) > member.file_size:
            raise ValueError(f"{member.filename} is cut short.")
