"""Data sets to test on: read in any form, grouped, and matched to a network's classes."""

import shutil
import unicodedata

import numpy as np
import pytest
from helpers import patterned_faces, textured
from PIL import Image

from fer_keras.data.faces import Faces, Splits
from fer_keras.data.grouping import groups_by_pattern, join_groups
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.loading import load_data
from fer_keras.data.other_data import OtherData, match_classes, read_other_data
from fer_keras.utils.errors import InputError


@pytest.fixture
def frames(tmp_path):
    """Bare class folders of 12 frames, 3 of each of 4 persons, the last two the same picture."""
    place, pictures = tmp_path / "frames", textured(12)
    pictures[11] = pictures[10]
    for number, picture in enumerate(pictures):
        folder = place / ("Anger", "contempt", "Happiness")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"S{number // 3}_{number % 3}.png")
    return place


def members(other):
    """The groups as sets of file names."""
    names = np.array([name.rsplit("/", 1)[1] for name in other.faces.ids])
    return {frozenset(names[other.groups == group].tolist()) for group in set(other.groups)}


def test_joined_groups_are_linked_by_chains():
    """0-1 by the first grouping, 1-2 by the second; 3-4 by both; 5 alone."""
    joined = join_groups(np.array([7, 7, 8, 9, 9, 3]), np.array([0, 1, 1, 2, 2, 5]))
    assert [[i == j for j in joined] for i in joined] == [
        [a == b for b in (0, 0, 0, 1, 1, 2)] for a in (0, 0, 0, 1, 1, 2)
    ]


def test_bare_class_folders_are_read_whole_and_copies_count_once(frames):
    other = read_other_data("frames", frames)
    assert len(other.faces) == 12 and other.faces.class_names == ("Anger", "Happiness", "contempt")
    assert other.faces.ids[0] == "all/Anger/S0_0.png" and other.location.folder == frames
    assert len(members(other)) == 11 and frozenset({"S3_1.png", "S3_2.png"}) in members(other)
    assert "frames: 12 images in 11 groups of exact copies." in other.notes


def test_a_pattern_of_file_names_groups_persons(frames):
    other = read_other_data("frames", frames, group_by=r"^(S\d)_")
    assert members(other) == {
        frozenset(f"S{person}_{shot}.png" for shot in range(3)) for person in range(4)
    }
    some = read_other_data("frames", frames, group_by=r"^(S[01])_")
    assert len(members(some)) == 2 + 3 + 2  # S2's alone; of S3's, two are copies
    assert "6 of them count alone, for the pattern ^(S[01])_ gives them no group" in some.notes[-1]


