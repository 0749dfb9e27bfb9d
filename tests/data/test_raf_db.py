import io
import os
import random
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same
from PIL import Image

from fer_keras.data.drawn import draw_faces
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers import raf_db
from fer_keras.data.readers.raf_db import PUBLISHED_COUNTS, has_rafdb, read_rafdb
from fer_keras.utils.errors import InputError

NAMES = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
CODE_OF = {name: code for code, name in enumerate(NAMES, 1)}
LIST = "EmoLabel/list_patition_label.txt"
FACES = {"train": draw_faces(14, 0, "train"), "test": draw_faces(7, 0, "test")}
TINT = (1, 0.8, 0.6)
# ITU-R 601-2 of the tint: 0.299 + 0.587 * 0.8 + 0.114 * 0.6
LUMINANCE = 0.837


def colour_jpeg(face):
    """Return the bytes of a colour picture of 100x100 pixels."""
    image = Image.fromarray(np.uint8(face[..., None] * TINT)).resize((100, 100))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=95)
    return data.getvalue()


@cache
def pictures():
    """Return (split, name, code, bytes) of each picture, in no order."""
    found = []
    for split, digits in (("train", 5), ("test", 4)):
        faces = FACES[split]
        for number, (image, label) in enumerate(zip(faces.images, faces.labels), 1):
            name = f"{split}_{number:0{digits}}"
            found.append((split, name, CODE_OF[CLASS_NAMES[label]], colour_jpeg(image)))
    random.Random(1).shuffle(found)
    return found


@pytest.fixture
def official(tmp_path):
    place = tmp_path / "official"
    (place / "EmoLabel").mkdir(parents=True)
    (place / "Image" / "aligned").mkdir(parents=True)
    for _, name, _, data in pictures():
        (place / "Image" / "aligned" / f"{name}_aligned.jpg").write_bytes(data)
    lines = [f"{name}.jpg {code}" for _, name, code, _ in pictures()]
    (place / LIST).write_text("\n".join(lines) + "\n")
    return place


@pytest.fixture
def kaggle(tmp_path):
    place = tmp_path / "kaggle"
    for split, name, code, data in pictures():
        folder = place / "DATASET" / split / str(code)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}_aligned.jpg").write_bytes(data)
    for split in ("train", "test"):
        rows = [f"{n}_aligned.jpg,{code}" for s, n, code, _ in pictures() if s == split]
        (place / f"{split}_labels.csv").write_text("\n".join(["image,label", *rows]) + "\n")
    return place


def picture(place, name):
    """Return the path of a picture in either layout."""
    (path,) = place.rglob(f"{name}_aligned.jpg")
    return path


@pytest.mark.parametrize("layout", ["official", "kaggle"])
def test_faces_come_by_number_with_their_classes_and_pixels(layout, request):
    splits = read_rafdb(request.getfixturevalue(layout))
    for split, faces in (("train", splits.train), ("test", splits.test)):
        drawn = FACES[split]
        digits = {"train": 5, "test": 4}[split]
        names = [f"RAF-DB {split}/{split}_{n:0{digits}}" for n in range(1, len(drawn) + 1)]
        assert faces.ids.tolist() == names
        assert faces.class_names == CLASS_NAMES
        assert faces.labels.tolist() == drawn.labels.tolist()
        difference = np.abs(faces.images - LUMINANCE * drawn.images).mean((1, 2))
        others = np.abs(faces.images - LUMINANCE * drawn.images[::-1]).mean((1, 2))
        assert difference.max() < 6 and np.median(others) > 12
    assert splits.validation is None


def test_both_layouts_give_equal_faces(official, kaggle):
    assert_same(read_rafdb(official), read_rafdb(kaggle))


def test_order_is_by_number_whatever_the_digits(kaggle):
    for number, new in ((3, "train_10000"), (4, "train_9"), (5, "train_007")):
        path = picture(kaggle, f"train_{number:05}")
        path.rename(path.with_name(f"{new}_aligned.jpg"))
    (kaggle / "train_labels.csv").unlink()
    names = [name.split("_")[1] for name in read_rafdb(kaggle).train.ids]
    expected = "00001 00002 00006 007 00007 00008 00009 9 00010 00011 00012 00013 00014 10000"
    assert sorted(names, key=int) == names
    assert names == sorted(expected.split(), key=lambda name: (int(name), name))


