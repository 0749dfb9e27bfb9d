"""Keep parsed pixels on disk, so that a file of text is parsed only once."""

import hashlib
import json
import os
import zlib
from contextlib import suppress

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.memory import cache_folder, memory_budget
from fer_keras.data.readers.csv_parser import NO_USAGE
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file, write_text

ARRAYS = ("images", "labels", "usages")
KEY = "key.json"
FORMAT = 2
"""Raised whenever the parser or the stored arrays change, so that older caches are ignored."""

NUM_SAMPLES, SAMPLE_BYTES = 64, 4096


def read_cached(path, parse, is_usable):
    """Return what a parser reads from a file, and keep it for the next time.

    The arrays are kept in the user's cache folder, never beside the file: who passes a file on
    could pass other pixels with it.

    Args:
        path: the `Path` of the file.
        parse: function without arguments; returns a dict of `images` (uint8 `(n, 48, 48)`),
            `labels` and `usages` (integers `(n,)`), and a list of bad rows.
        is_usable: function of the arrays kept; where it is false, the file is parsed.

    Returns:
        What `parse` returns. Past the memory budget, arrays kept lie on disk and are read-only.
        With bad rows nothing is kept, so that each reading tells of them.
    """
    stamp = _stamp(path)
    arrays = _load(path, stamp)
    if arrays is not None and is_usable(arrays):
        return arrays, []
    arrays, bad_rows = parse()
    if not bad_rows:
        _store(path, stamp, arrays)
    return arrays, bad_rows


def _stamp(path):
    """Return what tells quickly whether a file has changed; some blocks are hashed."""
    status = os.stat(path)
    step = max(SAMPLE_BYTES, status.st_size // NUM_SAMPLES)
    samples = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        for offset in (*range(0, status.st_size, step), max(0, status.st_size - SAMPLE_BYTES)):
            file.seek(offset)
            samples.update(file.read(SAMPLE_BYTES))
    return {
        "size": status.st_size,
        "modified": status.st_mtime_ns,
        "changed": status.st_ctime_ns,
        "inode": status.st_ino,
        "samples": samples.hexdigest(),
    }


def _load(path, stamp):
    """Return the arrays kept for a file's content, or `None` if no sound ones are there."""
    folder = _place(path)
    try:
        key = json.loads((folder / KEY).read_text()) if (folder / KEY).is_file() else {}
        if (key.get("format"), key.get("stamp")) != (FORMAT, stamp):
            return None
        arrays = {name: _read(folder / f"{name}.npy") for name in ARRAYS}
        return arrays if key["checksums"] == _checksums(arrays) and _fit(arrays) else None
    except Exception:  # a damaged file raises nearly anything, and the source can be parsed
        return None


def _fit(arrays):
    """Return whether shapes, dtypes and ranges are those of parsed faces."""
    images, labels, usages = (arrays[name] for name in ARRAYS)
    count = len(images)
    return (
        (images.dtype, images.shape) == (np.uint8, (count, IMAGE_SIZE, IMAGE_SIZE))
        and labels.shape == usages.shape == (count,)
        and count > 0
        and labels.dtype.kind == usages.dtype.kind.replace("u", "i") == "i"
        and labels.min() >= 0
        and 0 <= usages.min() <= usages.max() <= NO_USAGE
    )


def _store(path, stamp, arrays):
    """Keep arrays if the file has not changed and the cache folder can be written to."""
    if _stamp(path) != stamp:
        return
    key = {"format": FORMAT, "stamp": stamp, "checksums": _checksums(arrays)}
    folder = _place(path)
    with suppress(OSError):
        for part in folder.glob(".*"):  # of a process that was killed while it wrote
            part.unlink(missing_ok=True)
        for name in ARRAYS:
            with whole_file(folder / f"{name}.npy") as part:
                np.save(part, arrays[name])
        # Last, for the arrays count only with their checksums.
        write_text(folder / KEY, json.dumps(key))


def _place(path):
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return cache_folder() / f"{path.name}-{digest}.faces-cache"


def _read(file):
    if not file.is_file():  # a pipe would be waited on for ever
        raise InputError(f"{file} is no file.")
    is_large = file.stat().st_size > memory_budget()
    return np.load(file, mmap_mode="r" if is_large else None)


def _checksums(arrays):
    """Return name -> checksum of each array's shape, dtype and content."""
    return {
        name: zlib.crc32(array, zlib.crc32(f"{array.dtype.str} {array.shape}".encode()))
        for name, array in arrays.items()
    }
