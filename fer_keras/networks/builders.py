"""Builders of the networks: Sequential CNNs from grey levels to class probabilities.

Every network takes images `(batch, 48, 48, 1)` of grey levels 0-255, uint8 or float, normalises
them in its first layer, so that training and use cannot drift apart, and returns float32
probabilities `(batch, num_classes)`. Keras is imported by the functions that need it: naming
networks starts no TensorFlow.
"""

from fer_keras.data.faces import IMAGE_SIZE

DROPOUT_RATE = 0.5
"""Dropout rate of `conv3`, whose source does not give one; `conv4_bn` publishes the same."""


def conv2(num_classes):
    """Build study A's network: two padded convolutions.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,199,495 parameters for 7 classes.
    """
    from keras import layers

    return _network(
        "conv2",
        [
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
        ],
        num_classes,
    )


def vgg8(num_classes):
    """Build study B's network: four blocks of two convolutions.

    The study does not give the widths of its two hidden dense layers; 512 and 256 are ours.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 7,184,839 parameters for 7 classes.
    """
    from keras import layers

    blocks = [
        layer
        for filters, rate in ((64, 0.25), (128, 0.25), (256, 0.35), (512, 0.4))
        for layer in (
            *_normalised_convolution(filters),
            *_normalised_convolution(filters),
            layers.MaxPooling2D(),
            layers.Dropout(rate),
        )
    ]
    head = [layers.Flatten()]
    for units in (512, 256):
        head += [_small_dense(units), layers.Dropout(0.5)]
    return _network("vgg8", blocks + head, num_classes, output_start="zeros")


def conv3(num_classes):
    """Build study D's network for the CSV, with dropout before Flatten.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 355,847 parameters for 7 classes.
    """
    from keras import layers

    features = _conv3_features()
    head = [layers.Dropout(DROPOUT_RATE), layers.Flatten(), layers.Dense(128, activation="relu")]
    return _network("conv3", features + head, num_classes)


def conv3_late_dropout(num_classes):
    """Build study D's network for folders, with dropout after the dense layer.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 355,847 parameters for 7 classes.
    """
    from keras import layers

    features = _conv3_features()
    head = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(DROPOUT_RATE)]
    return _network("conv3_late_dropout", features + head, num_classes)


def conv4_bn(num_classes):
    """Build study C's network: four blocks with batch norm.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,573,511 parameters for 7 classes.
    """
    from keras import layers

    blocks = [
        layer
        for filters in (32, 64, 128, 256)
        for layer in (*_normalised_convolution(filters), layers.MaxPooling2D())
    ]
    head = [layers.Flatten(), _small_dense(512), layers.Dropout(0.5)]
    return _network("conv4_bn", blocks + head, num_classes, output_start="zeros")


def conv6(num_classes):
    """Build our interpretation of study E's network, which is given in words.

    Three stages of two convolutions and a pooling (32, 64, 128 filters), one hidden dense layer.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,468,135 parameters for 7 classes.
    """
    from keras import layers

    stages = [
        layer
        for filters in (32, 64, 128)
        for layer in (
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        )
    ]
    head = [layers.Flatten(), layers.Dense(256, activation="relu")]
    return _network("conv6", stages + head, num_classes)


def quick(num_classes):
    """Build a network that learns fast on few cores.

    Its first layer halves the resolution, for layers at full resolution cost more time than they
    are worth.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 242,887 parameters for 7 classes.
    """
    from keras import layers

    features = _features_at_half_resolution((48, 96, 192), convolutions=1)
    return _network("quick", [*features, layers.Flatten()], num_classes)


def conv7_bn(num_classes):
    """Build a deeper, wider relative of `quick`.

    Two convolutions a stage, as in VGG, of which Khaireddin and Chen, "Facial Emotion Recognition:
    State of the Art Performance on FER2013" (2021), train one of the best single networks.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,201,223 parameters for 7 classes.
    """
    from keras import layers

    features = _features_at_half_resolution((64, 128, 256), convolutions=2)
    return _network("conv7_bn", [*features, layers.Flatten(), layers.Dropout(0.3)], num_classes)


NETWORKS = {
    builder.__name__: builder
    for builder in (conv2, vgg8, conv3, conv3_late_dropout, conv4_bn, conv6, quick, conv7_bn)
}
"""Name -> builder."""


def _normalised_convolution(filters, size=3, strides=1, use_bias=True):
    from keras import layers

    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=use_bias),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def _features_at_half_resolution(widths, convolutions):
    """Return a first layer of stride 2, then for each width its convolutions and a pooling."""
    from keras import layers

    features = _normalised_convolution(widths[0], 5, strides=2, use_bias=False)
    for filters in widths:
        for _ in range(convolutions):
            features += _normalised_convolution(filters, use_bias=False)
        features.append(layers.AveragePooling2D(2))
    return features


def _small_dense(units):
    """Return a dense layer that begins with a sixth of He's variance.

    Behind batch norm all its inputs are positive and about 1. At Keras' own initial scales, here
    and in the last layer, the first logits are large noise, and Adam's first steps silence the
    hidden units: `vgg8` then predicts the commonest class for epochs, and `conv4_bn` learns at a
    third of its speed.
    """
    from keras import initializers, layers

    start = initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, activation="relu", kernel_initializer=start)


def _conv3_features():
    from keras import layers

    return [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D())
    ]


def _network(name, hidden_layers, num_classes, output_start="glorot_uniform"):
    from keras import Input, Sequential, layers

    output = layers.Dense(
        num_classes, activation="softmax", kernel_initializer=output_start, dtype="float32"
    )
    first = [Input((IMAGE_SIZE, IMAGE_SIZE, 1)), layers.Rescaling(1 / 255)]
    return Sequential([*first, *hidden_layers, output], name=name)
