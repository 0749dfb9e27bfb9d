"""Tiles hold all of a figure, and no cut goes through what is drawn."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from helpers import patterned_faces, predictions_of
from PIL import Image

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.reporting import error_figures, figures, galleries, saving, score_figures
from fer_keras.reporting.tiles import picture_tiles, tiles_of

rng = np.random.default_rng(0)
TRUE = np.arange(140) % 7
FOUND = predictions_of(TRUE, np.where(rng.random(140) < 0.6, TRUE, (TRUE + 1) % 7))
COUNTS = pd.DataFrame({name: rng.integers(1, 99, 7) for name in "abc"}, index=CLASS_NAMES)
FIGURES = {  # with the number of tiles in each row
    "title, 3 panels": (lambda: figures.class_balance(COUNTS, "Faces of each class"), [1, 3]),
    "2 rows that belong together": (
        lambda: error_figures.reliability_diagrams({"a": FOUND, "b": FOUND}), [2],
    ),
    "7 panels, two a tile": (
        lambda: error_figures.precision_recall_curves({"a": FOUND, "b": FOUND}), [1, 2, 2, 1],
    ),
    "faces": (lambda: galleries.gallery(patterned_faces(140), FOUND, "a"), [1, 2, 2, 2, 2]),
    "narrow": (lambda: score_figures.f1_by_class(COUNTS / 100), [1]),
}  # fmt: skip


def drawn(figure, tmp_path):
    saving.save_svg(figure, tmp_path / "a.svg")  # leaves its own resolution in texts
    saving.save(figure, tmp_path / "a.png")
    return (tmp_path / "a.png").read_bytes()


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


@pytest.mark.parametrize("kind", FIGURES)
def test_tiles_hold_all_that_is_drawn_and_are_cut_where_nothing_is(kind, tmp_path):
    draw, counts = FIGURES[kind]
    figure = draw()
    content = drawn(figure, tmp_path)
    rows = tiles_of(figure)
    assert [len(row) for row in rows] == counts
    width, tiles = picture_tiles(content, rows, "PNG")
    whole = pixels(content)
    assert width == whole.shape[1]
    paper = np.full_like(whole, 255)
    for row, placed in zip(rows, tiles, strict=True):
        for (left, top, *_), tile in zip(row, placed, strict=True):
            part = pixels(base64.b64decode(tile["address"].partition(",")[2]))
            y, x = round(top * whole.shape[0]), round(left * whole.shape[1])
            paper[y : y + part.shape[0], x : x + part.shape[1]] = part
            if kind != "faces":
                ends = part[:, [0, -1]] if len(placed) > 1 else part[:, :0]
                assert (ends > 245).all()
    np.testing.assert_array_equal(paper, whole)


def test_a_figure_with_something_beside_its_panels_stays_whole():
    figure, panels = figures.panel_grid(1, 2, 4, 2)
    panels[0, 0].plot([0, 1], label="line")
    figure.legend(loc="outside right upper")
    figure.draw_without_rendering()
    assert tiles_of(figure) == []
