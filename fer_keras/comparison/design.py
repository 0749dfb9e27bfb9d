"""The design of a comparison, written before its first run and kept."""

import json

from fer_keras.comparison.catalogue import COMPARISONS
from fer_keras.comparison.identity import faces_identity, network_identity
from fer_keras.evaluation.differences import PRIMARY
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment
from fer_keras.utils.records import read_object

DESIGN = "design.json"
KINDS = {
    "question": str,
    "date": str,
    "arms": dict,
    "chosen_later": list,
    "reference": str,
    "factors": dict,
    "data": dict,
    "seeds": list,
    "finished_before": int,
    "primary": str,
    "margin": float,
    "families": list,
    "versions": dict,
}
"""Types of the values in it, by key."""

MARGINS = (0.001, 0.2)
"""Least and greatest margin. A value outside was probably in the other unit (points or 0-1)."""


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


def keep_design(directory, name, recipes, sources, seeds, factors, minutes, search_rate, margin):
    """Return a comparison's design, and write it where there is none.

    A design is never overwritten: what differs from it was added later.

    Args:
        directory: the comparison's folder, a `Path`.
        name: the comparison's name.
        recipes: dict from an arm's name to its `Recipe`. The first arm is the reference.
        sources: dict from an arm's name to the `Source` of its faces.
        seeds: the seeds, whole numbers.
        factors: dict from a crossed field to its levels; empty where arms are no grid.
        minutes: equal training time, from which epochs follow; `None` if the recipes say them.
        search_rate: whether a search on validation faces chooses each arm's learning rate.
        margin: the difference in score, in 0-1, within which two arms count as equal.

    Returns:
        A dict of JSON values.

    Raises:
        InputError: if an arm's faces cannot be read or its network cannot be built, or the design
            that is there is damaged.
    """
    if kept := read_design(directory):
        return kept
    arms, faces = _arms_and_faces(recipes, sources, seeds[0])
    later = {"epochs": f"as many as fit into {minutes:g} minutes"} if minutes else {}
    later |= {"learning_rate": "the best of three on validation faces"} if search_rate else {}
    made_with = environment()
    design = {
        "question": COMPARISONS[name].question if name in COMPARISONS else name,
        "name": name,
        "date": made_with["date"],
        "arms": {arm: recipe | later for arm, recipe in arms.items()},
        "chosen_later": [*later],
        "reference": next(iter(arms)),
        "factors": factors,
        "data": faces,
        "seeds": seeds,
        "finished_before": len(list(directory.glob("*/metrics.json"))),
        "primary": PRIMARY,
        "margin": margin,
        "families": families([*arms], factors, any(map(_has_votes, sources.values())), minutes),
        "versions": {
            name: made_with[name] for name in ("fer_keras", made_with["backend"], "keras")
        },
        "git commit": made_with["git commit"],
    }
    text = json.dumps(design, indent=1, default=str) + "\n"
    write_text(directory / DESIGN, text)
    return json.loads(text)


def read_design(directory):
    """Return the design in a comparison's folder, or `None`.

    Args:
        directory: the comparison's folder, a `Path`.

    Raises:
        InputError: if it is damaged.
    """
    path = directory / DESIGN
    return read_object(path, **KINDS) if path.is_file() else None


def _arms_and_faces(recipes, sources, seed):
    """Return each arm's recipe without its seed, and what faces it has with the first seed."""
    arms, faces = {}, {}
    for arm, recipe in recipes.items():
        resolved, splits = sources[arm].splits(recipe.changed(seed=seed))
        # What cannot be built shall leave no design behind.
        network_identity(resolved, len(splits.test.class_names))
        fields = resolved.as_json()
        arms[arm] = {name: value for name, value in fields.items() if name != "seed"}
        faces[arm] = {"name": splits.name, **faces_identity(splits)}
    return arms, faces


def _has_votes(source):
    return bool(getattr(source.data, "votes", None))


def families(arms, factors, has_votes, minutes=None):
    """Return which tests belong together, by which score and correction.

    Args:
        arms: names of the arms, the reference first.
        factors: dict from a crossed field to its levels; empty where arms are no grid.
        has_votes: whether people's votes on the test images are there.
        minutes: equal training time, or `None`.

    Returns:
        A list of dicts with the keys `tests`, `score` and `correction`.
    """
    reference, *others = arms
    families, described = [], "everything else describes and decides nothing"
    if factors and others:
        # Testing the arms, too, would raise more false alarms than 5 %.
        tested = f"effects and interactions of {', '.join(factors)}"
        families.append({"tests": tested, "score": PRIMARY, "correction": "Holm"})
    elif others:
        tested = f"every other arm against {reference}"
        families.append({"tests": tested, "score": PRIMARY, "correction": "Dunnett"})
        if has_votes:
            measures = "label, people's plurality and vote share"
            families.append({"tests": tested, "score": measures, "correction": "Holm"})
        if minutes and len(others) > 1:
            tested = "the arm with the highest mean against every other arm"
            families.append({"tests": tested, "score": PRIMARY, "correction": "Dunnett"})
    return [*families, {"tests": described, "score": "all scores", "correction": "none"}]
