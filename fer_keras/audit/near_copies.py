"""Near copies: one photograph twice, but for brightness, compression, a shift, a crop, a mirror."""

from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from fer_keras.data.faces import IMAGE_SIZE

MAX_BITS = 12
"""Most bits of 64 in which the perceptual hashes of two candidates differ.

Among 15,000 of FER2013's images, two bits more find 9 % more near copies in 4.5 times the
candidates.
"""

MIN_CORRELATION = 0.9
"""Least correlation of the details of near copies.

Of FER2013's pairs, nearly all of different people stay below 0.8, and those above it show one
photograph; 0.9 leaves a margin, at the price of a few copies with watermarks.
"""

MAX_SHIFT = 2
"""Most pixels, down and to the right, by which a near copy may be shifted."""

MAX_CROP = 2
"""Most pixels that a near copy may lack on every side."""

WORTH_CROPPING = 0.5
"""Least correlation that cropping is tried for: by two pixels it rarely costs more."""

FINE, COARSE = 1.0, 3.0
"""Standard deviations, in pixels, of the two blurs whose difference is an image's details:
neither its grain, which compression changes, nor its light and shade, which strangers share."""

STEP = 2
"""Every second pixel is correlated: the blurred ones between them say the same."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of different images whose perceptual hashes are close.

    Args:
        first: int array `(p,)`, positions of the one image.
        second: int array `(p,)`, positions of the other, each larger than that in `first`.
        bits: int array `(p,)`, in how many of 64 bits the hashes differ.
        correlations: float array `(p,)`, -1 to 1, of the details where they fit best.
        kinds: string array `(p,)`, how they fit best: `in place`, `shifted`, `cropped` or
            `mirrored`, the last whether shifted and cropped or not.
        nearest: int array `(n,)`, for each image, the bits to the nearest other image's hash.
        nearest_mirrored: the same, to the nearest other image's mirror image.
    """

    first: np.ndarray
    second: np.ndarray
    bits: np.ndarray
    correlations: np.ndarray
    kinds: np.ndarray
    nearest: np.ndarray
    nearest_mirrored: np.ndarray

    def __len__(self):
        return len(self.first)


def find_candidates(images):
    """Find pairs of images with close perceptual hashes, and how far their details correlate.

    Each image is compared with every other one and with its mirror image; a pair that is close in
    both ways counts once, in the way that correlates better. What correlates at `MIN_CORRELATION`
    or above is a near copy.

    Args:
        images: uint8 array `(n, 48, 48)`, no two equal, none blank or nearly so, since images
            without content correlate with anything.

    Returns:
        `Candidates`, ordered by their positions.
    """
    hashes, details = perceptual_hashes(images), _details(images)
    parts, nearest = [], []
    for mirror in (False, True):
        others = images[:, :, ::-1] if mirror else images
        other_details = details[:, :, ::-1] if mirror else details
        pairs, bits, least = _close_pairs(hashes, perceptual_hashes(others) if mirror else hashes)
        correlations, moved = _correlate(details, other_details, pairs)
        cropped = _try_crops(images, others, pairs, correlations)
        kinds = np.select([cropped, moved], ["cropped", "shifted"], "in place")
        parts.append((pairs, bits, correlations, np.where(mirror, "mirrored", kinds)))
        nearest.append(least)
    pairs, bits, correlations, kinds = (np.concatenate(both) for both in zip(*parts, strict=True))
    order = np.lexsort((-correlations, pairs[:, 1], pairs[:, 0]))
    _, best = np.unique(pairs[order], axis=0, return_index=True)
    kept = order[best]
    return Candidates(*pairs[kept].T, bits[kept], correlations[kept], kinds[kept], *nearest)


def perceptual_hashes(images):
    """Return ImageHash's `phash`, signs of the 8x8 lowest cosine frequencies: uint64 `(n,)`."""
    hashes = [imagehash.phash(Image.fromarray(image)).hash.ravel() for image in images]
    return np.packbits(np.reshape(hashes, (-1, 64)).astype(bool), axis=1).view(np.uint64).ravel()


