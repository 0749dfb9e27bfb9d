"""Sentences of a comparison's report, from templates and values."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.evaluation.chance import ROUNDING
from fer_keras.evaluation.differences import PRIMARY, How, Verdict
from fer_keras.evaluation.effects import is_apart
from fer_keras.evaluation.intervals import FEW
from fer_keras.evaluation.shared import is_idle, weak_classes
from fer_keras.reporting import score_tables
from fer_keras.reporting.command import changed_fields, compare_command
from fer_keras.reporting.difference_tables import (
    OVER_SEEDS,
    difference_table,
    margin_text,
    p_text,
    points,
    points_text,
)
from fer_keras.reporting.effect_tables import REPEATED
from fer_keras.reporting.render import render
from fer_keras.reporting.score_tables import score_text, tested_images
from fer_keras.utils.files import path_from_project

NO_EFFECTS = "No seed has finished with every arm, so that there are no effects to compute."


def introduction(comparison):
    """Return what is compared on which faces, and what failed, as Markdown.

    Args:
        comparison: the `Comparison`.
    """
    named = COMPARISONS.get(comparison.name)
    is_recipe = len(comparison.arms) == 1 and comparison.name in RECIPES
    return render(
        "introduction.md.j2",
        comparison=comparison,
        command="make compare",
        notice=f"{named.notice}.md.j2" if named and named.notice else is_recipe and "recipe.md.j2",
        data=_data_in_words(comparison),
        on_fer2013=score_tables.is_fer2013(comparison),
        leaks={arm: run.predictions.leaked for arm, run in comparison.first.items()},
        named=RECIPES.get(comparison.name),
        changes=_changes(comparison) if is_recipe else [],
    )


def conclusion(comparison, results, differences, effects=None):
    """Return what differences or effects show and do not show, as Markdown.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it; read where a single arm finished.
        differences: what `difference_tables.difference_table` returned of it.
        effects: what `effect_tables.grid_effects` returned of a grid, whose arms are not compared.
    """
    if comparison.is_grid:
        return effect_summary(comparison, effects) if effects else f"**{NO_EFFECTS}**"
    return render("conclusion.md.j2", **verdict_values(comparison, results, differences))


def verdict_values(comparison, results, differences):
    """Return the values of templates on differences: a dict.

    Args:
        comparison: the `Comparison`.
        results: as for `conclusion`.
        differences: as for `conclusion`.
    """
    rows, others = differences.to_dict("records"), {}
    for row in rows:
        row |= {
            "p": p_text(row["p_value"]),
            "clean": None,
            "is_over_seeds": row["how"] in OVER_SEEDS,
        }
        if row["test images"] == "all":
            others.setdefault(row["arm"], []).append(row)
        elif row["score"] == PRIMARY:
            others[row["arm"]][0]["clean"] = row
    for row, *_ in others.values():
        row |= _in_detail(comparison, row)
    firsts = [row for row, *_ in others.values()]
    over_seeds = [row for row in firsts if row["is_over_seeds"]]
    return {
        "drawn": comparison.drawn,
        "others": others,
        "added_arms": comparison.added_arms,
        "alone": None if rows else _alone(comparison, results),
        "margin": margin_text(comparison.margin),
        "num_compared": sum(row["images"] > 0 for row in firsts),
        "num_families": differences.attrs["families"],
        "is_over_seeds": bool(over_seeds),
        "is_moving": any(row["how"] == How.SEEDS_ALONE for row in firsts),
        "is_one_run": any(row["how"] == How.ONE_RUN for row in firsts),
        "few": FEW,
        "plan": _plan(comparison, over_seeds),
        "has_learnt": any(row["verdict"] != Verdict.NOTHING_LEARNT for row in over_seeds),
        "How": How,
    }


def time_summary(comparison, results):
    """Return which arm is best under equal training time, as Markdown.

    An arm is called the most accurate only if it is shown to be more accurate than every other.
    Of a grid no arm is.

    Args:
        comparison: the `Comparison`, with equal `minutes`.
        results: what `results.result_table` returned of it.
    """
    return render("time.md.j2", **time_values(comparison, results))


def time_values(comparison, results):
    """Return the values of templates on equal time: a dict.

    Args:
        comparison: as for `time_summary`.
        results: as for `time_summary`.
    """
    runs = score_tables.headline_rows(results).groupby("arm", sort=False)
    runs = runs[["accuracy", "epochs", "minutes"]].mean()
    is_late = (runs["epochs"] == 1) & (runs["minutes"] > comparison.minutes)
    in_time = runs.loc[~is_late if not is_late.all() else is_late.index, "accuracy"]
    best, rivals = in_time.idxmax(), {}
    if len(in_time) > 1 and not comparison.is_grid:
        own = {arm: comparison.runs[arm] for arm in in_time.index}
        table = difference_table(replace(comparison, runs=own), best)
        rivals = table[(table["score"] == PRIMARY) & (table["test images"] == "all")]
        rivals = dict(zip(rivals["arm"], rivals["verdict"]))
    return {
        "minutes": comparison.minutes,
        "is_grid": comparison.is_grid,
        "all": [*runs.index],
        "late": [*runs.index[is_late]],
        "best": best,
        "single": [arm for arm in in_time.index if len(comparison.runs[arm]) == 1],
        "is_single": all(len(comparison.runs[arm]) == 1 for arm in in_time.index),
        "rivals": [arm for arm, verdict in rivals.items() if verdict != Verdict.WORSE],
        "num_rivals": len(rivals),
    }


def effect_summary(comparison, effects):
    """Return what the crossed factors do, as Markdown.

    Args:
        comparison: the `Comparison`.
        effects: what `effect_tables.grid_effects` returned of it.
    """
    values = effect_values(comparison, effects)
    return render("effects.md.j2", **values, **_convergence(effects.runs, effects.factors))


def effect_values(comparison, effects):
    """Return the values of templates on crossed factors: a dict.

    Args:
        comparison: the `Comparison`.
        effects: as for `effect_summary`.
    """
    rows, runs = effects.primary.to_dict("records"), effects.runs
    apart = effects.table.attrs["apart"]
    for row in rows:
        row |= {"points": points_text(row), "p": p_text(row["holm_p_value"])}
    rows = [row for row in rows if not is_apart(row["effect"], apart)]
    at_levels = {}
    for row in effects.at_levels.to_dict("records"):
        name = f"{row['effect']} ({row['change']})"
        at_levels.setdefault(name, []).append(f"{points_text(row)} at {row['at']}")
    arms = {
        arm: [run.predictions for run in own.values()]
        for arm, own in comparison.runs.items()
        if own
    }
    return {
        "weak": [*dict.fromkeys(name for own in arms.values() for name in weak_classes(own))],
        "epochs": " or ".join(f"{epochs:.0f}" for epochs in runs["epochs"].unique()),
        "tested": " and ".join(f"{name} ({n} images)" for name, n in tested_images(runs).items()),
        "apart": apart,
        "num_seeds": runs["seed"].nunique(),
        "left_out": [seed for seed in comparison.seeds if seed not in set(runs["seed"])],
        "margin": margin_text(comparison.margin),
        "shown": [row for row in rows if row["is_shown"]],
        "small": [row for row in rows if row["is_small"]],
        "undecided": [row for row in rows if not (row["is_shown"] or row["is_small"])],
        "at_levels": at_levels,
        "num_effects": len(rows),
        "idle": [arm for arm, own in arms.items() if is_idle(own)],
        "on_images": effects.table.attrs["on_images"],
        "is_repeated": REPEATED in effects.factors,
    }


def repetition(comparison):
    """Return where the results lie and how to repeat them, as Markdown.

    Args:
        comparison: the `Comparison`.
    """
    directory = path_from_project(comparison.directory)
    values = {"directory": directory, "command": compare_command(comparison)}
    return render("repetition.md.j2", **values)


def _data_in_words(comparison):
    forms = {"csv": "a CSV of pixel strings", "folder": "folders of images"}
    read = {}
    for arm, recipe in comparison.arms.items():
        name = comparison.sources[arm].data_name
        read.setdefault(name, {})[f"from {forms[recipe.storage]}"] = None
    return [f"{name}, read {' and '.join(places)}" for name, places in read.items()]


def _changes(comparison):
    [recipe] = comparison.arms.values()
    base = RECIPES[comparison.name].recipe
    own, named = recipe.as_json(), base.as_json()
    changed = changed_fields(comparison, recipe, base, ["storage"])
    return [f"{name} is {own[name]!r} instead of {named[name]!r}" for name in changed]


def _convergence(runs, factors):
    """Return in how many runs the last epoch was the best, and with which level most often.

    Skip runs without validation, which always keep the last epoch, and runs with a falling learning
    rate, whose last epoch is usually best.
    """
    runs = runs[(runs["validation_fraction"] > 0) & (runs["schedule"] == "constant")]
    if runs.empty:
        return {"num_last": 0}
    is_last = runs["kept_epoch"] == runs["epochs"]
    by_level = {
        f"{factor} {level}": (own.mean(), f"{own.sum()} of {len(own)}")
        for factor in factors
        for level, own in is_last.groupby(runs[factor], sort=False)
    }
    level, (share, count) = max(by_level.items(), key=lambda item: item[1][0])
    most = f"{level} ({count})" if share > is_last.mean() else ""
    return {"num_last": int(is_last.sum()), "num_runs": len(runs), "most": most}


def _in_detail(comparison, row):
    """Return more of a comparison of two arms: whether it is within the margin, and on what."""
    margin, how = comparison.margin, row["how"]
    more = {"is_within": -margin < row["low90"] and row["high90"] < margin, "tested": 0}
    runs = [len(comparison.runs[row[name]]) for name in ("reference", "arm")]
    more["is_reduced"] = how == How.ONE_RUN and min(runs) > 1
    theirs, own = runs
    more["seeds_in_words"] = f"{own} seeds each" if own == theirs else f"{own} and {theirs} seeds"
    more["within"] = p_text(row["probability_within"])
    if row["images"] and how != How.SEEDS_ALONE:
        pair = [comparison.first[row[name]].predictions for name in ("reference", "arm")]
        more["tested"] = max(len(part.ids) for part in pair)
    return more


def _plan(comparison, rows):
    """Return what these runs can find, of the difference that is the least certain, as text."""
    if not rows:
        return None
    row = max(rows, key=lambda row: row["detectable"] if row["detectable"] > 0 else 0)
    needed, detectable = row["seeds_needed"], row["detectable"]
    arms = dict.fromkeys([row["reference"], *(row["arm"] for row in rows)])
    spreads = {arm: _spread(comparison.runs[arm].values()) for arm in arms}
    ends = [min(spreads, key=spreads.get), max(spreads, key=spreads.get)]
    return {
        "run_sd": points(row["run_sd"]) if row["run_sd"] > ROUNDING else "",
        "spreads": {arm: points(spreads[arm]) for arm in ends},
        "detectable": points(detectable) if detectable > 0 else "",
        "seeds_needed": None if pd.isna(needed) else int(needed),
    }


def _spread(runs):
    """Return the standard deviation of the accuracies of an arm's runs, in 0-1."""
    return np.std([run.predictions.is_right.mean() for run in runs], ddof=1)


def _alone(comparison, results):
    headlines = score_tables.headline_rows(results)
    alone = score_tables.score_table(headlines, comparison).iloc[0].to_dict()
    return alone | {"accuracy_text": score_text(alone, "accuracy")}
