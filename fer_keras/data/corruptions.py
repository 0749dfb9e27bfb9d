"""Graded corruptions of faces, to measure how robust a network is.

After Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (2019). The kinds that suit small grey images, and the strengths, are ours. What a
corruption draws at random depends on the image's id alone, so that all networks see the same
pictures.
"""

import zlib

import cv2
import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.utils.errors import InputError

STRENGTHS = {
    "Gaussian noise": (8, 16, 32),
    "blur": (0.8, 1.5, 2.5),
    "low resolution": (24, 16, 12),
    "JPEG": (30, 15, 7),
    "brightness": (32, 64, 96),
    "contrast": (0.6, 0.35, 0.2),
    "rotation": (10, 20, 30),
    "zoom": (1.15, 1.3, 1.5),
    "shift": (3, 6, 9),
    "occlusion": (12, 18, 24),
}
"""Corruption -> its three strengths, weakest first. They are the standard deviation of the noise in
grey levels; that of the blur in pixels; the pixels that are left of 48 a side; JPEG's quality; grey
levels added; the factor of the distance from the image's mean; degrees, to the side that the id
draws; the factor of enlargement; pixels, in the direction that the id draws; and the side in pixels
of a square of the image's mean grey, where the id puts it."""

CORRUPTED = tuple((name, step) for name in STRENGTHS for step in (1, 2, 3))
"""All 30 pairs of a corruption and a step, in the order of `STRENGTHS`."""


def corrupt(images, ids, name, step):
    """Return images with a corruption.

    Args:
        images: uint8 array `(n, 48, 48)`, grey levels 0-255.
        ids: string array `(n,)`, which fixes what the corruption draws at random.
        name: a corruption of `STRENGTHS`.
        step: 1 (weakest) to 3 (strongest).

    Returns:
        A uint8 array `(n, 48, 48)`.

    Raises:
        InputError: if there is no such corruption or step.
    """
    if name not in STRENGTHS:
        raise InputError(f"No corruption is called {name!r}; there are {', '.join(STRENGTHS)}.")
    if step not in (1, 2, 3):
        raise InputError(f"The step of a corruption is {step!r}; give 1, 2 or 3.")
    return _FUNCTIONS[name](images, STRENGTHS[name][step - 1], ids)


def _noise(images, deviation, ids):
    noise = np.stack([rng.standard_normal(images.shape[1:], np.float32) for rng in _draws(ids)])
    return _gray(images + deviation * noise)


def _blur(images, deviation, ids):
    return _each(images, lambda image: cv2.GaussianBlur(image, (0, 0), deviation))


def _low_resolution(images, side, ids):
    def shrunk_and_enlarged(image):
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR)

    return _each(images, shrunk_and_enlarged)


def _jpeg(images, quality, ids):
    def stored(image):
        _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)

    return _each(images, stored)


def _brightness(images, added, ids):
    return _gray(images.astype(np.float32) + added)


def _contrast(images, factor, ids):
    means = _means(images)
    return _gray(means + factor * (images - means))


def _rotation(images, degrees, ids):
    signs = [rng.choice((-1, 1)) for rng in _draws(ids)]
    return _warped(images, [(sign * degrees, 1) for sign in signs])


def _zoom(images, factor, ids):
    return _warped(images, [(0, factor)] * len(images))


def _shift(images, pixels, ids):
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)), mode="edge")
    starts = ((0, pixels), (2 * pixels, pixels), (pixels, 0), (pixels, 2 * pixels))
    tops_lefts = [starts[rng.integers(4)] for rng in _draws(ids)]
    return np.stack(
        [
            image[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]
            for image, (top, left) in zip(padded, tops_lefts)
        ]
    )


def _occlusion(images, side, ids):
    covered, means = images.copy(), _gray(_means(images))
    for image, mean, rng in zip(covered, means, _draws(ids)):
        top, left = rng.integers(0, IMAGE_SIZE - side + 1, 2)
        image[top : top + side, left : left + side] = mean
    return covered


_FUNCTIONS = {
    "Gaussian noise": _noise,
    "blur": _blur,
    "low resolution": _low_resolution,
    "JPEG": _jpeg,
    "brightness": _brightness,
    "contrast": _contrast,
    "rotation": _rotation,
    "zoom": _zoom,
    "shift": _shift,
    "occlusion": _occlusion,
}
"""Corruption -> a function of images, strength and ids."""


def _warped(images, turns):
    """Return images turned by degrees and enlarged about their centre, edges repeated."""
    centre, look = ((IMAGE_SIZE - 1) / 2,) * 2, {"borderMode": cv2.BORDER_REPLICATE}
    return np.stack(
        [
            cv2.warpAffine(
                image, cv2.getRotationMatrix2D(centre, degrees, factor), image.shape, **look
            )
            for image, (degrees, factor) in zip(images, turns)
        ]
    )


def _each(images, function):
    return np.stack([function(image) for image in images])


def _means(images):
    return images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)


def _gray(levels):
    return np.rint(levels).clip(0, 255).astype(np.uint8)


def _draws(ids):
    """Yield a random generator for each id, the same in every process."""
    return (np.random.default_rng(zlib.crc32(name.encode())) for name in ids.tolist())
