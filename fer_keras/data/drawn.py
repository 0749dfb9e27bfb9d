"""Faces drawn by formula: the data set for when no real one is there."""

import os
import tempfile
from pathlib import Path

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE, Faces, concatenate
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import is_taken, user_path

# Each class's share of FER2013's training faces.
FER2013_SHARES = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965]) / 28709
# How far the parts of a face move, after the Facial Action Coding System; 0 is rest.
ACTIONS = ("brow_inner", "brow_outer", "lid", "cheek", "nose", "corner", "stretch", "jaw")
EXPRESSIONS = [
    (-1, 0.2, 0.1, 0.3, 0.3, -0.3, -0.1, 0.1),  # angry
    (-0.6, -0.3, -0.4, 0.8, 1, -0.4, -0.1, 0.15),  # disgust
    (0.9, 0.3, 0.8, 0, 0, -0.3, 0.4, 0.5),  # fear
    (0.1, 0.1, -0.1, 0.8, 0, 1, 0.6, 0.4),  # happy
    (0.8, -0.5, -0.5, 0.1, 0, -0.8, -0.1, 0),  # sad
    (0.9, 1, 0.9, 0, 0, 0, -0.4, 0.9),  # surprise
    (0, 0, 0, 0, 0, 0, 0, 0),  # neutral
]


