"""The design of a comparison, written before its first run and kept."""

import json

from fer_keras.comparison.catalogue import COMPARISONS
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment

DESIGN = "design.json"

PRIMARY = "accuracy"
"""The score that decides; all others describe."""

MARGIN = 0.01
"""The difference in score, in 0-1, within which two arms count as equal: one point."""

MARGINS = (0.001, 0.2)
"""The smallest and the largest margin. Points given for shares, or the reverse, lie outside."""


def require_margin(margin):
    """Raise InputError unless a margin is possible.

    Args:
        margin: what the user gave, a score in 0-1; `None` is none.

    Raises:
        InputError: if it is no number within `MARGINS`.
    """
    least, most = MARGINS
    if margin is None or (type(margin) in (int, float) and least <= margin <= most):
        return
    points = f", or {100 * margin:g} points" if type(margin) in (int, float) else ""
    raise InputError(
        f"margin is {margin!r}{points}; give {least} to {most} in Python, which is "
        f"{100 * least:g} to {100 * most:g} points on the command line and in the notebook."
    )


def make_design(name, arms, data, seeds, factors, minutes, margin, num_finished):
    """Return a design: what is asked, by which runs, and by which tests.

    Args:
        name: the comparison's name.
        arms: dict from an arm's name to its `Recipe` of the first seed, all fields filled in. The
            first arm is the reference.
        data: dict from an arm's name to a dict of its faces: name, hash, counts and classes.
        seeds: the seeds, whole numbers.
        factors: dict from a crossed field to its levels; empty where arms are no grid.
        minutes: equal training time of each arm, which decided its epochs; `None` if none.
        margin: the difference in score, in 0-1, within which two arms count as equal.
        num_finished: how many of the runs had finished before, 0 for a design made in time.

    Returns:
        A dict of JSON values.
    """
    recipes = {arm: recipe.as_json() for arm, recipe in arms.items()}
    made_with = environment()
    design = {
        "question": COMPARISONS[name].question if name in COMPARISONS else name,
        "name": name,
        "date": made_with["date"],
        "arms": {arm: _without_seed(recipe) for arm, recipe in recipes.items()},
        "reference": next(iter(arms)),
        "factors": factors,
        "minutes": minutes,
        "data": data,
        "seeds": seeds,
        "finished_before": num_finished,
        "primary": PRIMARY,
        "margin": margin,
        "families": _families([*arms], factors),
        "versions": {name: made_with[name] for name in ("fer_keras", "tensorflow", "keras")},
        "git commit": made_with["git commit"],
    }
    return json.loads(json.dumps(design, default=str))


def write_design(directory, design):
    """Write a design; the caller makes sure that the comparison has none.

    Args:
        directory: the comparison's folder, a `Path`.
        design: what `make_design` returned.
    """
    write_text(directory / DESIGN, json.dumps(design, indent=1) + "\n")


def read_design(directory):
    """Return the design in a comparison's folder, or `None`.

    Args:
        directory: the comparison's folder, a `Path`.
    """
    path = directory / DESIGN
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _without_seed(recipe):
    return {field: value for field, value in recipe.items() if field != "seed"}


def _families(arms, factors):
    """Return the families of tests: what is tested together, by which score and correction."""
    reference, *others = arms
    families = []
    if others:
        tested = f"every other arm against {reference}"
        families.append({"tests": tested, "score": PRIMARY, "correction": "Dunnett"})
    if factors:
        tested = f"effects and interactions of {', '.join(factors)}"
        families.append({"tests": tested, "score": PRIMARY, "correction": "Holm"})
    described = "everything else describes and decides nothing"
    return [*families, {"tests": described, "score": "all scores", "correction": "none"}]
