"""Cut wide figures into tiles, which stand below one another on a phone.

On a screen the tiles of a row lie edge to edge, so that the figure looks as it was drawn.
"""

import base64
import io
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from PIL import Image

from fer_keras.reporting.saving import DPI, SVG

TILE_INCHES = 4.8
"""Panels beside each other share a tile up to this width, which fills a phone's screen."""
WHOLE_INCHES = 6.0
"""A figure up to this width is not cut."""
PAD_INCHES = 0.05
OVERLAP_INCHES = 0.02  # that a cut may take off
CSS_PIXELS = 96  # an inch
POINTS = 72  # an inch, of matplotlib's SVG


def tiles_of(figure):
    """Return where to cut a figure that was drawn.

    Args:
        figure: the `Figure`.

    Returns:
        A list of rows, each a list of boxes `[left, top, right, bottom]`, shares 0-1 of the
        figure's width and height. Empty if a cut would hit a part of the figure, or if a wide
        figure has one column.
    """
    width, height = figure.get_size_inches()
    if width <= WHOLE_INCHES:
        return [[[0.0, 0.0, 1.0, 1.0]]]
    # A new renderer: a text remembers its size in the file that was written last.
    pen = RendererAgg(round(width * figure.dpi), round(height * figure.dpi), figure.dpi)
    rows = [_columns(row, pen) for row in _rows(figure)]
    if max(map(len, rows), default=0) < 2:
        return []
    first, last = (_union([place for columns in rows for place in columns])[n] for n in (1, 3))
    around = [_inches(each, pen) for each in [*figure.texts, *figure.legends]]
    around = [place for place in around if place[2] - place[0] > PAD_INCHES]
    above = [place for place in around if place[3] <= first + OVERLAP_INCHES]
    below = [place for place in around if place[1] >= last - OVERLAP_INCHES]
    bands = [*([[_union(above)]] if above else []), *rows, *([[_union(below)]] if below else [])]
    edges = _cuts([_union(band) for band in bands], 1, 3, height)
    is_beside = len(above) + len(below) < len(around)
    if is_beside or edges is None:
        return []
    cut = [_cut(_grouped(band), top, bottom, width) for band, (top, bottom) in zip(bands, edges)]
    size = np.array([width, height, width, height])
    return [] if None in cut else [[(np.array(b) / size).tolist() for b in row] for row in cut]


def picture_tiles(content, rows, form, **options):
    """Cut a picture.

    Args:
        content: bytes of the PNG file.
        rows: what `tiles_of` returned.
        form: `PNG` or `WEBP`.
        **options: for Pillow's `save`.

    Returns:
        The figure's width in pixels, and the rows, each a list of dicts: a picture's `address` with
        its content, its width `share` and what is free `before` it, in shares of the figure's, and
        its width on a `phone`, in shares of the screen's.

    Raises:
        ValueError, OSError, TypeError: if the content is no PNG, or the rows are no such rows.
    """
    picture = Image.open(io.BytesIO(content), formats=["PNG"])
    picture = picture if form == "PNG" else picture.convert("RGB")
    done = []
    for row in rows:
        done.append([])
        ends = [0.0, *(box[2] for box in row)]
        for (left, top, right, bottom), end in zip(row, ends):
            sides = np.clip([left, top, right, bottom], 0, 1) * [*picture.size, *picture.size]
            file = io.BytesIO()
            picture.crop(tuple(sides.round().astype(int).tolist())).save(file, form, **options)
            data = base64.b64encode(file.getvalue()).decode()
            place = _place(left, right, end, picture.width / DPI)
            done[-1].append(place | {"address": f"data:image/{form.lower()};base64,{data}"})
    return picture.width, done


