"""Damaged pictures and odd names in folders, beside Pillow's own reading."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from fer_keras.cli import main
from fer_keras.data.readers.image_folder import read_image_folder

KINDS = {
    "a.jpg": ("JPEG", {"quality": 90}),
    "b.png": ("PNG", {}),
    "c.jpeg": ("JPEG", {"quality": 60, "progressive": True}),
    "d.png": ("BMP", {}),
}
ODD = [
    "new\nline.png", "tab\t.png", "quote\".png", "it's.png", "<img src=x onerror=alert(1)>.png",
    "-rf.png", "--whole-image.png", "ünïcödé.png", "\u202egnp.exe.png", "emoji😀.png", "a b .png",
    "[link](javascript:x).png", "%s%n.png", "$(reboot).png", "`id`.png", "a" * 250 + ".png",
    "é" * 120 + ".png", "..png", "...png", "*.png", "?.png", "|.png", "nul.png", "\\.png", "#.png",
    "\x7f.png", "\x1b[31m.png", b"latin-\xe9.png", b"\xff\xfe.png", "A,B.png", "=1+1.png", ";.png",
]  # fmt: skip


def picture(random, shape=(48, 48)):
    coarse = random.integers(0, 256, (8, 8)).astype(np.uint8)
    return Image.fromarray(coarse).resize(shape, Image.Resampling.BICUBIC)


def stored(image, kind):
    form, options = KINDS[kind]
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def damaged(content, random):
    changed = bytearray(content)
    if random.integers(4) == 0:
        del changed[int(random.integers(len(changed))) :]
    for _ in range(random.integers(0, 3)):
        if changed:
            changed[int(random.integers(len(changed)))] = int(random.integers(256))
    return bytes(changed)


def by_pillow(content):
    """Return the face as Pillow alone reads the file."""
    image = Image.open(io.BytesIO(content)).convert("L")
    return np.asarray(image.resize((48, 48), Image.Resampling.BILINEAR))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_pictures(tally, trials, tmp_path):
    for name in ("happy", "sad"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "test" / name).mkdir(parents=True)
        for split in ("train", "test"):
            picture(np.random.default_rng(0)).save(tmp_path / split / name / "z.png")
    for number in range(trials(1000, 60)):
        random = np.random.default_rng([3, number])
        kind = [*KINDS][number % len(KINDS)]
        content = damaged(stored(picture(random, (60, 50)), kind), random)
        path = tmp_path / "train" / "happy" / kind
        path.write_bytes(content)

        def is_right(splits, content=content):
            return np.array_equal(splits.train.images[0], by_pillow(content))

        tally.attack(f"{kind} {number}", lambda: read_image_folder(tmp_path), is_right)
        path.unlink()
    assert tally["right"] and tally["refused"]


def test_odd_names_in_a_folder(tally, tmp_path):
    """Each picture is read, or ignored with a note; none stops the others."""
    for name in ("happy", "sad"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "test" / name).mkdir(parents=True)
        picture(np.random.default_rng(0)).save(tmp_path / "test" / name / "z.png")
        picture(np.random.default_rng(0)).save(tmp_path / "train" / name / "z.png")
    for number, name in enumerate(ODD):
        image = picture(np.random.default_rng([4, number]))
        path = os.path.join(os.fsencode(tmp_path / "train" / "happy"), os.fsencode(name))
        with open(path, "wb") as file:
            image.save(file, "PNG")

        def is_right(splits, image=image, name=name):
            is_read = any(np.array_equal(face, image) for face in splits.train.images)
            is_named = any(note.startswith("Ignored 1 ") for note in splits.notes)
            return is_named if name[0] in (".", ord(".")) else is_read

        tally.attack(repr(name), lambda: read_image_folder(tmp_path), is_right)
        os.unlink(path)


def test_odd_names_given_to_predict(tally, trials, tmp_path, run_directory, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ODD if trials(1, 0) else ODD[::4]
    for number, name in enumerate(names):
        path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
        with open(path, "wb") as file:
            picture(np.random.default_rng([5, number])).save(file, "PNG")
        out = tmp_path / f"out{number}"
        arguments = ["predict", str(run_directory), f"--out={out}", "--", os.fsdecode(path)]

        def predicted(arguments=arguments):
            return main(arguments)

        def is_right(code, out=out):
            rows = (out / "predictions.csv").read_text(encoding="utf-8").count("tight crop")
            return code == 0 and rows == 1 and "Traceback" not in capsys.readouterr().err

        tally.attack(repr(name), predicted, is_right)
        os.unlink(path)
