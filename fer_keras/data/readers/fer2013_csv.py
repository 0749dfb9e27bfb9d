"""Read and write faces as one CSV file, as FER2013 is published."""

import gzip
import hashlib
import io
import lzma
import struct
import zipfile
import zlib

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE, NO_SPLIT, Faces, Splits, split_names
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.memory import Gathered
from fer_keras.data.readers.csv_cache import read_cached
from fer_keras.data.readers.csv_parser import (
    MAX_HEADER_BYTES,
    SPLITS,
    find_columns,
    parse_batches,
)
from fer_keras.utils.errors import InputError, first_few, reason, require_choice
from fer_keras.utils.files import user_path, whole_file

READ_BYTES = 1 << 17

NUM_ROWS = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""How many rows of each split FER2013 has."""

FIRST_FACES = (
    "90164f2200b12a44fd41247bd5574288706205d49048f9b449a03d6033931da3",
    "aeecb2e6e1853b80bd4859c1a601dac2d6981760e309a22d0d2434c21638a5db",
)
"""SHA-256 of the pixels of the first rows of FER2013's Training and PublicTest."""

DAMAGE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
    RuntimeError, ValueError, OverflowError, struct.error, IndexError,
)  # fmt: skip
"""What unreadable files raise, plain or packed; from RuntimeError on, zipfile's."""


def read_fer2013_csv(path, on_bad="raise", class_names=CLASS_NAMES):
    """Read a CSV file of faces, divided as its `Usage` column says.

    Args:
        path: the file, as for `read_all_rows`.
        on_bad: as for `read_all_rows`.
        class_names: as for `read_all_rows`.

    Returns:
        `Splits`: `train` has the rows of `Training`, `test` those of `PublicTest` and
        `PrivateTest`, in file order. Ids are `"<split>/row<n>"`, n from 1 after the header.

    Raises:
        InputError: if the file or a row cannot be read, or training or test have no rows.
    """
    return divide_by_usage(*read_all_rows(path, on_bad, class_names), path)


def divide_by_usage(faces, notes, path):
    """Divide the rows of a CSV file as `read_fer2013_csv` does.

    Args:
        faces: `Faces` that `read_all_rows` returned.
        notes: tuple of notes that it returned.
        path: the file, for what an error says.

    Raises:
        InputError: if there is no `Usage`, or training or test have no rows.
    """
    splits = split_names(faces.ids)
    if splits[0] == NO_SPLIT:
        raise InputError(
            f"{path} has no Usage column to be divided by; take division='random' (--set "
            "division=random) for a stratified 80/20 division by a seed."
        )
    is_train = splits == "Training"
    if is_train.all() or not is_train.any():
        missing = "PublicTest or PrivateTest" if is_train.any() else "Training"
        raise InputError(f"{path} has no rows of Usage {missing}; give the complete file.")
    return Splits(_select(faces, is_train), _select(faces, ~is_train), notes=notes)


def read_all_rows(path, on_bad="raise", class_names=CLASS_NAMES):
    """Read every row of a CSV file of faces, whatever its `Usage`.

    The columns are `emotion` (a code from 0), `pixels` (2304 grey levels 0-255) and perhaps
    `Usage`, in any order, with others between them. Parsed pixels are kept in the
    user's cache folder, so that the next reading is quick.

    Args:
        path: the file, plain or packed: gzip, xz, or a zip archive of one CSV.
        on_bad: `"raise"`, or `"skip"` to leave out bad rows and name them in the notes.
        class_names: the class of each code.

    Returns:
        `Faces` in file order, with ids `"<Usage>/row<n>"`, or `"all/row<n>"` without that column;
        and a tuple of notes.

    Raises:
        InputError: if the file or a row cannot be read.
    """
    require_choice("on_bad", on_bad, ("raise", "skip"))
    path, num_classes = user_path(path), len(class_names)
    if not path.is_file():
        what = "is no regular file" if path.exists() else "does not exist"
        what = "is a folder" if path.is_dir() else what
        raise InputError(f"{path} {what}; give the path of FER2013's CSV file.")
    try:
        arrays, bad_rows = read_cached(
            path,
            lambda: _parse(path, on_bad, num_classes),
            # A label beyond the classes is a bad row, whose number only parsing tells.
            lambda arrays: arrays["labels"].max() < num_classes,
        )
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path} cannot be read ({reason(error)}); get the file again.") from error
    count = len(arrays["images"]) + len(bad_rows)
    rows = np.delete(np.arange(1, count + 1), [row - 1 for row, _ in bad_rows]).tolist()
    names = (*SPLITS, NO_SPLIT)
    usages = arrays["usages"].tolist()
    ids = [f"{names[usage]}/row{row}" for usage, row in zip(usages, rows, strict=True)]
    faces = Faces(arrays["images"], arrays["labels"], np.array(ids, str), tuple(class_names))
    notes = [f"Left out {len(bad_rows)} bad row(s) of {path}: {_named(bad_rows)}."]
    return faces, (*(notes if bad_rows else ()), *_what_is_missing(faces, path))


