"""Find, name and read a network's builder, ours or the user's own."""

import importlib
import importlib.util
import inspect
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from fer_keras.networks.builders import NETWORKS, is_built_in
from fer_keras.networks.checks import HOW, in_words
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder, user_path


def find_builder(network):
    """Return the function that builds a network.

    Args:
        network: as for `build.build`.

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
        network: as for `build.build`.
    """
    if isinstance(network, str):
        return network
    if isinstance(network, partial):
        given = [*map(repr, network.args)]
        given += [f"{name}={value!r}" for name, value in network.keywords.items()]
        return f"{network_name(network.func)}({', '.join(given)})"
    qualified = getattr(network, "__qualname__", type(network).__name__)
    return f"{getattr(network, '__module__', '__main__')}:{qualified}"


def source_of(builder):
    """Return a builder's source: of its file, or its own.

    Args:
        builder: what `find_builder` returned.

    Returns:
        Bytes; empty where neither is known.
    """
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
