import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import name_in_latin1
from PIL import Image

from fer_keras.data.faces import Faces
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.image_folder import (
    link_training_folder,
    read_all_images,
    read_image_folder,
    write_image_folder,
)
from fer_keras.data.readers.listing import has_image_folder
from fer_keras.utils.errors import InputError

rng = np.random.default_rng(0)


def noise(*shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)


def put(path, pixels=None):
    """Write an image losslessly (under any name), by default 48x48 noise; return its pixels."""
    pixels = noise(48, 48) if pixels is None else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")
    return pixels


@pytest.fixture
def folder(tmp_path):
    """One image a class in both splits: constant, of grey level 10 * (class + 1)."""
    for split in ("train", "test"):
        for label, name in enumerate(CLASS_NAMES):
            grey = np.full((48, 48), 10 * (label + 1), np.uint8)
            put(tmp_path / "set" / split / name / "a.png", grey)
    return tmp_path / "set"


def test_labels_are_canonical_not_alphabetical(folder):
    splits = read_image_folder(folder)
    for faces in (splits.train, splits.test):
        assert faces.class_names == CLASS_NAMES
        assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
        assert faces.images.mean((1, 2)).tolist() == [10, 20, 30, 40, 50, 60, 70]
    assert splits.validation is None and splits.notes == ()


def test_folder_names_and_extensions_are_read_in_any_case(folder):
    (folder / "train").rename(folder / "TRAIN")
    (folder / "test").rename(folder / "Test")
    (folder / "TRAIN" / "happy").rename(folder / "TRAIN" / "HAPPINESS")
    (folder / "TRAIN" / "angry").rename(folder / "TRAIN" / "Anger")
    expected = put(folder / "TRAIN" / "Anger" / "B.JPEG")
    train = read_image_folder(folder).train
    assert train.class_counts().tolist() == [2, 1, 1, 1, 1, 1, 1]
    assert train.ids[:2].tolist() == ["Training/angry/B.JPEG", "Training/angry/a.png"]
    np.testing.assert_array_equal(train.images[0], expected)
    assert has_image_folder(folder) and not has_image_folder(folder / "TRAIN")


def test_files_come_in_natural_order_whatever_the_order_of_creation(folder):
    for name in ("10.png", "9.png", "x2y10.png", "x2y9.png", "1.png", "01.png"):
        put(folder / "train" / "sad" / name)
    train = read_image_folder(folder).train
    names = [name.removeprefix("Training/sad/") for name in train.ids[train.labels == 4]]
    assert names == ["01.png", "1.png", "9.png", "10.png", "a.png", "x2y9.png", "x2y10.png"]


def test_split_is_recovered_from_the_file_name(folder):
    for name in ("PublicTest_7.jpg", "PrivateTest_8.jpg", "Publication_9.jpg"):
        put(folder / "test" / "fear" / name)
    put(folder / "train" / "fear" / "Training_3.jpg")
    splits = read_image_folder(folder)
    assert splits.train.ids[splits.train.labels == 2].tolist() == [
        "Training/fear/Training_3.jpg",
        "Training/fear/a.png",
    ]
    assert splits.test.ids[splits.test.labels == 2].tolist() == [
        "PrivateTest/fear/PrivateTest_8.jpg",
        "PublicTest/fear/PublicTest_7.jpg",
        "test/fear/Publication_9.jpg",
        "test/fear/a.png",
    ]


def test_names_that_are_no_utf8_become_text_that_can_be_stored(folder):
    name_in_latin1(folder)
    splits = read_image_folder(folder)
    assert splits.train.class_names[3] == splits.test.class_names[3] == r"ga\xeet\xe9"
    assert r"Training/sad/\xe9t\xe9.jpg" in splits.train.ids.tolist()
    assert r"train/sad/\xe0 lire.txt" in " ".join(splits.notes)
    assert all(map(str.isprintable, (*splits.train.ids.tolist(), *splits.notes)))


