"""Networks on a backbone that was trained on ImageNet, fitted to faces.

A backbone is a layer of that name: a Keras model from pictures in colour to feature maps. In front
of it a face is enlarged to 96 x 96 pixels and its grey levels are repeated as red, green and blue;
behind it a new last layer learns the classes. Its builder takes the backbone's weights as Keras
Applications do: `None`, `imagenet` or a file. Keras is imported within the functions: naming
networks starts no TensorFlow.
"""

import hashlib
import warnings

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.memory import cache_folder
from fer_keras.utils.errors import InputError, reason
from fer_keras.utils.files import project_folder, user_path

BACKBONE = "backbone"
IMAGENET = "imagenet"
BACKBONES = ("efficientnet_lite0", "mobilenet_v3_small")
"""The networks here."""

TIMES_LARGER = 2
"""At 48 pixels, a backbone's last maps would have 2 x 2 places; at 96 they have 3 x 3."""

LITE0_FILE = "efficientnet_lite0.weights.h5"
LITE0_STAGES = (
    # blocks, size of the depthwise filter, stride, times wider within, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
LITE0_WIDTH = 1280
"""Channels of EfficientNet-Lite0's feature maps."""


def efficientnet_lite0(num_classes, weights=None):
    """Build EfficientNet-Lite0 for faces (Tan and Le, "EfficientNet", 2019).

    Lite is its form without squeeze-and-excitation, with ReLU6 in place of swish.

    Args:
        num_classes: number of classes, at least 2.
        weights: `None` for fresh ones, `imagenet` for those that `benchmarks/make_backbone.py`
            converted, or a file that the backbone's `save_weights` wrote.

    Returns:
        An uncompiled `keras.Sequential` with 3,421,994 parameters for 7 classes.

    Raises:
        InputError: if the file is not there or holds other weights.
    """
    from keras import layers

    file = weights_file("efficientnet_lite0", weights)
    backbone = efficientnet_lite0_backbone(TIMES_LARGER * IMAGE_SIZE)
    if file:
        load_weights(backbone, file)
    levels = layers.Rescaling(1 / 128, -127 / 128)
    return _network("efficientnet_lite0", levels, backbone, num_classes)


def mobilenet_v3_small(num_classes, weights=None):
    """Build MobileNetV3-Small for faces (Howard et al., 2019).

    Args:
        num_classes: number of classes, at least 2.
        weights: `None` for fresh ones, `imagenet` for those that Keras downloads, or a file: what
            Keras downloaded, or the backbone's `save_weights` wrote.

    Returns:
        An uncompiled `keras.Sequential` with 943,162 parameters for 7 classes.

    Raises:
        InputError: if the download fails, or the file is not there or holds other weights.
    """
    from keras import applications, layers

    side, file = TIMES_LARGER * IMAGE_SIZE, weights_file("mobilenet_v3_small", weights)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the weights are of pictures of another size
            backbone = applications.MobileNetV3Small(
                input_shape=(side, side, 3),
                include_top=False,
                weights=IMAGENET if weights == IMAGENET else None,
                include_preprocessing=False,
                name=BACKBONE,
            )
    except Exception as error:  # Keras raises a plain one where a download fails
        if weights != IMAGENET:
            raise
        raise InputError(
            f"Keras cannot fetch MobileNetV3-Small's ImageNet weights ({error}); on a machine that "
            "can, they lie in ~/.keras/models afterwards: give that file as pretrained_weights."
        ) from error
    if file:
        load_weights(backbone, file)
    levels = layers.Rescaling(1 / 127.5, -1)
    return _network("mobilenet_v3_small", levels, backbone, num_classes)


def efficientnet_lite0_backbone(side):
    """Return EfficientNet-Lite0 up to its last maps, with fresh weights.

    Args:
        side: height and width of its pictures in pixels, a multiple of 32; the weights do not
            depend on it.

    Returns:
        A `keras.Model` from pictures `(batch, side, side, 3)`, about -1 to 1, to feature maps
        `(batch, side / 32, side / 32, 1280)`.
    """
    import keras
    from keras import layers

    pictures = keras.Input((side, side, 3))
    stem = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)
    maps = _normalised(stem, pictures)
    for num_blocks, size, first_stride, expansion, filters in LITE0_STAGES:
        for block in range(num_blocks):
            stride = 1 if block else first_stride
            maps = _inverted_residual(maps, size, stride, expansion, filters)
    maps = _normalised(layers.Conv2D(LITE0_WIDTH, 1, use_bias=False), maps)
    return keras.Model(pictures, maps, name=BACKBONE)


