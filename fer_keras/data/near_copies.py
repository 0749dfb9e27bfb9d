"""Find near copies: one photograph in two versions.

OpenCV is imported within the functions: commands that compare no images start without it.
"""

from functools import lru_cache

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from fer_keras.data.faces import IMAGE_SIZE, copy_groups
from fer_keras.utils.watching import bar

MAX_BITS = 12
"""Most bits of 64 in which the perceptual hashes of two candidates differ.

Among 15,000 FER2013 images, 14 bits find 9 % more near copies in 4.5 times the candidates.
"""

MIN_CORRELATION = 0.9
"""Least correlation of the details of near copies.

In FER2013, pairs of different people stay below 0.8, with few exceptions, and pairs above it show
one photograph. A limit of 0.9 is safe; it misses a few copies with watermarks.
"""

MAX_SHIFT = 2  # most pixels, in each direction, by which a near copy may be shifted
CROPS = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0))
"""Pixels cut off every side of the first and the second image, in the order of trying."""
WORTH_CROPPING = 0.5  # least correlation at which crops are tried: two pixels rarely cost more

FINE, COARSE = 1.0, 3.0
"""Standard deviations, in pixels, of the two blurs whose difference is an image's details.

The fine blur removes the grain, which compression changes; the coarse one finds the light and
shade, which different people share.
"""

NEARLY_BLANK = 5.0
"""Deviation, in grey levels, below which an image shows nothing. FER2013's faintest face has 9."""

MAX_CACHED = 1 << 15  # images whose details are kept in memory, 9 kB each


def find_candidates(images):
    """Find pairs with close perceptual hashes and correlate their details.

    Each image is compared with every other one and with its mirror image. A pair that is close in
    both ways counts once, in the way that correlates better.

    Args:
        images: uint8 array `(n, 48, 48)`, no two equal, none blank or nearly so, because images
            without content correlate with anything.

    Returns:
        Two DataFrames. The first has one row a pair, sorted: `first` and `second` (positions, the
        smaller one first), `bits` (0-12) in which the hashes differ, `correlation` (-1 to 1) where
        the details fit best, and `kind`, how they fit best: `in place`, `shifted`, `cropped` or
        `mirrored` (shifted and cropped or not). The second has one row an image: the bits, 0-64,
        to the nearest hash of another image, `as they are` and `mirrored`.
    """
    details_of = lru_cache(MAX_CACHED)(lambda place, crop: _details(images[place], crop))
    hashes, nearest, parts = _hashes(images, "Hashing the images"), {}, []
    for way in ("as they are", "mirrored"):
        is_mirrored = way == "mirrored"
        others = hashes
        if is_mirrored:
            others = _hashes(images[:, :, ::-1], "Hashing their mirror images")
        pairs, nearest[way] = _close_pairs(hashes, others)
        fits = [
            _best_fit(details_of, *pair, is_mirrored)
            for pair in bar(pairs.tolist(), f"Comparing images {way}", "pairs")
        ]
        table = pd.DataFrame(pairs, columns=["first", "second"])
        table["bits"] = np.bitwise_count(hashes[pairs[:, 0]] ^ others[pairs[:, 1]])
        table["correlation"] = np.array([correlation for correlation, _ in fits], float)
        table["kind"] = np.array([kind for _, kind in fits], str)
        parts.append(table)
    order = ["first", "second", "correlation"]
    pairs = pd.concat(parts).sort_values(order, ascending=[True, True, False])
    return pairs.drop_duplicates(order[:2], ignore_index=True), pd.DataFrame(nearest)


