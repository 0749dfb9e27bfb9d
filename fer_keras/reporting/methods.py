"""A paragraph on methods and its references, to paste into a paper."""

import re

from fer_keras.comparison.prepare import GROUPS
from fer_keras.evaluation.differences import PRIMARY, How
from fer_keras.reporting.command import compare_command
from fer_keras.reporting.design_tables import additions
from fer_keras.reporting.difference_tables import OVER_SEEDS, margin_text
from fer_keras.reporting.effect_tables import REPEATED
from fer_keras.reporting.render import render
from fer_keras.reporting.score_tables import headline_rows, is_fer2013
from fer_keras.utils.machine import processor_and_gpu

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
PARTS = ("train", "validation")
"""What a network learns from, in a design."""


def methods(comparison, results, differences, effects=None):
    """Return how a comparison was made and tested, with BibTeX, as Markdown.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        differences: what `difference_tables.difference_table` returned of it.
        effects: what `effect_tables.grid_effects` returned of a grid.
    """
    tested = headline_rows(results).groupby("split", sort=False)["images"].first()
    hows = set(differences.loc[differences["score"] == PRIMARY, "how"])
    first, design = next(iter(comparison.first.values())), comparison.design or {}
    recipes = [recipe.as_json() for recipe in comparison.arms.values()]
    values = {
        "comparison": comparison,
        "design": design,
        "recipe": first.recipe.as_json(),
        "faces": _faces(design),
        "additions": additions(comparison) if design else [],
        "varied": _varied(comparison),
        "seeds": _seeds_in_words(comparison),
        "missing": len(comparison.arms) * len(comparison.seeds) - len(comparison.all_runs),
        "networks": sorted({str(each["network"]) for each in recipes}),
        "tested": tested.to_dict(),
        "leaked": max(int(run.predictions.leaked.sum()) for run in comparison.all_runs),
        "epochs": sorted({each["epochs"] for each in recipes}),
        "by_group": any(GROUPS in note for note in comparison.notes),
        "may_stop": any(each["patience"] for each in recipes),
        "tried": sorted({len(tried) for tried in comparison.rates.values()}),
        "num_effects": len(effects.primary) if effects else 0,
        "is_repeated": bool(effects) and REPEATED in effects.factors,
        "on_images": effects.table.attrs["on_images"] if effects else How.SEEDS_ALONE not in hows,
        "is_over_seeds": bool(hows & set(OVER_SEEDS)),
        "is_one_run": How.ONE_RUN in hows,
        "num_rivals": len(differences["arm"].unique()) if len(differences) else 0,
        "num_families": differences.attrs["families"],
        "margin": margin_text(comparison.margin),
        "year": first.environment["date"][:4],
        "made_with": _made_with(comparison),
        "on_fer2013": is_fer2013(comparison),
        "command": compare_command(comparison),
    }
    return render("methods.md.j2", key=_key(comparison, values["year"]), **values)


def _faces(design):
    """Return the numbers of images that all arms have; `None` where arms have other ones."""
    counts = [{part: each[part] for part in PARTS} for each in design.get("data", {}).values()]
    return counts[0] if counts and all(each == counts[0] for each in counts) else None


def _seeds_in_words(comparison):
    """Return how many seeds the arms have, such as `3 seeds each` or `3 seeds of a, 1 of b`."""
    arms = {}
    for arm, runs in comparison.runs.items():
        arms.setdefault(len(runs), []).append(arm)
    (count, first), *others = sorted(arms.items(), reverse=True)
    seeds = f"{count} seed{'s' * (count != 1)}"
    if not others:
        return f"{seeds} each"
    parts = [f"{seeds} of {', '.join(first)}"]
    return "; ".join(parts + [f"{count} of {', '.join(names)}" for count, names in others])


def _made_with(comparison):
    """Return the machines and versions of all runs: a dict of texts."""
    made = [run.environment for run in comparison.all_runs]
    names = {
        "machines": list(map(processor_and_gpu, made)),
        "fer_keras": [each.get("fer_keras", "") for each in made],
        "commits": [each["git commit"] for each in made],
        "backends": [_backend(each) for each in made],
        "keras": [each.get("keras", "?") for each in made],
    }
    return {name: " and ".join(filter(None, dict.fromkeys(each))) for name, each in names.items()}


def _backend(made_with):
    name = made_with.get("backend", "tensorflow")
    return f"{BACKENDS.get(name, name)} {made_with.get(name, '?')}"


def _varied(comparison):
    """Return the fields of the recipe that differ between arms."""
    recipes = [recipe.as_json() for recipe in comparison.arms.values()]
    fields = (name for name in recipes[0] if name not in ("seed", "classes"))
    return [name for name in fields if len({str(each[name]) for each in recipes}) > 1]


def _key(comparison, year):
    """Return a BibTeX key, of letters, digits and dashes alone."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", comparison.name).strip("-")
    return f"fer-keras-{words}-{year}".strip("-")