def all_layers(network):
    """Yield a network's layers, each nested model before the layers in it.

    Args:
        network: a Keras model.
    """
    for layer in network.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from all_layers(layer)


def backbone_of(network):
    """Return a network's backbone.

    Args:
        network: a Keras model.

    Raises:
        InputError: if it has no layer called `backbone`.
    """
    found = [layer for layer in all_layers(network) if layer.name == BACKBONE]
    if not found:
        raise InputError(
            f"The network {network.name} has no layer called {BACKBONE} to freeze; take one of "
            f"{', '.join(BACKBONES)}, give a layer of your own that name, or leave frozen_epochs "
            "at 0."
        )
    return found[0]


def weights_file(network, weights):
    """Return the file that a backbone's weights are read from.

    Args:
        network: the network's name or builder.
        weights: `None`, `imagenet` or a file, from the project's folder.

    Returns:
        Its `Path`; `None` where no file is read, or Keras downloads it.

    Raises:
        InputError: if the file is not there.
    """
    if weights is None or (weights == IMAGENET and network != "efficientnet_lite0"):
        return None
    if weights == IMAGENET:
        file = cache_folder() / LITE0_FILE
        how = "the repository's benchmarks/make_backbone.py makes them and says what it needs"
    else:
        file, how = project_folder() / user_path(weights), f"give another, or {IMAGENET}"
    if not file.is_file():
        raise InputError(f"The pretrained weights {file} are not there; {how}.")
    return file


def weights_identity(network, weights):
    """Return the hash of the file that a backbone's weights are read from.

    Weights that Keras downloads are fixed by its version, which checks their hash itself.

    Args:
        network: as for `weights_file`.
        weights: as for `weights_file`.

    Returns:
        A dict of `weights`, a SHA-256 hash; empty where no file is read.
    """
    file = weights_file(network, weights)
    return {"weights": hashlib.sha256(file.read_bytes()).hexdigest()} if file else {}


def load_weights(backbone, file):
    """Give a backbone the weights in a file.

    Args:
        backbone: a Keras model.
        file: what the `save_weights` of such a backbone wrote, or Keras Applications downloaded.

    Raises:
        InputError: if the file holds other weights, or is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers that the file lacks
            backbone.load_weights(file)
    except Exception as error:  # of a damaged file, h5py and Keras raise nearly anything
        raise InputError(f"{file} holds no weights of this backbone: {reason(error)}") from error


def _network(name, levels, backbone, num_classes):
    from keras import Input, Sequential, layers

    colours = layers.Conv2D(
        3, 1, use_bias=False, kernel_initializer="ones", trainable=False, name="grey_as_colour"
    )
    return Sequential(
        [
            Input((IMAGE_SIZE, IMAGE_SIZE, 1)),
            levels,
            layers.UpSampling2D(TIMES_LARGER, interpolation="bilinear"),
            colours,
            backbone,
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(num_classes, activation="softmax", dtype="float32"),
        ],
        name=name,
    )


def _inverted_residual(maps, size, stride, expansion, filters):
    """Add a block of MobileNetV2's: wider, depthwise, narrower (Sandler et al., 2018)."""
    from keras import layers

    inner, channels = maps, maps.shape[-1]
    if expansion > 1:
        inner = _normalised(layers.Conv2D(expansion * channels, 1, use_bias=False), inner)
    depthwise = layers.DepthwiseConv2D(size, strides=stride, padding="same", use_bias=False)
    inner = _normalised(depthwise, inner)
    inner = _normalised(layers.Conv2D(filters, 1, use_bias=False), inner, relu=False)
    keeps_shape = stride == 1 and filters == channels
    return layers.Add()([inner, maps]) if keeps_shape else inner


def _normalised(convolution, maps, relu=True):
    from keras import layers

    maps = layers.BatchNormalization(epsilon=1e-3)(convolution(maps))
    return layers.ReLU(6)(maps) if relu else maps
