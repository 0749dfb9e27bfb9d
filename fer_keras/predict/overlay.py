"""Draws what was found onto a picture: box, label, and a bar for each class."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_keras.predict.detection import Box

BOX_COLOUR = (240, 228, 66)  # yellow with a dark rim: seen on dark and on bright pictures
BACKGROUND, TRACK_COLOUR, BAR_COLOUR = (24, 24, 28), (58, 58, 66), (140, 160, 172)
TEXT_COLOUR = (250, 250, 250)

MIN_ROW, MAX_ROW = 11, 34
"""Height in pixels of a row of bars; faces too small for legible rows get a label alone."""
MIN_FONT = 13


class Face(NamedTuple):
    """A face and what the network says of it.

    Args:
        box: where it is, a `Box`.
        probabilities: float array `(num_classes,)`.
    """

    box: Box
    probabilities: np.ndarray

    def label(self, class_names):
        """Return the most probable class and its probability, such as `happy 87 %`."""
        best = int(np.argmax(self.probabilities))
        return f"{class_names[best]} {100 * self.probabilities[best]:.0f} %"


def annotate(picture, faces, class_names, widen=False):
    """Draw faces onto a copy of a picture.

    Args:
        picture: a `PIL.Image.Image` of mode `RGB`.
        faces: list of `Face`.
        class_names: the class of each probability.
        widen: whether to add a margin at the right where a face has no room for its bars on
            either side; else they cover a part of it.

    Returns:
        A `PIL.Image.Image` of mode `RGB`.
    """
    panels = [_panel(face, class_names) for face in faces]
    lefts = [
        _panel_left(face.box, panel, picture.width, widen) for face, panel in zip(faces, panels)
    ]
    rights = [left + panel.width for left, panel in zip(lefts, panels) if panel]
    size = (max([picture.width, *rights]), picture.height)
    canvas = Image.new("RGB", size, BACKGROUND)
    canvas.paste(picture)
    for face, panel, left in zip(faces, panels, lefts):
        if panel:
            top = min(max(face.box.top, 0), max(picture.height - panel.height, 0))
            canvas.paste(panel, (left, top))
    draw = ImageDraw.Draw(canvas)
    for face in faces:
        _draw_box(draw, face.box, picture.size)
        _draw_label(draw, face, class_names, size)
    return canvas


def write_line(picture, text):
    """Write a line into the top left corner of a picture, in place."""
    _draw_text(ImageDraw.Draw(picture), (6, 6), text, MIN_FONT, picture.size)


def _draw_box(draw, box, size):
    line = max(2, min(box.height // 60, 5))
    left, top = max(box.left, 0), max(box.top, 0)
    right = min(box.left + box.width, size[0]) - 1
    bottom = min(box.top + box.height, size[1]) - 1
    if right - left > 2 and bottom - top > 2:  # a face that leaves a video may have left it
        draw.rectangle((left, top, right, bottom), outline=BACKGROUND, width=line + 2)
        draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=BOX_COLOUR, width=line)


def _draw_label(draw, face, class_names, size):
    font_size = max(MIN_FONT, min(face.box.height // 8, MAX_ROW))
    above = face.box.top - round(1.5 * font_size)
    place = (max(face.box.left, 0), above if above >= 0 else max(face.box.top, 0))
    _draw_text(draw, place, face.label(class_names), font_size, size)


def _draw_text(draw, place, text, font_size, size):
    font = ImageFont.load_default(font_size)
    width, height = round(draw.textlength(text, font)) + font_size, round(1.5 * font_size)
    left, top = min(place[0], max(size[0] - width, 0)), place[1]
    draw.rectangle((left, top, left + width, top + height), fill=BACKGROUND)
    middle = (left + font_size // 2, top + height // 2)
    draw.text(middle, text, fill=TEXT_COLOUR, font=font, anchor="lm")


def _panel(face, class_names):
    """Return a small bar chart, as high as the face, or `None` where it would be illegible."""
    row = min(face.box.height // len(class_names), MAX_ROW)
    if row < MIN_ROW:
        return None
    font = ImageFont.load_default(round(0.72 * row))
    start = round(max(map(font.getlength, class_names)) + row)
    end = start + 3 * row
    panel = Image.new("RGB", (end + row // 2, row * len(class_names)), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    best = int(np.argmax(face.probabilities))
    for place, (name, probability) in enumerate(zip(class_names, face.probabilities)):
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