def svg_tiles(svg, rows, name):
    """Cut an SVG: each tile is a window on one drawing.

    Args:
        svg: what `saving.svg_of` returned.
        rows: what `tiles_of` returned.
        name: str, which no other figure of the page has.

    Returns:
        The width and the rows, as of `picture_tiles`, with `svg` in place of `address`.

    Raises:
        ParseError, ValueError, TypeError: if the text is no SVG, or the rows are no such rows.
    """
    tree = ElementTree.fromstring(svg)
    wide, high = map(float, tree.get("viewBox").split()[2:])
    drawing = ElementTree.Element(f"{{{SVG}}}g", {"id": f"{name}-drawing"})
    drawing.extend(list(tree))
    again = ElementTree.Element(f"{{{SVG}}}use", {"href": f"#{name}-drawing"})
    done = []
    for row in rows:
        done.append([])
        ends = [0.0, *(box[2] for box in row)]
        for (left, top, right, bottom), end in zip(row, ends):
            is_first = done == [[]]
            about = {"aria-hidden": "true"}
            if is_first:
                about = dict(tree.attrib) | {"data-whole": tree.get("viewBox")}
            box = [left * wide, top * high, (right - left) * wide, (bottom - top) * high]
            about["viewBox"] = " ".join(f"{value:.2f}" for value in box)
            about |= {"width": f"{box[2]:.2f}pt", "height": f"{box[3]:.2f}pt"}
            tile = ElementTree.Element(f"{{{SVG}}}svg", about)
            tile.append(drawing if is_first else again)
            text = ElementTree.tostring(tile, encoding="unicode")
            done[-1].append(_place(left, right, end, wide / POINTS) | {"svg": text})
    return wide * CSS_PIXELS / POINTS, done


def _place(left, right, end, inches):
    share = right - left
    return {"share": share, "before": left - end, "phone": min(1, share * inches / TILE_INCHES)}


def _rows(figure):
    """Return the panels of each row; rows of unequal height belong together."""
    rows = {}
    for panel in figure.axes:
        place = panel.get_subplotspec()
        heights = place.get_gridspec().get_height_ratios()
        row = place.rowspan.start if len(set(heights)) == 1 else 0
        rows.setdefault(row, []).append(panel)
    return [rows[row] for row in sorted(rows)]


def _columns(panels, pen):
    """Return the places of a row's columns, from left to right."""
    columns = {}
    for panel in panels:
        columns.setdefault(panel.get_subplotspec().colspan.start, []).append(_inches(panel, pen))
    return [_union(columns[column]) for column in sorted(columns)]


def _inches(artist, pen):
    """Return an artist's left, top, right and bottom, from the figure's upper left corner."""
    figure = artist.get_figure(root=True)
    box, high = artist.get_tightbbox(pen), figure.get_figheight()
    left, bottom, right, top = np.array(box.extents) / figure.dpi
    return left, high - top, right, high - bottom


def _union(places):
    lefts, tops, rights, bottoms = zip(*places)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _grouped(columns):
    """Return the places of as few tiles as are narrow enough."""
    groups = [columns[0]]
    for column in columns[1:]:
        together = _union([groups[-1], column])
        if together[2] - together[0] <= TILE_INCHES:
            groups[-1] = together
        else:
            groups.append(column)
    return groups


def _cuts(places, start, end, size):
    """Return where each of some places begins and ends when cut midway between them."""
    if any(here[end] > after[start] + OVERLAP_INCHES for here, after in pairwise(places)):
        return None
    middles = [(here[end] + after[start]) / 2 for here, after in pairwise(places)]
    return list(zip([0.0, *middles], [*middles, size]))


def _cut(places, top, bottom, width):
    """Return a row's boxes in inches, without what is empty at its ends."""
    cuts = _cuts(places, 0, 2, width)
    if cuts is None:
        return None
    boxes = [[left, top, right, bottom] for left, right in cuts]
    boxes[0][0] = max(0.0, places[0][0] - PAD_INCHES)
    boxes[-1][2] = min(width, places[-1][2] + PAD_INCHES)
    return boxes
