"""The report's prose that depends on the data and the numbers, as Markdown."""

from dataclasses import asdict

from fer_keras.comparison import SCORE_NAMES, difference_table, headline, with_interval
from fer_keras.data import TEST_FRACTION
from fer_keras.evaluation import score_table
from fer_keras.recipes import RECIPES

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
        name: a name in `recipes.RECIPES`.
        arms: dict from a data set's name to its `Arm`.
        drawn: whether the faces are drawn.
    """
    named = RECIPES[name]
    sentences = [f"**Recipe `{name}`, after study {named.study}.** It differs from its source: "]
    sentences[0] += f"{named.differs}."
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


def conclusion(runs):
    """Say in Markdown which differences lie inside the noise, computed from the predictions."""
    names = list(runs)
    if len(names) < 2:
        split, part = headline(runs[names[0]])
        row = score_table(part).iloc[0]
        return (
            f"Only the {names[0]} arm ran: on {split} ({len(part.ids):,} images) its accuracy is "
            f"{with_interval(row, 'accuracy')}. There is nothing to compare it with."
        )
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
        "The intervals cover the choice of test images alone. Each arm is one run with one seed; "
        "another seed gives other weights and moves the scores as well, so that a difference "
        "outside the interval is a difference between these two models, "
        "not yet between the two pipelines.",
    ]
    if not table["paired"].all():
        sentences.append(
            "And because images, epochs, augmentation or dropout differ along with the storage, "
            "no difference here can be laid to the storage alone."
        )
    return "\n\n".join(sentences)


def _leaks_in_words(prepared):
    return "; ".join(
        f"in the {name} arm {arm.num_leaked():,} of {len(arm.splits.test):,} test images "
        f"({arm.num_leaked() / len(arm.splits.test):.1%}) have a copy in the training part"
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
