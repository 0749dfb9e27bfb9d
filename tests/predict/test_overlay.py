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
