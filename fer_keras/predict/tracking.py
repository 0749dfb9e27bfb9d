"""Follow faces over the frames of a video."""

from dataclasses import dataclass

import numpy as np

from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import Face

MIN_OVERLAP = 0.3
"""Boxes of two frames that overlap by less are different faces."""
MAX_MISSED = 5
"""A face stays for so many frames without being found, because detectors miss some frames."""
NEW_BOX, NEW_PROBABILITIES = 0.6, 0.2
"""Weights of the newest frame in the averages: boxes follow fast, labels stay calm."""


@dataclass
class _Track:
    box: np.ndarray
    probabilities: np.ndarray
    missed: int = 0


class Tracks:
    """The faces of a video, followed from frame to frame."""

    def __init__(self):
        self._tracks = []

    def update(self, boxes, probabilities):
        """Take in the faces of a frame and return the faces to show.

        Args:
            boxes: list of `Box`, the faces found in the frame.
            probabilities: float array `(len(boxes), num_classes)`, 0-1.

        Returns:
            A list of `Face`: exponential moving averages over the frames so far.
        """
        new = dict(enumerate(boxes))
        for track in self._tracks:
            overlaps = {number: Box(*track.box).overlap(box) for number, box in new.items()}
            match = max(overlaps, key=overlaps.get, default=None)
            if overlaps.get(match, 0) < MIN_OVERLAP:
                track.missed += 1
                continue
            track.missed = 0
            track.box += NEW_BOX * (np.array(new.pop(match)) - track.box)
            track.probabilities += NEW_PROBABILITIES * (probabilities[match] - track.probabilities)
        self._tracks = [track for track in self._tracks if track.missed <= MAX_MISSED]
        for number, box in new.items():
            first = np.array(box, float), np.array(probabilities[number], float)
            self._tracks.append(_Track(*first))
        boxes = [Box(*np.rint(track.box).astype(int).tolist()) for track in self._tracks]
        return [Face(box, track.probabilities.copy()) for box, track in zip(boxes, self._tracks)]
