"""The exception for a user's bad input, and what its sentences are made of."""


class InputError(ValueError):
    """A bad input, told in one sentence: what came, where, what is allowed, how to mend it."""

    def _render_traceback_(self):
        # IPython calls this, so that a notebook shows the sentence without a stack trace.
        return [f"InputError: {self}"]


def require_choice(name, value, choices):
    """Raise InputError unless a value is one of the choices.

    Args:
        name: what the user calls the value.
        value: what the user gave.
        choices: sequence of the allowed values.

    Raises:
        InputError: naming the choices.
    """
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}.")


def first_few(names, most=10):
    """Return the first names as a list in words, and how many more there are.

    Args:
        names: sequence of strings.
        most: how many to name.

    Returns:
        A string such as `"a, b and 3 more"`.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
