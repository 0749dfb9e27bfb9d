"""The exception for bad input, and what its sentences are made of."""

import re
from difflib import get_close_matches

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""What turns colours of a terminal on and off."""


class InputError(ValueError):
    """One sentence on bad input: what came, where, and how to mend it.

    Its sentence is `printable`.
    """

    def __str__(self):
        return printable(super().__str__())

    def _render_traceback_(self):
        # IPython calls this, so that a notebook shows the sentence without a stack trace.
        return [f"InputError: {self}"]


class NoRunError(InputError):
    """No run of a comparison succeeded; its input may be fine."""


def printable(text):
    """Return a text on one line that changes no terminal.

    Args:
        text: str. Line breaks, a terminal's escapes and what else cannot be printed, as in names of
            files, become Python's escapes.
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character):
    return character.encode("unicode_escape", "surrogatepass").decode()


def reason(error):
    """Return the first line of what an exception says, or its kind.

    Args:
        error: any exception. Of Keras' own, the line that only names a layer is passed over, and
            the whole configuration of a class that it does not know.
    """
    text = COLOURS.sub("", str(error)).partition("Full object config:")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("Exception encountered when calling")]
    return (said or lines or [type(error).__name__])[0].strip()


def require_choice(name, value, choices):
    """Raise InputError unless a value is one of the choices.

    Args:
        name: what the user calls the value.
        value: what the user gave.
        choices: sequence of the allowed values.
    """
    if value not in choices:
        raise InputError(
            f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}."
            f"{did_you_mean(value, choices)}"
        )


def require_bools(**values):
    """Raise InputError unless all values are True or False.

    Args:
        **values: by what the user calls them.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise InputError(f"{name} is {value!r}; give True or False.")


def did_you_mean(word, known):
    """Return a question that names the most similar known word, or nothing.

    Args:
        word: what the user wrote.
        known: the words that there are.
    """
    similar = get_close_matches(str(word), list(map(str, known)), n=1, cutoff=0.6)
    return f" Did you mean {similar[0]}?" if similar else ""


def first_few(names):
    """Return the first ten names in words, such as `"a, b and 3 more"`.

    Args:
        names: list of strings.
    """
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
