"""Write the command that repeats a comparison."""

import shlex

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.cross_dataset import notes_on_others
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.differences import MARGIN


def compare_command(comparison):
    """Return the `fer-keras compare` command that gives a comparison again.

    Args:
        comparison: the `Comparison`.

    Returns:
        A line for a shell, with `DIR` in the place of each data set.
    """
    # Under equal time, the epochs follow from the minutes.
    skipped = [*comparison.factors, *(["epochs"] if comparison.minutes else [])]
    named = _named_arms(comparison, skipped)
    words = ["fer-keras", "compare", *(named or _own_arms(comparison, skipped))]
    words += [*_data(comparison), *_seeds(comparison.seeds)]
    words += [f"--minutes={comparison.minutes:g}"] if comparison.minutes else []
    is_searched = named and COMPARISONS[comparison.name].search_rate
    words += ["--search-rate"] if comparison.rates and not is_searched else []
    is_usual = abs(comparison.margin - MARGIN) < 1e-9
    words += [] if is_usual else [f"--margin={100 * comparison.margin:g}"]
    return shlex.join(words)


def changed_fields(comparison, recipe, base, skipped):
    """Return in what a recipe differs from another one, seed aside.

    Args:
        comparison: the `Comparison`, in which a run has filled in its recipe's classes.
        recipe: the `Recipe`.
        base: the `Recipe` to compare it with, as it is named.
        skipped: names of fields that do not count.

    Returns:
        A list of names of fields.
    """
    old, new = base.as_json(), recipe.as_json()
    named = {name for arm in comparison.arms.values() for name in arm.classes or ()}
    all_classes = {*CLASS_NAMES} if named <= {*CLASS_NAMES} else named
    if {*(new["classes"] or all_classes)} == {*(old["classes"] or all_classes)}:
        skipped = (*skipped, "classes")
    return [name for name in new if new[name] != old[name] and name not in ("seed", *skipped)]


def _data(comparison):
    sources = comparison.sources.values()
    words = [f"--data={source.name}=DIR" if source.name else "--data=DIR" for source in sources]
    words += [f"--test-on={name}=DIR" for name in notes_on_others(comparison)]
    words += [f"--group-by={comparison.group_by}"] if comparison.group_by else []
    words += [f"--on-bad={source.on_bad}" for source in sources if source.on_bad != "raise"]
    classes = [source.class_names for source in sources if source.class_names]
    return list(dict.fromkeys(words + [f"--class-names={','.join(names)}" for names in classes]))


def _seeds(seeds):
    first, count = seeds[0], len(seeds)
    if list(seeds) != list(range(first, first + count)):
        return [f"--seeds={','.join(map(str, seeds))}"]
    return [f"--seeds={count}", *([f"--first-seed={first}"] if first else [])]


def _named_arms(comparison, skipped):
    """Return a comparison's name and the changes that all its arms share; `None` for own arms."""
    whole, own = COMPARISONS.get(comparison.name), _without_data(comparison)
    if whole is None or not (comparison.factors or own.keys() <= whole.arms.keys()):
        return None
    named, changes = whole.arms, []
    for arm, recipe in own.items():
        base = named.get(arm, next(iter(named.values())))
        changes.append(_changes(comparison, recipe, base, ["storage", *skipped]))
    common = [change for change in changes[0] if all(change in other for other in changes)]
    words = [comparison.name, *(f"--set={change}" for change in common)]
    return words + (_factors(comparison) if comparison.factors != whole.factors else [])


def _without_data(comparison):
    """Return recipes, with the rates that a search began at, by names without the data sets'."""
    sources, recipes = comparison.sources, dict(comparison.arms)
    for arm, tried in comparison.rates.items():
        recipes[arm] = recipes[arm].changed(learning_rate=sorted(tried)[len(tried) // 2])
    return {arm.removesuffix(f" on {sources[arm].name}"): recipes[arm] for arm in recipes}


def _own_arms(comparison, skipped):
    arms = _without_data(comparison)
    if comparison.factors:
        arms = {comparison.name: next(iter(arms.values()))}
    words = [
        f"--arm={arm}={_recipe_in_words(comparison, recipe, skipped)}"
        for arm, recipe in arms.items()
    ]
    return words + _factors(comparison)


def _factors(comparison):
    return [
        f"--factor={name}={','.join(map(str, levels))}"
        for name, levels in comparison.factors.items()
    ]


def _recipe_in_words(comparison, recipe, skipped):
    """Return a recipe as a named one with as few changes as possible."""
    written = {
        name: _changes(comparison, recipe, named.recipe, skipped) for name, named in RECIPES.items()
    }
    name = min(written, key=lambda each: len(written[each]))
    return ",".join([name, *written[name]])


def _changes(comparison, recipe, base, skipped):
    """Return the fields that differ, as the command line takes them."""
    values = recipe.as_json()
    changed = changed_fields(comparison, recipe, base, skipped)
    return [f"{field}={_in_words(values[field])}" for field in changed]


def _in_words(value):
    return f"[{','.join(value)}]" if isinstance(value, list) else str(value)
