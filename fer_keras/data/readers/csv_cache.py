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


def stamp(path):
    """Return what tells quickly whether a file has changed, as a dict for JSON.

    Args:
        path: the file; beside its size and times, some blocks spread over it are hashed.
    """
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


def content_hash(path):
    """Return the SHA-256 of a whole file, in hexadecimal digits.

    Args:
        path: the file.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(path, source_stamp):
    """Return the arrays that were stored for a file, unless it has changed.

    An equal stamp is enough. A copied or touched file has another one: it is hashed as a whole,
    and if it still has the content that was parsed, its new stamp is stored.

    Args:
        path: the `Path` of the source file.
        source_stamp: its `stamp`, just taken.

    Returns:
        A dict of `images` (uint8 `(n, 48, 48)`; past the memory budget read-only, as it lies on
        disk), `labels` and `usages` (integers `(n,)`), or `None` if no sound cache is there.
    """
    for folder in _places(path):
        try:
            key = json.loads((folder / KEY).read_text())
            is_same_stamp = key["stamp"] == source_stamp
            if key["format"] != FORMAT or key["stamp"]["size"] != source_stamp["size"]:
                continue
            if not is_same_stamp and key["content"] != content_hash(path):
                continue
            arrays = {name: _read(folder / f"{name}.npy") for name in ARRAYS}
            if key["checksums"] != _checksums(arrays):
                continue
        except Exception:
            # A damaged file raises nearly anything; whatever it is, the source can be parsed.
            continue
        if not is_same_stamp:
            with suppress(OSError):
                write_text(folder / KEY, json.dumps({**key, "stamp": source_stamp}))
        return arrays
    return None


def store(path, source_stamp, content, arrays):
    """Store the arrays parsed from a file, beside it or else in the cache folder.

    Nothing is stored if neither can be written to, or if the file has changed meanwhile.

    Args:
        path: the `Path` of the source file.
        source_stamp: its `stamp`, taken before it was parsed.
        content: its `content_hash`.
        arrays: dict of arrays as `load` returns it.
    """
    if stamp(path) != source_stamp:
        return
    key = {"format": FORMAT, "stamp": source_stamp, "content": content}
    key["checksums"] = _checksums(arrays)
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
