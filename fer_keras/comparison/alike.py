"""Networks of one form take turns in one, whose graph is built once."""

import json

from fer_keras.networks.build import normalisations

MOST_KEPT = 4
"""Forms whose networks are kept."""

_KEPT = {}
"""A network's form -> the network that stands for all of this form."""


def in_network_alike(model):
    """Return a network with this one's answers; the next call may change it.

    `model.predict` builds a graph for each network that was loaded, which takes longer than the
    predictions do, and TensorFlow warns of it. Networks that differ in weights alone need one.

    Args:
        model: a Keras model.

    Returns:
        The model itself, or a former one of the same layers that has its weights now.
    """
    form = _form(model)
    if form not in _KEPT:
        if len(_KEPT) == MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[form] = model
    elif _KEPT[form] is not model:
        _KEPT[form].set_weights(model.get_weights())
    return _KEPT[form]


def _form(model):
    """Return a model's configuration as text, its layers named by their places."""
    config = model.get_config()
    # A `Sequential` lists its input among the configurations, not among `model.layers`.
    layers = [layer["config"] for layer in config.get("layers", ())]
    names = [model.name, *(layer["name"] for layer in layers if "name" in layer)]
    # A graph holds what `adapt` learnt as constants, which other weights do not change.
    adapted = [[each.tolist() for each in layer.get_weights()] for layer in normalisations(model)]
    text = json.dumps([type(model).__name__, config, adapted], sort_keys=True, default=repr)
    for place, name in enumerate(names):
        text = text.replace(json.dumps(name), f'"{place}"')
    return text