def test_folders_that_are_no_split_here_are_named(folder):
    assert not any("is not read" in note for note in read_image_folder(folder).notes)
    shutil.copytree(folder / "test", folder / "val")
    (folder / "papers" / "drafts").mkdir(parents=True)
    assert "val is not read: only train/ and test/ are" in " ".join(read_image_folder(folder).notes)
    assert "papers" not in " ".join(read_image_folder(folder).notes)


@pytest.mark.parametrize("name", ["validation", "Valid", "val"])
def test_a_validation_folder_is_tested_where_there_is_no_test_folder(folder, name):
    expected = read_image_folder(folder)
    (folder / "test").rename(folder / name)
    splits = read_image_folder(folder)
    assert splits.test.ids.tolist() == expected.test.ids.tolist()
    assert np.array_equal(splits.test.images, expected.test.images)
    assert len(splits.train) == len(expected.train)
    assert f"There is no folder test/: the images of {name}/ are tested" in " ".join(splits.notes)
    assert "is not read" not in " ".join(splits.notes)
    assert len(read_all_images(folder)[0]) == 2 * len(CLASS_NAMES)


def test_two_folders_of_one_class_are_both_read_under_unique_ids(folder):
    expected = put(folder / "train" / "happiness" / "a.png")
    third = put(folder / "train" / "HAPPY" / "a.png")
    put(folder / "train" / "happiness" / "a#2.png")
    happy = read_image_folder(folder).train
    happy = happy.select(happy.labels == 3)
    assert len(set(happy.ids)) == len(happy) == 4
    assert any((image == expected).all() for image in happy.images)
    assert any((image == third).all() for image in happy.images)
    assert all(re.fullmatch(r"Training/happy/a[#\d]*\.png", name) for name in happy.ids)


def test_hidden_and_foreign_entries_are_ignored_and_counted(folder):
    put(folder / "train" / ".ipynb_checkpoints" / "a-checkpoint.png")
    put(folder / "train" / "happy" / ".ipynb_checkpoints" / "a-checkpoint.png")
    put(folder / "train" / "happy" / "._a.png")
    put(folder / "train" / "happy" / "nested" / "1.png")
    put(folder / "test" / "loose.png")
    (folder / "test" / ".DS_Store").write_bytes(b"\0")
    os.mkfifo(folder / "train" / "sad" / "pipe.png")
    (folder / "train" / "sad" / "loop.png").symlink_to(folder / "train" / "sad" / "loop.png")
    (folder / "test" / "sad" / "notes.txt").write_text("not an image")
    splits = read_image_folder(folder)
    assert len(splits.train) == len(splits.test) == 7
    note, below = splits.notes
    assert below.startswith("1 picture(s) in these folders are not read; move them up")
    assert "Ignored 9 other files or folders: " in note and "train/happy/nested" in note


@pytest.mark.parametrize("split", ["train", "test"])
def test_pictures_of_other_kinds_alone_are_refused(folder, split):
    for number in range(3):
        Image.fromarray(noise(48, 48)).save(folder / split / "fear" / f"{number}.webp")
    ignored, unread, *_ = read_image_folder(folder).notes
    assert "Ignored 3 other files" in ignored
    assert unread.startswith(f"3 of them are pictures of kinds that are not read, such as {split}/")
    (folder / split / "fear" / "a.png").unlink()
    with pytest.raises(
        InputError, match=r"fear holds 3 picture\(s\) such as 0\.webp, which are not"
    ):
        read_image_folder(folder)


