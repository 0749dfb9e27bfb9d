"""FER2013 as one small file, to be carried to a machine with a GPU, and the data from it again.

    python benchmarks/pack.py pack DIR faces.xz    # DIR holds fer2013.csv, perhaps more
    python benchmarks/pack.py unpack faces.xz DIR

Pixels are kept as differences from what their neighbours predict, the lossless part of JPEG-LS
(Weinberger, Seroussi and Sapiro, 2000), and image files as the row of the CSV that they show.
"""

import argparse
import io
import lzma
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.data.faces import IMAGE_SIZE, Faces
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import read_all_rows, write_fer2013_csv
from fer_keras.data.readers.locate import SUBFOLDER, VOTES_NAME, find_data
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file

QUALITY = 95
"""Of the JPEG files in FER2013's folders: Pillow makes them again from the CSV, byte by byte."""


def pack(place, packed):
    """Write a data set's CSV, votes and image files as one compressed file."""
    data = find_data(place)
    faces, _ = read_all_rows(data.csv)
    votes = data.votes.read_bytes() if data.votes else b""
    names, rows, others = _image_files(data.folder, faces.images)
    arrays = [
        _differences(faces.images),
        faces.labels.astype(np.uint8),
        faces.ids.astype(bytes),
        np.frombuffer(votes, np.uint8),
        np.array(names, bytes),
        np.array(rows, np.int32),
        np.array(list(map(len, others)), np.int32),
        np.frombuffer(b"".join(others), np.uint8),
    ]
    # Copies of faces may lie anywhere, and differences follow no pattern of positions.
    size = max(faces.images.nbytes, 1 << 16)
    method = {"id": lzma.FILTER_LZMA2, "dict_size": size, "lc": 0, "lp": 0, "pb": 0}
    with whole_file(packed) as part, lzma.open(part, "wb", filters=[method]) as file:
        for array in arrays:
            np.save(file, array, allow_pickle=False)


def unpack(packed, directory):
    """Write the data set from a file that `pack` wrote."""
    try:
        with lzma.open(packed) as file:
            arrays = [np.load(file, allow_pickle=False) for _ in range(8)]
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise InputError(f"{packed} is no file that `pack` wrote ({error}); pack again.") from error
    differences, labels, ids, votes, names, rows, lengths, others = arrays
    images, directory = _images(differences), Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if votes.size:
        (directory / VOTES_NAME).write_bytes(votes.tobytes())
    contents = iter(np.split(others, np.cumsum(lengths)))
    for name, row in zip(names.astype(str).tolist(), rows.tolist()):
        path = directory / SUBFOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(next(contents).tobytes() if row < 0 else _jpeg(images[row]))
    # Last, as the sign that all is there.
    write_fer2013_csv(
        Faces(images, labels, ids.astype(str), CLASS_NAMES), directory / "fer2013.csv"
    )


def _image_files(folder, images):
    """Return names of files, the rows that they show (-1 for none), and what these others hold."""
    if folder is None:
        return [], [], []
    row_of = {_jpeg(image): row for row, image in enumerate(images)}
    paths = sorted(path for path in folder.glob("t*/*/*") if path.is_file())
    contents = [path.read_bytes() for path in paths]
    rows = [row_of.get(content, -1) for content in contents]
    others = [content for content, row in zip(contents, rows) if row < 0]
    return [path.relative_to(folder).as_posix() for path in paths], rows, others


def _jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _differences(images):
    """Return images minus what their neighbours predict: uint8 `(n, 48, 48)`, modulo 256."""
    padded = np.pad(images, ((0, 0), (1, 0), (1, 0))).astype(np.int16)
    left, above, corner = padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1]
    return (images - _predicted(left, above, corner)).astype(np.uint8)


def _images(differences):
    """Return the images that `_differences` came from."""
    padded = np.zeros((len(differences), IMAGE_SIZE + 1, IMAGE_SIZE + 1), np.int16)
    for y, x in np.ndindex(IMAGE_SIZE, IMAGE_SIZE):
        predicted = _predicted(padded[:, y + 1, x], padded[:, y, x + 1], padded[:, y, x])
        padded[:, y + 1, x + 1] = (differences[:, y, x] + predicted) & 255
    return padded[:, 1:, 1:].astype(np.uint8)


def _predicted(left, above, corner):
    """Return JPEG-LS's guess: the lower or higher neighbour at an edge, else their plane."""
    low, high = np.minimum(left, above), np.maximum(left, above)
    return np.clip(left + above - corner, low, high)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = {"pack": pack, "unpack": unpack}
    parser.add_argument("command", choices=commands)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    given = parser.parse_args()
    try:
        commands[given.command](given.source, given.target)
    except (InputError, OSError) as error:
        sys.exit(str(error))
