from dataclasses import replace

import numpy as np
import pytest

from fer_keras.data.faces import (
    Faces,
    Splits,
    concatenate,
    copy_groups,
    keep_classes,
    split_names,
)
from fer_keras.data.splitting import cut_validation, split_at_random
from fer_keras.utils.errors import InputError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((3, 48, 48), np.float32)}, "float32"),
        ({"images": np.zeros((3, 24, 24), np.uint8)}, "24"),
        ({"labels": np.array([0, 1])}, "3 images"),
        ({"ids": np.array(["Training/1"])}, "3 images"),
        ({"labels": np.array([0, 1, 7])}, r"0\.\.6.*0\.\.7"),
        ({"labels": np.array([-1, 1, 2])}, r"-1\.\.2"),
        ({"labels": np.array([0.0, 1.0, 2.0])}, "must be integers; got float64"),
        ({"labels": [0, 1, 2]}, "The labels are of type list; give an array"),
        ({"images": 3}, "The images are of type int; give an array"),
    ],
)
def test_faces_that_do_not_fit_together_are_refused(make_faces, change, message):
    good = vars(make_faces(3))
    with pytest.raises(InputError, match=message):
        Faces(**{**good, **change})


def test_splits_whose_classes_stand_in_another_order_are_refused(make_faces):
    train = make_faces(7)
    test = replace(train, class_names=train.class_names[::-1], labels=6 - train.labels)
    with pytest.raises(InputError, match="the same ones, in the same order"):
        Splits(train, test)
    with pytest.raises(InputError, match="the same ones, in the same order"):
        Splits(train, train, validation=test)


@pytest.mark.parametrize("part", ["train", "test", "validation"])
def test_splits_of_something_else_than_faces_are_refused(make_faces, part):
    splits = Splits(make_faces(2), make_faces(2))
    with pytest.raises(InputError, match="Splits take Faces, and were given ndarray"):
        replace(splits, **{part: splits.test.images})


def test_class_names_in_a_list_are_those_in_a_tuple(make_faces):
    faces = make_faces(2)
    Splits(replace(faces, class_names=list(faces.class_names)), faces)


def test_select_and_concatenate_keep_images_labels_and_ids_together(make_faces):
    faces = make_faces(10)
    both = concatenate(faces.select([7, 2]), faces.select(slice(0, 1)))
    assert both.ids.tolist() == ["Training/row8", "Training/row3", "Training/row1"]
    assert both.labels.tolist() == [0, 2, 0]
    np.testing.assert_array_equal(both.images, faces.images[[7, 2, 0]])


def test_concatenate_refuses_other_classes(make_faces):
    with pytest.raises(ValueError, match="Different classes"):
        concatenate(make_faces(4), make_faces(4, class_names=("a", "b")))


def test_class_counts_include_absent_classes(make_faces):
    assert make_faces(9).select([0, 7, 1]).class_counts().tolist() == [2, 1, 0, 0, 0, 0, 0]


def test_kept_classes_are_labelled_by_their_new_place(make_faces):
    faces = make_faces(21)  # labels 0 to 6, three times
    kept = keep_classes(faces, ("angry", "happy", "neutral"))
    assert kept.class_names == ("angry", "happy", "neutral")
    assert kept.labels.tolist() == [0, 1, 2] * 3
    assert kept.ids.tolist() == [f"Training/row{n}" for n in (1, 4, 7, 8, 11, 14, 15, 18, 21)]
    np.testing.assert_array_equal(kept.images[1], faces.images[3])


def test_split_names_are_what_stands_before_the_first_slash():
    ids = np.array(["Training/row1", "PublicTest/happy/PublicTest_7.jpg"])
    assert split_names(ids).tolist() == ["Training", "PublicTest"]


def test_copy_groups_join_equal_images_only():
    images = np.zeros((5, 48, 48), np.uint8)
    images[1, 47, 47] = 1  # one grey level in one corner
    images[3] = images[1]
    images[4] = 200
    assert copy_groups(images).tolist() == [0, 1, 0, 1, 2]


def test_a_random_division_keeps_each_class_in_proportion(make_faces):
    faces = make_faces(700)
    first, again, other = (split_at_random(faces, seed) for seed in (3, 3, 4))
    assert sorted([*first.train.ids, *first.test.ids]) == sorted(faces.ids)
    assert first.test.class_counts().tolist() == [20] * 7
    assert first.test.ids.tolist() == again.test.ids.tolist() != other.test.ids.tolist()