def test_a_program_in_a_pictures_clothes_is_not_started(folder, tmp_path, monkeypatch):
    started = tmp_path / "started"
    for name in ("gs", "gswin64c"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ntouch {started}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n%%EndComments\nshowpage\n%%EOF\n"
    (folder / "train" / "happy" / "a.jpg").write_bytes(eps)
    with pytest.raises(InputError, match="not a picture of the kinds JPEG, PNG"):
        read_image_folder(folder)
    assert not started.exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_missing_split_is_refused(folder, split):
    (folder / split).rename(folder / "holdout")
    with pytest.raises(InputError, match=f"no folder '{split}'.*holdout"):
        read_image_folder(folder)


def test_absent_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        read_image_folder(tmp_path / "nowhere")


def test_class_without_training_images_is_refused_but_noted_in_test(folder):
    (folder / "test" / "disgust" / "a.png").unlink()
    shutil.rmtree(folder / "test" / "fear")
    assert "no images of disgust, fear" in read_image_folder(folder).notes[0]
    (folder / "train" / "disgust" / "a.png").unlink()
    with pytest.raises(InputError, match="no images of disgust;"):
        read_image_folder(folder)


def test_empty_test_folder_is_refused(folder):
    shutil.rmtree(folder / "test")
    (folder / "test").mkdir()
    with pytest.raises(InputError, match="test folder of .* has no images"):
        read_image_folder(folder)


def damage(folder):
    """Plant five unreadable files; return their names."""
    fear = folder / "train" / "fear"
    image = Image.fromarray(noise(48, 48))
    image.save(fear / "cut.jpg")
    image.save(fear / "cut.png")
    for name in ("cut.jpg", "cut.png"):
        (fear / name).write_bytes((fear / name).read_bytes()[:1000])
    (fear / "empty.jpg").touch()
    (fear / "text.jpg").write_text("<html>Not found</html>")
    (folder / "test" / "sad" / "lfs.png").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1500\n"
    )
    return ["train/fear/" + name for name in ("cut.jpg", "cut.png", "empty.jpg", "text.jpg")] + [
        "test/sad/lfs.png"
    ]


def test_damaged_images_are_refused_by_name(folder):
    names = damage(folder)
    with pytest.raises(InputError) as caught:
        read_image_folder(folder)
    for part in [*names, "5 damaged", "truncated", "empty file", "Git LFS pointer"]:
        assert part in str(caught.value)


def test_damaged_images_are_skipped_on_demand_and_the_others_kept(folder):
    whole = read_image_folder(folder)
    names = damage(folder)
    splits = read_image_folder(folder, on_bad="skip")
    np.testing.assert_array_equal(splits.train.images, whole.train.images)
    assert splits.train.ids.tolist() == whole.train.ids.tolist()
    assert splits.test.ids.tolist() == whole.test.ids.tolist()
    (note,) = splits.notes
    assert "Skipped 5 damaged" in note and all(name in note for name in names)


def test_long_lists_of_damaged_images_are_cut_after_ten(folder):
    for number in range(13):
        (folder / "train" / "sad" / f"{number}.jpg").touch()
    (note,) = read_image_folder(folder, on_bad="skip").notes
    assert "sad/9.jpg" in note and "sad/10.jpg" not in note and "and 3 more" in note


def test_class_whose_images_are_all_skipped_is_refused(folder):
    (folder / "train" / "disgust" / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match="no images of disgust"):
        read_image_folder(folder, on_bad="skip")


def test_other_values_of_on_bad_are_refused(folder):
    with pytest.raises(InputError, match="on_bad is 'ignore'; choose one of raise, skip"):
        read_image_folder(folder, on_bad="ignore")


def test_sixteen_bit_gray_is_scaled_not_clipped(folder):
    gradient = np.linspace(0, 65535, 48 * 48).astype(np.uint16).reshape(48, 48)
    put(folder / "train" / "angry" / "gradient.png", gradient)
    splits = read_image_folder(folder)
    expected = gradient * (255 / 65535)
    assert np.abs(splits.train.images[1] - expected).max() <= 0.5 + 1e-9
    assert splits.notes == ("Converted 1 image(s) to grayscale 48x48.",)


def test_a_turned_picture_stands_upright_and_transparent_parts_are_white(folder):
    upright = np.repeat(np.arange(0, 240, 5, dtype=np.uint8)[:, None], 48, axis=1)
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    angry = folder / "train" / "angry"
    Image.fromarray(upright[::-1]).save(angry / "m_turned.jpg", exif=turned, quality=100)
    half = np.dstack([np.full((48, 48), 60, np.uint8), np.full((48, 48), 255, np.uint8)])
    half[:24, :, 1] = 0
    Image.fromarray(half, "LA").save(angry / "n_half.png")
    _, turned, half = read_image_folder(folder).train.images[:3]
    assert np.abs(turned.astype(int) - upright).max() <= 3
    assert (half[:24] == 255).all() and (half[24:] == 60).all()


