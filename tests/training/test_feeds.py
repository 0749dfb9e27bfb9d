import dataclasses
import itertools
from dataclasses import replace

import numpy as np
import pytest

from fer_keras.data.faces import Splits, concatenate
from fer_keras.data.readers.image_folder import (
    link_training_folder,
    read_image_folder,
    write_image_folder,
)
from fer_keras.training.feeds import (
    evaluation_feed,
    feed_from,
    generator_feed,
    training_feed,
)
from fer_keras.training.recipe import AUGMENTATIONS, Recipe
from fer_keras.utils.errors import InputError

STUDY_D = AUGMENTATIONS["study_d"]


def take(feed, batches):
    return [(np.asarray(x), np.asarray(y)) for x, y in itertools.islice(iter(feed), batches)]


def images_of(batches):
    return np.concatenate([images for images, _ in batches])


@pytest.fixture
def folder(tmp_path, make_faces):
    """A written image folder, its training faces as read, and links to all of them."""
    write_image_folder(concatenate(make_faces(35), make_faces(7, "PublicTest")), tmp_path)
    faces = read_image_folder(tmp_path).train
    link_training_folder(tmp_path, faces, tmp_path / "linked")
    return faces, tmp_path / "linked"


def test_memory_feed_shows_every_face_once_an_epoch_with_its_label(make_faces):
    faces = make_faces(35)
    batches = take(training_feed(faces, 16, seed=1), 3)
    assert [len(images) for images, _ in batches] == [16, 16, 3]
    labels = {image.tobytes(): label for image, label in zip(faces.images, faces.labels)}
    assert {image.tobytes() for image in images_of(batches)} == set(labels)
    for images, one_hot in batches:
        assert images.dtype == np.uint8 and images.shape[1:] == (48, 48, 1)
        assert one_hot.sum(axis=1).tolist() == [1] * len(images)
        assert one_hot.argmax(axis=1).tolist() == [labels[image.tobytes()] for image in images]


def test_memory_feed_has_an_order_for_each_epoch_and_seed(make_faces):
    faces = make_faces(35)
    batches = take(training_feed(faces, 16, seed=1), 6)
    epochs = images_of(batches[:3]), images_of(batches[3:])
    other = images_of(take(training_feed(faces, 16, seed=2), 3))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], other)
    assert not np.array_equal(epochs[0][..., 0], faces.images)


