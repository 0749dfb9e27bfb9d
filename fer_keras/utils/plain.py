"""Values of NumPy and paths as Python's own, for what is checked and kept as JSON."""

import os


def plain(value):
    """Return NumPy's numbers, texts and arrays, and paths, as Python's own values.

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