def _close_pairs(hashes, others, rows_at_once=128):
    """Return pairs `(p, 2)` of positions, the earlier first; their bits; each row's least bits."""
    pairs, distances = [np.empty((0, 2), int)], [np.empty(0, np.uint8)]
    nearest = np.empty(len(hashes), np.uint8)
    for start in range(0, len(hashes), rows_at_once):
        bits = np.bitwise_count(hashes[start : start + rows_at_once, None] ^ others)
        own = np.arange(len(bits))
        bits[own, start + own] = 64
        nearest[start : start + rows_at_once] = bits.min(axis=1)
        rows, columns = np.nonzero(bits <= MAX_BITS)
        ahead = start + rows < columns
        rows, columns = rows[ahead], columns[ahead]
        pairs.append(np.column_stack([start + rows, columns]))
        distances.append(bits[rows, columns])
    return np.concatenate(pairs), np.concatenate(distances), nearest


def _try_crops(first, second, pairs, correlations):
    """Raise `correlations` where cropping one image does; return where: booleans `(p,)`."""
    improved = np.zeros(len(pairs), bool)
    worth = np.flatnonzero(correlations >= WORTH_CROPPING)
    ones, one_of = np.unique(pairs[worth, 0], return_inverse=True)
    twos, two_of = np.unique(pairs[worth, 1], return_inverse=True)
    few = np.column_stack([one_of, two_of])
    for pixels in range(1, MAX_CROP + 1):
        for crop_one, crop_two in ((pixels, 0), (0, pixels)):
            one, two = _cropped(first[ones], crop_one), _cropped(second[twos], crop_two)
            found, _ = _correlate(_details(one), _details(two), few)
            better = found > correlations[worth]
            correlations[worth[better]] = found[better]
            improved[worth[better]] = True
    return improved


def _cropped(images, pixels):
    """Return images without `pixels` on every side, enlarged to their former size."""
    if not pixels:
        return images
    box = (pixels, pixels, IMAGE_SIZE - pixels, IMAGE_SIZE - pixels)
    new = np.empty_like(images)
    for place, image in enumerate(images):
        new[place] = Image.fromarray(image).resize(images.shape[1:], Image.BICUBIC, box)
    return new


def _details(images, images_at_once=1024):
    details = np.empty(images.shape, np.float32)
    for start in range(0, len(images), images_at_once):
        part = images[start : start + images_at_once].astype(np.float32)
        fine, coarse = (gaussian_filter(part, (0, blur, blur)) for blur in (FINE, COARSE))
        details[start : start + images_at_once] = fine - coarse
    return details


def _correlate(first, second, pairs, pairs_at_once=1024):
    """Return each pair's best correlation over all shifts, and whether it is a shifted one."""
    best, moved = np.full(len(pairs), -1.0), np.zeros(len(pairs), bool)
    # The unshifted position comes first, so that it wins among equals.
    steps = sorted(range(-MAX_SHIFT, MAX_SHIFT + 1), key=abs)
    for start in range(0, len(pairs), pairs_at_once):
        part = slice(start, start + pairs_at_once)
        centres = _windows(first[pairs[part, 0]], 0, 0)
        centres -= centres.mean(axis=1, keepdims=True)
        centres /= _lengths(centres)[:, None]
        others = second[pairs[part, 1]]
        for down in steps:
            for right in steps:
                window = _windows(others, down, right)
                found = np.einsum("ij,ij->i", centres, window) / _lengths(window)
                better = found > best[part]
                best[part][better] = found[better]
                moved[part][better] = bool(down or right)
    return best, moved


def _windows(images, down, right):
    """Return a window of each image as a vector."""
    size = IMAGE_SIZE - 2 * MAX_SHIFT
    top, left = MAX_SHIFT + down, MAX_SHIFT + right
    window = images[:, top : top + size : STEP, left : left + size : STEP]
    return window.reshape(len(images), -1)


def _lengths(vectors):
    """Return each vector's length after its mean is subtracted."""
    squares = np.einsum("ij,ij->i", vectors, vectors) - vectors.sum(axis=1) ** 2 / vectors.shape[1]
    return np.sqrt(np.maximum(squares, 1e-6))
