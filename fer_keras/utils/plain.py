"""Values of NumPy and paths as Python's own."""

import os


def plain(value):
    """Return values of NumPy, and paths, as Python's own.

    Args:
        value: any value; of a dict, list or tuple, what it holds is turned, too.
    """
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # without importing NumPy
        value = value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value
