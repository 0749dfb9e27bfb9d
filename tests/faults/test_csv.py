"""Mutated CSV files: what is read is what an independent, slow reader reads, or it is refused."""

import csv
import gzip
import io
import re
import zipfile

import numpy as np
from helpers import patterned_faces

from fer_keras.data.faces import concatenate
from fer_keras.data.loading import load_data
from fer_keras.data.readers.fer2013_csv import read_all_rows, write_fer2013_csv

SPLITS = ("Training", "PublicTest", "PrivateTest")
PIECES = (
    b"256", b"-1", b"1e3", b'"', b",", b"\n", b"\r\n", b"\0", b"  ", b"\t", b"0", b"\xff",
    "٣".encode(), "\ufeff".encode(),
)  # fmt: skip
NUMBER = re.compile(r"\s*([0-9]+)\s*")


def slow_reader(content):
    """Return (label, pixels, Usage) of each row by the csv module, or `None` for bad content."""
    try:
        # A carriage return alone ends no line here; the csv module would take it for one.
        text = re.sub("\r(?!\n)", " ", content.decode("utf-8-sig"))
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if any(header.count(name) != 1 for name in ("emotion", "pixels")) or header.count("usage") > 1:
        return None
    places = {name: header.index(name) for name in ("emotion", "pixels", "usage") if name in header}
    found = []
    for row in rows[1:]:
        if not "".join(row).strip():
            continue
        if len(row) != len(header):
            return None
        emotion = NUMBER.fullmatch(row[places["emotion"]])
        pixels = row[places["pixels"]].split()
        usage = row[places["usage"]].strip() if "usage" in places else "all"
        if not emotion or int(emotion[1]) > 6 or usage not in (*SPLITS, "all"):
            return None
        if len(pixels) != 2304 or not all(re.fullmatch("[0-9]+", word) for word in pixels):
            return None
        levels = [int(word) for word in pixels]
        if max(levels) > 255:
            return None
        found.append((int(emotion[1]), levels, usage))
    return found or None


def mutated(content, random):
    """Return the content with one to three random changes."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place, kind = int(random.integers(len(changed))), random.integers(9)
        piece = bytes(changed[place : place + int(random.integers(1, 40))])
        if kind == 0:
            changed[place] ^= int(random.integers(1, 256))
        elif kind == 1:
            del changed[place : place + int(random.integers(1, 9))]
        elif kind == 2:
            changed[place:place] = PIECES[int(random.integers(len(PIECES)))]
        elif kind == 3:
            changed[place:place] = piece
        elif kind == 4:
            del changed[place:]
        elif kind == 5:
            changed[:] = changed.replace(b"\n", b"\r\n")
        elif kind == 6:
            rows = bytes(changed).split(b"\n")
            rows.insert(int(random.integers(len(rows))), rows[int(random.integers(len(rows)))])
            changed[:] = b"\n".join(rows)
        elif kind == 7:
            rows = bytes(changed).split(b"\n")
            del rows[int(random.integers(len(rows)))]
            changed[:] = b"\n".join(rows)
        else:
            changed[:] = changed.replace(b",", b", ", int(random.integers(1, 6)))
        if not changed:
            changed[:] = b"\n"
    return bytes(changed)


def written(tmp_path, count=6):
    faces = concatenate(patterned_faces(count), patterned_faces(2, "PublicTest", seed=1))
    write_fer2013_csv(faces, tmp_path / "whole.csv")
    return (tmp_path / "whole.csv").read_bytes()


def test_mutated_csv_files(tally, trials, tmp_path):
    whole, path = written(tmp_path), tmp_path / "faces.csv"
    assert len(slow_reader(whole)) == 8
    for number in range(trials(1000, 60)):
        content = mutated(whole, np.random.default_rng([1, number]))
        path.write_bytes(content)

        def is_right(result, content=content):
            faces, _ = result
            expected = slow_reader(content)
            return expected is not None and expected == [
                (label, image.ravel().tolist(), name.split("/")[0])
                for label, image, name in zip(faces.labels, faces.images, faces.ids.tolist())
            ]

        tally.attack(f"mutation {number}", lambda: read_all_rows(path), is_right)
    assert tally["right"] and tally["refused"]


def packed(whole, random):
    """Return the CSV file as a zip or gzip archive with a few changed bytes, or cut."""
    if random.integers(2):
        content = bytearray(gzip.compress(whole, 1))
    else:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("fer2013.csv", whole)
        content = bytearray(file.getvalue())
    if random.integers(4) == 0:
        del content[int(random.integers(len(content))) :]
    for _ in range(random.integers(1, 4)):
        if content:
            content[int(random.integers(len(content)))] = int(random.integers(256))
    return bytes(content)


def test_damaged_archives(tally, trials, tmp_path):
    """A data file that is there and cannot be read is an error; drawn faces never replace it."""
    whole = written(tmp_path, 2)
    expected = [levels for _, levels, _ in slow_reader(whole)]
    folder = tmp_path / "data"
    folder.mkdir()

    def is_right(splits):
        faces = concatenate(splits.train, splits.test)
        return [image.ravel().tolist() for image in faces.images] == expected

    for number in range(trials(1500, 60)):
        random = np.random.default_rng([2, number])
        name = random.choice(["fer2013.zip", "fer2013.csv", "fer2013.csv.gz"])
        path = folder / name
        path.write_bytes(packed(whole, random))

        tally.attack(f"{name} {number}", lambda: load_data(folder), is_right)
        path.unlink()
    assert tally["refused"]
