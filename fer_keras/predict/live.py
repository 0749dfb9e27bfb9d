"""Frames -> annotated frames: faces followed, their boxes and probabilities smoothed."""

import time
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import Face, annotate, write_line
from fer_keras.predict.predictor import face_image

MIN_OVERLAP = 0.3
"""Boxes of two frames that overlap by less are different faces."""
MAX_MISSED = 5
"""A face stays for so many frames without being found, for detectors blink."""
NEW_BOX, NEW_PROBABILITIES = 0.6, 0.2
"""The weight of the newest frame in the moving averages: boxes must follow, labels be calm."""


class Live:
    """Turns frames into annotated frames, remembering what it saw before.

    Args:
        predictor: a `Predictor`.
        detector: a `FaceDetector`.
    """

    def __init__(self, predictor, detector):
        self._predictor, self._detector, self._tracks = predictor, detector, Tracks()
        self._seconds = self._last = None

    @property
    def rate(self):
        """Frames per second, averaged over about the last 20 frames; 0 before there are two."""
        return 1 / self._seconds if self._seconds else 0.0

    def __call__(self, pixels):
        """Return a frame with its faces drawn: a `PIL.Image.Image` of mode `RGB`.

        Args:
            pixels: uint8 array `(height, width, 3)`, red, green, blue.
        """
        boxes = self._detector(pixels)
        images = [face_image(pixels, box) for box in boxes]
        probabilities = self._predictor(np.stack(images)) if boxes else []
        faces = self._tracks.update(boxes, probabilities)
        picture = annotate(Image.fromarray(pixels), faces, self._predictor.class_names)
        self._measure()
        write_line(picture, f"{self.rate:.0f} frames per second")
        return picture

    def _measure(self):
        now = time.perf_counter()
        if self._last is not None:
            seconds = now - self._last
            self._seconds = seconds if self._seconds is None else self._seconds
            self._seconds += 0.05 * (seconds - self._seconds)
        self._last = now


@dataclass
class _Track:
    box: np.ndarray
    probabilities: np.ndarray
    missed: int = 0

    def overlap(self, box):
        return Box(*self.box).overlap(box)


class Tracks:
    """Faces followed over frames."""

    def __init__(self):
        self._tracks = []

    def update(self, boxes, probabilities):
        """Take a frame's faces in and return those to show, smoothed.

        Args:
            boxes: list of `Box`es.
            probabilities: float array `(len(boxes), num_classes)`.

        Returns:
            A list of `Face`; exponential moving averages over the frames so far.
        """
        new = dict(enumerate(boxes))
        for track in self._tracks:
            match = max(new, key=lambda number: track.overlap(new[number]), default=None)
            if match is None or track.overlap(new[match]) < MIN_OVERLAP:
                track.missed += 1
                continue
            track.missed = 0
            track.box += NEW_BOX * (np.array(new.pop(match)) - track.box)
            track.probabilities += NEW_PROBABILITIES * (probabilities[match] - track.probabilities)
        self._tracks = [track for track in self._tracks if track.missed <= MAX_MISSED]
        self._tracks += [
            _Track(np.array(box, float), np.array(probabilities[number], float))
            for number, box in new.items()
        ]
        return [
            Face(Box(*np.rint(track.box).astype(int).tolist()), track.probabilities.copy())
            for track in self._tracks
        ]
