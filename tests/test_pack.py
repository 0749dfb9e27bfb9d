"""FER2013 as one small file is FER2013; what a GPU left comes back in parts."""

import io
import runpy
import tarfile

import pytest
from helpers import ROOT

from fer_keras.data.drawn import draw_faces
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.utils.errors import InputError

PACK = runpy.run_path(str(ROOT / "benchmarks" / "pack.py"))
BRING = runpy.run_path(str(ROOT / "benchmarks" / "bring.py"))["bring"]


def files_in(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "cache" not in str(path)
    }


def test_csv_votes_and_image_files_come_back_byte_by_byte(data, tmp_path):
    (data / "fer2013new.csv").write_text("Usage,Image name,neutral\nTraining,fer1.png,10\n")
    (data / "test" / "sad" / "of_no_row.jpg").write_bytes(b"not an image")
    packed, back = tmp_path.with_suffix(".xz"), tmp_path.with_suffix(".back")
    before = files_in(data)
    PACK["pack"](data, packed)
    PACK["unpack"](packed, back)
    images = {name: before[name] for name in before if name.parts[0] in ("train", "test")}
    assert files_in(back / "fer2013") == images and len(images) == 351
    for name in ("fer2013.csv", "fer2013new.csv"):
        assert (back / name).read_bytes() == (data / name).read_bytes()


def test_a_csv_alone_gets_smaller(tmp_path):
    csv, packed = tmp_path / "fer2013.csv", tmp_path / "faces.xz"
    write_fer2013_csv(draw_faces(40, seed=3), csv)
    PACK["pack"](csv, packed)
    assert packed.stat().st_size < csv.stat().st_size / 4
    PACK["unpack"](packed, tmp_path / "back")
    assert (tmp_path / "back" / "fer2013.csv").read_bytes() == csv.read_bytes()


def test_another_file_is_refused(tmp_path):
    (tmp_path / "faces.xz").write_bytes(b"emotion,pixels,Usage\n")
    with pytest.raises(InputError, match="no file that `pack` wrote"):
        PACK["unpack"](tmp_path / "faces.xz", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_the_most_wanted_comes_back_first_as_far_as_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setitem(BRING.__globals__, "PART_BYTES", 50_000)
    work, out = tmp_path / "work", tmp_path / "out"
    contents = {
        "logs/best.log": 10,
        "runs/best/c/seed0/predictions.npz": 20_000,
        "runs/best/c/seed0/model.keras": 90_000,
        "runs/vgg8/c/seed0/backup/epoch_0003.keras": 40_000,
        "runs/vgg8/c/seed0/recipe.json": 1_000,
        "runs/same_images/c/seed0/model.keras": 110_000,
        "data/fer2013.csv": 5_000,
    }
    for name, size in contents.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(bytes([len(name)]) * size)
    out.mkdir()
    (out / "runs.tar.9").write_bytes(b"of a former call")
    left = BRING(work, out, ["best", "vgg8", "same_images"])
    assert left == [work / "runs/same_images/c/seed0/model.keras"]
    parts = sorted(out.iterdir())
    assert len(parts) == 4 and max(part.stat().st_size for part in parts) <= 50_000
    whole = io.BytesIO(b"".join(part.read_bytes() for part in parts))
    with tarfile.open(fileobj=whole) as tar:
        names = tar.getnames()
        assert {name: tar.getmember(name).size for name in names} == {
            name: size for name, size in contents.items() if name in names
        }
    assert names == [
        "logs/best.log",
        "runs/best/c/seed0/predictions.npz",
        "runs/vgg8/c/seed0/recipe.json",
        "runs/best/c/seed0/model.keras",
        "runs/vgg8/c/seed0/backup/epoch_0003.keras",
    ]
