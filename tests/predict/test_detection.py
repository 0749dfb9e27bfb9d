import sys

import numpy as np
import pytest
from helpers import assert_frames_the_face, photograph
from PIL import Image

from fer_keras.predict.detection import DETECTORS, Box, FaceDetector, crop
from fer_keras.utils.errors import InputError


@pytest.fixture(scope="module", params=list(DETECTORS))
def detector(request):
    return FaceDetector(request.param, longest_side=640)


def test_the_face_of_a_portrait_is_found_and_framed_like_fer2013(detector):
    (box,) = detector(np.asarray(photograph()))
    assert_frames_the_face(box)


def test_a_large_photo_is_scaled_down_to_search_but_boxes_are_its_own(detector):
    large = photograph().resize((3 * 512, 3 * 600))
    (box,) = detector(np.asarray(large))
    assert_frames_the_face(box, scale=3)


def test_several_faces_come_from_left_to_right(detector):
    pair = Image.new("RGB", (800, 420), "white")
    pair.paste(photograph().resize((340, 400)), (430, 10))
    pair.paste(photograph().resize((340, 400)), (20, 10))
    first, second = detector(np.asarray(pair))
    assert abs(second.left - first.left - 410) < 15 and abs(second.top - first.top) < 15


@pytest.mark.parametrize("shape", [(20, 3000), (1, 1), (23, 23), (300, 400)])
def test_strips_specks_and_blanks_have_no_face(detector, shape):
    assert detector(np.full((*shape, 3), 200, np.uint8)) == []


def test_mtcnn_finds_a_tilted_face_which_the_cascade_misses():
    tilted = np.asarray(photograph().rotate(30, fillcolor="gray"))
    assert FaceDetector("haar", 640)(tilted) == []
    (box,) = FaceDetector("mtcnn", 640)(tilted)
    assert 150 < box.width < 260


def test_a_crop_beyond_the_borders_repeats_the_outermost_pixels():
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    padded = np.pad(pixels, ((10, 10), (10, 10), (0, 0)), mode="edge")
    for left, top in ((-4, -7), (25, 15), (3, 2), (-10, 18)):
        box = Box(left, top, 12, 12)
        expected = padded[top + 10 : top + 22, left + 10 : left + 22]
        np.testing.assert_array_equal(crop(pixels, box), expected)


def test_overlap_is_shared_over_covered_area():
    assert Box(0, 0, 10, 10).overlap(Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert Box(0, 0, 10, 10).overlap(Box(0, 0, 10, 10)) == 1
    assert Box(0, 0, 10, 10).overlap(Box(20, 20, 10, 10)) == 0


def test_an_unknown_detector_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="No detector is called yolo; there are haar, mtcnn"):
        FaceDetector("yolo", 640)


@pytest.mark.parametrize(
    ("name", "package", "remedy"),
    [("haar", "cv2", "opencv-python-headless"), ("mtcnn", "mtcnn", "--detector haar")],
)
def test_a_missing_package_is_one_sentence(monkeypatch, name, package, remedy):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(InputError, match=remedy):
        FaceDetector(name, 640)


def test_an_opencv_without_cascades_is_one_sentence(monkeypatch):
    import cv2

    monkeypatch.delattr(cv2, "CascadeClassifier")  # as in OpenCV 5
    with pytest.raises(InputError, match="no Haar cascades"):
        FaceDetector("haar", 640)
