"""Random rotation, shift, zoom and flip of batches in memory: ImageDataGenerator's, faster.

One affine map an image, resampled bilinearly by OpenCV, edges repeated; the same seed gives the
same batch.
"""

import cv2
import numpy as np


def augment(images, ranges, seed):
    """Transform each image of a batch at random.

    Args:
        images: uint8 array `(batch, height, width)`, grey levels 0-255.
        ranges: the strengths, as for `random_matrices`.
        seed: list of non-negative integers.

    Returns:
        A uint8 array of the same shape.
    """
    random = np.random.default_rng(seed)
    return transform(images, random_matrices(len(images), ranges, random))


def mix(images, alpha, seed):
    """Mix each image of a batch with the one that stands as far from the batch's other end.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), with a share an image.

    Args:
        images: uint8 array `(batch, height, width)`.
        alpha: both parameters of the Beta distribution that the shares are drawn from, above 0.
        seed: list of non-negative integers.

    Returns:
        A uint8 array of the same shape, and the shares that the images keep of themselves,
        float32 `(batch,)`; the targets are to be mixed in the same way.
    """
    drawn = np.random.default_rng(seed).beta(alpha, alpha, len(images)).astype(np.float32)
    shares = np.maximum(drawn, 1 - drawn)
    own = shares[:, np.newaxis, np.newaxis]
    mixed = own * images + (1 - own) * images[::-1]
    return np.rint(mixed).astype(np.uint8), shares


def views(images, shift=2):
    """Yield the views of images that test-time augmentation averages over, each uint8, same shape.

    As it is and moved by some pixels in each of four directions, each of these mirrored too: ten
    views, as in Krizhevsky et al., "ImageNet Classification with Deep CNNs" (2012), of whole faces.

    Args:
        images: uint8 array `(n, height, width)`.
        shift: pixels; edges are repeated.
    """
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift)), mode="edge")
    for down, right in ((0, 0), (0, shift), (0, -shift), (shift, 0), (-shift, 0)):
        top, left = shift - down, shift - right
        view = padded[:, top : top + height, left : left + width]
        yield view
        yield view[:, :, ::-1]


def random_matrices(count, ranges, random):
    """Draw affine maps from output to input places, about the middle of the image.

    Args:
        count: how many to draw.
        ranges: ImageDataGenerator's arguments `rotation_range` (degrees), `width_shift_range` and
            `height_shift_range` (shares of the side), `zoom_range` (share) and `horizontal_flip`.
        random: a `numpy.random.Generator`.

    Returns:
        A float array `(count, 2, 3)`: for (x, y, 1), x to the right and y down in shares of the
        side, zero in the middle. As in ImageDataGenerator, zoom comes first, then shift, then
        rotation, and the flip of the result.
    """
    uniform = random.uniform(-1, 1, (6, count))
    return affine_matrices(
        angle=np.radians(ranges.get("rotation_range", 0)) * uniform[0],
        shift_x=ranges.get("width_shift_range", 0) * uniform[1],
        shift_y=ranges.get("height_shift_range", 0) * uniform[2],
        zoom_x=1 + ranges.get("zoom_range", 0) * uniform[3],
        zoom_y=1 + ranges.get("zoom_range", 0) * uniform[4],
        flip=np.sign(uniform[5]) if ranges.get("horizontal_flip") else np.ones(count),
    )


def affine_matrices(angle, shift_x, shift_y, zoom_x, zoom_y, flip):
    """Combine the parts of affine maps, each a float array `(count,)`; see `random_matrices`.

    Args:
        angle: radians; a positive one turns the picture's content counter-clockwise.
        shift_x: share of the width by which the content moves to the left.
        shift_y: share of the height by which the content moves up.
        zoom_x: scale of the region shown across; above 1 the content gets narrower.
        zoom_y: scale of the region shown down.
        flip: -1 mirrors left and right, 1 does not.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    rows = [
        [flip * zoom_x * cos, -zoom_y * sin, shift_x * cos - shift_y * sin],
        [flip * zoom_x * sin, zoom_y * cos, shift_x * sin + shift_y * cos],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def transform(images, matrices):
    """Resample images through affine maps, with places rounded to a 32nd of a pixel.

    Args:
        images: uint8 array `(batch, height, width)`.
        matrices: float array `(batch, 2, 3)`, as from `affine_matrices`.

    Returns:
        A uint8 array shaped like `images`; outside places take the nearest edge's value.
    """
    side = np.array(images.shape[:0:-1], float)  # width, height
    middle = (side - 1) / 2
    linear = matrices[:, :, :2] * side[:, None] / side
    offset = matrices[:, :, 2] * side + middle - linear @ middle
    maps = np.concatenate([linear, offset[:, :, None]], axis=2)
    moved = np.empty_like(images)
    for image, matrix, result in zip(images, maps, moved):
        cv2.warpAffine(
            image,
            matrix,
            images.shape[:0:-1],
            dst=result,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return moved
