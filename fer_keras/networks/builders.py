"""Builders of the networks: Sequential CNNs from faces to probabilities.

Every network takes images `(batch, 48, 48, 1)` of grey levels 0-255, uint8 or float, and returns
float32 probabilities `(batch, num_classes)`. Its first layer normalises the grey levels, so that
training and use cannot drift apart. Keras is imported within the functions: naming networks
starts no TensorFlow.
"""

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks.backbones import efficientnet_lite0, mobilenet_v3_small

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

    hidden = _convolutions((32, 64), padding="same")
    hidden += [layers.Flatten(), layers.Dense(128, activation="relu")]
    return _network("conv2", hidden, num_classes)


def vgg8(num_classes):
    """Build study B's network: four blocks of two convolutions.

    The study does not give the widths of its two hidden dense layers; 512 and 256 are ours.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 7,184,839 parameters for 7 classes.
    """
    from keras import layers

    hidden = []
    for filters, rate in ((64, 0.25), (128, 0.25), (256, 0.35), (512, 0.4)):
        hidden += [*_normalised_convolution(filters), *_normalised_convolution(filters)]
        hidden += [layers.MaxPooling2D(), layers.Dropout(rate)]
    hidden.append(layers.Flatten())
    for units in (512, 256):
        hidden += [_small_dense(units), layers.Dropout(0.5)]
    return _network("vgg8", hidden, num_classes, output_start="zeros")


def conv3(num_classes):
    """Build study D's network for the CSV, with dropout before Flatten.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 355,847 parameters for 7 classes.
    """
    from keras import layers

    hidden = _convolutions((32, 64, 128))
    hidden += [layers.Dropout(DROPOUT_RATE), layers.Flatten(), layers.Dense(128, activation="relu")]
    return _network("conv3", hidden, num_classes)


def conv3_late_dropout(num_classes):
    """Build study D's network for folders, with dropout after the dense layer.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 355,847 parameters for 7 classes.
    """
    from keras import layers

    hidden = _convolutions((32, 64, 128))
    hidden += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(DROPOUT_RATE)]
    return _network("conv3_late_dropout", hidden, num_classes)


def conv4_bn(num_classes):
    """Build study C's network: four blocks with batch norm.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,573,511 parameters for 7 classes.
    """
    from keras import layers

    hidden = []
    for filters in (32, 64, 128, 256):
        hidden += [*_normalised_convolution(filters), layers.MaxPooling2D()]
    hidden += [layers.Flatten(), _small_dense(512), layers.Dropout(0.5)]
    return _network("conv4_bn", hidden, num_classes, output_start="zeros")


def conv6(num_classes):
    """Build our interpretation of study E's network, which is given in words.

    Three stages of two convolutions and a pooling (32, 64, 128 filters), one hidden dense layer.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 1,468,135 parameters for 7 classes.
    """
    from keras import layers

    hidden = _convolutions((32, 64, 128), each=2, padding="same")
    hidden += [layers.Flatten(), layers.Dense(256, activation="relu")]
    return _network("conv6", hidden, num_classes)


def quick(num_classes):
    """Build a network that learns fast on few cores.

    Its first layer halves the resolution: layers at full resolution cost more time than they gain.

    Args:
        num_classes: number of classes, at least 2.

    Returns:
        An uncompiled `keras.Sequential` with 242,935 parameters for 7 classes.
    """
    from keras import layers

    hidden = _features_at_half_resolution((48, 96, 192), each=1)
    return _network("quick", [*hidden, layers.Flatten()], num_classes)


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

    hidden = _features_at_half_resolution((64, 128, 256), each=2)
    return _network("conv7_bn", [*hidden, layers.Flatten(), layers.Dropout(0.3)], num_classes)


NETWORKS = {
    builder.__name__: builder
    for builder in (
        conv2,
        vgg8,
        conv3,
        conv3_late_dropout,
        conv4_bn,
        conv6,
        quick,
        conv7_bn,
        efficientnet_lite0,
        mobilenet_v3_small,
    )
}
"""Name -> builder."""


def is_built_in(network):
    """Return whether a network is one of `NETWORKS`.

    Args:
        network: as for `build.build`; a builder of the user's own may be anything callable.
    """
    return isinstance(network, str) and network in NETWORKS


def _convolutions(widths, each=1, padding="valid"):
    """Return, for each width, its convolutions with ReLU and a pooling."""
    from keras import layers

    features = []
    for filters in widths:
        for _ in range(each):
            features.append(layers.Conv2D(filters, 3, padding=padding, activation="relu"))
        features.append(layers.MaxPooling2D())
    return features


def _normalised_convolution(filters, size=3, strides=1, use_bias=True):
    from keras import layers

    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=use_bias),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def _features_at_half_resolution(widths, each):
    """Return a first layer of stride 2, then for each width its convolutions and a pooling."""
    from keras import layers

    features = _normalised_convolution(widths[0], 5, strides=2, use_bias=False)
    for filters in widths:
        for _ in range(each):
            features += _normalised_convolution(filters, use_bias=False)
        features.append(layers.AveragePooling2D(2))
    return features


def _small_dense(units):
    """Return a dense layer that begins with a sixth of He's variance.

    After batch norm all inputs are positive, about 1. With Keras' default start, here and in the
    last layer, the first logits are large and random. Adam's first steps then switch hidden units
    off. `vgg8` predicts the commonest class for epochs, and `conv4_bn` learns at a third of its
    speed.
    """
    from keras import initializers, layers

    start = initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, activation="relu", kernel_initializer=start)


def _network(name, hidden, num_classes, output_start="glorot_uniform"):
    from keras import Input, Sequential, layers

    output = layers.Dense(
        num_classes, activation="softmax", kernel_initializer=output_start, dtype="float32"
    )
    first = [Input((IMAGE_SIZE, IMAGE_SIZE, 1)), layers.Rescaling(1 / 255)]
    return Sequential([*first, *hidden, output], name=name)