def test_grey_levels_of_unknown_range_are_refused(folder):
    for kind, levels in (("I", np.int32), ("F", np.float32)):
        path = folder / "train" / "angry" / "deep.png"
        Image.fromarray(np.full((48, 48), 200, levels), kind).save(path, "TIFF")
        with pytest.raises(InputError, match=r"deep.png \(grey levels of 32 bits"):
            read_image_folder(folder)


def test_a_damaged_jpeg_is_refused_where_libjpeg_notices(folder):
    """Pillow reads on after a changed byte or without an end, and invents what is missing."""
    path = folder / "train" / "angry" / "face.jpg"
    Image.fromarray(noise(48, 48)).save(path, quality=90)
    whole = path.read_bytes()
    start, random, refused = whole.index(b"\xff\xda"), np.random.default_rng(0), 0
    for place in random.integers(start + 12, len(whole) - 2, 60):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_image_folder(folder)
        except InputError as error:
            assert "face.jpg (" in str(error)
            refused += 1
    assert refused > 20  # JPEG has no checksum: the others are other pictures
    path.write_bytes(whole[:-2])
    with pytest.raises(InputError, match=r"face.jpg \(Premature end of JPEG file"):
        read_image_folder(folder)


def test_one_bit_images_become_black_and_white(folder):
    mask = noise(48, 48) > 127
    put(folder / "train" / "angry" / "mask.png", mask)
    np.testing.assert_array_equal(read_image_folder(folder).train.images[1], 255 * mask)


def test_colour_becomes_luminance_and_large_flat_areas_keep_their_grey(folder):
    colour = np.zeros((96, 120, 3), np.uint8)
    colour[:] = (200, 100, 50)
    put(folder / "train" / "angry" / "colour.png", colour)
    # ITU-R 601-2: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
    np.testing.assert_array_equal(read_image_folder(folder).train.images[1], 124)


def test_linked_pictures_of_any_kind_look_the_same_to_flow_from_directory(folder, tmp_path):
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    angry = folder / "train" / "angry"
    pictures = {
        "deep.png": Image.fromarray(np.linspace(0, 65535, 2304).astype(np.uint16).reshape(48, 48)),
        "big.png": Image.fromarray(noise(131, 77)),
        "colour.png": Image.fromarray(noise(48, 48, 3)),
        "indexed.png": Image.fromarray(noise(64, 64, 3)).quantize(32),
        "mask.png": Image.fromarray(noise(30, 30) > 127),
        "see_through.png": Image.fromarray(noise(20, 20, 4)),
        "small.jpg": Image.fromarray(noise(11, 17, 3)),
    }
    for name, picture in pictures.items():
        picture.save(angry / name)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(noise(90, 60)).save(angry / "turned.jpg", exif=turned, quality=95)
    splits = read_image_folder(folder)
    link_training_folder(folder, splits.train, tmp_path / "links")
    batch, _ = ImageDataGenerator().flow_from_directory(
        tmp_path / "links",
        target_size=(48, 48),
        color_mode="grayscale",
        interpolation="bilinear",
        classes=list(CLASS_NAMES),
        batch_size=len(splits.train),
        shuffle=False,
    )[0]
    np.testing.assert_array_equal(splits.train.images, batch[..., 0])
    assert splits.notes == ("Converted 8 image(s) to grayscale 48x48.",)


