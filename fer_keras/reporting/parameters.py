"""Read what a notebook's parameters say about a comparison."""

from fer_keras.comparison.parsing import (
    parse_changes,
    parse_data,
    parse_factors,
    parse_places,
    split_outside_brackets,
)
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path


def comparison_arguments(
    comparison="same_images",
    arms="",
    factors="",
    changes="",
    data="",
    class_names="",
    output="runs",
    margin=None,
    test_on="",
    group_by="",
    **others,
):
    """Turn parameters of `compare.ipynb` into arguments of `compare`.

    Args:
        comparison: name of a comparison or recipe, which `arms` replaces.
        arms: `NAME=RECIPE[,FIELD=VALUE...]`, separated by semicolons.
        factors: `FIELD=LEVEL,LEVEL...`, separated by semicolons.
        changes: `FIELD=VALUE`, separated by blanks.
        data: a path, or `NAME=PATH` separated by commas; empty: find data or draw faces.
        class_names: names separated by commas.
        output: folder for the comparison's own; relative to the project.
        margin: points within which two arms count as equal; `None`: one, or what the design says.
        test_on: `NAME=PATH` separated by commas, data sets to test on.
        group_by: a pattern of file names that tells persons apart; empty: none.
        **others: arguments of `compare` that need no reading: `seeds`, `minutes` and so on.

    Returns:
        A dict of arguments.

    Raises:
        InputError: if a parameter that is a text or a number is given something else, or
            `test_on` is not `NAME=PATH`.
    """
    texts = {"comparison": comparison, "arms": arms, "factors": factors, "changes": changes}
    texts |= {"data": data, "class_names": class_names, "output": output}
    texts |= {"test_on": test_on, "group_by": group_by}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise InputError(f"{name} is {value!r}; give a text.")
    if margin is not None and type(margin) not in (int, float):
        raise InputError(f"margin is {margin!r}; give a number of points.")
    places = split_outside_brackets(test_on)
    return {
        "arms": split_outside_brackets(arms, ";") or comparison,
        "factors": parse_factors(split_outside_brackets(factors, ";")) or None,
        "changes": parse_changes(split_outside_brackets(changes, " ")),
        "data": _data(data),
        "class_names": split_outside_brackets(class_names) or None,
        "out": project_path(output),
        "margin": margin and margin / 100,
        "test_on": {n: project_path(p) for n, p in parse_places(places).items()},
        "group_by": group_by or None,
        **others,
    }


def _data(text):
    if "=" not in text:
        return project_path(text) if text.strip() else None
    data = parse_data(split_outside_brackets(text, ","))
    if not isinstance(data, dict):
        return project_path(data)
    return {name: project_path(path) for name, path in data.items()}
