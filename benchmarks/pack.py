"""FER2013 as one small file, to be carried to a machine with a GPU, and its CSV from it again.

python benchmarks/pack.py pack fer2013.csv faces.xz
python benchmarks/pack.py unpack faces.xz fer2013.csv
"""

import lzma
import sys
from pathlib import Path

import numpy as np

from fer_keras.data.faces import Faces
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import read_all_rows, write_fer2013_csv
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file


def pack(csv, packed):
    """Write the faces of FER2013's CSV as compressed bytes, a fifth of its size."""
    faces, _ = read_all_rows(csv)
    with whole_file(packed) as part, lzma.open(part, "wb") as file:
        for array in (faces.images, faces.labels.astype(np.uint8), faces.ids.astype(str)):
            np.save(file, array, allow_pickle=False)


def unpack(packed, csv):
    """Write FER2013's CSV from a file that `pack` wrote."""
    try:
        with lzma.open(packed) as file:
            images, labels, ids = (np.load(file, allow_pickle=False) for _ in range(3))
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise InputError(f"{packed} is no file that `pack` wrote ({error}); pack again.") from error
    write_fer2013_csv(Faces(images, labels, ids, CLASS_NAMES), csv)


if __name__ == "__main__":
    command, source, target = sys.argv[1:]
    try:
        {"pack": pack, "unpack": unpack}[command](Path(source), Path(target))
    except (InputError, OSError) as error:
        sys.exit(str(error))
