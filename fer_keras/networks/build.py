"""Build networks by name, from a file or from a function."""

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.networks.backbones import IMAGENET, weights_file
from fer_keras.networks.builders import NETWORKS, is_built_in
from fer_keras.networks.checks import (
    HOW,
    in_words,
    require_model,
    require_probabilities,
    require_readable,
)
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, user_path
from fer_keras.utils.plain import plain
from fer_keras.utils.startup import start_tensorflow


def build(network, num_classes=7, normalisation=None, weights=None):
    """Build a network with fresh weights, or on a pretrained backbone.

    Args:
        network: a name in `builders.NETWORKS`; or a builder of your own, `f(num_classes)` that
            returns a `keras.Model` of images `(batch, 48, 48, 1)` with probabilities
            `(batch, num_classes)`: the function itself, `"file.py:function"` or
            `"package.module:function"`.
        num_classes: number of classes, at least 2.
        normalisation: layer from grey levels 0-255 to the network's input, in place of a first
            layer that rescales or normalises; `None` keeps that, or else divides by 255.
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
    builder, name = find_builder(network), network_name(network)
    try:
        model = builder(num_classes, **_pretrained(network, builder, weights))
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's function raises
        raise InputError(
            f"The builder {name} failed for {num_classes} classes: {in_words(error)}"
        ) from error
    if is_built_in(network):
        return _normalised(model, normalisation, name)
    require_model(model, name, num_classes)
    model = _normalised(model, normalisation, name)
    require_probabilities(model, name)
    require_readable(model, name)
    return model


def find_builder(network):
    """Return the function that builds a network.

    Args:
        network: as for `build`.

    Returns:
        A function from the number of classes to a `keras.Model`.

    Raises:
        InputError: if there is no such network, file, module or function.
    """
    if hasattr(network, "layers"):
        raise InputError(
            f"network is a built model, {network.name}; give the function that builds it, so that "
            "each seed starts from fresh weights."
        )
    if callable(network):
        return network
    if is_built_in(network):
        return NETWORKS[network]
    place, _, function = str(network).rpartition(":")
    if not place:
        raise InputError(
            f"No network is called {network!r}; there are {', '.join(NETWORKS)}, and your own "
            "as file.py:function or package.module:function."
        )
    module = _load_file(place) if place.endswith(".py") else _import(place)
    builder = getattr(module, function, None)
    if not callable(builder):
        raise InputError(f"{place} has no function {function}; {HOW}.")
    return builder


def network_name(network):
    """Return a network's name as text, as recipes and records keep it.

    Args:
        network: as for `build`.
    """
    if isinstance(network, str):
        return network
    if isinstance(network, partial):
        given = [*map(repr, network.args)]
        given += [f"{name}={value!r}" for name, value in network.keywords.items()]
        return f"{network_name(network.func)}({', '.join(given)})"
    qualified = getattr(network, "__qualname__", type(network).__name__)
    return f"{getattr(network, '__module__', '__main__')}:{qualified}"


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
    parts = {"source": _source(find_builder(network)), "configuration": configuration.encode()}
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


def _flat(network):
    """Return the layers of a network, at any depth."""
    if not hasattr(network, "layers"):
        return [network]
    return [layer for part in network.layers for layer in _flat(part)]


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


def _load_file(place):
    path = user_path(place)
    path = path if path.is_absolute() or path.is_file() else project_folder() / path
    if not path.is_file():
        raise InputError(f"There is no file {path}; {HOW}, as file.py:function.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.setdefault(path.stem, module)  # where pickle, Keras and dataclasses look
    try:
        # Not by its loader, which may take bytecode of the file as it was a moment ago.
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        if known is module:
            del sys.modules[path.stem]
        raise InputError(f"{path} cannot be imported: {in_words(error)}") from error
    return module


def _import(place):
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:
        raise InputError(f"The module {place} cannot be imported: {in_words(error)}") from error


def _normalised(model, wanted, name):
    """Return the model with the wanted normalisation, its own, or a division by 255."""
    import keras

    kinds = keras.layers.Rescaling | keras.layers.Normalization
    own = next((layer for layer in _flat(model) if isinstance(layer, kinds)), None)
    if own and wanted is None:
        return model
    layer = wanted or keras.layers.Rescaling(1 / 255)
    if isinstance(model, keras.Sequential) and (not own or own in model.layers):
        # Keras' random layers, such as RandomBrightness, take 0-255.
        rest = list(model.layers)
        place = rest.index(own) if own else next(n for n, e in enumerate(rest) if not _is_random(e))
        rest[place : place + bool(own)] = [layer]
        return keras.Sequential([model.inputs[0], *rest], name=model.name)
    if own:
        raise InputError(
            f"The network {name} has a layer {own.name} that normalises, which cannot be replaced "
            "inside a functional or nested model; leave the recipe's normalisation at rescale, or "
            "take the layer out."
        )
    inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))
    return keras.Model(inputs, model(layer(inputs)), name=f"normalised_{model.name}")


def _is_random(layer):
    """Return whether a layer only augments: one of Keras' `Random...`, or a model of them."""
    return all(type(part).__name__.startswith("Random") for part in _flat(layer))


def _source(builder):
    while isinstance(builder, partial):
        builder = builder.func
    if not inspect.isroutine(builder):  # an object with __call__
        builder = type(builder)
    with suppress(TypeError, OSError):
        return Path(inspect.getsourcefile(builder)).read_bytes()
    with suppress(TypeError, OSError):  # a function that was typed into a notebook
        return inspect.getsource(builder).encode()
    code = getattr(builder, "__code__", None)
    return code.co_code + repr(code.co_consts).encode() if code else b""
