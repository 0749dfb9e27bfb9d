"""Keep parsed pixels on disk, so that a file of text is parsed only once."""

import hashlib
import json
import os
import zlib
from contextlib import suppress

import numpy as np

from fer_keras.data.memory import cache_folder, memory_budget
from fer_keras.utils.files import whole_file, write_text

ARRAYS = ("images", "labels", "usages")
KEY = "key.json"
FORMAT = 2
"""Raised whenever the parser or the stored arrays change, so that older caches are ignored."""

NUM_SAMPLES, SAMPLE_BYTES = 64, 4096


def read_cached(path, parse, is_usable):
    """Return what a parser reads from a file, and keep it for the next time.

    The arrays are kept beside the file, or else in the cache folder.

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
    for folder in _places(path):
        try:
            key = json.loads((folder / KEY).read_text())
            if (key["format"], key["stamp"]) != (FORMAT, stamp):
                continue
            arrays = {name: _read(folder / f"{name}.npy") for name in ARRAYS}
            if key["checksums"] == _checksums(arrays):
                return arrays
        except Exception:  # a damaged file raises nearly anything, and the source can be parsed
            continue
    return None


def _store(path, stamp, arrays):
    """Keep arrays in the first place that can be written to, unless the file has changed."""
    if _stamp(path) != stamp:
        return
    key = {"format": FORMAT, "stamp": stamp, "checksums": _checksums(arrays)}
    for folder in _places(path):
        with suppress(OSError):
            for name in ARRAYS:
                with whole_file(folder / f"{name}.npy") as part:
                    np.save(part, arrays[name])
            # Last, for the arrays count only with their checksums.
            write_text(folder / KEY, json.dumps(key))
            return


def _places(path):
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    beside = path.with_name(f"{path.name}.faces-cache")
    return beside, cache_folder() / f"{path.name}-{digest}.faces-cache"


def _read(file):
    is_large = file.stat().st_size > memory_budget()
    return np.load(file, mmap_mode="r" if is_large else None)


def _checksums(arrays):
    """Return name -> checksum of each array's shape, dtype and content."""
    return {
        name: zlib.crc32(array, zlib.crc32(f"{array.dtype.str} {array.shape}".encode()))
        for name, array in arrays.items()
    }
