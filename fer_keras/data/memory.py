"""Keep pixels in memory, or on disk where they pass a budget."""

import math
import os
import tempfile
from pathlib import Path

import numpy as np

from fer_keras.utils.errors import InputError
from fer_keras.utils.machine import usable_memory

BUDGET_VARIABLE = "FER_KERAS_MEMORY"
START_BYTES = 1 << 24


def memory_budget():
    """Return how many bytes of pixels one array may hold in memory.

    An eighth of the memory that this process may use, or what the environment variable
    `FER_KERAS_MEMORY` says, in MiB.

    Raises:
        InputError: if the variable holds something else than a number of at least 0.
    """
    text = os.environ.get(BUDGET_VARIABLE)
    if not text:
        return usable_memory() // 8
    if not text.replace(".", "", 1).isdecimal() or math.isinf(float(text)):
        raise InputError(f"{BUDGET_VARIABLE} is {text!r}; give a number of MiB, such as 512.")
    return int(float(text) * 2**20)


def cache_folder():
    """Return the `Path` `$FER_KERAS_CACHE` or `~/.cache/fer_keras`.

    Raises:
        InputError: if there is no such home folder.
    """
    place = os.environ.get("FER_KERAS_CACHE") or "~/.cache/fer_keras"
    try:
        return Path(place).expanduser()
    except RuntimeError as error:
        raise InputError(
            f"There is no home folder for the cache {place}; set FER_KERAS_CACHE to a folder."
        ) from error


def allocate(shape):
    """Return a new uint8 array, on disk where it passes the memory budget.

    Args:
        shape: tuple of its sizes.

    Raises:
        InputError: if the disk has no room, or the budget in the environment is no number.
    """
    if math.prod(shape) <= memory_budget():
        return np.empty(shape, np.uint8)
    file = _temporary_file()
    try:
        _reserve(file, math.prod(shape))
    except OSError as error:
        raise _no_room(error) from error
    return np.memmap(file, np.uint8, "r+", shape=shape)


def select(images, index):
    """Return `images[index]`, on disk where it passes the memory budget.

    Args:
        images: uint8 array `(n, height, width)`.
        index: integers, a boolean mask or a slice; a slice gives a view.

    Raises:
        InputError: as `allocate`.
    """
    if isinstance(index, slice):
        return images[index]
    positions = np.arange(len(images))[index]
    chosen = allocate((len(positions), *images.shape[1:]))
    # Without "clip", NumPy would make a copy in memory first.
    return np.take(images, positions, axis=0, out=chosen, mode="clip")


class Gathered:
    """An array of pixels that grows, and moves to disk past the memory budget."""

    def __init__(self):
        self._budget = memory_budget()
        # NumPy asks the system for large pages, which are cleared four times as fast as the
        # smaller ones of a bytearray.
        self._pixels = np.empty(START_BYTES, np.uint8)
        self._count = 0
        self._file = None

    def extend(self, pixels):
        """Append pixels.

        Args:
            pixels: uint8 array of one dimension.

        Raises:
            InputError: if the disk has no room.
        """
        end = self._count + len(pixels)
        if end > len(self._pixels):
            larger = np.empty(max(end, 2 * len(self._pixels)), np.uint8)
            larger[: self._count] = self._pixels[: self._count]
            self._pixels = larger
        self._pixels[self._count : end] = pixels
        self._count = end
        if end > self._budget:
            self._file = self._file or _temporary_file()
            self._write()

    def array(self):
        """Return all pixels: a uint8 array of one dimension."""
        if self._file is None:
            return self._pixels[: self._count]
        self._write()
        self._file.flush()
        return np.memmap(self._file, np.uint8, "r")

    def _write(self):
        try:
            self._file.write(self._pixels[: self._count])
        except OSError as error:
            raise _no_room(error) from error
        self._count = 0


def _temporary_file():
    """Return a file without a name, which the system deletes after its last user."""
    folder = cache_folder()  # /tmp may be memory itself
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise _no_room(error) from error


def _reserve(file, num_bytes):
    """Give a file its size and reserve the disk space now.

    A process that writes to a mapped file on a full disk is killed.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, num_bytes)
    else:
        file.truncate(num_bytes)


def _no_room(error):
    return InputError(
        f"The faces need more than {memory_budget() / 2**20:,.0f} MiB, and {cache_folder()} cannot "
        f"be written to ({error.strerror}); set FER_KERAS_CACHE to a folder with room, or "
        f"{BUDGET_VARIABLE} to more MiB."
    )
