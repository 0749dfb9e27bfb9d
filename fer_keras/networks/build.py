"""Build networks by name, from a file or from a function."""

import hashlib
import inspect
import re
from itertools import takewhile

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks.backbones import IMAGENET, weights_file
from fer_keras.networks.builders import is_built_in
from fer_keras.networks.checks import (
    in_words,
    require_keras_defaults,
    require_model,
    require_probabilities,
    require_readable,
)
from fer_keras.networks.finding import find_builder, network_name, source_of
from fer_keras.networks.own_layers import remember_layers
from fer_keras.utils.errors import InputError
from fer_keras.utils.plain import plain
from fer_keras.utils.startup import start_tensorflow

ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "FloorDivide")
"""What Keras calls the operations by which a functional model may scale its input."""


def build(network, num_classes=7, normalisation=None, weights=None):
    """Build a network with fresh weights, or on a pretrained backbone.

    Args:
        network: a name in `builders.NETWORKS`; or a builder of your own, `f(num_classes)` that
            returns a `keras.Model` of images `(batch, 48, 48, 1)` with probabilities
            `(batch, num_classes)`: the function itself, `"file.py:function"` or
            `"package.module:function"`.
        num_classes: number of classes, at least 2.
        normalisation: layer from grey levels 0-255 to the network's input, in place of a layer
            that rescales or normalises before any layer with weights; `None` keeps that, or else
            divides by 255.
        weights: `None`; or `imagenet` or a file, which the builder gets as `weights`.

    Returns:
        An uncompiled `keras.Sequential`, or a `keras.Model` if the builder's own is none.

    Raises:
        InputError: if there is no such network, or the builder returns something else.
    """
    num_classes = plain(num_classes)
    if type(num_classes) is not int or num_classes < 2:
        raise InputError(f"num_classes is {num_classes!r}; give a whole number of at least 2.")
    start_tensorflow()  # quietly, before the builder does it
    try:
        return _built(network, num_classes, normalisation, weights)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's function or layers raise
        raise InputError(
            f"The builder {network_name(network)} failed for {num_classes} classes: "
            f"{in_words(error)}"
        ) from error


def fingerprint(network, num_classes):
    """Return hashes that change when a network of your own is edited.

    Args:
        network: as for `build`.
        num_classes: number of classes.

    Returns:
        A dict of two SHA-256 hashes: `source` of the builder's file, or of the function where
        there is no file; and `configuration` of the built model, whatever its layers are called.
        Empty for one of `builders.NETWORKS`, which belongs to the code that trains.
    """
    if is_built_in(network):
        return {}
    # Keras numbers names through the process: conv2d_7 becomes the first conv2d of this model.
    numbers = {}

    def renamed(match):
        same_kind = numbers.setdefault(match[1], {})
        return f'"{match[1]}#{same_kind.setdefault(match[0], len(same_kind))}"'

    configuration = build(network, num_classes).to_json()
    configuration = re.sub(r'"([A-Za-z]\w*?)(?:_\d+)?"', renamed, configuration)
    parts = {"source": source_of(find_builder(network)), "configuration": configuration.encode()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}


def standardisation(images):
    """Return the layer that gives images mean 0 and standard deviation 1.

    Args:
        images: the training images, uint8 `(n, 48, 48)`, grey levels 0-255.

    Returns:
        A `keras.layers.Normalization` with the mean and variance of all their pixels.
    """
    from keras import layers

    # Counted in parts: NumPy's own mean and variance would first make floats of all pixels.
    parts = (images[start : start + 1024] for start in range(0, len(images), 1024))
    counts = sum(np.bincount(part.ravel(), minlength=256) for part in parts)
    levels = np.arange(256)
    mean = np.average(levels, weights=counts)
    variance = np.average((levels - mean) ** 2, weights=counts)
    return layers.Normalization(axis=None, mean=mean, variance=variance)


def copy_layer(layer, **changes):
    """Return a layer with the same settings and no weights yet.

    Args:
        layer: a Keras layer; or an operation of a functional model, such as `a + b`, which has no
            settings to change.
        **changes: settings that the copy has instead.
    """
    from keras.layers import Layer

    settings = changes if isinstance(layer, Layer) else {}
    return type(layer).from_config(layer.get_config() | settings)


def in_dtype(network, dtype):
    """Return a copy of a network in another dtype.

    Args:
        network: a `keras.Sequential`; functional models in it are copied, too.
        dtype: `float16`, `float32` or `float64`.
    """
    from keras.models import clone_model

    copy = clone_model(
        network, clone_function=lambda layer: copy_layer(layer, dtype=dtype), recursive=True
    )
    give_weights(copy, network.get_weights())
    return copy


