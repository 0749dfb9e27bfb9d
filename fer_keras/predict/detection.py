"""Find faces in pictures and frame them as the training faces are."""

import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.utils.errors import InputError
from fer_keras.utils.plain import plain

YUNET = Path(__file__).parent / "weights" / "yunet.onnx"
FRAMING = 0.97
"""Side of the square that a FER2013 image shows, as a multiple of the longer side of YuNet's box.

The median over FER2013 images enlarged to 192 pixels and surrounded with grey; the centres agree.
"""

DETECTION_SIDE = 1280  # pixels; in larger pictures, faces of interest are large, too
MIN_SCORE = 0.8
"""Of 21 faces in 14 photos all score more, tilted by 20 degrees and in the dark, too."""
MIN_FACE = 30  # pixels; expressions of smaller faces cannot be told
MAX_OVERLAP = 0.3  # of two boxes that overlap by more, the surer one is kept
MIN_INPUT = 64
"""Pixels a side; OpenCV's network answers infinities to some pictures of 32 x 1280."""
MAX_CANDIDATES = 5000  # boxes that score enough, before those of one face are merged


class Box(NamedTuple):
    """A rectangle in pixels, which may reach beyond its picture."""

    left: int
    top: int
    width: int
    height: int

    def overlap(self, other):
        """Return the intersection of two boxes over their union, 0-1.

        Args:
            other: a `Box`.
        """
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)


class Detection(NamedTuple):
    """A face that was found.

    Attributes:
        box: its `Box`, a square framed as FER2013 frames its faces.
        score: how sure the detector is, 0-1.
    """

    box: Box
    score: float


class FaceDetector:
    """Finds faces and frames them as FER2013 frames its faces.

    The network is YuNet (Wu, Peng and Yu, Machine Intelligence Research 20, 2023, 656-665), of
    53,108 weights. It starts with the first picture. Only one thread may ask a detector at a time.

    Args:
        longest_side: in pixels; larger pictures are scaled down to it for the search.
        min_score: lowest score of a face, above 0 and at most 1.
        min_face: lowest height of a face from forehead to chin, in pixels of the picture.

    Raises:
        InputError: if a number is out of its range.
    """

    def __init__(self, longest_side=DETECTION_SIDE, min_score=MIN_SCORE, min_face=MIN_FACE):
        min_score, min_face = plain(min_score), plain(min_face)
        if type(min_score) not in (int, float) or not 0 < min_score <= 1:
            raise InputError(
                f"The lowest score of a face is {min_score!r}; give one above 0, at most 1."
            )
        if type(min_face) not in (int, float) or not min_face >= 1:
            raise InputError(f"The smallest face is {min_face!r} pixels; give 1 or more.")
        self.longest_side, self.min_score, self.min_face = longest_side, min_score, min_face

    @cached_property
    def _network(self):
        cv2 = import_opencv()
        if not hasattr(cv2, "FaceDetectorYN"):
            raise InputError(
                f"OpenCV {cv2.__version__} cannot find faces; install opencv-python-headless 4.10 "
                "or newer."
            )
        size = (320, 320)  # until the first picture
        settings = self.min_score, MAX_OVERLAP, MAX_CANDIDATES
        return cv2.FaceDetectorYN.create(str(YUNET), "", size, *settings)

    def __call__(self, pixels):
        """Return the faces, a list of `Detection` from left to right.

        Args:
            pixels: uint8 array `(height, width, 3)`, red, green, blue.

        Raises:
            InputError: if OpenCV is missing or too old.
        """
        height, width = pixels.shape[:2]
        if min(height, width) < self.min_face:
            return []
        scale = min(1, self.longest_side / max(height, width))
        if scale < 1:
            small = (max(1, round(width * scale)), max(1, round(height * scale)))
            pixels = np.asarray(Image.fromarray(pixels).resize(small, Image.Resampling.BOX))
        missing = [(0, max(0, MIN_INPUT - side)) for side in pixels.shape[:2]]
        pixels = np.pad(pixels[..., ::-1], (*missing, (0, 0)))
        self._network.setInputSize(pixels.shape[1::-1])
        _, rows = self._network.detect(pixels)
        # A row holds left, top, width, height, ten places of eyes, nose and mouth, and the score.
        rows = [] if rows is None else rows.astype(float)
        large = [row for row in rows if max(row[2:4]) >= self.min_face * scale]
        return sorted(Detection(_square(row[:4] / scale), float(row[-1])) for row in large)


def crop(pixels, box):
    """Return the pixels in a box, the outermost ones repeated beyond.

    Args:
        pixels: array `(height, width)` or `(height, width, channels)`.
        box: a `Box`.
    """
    rows = np.arange(box.top, box.top + box.height).clip(0, pixels.shape[0] - 1)
    columns = np.arange(box.left, box.left + box.width).clip(0, pixels.shape[1] - 1)
    return pixels[np.ix_(rows, columns)]


def import_opencv():
    """Return the module `cv2`, or raise an `InputError`."""
    # Silences OpenCV's own messages about cameras and videos; the errors here are enough.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise InputError(
            f"OpenCV cannot be loaded ({error}); install opencv-python-headless 4.10 or newer, "
            "which needs no graphics libraries."
        ) from error
    return cv2


def _square(box):
    left, top, width, height = box
    side = max(1, round(FRAMING * max(width, height)))
    return Box(round(left + (width - side) / 2), round(top + (height - side) / 2), side, side)
