"""Arms: recipes by name, from text, or as the cells of a grid."""

from functools import partial
from itertools import product

from attrs import fields

from fer_keras.comparison.catalogue import recipe as named_recipe
from fer_keras.comparison.parsing import parse_arm
from fer_keras.networks.finding import network_name
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

DRAWN_EPOCHS = 3
"""Most epochs on drawn faces, which are learnt sooner than real ones, unless one asks for more."""


def resolve_arms(arms, changes, drawn):
    """Return the recipe of each arm.

    Args:
        arms: dict from an arm's name to a `Recipe` or a text as for `parse_arm`; or such a
            text, or a list of them.
        changes: dict of fields to change in every arm.
        drawn: whether faces are drawn for want of real ones. Then every arm has at most
            `DRAWN_EPOCHS` epochs, unless a text or `changes` says how many.

    Returns:
        A dict from an arm's name to its `Recipe`.

    Raises:
        InputError: if an arm is none, or stands there twice.
    """
    if not isinstance(arms, dict | list | tuple | str):
        raise InputError(f"arms is {arms!r}; give a dict from each arm's name to its recipe.")
    if not isinstance(arms, dict):
        if strange := [each for each in arms if not isinstance(each, str)]:
            raise InputError(f"An arm is {strange[0]!r}; give a dict from its name to its Recipe.")
        named = [parse_arm(text) for text in ([arms] if isinstance(arms, str) else arms)]
        names = [name for name, *_ in named]
        double = next((name for name in names if names.count(name) > 1), None)
        if double:
            raise InputError(f"The arm {double} is given twice; give each arm its own name.")
        arms = {name: (recipe, own) for name, recipe, own in named}
    resolved = {}
    for name, arm in arms.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"An arm is called {name!r}; give it a name, as text.")
        if isinstance(arm, str):
            arm = parse_arm(f"arm={arm}")[1:]
        recipe, own = arm if isinstance(arm, tuple) else (arm, {})
        recipe = named_recipe(recipe) if isinstance(recipe, str) else recipe
        if not isinstance(recipe, Recipe):
            raise InputError(
                f"The arm {name} is {recipe!r}; give a Recipe or the name of one, and a network of "
                "your own as Recipe(network=...)."
            )
        if drawn:
            recipe = recipe.changed(epochs=min(recipe.epochs, DRAWN_EPOCHS))
        resolved[name] = recipe.changed(**changes | own)
    return resolved


def cross(arms, factors, crossed=True):
    """Return an arm for each combination of the factors' levels.

    Args:
        arms: dict with one arm's name and `Recipe`.
        factors: dict from a field of the recipe to its levels, two or more.
        crossed: whether to combine all levels; else one factor changes at a time, and the first
            arm is the recipe as it is.

    Returns:
        A dict from an arm's name, its levels with commas, to its `Recipe`.

    Raises:
        InputError: if there is more than one arm, or a factor is impossible.
    """
    if len(arms) != 1:
        raise InputError(f"Factors change one recipe, and there are {len(arms)} arms; give one.")
    known = [each.name for each in fields(Recipe)]
    for name, levels in factors.items():
        if name not in known or name == "seed":
            raise InputError(
                f"{name} is no factor; give a field of the recipe: "
                f"{', '.join(field for field in known if field != 'seed')}."
            )
        if not isinstance(levels, list | tuple | range):
            raise InputError(f"The factor {name} is {levels!r}; give a list of its levels.")
        if len(levels) < 2 or any(levels.count(level) > 1 for level in levels):
            raise InputError(
                f"The factor {name} has the levels {', '.join(map(str, levels)) or 'none'}; give "
                "two or more, each once."
            )
        names = [level_name(level) for level in levels]
        if double := next((level for level in names if names.count(level) > 1), None):
            raise InputError(
                f"Two levels of {name} are called {double}; give them names that differ."
            )
    [(base, recipe)] = arms.items()
    if crossed:
        return {
            ", ".join(map(level_name, levels)): recipe.changed(**dict(zip(factors, levels)))
            for levels in product(*factors.values())
        }
    return {base: recipe} | {
        f"{name} {level_name(level)}": recipe.changed(**{name: level})
        for name, levels in factors.items()
        for level in levels
        if getattr(recipe, name) != level
    }


def level_name(level):
    """Return a factor's level as text, a file without its folder.

    Args:
        level: any value of a recipe's field.
    """
    if isinstance(level, partial):
        return network_name(level).partition(":")[2]
    return (getattr(level, "__name__", None) or str(level)).rpartition("/")[2]
