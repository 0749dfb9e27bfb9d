import numpy as np
import pytest

from fer_keras.predict.detection import Box, Detection
from fer_keras.predict.tracking import KEPT_SECONDS, SHOWN_SECONDS, Tracks

STEP = 1 / 25


def face_at(left, top=0, side=100):
    return Detection(Box(round(left), round(top), side, side), 0.9)


def follow(frames):
    """Return the numbers of each frame's faces; `frames` are lists of `Detection`."""
    tracks = Tracks()
    return [
        tracks.update(found, np.full((len(found), 2), 0.5), number * STEP)
        for number, found in enumerate(frames)
    ]


def test_places_and_probabilities_are_smoothed():
    tracks = Tracks()
    tracks.update([face_at(0)], [[1.0, 0.0]], 0)
    tracks.update([face_at(10, 20)], [[0.0, 1.0]], STEP)
    (face,) = tracks.faces(STEP)
    assert face.box == Box(6, 12, 100, 100) and face.number == 1  # 0.6 of the way
    # A time constant of 0.18 s: exp(-0.04 / 0.18) = 0.801 of the old stays.
    np.testing.assert_allclose(face.probabilities, [0.801, 0.199], atol=1e-3)


def test_twice_the_frames_are_smoothed_alike_over_the_same_time():
    shares = []
    for rate in (10, 40):
        tracks = Tracks()
        for number in range(rate + 1):
            tracks.update([face_at(0)], [[1.0, 0.0] if number == 0 else [0.0, 1.0]], number / rate)
        shares.append(tracks.faces(1)[0].probabilities[0])
    np.testing.assert_allclose(shares, np.exp(-1 / 0.18), rtol=1e-6)


def test_a_face_that_moves_steadily_is_predicted():
    tracks = Tracks()
    for number in range(50):
        tracks.update([face_at(8 * number)], [[0.5, 0.5]], number * STEP)
    assert tracks.faces(49 * STEP)[0].box.left == pytest.approx(8 * 49, abs=1)
    assert tracks.faces(52 * STEP)[0].box.left == pytest.approx(8 * 52, abs=2)


def test_a_face_that_blinks_is_shown_and_one_that_left_is_not():
    tracks = Tracks()
    tracks.update([face_at(0)], [[1.0, 0.0]], 0)
    tracks.update([], [], SHOWN_SECONDS)
    assert len(tracks.faces(SHOWN_SECONDS)) == 1
    tracks.update([], [], SHOWN_SECONDS + STEP)
    assert tracks.faces(SHOWN_SECONDS + STEP) == []


@pytest.mark.parametrize(
    ("away", "place", "number"),
    [
        (0.8 * KEPT_SECONDS, 40, 1),
        (1.2 * KEPT_SECONDS, 40, 2),  # too late
        (0.8 * KEPT_SECONDS, 300, 2),  # elsewhere
    ],
)
def test_a_face_that_returns_soon_and_near_keeps_its_number(away, place, number):
    tracks = Tracks()
    for frame in range(10):
        tracks.update([face_at(0)], [[0.5, 0.5]], frame * STEP)
    back = 9 + round(away / STEP)
    for frame in range(10, back):
        tracks.update([], [], frame * STEP)
    assert tracks.update([face_at(place)], [[0.5, 0.5]], back * STEP) == [number]


@pytest.mark.parametrize("interval", [0.4, 1.0, 3.0])
def test_a_face_is_shown_under_one_number_however_seldom_it_is_looked_for(interval):
    """The fifth look misses it."""
    tracks, numbers = Tracks(), set()
    for look in range(10):
        found = [face_at(20 * look)] if look != 4 else []
        numbers |= {*tracks.update(found, [[0.5, 0.5]] * len(found), look * interval)}
        for share in (0, 0.5, 0.99) if found else ():
            assert len(tracks.faces((look + share) * interval)) == 1, (look, share)
    assert numbers == {1}


def test_a_face_that_is_seldom_looked_for_is_shown_where_it_was_found():
    """What it did seconds ago neither moves its box nor holds it back."""
    tracks = Tracks()
    for look, left in enumerate([0, 60, 0, 60]):
        tracks.update([face_at(left)], [[0.5, 0.5]], look * 3.0)
        assert {tracks.faces(look * 3.0 + later)[0].box.left for later in (0, 1, 2.9)} == {left}


def test_another_size_is_another_face():
    tracks = Tracks()
    tracks.update([face_at(0)], [[0.5, 0.5]], 0)
    assert tracks.update([face_at(60, 60, side=40)], [[0.5, 0.5]], STEP) == [2]


@pytest.mark.parametrize("hidden", [0, 8])
def test_faces_that_cross_keep_their_numbers(hidden):
    """One passes behind the other, 30 pixels lower, and is not found for some frames."""
    frames = []
    for number in range(60):
        first, second = face_at(10 * number), face_at(590 - 10 * number, 30)
        meet = abs(number - 29.5) <= hidden / 2
        frames.append([first] if meet else [second, first] if number % 2 else [first, second])
    for number, numbers in enumerate(follow(frames)):
        found = frames[number]
        assert dict(zip((each.box.top for each in found), numbers)) == {
            each.box.top: 1 if each.box.top == 0 else 2 for each in found
        }, number


def test_the_best_sum_of_overlaps_counts_not_the_first_that_fits():
    """The first track overlaps both boxes, the second only one."""
    tracks = Tracks()
    tracks.update([face_at(0), face_at(80)], [[0.5, 0.5]] * 2, 0)
    # Greedy: track 1 takes 40 first (overlap 0.43), and 80 loses what it would keep.
    assert tracks.update([face_at(40), face_at(-40)], [[0.5, 0.5]] * 2, STEP) == [2, 1]


def test_a_thousand_passers_by_leave_nothing_behind():
    tracks = Tracks()
    for number in range(1000):
        tracks.update([face_at(10_000 * number)], [[0.5, 0.5]], number * 3.0)
    assert len(tracks._tracks) <= 3
