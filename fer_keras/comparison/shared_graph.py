"""Reuse one Keras model for all networks with the same layers."""

import json

from fer_keras.networks.build import normalisations

MOST_KEPT = 4
"""How many models are kept."""

NAMES = ("name", "keras_history", "input_layers", "output_layers")
"""Where a configuration names a layer. (A dtype has a name, too, which matters.)"""

TENSOR = "__keras_tensor__"
"""The class of what passes between layers."""

_KEPT = {}
"""A network's form -> the model that all networks of this form use."""


def with_shared_graph(model):
    """Return a model with the same answers, on an earlier graph if one fits.

    `model.predict` builds a graph for each model that was loaded. This takes longer than the
    predictions, and TensorFlow warns about it. Models that differ in weights alone share a graph,
    so that the next call may give other weights to the model that this one returned.

    Args:
        model: a Keras model.

    Returns:
        The model itself, or an earlier one with the same layers, which now has its weights. A model
        with layers or functions of your own is returned as it is, because two of the same name may
        compute different things.
    """
    if not _is_of_keras(model):
        return model
    form = _form(model)
    if form not in _KEPT:
        if len(_KEPT) == MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[form] = model
    elif _KEPT[form] is not model:
        _KEPT[form].set_weights(model.get_weights())
    return _KEPT[form]


def _is_of_keras(model):
    """Return whether a model, its layers and all that they call are Keras' own."""

    def is_own(part):
        if isinstance(part, list | tuple):
            return all(map(is_own, part))
        if not isinstance(part, dict):
            return not callable(part)
        module = part.get("module") or ""
        is_foreign = part.get("class_name", TENSOR) != TENSOR and module.split(".")[0] != "keras"
        return not is_foreign and all(map(is_own, part.values()))

    return type(model).__module__.startswith("keras.") and is_own(model.get_config())


def _form(model):
    """Return a model's configuration as text, its layers named by their places."""
    numbers = {}

    def numbered(part):
        if isinstance(part, list | tuple):
            return [numbered(each) for each in part]
        return numbers.setdefault(part, len(numbers)) if isinstance(part, str) else part

    def renamed(part):
        if isinstance(part, list | tuple):
            return [renamed(each) for each in part]
        if not isinstance(part, dict):
            return part
        return {
            key: numbered(value) if key in NAMES else value if key == "dtype" else renamed(value)
            for key, value in part.items()
        }

    # A graph holds what `adapt` learnt as constants, which other weights do not change.
    adapted = [[each.tolist() for each in layer.get_weights()] for layer in normalisations(model)]
    parts = [type(model).__name__, renamed(model.get_config()), adapted]
    return json.dumps(parts, sort_keys=True, default=repr)
