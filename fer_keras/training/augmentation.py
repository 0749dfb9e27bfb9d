"""Random changes of faces in memory: moved, corrupted, mixed.

Rotation, shift, zoom and flip are those of Keras' ImageDataGenerator, but faster: one affine map
an image, resampled bilinearly by OpenCV. Edges are repeated. The same seed gives the same batch
on the same machine.
"""

import cv2
import numpy as np

from fer_keras.data.corruptions import corrupt_image

CORRUPTIONS = {
    "Gaussian noise": (0.0, 32.0),
    "blur": (0.3, 2.5),
    "low resolution": (12, 40),
    "JPEG": (7, 60),
    "brightness": (-64.0, 64.0),
    "contrast": (0.3, 1.0),
    "occlusion": (6, 20),
}
"""What `corrupt_some` draws from: corruption -> range of its parameter, in the unit of
`corruptions.STRENGTHS`; whole numbers where both are. They are what cameras and files do to faces.
"""


def augment(images, ranges, seed):
    """Transform each image of a batch at random.

    Args:
        images: uint8 array `(batch, height, width)`, grey levels 0-255.
        ranges: the strengths, as for `random_parts`.
        seed: list of non-negative integers.

    Returns:
        A uint8 array of the same shape.
    """
    return transform(images, **random_parts(len(images), ranges, np.random.default_rng(seed)))


def corrupt_some(images, share, seed):
    """Corrupt some images of a batch, each in one way of `CORRUPTIONS`.

    Args:
        images: uint8 array `(batch, 48, 48)`, grey levels 0-255.
        share: the probability, 0-1, that an image is corrupted.
        seed: list of non-negative integers.

    Returns:
        A uint8 array of the same shape.
    """
    random, changed = np.random.default_rng(seed), images.copy()
    kinds = [*CORRUPTIONS.items()]
    for place in np.flatnonzero(random.random(len(images)) < share):
        name, (least, most) = kinds[random.integers(len(kinds))]
        whole = isinstance(least, int)
        strength = random.integers(least, most + 1) if whole else random.uniform(least, most)
        changed[place] = corrupt_image(images[place], name, strength, random)
    return changed


def mix(images, alpha, seed):
    """Mix each image of a batch with its partner in the reversed batch.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), with a share for each image.

    Args:
        images: uint8 array `(batch, height, width)`.
        alpha: both parameters of the Beta distribution that the shares are drawn from, above 0.
        seed: list of non-negative integers.

    Returns:
        A uint8 array of the same shape, and each image's own share, float32 `(batch,)`, 0.5 to 1;
        mix the targets in the same way.
    """
    drawn = np.random.default_rng(seed).beta(alpha, alpha, len(images)).astype(np.float32)
    shares = np.maximum(drawn, 1 - drawn)
    own = shares[:, np.newaxis, np.newaxis]
    mixed = own * images + (1 - own) * images[::-1]
    return np.rint(mixed).astype(np.uint8), shares


def views(images, shift=2):
    """Yield the ten views that test-time augmentation averages over.

    The images as they are and moved in four directions, each of these mirrored too: the number
    and kind of Krizhevsky et al., "ImageNet Classification with Deep CNNs" (2012).

    Args:
        images: uint8 array `(n, height, width)`.
        shift: number of pixels to move by; edges are repeated.

    Yields:
        uint8 arrays of the same shape.
    """
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift)), mode="edge")
    for down, right in ((0, 0), (0, shift), (0, -shift), (shift, 0), (-shift, 0)):
        top, left = shift - down, shift - right
        view = padded[:, top : top + height, left : left + width]
        yield view
        yield view[:, :, ::-1]


def random_parts(count, ranges, random):
    """Draw the arguments of `transform` as ImageDataGenerator does.

    Args:
        count: how many images to draw for.
        ranges: ImageDataGenerator's arguments `rotation_range` (degrees), `width_shift_range` and
            `height_shift_range` (shares of the side), `zoom_range` (share) and `horizontal_flip`.
        random: a `numpy.random.Generator`.

    Returns:
        A dict of float arrays `(count,)`.
    """
    uniform = random.uniform(-1, 1, (6, count))
    return {
        "angle": np.radians(ranges.get("rotation_range", 0)) * uniform[0],
        "shift_x": ranges.get("width_shift_range", 0) * uniform[1],
        "shift_y": ranges.get("height_shift_range", 0) * uniform[2],
        "zoom_x": 1 + ranges.get("zoom_range", 0) * uniform[3],
        "zoom_y": 1 + ranges.get("zoom_range", 0) * uniform[4],
        "flip": np.sign(uniform[5]) if ranges.get("horizontal_flip") else np.ones(count),
    }


def transform(images, angle, shift_x, shift_y, zoom_x, zoom_y, flip):
    """Zoom, shift, rotate and flip images, each to a 32nd of a pixel.

    Args:
        images: uint8 array `(batch, height, width)`.
        angle: radians, float array `(batch,)`; a positive one turns the content counter-clockwise.
        shift_x: shares of the width by which the content moves to the left, `(batch,)`.
        shift_y: shares of the height by which the content moves up, `(batch,)`.
        zoom_x: scales of the region shown across, `(batch,)`; above 1 the content gets narrower.
        zoom_y: scales of the region shown down, `(batch,)`.
        flip: -1 mirrors left and right, 1 does not, `(batch,)`.

    Returns:
        A uint8 array shaped like `images`; outside places take the nearest edge's value.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    # From places in the result to places in the image, in shares of the side from the middle.
    rows = [
        [flip * zoom_x * cos, -zoom_y * sin, shift_x * cos - shift_y * sin],
        [flip * zoom_x * sin, zoom_y * cos, shift_x * sin + shift_y * cos],
    ]
    matrices = np.stack([np.stack(row, axis=-1) for row in rows], axis=1)
    side = np.array(images.shape[:0:-1], float)  # width, height
    middle = (side - 1) / 2
    linear = matrices[:, :, :2] * side[:, None] / side
    offset = matrices[:, :, 2] * side + middle - linear @ middle
    maps = np.concatenate([linear, offset[:, :, None]], axis=2)
    moved, flags = np.empty_like(images), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for image, matrix, result in zip(images, maps, moved):
        cv2.warpAffine(image, matrix, image.shape[::-1], result, flags, cv2.BORDER_REPLICATE)
    return moved