def test_too_few_faces_for_a_division_are_named(make_faces):
    with pytest.raises(InputError, match=r"8 faces .*\[2, 1, 1, 1, 1, 1, 1\]"):
        split_at_random(make_faces(8), seed=0)


def test_validation_is_stratified_disjoint_and_complete(make_faces):
    train = make_faces(350)
    cut = cut_validation(Splits(train, make_faces(7, "PublicTest")), 0.2, seed=1)
    assert cut.validation.class_counts().tolist() == [10] * 7
    assert sorted([*cut.train.ids, *cut.validation.ids]) == sorted(train.ids)


@pytest.mark.parametrize("seed", range(5))
def test_exact_copies_stay_on_one_side_of_the_validation_cut(make_faces, seed):
    train = make_faces(350)
    images = train.images.copy()
    # Copies in pairs, some with a conflicting label.
    images[1::10] = images[0::10]
    train = Faces(images, train.labels, train.ids, train.class_names)
    cut = cut_validation(Splits(train, make_faces(7, "PublicTest")), 0.3, seed)
    in_train = {image.tobytes() for image in cut.train.images}
    assert not any(image.tobytes() in in_train for image in cut.validation.images)
    assert len(cut.train) + len(cut.validation) == 350
    assert 80 <= len(cut.validation) <= 130


def with_targets(faces):
    """Give faces targets of 0.75 for their own class and 0.25 for the next."""
    one_hot = np.eye(len(faces.class_names), dtype=np.float32)[faces.labels]
    return replace(faces, targets=0.75 * one_hot + 0.25 * np.roll(one_hot, 1, axis=1))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.full((3, 7), 1 / 7), "float64"),
        ([[1 / 7] * 7] * 3, "The targets are of type list; give an array"),
        (np.full((3, 8), 1 / 8, np.float32), r"shape \(3, 7\); got float32 \(3, 8\)"),
        (np.full((2, 7), 1 / 7, np.float32), r"got float32 \(2, 7\)"),
        (np.full((3, 7), 1 / 6, np.float32), "sum to 1"),
        (np.full((3, 7), np.nan, np.float32), "sum to 1"),
        (np.float32([[2, -1, 0, 0, 0, 0, 0]] * 3), "shares from 0 to 1"),
    ],
)
def test_targets_that_are_no_shares_are_refused(make_faces, targets, message):
    with pytest.raises(ValueError, match=message):
        replace(make_faces(3), targets=targets)


def test_targets_follow_their_faces(make_faces):
    faces = with_targets(make_faces(10))
    both = concatenate(faces.select([7, 2]), faces.select(slice(0, 1)))
    np.testing.assert_array_equal(both.targets, faces.targets[[7, 2, 0]])
    cut = cut_validation(Splits(with_targets(make_faces(70)), make_faces(7)), 0.2, seed=0)
    for part in (cut.train, cut.validation):
        np.testing.assert_array_equal(part.targets, with_targets(part).targets)


def test_faces_with_and_without_targets_are_not_joined(make_faces):
    with pytest.raises(ValueError, match="Only one of the two parts has targets"):
        concatenate(with_targets(make_faces(4)), make_faces(4))


def test_a_face_whose_targets_are_all_of_dropped_classes_is_named(make_faces):
    faces = make_faces(7)
    targets = np.eye(7, dtype=np.float32)[(faces.labels + 1) % 7]
    with pytest.raises(InputError, match="targets of Training/row2 are all of other classes than"):
        keep_classes(replace(faces, targets=targets), ["angry", "disgust"])


def test_kept_classes_take_their_columns_of_the_targets_scaled_to_one(make_faces):
    faces = with_targets(make_faces(7))
    kept = keep_classes(faces, ("neutral", "angry", "disgust"))
    assert [kept.class_names[label] for label in kept.labels] == ["angry", "disgust", "neutral"]
    # angry leans to disgust, disgust to fear (which is gone), neutral to angry
    expected = [[0, 0.75, 0.25], [0, 0, 1], [0.75, 0.25, 0]]
    np.testing.assert_allclose(kept.targets, expected, rtol=1e-6)
    assert keep_classes(make_faces(7), ("angry", "sad")).targets is None
