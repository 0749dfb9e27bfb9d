"""Random rotation, shift, zoom and flip of batches in memory: ImageDataGenerator's, in TensorFlow.

One affine map an image, resampled bilinearly, edges repeated; drawn from a seed without any state,
so that the same seed gives the same batch.
"""

import math

import tensorflow as tf

from fer_keras.recipes import AUGMENTATIONS


def augment(images, augmentation, seed):
    """Transform each image of a batch at random.

    Args:
        images: tensor `(batch, height, width, 1)`, grey levels 0-255, any numeric dtype.
        augmentation: a name in `recipes.AUGMENTATIONS`.
        seed: int64 tensor `(2,)`.

    Returns:
        A float32 tensor of the same shape, 0-255.
    """
    matrices = random_matrices(tf.shape(images)[0], AUGMENTATIONS[augmentation], seed)
    return transform(tf.cast(images, tf.float32), matrices)


def random_matrices(count, ranges, seed):
    """Draw affine maps from output to input places, about the middle of the image.

    Args:
        count: how many to draw.
        ranges: ImageDataGenerator's arguments `rotation_range` (degrees), `width_shift_range` and
            `height_shift_range` (shares of the side), `zoom_range` (share) and `horizontal_flip`.
        seed: int64 tensor `(2,)`.

    Returns:
        A float32 tensor `(count, 2, 3)`: for (x, y, 1), x to the right and y down in shares of
        the side, zero in the middle. As in ImageDataGenerator, zoom comes first, then shift, then
        rotation, and the flip of the result.
    """
    uniform = tf.random.stateless_uniform((6, count), seed, -1, 1)
    angle = math.radians(ranges.get("rotation_range", 0)) * uniform[0]
    shift_x = ranges.get("width_shift_range", 0) * uniform[1]
    shift_y = ranges.get("height_shift_range", 0) * uniform[2]
    zoom_x = 1 + ranges.get("zoom_range", 0) * uniform[3]
    zoom_y = 1 + ranges.get("zoom_range", 0) * uniform[4]
    flip = tf.sign(uniform[5]) if ranges.get("horizontal_flip") else tf.ones(count)
    return affine_matrices(angle, shift_x, shift_y, zoom_x, zoom_y, flip)


def affine_matrices(angle, shift_x, shift_y, zoom_x, zoom_y, flip):
    """Combine the parts of affine maps, each a float tensor `(count,)`; see `random_matrices`.

    Args:
        angle: radians; a positive one turns the picture's content counter-clockwise.
        shift_x: share of the width by which the content moves to the left.
        shift_y: share of the height by which the content moves up.
        zoom_x: scale of the region shown across; above 1 the content gets narrower.
        zoom_y: scale of the region shown down.
        flip: -1 mirrors left and right, 1 does not.
    """
    cos, sin = tf.cos(angle), tf.sin(angle)
    rows = [
        [flip * zoom_x * cos, -zoom_y * sin, shift_x * cos - shift_y * sin],
        [flip * zoom_x * sin, zoom_y * cos, shift_x * sin + shift_y * cos],
    ]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=1)


def transform(images, matrices):
    """Resample images through affine maps.

    Args:
        images: float32 tensor `(batch, height, width, channels)`.
        matrices: float32 tensor `(batch, 2, 3)`, as from `affine_matrices`.

    Returns:
        A float32 tensor shaped like `images`; outside places take the nearest edge's value.
    """
    side = tf.cast(tf.shape(images)[1:3][::-1], tf.float32)  # width, height
    middle = (side - 1) / 2
    linear = matrices[:, :, :2] * side[:, None] / side[None, :]
    offset = matrices[:, :, 2] * side + middle - tf.linalg.matvec(linear, middle)
    flat = tf.reshape(tf.concat([linear, offset[:, :, None]], axis=2), (-1, 6))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.pad(flat, [[0, 0], [0, 2]]),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
