"""Read networks back with the layers of their own file.

Keras keeps one class or function for each registered name, that of the file that it imported last.
Where two files both define a `Block`, it would put one network's layers into the other.
"""

from functools import partial
from types import FunctionType

from fer_keras.networks.finding import network_name

_KNOWN = {}
"""A network's name -> what it was built with: registered name -> class or function."""


def remember_layers(model, network, builder):
    """Register what a network was built with, and keep it for `read_model`.

    Args:
        model: the Keras model that the builder has just returned.
        network: as for `build.build`.
        builder: the function that built it.
    """
    from keras.saving import get_custom_objects, get_registered_name

    from fer_keras.networks.backbones import all_layers

    while isinstance(builder, partial):
        builder = builder.func
    own = [*getattr(builder, "__globals__", {}).values(), *map(type, all_layers(model))]
    own = {get_registered_name(each): each for each in own if isinstance(each, type | FunctionType)}
    registered = get_custom_objects()
    registered.update({name: each for name, each in own.items() if name in registered})
    _KNOWN[network_name(network)] = dict(registered)


def read_model(network, path, compile=False):
    """Return the Keras model in a file, with its network's own layers.

    Code inside the file is never run.

    Args:
        network: as for `build.build`. Its layers are known if this process has built it; else
            Keras looks for them in what was imported.
        path: the `.keras` file.
        compile: whether the model gets its optimiser back.
    """
    from keras.saving import get_custom_objects, load_model

    # Keras' custom_object_scope would not do: what is registered goes before it.
    get_custom_objects().update(_KNOWN.get(network_name(network), {}))
    return load_model(path, compile=compile, safe_mode=True)