@pytest.mark.parametrize("ranges", [{}, STUDY_D], ids=["none", "study_d"])
@pytest.mark.parametrize("kind", ["memory", "balanced", "mixed", "folder", "array"])
def test_a_feed_resumed_at_an_epoch_gives_that_epochs_batches(folder, kind, ranges):
    faces, directory = folder
    feed, more = {
        "memory": (training_feed, {}),
        "balanced": (training_feed, {"balanced_sampling": True}),
        "mixed": (training_feed, {"mixup": 0.4, "corruption": 0.5}),
        "folder": (generator_feed, {"directory": directory}),
        "array": (generator_feed, {}),
    }[kind]
    undisturbed = take(feed(faces, 16, 5, ranges, **more), 9)[6:]
    resumed = take(feed(faces, 16, 5, ranges, first_epoch=2, **more), 3)
    for (images, labels), (images_again, labels_again) in zip(undisturbed, resumed, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(labels, labels_again)


@pytest.mark.parametrize("kind", ["folder", "array"])
def test_generator_feeds_show_the_faces_that_the_reader_read(folder, kind):
    faces, directory = folder
    feed = generator_feed(faces, 16, seed=1, directory=directory if kind == "folder" else None)
    batches = take(feed, 3)
    expected = {image.tobytes(): label for image, label in zip(faces.images, faces.labels)}
    seen = {
        image.astype(np.uint8).tobytes(): label.argmax()
        for images, labels in batches
        for image, label in zip(images, labels)
    }
    assert seen == expected


def test_study_d_augmentation_changes_the_images_and_not_the_labels(folder):
    faces, directory = folder
    plain = take(generator_feed(faces, 35, 1, directory=directory), 1)[0]
    changed = take(generator_feed(faces, 35, 1, STUDY_D, directory=directory), 1)[0]
    np.testing.assert_array_equal(plain[1], changed[1])
    assert np.mean(np.abs(plain[0] - changed[0]) > 1) > 0.5
    assert changed[0].min() >= 0 and changed[0].max() <= 255


def test_memory_feed_augments_each_epoch_differently(make_faces):
    faces = make_faces(7)
    epochs = [images for images, _ in take(training_feed(faces, 7, 1, STUDY_D), 5)]
    assert epochs[0].dtype == np.uint8 and epochs[0].shape == (7, 48, 48, 1)
    pictures = {image.tobytes() for images in epochs for image in images}
    assert len(pictures) == 35
    # A face keeps its stripe's class: the labels still go with the images.
    images, labels = take(training_feed(faces, 7, 1), 1)[0]
    changed, labels_too = take(training_feed(faces, 7, 1, STUDY_D), 1)[0]
    np.testing.assert_array_equal(labels, labels_too)
    assert np.abs(images.mean((1, 2)) - changed.mean((1, 2))).max() < 25


def test_neighbouring_seeds_share_no_augmented_batch(folder):
    faces, directory = folder
    first, second = (
        images_of(take(generator_feed(faces, 16, seed, STUDY_D, directory=directory), 9))
        for seed in (0, 1)
    )
    assert not {image.tobytes() for image in first} & {image.tobytes() for image in second}


def test_evaluation_feed_keeps_the_order_and_ends(make_faces):
    faces = make_faces(20)
    batches = [(np.asarray(x), np.asarray(y)) for x, y in evaluation_feed(faces, 8)]
    np.testing.assert_array_equal(images_of(batches)[..., 0], faces.images)
    assert np.concatenate([y for _, y in batches]).argmax(axis=1).tolist() == list(faces.labels)


def test_balanced_sampling_shows_each_class_equally_often(make_faces):
    counts = [2, 40, 11]
    faces = make_faces(60, class_names=("a", "b", "c"))
    faces = faces.select(
        np.concatenate([np.flatnonzero(faces.labels == c)[:n] for c, n in enumerate(counts)])
    )
    faces = concatenate(faces, make_faces(60, seed=5, class_names=("a", "b", "c")).select([1] * 20))
    feed = training_feed(faces, 16, seed=1, balanced_sampling=True)
    steps = -(-len(faces) // 16)
    batches = take(feed, 2 * steps)
    for epoch in (batches[:steps], batches[steps:]):
        shown = np.concatenate([labels for _, labels in epoch]).sum(axis=0)
        assert shown.sum() == len(faces) and shown.max() - shown.min() <= 1
        # No face is shown twice before all of its class were shown once.
        images = [image.tobytes() for image in images_of(epoch)]
        a = [image.tobytes() for image in faces.images[faces.labels == 0]]
        times = [images.count(image) for image in a]
        assert max(times) - min(times) <= 1
    assert not np.array_equal(images_of(batches[:steps]), images_of(batches[steps:]))


def test_soft_targets_take_the_place_of_labels_in_training_only(make_faces):
    faces = make_faces(14)
    targets = np.random.default_rng(0).dirichlet(np.ones(7), 14).astype(np.float32)
    soft = dataclasses.replace(faces, targets=targets)
    ((images, given),) = take(training_feed(soft, 14, seed=1), 1)
    expected = {image.tobytes(): target for image, target in zip(faces.images, targets)}
    np.testing.assert_array_equal(given, [expected[image.tobytes()] for image in images])
    ((_, plain),) = take(evaluation_feed(soft), 1)
    assert plain.argmax(axis=1).tolist() == faces.labels.tolist() and plain.max() == 1


def test_a_folder_feed_refuses_soft_targets_that_it_could_not_give(folder, tmp_path):
    faces = replace(folder[0], targets=np.full((len(folder[0]), 7), 1 / 7, np.float32))
    splits = Splits(faces, faces, folder=tmp_path)
    recipe = Recipe(feed="image_data_generator", storage="folder")
    with pytest.raises(InputError, match="soft targets would have no effect; set feed to memory"):
        feed_from(recipe, splits, tmp_path / "run", 0)


def test_a_corrupted_feed_keeps_order_and_targets(make_faces):
    faces = make_faces(60)
    plain, some = (take(training_feed(faces, 20, 3, corruption=share), 3) for share in (0, 0.5))
    again = take(training_feed(faces, 20, 3, corruption=0.5), 3)
    changed = 0
    for (images, targets), (new, new_targets), (same, _) in zip(plain, some, again, strict=True):
        np.testing.assert_array_equal(new_targets, targets)
        np.testing.assert_array_equal(new, same)
        changed += (new != images).any(axis=(1, 2, 3)).sum()
    assert 15 <= changed <= 45


def test_mixup_mixes_targets_by_the_share_of_the_images(make_faces):
    faces = make_faces(60)
    # Flat images, whose grey level says which face it is and in what share it is there.
    levels = np.arange(60, dtype=np.uint8) * 4
    flat = dataclasses.replace(
        faces, images=np.broadcast_to(levels[:, None, None], (60, 48, 48)).copy()
    )
    plain = take(training_feed(flat, 20, 3), 3)
    mixed = take(training_feed(flat, 20, 3, mixup=0.4), 3)
    again = take(training_feed(flat, 20, 3, mixup=0.4), 3)
    num_mixed = 0
    for (images, targets), (new, new_targets), (same, _) in zip(plain, mixed, again, strict=True):
        np.testing.assert_array_equal(new, same)
        own, other = (np.array(each)[:, 0, 0, 0].astype(float) for each in (images, images[::-1]))
        level, partners = new[:, 0, 0, 0], targets[::-1]
        np.testing.assert_allclose(new_targets.sum(axis=1), 1, rtol=1e-5)
        for k in range(20):
            if targets[k].argmax() == partners[k].argmax() or abs(own[k] - other[k]) < 40:
                continue
            share = (level[k] - other[k]) / (own[k] - other[k])
            assert new_targets[k][targets[k].argmax()] == pytest.approx(share, abs=0.02)
            num_mixed += 0.02 < share < 0.98
    assert num_mixed > 5


@pytest.mark.parametrize("feed", [training_feed, generator_feed])
@pytest.mark.parametrize(
    ("strength", "moved", "still"),
    [("width_shift_range", 1, 0), ("height_shift_range", 0, 1)],
)
def test_both_feeds_move_faces_in_the_direction_of_the_strength(
    make_faces, feed, strength, moved, still
):
    images = np.zeros((14, 48, 48), np.uint8)
    images[:, 20:28, 20:28] = 200
    faces = replace(make_faces(14), images=images)
    spots = images_of(take(feed(faces, 14, 0, {strength: 0.2}), 1))[..., 0].astype(float)
    middles = [
        np.average(np.indices((48, 48)).reshape(2, -1), 1, weights=spot.ravel()) for spot in spots
    ]
    spread = np.ptp(middles, axis=0)  # down, across
    assert spread[moved] > 3 and spread[still] < 0.01
