"""FER2013 as one small file is FER2013."""

import runpy
from pathlib import Path

import pytest

from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.synthetic import draw_faces
from fer_keras.utils.errors import InputError

PACK = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "pack.py"))


def test_the_csv_comes_back_byte_by_byte(tmp_path):
    csv, packed, back = tmp_path / "a.csv", tmp_path / "faces.xz", tmp_path / "b.csv"
    write_fer2013_csv(draw_faces(40, seed=3), csv)
    PACK["pack"](csv, packed)
    assert packed.stat().st_size < csv.stat().st_size / 4
    PACK["unpack"](packed, back)
    assert back.read_bytes() == csv.read_bytes()


def test_another_file_is_refused(tmp_path):
    (tmp_path / "faces.xz").write_bytes(b"emotion,pixels,Usage\n")
    with pytest.raises(InputError, match="no file that `pack` wrote"):
        PACK["unpack"](tmp_path / "faces.xz", tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").exists()
