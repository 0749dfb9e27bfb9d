"""What a network of the user's own must be."""

from weakref import WeakSet

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.utils.errors import InputError, reason

HOW = "give f(num_classes) -> keras.Sequential, or any functional keras.Model on the same input"

KERAS_DEFAULTS = ("float32", "float32", "channels_last")
"""Keras' floatx, dtype policy and image data format."""

_SEEN = WeakSet()
"""The layers of networks that were built in this process."""


def require_keras_defaults(name):
    """Raise InputError, and set Keras back, unless it has its defaults.

    They hold for the whole process, so that one network's would change all others, under their
    old identities.

    Args:
        name: the name of the network that was built last.
    """
    from keras import config

    found = (config.floatx(), config.dtype_policy().name, config.image_data_format())
    if found == KERAS_DEFAULTS:
        return
    floatx, policy, data_format = KERAS_DEFAULTS
    config.set_floatx(floatx)
    config.set_dtype_policy(policy)
    config.set_image_data_format(data_format)
    raise InputError(
        f"The network {name}, or what ran before it, set Keras to {', '.join(found)}, which would "
        f"change every network; leave Keras at {', '.join(KERAS_DEFAULTS)}, and ask for faster "
        "arithmetic by the recipe's precision: mixed."
    )


def require_model(model, name, num_classes):
    """Raise InputError unless a builder returned a fresh model of faces.

    Args:
        model: what the builder returned.
        name: the network's name.
        num_classes: number of classes.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise InputError(f"The builder {name} returns a {type(model).__name__}; {HOW}.")
    if not model.built:
        try:
            model.build((None, IMAGE_SIZE, IMAGE_SIZE, 1))
        except Exception as error:  # whatever its layers raise
            raise InputError(
                f"The network {name} cannot be built for faces of {IMAGE_SIZE} x {IMAGE_SIZE} grey "
                f"levels: {in_words(error)}"
            ) from error
    wanted = (("input", (None, IMAGE_SIZE, IMAGE_SIZE, 1)), ("output", (None, num_classes)))
    for side, shape in wanted:
        found = getattr(model, f"{side}_shape", None)  # a subclassed model has none
        if found is None:
            raise InputError(f"The network {name} has no {side} shape; {HOW}.")
        if found != shape:
            raise InputError(
                f"The network {name} has the {side} shape {found}; {side}s must be {shape}."
            )
    if model.compiled:
        raise InputError(
            f"The network {name} comes compiled, which has no effect; leave compile out. Optimizer "
            "and learning rate are fields of the recipe, and the loss is cross-entropy."
        )
    if type(model).train_step is not keras.Model.train_step:
        raise InputError(
            f"The network {name} is a {type(model).__name__} with a train_step of its own, which "
            f"would have no effect; {HOW}."
        )
    if any(layer in _SEEN for layer in model.layers):
        raise InputError(
            f"The builder {name} returns layers that it has returned before, so that a seed would "
            "go on from another one's weights; make new layers in each call."
        )
    _SEEN.update(model.layers)


def require_probabilities(model, name):
    """Raise InputError unless a network answers with probabilities.

    Args:
        model: a Keras model.
        name: the network's name.
    """
    noise = np.random.default_rng(0).integers(0, 256, (4, IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
    answers = np.asarray(model(noise, training=False), np.float64)
    if (answers < 0).any() or not np.allclose(answers.sum(axis=1), 1, atol=1e-2):
        raise InputError(
            f"The network {name} returns {np.round(answers[0], 2).tolist()} for an image, which "
            "are no probabilities; end it with softmax."
        )


def require_readable(model, name):
    """Raise InputError unless a network's file could be read back.

    Files are read in Keras' safe mode, and only classes that Keras knows.

    Args:
        model: a Keras model.
        name: the network's name.
    """
    import keras

    try:
        written = keras.saving.serialize_keras_object(model)
        keras.saving.deserialize_keras_object(written, safe_mode=True)
    except Exception as error:
        raise InputError(
            f"The network {name} could not be read back from its file; write layers of your own as "
            "classes with get_config() and @keras.saving.register_keras_serializable(), and use no "
            f"Lambda layer. Keras says: {reason(error)}"
        ) from error


def in_words(error):
    """Return what a user's builder raised, in words.

    Args:
        error: any exception.
    """
    if isinstance(error, SystemExit):
        return "it ends the program (sys.exit)"
    return reason(error)
