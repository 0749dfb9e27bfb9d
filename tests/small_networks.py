"""Small networks in a file of their own, as users keep theirs."""

import keras
from keras import layers


def small(num_classes, weights=None):
    """A functional backbone with batch norm, below a last layer."""
    entry = keras.Input((48, 48, 1))
    maps = layers.BatchNormalization()(layers.Conv2D(4, 5, strides=4, use_bias=False)(entry))
    backbone = keras.Model(entry, layers.Add()([maps, layers.ReLU()(maps)]), name="backbone")
    if weights:
        backbone.load_weights(weights)
    last = layers.Dense(num_classes, activation="softmax")
    first = [keras.Input((48, 48, 1)), layers.Rescaling(1 / 255)]
    return keras.Sequential([*first, backbone, layers.Flatten(), layers.Dropout(0.2), last])


def tiny(num_classes):
    """One convolution and no other layer with weights but the last."""
    return keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            layers.Conv2D(4, 5, strides=4, activation="relu"),
            layers.Flatten(),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