class _Sketch:
    """Several faces drawn at once; x points right and y down, in half face widths."""

    def __init__(self, rng, labels):
        self.rng, self.num = rng, len(labels)
        shape = self.num, len(ACTIONS)
        strength = rng.beta(5, 1.7, (self.num, 1)) * rng.uniform(0.8, 1.8, shape)
        actions = strength * np.take(EXPRESSIONS, labels, axis=0) + rng.normal(0, 0.13, shape)
        vars(self).update(zip(ACTIONS, actions.T[..., None, None].astype(np.float32), strict=True))
        unit, turn = self.vary(0.37, 0.41), self.vary(-0.1, 0.1)
        steps = (np.arange(IMAGE_SIZE, dtype=np.float32) + 0.5) / IMAGE_SIZE
        x, y = (steps - self.vary(0.48, 0.52)) / unit, (steps[:, None] - 0.48) / unit
        x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        # Turning the head shifts what stands out of the face plane, as on a ball.
        self.depth = np.sqrt((1 - x**2 - (y / 1.35) ** 2).clip(0))
        self.x = x - self.depth * self.vary(-0.14, 0.14)
        self.y = y - self.depth * self.vary(-0.07, 0.07)
        self.side = abs(self.x)
        self.sharpness = IMAGE_SIZE * unit / self.vary(1, 2)
        self.skin = self.vary(100, 215)
        strands = 1 + 0.15 * np.sin(self.vary(12, 25) * x + 3 * np.sin(4 * y))
        self.hair = self.skin * self.vary(0.35, 1) ** 3 * strands
        self.image = self.vary(10, 245) + np.zeros_like(x)

    def vary(self, low, high):
        """Draw one number a face, evenly."""
        return self.rng.uniform(low, high, (self.num, 1, 1)).astype(np.float32)

    def paint(self, grey, *inside, opacity=1):
        """Paint where every distance `inside` an edge is above 0, opaque by 0 to 1."""
        cover = np.clip(0.5 + self.sharpness * np.min(inside, axis=0), 0, 1)
        self.image += np.clip(opacity, 0, 1) * cover * (grey - self.image)

    def line(self, shade, distance, *inside, width=0.05, opacity=1):
        """Draw a line, `shade` times as light as the skin, where `distance` is 0."""
        self.paint(shade * self.skin, width / 2 - abs(distance), *inside, opacity=opacity)

    def draw_head(self):
        style = self.vary(0, 1)
        bald, curly, long = style < 0.1, style > 0.87, (style > 0.6) & (style < 0.87)
        chin = self.vary(1.18, 1.38) + 0.2 * self.jaw.clip(0)
        taper = 1 - self.vary(0.08, 0.3) * np.clip(self.y / chin, 0, 1) ** 2
        head = 1 - np.hypot(self.x / taper, self.y / np.where(self.y > 0, chin, 1.3))
        mane = 1.28 - np.where(self.y > 0, self.side, np.hypot(self.x, 0.9 * self.y))
        self.paint(self.hair, mane, self.vary(0.9, 1.8) - self.y, opacity=long)
        self.paint(0.7 * self.skin, 0.58 - self.side, self.y - 0.5)
        self.paint(0.85 * self.skin, 0.2 - np.hypot(self.side - 0.92, 0.7 * self.y))
        self.paint(0.8 * self.skin, head + 0.02)
        self.paint(self.skin, head - 0.03)
        self.image *= 1 + self.vary(0.1, 0.35) * (self.depth - 0.6) * (self.depth > 0)
        jaw = np.interp(self.side, [0.25, 0.5, 0.8, 0.95], [0.48, 0.58, 0.35, 0.1])
        self.paint(self.hair, head, self.y - jaw, opacity=self.vary(-3, 1) * ~long)
        hairline = np.interp(self.side, [0, 0.7, 0.9, 1], [-0.1, 0, 0.3, 0.8])
        hairline += self.vary(-0.85, -0.55) + self.vary(-0.15, 0.15) * self.x
        curls = curly * (0.15 + 0.05 * np.sin(16 * np.arctan2(self.x, self.y + 0.45)))
        top = head + self.vary(0.04, 0.15) + curls
        self.paint(self.hair, top, hairline - self.y, opacity=~bald)

    def draw_nose(self):
        width, y = self.vary(0.14, 0.22), self.y - self.vary(0.28, 0.38) + 0.05 * self.nose
        ridge = self.x - np.sign(self.vary(-1, 1)) * (0.06 + 0.6 * (y + 0.4).clip(0) ** 2)
        self.line(0.84, ridge, -0.08 - y, y + 0.5)
        self.paint(0.45 * self.skin, 0.045 - np.hypot(0.7 * (self.side - 0.5 * width), y))
        self.line(0.65, self.y - 0.03 + 0.4 * self.side, 0.18 - self.side, opacity=self.nose)

    def draw_mouth(self):
        opened, raised = self.jaw.clip(0), self.nose.clip(0)
        y = self.y - self.vary(0.64, 0.74)
        half = self.vary(0.34, 0.46) * (1 + 0.38 * self.stretch) * (1 - 0.15 * opened)
        ends, across = half - self.side, self.x / half
        bow = np.sqrt((1 - across**2).clip(0))
        middle = y + self.corner * (0.18 - 0.2 * bow**2) * (1 + self.vary(-0.3, 0.3) * across)
        top = middle + (0.13 * raised + 0.08 * opened) * bow
        bottom = (0.05 * raised + 0.45 * opened) * bow - middle
        lip = self.vary(0.03, 0.1) * bow
        self.paint(self.vary(0.5, 0.8) * self.skin, top + lip, bottom + lip, ends)
        self.paint(30, top + 0.02, bottom + 0.02, ends)
        teeth = self.vary(0.06, 0.14) * (1 + self.corner.clip(0)) - top
        self.paint(205, top, bottom, teeth, ends, opacity=4 * (opened + raised) - 0.7)
        fold = self.side - 0.5 - 0.1 * self.stretch + 1.5 * (y + 0.1).clip(max=0) ** 2
        self.line(0.7, fold, 0.22 - abs(y + 0.15), opacity=np.maximum(self.corner, self.nose))

    def draw_eyes(self):
        across, y = self.side - self.vary(0.38, 0.46), self.y - self.vary(-0.25, -0.15)
        width, inner, outer = self.vary(0.17, 0.23), self.brow_inner, self.brow_outer
        ends, arch = width - abs(across), self.vary(0.085, 0.125) * (1 - (across / width) ** 2)
        top = y + arch * (1 + 0.75 * self.lid - 0.3 * self.cheek).clip(0.15)
        bottom = arch * (0.6 + 0.2 * self.lid - 0.4 * self.cheek).clip(0.1) - y
        self.image *= 1 - 0.2 * np.exp(-((across / 0.28) ** 2) - ((y + 0.08) / 0.2) ** 2)
        self.paint(115 + 0.5 * self.skin, top, bottom)
        iris = np.hypot(across - np.sign(self.x) * self.vary(-0.06, 0.06), y + 0.02)
        self.paint(self.vary(10, 80), self.vary(0.085, 0.11) - iris, top, bottom)
        self.line(0.25, top, ends, width=self.vary(0.03, 0.07))
        along = (across + 0.24) / 0.54
        bend = self.vary(0.14, 0.34) + 0.12 * (inner + outer)
        raised = 0.19 * inner * (1 - along) + (0.17 * outer - 0.05) * along - 0.05 * self.nose
        brow = y + self.vary(0.24, 0.32) + raised + bend * along * (1 - along)
        thickness = self.vary(0.03, 0.075) * (1 - 0.55 * along)
        self.paint(0.7 * self.hair, thickness - abs(brow), along, 1 - along)
        self.line(0.62, self.side - 0.065, 0.11 - abs(y + 0.21), opacity=-inner)
        worn, rim = self.vary(0, 1) < 0.12, self.vary(0.24, 0.32) - np.hypot(across, 1.15 * y)
        self.line(0.2, rim, opacity=worn)
        self.line(0.2, y + 0.05, -rim, 1 - self.side, opacity=worn)

    def draw(self):
        """Return the faces under some light, as a camera sees them: uint8 `(n, 48, 48)`."""
        for part in (self.draw_head, self.draw_nose, self.draw_mouth, self.draw_eyes):
            part()
        light = 1 + self.x * self.vary(-0.2, 0.2) + self.y * self.vary(-0.1, 0.1)
        image = 128 + self.vary(0.85, 1.1) * (self.image * light - 128) + self.vary(-14, 14)
        image += self.vary(0.5, 4) * self.rng.standard_normal(image.shape, np.float32)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def draw_faces(num_faces, seed, split="Training"):
    """Draw faces in FER2013's class proportions, shuffled.

    Args:
        num_faces: how many to draw; every class gets five, or its even share of fewer.
        seed: integer, 0 or more; with `num_faces` and `split` it fixes every pixel.
        split: the split part of the ids; each split has faces of its own.

    Returns:
        `Faces` with the classes `CLASS_NAMES` and the ids `"<split>/<number>"`, from 1.
    """
    rng = np.random.default_rng([seed, *split.encode()])
    even = np.arange(7 * min(5, num_faces // 7)) % 7
    ranks = np.linspace(0, 1, num_faces - len(even), endpoint=False)
    labels = rng.permutation(np.append(even, FER2013_SHARES.cumsum().searchsorted(ranks)))
    batches = np.array_split(labels, num_faces // 64 + 1)  # Each fits the processor's cache.
    images = np.concatenate([_Sketch(rng, batch).draw() for batch in batches])
    ids = np.array([f"{split}/{number}" for number in range(1, num_faces + 1)], dtype=str)
    return Faces(images, labels, ids, CLASS_NAMES)


def _is_complete(directory):
    return all((directory / part).exists() for part in ("fer2013.csv", "train", "test"))


def write_drawn_data(directory, num_train=5000, num_test=1250, seed=0):
    """Write drawn faces in both of FER2013's storage forms, all or none.

    Args:
        directory: gets `fer2013.csv`, `train/<label>/` and `test/<label>/`, of the same faces;
            one that has these stays as it is.
        num_train: how many faces of the split `Training` to draw.
        num_test: how many faces of the split `PublicTest` to draw.
        seed: integer, 0 or more, that fixes the faces.

    Raises:
        InputError: if `directory` holds something else.
    """
    directory = user_path(directory)
    if _is_complete(directory):
        return
    if is_taken(directory):
        raise InputError(
            f"{directory} exists but holds no complete drawn data (fer2013.csv, train, test); "
            "remove it or name another directory."
        )
    faces = concatenate(draw_faces(num_train, seed), draw_faces(num_test, seed, "PublicTest"))
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".drawn-", dir=directory.parent) as temporary:
        unfinished = Path(temporary) / directory.name
        write_image_folder(faces, unfinished)
        write_fer2013_csv(faces, unfinished / "fer2013.csv")
        try:
            os.replace(unfinished, directory)
        except OSError:  # Another process may have been first; its faces do as well.
            if not _is_complete(directory):
                raise