def give_weights(network, weights):
    """Set weights, and what `Normalization` computes from them.

    Keras leaves the latter as it was.

    Args:
        network: a Keras model or layer.
        weights: list of arrays, as of `network.get_weights()`.
    """
    network.set_weights(weights)
    for layer in normalisations(network):
        layer.finalize_state()


def normalisations(network):
    """Return a network's layers `Normalization`, at any depth.

    Args:
        network: a Keras model or layer.
    """
    from keras.layers import Normalization

    return [layer for layer in _flat(network) if isinstance(layer, Normalization)]


def _built(network, num_classes, normalisation, weights):
    name = network_name(network)
    try:
        builder = find_builder(network)
        model = builder(num_classes, **_pretrained(network, builder, weights))
    finally:  # a setting may be why a builder failed
        require_keras_defaults(name)
    if is_built_in(network):
        return _normalised(model, normalisation, name)
    require_model(model, name, num_classes)
    remember_layers(model, network, builder)
    model = _normalised(model, normalisation, name)
    require_probabilities(model, name)
    require_readable(model, name)
    return model


def _flat(network):
    """Return the layers of a network, and operations such as `a + b`, at any depth."""
    parts = getattr(network, "operations", getattr(network, "layers", None))
    return [network] if parts is None else [each for part in parts for each in _flat(part)]


def _has_weights(part):
    return bool(getattr(part, "weights", ()))  # an operation has none


def _pretrained(network, builder, weights):
    """Return a builder's argument `weights`, if it is to get one."""
    if weights is None:
        return {}
    if "weights" not in inspect.signature(builder).parameters:
        raise InputError(
            f"The builder {network_name(network)} takes no weights, and pretrained_weights is "
            f"{weights!r}; give f(num_classes, weights=None), or leave the field out."
        )
    return {"weights": weights if weights == IMAGENET else str(weights_file(network, weights))}


def _normalised(model, wanted, name):
    """Return the model with the wanted normalisation, its own, or a division by 255."""
    import keras

    kinds = keras.layers.Rescaling | keras.layers.Normalization
    # Behind the first weights it is no grey levels that a layer rescales.
    first = next((e for e in _flat(model) if isinstance(e, kinds) or _has_weights(e)), None)
    own = first if isinstance(first, kinds) else None
    if own and wanted is None:
        return model
    layer = wanted or keras.layers.Rescaling(1 / 255)
    if isinstance(model, keras.Sequential) and (not own or own in model.layers):
        rest = list(model.layers)
        place = rest.index(own) if own else next(n for n, e in enumerate(rest) if not _augments(e))
        if not own:
            _require_no_grey_levels(rest[place:], name)
        rest[place : place + bool(own)] = [layer]
        return keras.Sequential([model.inputs[0], *rest], name=model.name)
    if own:
        raise InputError(
            f"The network {name} has a layer {own.name} that normalises, which cannot be replaced "
            "inside a functional or nested model; leave the recipe's normalisation at rescale, or "
            "take the layer out."
        )
    _require_no_grey_levels([model], name)
    inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))
    return keras.Model(inputs, model(layer(inputs)), name=f"normalised_{model.name}")


def _augments(layer):
    """Return whether a layer only augments grey levels 0-255, or is a model of such layers."""
    return all(
        _takes_grey_levels(part)
        or (type(part).__name__.startswith("Random") and not hasattr(part, "value_range"))
        for part in _flat(layer)
    )


def _takes_grey_levels(part):
    """Return whether it is a layer such as `RandomBrightness`, set to values of 0-255."""
    return max(getattr(part, "value_range", (0,))) > 1


def _require_no_grey_levels(layers, name):
    """Refuse layers that expect grey levels, or scale them, where 0-1 would reach them."""
    parts = (part for layer in layers for part in _flat(layer))
    for part in takewhile(lambda part: not _has_weights(part), parts):
        if _takes_grey_levels(part):
            raise InputError(
                f"The network {name} has a layer {part.name} for grey levels 0-255, and would get "
                "0-1; put layers.Rescaling(1 / 255) behind it."
            )
        if type(part).__name__ in ARITHMETIC:
            raise InputError(
                f"The network {name} computes with grey levels by {part.name}, and would get 0-1; "
                "write its scaling as a layer, such as layers.Rescaling(1 / 127.5, offset=-1)."
            )
