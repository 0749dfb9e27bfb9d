"""Read JSON records and tables that may be damaged, or come from anyone."""

import io
import json
from pathlib import Path

from fer_keras.utils.errors import InputError

MAX_BYTES = 100_000_000
MEND = "copy the whole folder again from where it came, or run it again"


def read_object(path, **kinds):
    """Return the JSON object in a file.

    Args:
        path: the file.
        **kinds: by key, the type or tuple of types that its value must have.

    Returns:
        A dict.

    Raises:
        InputError: if the file cannot be read, holds no object, or a value is missing or of
            another type.
    """
    try:
        found = json.loads(_read(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); {MEND}.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds a {type(found).__name__} and no object; {MEND}.")
    for key, kind in kinds.items():
        if not isinstance(found.get(key), kind):
            what = f"has a {key} that cannot be used" if key in found else f"lacks {key}"
            raise InputError(f"{path} {what}; {MEND}.")
    return found


def read_table(path, numbers=(), texts=(), **options):
    """Return the table in a CSV file.

    Args:
        path: the file.
        numbers: names of columns that must be there and hold numbers or nothing.
        texts: names of other columns that must be there.
        **options: more arguments of `pandas.read_csv`.

    Returns:
        A DataFrame.

    Raises:
        InputError: if the file cannot be read, a column is missing, or a cell is no number.
    """
    import pandas as pd

    content = io.BytesIO(_read(path))
    try:
        table = pd.read_csv(content, **options)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is damaged ({error}); {MEND}.") from error
    if missing := ", ".join(name for name in (*numbers, *texts) if name not in table):
        raise InputError(f"{path} has no column {missing}; {MEND}.")
    for name in numbers:
        if table[name].dtype.kind not in "iuf":
            raise InputError(f"{path} holds in {name} what is no number; {MEND}.")
    return table


def _read(path):
    path = Path(path)
    try:
        if not path.is_file():  # a pipe would be waited on for ever
            raise InputError(f"{path} is no file; {MEND}.")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES // 1_000_000} MB; {MEND}.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {MEND}.") from error
