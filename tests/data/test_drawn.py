import csv
import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from fer_keras.data import drawn as drawn
from fer_keras.data.drawn import draw_faces, write_drawn_data
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.utils.errors import InputError

ANGRY, DISGUST, FEAR, HAPPY, SAD, SURPRISE, NEUTRAL = range(7)


@pytest.fixture(scope="module")
def faces():
    return draw_faces(700, seed=0)


@pytest.fixture(scope="module")
def test_faces():
    return draw_faces(300, seed=0, split="PublicTest")


@pytest.fixture(scope="module")
def mean_faces(faces):
    return np.stack([faces.images[faces.labels == label].mean(axis=0) for label in range(7)])


@pytest.fixture
def written(tmp_path):
    write_drawn_data(tmp_path / "drawn", num_train=40, num_test=20, seed=3)
    return tmp_path / "drawn"


def in_new_process(code, *arguments):
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def accuracy_on(pixels_of, faces, test_faces):
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    classifier.fit(pixels_of(faces), faces.labels)
    return classifier.score(pixels_of(test_faces), test_faces.labels)


def test_the_same_arguments_draw_the_same_faces_in_another_process():
    code = (
        "import hashlib; from fer_keras.data.drawn import draw_faces; f = draw_faces(20, 5)\n"
        "print(hashlib.sha256(f.images.tobytes() + f.labels.tobytes()).hexdigest())"
    )
    faces = draw_faces(20, seed=5)
    digest = hashlib.sha256(faces.images.tobytes() + faces.labels.tobytes()).hexdigest()
    assert in_new_process(code).stdout.strip() == digest


def test_global_random_state_neither_matters_nor_changes():
    np.random.seed(1)
    random.seed(1)
    first = draw_faces(10, seed=0)
    after_drawing = np.random.random(), random.random()
    np.random.seed(1)
    random.seed(1)
    assert after_drawing == (np.random.random(), random.random())
    np.random.seed(2)
    random.seed(2)
    np.testing.assert_array_equal(draw_faces(10, seed=0).images, first.images)


def test_no_two_faces_are_equal_within_or_across_seeds_and_splits():
    origins = [(seed, split) for seed in (0, 1) for split in ("Training", "PublicTest")]
    images = np.concatenate([draw_faces(60, *origin).images for origin in origins])
    assert len(np.unique(images.reshape(240, -1), axis=0)) == 240


def test_class_counts_follow_fer2013(faces):
    shares = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965]) / 28709
    five_and_a_share_of_the_rest = 5 + 665 * shares
    assert abs(faces.class_counts() - five_and_a_share_of_the_rest).max() < 1
    assert faces.class_counts() / 700 == pytest.approx(shares, abs=0.01)


@pytest.mark.parametrize(("num_faces", "fewest"), [(7, 1), (20, 2), (60, 5)])
def test_even_a_small_set_has_every_class(num_faces, fewest):
    counts = draw_faces(num_faces, seed=0).class_counts()
    assert counts.sum() == num_faces
    assert counts.min() >= fewest


def test_classes_are_shuffled_and_ids_count_from_one(test_faces):
    assert len(set(test_faces.labels[:40].tolist())) >= 5
    assert test_faces.ids.tolist() == [f"PublicTest/{number}" for number in range(1, 301)]
    assert test_faces.class_names == CLASS_NAMES


def test_no_face_is_blank_or_burnt_out(faces):
    pixels = faces.images.reshape(len(faces), -1)
    assert pixels.std(axis=1).min() > 8
    assert 30 < pixels.mean(axis=1).min() < pixels.mean(axis=1).max() < 230
    assert 90 < pixels.mean() < 165


def test_expressions_can_be_learnt_but_not_perfectly(faces, test_faces):
    def every_other_pixel(part):
        return part.images[:, ::2, ::2].reshape(len(part), -1)

    assert 0.5 < accuracy_on(every_other_pixel, faces, test_faces) < 0.95


def test_only_the_face_tells_the_expression(faces, test_faces):
    def corners(part):
        return part.images[:, :12, [*range(5), *range(43, 48)]].reshape(len(part), -1)

    share_of_happy = 0.25
    assert accuracy_on(corners, faces, test_faces) < share_of_happy + 0.1


