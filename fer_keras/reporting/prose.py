"""The report's prose that depends on the data and the numbers, as Markdown."""

from dataclasses import asdict

import pandas as pd

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.data.loading import TEST_FRACTION
from fer_keras.evaluation.intervals import compare_models
from fer_keras.evaluation.predictions import score_table
from fer_keras.reporting.tables import (
    SCORE_NAMES,
    difference_table,
    headline,
    pipeline_table,
    result_table,
    with_interval,
)

SAME_IMAGES = """
**Protocol `same_images`.** Both arms learn from Training, choose their epoch on the same validation
faces, and are tested on the same test faces, with the same network for the same number of epochs.
Only the storage (exact pixels in the CSV, JPEG in the folders) and the feed differ, unless a
parameter says otherwise: the table below shows every factor.
"""

PUBLISHED = """
**Protocol `published`: as study D did it. These two arms are not comparable.** Warning, before you
read a difference as the effect of CSV against folder:

- **The test images differ.** The CSV arm is tested on a random {test_fraction:.0%} of all rows,
  whatever their `Usage` (which the results name as well); the folder arm on its `test/`.
- **Epochs, augmentation and dropout differ** along with the storage: four factors change at once.
- **Copies leak.** FER2013 holds many exact copies, and a random division puts them on both sides:
  {leaks}.
- **One run each**: nothing says how much another seed would change.

One thing is put right even here: study D also chose by its test images; we choose the epoch on
validation faces cut out of each arm's training part. Where the study gives no figure (batch size,
dropout rate, strength of the augmentation), ours is in the table.
"""


def drawn_notice(command):
    """Say in Markdown that the faces are drawn, and the command that takes real ones."""
    return (
        "> **These faces are drawn, not FER2013.** No real data was found, so the whole job ran on "
        "faces drawn from parameters. The scores show that it works and say nothing about people. "
        f"With real ones: `{command} DATA=folder-with-fer2013`."
    )


def data_notice(prepared):
    """Say in Markdown what data the report is about, drawn faces before all else.

    Args:
        prepared: the `Comparison`.
    """
    if prepared.drawn:
        return drawn_notice("make compare")
    forms = {"CSV": "its CSV of pixel strings", "folder": "its folders of JPEG images"}
    return f"**Data: FER2013**, read from {' and '.join(forms[arm] for arm in prepared.arms)}."


def protocol_notice(prepared, settings):
    """Say in Markdown what the protocol is, its warnings, and what was noticed in the data.

    Args:
        prepared: the `Comparison`.
        settings: its `Settings`.
    """
    if settings.protocol == "published":
        text = PUBLISHED.format(test_fraction=TEST_FRACTION, leaks=_leaks_in_words(prepared))
    else:
        text = SAME_IMAGES
    notes = "".join(f"\n- {note}" for note in prepared.notes)
    return text.strip() + (f"\n\nWhat was noticed in the data:\n{notes}" if notes else "")


def recipe_notice(name, arms, drawn):
    """Say in Markdown what a named recipe is, what to expect of it, and what was noticed.

    Args:
        name: a name in `named_recipes.RECIPES`.
        arms: dict from a data set's name to its `Arm`.
        drawn: whether the faces are drawn.
    """
    named = RECIPES[name]
    if named.study:
        origin = f"after study {named.study}.** It differs from its source"
    else:
        origin = f"ours, made for {named.published}.** It takes up"
    sentences = [f"**Recipe `{name}`, {origin}: {named.differs}."]
    changes = [
        f"{field} is {value!r} instead of {asdict(named.recipe)[field]!r}"
        for field, value in asdict(next(iter(arms.values())).recipe).items()
        if value != asdict(named.recipe)[field]
    ]
    if changes:
        sentences.append(f"Changed for this run: {', '.join(changes)}.")
    elif named.expected and not drawn:
        sentences.append(f"Expect an accuracy of about {named.expected}.")
    notes = [f"{data_set}: {note}" for data_set, arm in arms.items() for note in arm.splits.notes]
    if notes:
        sentences.append("What was noticed in the data:\n\n" + "\n".join(f"- {n}" for n in notes))
    return "\n\n".join([drawn_notice("make train"), *sentences] if drawn else sentences)


def conclusion(runs_of_seeds):
    """Say in Markdown which pipeline is better, by how much, and how sure that is.

    Args:
        runs_of_seeds: dict from a seed to a dict from an arm's name to its `Run`; the first
            seed's models are compared image by image.
    """
    runs = next(iter(runs_of_seeds.values()))
    if len(runs) < 2:
        return _one_arm(runs)
    if len(runs_of_seeds) == 1:
        return _models(runs) + (
            "\n\nThe intervals cover the choice of test images alone. Each arm is one run with one "
            "seed; another seed gives other weights and moves the scores as well, so that a "
            "difference outside the interval is a difference between these two models, not yet "
            "between the two pipelines."
        )
    results = pd.concat([result_table(each) for each in runs_of_seeds.values()])
    return "\n\n".join(
        [
            _pipelines(pipeline_table(results), list(runs)),
            f"**The two models of seed {next(iter(runs_of_seeds))}, image by image.** "
            + _models(runs),
            "These intervals cover the choice of test images; the ones over seeds cover the luck "
            "of training and of which faces are kept for validation, on these test images.",
        ]
    )


