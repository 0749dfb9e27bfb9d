"""Write figures as PNG, and as SVG whose parts can say something."""

import io
import re
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from matplotlib import rc_context
from matplotlib.text import Text
from PIL import Image

from fer_keras.utils.files import whole_file, write_text

DPI = 110
GREY = 8
"""Greatest mean difference between a pixel's red, green and blue in a figure of grey faces."""

SHOWS_FACES = "faces"
"""The `gid` of figures that show a data set's images, which may often not be passed on."""

WORDS = "words: "
"""How the `gid` of a part begins that shows words under the pointer."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot hold, and names may."""

SVG = "http://www.w3.org/2000/svg"
for _prefix, _space in {"": SVG, "xlink": "http://www.w3.org/1999/xlink"}.items():
    ElementTree.register_namespace(_prefix, _space)


def save(figure, path):
    """Write a figure as PNG, whole or not at all.

    Charts and grey faces get a palette, and photographs keep all colours.

    Args:
        figure: the `Figure`.
        path: the file.
    """
    drawn = io.BytesIO()
    with _names_as_they_are(figure):
        figure.savefig(drawn, dpi=DPI)
    picture = Image.open(drawn).convert("RGB")
    shows_faces = figure.get_gid() == SHOWS_FACES
    # A chart has a few colours, grey faces have more: a palette takes a third of the bytes.
    if not shows_faces or np.ptp(np.asarray(picture), axis=-1).mean() < GREY:
        picture = picture.quantize(256 if shows_faces else 64, dither=Image.Dither.NONE)
    with whole_file(path) as part:
        picture.save(part, optimize=True)


def save_svg(figure, path):
    """Write a figure as SVG, whole or not at all.

    Args:
        figure: the `Figure`.
        path: the file.
    """
    write_text(path, svg_of(figure, Path(path).stem))


def svg_of(figure, name):
    """Return a figure as SVG, whose text stays text and can be searched.

    Args:
        figure: the `Figure`.
        name: str, which no other figure of a page has: ids inside the figure follow from it.
    """
    drawn = io.StringIO()
    # With a random salt or a date, two files of one figure would differ.
    fixed = {"svg.fonttype": "none", "svg.hashsalt": name}
    with _names_as_they_are(figure), rc_context(fixed):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return _with_titles(drawn.getvalue(), figure.get_label())


def has_words(figure):
    """Return whether parts of a figure show words under the pointer.

    Args:
        figure: the `Figure`.
    """
    return any(_words(part.get_gid()) for part in figure.findobj())


def with_words(part, words):
    """Let a part of a figure show words under the pointer, as SVG.

    Args:
        part: a matplotlib `Artist`.
        words: str.
    """
    part.set_gid(WORDS + words)


@contextmanager
def _names_as_they_are(figure):
    """Draw no formula for a name with dollar signs, also in ticks that are made while drawing."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with rc_context({"text.parse_math": False}):
        yield


def _words(gid):
    return gid[len(WORDS) :] if gid and gid.startswith(WORDS) else ""


def _with_titles(svg, label):
    """Return an SVG that can stand inside a page, in which the words of parts are titles."""
    tree = ElementTree.fromstring(CONTROL.sub("", svg))
    tree.attrib |= {"role": "img", "aria-label": CONTROL.sub("", label)}
    for defs in tree.findall(f"{{{SVG}}}defs"):
        for style in defs.findall(f"{{{SVG}}}style"):
            defs.remove(style)  # its rule is about all of a page
    tree.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    for metadata in tree.findall(f"{{{SVG}}}metadata"):
        tree.remove(metadata)
    for group in tree.iter(f"{{{SVG}}}g"):
        if words := _words(group.attrib.pop("id", "")):
            group.set("class", "pointed")
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = words
            group.insert(0, title)
    return ElementTree.tostring(tree, encoding="unicode")