def test_linked_folder_shows_flow_from_directory_exactly_the_subset(folder, tmp_path, monkeypatch):
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    for number in range(5):
        put(folder / "train" / "Neutral" / f"Training_{number}.jpg")
        put(folder / "train" / "sad" / f"Training_{number}.jpg")
    put(folder / "train" / "neutral" / "Training_3.jpg")
    monkeypatch.chdir(tmp_path)
    train = read_image_folder("set").train
    # Not a single face of disgust, and both of the neutral ones called Training_3.jpg.
    subset = train.select(np.isin(train.labels, (4, 6)) & (train.ids != "Training/sad/a.png"))
    link_training_folder("set", subset, tmp_path / "links")
    monkeypatch.chdir("/")
    flow = ImageDataGenerator().flow_from_directory(
        tmp_path / "links",
        target_size=(48, 48),
        color_mode="grayscale",
        classes=list(CLASS_NAMES),
        class_mode="sparse",
        batch_size=100,
        shuffle=False,
    )
    batch, labels = flow[0]
    assert flow.class_indices == {name: label for label, name in enumerate(CLASS_NAMES)}

    def as_set(images, labels):
        return {
            (image.astype(np.uint8).tobytes(), int(label))
            for image, label in zip(images, labels, strict=True)
        }

    assert len(batch) == len(subset) == 12
    assert as_set(batch, labels) == as_set(subset.images, subset.labels)
    links = [path for path in (tmp_path / "links").rglob("*") if path.is_symlink()]
    assert len(links) == 12 and all(Path(os.readlink(path)).is_absolute() for path in links)


def test_links_to_unknown_ids_or_into_a_filled_folder_are_refused(folder, tmp_path):
    splits = read_image_folder(folder)
    (folder / "test" / "angry" / "a.png").unlink()
    with pytest.raises(InputError, match=r"1 face\(s\) are not .*: test/angry/a\.png;"):
        link_training_folder(folder, splits.test, tmp_path / "links")
    assert not (tmp_path / "links").exists()
    link_training_folder(folder, splits.train.select([0]), tmp_path / "links")
    with pytest.raises(InputError, match="not empty"):
        link_training_folder(folder, splits.train.select([1]), tmp_path / "links")


def test_written_folder_has_the_layout_and_reads_back(tmp_path):
    smooth = np.add.outer(np.arange(48), np.arange(48)).astype(np.uint8)
    images = np.stack([smooth + 10 * place for place in range(10)]).astype(np.uint8)
    labels = np.array([3, 0, 1, 2, 4, 5, 6, 3, 3, 0])
    ids = np.array(
        [f"Training/{row}" for row in range(7)]
        + ["PublicTest/row8", "PrivateTest/row9", "PublicTest/row10"]
    )
    write_image_folder(Faces(images, labels, ids, CLASS_NAMES), tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    order = ("happy", "angry", "disgust", "fear", "sad", "surprise", "neutral")
    assert written == {
        *(f"train/{name}/Training_{number}.jpg" for number, name in enumerate(order, 1)),
        "test/happy/PublicTest_1.jpg",
        "test/angry/PublicTest_2.jpg",
        "test/happy/PrivateTest_1.jpg",
    }
    assert sorted(os.listdir(tmp_path / "test")) == sorted(CLASS_NAMES)
    with Image.open(tmp_path / "train" / "happy" / "Training_1.jpg") as image:
        assert image.format == "JPEG" and image.mode == "L"
        # Step of the first coefficient: 16 in the standard's table, (200 - 2 * 95) % of it is 2.
        assert image.quantization[0][0] == 2

    splits = read_image_folder(tmp_path)
    back = splits.train.images[splits.train.labels == 3][0].astype(int)
    assert np.abs(back - images[0]).max() <= 4
    assert splits.test.ids.tolist() == [
        "PublicTest/angry/PublicTest_2.jpg",
        "PrivateTest/happy/PrivateTest_1.jpg",
        "PublicTest/happy/PublicTest_1.jpg",
    ]


def real_folder():
    place = Path(os.environ.get("FER_KERAS_DATA") or "absent").expanduser()
    return next((path for path in (place, place / "fer2013") if has_image_folder(path)), None)


@pytest.mark.skipif(
    real_folder() is None, reason="FER_KERAS_DATA names no directory with FER2013's image folder"
)
def test_real_folder_has_the_published_class_counts():
    splits = read_image_folder(real_folder())
    is_public = np.char.startswith(splits.test.ids, "PublicTest/")
    assert splits.train.class_counts().tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    public = splits.test.select(is_public)
    assert public.class_counts().tolist() == [467, 56, 496, 895, 653, 415, 607]
    assert np.char.startswith(splits.train.ids, "Training/").all()
