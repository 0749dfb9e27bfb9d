"""The command `fer-keras`."""

import argparse
import ast
import os
import sys
from pathlib import Path

from fer_keras.errors import InputError
from fer_keras.recipes import RECIPES
from fer_keras.startup import start_tensorflow


def main(arguments=None):
    """Run a command; return the exit code: 0, or 2 for bad input, with one sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.function(options)
        sys.stdout.flush()
    except InputError as error:
        print(f"fer-keras: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader, `head` say, has seen enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def list_recipes(options):
    """Print the named recipes: what each is, costs and gives, and where it differs."""
    for name, named in RECIPES.items():
        recipe = named.recipe
        cost = "not measured" if named.minutes is None else f"{named.minutes:g} minutes on 2 cores"
        print(
            f"{name}  (study {named.study})\n"
            f"  network {recipe.network}, {recipe.storage}, {len(recipe.classes)} classes, "
            f"augmentation {recipe.augmentation}, {recipe.epochs} epochs\n"
            f"  cost: {cost}; expect: {named.expected or 'not measured'}\n"
            f"  differs: {named.differs}"
        )


def run_recipe(options):
    """Train a named recipe and print its scores and its run directory."""
    recipe = recipe_of(options.recipe, options.set)
    # These take seconds to import, too long for a command that only lists or refuses.
    from fer_keras.data import load
    from fer_keras.evaluation import score_table
    from fer_keras.runs import run, run_name
    from fer_keras.sources.location import find_data

    location = find_data(options.data)
    if location is None:
        raise InputError("No data was found; name its folder with --data DIR.")
    splits = load(recipe, location)
    for note in splits.notes:
        print(note)
    start_tensorflow()
    directory = Path(options.out) / run_name(options.recipe, recipe, splits)
    finished = run(recipe, splits, directory, options.recipe, location.folder)
    print(score_table(finished.predictions).to_string(index=False, float_format="%.3f"))
    print(finished.directory)


def recipe_of(name, changes):
    """Return a named recipe with some fields changed.

    Args:
        name: one of `RECIPES`.
        changes: texts `field=value`.

    Raises:
        InputError: if the name, a field or a value is impossible.
    """
    if name not in RECIPES:
        raise InputError(f"No recipe is called {name}; there are {', '.join(RECIPES)}.")
    values = {}
    for change in changes:
        field, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"--set {change} has no value; write --set field=value.")
        values[field] = tuple(text.split(",")) if field == "classes" else _value(text)
    return RECIPES[name].recipe.changed(**values)


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _parser():
    parser = argparse.ArgumentParser(prog="fer-keras", description="Compare networks on faces.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    recipes = commands.add_parser("recipes", help="list the named recipes")
    recipes.set_defaults(function=list_recipes)
    run = commands.add_parser("run", help="train a named recipe")
    run.add_argument("recipe", help="a name that `fer-keras recipes` lists")
    run.add_argument("--data", help="folder with FER2013; else FER_KERAS_DATA, else data/")
    run.add_argument("--out", default="runs", help="where run directories go (default: runs)")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the recipe; may be repeated",
    )
    run.set_defaults(function=run_recipe)
    return parser


if __name__ == "__main__":
    sys.exit(main())
