import numpy as np
import pytest
from PIL import Image

from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import (
    BACKGROUND,
    BAR_COLOUR,
    BOX_COLOUR,
    TRACK_COLOUR,
    Face,
    annotate,
)

BLUE = (0, 0, 160)


def coloured(picture, colour):
    """Where a picture has a colour: boolean `(height, width)`."""
    return (np.asarray(picture) == colour).all(axis=2)


def middle_rows(mask):
    """Give the middle line of each band of rows that has anything in it."""
    filled = mask.any(axis=1).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], filled, [0]])))
    for start, stop in zip(edges[::2], edges[1::2]):
        yield mask[(start + stop) // 2]


FER2013 = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
LONG = [f"a class of a very long name {number}" for number in range(12)]


@pytest.mark.parametrize("names", [FER2013[:2], FER2013, LONG])
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (2000, 400)])
@pytest.mark.parametrize("widen", [False, True])
def test_every_class_has_a_bar_as_long_as_its_probability(names, size, widen):
    probabilities = np.linspace(1, 2, len(names))
    probabilities /= probabilities.sum()
    side = min(size[0] // 2 - 20, size[1] - 80)
    face = Face(Box(10, 60, side, side), probabilities)  # below its label
    picture = annotate(Image.new("RGB", size, BLUE), [face], names, widen)
    assert picture.height == size[1] and (widen or picture.width == size[0])
    bars = coloured(picture, BAR_COLOUR)
    columns = np.flatnonzero((bars | coloured(picture, TRACK_COLOUR)).any(axis=0))
    assert columns.max() < picture.width - 3  # the bars end within the picture
    lengths = [row.sum() for row in middle_rows(bars)]
    assert len(lengths) == len(names) - 1  # the most probable has the box's colour
    expected = probabilities[:-1] * (columns[-1] - columns[0])
    np.testing.assert_allclose(lengths, expected, atol=2)
    assert coloured(picture, BOX_COLOUR).any()


@pytest.mark.parametrize("width", [240, 800])
def test_a_long_label_keeps_its_probability_within_the_picture(width):
    names = ["extraordinarily happily surprised", "sad"]
    picture = Image.new("RGB", (width, 230), BLUE)
    wide = annotate(picture, [Face(Box(20, 40, 20, 20), np.array([0.87, 0.13]))], names)
    ground = coloured(wide, BACKGROUND).any(axis=0)
    assert wide.size == picture.size and ground[20:].any() and not ground[-1]


def test_letters_beyond_english_are_drawn():
    drawn = []
    for name in ("š", "ж", "\uffff"):  # the last has no glyph, and shows as a box
        face = Face(Box(0, 40, 50, 50), np.array([1.0, 0.0]))
        drawn.append(np.asarray(annotate(Image.new("RGB", (200, 100)), [face], [name, "x"])))
    assert (drawn[0] != drawn[2]).any() and (drawn[1] != drawn[2]).any()


def test_a_face_without_room_beside_it_widens_the_picture_where_asked():
    face, names = Face(Box(0, 0, 300, 300), np.array([0.7, 0.3])), ["happy", "sad"]
    picture = Image.new("RGB", (300, 300), BLUE)
    assert annotate(picture, [face], names).size == (300, 300)
    wide = annotate(picture, [face], names, widen=True)
    assert wide.width > 300 and not coloured(wide, BLUE)[:, 300:].any()
    small = Face(Box(0, 0, 20, 20), np.array([0.7, 0.3]))  # too small for bars
    assert annotate(picture, [small], names, widen=True).size == (300, 300)


def random_faces(rng, size, count):
    """Boxes that leave room: none meets another, and each has its own probabilities."""
    boxes = []
    for _ in range(1000):
        side = int(rng.integers(30, 160))
        box = Box(
            int(rng.integers(0, size[0] - side)), int(rng.integers(0, size[1] - side)), side, side
        )
        if not any(map(box.overlap, boxes)):
            boxes.append(box)
        if len(boxes) == count:
            break
    return [Face(box, rng.dirichlet(np.ones(len(FER2013)))) for box in boxes]


@pytest.mark.parametrize("widen", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_labels_and_bars_cover_no_other_face(seed, widen):
    """Each face in a colour of its own: what is drawn over it is its frame and what belongs to it.

    So that it can be told whose a label is, one face after the other is given another class.
    """
    rng = np.random.default_rng(seed)
    size = int(rng.integers(300, 1600)), int(rng.integers(300, 1200))
    faces = random_faces(rng, size, count=int(rng.integers(2, 20)))
    blue = Image.new("RGB", size, BLUE)
    before = np.asarray(annotate(blue, faces, FER2013, widen))
    for changed in range(0, len(faces), 4):
        shares = np.roll(faces[changed].probabilities, 3)
        others = [*faces[:changed], *faces[changed + 1 :]]
        redrawn = [*faces[:changed], faces[changed]._replace(probabilities=shares)]
        redrawn += faces[changed + 1 :]
        after = np.asarray(annotate(blue, redrawn, FER2013, widen))
        width = min(before.shape[1], after.shape[1])
        change = (before[:, :width] != after[:, :width]).any(axis=2)
        assert change.any()
        for other in others:
            left, top, side, _ = other.box
            assert not change[top : top + side, left : left + side].any(), (seed, changed)


def test_every_face_of_a_group_with_room_has_its_label_and_bars():
    faces = [
        Face(Box(100 + 300 * (n % 4), 60 + 300 * (n // 4), 120, 120), np.full(7, 1 / 7))
        for n in range(8)
    ]
    picture = Image.new("RGB", (1300, 700), BLUE)
    lone = annotate(picture, faces[:1], FER2013)
    ground = coloured(lone, BACKGROUND).sum()
    group = annotate(picture, faces, FER2013)
    assert coloured(group, BACKGROUND).sum() == pytest.approx(8 * ground, rel=0.05)


def test_between_two_faces_without_room_nothing_is_drawn_over_either():
    pair = [Face(Box(left, 0, 150, 300), np.array([0.7, 0.3])) for left in (0, 150)]
    drawn = annotate(Image.new("RGB", (300, 300), BLUE), pair, ["happy", "sad"], widen=True)
    bars = coloured(drawn, TRACK_COLOUR)
    assert bars[:, 300:].any() and not bars[:, :300].any()
