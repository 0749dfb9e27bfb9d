"""Parsed pixels kept on disk, so that a file of text is parsed once only."""

import hashlib
import json
import os
import struct
import zipfile

import numpy as np

from fer_keras.data.memory import cache_folder, memory_budget
from fer_keras.utils.files import whole_file

ARRAYS = ("images", "labels", "usages")
FORMAT = 1
"""Raised whenever the parser or the stored arrays change, so that older caches are ignored."""

READ_BYTES = 1 << 20
LENGTHS_AT = 26
"""Where a member of a zip archive says how long its name and its extra field are."""

NUM_SAMPLES, SAMPLE_BYTES = 64, 4096


def stamp(path):
    """Return what tells cheaply whether a file has changed: a dict of JSON values.

    Args:
        path: the `Path` of a source file.

    Returns:
        The size in bytes, the modification and change times in ns, the inode, and the hash of
        some blocks spread over the file, first and last included.
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


def load(path, source_stamp):
    """Return the arrays that were stored for a file, if they are surely still its own.

    An equal stamp is enough. A copied or touched file has another one: it is hashed as a whole,
    and if it still has the content that was parsed, its new stamp is stored.

    Args:
        path: the `Path` of the source file.
        source_stamp: its `stamp`, just taken.

    Returns:
        A dict of the arrays `images` (uint8 `(n, 48, 48)`), `labels` and `usages` (integers
        `(n,)`), or `None` if no sound cache holds this content.
    """
    for place in _places(path):
        try:
            with np.load(place, allow_pickle=False) as saved:
                key = json.loads(str(saved["key"]))
                is_same_stamp = key["stamp"] == source_stamp
                if key["format"] != FORMAT or key["stamp"]["size"] != source_stamp["size"]:
                    continue
                if not is_same_stamp and key["content"] != content_hash(path):
                    continue
                arrays = {name: _array(place, saved, name) for name in ARRAYS}
        except Exception:
            # A damaged archive raises nearly anything; whatever it is, the source can be parsed.
            continue
        if not is_same_stamp:
            _store(path, source_stamp, key["content"], arrays)
        return arrays
    return None


def store(path, source_stamp, content, arrays):
    """Keep the arrays parsed from a file beside it, or else in the user's cache folder.

    That folder is `$FER_KERAS_CACHE` or `~/.cache/fer_keras`. Nothing is kept if neither can be
    written to, or if the file has changed meanwhile.

    Args:
        path: the `Path` of the source file.
        source_stamp: its `stamp`, taken before it was parsed.
        content: its `content_hash`.
        arrays: dict of arrays as `load` returns it.
    """
    if stamp(path) == source_stamp:
        _store(path, source_stamp, content, arrays)


def _places(path):
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    beside = path.with_name(f"{path.name}.faces-cache.npz")
    return beside, cache_folder() / f"{path.name}-{digest}.faces-cache.npz"


def _array(place, saved, name):
    """Return an array of an archive, past the memory budget as it lies in the file, but checked."""
    with zipfile.ZipFile(place) as archive:
        member = archive.getinfo(f"{name}.npy")
        if member.file_size <= memory_budget():
            return saved[name]
        with archive.open(member) as data:
            while data.read(READ_BYTES):
                pass  # reading to the end compares the check sum
    with open(place, "rb") as file:
        file.seek(member.header_offset + LENGTHS_AT)
        file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
        major, _ = np.lib.format.read_magic(file)
        read_header = getattr(np.lib.format, f"read_array_header_{major}_0")
        shape, _, dtype = read_header(file)
        return np.memmap(place, dtype, "r", offset=file.tell(), shape=shape)


def content_hash(path):
    """Return the hash of a whole file: text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(path, source_stamp, content, arrays):
    key = json.dumps({"format": FORMAT, "stamp": source_stamp, "content": content})
    for place in _places(path):
        try:
            with whole_file(place) as part:
                np.savez(part, key=key, **arrays)
            return
        except OSError:
            continue