def test_mouths_gape_in_surprise_and_show_teeth_in_a_smile(mean_faces):
    cheek = mean_faces[:, 28:32, 12:16].mean(axis=(1, 2))
    opening = mean_faces[:, 37:42, 21:27].mean(axis=(1, 2)) - cheek
    assert opening.argmin() == SURPRISE
    assert opening[FEAR] < opening[NEUTRAL] - 10
    assert mean_faces[:, 35:38, 21:27].mean(axis=(1, 2)).argmax() == HAPPY


def test_people_would_mix_up_the_same_pairs(mean_faces):
    features = mean_faces[:, 10:44, 12:36].reshape(7, -1)
    features -= features.mean(axis=1, keepdims=True)
    distance = np.linalg.norm(features[:, None] - features, axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert distance[FEAR].argmin() == SURPRISE
    assert distance[SAD].argmin() == NEUTRAL
    assert distance[DISGUST, ANGRY] < distance[DISGUST, HAPPY]


def test_the_csv_holds_the_drawn_faces_exactly(written):
    rows = read_csv(written / "fer2013.csv")
    train, test = draw_faces(40, 3, "Training"), draw_faces(20, 3, "PublicTest")
    assert [row["Usage"] for row in rows] == ["Training"] * 40 + ["PublicTest"] * 20
    assert [int(row["emotion"]) for row in rows] == [*train.labels, *test.labels]
    pixels = np.array([row["pixels"].split() for row in rows], dtype=int)
    expected = np.concatenate([train.images, test.images]).reshape(60, -1)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ("folder", "split", "count"), [("train", "Training", 40), ("test", "PublicTest", 20)]
)
def test_the_folder_holds_the_same_faces_as_jpegs(written, folder, split, count):
    expected = draw_faces(count, 3, split)
    paths = {
        f"{folder}/{CLASS_NAMES[label]}/{split}_{number}.jpg"
        for number, label in enumerate(expected.labels, start=1)
    }
    assert {path.relative_to(written).as_posix() for path in written.rglob(f"{split}*")} == paths
    for number, (image, label) in enumerate(zip(expected.images, expected.labels), start=1):
        with Image.open(written / folder / CLASS_NAMES[label] / f"{split}_{number}.jpg") as file:
            difference = np.asarray(file).astype(float) - image
        assert np.sqrt((difference**2).mean()) < 3


def test_a_complete_directory_is_left_as_it_is(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    write_drawn_data(written, num_train=15, num_test=15, seed=4)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_a_killed_write_leaves_nothing_that_counts_as_complete(tmp_path):
    killed_halfway = (
        "import os, sys; from fer_keras.data import drawn as drawn\n"
        "drawn.write_image_folder = lambda faces, directory: os._exit(9)\n"
        "drawn.write_drawn_data(sys.argv[1], num_train=15, num_test=10)"
    )
    directory = tmp_path / "drawn"
    assert in_new_process(killed_halfway, directory).returncode == 9
    assert not directory.exists()
    write_drawn_data(directory, num_train=15, num_test=10)
    assert len(read_csv(directory / "fer2013.csv")) == 25
    assert len(list(directory.rglob("*.jpg"))) == 25


def test_a_failed_write_cleans_up(tmp_path, monkeypatch):
    def full_disk(faces, directory):
        raise OSError("No space left on device")

    monkeypatch.setattr(drawn, "write_image_folder", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_drawn_data(tmp_path / "drawn", num_train=15, num_test=10)
    assert list(tmp_path.iterdir()) == []


def test_someone_elses_files_are_refused_and_kept(tmp_path):
    (tmp_path / "fer2013.csv").write_text("mine")
    with pytest.raises(InputError, match="holds no complete drawn data"):
        write_drawn_data(tmp_path, num_train=15, num_test=10)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_two_writers_at_once_leave_one_complete_directory(tmp_path, monkeypatch):
    directory = tmp_path / "drawn"
    write_folder = drawn.write_image_folder

    def overtaken(faces, unfinished):
        monkeypatch.setattr(drawn, "write_image_folder", write_folder)
        write_drawn_data(directory, num_train=15, num_test=10, seed=1)
        write_folder(faces, unfinished)

    monkeypatch.setattr(drawn, "write_image_folder", overtaken)
    write_drawn_data(directory, num_train=15, num_test=10, seed=2)
    pixels = [row["pixels"].split() for row in read_csv(directory / "fer2013.csv")[:15]]
    expected = draw_faces(15, seed=1).images.reshape(15, -1)
    np.testing.assert_array_equal(np.array(pixels, dtype=int), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]
