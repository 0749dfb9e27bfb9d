"""A paragraph on methods and its references, to paste into a paper."""

import re

from fer_keras.evaluation.differences import PRIMARY, How
from fer_keras.reporting.command import compare_command
from fer_keras.reporting.difference_tables import OVER_SEEDS, points
from fer_keras.reporting.effect_tables import REPEATED
from fer_keras.reporting.render import render
from fer_keras.reporting.score_tables import headline_rows, is_fer2013


def methods(comparison, results, differences, effects=None):
    """Return how a comparison was made and tested, with BibTeX, as Markdown.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        differences: what `difference_tables.difference_table` returned of it.
        effects: what `effect_tables.grid_effects` returned of a grid.
    """
    runs = headline_rows(results)
    hows = set(differences.loc[differences["score"] == PRIMARY, "how"])
    first = next(iter(comparison.first.values()))
    design = comparison.design or {}
    values = {
        "comparison": comparison,
        "design": design,
        "recipe": first.recipe.as_json(),
        "faces": next(iter(design.get("data", {}).values()), None),
        "varied": _varied(comparison),
        "networks": sorted({str(each.as_json()["network"]) for each in comparison.arms.values()}),
        "tested": runs.groupby("split", sort=False)["images"].first().to_dict(),
        "epochs": sorted(runs["epochs"].astype(int).unique()),
        "num_effects": len(effects.primary) if effects else 0,
        "is_repeated": bool(effects) and REPEATED in effects.factors,
        "on_images": effects.table.attrs["on_images"] if effects else False,
        "is_over_seeds": bool(hows & set(OVER_SEEDS)),
        "is_one_run": How.ONE_RUN in hows,
        "num_rivals": len(differences["arm"].unique()) if len(differences) else 0,
        "margin": points(comparison.margin, ""),
        "environment": first.environment,
        "on_fer2013": is_fer2013(comparison),
    }
    values |= {"key": _key(comparison, first), "command": compare_command(comparison)}
    return render("methods.md.j2", **values)


def _varied(comparison):
    """Return the fields of the recipe that differ between arms."""
    recipes = [recipe.as_json() for recipe in comparison.arms.values()]
    fields = (name for name in recipes[0] if name not in ("seed", "classes"))
    return [name for name in fields if len({str(each[name]) for each in recipes}) > 1]


def _key(comparison, run):
    """Return a BibTeX key, of letters, digits and dashes alone."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", comparison.name).strip("-")
    return f"fer-keras-{words}-{run.environment.get('date', '')[:4]}".strip("-")