@pytest.mark.parametrize(("stored", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_of_names_are_matched_however_they_are_spelt(frames, stored, asked):
    names = [f"é{person}_{number}.png" for person in range(4) for number in range(3)]
    for image in frames.rglob("*.png"):
        image.rename(image.with_name(unicodedata.normalize(stored, f"é{image.name[1:]}")))
    pattern = unicodedata.normalize(asked, "^(é[0-9])_")
    assert "12 images in 4 groups by the pattern" in read_other_data("f", frames, pattern).notes[-1]
    rows = [unicodedata.normalize(asked, f"{name},{name[1]}") for name in names]
    (frames / "groups.csv").write_text("\n".join(["file,group", *rows]) + "\n", encoding="utf-8")
    assert "12 images in 4 groups by groups.csv" in read_other_data("f", frames).notes[-1]


@pytest.mark.parametrize("form", ["paths", "names"])
def test_a_table_of_groups_goes_before_a_pattern(frames, form):
    """S0 and S1 are one person; copies of S3 join its other two groups."""
    groups = {"S0": "a", "S1": "a", "S2": "b"}
    rows = ["file,group"]
    for path in sorted(frames.glob("*/*.png")):
        file = path.relative_to(frames).as_posix() if form == "paths" else path.name
        rows.append(f"{file},{groups.get(path.name[:2], path.name)}")
    (frames / "groups.csv").write_text("\n".join(rows) + "\n")
    other = read_other_data("frames", frames, group_by=r"(\d)\.png")
    assert sorted(map(len, members(other))) == [1, 2, 3, 6]
    assert "12 images in 4 groups by groups.csv and exact copies" in other.notes[-1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,group\nS0_0.png,a", "has the columns name, group; it needs the columns file"),
        ("file,group\nS0_0.png,a\nS0_0.png,b", "gives S0_0.png two groups, at row 2"),
        ("file,group\nS0_0.png,\nS1_0.png, ", "names none of the 12 images"),
        ("file,group\nsame.png,a", "names same.png, and 2 images are called so; give their paths"),
        ("file,group\nother.png,a", "names none of the 12 images, such as Anger/S0_0.png"),
    ],
)
def test_bad_tables_are_one_sentence(frames, table, message):
    if "same.png" in table:
        for folder in ("Anger", "Happy"):
            (frames / folder).mkdir(exist_ok=True)
            shutil.copy(next(frames.glob("*/*.png")), frames / folder / "same.png")
    (frames / "groups.csv").write_text(table + "\n")
    with pytest.raises(InputError, match=message):
        read_other_data("frames", frames)


def test_a_table_in_another_encoding_is_one_sentence(frames):
    (frames / "groups.csv").write_bytes("file,group\nJürgen.png,a\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"groups\.csv is no CSV file in UTF-8"):
        read_other_data("frames", frames)


def test_images_without_a_group_count_alone():
    files = ["1_a.png", "1_b.png", "x.png", "y.png"]
    assert groups_by_pattern(r"^([0-9]*)", files) == ["1", "1", None, None]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(S", "is no regular expression"), ("S.", "has no group in parentheses")],
)
def test_bad_patterns_are_one_sentence(frames, pattern, message):
    with pytest.raises(InputError, match=message):
        read_other_data("frames", frames, group_by=pattern)


def test_test_images_are_taken_where_there_are_some_else_all(data, rafdb, frames):
    assert len(read_other_data("fer2013", data).faces) == 70
    assert len(read_other_data("raf-db", rafdb).faces) == 35
    (data / "fer2013.csv").unlink()
    assert len(read_other_data("folder", data).faces) == 70
    (data / "test").rename(data.parent / "gone")
    assert len(read_other_data("folder", data).faces) == 280
    with pytest.raises(InputError, match="holds no faces"):
        read_other_data("none", frames / "Anger")


def test_class_folders_alone_are_divided_at_random_where_one_says_so(frames):
    said = r"holds Anger, Happiness, contempt and no train/.*--set division=random"
    with pytest.raises(InputError, match=said):
        load_data(frames)
    splits = load_data(frames, division="random")
    everyone = [*splits.train.ids, *splits.test.ids]
    assert sorted(everyone) == sorted(read_other_data("frames", frames).faces.ids)
    assert splits.train.class_names == ("Anger", "Happiness", "contempt") and len(splits.test) == 3
    assert splits.name == "frames" and splits.folder == frames


def test_classes_are_matched_by_name_and_the_rest_is_said(frames):
    """Anger is FER2013's code 0, Happiness its code 3; nobody knows contempt."""
    whole = read_other_data("frames", frames, group_by=r"^(S\d)_")
    other = match_classes(whole, CLASS_NAMES)
    assert other.faces.class_names == CLASS_NAMES
    assert other.faces.labels.tolist() == [0] * 4 + [3] * 4
    assert sorted(map(len, members(other))) == [2] * 4
    left_out, absent = other.notes
    assert "4 image(s) of contempt are left out" in left_out
    assert "no images of disgust, fear, sad, surprise, neutral" in absent


def test_other_orders_of_classes_do_no_harm():
    faces = patterned_faces(70)
    turned = Faces(faces.images, 6 - faces.labels, faces.ids, CLASS_NAMES[::-1])
    other = match_classes(OtherData("x", turned, np.arange(70)), CLASS_NAMES)
    np.testing.assert_array_equal(other.faces.labels, faces.labels)
    assert other.notes == ()


def test_matched_faces_lie_on_disk_past_the_memory_budget(monkeypatch):
    faces = patterned_faces(70)
    monkeypatch.setenv("FER_KERAS_MEMORY", "0")
    other = match_classes(OtherData("x", faces, np.arange(70)), CLASS_NAMES)
    assert isinstance(other.faces.images, np.memmap)
    np.testing.assert_array_equal(other.faces.images, faces.images)


def test_no_class_in_common_is_said():
    faces = patterned_faces(20, class_names=("calm", "tense"))
    other = read_other_data("moods", Splits(faces, faces))
    with pytest.raises(InputError, match="moods has images of calm, tense, and a network knows"):
        match_classes(other, CLASS_NAMES)