def test_layouts_are_found_in_the_folder_itself_or_one_below(official, kaggle, tmp_path):
    expected = read_rafdb(official)
    (tmp_path / "above").mkdir()
    shutil.copytree(official, tmp_path / "above" / "basic")
    places = [tmp_path / "above", kaggle / "DATASET"]
    shutil.copytree(kaggle / "DATASET", tmp_path / "plain")
    for place in [*places, tmp_path / "plain"]:
        assert has_rafdb(place)
        assert_same(read_rafdb(place), expected)


def test_folders_without_a_layout_are_refused(tmp_path):
    for name in ("train/happy", "test/happy", "train/9", "test/1"):
        (tmp_path / name).mkdir(parents=True)
    for place in (tmp_path, tmp_path / "nowhere"):
        assert not has_rafdb(place)
        with pytest.raises(InputError, match="holds no layouts of RAF-DB.*list_patition"):
            read_rafdb(place)


def test_two_layouts_at_once_are_refused(official, kaggle):
    shutil.copytree(kaggle / "DATASET", official / "DATASET")
    assert has_rafdb(official)
    with pytest.raises(InputError, match="holds 2 layouts"):
        read_rafdb(official)


def test_folders_alone_give_the_labels(kaggle):
    expected = read_rafdb(kaggle)
    for split in ("train", "test"):
        (kaggle / f"{split}_labels.csv").unlink()
    assert_same(read_rafdb(kaggle), expected)


@pytest.mark.parametrize("where", [".", "DATASET"])
def test_label_file_that_contradicts_a_folder_is_refused(kaggle, where):
    path = shutil.move(kaggle / "test_labels.csv", kaggle / where / "test_labels.csv")
    rows = Path(path).read_text().splitlines()
    place = next(k for k, row in enumerate(rows) if row.startswith("test_0002"))
    code = rows[place].split(",")[1]
    wrong = int(code) % 7 + 1
    rows[place] = f"test_0002_aligned.jpg,{wrong}"
    Path(path).write_text("\n".join(rows))
    message = rf"test_labels\.csv labels test_0002 {wrong}, and its folder says {code};"
    with pytest.raises(InputError, match=message):
        read_rafdb(kaggle)
    # The right label in a further line does not hide the wrong one.
    Path(path).write_text("\n".join([*rows, f"test_0002_aligned.jpg,{code}"]))
    with pytest.raises(InputError, match=message):
        read_rafdb(kaggle)


def test_label_file_must_list_the_images_of_the_folders(kaggle):
    path = kaggle / "train_labels.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join(row for row in rows if "00004" not in row))
    with pytest.raises(InputError, match="labels train_00004 not at all, and its folder says"):
        read_rafdb(kaggle)
    path.write_text("\n".join([*rows, "train_00099_aligned.jpg,2"]))
    with pytest.raises(InputError, match="labels train_00099 2, and its folder says nothing"):
        read_rafdb(kaggle)
    path.write_text("name;class\n")
    with pytest.raises(InputError, match=r"train_labels\.csv must have the columns image,label"):
        read_rafdb(kaggle)


@pytest.mark.parametrize(
    "line",
    ["train_00099.jpg 0", "train_00099.jpg 8", "train_00099.jpg", "train_00099 3", "a.jpg 3"],
)
def test_bad_lines_of_the_list_are_named(official, line):
    lines = (official / LIST).read_text().splitlines()
    (official / LIST).write_text("\n".join([*lines[:4], "", line, *lines[4:]]))
    with pytest.raises(InputError, match=f"line 6: '{line}' is not .* 1 to 7"):
        read_rafdb(official)


def test_doubled_line_of_the_list_is_named(official):
    lines = (official / LIST).read_text().splitlines()
    (official / LIST).write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(InputError, match=f"line 22: '{lines[0]}' names an image again"):
        read_rafdb(official)


def test_missing_images_are_named(official):
    picture(official, "train_00003").unlink()
    picture(official, "test_0002").unlink()
    with pytest.raises(InputError, match="lacks 2 image") as caught:
        read_rafdb(official)
    assert "train_00003_aligned.jpg" in str(caught.value)
    assert "test_0002_aligned.jpg" in str(caught.value)
    shutil.rmtree(official / "Image")
    with pytest.raises(InputError, match=r"lacks 21 image.* and 11 more; unpack aligned\.zip"):
        read_rafdb(official)


