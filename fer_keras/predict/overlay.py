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
    """A face and what the network predicts for it.

    Attributes:
        box: the face's `Box`.
        probabilities: float array `(num_classes,)`, 0-1.
    """

    box: Box
    probabilities: np.ndarray


def annotate(picture, faces, class_names, widen=False, note=None):
    """Draw faces onto a copy of a picture.

    Args:
        picture: a `PIL.Image.Image` of mode `RGB`.
        faces: list of `Face`.
        class_names: sequence of str, the class of each probability.
        widen: whether to add a margin at the right where a face has no room for its bars on
            either side. Without it, they cover a part of the face.
        note: a line to write into the top left corner.

    Returns:
        A `PIL.Image.Image` of mode `RGB`.
    """
    names = [_shortened(name) for name in class_names]
    panels = [_panel(face, names, picture.width) for face in faces]
    lefts = [
        _panel_left(face.box, panel, picture.width, widen) for face, panel in zip(faces, panels)
    ]
    rights = [left + panel.width for left, panel in zip(lefts, panels) if panel]
    canvas = Image.new("RGB", (max([picture.width, *rights]), picture.height), BACKGROUND)
    canvas.paste(picture)
    for face, panel, left in zip(faces, panels, lefts):
        if panel:
            top = min(max(face.box.top, 0), max(picture.height - panel.height, 0))
            canvas.paste(panel, (left, top))
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


def _shortened(name):
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


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
    best = int(np.argmax(face.probabilities))
    for place, (name, probability) in enumerate(zip(names, face.probabilities)):
        middle, half = place * row + row // 2, row // 4
        draw.text((row // 2, middle), name, fill=TEXT_COLOUR, font=font, anchor="lm")
        draw.rectangle((start, middle - half, end, middle + half), fill=TRACK_COLOUR)
        reached = start + round(float(probability) * (end - start))
        colour = BOX_COLOUR if place == best else BAR_COLOUR
        draw.rectangle((start, middle - half, reached, middle + half), fill=colour)
    return panel


def _panel_left(box, panel, width, widen):
    """Return where bars go: right of the face, else left of it, else beyond the border or in."""
    if panel is None:
        return 0
    right = min(box.left + box.width, width)
    if right + panel.width <= width:
        return max(right, 0)
    if box.left >= panel.width:
        return box.left - panel.width
    return right if widen else max(width - panel.width, 0)