def write_fer2013_csv(faces, path):
    """Write faces as FER2013's CSV file, whole or not at all.

    Args:
        faces: `Faces` with class names out of `CLASS_NAMES`; their ids' split becomes `Usage`.
        path: the file to write, in a folder that exists.

    Raises:
        InputError: if FER2013 has no such class or split, or there is no such folder.
    """
    path = user_path(path)
    usages = split_names(faces.ids)
    unknown = {*faces.class_names} - {*CLASS_NAMES} | {*usages.tolist()} - {*SPLITS}
    if unknown:
        raise InputError(
            f"FER2013 has no class or Usage {', '.join(sorted(unknown))}; allowed are "
            f"{', '.join(CLASS_NAMES)} and {', '.join(SPLITS)}."
        )
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no such folder; make it first.")
    codes = [CLASS_NAMES.index(name) for name in faces.class_names]
    with whole_file(path) as part, open(part, "wb") as file:
        file.write(b"emotion,pixels,Usage\n")
        for image, label, usage in zip(faces.images, faces.labels, usages, strict=True):
            pixels = " ".join(map(str, image.ravel().tolist()))
            file.write(f"{codes[label]},{pixels},{usage}\n".encode())


def _what_is_missing(faces, path):
    """Return a note if these are some of FER2013's rows and not all."""
    splits = split_names(faces.ids).tolist()
    firsts = [splits.index(split) for split in SPLITS[:2] if split in splits] or [0]
    hashes = {hashlib.sha256(faces.images[place]).hexdigest() for place in firsts}
    found = {split: splits.count(split) for split in SPLITS}
    total = sum(NUM_ROWS.values())
    is_whole = len(faces) == total if NO_SPLIT in splits else found == NUM_ROWS
    if is_whole or hashes.isdisjoint(FIRST_FACES):
        return []
    parts = [f"{found[split]:,} of {count:,} {split}" for split, count in NUM_ROWS.items()]
    counts = "" if NO_SPLIT in splits else f": {', '.join(parts)}"
    return [f"{path.name} holds {len(faces):,} of FER2013's {total:,} rows{counts}."]


def _parse(path, on_bad, num_classes):
    """Return a dict of arrays and a list of bad rows, as `read_cached` wants them."""
    # After one block of this size is freed, glibc keeps the batches' memory for reuse instead of
    # returning it to the system, which would clear it for each batch: three times faster.
    np.empty(1 << 22, np.uint8)
    pixels, labels, usages, bad_rows = Gathered(), [], [], []
    with open(path, "rb", buffering=READ_BYTES) as packed:
        file = _unpacked(packed, path)
        columns = _read_header(file, path)
        for groups, faults in parse_batches(file, columns, num_classes):
            bad_rows += faults
            if bad_rows and on_bad == "raise":
                row, fault = bad_rows[0]
                raise InputError(
                    f"{path}, row {row} (line {row + 1}): {fault}; mend the row, get the file "
                    "again, or leave such rows out with on_bad='skip' (--on-bad skip)."
                )
            for more_pixels, more_labels, more_usages in groups:
                pixels.extend(more_pixels)
                labels += more_labels
                usages += more_usages
    if not labels:
        what = f"no row that can be read: {_named(bad_rows)}" if bad_rows else "no rows"
        raise InputError(f"{path} has a header, but {what}; get the file again.")
    images = pixels.array().reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    arrays = {"images": images, "labels": np.array(labels), "usages": np.array(usages, np.uint8)}
    return arrays, bad_rows


def _unpacked(file, path):
    """Return a file of plain text; the content, not the name, tells how it is packed."""
    start = file.peek(6)
    if start.startswith(b"\x1f\x8b"):
        file = gzip.GzipFile(fileobj=file)
    elif start.startswith(b"\xfd7zXZ\x00"):
        file = lzma.LZMAFile(file)  # noqa: SIM115 (the caller closes what it reads from)
    elif start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        archive = zipfile.ZipFile(file)
        names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        # Archives from a Mac hold a second entry of that name, which is no file of the user's.
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise InputError(
                f"{path} holds {len(names)} CSV files{': ' if names else ''}{', '.join(names)}; "
                "give an archive with exactly one, or the CSV file itself; unpack images and name "
                "their folder."
            )
        file = archive.open(names[0])
    else:
        return file
    return io.BufferedReader(file, READ_BYTES)


def _read_header(file, path):
    header = file.readline(MAX_HEADER_BYTES)
    if not header:
        raise InputError(f"{path} is empty; get the file again.")
    if header.startswith(b"version https://git-lfs"):
        raise InputError(f"{path} is a Git LFS pointer; fetch the file with git lfs pull.")
    try:
        return find_columns(header.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        mend = "give a CSV file, plain or packed as gzip, xz or zip"
        raise InputError(f"{path} is not UTF-8 text; {mend}.") from error
    except ValueError as error:
        raise InputError(f"{path} {error}; give FER2013's CSV file, or one of its form.") from error


def _named(bad_rows):
    return first_few([f"row {row} ({fault})" for row, fault in bad_rows])


def _select(faces, mask):
    """Select faces; those in one run become views, so that no pixels are copied."""
    index = np.flatnonzero(mask)
    is_run = index[-1] - index[0] + 1 == index.size
    return faces.select(slice(index[0], index[-1] + 1) if is_run else index)
