"""Draw faces onto a picture: box, label, and a bar for each class."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_keras.predict.detection import Box

BOX_COLOUR = (240, 228, 66)  # yellow with a dark rim: seen on dark and on bright pictures
BACKGROUND, TRACK_COLOUR, BAR_COLOUR = (24, 24, 28), (58, 58, 66), (140, 160, 172)
TEXT_COLOUR = (250, 250, 250)

MIN_ROW, MAX_ROW = 11, 34
"""Height in pixels of a row of bars. Faces too small for legible rows get a label alone."""
MIN_FONT = 13
MAX_NAME = 20
"""Longer class names are cut to this many characters."""


class Face(NamedTuple):
    """A `Box` and its class probabilities, a float array `(num_classes,)`."""

    box: Box
    probabilities: np.ndarray


def annotate(picture, faces, class_names, widen=False, note=None):
    """Draw faces onto a copy of a picture.

    Args:
        picture: a `PIL.Image.Image` of mode `RGB`.
        faces: list of `Face`.
        class_names: sequence of str, the class of each probability.
        widen: whether to add a margin at the right for bars that have no room on either side of
            their face. Without it, they cover a part of the face.
        note: a line to write into the top left corner.

    Returns:
        A `PIL.Image.Image` of mode `RGB`.
    """
    names = [n if len(n) <= MAX_NAME else f"{n[: MAX_NAME - 1]}…" for n in class_names]
    placed, right = [], picture.width
    for face in faces:
        if panel := _panel(face, names, picture.width):
            left = _panel_left(face.box, panel.width, picture.width, widen)
            top = min(max(face.box.top, 0), max(picture.height - panel.height, 0))
            placed.append((panel, (left, top)))
            right = max(right, left + panel.width)
    canvas = Image.new("RGB", (right, picture.height), BACKGROUND)
    canvas.paste(picture)
    for panel, place in placed:
        canvas.paste(panel, place)
    for face in faces:
        _draw_box(ImageDraw.Draw(canvas), face.box, picture.size)
        _write_label(canvas, face, names)
    if note:
        _write(canvas, (6, 6), note, MIN_FONT)
    return canvas


def _write(canvas, place, text, font_size):
    """Write a line on a dark ground, moved to the left where it would leave the canvas."""
    draw, font = ImageDraw.Draw(canvas), _font(font_size)
    width, height = round(font.getlength(text)) + font_size, round(1.5 * font_size)
    left, top = min(place[0], max(canvas.width - width, 0)), place[1]
    draw.rectangle((left, top, left + width, top + height), fill=BACKGROUND)
    middle = (left + font_size // 2, top + height // 2)
    draw.text(middle, text, fill=TEXT_COLOUR, font=font, anchor="lm")


@lru_cache
def _font(size):
    """Load matplotlib's DejaVu Sans; Pillow's own font has no letters such as ü, š or ж."""
    folder = Path(find_spec("matplotlib").origin).parent
    return ImageFont.truetype(str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _draw_box(draw, box, size):
    line = max(2, min(box.height // 60, 5))
    left, top = max(box.left, 0), max(box.top, 0)
    right = min(box.left + box.width, size[0]) - 1
    bottom = min(box.top + box.height, size[1]) - 1
    if right - left > 2 and bottom - top > 2:  # a tracked face may have left the frame
        draw.rectangle((left, top, right, bottom), outline=BACKGROUND, width=line + 2)
        draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=BOX_COLOUR, width=line)


def _write_label(canvas, face, names):
    best = int(np.argmax(face.probabilities))
    text = f"{names[best]} {100 * face.probabilities[best]:.0f} %"
    widest = int(canvas.width / (0.65 * len(text) + 1))  # a letter is about 0.65 as wide as high
    font_size = max(MIN_FONT, min(face.box.height // 8, MAX_ROW, widest))
    above = face.box.top - round(1.5 * font_size)
    top = above if above >= 0 else max(face.box.top, 0)
    _write(canvas, (max(face.box.left, 0), top), text, font_size)


def _panel(face, names, width):
    """Return a bar chart about as high as the face, or `None` where it would be illegible."""
    longest = max(map(len, names))
    row = min(face.box.height // len(names), MAX_ROW, int(width / (5 + longest / 2)))
    if row < MIN_ROW:
        return None
    font = _font(round(0.72 * row))
    start = round(max(map(font.getlength, names)) + row)
    end = start + 3 * row
    panel = Image.new("RGB", (end + row // 2, row * len(names)), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    for place, (name, probability) in enumerate(zip(names, face.probabilities)):
        middle, half = place * row + row // 2, row // 4
        draw.text((row // 2, middle), name, fill=TEXT_COLOUR, font=font, anchor="lm")
        draw.rectangle((start, middle - half, end, middle + half), fill=TRACK_COLOUR)
        reached = start + round(float(probability) * (end - start))
        colour = BOX_COLOUR if place == np.argmax(face.probabilities) else BAR_COLOUR
        draw.rectangle((start, middle - half, reached, middle + half), fill=colour)
    return panel


def _panel_left(box, panel_width, width, widen):
    """Return where bars go: right of the face, else left of it, else beyond the border or in."""
    right = min(box.left + box.width, width)
    if right + panel_width <= width:
        return max(right, 0)
    if box.left >= panel_width:
        return box.left - panel_width
    return right if widen else max(width - panel_width, 0)
