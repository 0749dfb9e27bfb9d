"""Grad-CAM: heat maps of the parts of a face that speak for a class."""

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE

BATCH_SIZE = 64


def grad_cam(model, images, classes=None):
    """Compute heat maps of the evidence for a class (Selvaraju et al., 2017).

    The map is the weighted sum of the last convolution's feature maps (after batch norm and ReLU),
    cut off below 0. A feature map's weight is the mean gradient of the class's logit in it, for the
    gradient of a probability vanishes where the network is sure. As a feature has one weight
    wherever it occurs, also where the dense layers ignore it, the maps are hints, not proofs.

    Args:
        model: a `keras.Sequential` for grey levels `(n, 48, 48, 1)` that has a convolution and ends
            in a `Dense` softmax.
        images: uint8 array `(n, 48, 48)`, grey levels 0-255.
        classes: the class to explain, an int or an int array `(n,)`; `None` for the predicted ones.

    Returns:
        A float array `(n, 48, 48)`, at least 0, in units of the logit.

    Raises:
        ValueError: if the network is not of this kind, or holds nested models.
    """
    from keras import Model, Sequential, layers

    kinds = (layers.Conv2D, layers.BatchNormalization, layers.ReLU)
    nested = [layer for layer in model.layers if isinstance(layer, Model)]
    is_map = [isinstance(each, kinds) and len(each.output.shape) == 4 for each in model.layers]
    ends_in_dense = isinstance(model.layers[-1], layers.Dense)
    if not isinstance(model, Sequential) or nested or not any(is_map) or not ends_in_dense:
        raise ValueError(
            f"Grad-CAM cannot explain {model.name}; it needs a Sequential network without nested "
            "models that has a convolution and ends in a Dense layer."
        )
    split = int(np.flatnonzero(is_map)[-1]) + 1
    below, above = model.layers[:split], model.layers[split:]
    maps = [np.zeros((0, *below[-1].output.shape[1:3]))]
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
        logits = ops.matmul(_forward(above[:-1], features), output.kernel)
        if output.use_bias:
            logits += output.bias
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
    """Return the centre of what the last map's first cell sees, and the step to the next cell's.

    Stretching the map over the image would be off by up to 8 pixels where nothing is padded.
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
    """Return the matrix `(48, count)` of linear interpolation, which fades past the rim."""
    distances = np.arange(IMAGE_SIZE)[:, np.newaxis] - (centre + step * np.arange(count))
    return np.maximum(1 - np.abs(distances) / step, 0)
