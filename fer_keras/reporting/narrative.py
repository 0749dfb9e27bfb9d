"""Sentences of a comparison's report, from templates and values."""

import numpy as np

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.evaluation.effects import compare_pipelines
from fer_keras.evaluation.intervals import mcnemar_test
from fer_keras.reporting import score_tables
from fer_keras.reporting.command import RESOLVED, compare_command
from fer_keras.reporting.difference_tables import How, p_text, points_text
from fer_keras.reporting.render import render
from fer_keras.reporting.score_tables import SCORE_NAMES, STUDY_D, score_text
from fer_keras.utils.files import path_from_project

STUDY_D_IMAGES = 7178
"""Images in each of study D's two test sets."""
EXPLAINED = "macro_f1"
"""The score whose effects are put into words."""


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
        leaks={arm: run.predictions.leaked for arm, run in comparison.first.items()},
        named=RECIPES.get(comparison.name),
        changes=_changes(comparison) if is_recipe else [],
    )


def conclusion(comparison, results, differences):
    """Return what the differences show and do not show, as Markdown.

    Args:
        comparison: the `Comparison`.
        results: what `results.result_table` returned of it.
        differences: what `difference_tables.difference_table` returned of it.
    """
    rows, others = differences.to_dict("records"), {}
    for row in rows:
        row |= {"name": SCORE_NAMES[row["score"]], "p": p_text(row["holm_p_value"]), "clean": None}
        if row["test images"] == "all":
            others.setdefault(row["arm"], []).append(row)
        elif row["score"] == "accuracy":
            others[row["arm"]][0]["clean"] = row
    for row, *_ in others.values():
        row |= _image_by_image(comparison, row)
    headlines = score_tables.headline_rows(results)
    alone = score_tables.score_table(headlines).iloc[0].to_dict()
    return render(
        "conclusion.md.j2",
        drawn=comparison.drawn,
        others=others,
        alone=alone | {"accuracy_text": score_text(alone, "accuracy")},
        has_p=any(row["p"] for row in rows),
        is_all_shown=all(row["is_shown"] for row in rows),
        hows={row["how"] for row in rows},
        How=How,
    )


def time_summary(comparison, results):
    """Return which arm is best under equal training time, as Markdown.

    Args:
        comparison: the `Comparison`, with equal `minutes`.
        results: what `results.result_table` returned of it.
    """
    runs = score_tables.headline_rows(score_tables.first_seed(results)).set_index("arm")
    is_late = (runs["epochs"] == 1) & (runs["minutes"] > comparison.minutes)
    best = runs.loc[~is_late if not is_late.all() else is_late.index, "accuracy"].idxmax()
    return render(
        "time.md.j2",
        minutes=comparison.minutes,
        all=runs.index,
        late=[f"`{arm}`" for arm in runs.index[is_late]],
        best=best,
        accuracy=score_text(runs.loc[best], "accuracy"),
        split=f"{runs.loc[best, 'split']} ({runs.loc[best, 'images']:,.0f} images)",
    )


def effect_summary(comparison, runs, factors, effects):
    """Return what the crossed factors do, as Markdown.

    Args:
        comparison: the `Comparison`.
        runs: the runs that `difference_tables.balanced_runs` returned.
        factors: its factors.
        effects: what `difference_tables.effect_table` returned of them.
    """
    rows = effects[effects["score"] == EXPLAINED].to_dict("records")
    rows = [row | {"points": points_text(row)} for row in rows]
    shown = [row for row in rows if row["low"] > 0 or row["high"] < 0]
    images = runs.groupby("split", sort=False)["images"].first()
    is_study_d = comparison.name == "storage-feed-augmentation" and len(factors) == 3
    return render(
        "effects.md.j2",
        epochs=" or ".join(f"{epochs:.0f}" for epochs in runs["epochs"].unique()),
        tested=" and ".join(f"{split} ({count:,.0f} images)" for split, count in images.items()),
        num_seeds=runs["seed"].nunique(),
        left_out=[seed for seed in comparison.seeds if seed not in set(runs["seed"])],
        score_name=SCORE_NAMES[EXPLAINED],
        largest=max(rows, key=lambda row: abs(row["difference"])),
        shown=shown,
        hidden=[f"{row['effect']} ({row['change']})" for row in rows if row not in shown],
        study_d=_study_d(runs, factors, rows) if is_study_d and not comparison.drawn else None,
    )


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
    parts = []
    for arm, recipe in comparison.arms.items():
        name = getattr(comparison.sources[arm].data, "name", "a data set in memory")
        parts.append(f"{name}, read from {forms[recipe.storage]}")
    return dict.fromkeys(parts)


def _changes(comparison):
    [recipe] = comparison.arms.values()
    own, named = recipe.as_json(), RECIPES[comparison.name].recipe.as_json()
    changed = [name for name in own if own[name] != named[name] and name not in RESOLVED]
    return [f"{name} is {own[name]!r} instead of {named[name]!r}" for name in changed]


def _image_by_image(comparison, row):
    """Return the numbers of test images, of those only one model gets right, and of copies."""
    first, second = (comparison.first[row[name]].predictions for name in ("reference", "arm"))
    numbers = {"images": len(second.ids), "votes": (), "removed": 0}
    if row["how"] == How.SAME_IMAGES:
        numbers["votes"] = mcnemar_test(first, second)[:2]
        numbers["removed"] = (first.leaked | second.leaked).sum()
    return numbers


def _study_d(runs, factors, rows):
    """Return how the factors' effects add up to the difference of study D's two pipelines.

    The effects and what only all three factors do together sum to it: between the first and the
    last pipeline, the interactions of two cancel.
    """
    pipelines = dict(iter(runs.groupby("arm", sort=False)))
    first, *_, last = pipelines
    table = compare_pipelines(pipelines[first], pipelines[last]).set_index("score")
    whole = table.loc[EXPLAINED, ["difference", "low", "high"]].astype(float)
    parts = {row["effect"]: row["difference"] for row in rows if row["effect"] in factors}
    accuracy = STUDY_D["CSV"]["accuracy"]
    return {
        "csv": STUDY_D["CSV"][EXPLAINED],
        "folder": STUDY_D["folder"][EXPLAINED],
        "first": first,
        "last": last,
        "whole": points_text(whole),
        "parts": parts,
        "rest": whole["difference"] - sum(parts.values()),
        "spread": 100 * np.sqrt(runs.groupby(factors)[EXPLAINED].var().mean()),
        "sampling": 196 * np.sqrt(2 * accuracy * (1 - accuracy) / STUDY_D_IMAGES),
    }
