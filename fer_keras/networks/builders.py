"""The networks: Sequential CNNs from raw grey levels to class probabilities.

Every network takes float or uint8 images `(batch, 48, 48, 1)` with grey levels 0-255 and normalises
them in its first layer, so that training and use cannot drift apart, and returns float32
probabilities `(batch, num_classes)`.
"""

import numpy as np
from keras import Input, Sequential, initializers, layers

from fer_keras.data.faces import IMAGE_SIZE

COUNTED_AT_ONCE = 1024
DROPOUT_RATE = 0.5
"""Dropout rate of `conv3`, whose source does not give one; `conv4_bn` publishes the same."""


def conv2(num_classes):
    """Return study A's network: two padded convolutions, 1,199,495 parameters for 7 classes."""
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
    """Return study B's network: four blocks of two convolutions, 7,184,839 parameters for 7.

    The study does not give the widths of its two hidden dense layers; 512 and 256 are ours.
    """
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
    """Return study D's network for the CSV, dropout before Flatten: 355,847 parameters for 7."""
    return _network(
        "conv3",
        [*_conv3_features(), layers.Dropout(DROPOUT_RATE), layers.Flatten(), _conv3_hidden()],
        num_classes,
    )


def conv3_late_dropout(num_classes):
    """Return study D's network for folders, dropout after the Dense layer: 355,847 parameters."""
    return _network(
        "conv3_late_dropout",
        [*_conv3_features(), layers.Flatten(), _conv3_hidden(), layers.Dropout(DROPOUT_RATE)],
        num_classes,
    )


def conv4_bn(num_classes):
    """Return study C's network: four blocks with batch norm, 1,573,511 parameters for 7 classes."""
    blocks = [
        layer
        for filters in (32, 64, 128, 256)
        for layer in (*_normalised_convolution(filters), layers.MaxPooling2D())
    ]
    head = [layers.Flatten(), _small_dense(512), layers.Dropout(0.5)]
    return _network("conv4_bn", blocks + head, num_classes, output_start="zeros")


def conv6(num_classes):
    """Return an interpretation of study E's network, given in words: 1,468,135 parameters for 7.

    Three stages of two convolutions and a pooling (32, 64, 128 filters), one hidden dense layer.
    """
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
    """Return a network that learns fast on few cores: 242,887 parameters for 7 classes.

    Its first layer halves the resolution at once, for layers at full resolution cost more time
    than they are worth.
    """
    features = _features_at_half_resolution((48, 96, 192), convolutions=1)
    return _network("quick", [*features, layers.Flatten()], num_classes)


def conv7_bn(num_classes):
    """Return a deeper, wider relative of `quick`: 1,201,223 parameters for 7 classes.

    Two convolutions a stage, as in VGG, of which Khaireddin and Chen, "Facial Emotion Recognition:
    State of the Art Performance on FER2013" (2021), train one of the best single networks.
    """
    features = _features_at_half_resolution((64, 128, 256), convolutions=2)
    head = [layers.Flatten(), layers.Dropout(0.3)]
    return _network("conv7_bn", [*features, *head], num_classes)


NETWORKS = {
    builder.__name__: builder
    for builder in (conv2, vgg8, conv3, conv3_late_dropout, conv4_bn, conv6, quick, conv7_bn)
}


def build(name, num_classes, normalisation=None):
    """Build a network by name, with fresh weights.

    Args:
        name: one of `NETWORKS`.
        num_classes: number of classes, at least 2.
        normalisation: the first layer, from grey levels 0-255 to what the network wants;
            `None` divides by 255.

    Returns:
        An uncompiled `keras.Sequential`.

    Raises:
        ValueError: if there is no such network; the message lists those that exist.
    """
    if name not in NETWORKS:
        raise ValueError(f"No network is called {name!r}; there are {', '.join(NETWORKS)}.")
    network = NETWORKS[name](num_classes)
    if normalisation is None:
        return network
    return Sequential([network.inputs[0], normalisation, *network.layers[1:]], name=name)


def standardisation(images):
    """Return the layer that gives images the mean 0 and the standard deviation 1.

    Args:
        images: the training images, uint8 `(n, 48, 48)`, whose grey levels it is adapted to.
    """
    # Counted part by part: NumPy's own mean and variance would first make floats of all pixels.
    parts = range(0, len(images), COUNTED_AT_ONCE)
    counts = sum(
        np.bincount(images[start : start + COUNTED_AT_ONCE].ravel(), minlength=256)
        for start in parts
    )
    levels = np.arange(256)
    mean = np.average(levels, weights=counts)
    return layers.Normalization(
        axis=None, mean=mean, variance=np.average((levels - mean) ** 2, weights=counts)
    )


def copy_layer(layer, **changes):
    """Return a fresh layer of the same settings, some of them changed; weights do not go along."""
    return type(layer).from_config(layer.get_config() | changes)


def in_dtype(network, dtype):
    """Return a copy of a network that stores and multiplies its weights in another dtype.

    Args:
        network: a `keras.Sequential` built here.
        dtype: `float32` or `float16`.
    """
    copies = [copy_layer(layer, dtype=dtype) for layer in network.layers]
    copy = Sequential([Input(network.input_shape[1:]), *copies], name=network.name)
    copy.set_weights(network.get_weights())
    return copy


def _normalised_convolution(filters, size=3, strides=1, use_bias=True):
    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=use_bias),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def _features_at_half_resolution(widths, convolutions):
    """Return a first layer of stride 2, and for each width so many convolutions and a pooling."""
    features = _normalised_convolution(widths[0], 5, strides=2, use_bias=False)
    for filters in widths:
        for _ in range(convolutions):
            features += _normalised_convolution(filters, use_bias=False)
        features.append(layers.AveragePooling2D(2))
    return features


def _small_dense(units):
    """Return a dense layer that begins with a sixth of He's variance: small.

    Behind batch norm all its inputs are positive and about 1. At Keras' own initial scales, here
    and in the last layer, the classes' first logits are large noise, and Adam's first steps
    silence the hidden units rather than teach them: `vgg8` then says the commonest class for
    epochs, and `conv4_bn` learns at a third of its speed.
    """
    start = initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(units, activation="relu", kernel_initializer=start)


def _conv3_features():
    return [
        layer
        for filters in (32, 64, 128)
        for layer in (layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D())
    ]


def _conv3_hidden():
    return layers.Dense(128, activation="relu")


def _network(name, hidden_layers, num_classes, output_start="glorot_uniform"):
    return Sequential(
        [
            Input((IMAGE_SIZE, IMAGE_SIZE, 1)),
            layers.Rescaling(1 / 255),
            *hidden_layers,
            layers.Dense(
                num_classes,
                activation="softmax",
                kernel_initializer=output_start,
                dtype="float32",
            ),
        ],
        name=name,
    )
