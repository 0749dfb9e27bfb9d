"""Grad-CAM: which parts of a face speak for a class, in the eyes of a network."""

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE

BATCH_SIZE = 64


def grad_cam(model, images, classes=None):
    """Return where the evidence for a class lies (Selvaraju et al., 2017).

    The last convolution's feature maps, after their batch norm and ReLU, are added up, each
    weighted by the mean gradient of the class's logit in it, and what is below 0 is cut off. The
    gradient is the logit's and not the probability's, which vanishes where the network is sure;
    the logit is computed from the last layer's weights, without its softmax.

    As the weights are means over the map, a feature counts wherever it occurs, in places too
    that the dense layers ignore: the maps suggest, they do not prove.

    Args:
        model: a `keras.Sequential` with a convolution, ending in a `Dense` softmax, that takes
            grey levels `(n, 48, 48, 1)`: any of `models.NETWORKS`.
        images: uint8 array `(n, 48, 48)`, grey levels 0-255.
        classes: the class to explain, an int or an int array `(n,)`; `None`: the predicted ones.

    Returns:
        A float array `(n, 48, 48)` of 0 or more, in units of the logit; all 0 where nothing
        speaks for the class.
    """
    from keras import layers

    kinds = (layers.Conv2D, layers.BatchNormalization, layers.ReLU)
    places = [
        place
        for place, layer in enumerate(model.layers)
        if isinstance(layer, kinds) and len(layer.output.shape) == 4
    ]
    if not places or not isinstance(model.layers[-1], layers.Dense):
        raise ValueError(f"{model.name} is no network of convolutions that ends in a Dense layer.")
    below, above = model.layers[: places[-1] + 1], model.layers[places[-1] + 1 :]
    maps = [np.zeros((0, *model.layers[places[-1]].output.shape[1:3]))]
    for start in range(0, len(images), BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        wanted = None if classes is None else np.broadcast_to(classes, len(images))[part]
        maps.append(_coarse_maps(below, above, images[part, ..., np.newaxis], wanted))
    to_pixels = _spread(*_first_centre_and_step(below), maps[0].shape[1])
    return to_pixels @ np.concatenate(maps) @ to_pixels.T


def _coarse_maps(below, above, images, classes):
    from keras import ops

    from fer_keras.networks.backend import gradient

    def total_logit(features):
        output = above[-1]
        logits = ops.matmul(_forward(above[:-1], features), output.kernel) + output.bias
        chosen = ops.argmax(logits, axis=1) if classes is None else classes
        # The sum of the images' logits: each has a gradient in its own features alone.
        return ops.sum(ops.take_along_axis(logits, ops.expand_dims(chosen, 1), axis=1))

    features = _forward(below, images)
    weights = ops.mean(gradient(total_logit, features), axis=(1, 2), keepdims=True)
    return ops.convert_to_numpy(ops.relu(ops.sum(weights * features, axis=-1)))


def _forward(layers, values):
    for layer in layers:
        values = layer(values, training=False)
    return values


def _first_centre_and_step(layers):
    """Return the middle of what the last map's first cell sees, and the step to the next cell's.

    Stretching the map over the image, as is often done, would be wrong by up to 8 pixels in
    `conv3`, whose convolutions cut off the rim.
    """
    centre, step, size = 0.0, 1, IMAGE_SIZE
    for layer in layers:
        window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        if window is None:
            continue
        width, stride, count = window[0], layer.strides[0], layer.output.shape[1]
        padding = max((count - 1) * stride + width - size, 0) // 2
        centre += step * ((width - 1) / 2 - padding)
        step, size = step * stride, count
    return centre, step


def _spread(centre, step, count):
    """Return the matrix `(48, count)` of linear interpolation; heat fades out past the rim."""
    distances = np.arange(IMAGE_SIZE)[:, np.newaxis] - (centre + step * np.arange(count))
    return np.maximum(1 - np.abs(distances) / step, 0)
