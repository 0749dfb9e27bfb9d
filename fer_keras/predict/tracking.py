"""Follow faces over the frames of a video.

As in SORT (Bewley et al., "Simple Online and Realtime Tracking", 2016), each track predicts its box
at constant velocity, and the assignment of boxes to tracks with the largest total overlap holds.
The filter is the alpha-beta filter, which a Kalman filter for constant velocity becomes when its
noise stays the same.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import Face

MIN_OVERLAP = 0.3
"""A box is a track's if it overlaps the predicted box by so much."""
MAX_DISTANCE, MAX_RATIO = 1.0, 1.5
"""Without overlap, a track's box lies no farther off, in sides, and its size is alike."""
SHOWN_SECONDS = 0.25
"""A face stays in view for so long without being found, because detectors miss some frames."""
KEPT_SECONDS = 2.0
"""A face that comes back sooner, near where it left, keeps its number."""
KEPT_LOOKS = 2.5
"""It keeps it for so many looks at least: one may miss it, however seldom faces are looked for."""
COAST_SECONDS = 0.5
"""A face that is hidden goes on at its velocity for so long, and then waits.

What it did before tells nothing of where it is later.
"""
NEW_PLACE = 0.6
NEW_VELOCITY = NEW_PLACE**2 / (2 - NEW_PLACE)  # Benedict and Bordner, 1962
CALM_SECONDS = 0.18
"""Time constant of the mean of probabilities: a frame of 25 a second has a weight of 0.2."""


@dataclass(eq=False)
class _Track:
    number: int
    place: np.ndarray  # the centre's x and y, width and height
    velocity: np.ndarray  # of the centre, in pixels a second
    probabilities: np.ndarray
    second: float  # when it was last found
    score: float | None = None

    def at(self, second):
        """Return the place predicted for a time."""
        place = self.place.copy()
        place[:2] += self.velocity * min(second - self.second, COAST_SECONDS)
        return place

    def take(self, place, probabilities, score, second):
        """Take in where and how the face was found."""
        passed = max(second - self.second, 1e-3)
        if passed > COAST_SECONDS:
            self.place, self.velocity = place, np.zeros(2)
        else:
            difference = place - self.at(second)
            self.place = self.at(second) + NEW_PLACE * difference
            self.velocity = self.velocity + NEW_VELOCITY / passed * difference[:2]
        weight = 1 - np.exp(-passed / CALM_SECONDS)
        self.probabilities = self.probabilities + weight * (probabilities - self.probabilities)
        self.second, self.score = second, score


class Tracks:
    """The faces of a video, each with a number that it keeps."""

    def __init__(self):
        self._tracks, self._num_tracks, self._looked = [], 0, 0.0

    def update(self, found, probabilities, second):
        """Take in the faces that were found in a frame.

        Args:
            found: list of `Detection`.
            probabilities: float array `(len(found), num_classes)`, 0-1.
            second: the frame's time in seconds, later than the one before.

        Returns:
            A list of int, the number of each face's track, from 1.
        """
        kept = max(KEPT_SECONDS, KEPT_LOOKS * (second - self._looked))
        self._tracks = [each for each in self._tracks if second - each.second <= kept]
        self._looked = second
        places = np.array([_place(each.box) for each in found]).reshape(-1, 4)
        owners = self._owners(places, second)
        for number, each in enumerate(found):
            share = np.array(probabilities[number], float)
            if number in owners:
                owners[number].take(places[number], share, each.score, second)
                continue
            self._num_tracks += 1
            still = np.zeros(2)
            new = (self._num_tracks, places[number], still, share, second, each.score)
            owners[number] = _Track(*new)
            self._tracks.append(owners[number])
        return [owners[number].number for number in range(len(found))]

    def faces(self, second):
        """Return the faces to show at a time, a list of `Face`.

        Boxes are smoothed and moved on to that time, and probabilities are means over the last
        frames, so that labels stay calm. A face that the last update found is shown until the next.

        Args:
            second: a time in seconds, at or after the last update's.
        """
        return [
            Face(_box(each.at(second)), each.probabilities, each.score, each.number)
            for each in self._tracks
            if each.second == self._looked or second - each.second <= SHOWN_SECONDS
        ]

    def _owners(self, places, second):
        """Return the track of each place that has one: a dict from a place's number."""
        owners = {}
        overlaps = [[_box(t.at(second)).overlap(_box(p)) for p in places] for t in self._tracks]
        for track, place in _assign(overlaps, MIN_OVERLAP):
            owners[place] = self._tracks[track]
        left = [each for each in self._tracks if each not in owners.values()]
        free = [number for number in range(len(places)) if number not in owners]
        likeness = [[_nearness(each, places[number], second) for number in free] for each in left]
        for track, place in _assign(likeness, 0):
            owners[free[place]] = left[track]
        return owners


def _assign(likeness, least):
    """Return the pairs (row, column) of the assignment with the largest sum, without poor ones."""
    if not likeness or not likeness[0]:
        return []
    likeness = np.array(likeness)
    likeness[likeness < least] = least - 1e3  # no good pair is given up for a poor one
    pairs = zip(*linear_sum_assignment(likeness, maximize=True))
    return [pair for pair in pairs if likeness[pair] >= least]


def _nearness(track, place, second):
    """Return how near a place is to where a track was or should be, 0-1, or -1 if it is not."""
    side, other = track.place[2:].mean(), place[2:].mean()
    if max(side, other) > MAX_RATIO * min(side, other):
        return -1
    gaps = [np.hypot(*(place[:2] - known[:2])) for known in (track.place, track.at(second))]
    nearness = 1 - min(gaps) / (MAX_DISTANCE * max(side, other))
    return nearness if nearness >= 0 else -1


def _place(box):
    left, top, width, height = box
    return np.array([left + width / 2, top + height / 2, width, height], float)


def _box(place):
    x, y, width, height = place
    return Box(*(round(float(v)) for v in (x - width / 2, y - height / 2, width, height)))