def _one_arm(runs):
    [(name, finished)] = runs.items()
    split, part = headline(finished)
    row = score_table(part).iloc[0]
    return (
        f"Only the {name} arm ran: on {split} ({len(part.ids):,} images) its accuracy is "
        f"{with_interval(row, 'accuracy')}. There is nothing to compare it with."
    )


def _pipelines(table, names):
    better = [
        f"in {SCORE_NAMES[row.score]} the {names[row.difference > 0]} pipeline is better"
        for row in table.itertuples()
        if row.low > 0 or row.high < 0
    ]
    verdict = (
        f"these seeds show a difference: {' and '.join(better)}"
        if better
        else "neither pipeline is shown to be better"
    )
    numbers = "; ".join(
        f"{SCORE_NAMES[row.score]} {100 * row.difference:+.1f} ({100 * row.low:+.1f} to "
        f"{100 * row.high:+.1f}, p = {row.p_value:.2g})"
        for row in table.itertuples()
    )
    accuracy = next(row for row in table.itertuples() if row.score == "accuracy")
    needed = accuracy.seeds_needed
    return (
        f"**Over {accuracy.seeds} seeds, {verdict}.** The {names[1]} pipeline minus the "
        f"{names[0]} pipeline, in points, as the mean over seeds with its 95 % interval and the "
        f"paired t test: {numbers}. A run of the {names[1]} pipeline is the more accurate one in "
        f"{accuracy.superiority:.0%} of all pairs of runs. To see a difference in accuracy of "
        "this size in 80 % of studies would take "
        + ("more than 1,000 seeds." if pd.isna(needed) else f"about {needed} seeds.")
    )


def _models(runs):
    """Say which differences of two models' scores lie inside the noise, from the predictions."""
    names = list(runs)
    table = difference_table(runs)
    (split_first, first), (split_second, second) = (headline(run) for run in runs.values())
    if table["paired"].all():
        images = f"Both arms were tested on the same {len(first.ids):,} images ({split_first})"
    else:
        images = (
            f"The arms were tested on different images ({names[0]}: {split_first}, "
            f"{len(first.ids):,}; {names[1]}: {split_second}, {len(second.ids):,})"
        )
    sentences = [
        f"{images}. The {names[1]} arm minus the {names[0]} arm, in points, with 95 % intervals:"
        f" {_differences_in_words(table)}.",
        _verdict(table, names),
    ]
    if table["paired"].all():
        sentences.append(_image_by_image(first, second, names))
    else:
        sentences.append(
            "And because images, epochs, augmentation or dropout differ along with the storage, "
            "no difference here can be laid to the storage alone."
        )
    return "\n\n".join(sentences)


def _image_by_image(first, second, names):
    compared = compare_models(first, second)
    words = (
        f"Of the images that just one of the two models gets right, the {names[0]} arm's gets "
        f"{compared.first_better:,} and the {names[1]} arm's {compared.second_better:,}, identical "
        f"images counted once: McNemar's exact p = {compared.p_value:.2g}."
    )
    clean = ~(first.leaked | second.leaked)
    if clean.all() or not clean.any():
        return words
    row = compare_models(first.select(clean), second.select(clean)).differences.iloc[0]
    return words + (
        f" Without the {(~clean).sum():,} test images of which a copy is among the images to learn "
        f"from, the accuracies differ by {100 * row['difference']:+.1f} points "
        f"({100 * row['low']:+.1f} to {100 * row['high']:+.1f})."
    )


def _leaks_in_words(prepared):
    return "; ".join(
        f"in the {name} arm {arm.splits.leaked().sum():,} of {len(arm.splits.test):,} test images "
        f"({arm.splits.leaked().mean():.1%}) have a copy in the training part"
        for name, arm in prepared.arms.items()
    )


def _differences_in_words(table):
    return "; ".join(
        f"{SCORE_NAMES[row.score]} {100 * row.difference:+.1f} "
        f"({100 * row.low:+.1f} to {100 * row.high:+.1f})"
        for row in table.itertuples()
    )


def _verdict(table, names):
    inside = [SCORE_NAMES[row.score] for row in table.itertuples() if row.inside_noise]
    outside = [
        f"in {SCORE_NAMES[row.score]} the {names[1] if row.difference > 0 else names[0]} arm's "
        "model is better"
        for row in table.itertuples()
        if not row.inside_noise
    ]
    if not outside:
        return (
            "**All three differences lie inside the noise**: on these images, neither arm's "
            "model is shown to be better."
        )
    verdict = f"**Outside the noise: {'; '.join(outside)}.**"
    return verdict + (f" Inside the noise: {', '.join(inside)}." if inside else "")