def find_copies(images, others):
    """Find the images that have a copy among others.

    Args:
        images: uint8 array `(n, 48, 48)`.
        others: uint8 array `(m, 48, 48)`.

    Returns:
        Two boolean arrays `(n,)`: which images have an exact copy, and which have a near copy and
        no exact one. An image without content is nobody's near copy.
    """
    groups = copy_groups(np.concatenate([images, others]))
    is_exact = np.isin(groups[: len(images)], groups[len(images) :])
    # One image of each group, and none without content.
    _, firsts = np.unique(groups, return_index=True)
    ours = [place for place in firsts[firsts < len(images)] if not is_exact[place]]
    ours = np.array([place for place in ours if images[place].std() >= NEARLY_BLANK], int)
    theirs = np.unique(groups[len(images) :], return_index=True)[1]
    theirs = np.array([place for place in theirs if others[place].std() >= NEARLY_BLANK], int)
    found = ours[_near(images[ours], others[theirs])]
    return is_exact, ~is_exact & np.isin(groups[: len(images)], groups[found])


def _near(images, others):
    """Return which images have a near copy among others: a boolean array `(n,)`."""
    is_near, both = np.zeros(len(images), bool), (images, others)
    details_of = lru_cache(MAX_CACHED)(lambda place, crop: _details(both[place[0]][place[1]], crop))
    words = "Hashing the images, to find near copies"
    hashes = _hashes(images, words)
    for is_mirrored in (False, True):
        hashes_of_others = _hashes(others[:, :, ::-1] if is_mirrored else others, words)
        for other, hashed in enumerate(bar(hashes_of_others, "Finding near copies", "images")):
            close = np.bitwise_count(hashes ^ hashed) <= MAX_BITS
            for place in np.flatnonzero(close & ~is_near):
                fit, _ = _best_fit(details_of, (0, place), (1, other), is_mirrored)
                is_near[place] = fit >= MIN_CORRELATION
    return is_near


def _hashes(images, words):
    """Return each image's `phash`: the signs of its lowest cosine frequencies, as one uint64."""
    hashes = [
        imagehash.phash(Image.fromarray(image)).hash.ravel()
        for image in bar(images, words, "images")
    ]
    return np.packbits(np.reshape(hashes, (-1, 64)).astype(bool), axis=1).view(np.uint64).ravel()


def _close_pairs(hashes, others, rows_at_once=128):
    """Return pairs `(p, 2)` of positions, the smaller first, and each row's least bits `(n,)`."""
    pairs, nearest = [np.empty((0, 2), int)], np.empty(len(hashes), np.uint8)
    starts = range(0, len(hashes), rows_at_once)
    for start in bar(starts, "Comparing the hashes", "rows"):
        bits = np.bitwise_count(hashes[start : start + rows_at_once, None] ^ others)
        np.fill_diagonal(bits[:, start:], 64)
        nearest[start : start + rows_at_once] = bits.min(axis=1)
        close = np.argwhere(np.triu(bits <= MAX_BITS, start + 1))
        pairs.append(close + np.array([start, 0]))
    return np.concatenate(pairs), nearest


def _best_fit(details_of, first, second, is_mirrored):
    """Return the highest correlation of the details over crops and shifts, and its kind."""
    import cv2

    best, kind = -1.0, ""
    for crop_first, crop_second in CROPS:
        is_cropped = crop_first or crop_second
        if is_cropped and best < WORTH_CROPPING:
            break
        one, two = details_of(first, crop_first), details_of(second, crop_second)
        two = cv2.flip(two, 1) if is_mirrored else two
        centre = one[MAX_SHIFT:-MAX_SHIFT, MAX_SHIFT:-MAX_SHIFT]
        found = cv2.matchTemplate(two, centre, cv2.TM_CCOEFF_NORMED)
        if found.max() > best:
            best = float(found.max())
            is_shifted = best > found[MAX_SHIFT, MAX_SHIFT]
            kind = "cropped" if is_cropped else "shifted" if is_shifted else "in place"
    return min(best, 1.0), "mirrored" if is_mirrored else kind


def _details(image, crop):
    """Return an image's details, float32 `(48, 48)`, after cutting `crop` pixels off each side."""
    import cv2

    image = image[crop : IMAGE_SIZE - crop, crop : IMAGE_SIZE - crop].astype(np.float32)
    if crop:
        image = cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_CUBIC)
    rim = cv2.BORDER_REFLECT
    fine, coarse = (cv2.GaussianBlur(image, None, b, borderType=rim) for b in (FINE, COARSE))
    return fine - coarse
