"""The named recipes and comparisons, as a table, in full and for machines."""

from dataclasses import asdict
from textwrap import fill

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES, recipe
from fer_keras.utils.errors import InputError

WIDTH = 100
HEADS = ("recipe", "study", "network", "minutes", "expect")


def table():
    """Return the recipes in columns, with the comparisons below."""
    rows = [HEADS] + [
        (
            name,
            named.study or "ours",
            str(named.recipe.network),
            "" if named.minutes is None else f"{named.minutes:g}",
            named.expected or "not measured",
        )
        for name, named in RECIPES.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(
            cell.rjust(width) if head == "minutes" else cell.ljust(width)
            for cell, width, head in zip(row, widths, HEADS)
        ).rstrip()
        for row in rows
    ]
    width = max(map(len, COMPARISONS))
    lines += ["", f"{'comparison':{width}}  asks"]
    lines += [f"{name:{width}}  {named.question}" for name, named in COMPARISONS.items()]
    note = "Minutes are of training on 2 cores. `fer-keras recipes NAME` shows one in full."
    return "\n".join([*lines, "", note])


def in_full(name):
    """Return all that is known of a recipe or a comparison, as text.

    Args:
        name: one of `RECIPES` or `COMPARISONS`.

    Raises:
        InputError: if there is no such name.
    """
    if name in COMPARISONS:
        named = COMPARISONS[name]
        facts = {"asks": named.question, "arms": ", ".join(named.arms), "seeds": named.seeds}
        facts |= {f"factor {field}": ", ".join(levels) for field, levels in named.factors.items()}
        facts |= {"minutes an arm": named.minutes} if named.minutes else {}
    elif name in RECIPES:
        named = RECIPES[name]
        study = named.study and f"study {named.study}"
        facts = {
            "from": study or "ours",
            "the study reports" if study else "made for": named.published,
            "differs" if study else "takes up": named.differs,
            "minutes on 2 cores": "not measured" if named.minutes is None else named.minutes,
            "expect": named.expected or "not measured",
            **named.recipe.as_json(),
        }
    else:
        recipe(name)  # refuses what is no network, either
        raise InputError(
            f"{name} is a network without a recipe of its own; give a recipe or comparison that "
            "`fer-keras recipes` lists."
        )
    indent = 2 + max(map(len, facts)) + 2
    lines = [
        fill(f"  {fact:{indent - 4}}  {value}", WIDTH, subsequent_indent=" " * indent)
        for fact, value in facts.items()
    ]
    return "\n".join([name, *lines])


def as_json(name=None):
    """Return recipes and comparisons as JSON values: two dicts by name.

    Args:
        name: the one to return; `None`: all.
    """
    recipes = {
        name: vars(named) | {"recipe": named.recipe.as_json()} for name, named in RECIPES.items()
    }
    comparisons = {
        name: asdict(named) | {"arms": {arm: each.as_json() for arm, each in named.arms.items()}}
        for name, named in COMPARISONS.items()
    }
    found = {"recipes": recipes, "comparisons": comparisons}
    return {
        kind: {each: named for each, named in entries.items() if name in (None, each)}
        for kind, entries in found.items()
    }
