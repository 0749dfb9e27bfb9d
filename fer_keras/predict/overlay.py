"""Draw faces onto a picture: box, label, and a bar for each class."""

import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_keras.predict.detection import Box
from fer_keras.predict.layout import Layout, above, below, beside

BOX_COLOUR = (240, 228, 66)  # yellow with a dark rim: seen on dark and on bright pictures
BACKGROUND, TRACK_COLOUR, BAR_COLOUR = (24, 24, 28), (58, 58, 66), (140, 160, 172)
TEXT_COLOUR = (250, 250, 250)

MIN_ROW, MAX_ROW = 11, 34
"""Height in pixels of a row of bars. Faces too small for legible rows get a label alone."""
MIN_FONT, SMALLEST_FONT = 13, 10
"""Height in pixels of letters: where there is room, and where a label would find none."""
MAX_NAME = 20
"""Longer class names are cut to this many characters."""


def as_jpeg(picture, quality):
    """Return a picture as the bytes of a JPEG file.

    They are to be written by Python, which tells when a disk is full; Pillow does not.

    Args:
        picture: a `PIL.Image.Image`.
        quality: int, 1-95.
    """
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return content.getvalue()


def short(name):
    """Return a class's name, cut if it is too long to stand beside a face.

    Args:
        name: str.
    """
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


class Face(NamedTuple):
    """A face in a picture.

    Attributes:
        box: its `Box`.
        probabilities: float array `(num_classes,)`, 0-1.
        score: how sure the detector is, 0-1; `None` where none was asked.
        number: of its track in a video, which its label then begins with.
    """

    box: Box
    probabilities: np.ndarray
    score: float | None = None
    number: int | None = None

    @property
    def best(self):
        """The place of the likeliest class, int."""
        return int(self.probabilities.argmax())


def annotate(picture, faces, class_names, widen=False, note=None):
    """Draw faces onto a copy of a picture.

    Labels and bars cover no other face, and are left out where there is no room.

    Args:
        picture: a `PIL.Image.Image` of mode `RGB`.
        faces: list of `Face`.
        class_names: sequence of str, the class of each probability.
        widen: whether to add a margin at the right for bars that have no room beside their face.
            Without it, they cover a part of their face.
        note: a line to write into the top left corner.

    Returns:
        A `PIL.Image.Image` of mode `RGB`.
    """
    names = [*map(short, class_names)]
    layout = Layout(picture.size, [face.box for face in faces])
    order = sorted(range(len(faces)), key=lambda number: -faces[number].box.height)
    # All labels first: they say the most, and bars find room elsewhere.
    labels = [_place_label(layout, faces[number], number, names) for number in order]
    panels = [_place_panel(layout, faces[number], number, names, widen) for number in order]
    right = max([picture.width, *(place.left + place.width for place, _ in filter(None, panels))])
    canvas = Image.new("RGB", (right, picture.height), BACKGROUND)
    canvas.paste(picture)
    for place, panel in filter(None, panels):
        canvas.paste(panel, place[:2])
    for face in faces:
        _draw_box(ImageDraw.Draw(canvas), face.box, picture.size)
    for place, text, size in filter(None, labels):
        _write(canvas, place, text, size)
    if note:
        _write(canvas, Box(6, 6, *_text_size(note, MIN_FONT)), note, MIN_FONT)
    return canvas


def _write(canvas, place, text, font_size):
    """Write a line on a dark ground."""
    draw = ImageDraw.Draw(canvas)
    right, bottom = place.left + place.width - 1, place.top + place.height - 1
    draw.rectangle((place.left, place.top, right, bottom), fill=BACKGROUND)
    middle = (place.left + font_size // 2, place.top + place.height // 2)
    draw.text(middle, text, fill=TEXT_COLOUR, font=load_font(font_size), anchor="lm")


def _text_size(text, font_size):
    return round(load_font(font_size).getlength(text)) + font_size, round(1.5 * font_size)


@lru_cache
def load_font(size):
    """Return matplotlib's DejaVu Sans, or Pillow's font without matplotlib.

    Pillow's own font has no letters such as ü, š or ж.

    Args:
        size: height of a line in pixels.
    """
    matplotlib = find_spec("matplotlib")
    if matplotlib is None:  # an installation for `predict` alone
        return ImageFont.load_default(size)
    folder = Path(matplotlib.origin).parent
    return ImageFont.truetype(str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def _draw_box(draw, box, size):
    line = max(2, min(box.height // 60, 5))
    left, top = max(box.left, 0), max(box.top, 0)
    right = min(box.left + box.width, size[0]) - 1
    bottom = min(box.top + box.height, size[1]) - 1
    if right - left > 2 and bottom - top > 2:  # a tracked face may have left the frame
        draw.rectangle((left, top, right, bottom), outline=BACKGROUND, width=line + 2)
        draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=BOX_COLOUR, width=line)


def _place_label(layout, face, number, names):
    """Return a label's place, text and size, smaller and shorter where room is scarce."""
    font_size = max(MIN_FONT, min(face.box.height // 8, MAX_ROW))
    name = names[face.best] if face.number is None else f"{face.number}: {names[face.best]}"
    for text in (f"{name} {100 * face.probabilities[face.best]:.0f} %", name):
        for size in dict.fromkeys((font_size, MIN_FONT, SMALLEST_FONT)):
            extent = _text_size(text, size)
            if place := layout.place(extent, above(face.box, extent), number):
                return place, text, size
    return None


def _place_panel(layout, face, number, names, widen):
    """Return a panel's place and the panel, or `None` where it is illegible or in the way."""
    largest = min(face.box.height // len(names), MAX_ROW)
    rows = [row for row in (largest, 3 * largest // 4, MIN_ROW) if row >= MIN_ROW]
    for around in (beside, below):
        for row in rows:
            size = _panel_size(names, row)
            if place := layout.place(size, around(face.box, size)):
                return place, _panel(face, names, row)
    for row in rows:
        size, box = _panel_size(names, row), face.box
        within = [(min(box.left + box.width, layout.width) - size[0], box.top)]
        beyond = layout.place_beyond(size, number) if widen else None
        if place := beyond or layout.place(size, within, number):
            return place, _panel(face, names, row)
    return None


def _panel_size(names, row):
    return _bars_start(names, row) + 3 * row + row // 2, row * len(names)


def _bars_start(names, row):
    return round(max(map(load_font(round(0.72 * row)).getlength, names)) + row)


def _panel(face, names, row):
    """Return a bar chart with a row of so many pixels for each class."""
    font, start = load_font(round(0.72 * row)), _bars_start(names, row)
    end = start + 3 * row
    panel = Image.new("RGB", _panel_size(names, row), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    for place, (name, probability) in enumerate(zip(names, face.probabilities)):
        middle, half = place * row + row // 2, row // 4
        draw.text((row // 2, middle), name, fill=TEXT_COLOUR, font=font, anchor="lm")
        draw.rectangle((start, middle - half, end, middle + half), fill=TRACK_COLOUR)
        reached = start + round(float(probability) * (end - start))
        colour = BOX_COLOUR if place == face.best else BAR_COLOUR
        draw.rectangle((start, middle - half, reached, middle + half), fill=colour)
    return panel
