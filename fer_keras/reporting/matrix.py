"""Confusion matrices as HTML, whose cells show some of their faces."""

import base64
import io

import numpy as np
from PIL import Image

from fer_keras.reporting.render import render_html

MOST_ARMS = 3
"""Arms whose matrices show faces: each takes some 100 kB."""

PER_CELL = 4
"""Faces of a cell, drawn at random."""

QUALITY = 50
"""Of the WebP pictures of faces; 48 x 48 grey levels take some 600 bytes each."""


def confusion_html(predictions, faces=None):
    """Return confusion matrices as HTML, which needs no script.

    Args:
        predictions: dict from an arm's name to its `Predictions`.
        faces: dict from an arm's name to the test `Faces`, in the order of its predictions; arms
            without an entry show no faces.

    Returns:
        A text. Elements that show faces have the class `faces`.
    """
    shown = dict(list((faces or {}).items())[:MOST_ARMS])
    matrices = [
        _matrix(f"m{number}", arm, part, shown.get(arm))
        for number, (arm, part) in enumerate(predictions.items())
    ]
    return render_html("matrix.html.j2", matrices=matrices)


def _matrix(name, arm, predictions, faces):
    counts, shares = predictions.confusion(), predictions.confusion(normalised=True)
    chosen = {} if faces is None else _choose(predictions)
    sheet = _sheet([faces.images[each] for each in chosen.values()]) if chosen else None
    places = {cell: number for number, cell in enumerate(chosen)}
    names = predictions.class_names
    rows = [
        [
            {"count": int(counts[true, said]), "share": shares[true, said]}
            | {"true": names[true], "said": names[said], "is_right": true == said}
            | {"place": places.get((true, said)), "total": int(counts[true].sum())}
            | {"num_faces": len(chosen.get((true, said), ()))}
            for said in range(len(names))
        ]
        for true in range(len(names))
    ]
    size = faces.images.shape[1] if chosen else 0
    return {"name": name, "arm": arm, "classes": names, "rows": rows, "sheet": sheet} | {
        "images": len(predictions.ids),
        "size": size,
    }


def _choose(predictions):
    """Return the places of some random images of each cell that has any."""
    rng, chosen = np.random.default_rng(0), {}
    count = len(predictions.class_names)
    for true, said in np.ndindex(count, count):
        members = np.flatnonzero((predictions.y_true == true) & (predictions.y_pred == said))
        if len(members):
            chosen[true, said] = rng.permutation(members)[:PER_CELL]
    return chosen


def _sheet(groups):
    """Return the faces of all cells in one picture, a row a cell, as WebP in base64."""
    size = groups[0].shape[1]
    sheet = np.full((len(groups) * size, PER_CELL * size), 128, np.uint8)
    for row, images in enumerate(groups):
        for column, image in enumerate(images):
            top, left = row * size, column * size
            sheet[top : top + size, left : left + size] = image
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "WEBP", quality=QUALITY, method=6)
    return base64.b64encode(file.getvalue()).decode()