@pytest.mark.parametrize("layout", ["official", "kaggle"])
def test_damaged_images_are_refused_by_name(layout, request):
    place = request.getfixturevalue(layout)
    cut, empty = picture(place, "train_00003"), picture(place, "train_00005")
    cut.write_bytes(cut.read_bytes()[:1000])
    empty.write_bytes(b"")
    with pytest.raises(InputError, match="2 damaged") as caught:
        read_rafdb(place)
    names = [path.relative_to(place).as_posix() for path in (cut, empty)]
    for part in (f"{names[0]} (", "Premature end", f"{names[1]} (empty file)"):
        assert part in str(caught.value)


def test_image_in_two_folders_or_in_the_other_split_is_refused(kaggle):
    path = picture(kaggle, "train_00001")
    code = path.parent.name
    other = next(folder for folder in path.parent.parent.iterdir() if folder.name != code)
    copy = shutil.copy(path, other)
    with pytest.raises(InputError, match=r"train_00001_aligned\.jpg stands in folder [1-7] too"):
        read_rafdb(kaggle)
    shutil.move(copy, kaggle / "DATASET" / "test" / "4" / "train_00077_aligned.jpg")
    with pytest.raises(InputError, match=r"test/4/train_00077_aligned\.jpg is of another split"):
        read_rafdb(kaggle)


def test_folder_outside_the_codes_is_refused(kaggle):
    (kaggle / "DATASET" / "train" / "8").mkdir()
    with pytest.raises(InputError, match=r"train/8 is no class of RAF-DB"):
        read_rafdb(kaggle)


def test_split_without_images_is_refused(official, kaggle):
    lines = (official / LIST).read_text().splitlines()
    (official / LIST).write_text("\n".join(line for line in lines if line.startswith("train")))
    with pytest.raises(InputError, match="no images of the split test"):
        read_rafdb(official)
    for path in (kaggle / "DATASET" / "train").rglob("*.jpg"):
        path.unlink()
    (kaggle / "train_labels.csv").unlink()
    with pytest.raises(InputError, match="no images of the split train"):
        read_rafdb(kaggle)


def test_other_files_are_ignored_and_named(official, kaggle):
    expected = read_rafdb(official)
    shutil.copy(picture(official, "train_00001"), official / "Image/aligned/train_00077.jpg")
    (kaggle / "DATASET" / "train" / "4" / ".DS_Store").touch()
    (kaggle / "DATASET" / "train" / ".ipynb_checkpoints").mkdir()
    for place, name in ((official, "train_00077.jpg"), (kaggle, ".DS_Store")):
        splits = read_rafdb(place)
        assert_same(splits, expected)
        note = splits.notes[0]
        assert note.startswith("Ignored 1 other files or folders: ") and name in note


def test_other_counts_than_the_published_are_noted(official, monkeypatch):
    converted, train, test = read_rafdb(official).notes
    assert converted == "Converted 21 image(s) to grayscale 48x48."
    happy = int(FACES["train"].class_counts()[3])
    assert "split train has 14 of 12271 published faces" in train
    assert f"surprise {FACES['train'].class_counts()[5]} of 1290" in train
    assert f"happy {happy} of 4772" in train and "split test has 7 of 3068" in test
    for split, faces in FACES.items():
        counts = dict(zip(CLASS_NAMES, faces.class_counts().tolist()))
        monkeypatch.setitem(raf_db.PUBLISHED_COUNTS, split, counts)
    assert read_rafdb(official).notes == (converted,)


def test_published_counts_sum_to_the_published_sizes():
    assert sum(PUBLISHED_COUNTS["train"].values()) == 12271
    assert sum(PUBLISHED_COUNTS["test"].values()) == 3068
    assert PUBLISHED_COUNTS["train"]["happy"] == 4772
    assert PUBLISHED_COUNTS["test"]["neutral"] == 680


def real_folder():
    place = Path(os.environ.get("FER_KERAS_RAFDB") or "absent").expanduser()
    return place if has_rafdb(place) else None


@pytest.mark.skipif(
    real_folder() is None, reason="FER_KERAS_RAFDB names no directory with the real RAF-DB"
)
def test_real_data_has_the_published_class_counts():
    splits = read_rafdb(real_folder())
    for split, faces in (("train", splits.train), ("test", splits.test)):
        counts = dict(zip(CLASS_NAMES, faces.class_counts().tolist()))
        assert counts == PUBLISHED_COUNTS[split]
