"""The design of a comparison in a table, and what was added afterwards."""

import json
from itertools import pairwise

import pandas as pd

from fer_keras.comparison.design import families
from fer_keras.comparison.votes import VOTES
from fer_keras.reporting.difference_tables import margin_text
from fer_keras.reporting.render import render
from fer_keras.utils.records import read_object


def design_table(design):
    """Return a design as a table of texts.

    Args:
        design: what `design.keep_design` returned.

    Returns:
        A DataFrame, one row a fact, with the column `value`.
    """
    faces = {json.dumps(each): each for each in design["data"].values()}
    facts = {
        "question": design["question"],
        "arms": "; ".join(design["arms"]),
        "reference arm": design["reference"],
        "factors": "; ".join(
            f"{name}: {', '.join(map(str, levels))}" for name, levels in design["factors"].items()
        ),
        **{name: design["arms"][design["reference"]][name] for name in design["chosen_later"]},
        "faces": "; ".join(map(_faces_in_words, faces.values())),
        "seeds": ", ".join(map(str, design["seeds"])),
        "primary score": design["primary"],
        "margin of equality": margin_text(design["margin"]),
        "tests": "; ".join(map(_family_in_words, design["families"])),
        "versions": ", ".join(" ".join(pair) for pair in design["versions"].items()),
        "written": design["date"],
    }
    facts = {name: value for name, value in facts.items() if value}
    return pd.Series(facts, name="value").rename_axis("design").to_frame()


def design_in_words(comparison):
    """Return what a design is, and what was added after it, as Markdown.

    Args:
        comparison: the `Comparison`, with a `design`.
    """
    return render("design.md.j2", design=comparison.design, additions=additions(comparison))


def additions(comparison):
    """Return what differs between a comparison and its design.

    Args:
        comparison: the `Comparison`, with a `design`.

    Returns:
        A list of sentences; empty if nothing differs.
    """
    design, seeds = comparison.design, comparison.seeds
    day, planned = design["date"].split()[0], design["seeds"]
    sentences = []
    if added := [seed for seed in seeds if seed not in planned]:
        were = "were" if len(added) > 1 else "was"
        sentences.append(f"{_seeds(added)} {were} added after the first design of {day}.")
    if missing := [seed for seed in planned if seed not in seeds]:
        are = "are" if len(missing) > 1 else "is"
        sentences.append(f"{_seeds(missing)} of the design {are} left out here.")
    runs = [seed in own for own in comparison.runs.values() for seed in seeds if seed in planned]
    if absent := runs.count(False):
        are = "are" if absent > 1 else "is"
        sentences.append(f"{absent} of its {len(runs)} runs {are} missing.")
    if abs(design["margin"] - comparison.margin) > 1e-9:
        planned, now = margin_text(design["margin"]), margin_text(comparison.margin)
        sentences.append(f"The margin of equality was {planned} in the design, and is {now} here.")
    sentences += _changed_factors(comparison) + _added_tests(comparison)
    for arm, recipe in comparison.arms.items():
        if arm in comparison.added_arms:
            sentences.append(f"The arm {arm} is not in the design.")
        else:
            sentences += _changed_arm(design, arm, recipe, comparison.runs.get(arm, {}))
    return sentences


def _changed_factors(comparison):
    planned, now = list(comparison.design["factors"]), list(comparison.factors)
    if planned == now:
        return []
    words = [", ".join(names) or "none" for names in (planned, now)]
    return [f"The crossed factors were {words[0]} in the design, and are {words[1]} here."]


def _added_tests(comparison):
    has_votes = (comparison.directory / VOTES).is_file()
    known, arms = comparison.design["families"], [*comparison.arms]
    now = families(arms, comparison.factors, has_votes, comparison.minutes)
    return [
        f"This was added to the tests afterwards: {_family_in_words(family)}."
        for family in now
        if family not in known
    ]


def _changed_arm(design, arm, recipe, runs):
    """Return what differs between an arm and its design, as sentences."""
    sentences, fields = [], json.loads(json.dumps(recipe.as_json(), default=str))
    for field, value in design["arms"][arm].items():
        if fields.get(field) != value and field not in design["chosen_later"]:
            now = f"{fields.get(field)} here"
            sentences.append(f"The arm {arm} had {field} {value} in the design, and has {now}.")
    first = runs.get(design["seeds"][0])
    path = first and first.directory / "recipe.json"
    if path and path.is_file():
        faces = read_object(path, data=dict)["data"]
        if faces["sha256"] != design["data"][arm]["sha256"]:
            sentences.append(f"The faces of the arm {arm} are others than in the design.")
    return sentences


def _faces_in_words(faces):
    parts = {"train": "training", "validation": "validation", "test": "test"}
    counts = ", ".join(f"{faces[part]:,} {name}" for part, name in parts.items())
    return f"{faces['name']}: {counts} images (SHA-256 {faces['sha256'][:12]}…)"


def _family_in_words(family):
    if family["correction"] == "none":
        return family["tests"]
    return f"{family['tests']}, by {family['score']}, corrected by {family['correction']}"


def _seeds(seeds):
    """Return seeds in words, such as `Seeds 3 to 9` or `Seeds 3 and 7`."""
    seeds = sorted(seeds)
    if len(seeds) == 1:
        return f"Seed {seeds[0]}"
    if len(seeds) > 2 and all(second - first == 1 for first, second in pairwise(seeds)):
        return f"Seeds {seeds[0]} to {seeds[-1]}"
    return f"Seeds {', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"
