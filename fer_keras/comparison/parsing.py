"""Arms, factors and changes as the command line and notebooks write them."""

import ast

from fer_keras.comparison.catalogue import recipe as named_recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path


def parse_arm(text):
    """Read an arm as the command line and notebooks write it.

    Args:
        text: `NAME=RECIPE[,FIELD=VALUE...]`, such as `mine=conv3_csv,epochs=5` or
            `mine=mynet.py:build`; the name may be left out.

    Returns:
        The arm's name, the recipe's name, and a dict of the fields to change.

    Raises:
        InputError: if there is no such recipe, or a change has no value.
    """
    first, *changes = split_outside_brackets(text) or [""]
    name, equals, recipe = first.partition("=")
    name, recipe = name.strip(), (recipe if equals else name).strip()
    for part, word in (("name", name), ("recipe", recipe)):
        if not word:
            raise InputError(f"The arm {text!r} has no {part}; write NAME=RECIPE[,FIELD=VALUE...].")
    named_recipe(recipe)  # refuses an unknown one
    return name, recipe, parse_changes(changes)


def parse_factors(texts):
    """Read factors as the command line and notebooks write them.

    Args:
        texts: list of `FIELD=LEVEL,LEVEL...`, such as `learning_rate=1e-3,3e-4` or
            `classes=[happy,sad],[angry,fear]`.

    Returns:
        A dict from a field to a tuple of its levels.

    Raises:
        InputError: if a factor is given twice.
    """
    factors = {}
    for text in texts:
        name, _, levels = text.partition("=")
        name = name.strip()
        if name in factors:
            raise InputError(f"The factor {name} is given twice; name all its levels once.")
        factors[name] = tuple(_value(name, level) for level in split_outside_brackets(levels))
    return factors


def parse_changes(texts):
    """Turn texts into new values of a recipe's fields.

    Args:
        texts: list of `field=value`; of several for one field the last one counts. Values are
            written as in Python, or `true` and `false`; anything else is a text. `classes` is a
            list with commas, or `None`.

    Returns:
        A dict from field to value.

    Raises:
        InputError: if a text has no field or no value.
    """
    changes = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            missing = "field" if equals else "value"
            raise InputError(f"The change {text!r} has no {missing}; write field=value.")
        changes[name] = _value(name, value)
    return changes


def parse_data(places):
    """Return what `compare` takes as data: none, one, or several by name.

    Args:
        places: list of texts `DIR` or `NAME=DIR`, as given with `--data`.

    Returns:
        `None`, a text, or a dict from a name to a text.

    Raises:
        InputError: if a name is given twice, or a text names no place.
    """
    if not places:
        return None
    named = {}
    for place in places:
        name, equals, directory = place.partition("=")
        if not (place if not equals else directory).strip():
            raise InputError(f"The data {place!r} names no folder; give DIR or NAME=DIR.")
        if is_own := not equals or project_path(place).exists():
            name, directory = project_path(place).resolve().name, place
        if name in named:
            raise InputError(
                f"The data set {name} is given twice; give each one once, or name two folders that "
                f"are called alike, as in NAME={directory}."
            )
        named[name] = directory
    return directory if is_own and len(named) == 1 else named


def parse_places(texts):
    """Read named data sets to test on.

    Args:
        texts: list of `NAME=DIR`.

    Returns:
        A dict from a name to the text of its place.

    Raises:
        InputError: if a text lacks a part, or a name is given twice.
    """
    named = {}
    for text in texts:
        name, _, place = (part.strip() for part in text.partition("="))
        if not name or not place or name in named:
            raise InputError(
                f"The data set {text!r} to test on is not NAME=DIR with a name of its own; give "
                "some such as raf-db=~/rafdb."
            )
        named[name] = place
    return named


def parse_seeds(text):
    """Read the seeds of a comparison.

    Args:
        text: a number of seeds, such as `5`, or a list of them, such as `0,1,4`; or `None`.

    Returns:
        An int, a list of ints, or `None`.

    Raises:
        InputError: if the text is neither.
    """
    if text is None:
        return None
    try:
        seeds = [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"seeds is {text!r}; give a number of seeds, such as 5, or a list, such as 0,1,4."
        ) from error
    return seeds if "," in text else seeds[0]


def split_outside_brackets(text, separator=","):
    """Split a text at a separator, but not within brackets.

    Args:
        text: such as `conv3,augmentation={'zoom_range': 0.1, 'horizontal_flip': True}`.
        separator: one character.

    Returns:
        A list of texts without blanks at their ends.
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == separator and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _value(field, text):
    """Return the Python value that a text writes, such as `1e-3` or `true`, or the text itself."""
    text = text.strip()
    if field == "classes" and text != "None":
        return tuple(word.strip(" '\"") for word in text.strip("[]() ").split(","))
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
