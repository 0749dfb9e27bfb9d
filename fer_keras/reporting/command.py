"""Write the command that repeats a comparison."""

import shlex

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.evaluation.differences import MARGIN

RESOLVED = ("seed", "classes", "storage")
"""Fields that a run fills in from its seed and its data."""


def compare_command(comparison):
    """Return the `fer-keras compare` command that gives a comparison again.

    Args:
        comparison: the `Comparison`.

    Returns:
        A line for a shell, with `DIR` in the place of the data.
    """
    # Under equal time, the epochs follow from the minutes, and a search finds the rate.
    skipped = [*comparison.factors, *(["epochs"] if comparison.minutes else [])]
    skipped += ["learning_rate"] if comparison.rates else []
    named = _named_arms(comparison, skipped)
    words = ["fer-keras", "compare", *(named or _own_arms(comparison, skipped)), "--data=DIR"]
    seeds = comparison.seeds
    words += [f"--seeds={len(seeds)}", *([f"--first-seed={seeds[0]}"] if seeds[0] else [])]
    words += [f"--minutes={comparison.minutes:g}"] if comparison.minutes else []
    words += ["--search-rate"] if comparison.rates and not named else []
    is_usual = abs(comparison.margin - MARGIN) < 1e-9
    words += [] if is_usual else [f"--margin={100 * comparison.margin:g}"]
    return shlex.join(words)


def _named_arms(comparison, skipped):
    """Return a comparison's name and the changes that all its arms share; `None` for own arms."""
    whole, names = COMPARISONS.get(comparison.name), {_own_name(arm) for arm in comparison.arms}
    if whole is None or not (comparison.factors or names <= {*whole.arms}):
        return None
    named, changes = whole.arms, []
    for arm, recipe in comparison.arms.items():
        base = named.get(_own_name(arm), next(iter(named.values())))
        changes.append(_changed_fields(recipe, base, [*RESOLVED, *skipped]))
    common = [change for change in changes[0] if all(change in other for other in changes)]
    words = [comparison.name, *(f"--set={change}" for change in common)]
    return words + (_factors(comparison) if comparison.factors != whole.factors else [])


def _own_name(arm):
    """Return an arm's name without that of its data set."""
    return arm.partition(" on ")[0]


def _own_arms(comparison, skipped):
    arms = comparison.arms
    if comparison.factors:
        arms = {comparison.name: next(iter(arms.values()))}
    words = [f"--arm={arm}={_recipe_in_words(recipe, skipped)}" for arm, recipe in arms.items()]
    return words + _factors(comparison)


def _factors(comparison):
    return [
        f"--factor={name}={','.join(map(str, levels))}"
        for name, levels in comparison.factors.items()
    ]


def _recipe_in_words(recipe, skipped):
    """Return a recipe as a named one with as few changes as possible."""
    written = {
        name: _changed_fields(recipe, named.recipe, [*RESOLVED[:2], *skipped])
        for name, named in RECIPES.items()
    }
    name = min(written, key=lambda each: len(written[each]))
    return ",".join([name, *written[name]])


def _changed_fields(recipe, base, skipped):
    old = base.as_json()
    return [
        f"{field}={value}"
        for field, value in recipe.as_json().items()
        if value != old[field] and field not in skipped
    ]
