import sys

import numpy as np
import pytest
from helpers import assert_frames_the_face, photograph
from PIL import Image

from fer_keras.predict.detection import MIN_SCORE, Box, FaceDetector, crop
from fer_keras.utils.errors import InputError


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(longest_side=640)


def test_the_face_of_a_portrait_is_found_and_framed_like_fer2013(detector):
    (found,) = detector(np.asarray(photograph()))
    assert_frames_the_face(found.box)
    assert MIN_SCORE < found.score <= 1


def test_a_large_photo_is_scaled_down_to_search_but_boxes_are_its_own(detector):
    large = photograph().resize((3 * 512, 3 * 600))
    (found,) = detector(np.asarray(large))
    assert_frames_the_face(found.box, scale=3)


def test_several_faces_come_from_left_to_right(detector):
    pair = Image.new("RGB", (800, 420), "white")
    pair.paste(photograph().resize((340, 400)), (430, 10))
    pair.paste(photograph().resize((340, 400)), (20, 10))
    first, second = (found.box for found in detector(np.asarray(pair)))
    assert abs(second.left - first.left - 410) < 15 and abs(second.top - first.top) < 15


@pytest.mark.parametrize("shape", [(20, 3000), (1, 1), (29, 29), (31, 3000), (300, 400)])
def test_strips_specks_and_blanks_have_no_face(detector, shape):
    assert detector(np.full((*shape, 3), 200, np.uint8)) == []


@pytest.mark.parametrize("kind", ["noise", "checks", "stripes", "dots"])
def test_textures_are_no_faces(detector, kind):
    rows, columns = np.mgrid[:400, :600]
    gray = {
        "noise": np.random.default_rng(0).integers(0, 256, (400, 600)),
        "checks": 255 * ((rows // 25 + columns // 25) % 2),
        "stripes": 255 * (columns // 12 % 2),
        "dots": 255 * (((rows % 60 - 30) ** 2 + (columns % 60 - 30) ** 2) < 400),
    }[kind]
    assert detector(np.dstack([gray.astype(np.uint8)] * 3)) == []


@pytest.mark.parametrize("change", ["tilted", "dark", "noisy", "small", "mirrored"])
def test_a_face_is_found_tilted_in_the_dark_noisy_small_and_mirrored(detector, change):
    photo = photograph()
    noise = np.random.default_rng(0).normal(0, 25, (600, 512, 3))
    changed = {
        "tilted": photo.rotate(20, fillcolor="gray"),
        "dark": photo.point(lambda level: level // 5),
        "noisy": Image.fromarray((np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)),
        "small": photo.resize((102, 120)),
        "mirrored": photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }[change]
    assert len(detector(np.asarray(changed))) == 1


def test_faces_below_the_size_and_the_score_that_were_asked_for_are_left_out():
    photo = np.asarray(photograph())
    ((box, score),) = FaceDetector()(photo)
    for min_face, count in ((0.9 * box.height, 1), (1.2 * box.height, 0)):
        assert len(FaceDetector(min_face=min_face)(photo)) == count
        # The size is one of the picture as given, not of the smaller copy that is searched.
        assert len(FaceDetector(longest_side=200, min_face=min_face)(photo)) == count
    assert len(FaceDetector(min_score=score - 0.01)(photo)) == 1
    assert len(FaceDetector(min_score=score + 0.01)(photo)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_score": 0}, "lowest score of a face is 0; give one above 0"),
        ({"min_score": 80}, "lowest score of a face is 80"),
        ({"min_score": float("nan")}, "lowest score"),
        ({"min_score": "0.5"}, "lowest score of a face is '0.5'"),
        ({"min_face": None}, "smallest face is None pixels"),
        ({"min_face": 0}, "smallest face is 0 pixels; give 1 or more"),
    ],
)
def test_impossible_thresholds_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        FaceDetector(**options)


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


def test_a_missing_opencv_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as if it were not installed
    with pytest.raises(InputError, match="opencv-python-headless"):
        FaceDetector()(np.zeros((50, 50, 3), np.uint8))


def test_an_opencv_without_the_detector_is_one_sentence(monkeypatch):
    import cv2

    monkeypatch.delattr(cv2, "FaceDetectorYN")
    with pytest.raises(InputError, match="cannot find faces; install opencv"):
        FaceDetector()(np.zeros((50, 50, 3), np.uint8))
