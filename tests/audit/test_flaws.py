from dataclasses import replace

import numpy as np
import pytest
from helpers import jpeg, smooth

from fer_keras.audit.flaws import blanks, conflicts, exact_copies, near_copies, pair_forms
from fer_keras.data.faces import Splits, concatenate, split_names


def jpeg_copies(images):
    return np.stack([jpeg(image, quality=95) for image in images])


def test_leaked_finds_planted_copies_and_nothing_else(make_faces):
    train, test = make_faces(50), make_faces(20, "PublicTest")
    images = test.images.copy()
    images[3], images[11] = train.images[40], train.images[0]
    images[5] = train.images[7]
    images[5, 0, 0] ^= 1  # nearly a copy
    test = replace(test, images=images)
    assert np.flatnonzero(Splits(train, test).leaked()).tolist() == [3, 11]
    validation = make_faces(10, seed=3)
    validation = replace(validation, images=np.r_[images[8:9], validation.images[1:]])
    assert np.flatnonzero(Splits(train, test, validation).leaked()).tolist() == [3, 8, 11]


@pytest.fixture
def flawed(make_faces):
    """30 training and 20 test faces with planted copies, conflicts and blanks."""
    faces = concatenate(make_faces(30), make_faces(20, "PublicTest"))
    images, labels = faces.images.copy(), faces.labels.copy()
    images[8] = images[1]  # the same class, in Training
    images[2] = images[16]
    images[32] = images[16]  # twice in Training, once in PublicTest, all of class 2
    images[40] = images[5]
    labels[40] = (labels[5] + 1) % 7  # a conflict across splits
    images[20] = 0
    images[45] = 255
    images[25] = 128
    images[25, :2] = 140  # nearly blank: 96 of 2304 pixels are 12 levels lighter
    return replace(faces, images=images, labels=labels)


def test_exact_copies_are_counted_in_each_split_and_nothing_else(flawed):
    counts = exact_copies(flawed)
    assert counts.columns.tolist() == ["Training", "PublicTest"]
    found = {place: tuple(row) for place, row in enumerate(counts.to_numpy()) if row.any()}
    assert found == {
        1: (1, 0), 8: (1, 0), 2: (1, 1), 16: (1, 1), 32: (2, 0), 5: (0, 1), 40: (1, 0),
    }  # fmt: skip
    is_test = split_names(flawed.ids) == "PublicTest"
    expected = Splits(flawed.select(~is_test), flawed.select(is_test)).leaked()
    assert ((counts["Training"] > 0)[is_test].to_numpy() == expected).all()


def test_conflicts_are_identical_images_with_different_labels_and_nothing_else(flawed):
    found = conflicts(flawed)
    assert found["group"].tolist() == [1, 1] and found["position"].tolist() == [5, 40]
    assert found["id"].tolist() == ["Training/row6", "PublicTest/row11"]
    assert found["class"].tolist() == ["surprise", "neutral"]


def test_blank_and_nearly_blank_images_are_told_apart(flawed):
    found = blanks(flawed).set_index("position")
    assert found["kind"].to_dict() == {20: "blank", 25: "nearly blank", 45: "blank"}
    assert found["level"].to_dict() == {20: 0, 25: 128.5, 45: 255}
    share = 96 / 2304
    assert found["deviation"][25] == pytest.approx(12 * np.sqrt(share * (1 - share)))


def test_near_copies_are_shared_by_exact_ones(flawed):
    # 1 and 8 are equal; a near copy of 8 is one of 1 too, and both of them are near copies of it.
    near = near_copies(flawed, np.array([8]), np.array([44]))
    assert {place: tuple(row) for place, row in enumerate(near.to_numpy()) if row.any()} == {
        1: (False, True), 8: (False, True), 44: (True, False),
    }  # fmt: skip


def test_forms_pair_and_show_relabelled_and_missing_images(make_faces):
    test = smooth(make_faces(28, "PublicTest"), 1)
    csv = concatenate(smooth(make_faces(70)), test)
    labels = csv.labels.copy()
    labels[3] = (labels[3] + 1) % 7
    ids = csv.ids.copy()
    ids[9] = "PublicTest/moved"
    folder = replace(csv, images=jpeg_copies(csv.images), ids=ids, labels=labels)
    folder = folder.select(np.arange(97)[::-1])
    pairs = pair_forms(csv, folder).set_index("first").sort_index()
    assert pairs.index.tolist() == list(range(97))
    assert pairs["second"].tolist() == list(range(97))[::-1]
    assert np.flatnonzero(pairs["class"] != pairs["second_class"]).tolist() == [3]
    assert np.flatnonzero(pairs["split"] != pairs["second_split"]).tolist() == [9]
    assert 0 < pairs["distance"].max() < 8
