"""Find faces in pictures and frame them as the training faces are."""

import os
from typing import NamedTuple

import numpy as np
from PIL import Image

from fer_keras.utils.errors import InputError
from fer_keras.utils.startup import start_tensorflow

DETECTORS = {
    "haar": "OpenCV's Haar cascade, fast, upright and well-lit faces only",
    "mtcnn": "three small networks, slower, tilted, dark and small faces too",
}
"""Detector's name -> what it is good for."""

FRAMING = {"haar": 1.04, "mtcnn": 0.95}
"""Side of the square that a FER2013 image shows, as a multiple of the longer side of the box.

Medians over FER2013 images enlarged and surrounded with grey; the centres agree.
"""

MIN_FACE = 24  # pixels of the smallest face to find, as in the Haar cascade's training


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


class FaceDetector:
    """Finds faces and frames them as FER2013 frames its faces.

    Args:
        name: one of `DETECTORS`.
        longest_side: in pixels; larger pictures are scaled down to it for the search.

    Raises:
        InputError: if no detector has this name, or its package is missing.
    """

    def __init__(self, name, longest_side):
        if name not in DETECTORS:
            raise InputError(f"No detector is called {name}; there are {', '.join(DETECTORS)}.")
        self.name, self.longest_side = name, longest_side
        self._find = {"haar": _haar_cascade, "mtcnn": _mtcnn}[name]()

    def __call__(self, pixels):
        """Return where the faces are: a list of square `Box`, from left to right.

        Args:
            pixels: uint8 array `(height, width, 3)`, red, green, blue.
        """
        height, width = pixels.shape[:2]
        scale = min(1, self.longest_side / max(height, width))
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(small) < MIN_FACE:
            return []
        if scale < 1:
            pixels = np.asarray(Image.fromarray(pixels).resize(small, Image.Resampling.BOX))
        found = self._find(np.ascontiguousarray(pixels))
        return sorted(_square(np.array(box) / scale, FRAMING[self.name]) for box in found)


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
            f"OpenCV cannot be loaded ({error}); install opencv-python-headless 4.10 or a newer "
            "4.x, which needs no graphics libraries."
        ) from error
    return cv2


def _square(box, framing):
    left, top, width, height = box
    side = max(1, round(framing * max(width, height)))
    return Box(round(left + (width - side) / 2), round(top + (height - side) / 2), side, side)


def _haar_cascade():
    cv2 = import_opencv()
    if not hasattr(cv2, "CascadeClassifier"):
        raise InputError(
            f"OpenCV {cv2.__version__} has no Haar cascades; install opencv-python-headless 4.10 "
            "or a newer 4.x, or use --detector mtcnn."
        )
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def find(pixels):
        gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        smallest = max(MIN_FACE, max(gray.shape) // 40)
        return cascade.detectMultiScale(gray, 1.1, 5, minSize=(smallest, smallest))

    return find


def _mtcnn():
    start_tensorflow()
    try:
        from mtcnn import MTCNN
    except ImportError as error:
        raise InputError(
            f"The package mtcnn cannot be loaded ({error}); install mtcnn 1.0, or use --detector "
            "haar."
        ) from error
    network = MTCNN()
    return lambda pixels: [face["box"] for face in network.detect_faces(pixels)]
