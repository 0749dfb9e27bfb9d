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
    "Gaussian noise": (8, 16, 32),  # standard deviation, grey levels
    "blur": (0.8, 1.5, 2.5),  # standard deviation, pixels
    "low resolution": (24, 16, 12),  # pixels a side that are left, of 48
    "JPEG": (30, 15, 7),  # JPEG quality
    "brightness": (32, 64, 96),  # grey levels added
    "contrast": (0.6, 0.35, 0.2),  # factor of the distance from the image's mean
    "rotation": (10, 20, 30),  # degrees, to a side that the id draws
    "zoom": (1.15, 1.3, 1.5),  # enlargement, as a factor
    "shift": (3, 6, 9),  # pixels, in a direction that the id draws
    "occlusion": (12, 18, 24),  # side of a square of the image's mean grey, pixels
}
"""Corruption -> its three strengths, weakest first. The id of an image draws what is random."""

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
    strength = STRENGTHS[name][step - 1]
    # The same in every process, as Python's own hash of a text is not.
    draws = (np.random.default_rng(zlib.crc32(each.encode())) for each in ids.tolist())
    return np.stack(
        [corrupt_image(image, name, strength, rng) for image, rng in zip(images, draws)]
    )


def corrupt_image(image, name, strength, random):
    """Return an image with a corruption of any strength.

    Args:
        image: uint8 array `(48, 48)`, grey levels 0-255.
        name: a corruption of `STRENGTHS`.
        strength: in the unit of `STRENGTHS`; between them, weaker or stronger.
        random: a `numpy.random.Generator`, for noise, places and directions.

    Returns:
        A uint8 array `(48, 48)`.
    """
    return _FUNCTIONS[name](image, strength, random)


def _noise(image, deviation, random):
    return _gray(image + np.float32(deviation) * random.standard_normal(image.shape, np.float32))


def _blur(image, deviation, random):
    return cv2.GaussianBlur(image, (0, 0), deviation)


def _low_resolution(image, side, random):
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _jpeg(image, quality, random):
    _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)


def _brightness(image, added, random):
    return _gray(image.astype(np.float32) + added)


def _contrast(image, factor, random):
    mean = _mean(image)
    return _gray(mean + np.float32(factor) * (image - mean))


def _rotation(image, degrees, random):
    return _warped(image, random.choice((-1, 1)) * degrees, 1)


def _zoom(image, factor, random):
    return _warped(image, 0, factor)


def _shift(image, pixels, random):
    starts = ((0, pixels), (2 * pixels, pixels), (pixels, 0), (pixels, 2 * pixels))
    top, left = starts[random.integers(4)]
    padded = np.pad(image, pixels, mode="edge")
    return padded[top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]


def _occlusion(image, side, random):
    covered = image.copy()
    top, left = random.integers(0, IMAGE_SIZE - side + 1, 2)
    covered[top : top + side, left : left + side] = _gray(_mean(image))
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
"""Corruption -> a function of image, strength and random generator."""


def _warped(image, degrees, factor):
    """Return the image turned and enlarged about its centre, edges repeated."""
    matrix = cv2.getRotationMatrix2D(((IMAGE_SIZE - 1) / 2,) * 2, degrees, factor)
    return cv2.warpAffine(image, matrix, image.shape, borderMode=cv2.BORDER_REPLICATE)


def _mean(image):
    return image.mean(dtype=np.float32)


def _gray(levels):
    return np.rint(levels).clip(0, 255).astype(np.uint8)
