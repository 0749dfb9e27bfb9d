"""Tables of runs on corrupted images, other pixels and other data."""

import numpy as np
import pandas as pd

from fer_keras.comparison import robustness
from fer_keras.comparison.cross_dataset import STORAGES, notes_on_others, storage_crossed
from fer_keras.comparison.estimates import by_images, estimate, mean_and_difference
from fer_keras.comparison.publish import without_paths
from fer_keras.comparison.results import across_data_sets
from fer_keras.evaluation.chance import group_means
from fer_keras.evaluation.intervals import SCORES
from fer_keras.reporting.difference_tables import points_text
from fer_keras.reporting.render import literal
from fer_keras.reporting.score_tables import SCORE_NAMES, interval_text

PIXELS_OF = {"csv": "the CSV's pixels", "folder": "the JPEG images"}


def across_table(comparison):
    """Return each arm's scores on other data than its own, as text.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame of texts, one row a data set, set of its images and arm; empty where nothing
        was tested elsewhere. The difference is one of accuracy, in points.
    """
    table = across_data_sets(comparison)
    rows = []
    for row in table.to_dict("records"):
        counted = f"{row['split']} ({row['images']:,} in {row['groups']:,} groups)"
        texts = {"tested on": f"{row['tested on']}: {counted}", "arm": row["arm"]}
        texts |= {"trained on": row["trained on"], "seeds": row["seeds"]}
        texts |= {SCORE_NAMES[name]: interval_text(*_with_ends(row, name)) for name in SCORES}
        texts[f"minus {row['reference']}, points"] = _points(*_with_ends(row, "difference"))
        rows.append(texts)
    return _filled(rows).set_index(["tested on", "arm"]) if rows else pd.DataFrame()


def robustness_summary(found):
    """Return each arm's accuracy over all corruptions, as text.

    Args:
        found: what `comparison.robustness.robustness` returned, not empty.

    Returns:
        A DataFrame of texts, one row an arm. The difference is one of the means, in points.
    """
    rows = [
        {
            "arm": row["arm"],
            "seeds": row["seeds"],
            "images": f"{row['images']:,}",
            "uncorrupted": interval_text(*_with_ends(row, "uncorrupted")),
            "mean over the corruptions": interval_text(*_with_ends(row, "mean")),
            f"minus {row['reference']}, points": _points(*_with_ends(row, "difference")),
        }
        for row in robustness.robustness_table(found).to_dict("records")
    ]
    return _filled(rows).set_index("arm")


def robustness_words(found):
    """Return how robustness was measured, in Markdown.

    Args:
        found: what `comparison.robustness.robustness` returned, not empty.
    """
    seeds = max(map(len, found.values()))
    tested = {tuple(part.ids) for parts in found.values() for part in parts}
    images = {len(ids) for ids in tested}
    runs = f"first {seeds} runs of each arm were" if seeds > 1 else "first run of each arm was"
    said = f"The {runs} tested, on {' or '.join(f'{n:,}' for n in sorted(images))} test images"
    if robustness.MOST_IMAGES in images:
        said += ", the same ones in each arm" if len(tested) == 1 else ", others in each arm"
        said += ", which a hash of their names chose"
    if seeds == 1:
        said += ". With one run an arm, the intervals are about these weights alone"
    return f"{said}."


def storage_table(comparison):
    """Return the accuracy of each arm on the pixels of both storage forms.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame, one row an arm and, for two arms, one for their difference: `arm`, `seeds`,
        for each of `csv`, `folder` and `difference` (folder minus CSV, of the same runs) its value
        and the ends `_low` and `_high` of its 95 % interval over seeds and images; in 0-1. Empty
        where the arms are not paired.
    """
    crossed = storage_crossed(comparison)
    both = {arm: [*forms["csv"], *forms["folder"]] for arm, forms in crossed.items()}
    rows = []
    for arms in by_images(both) if both else ():
        values = {form: {} for form in (*STORAGES, "difference")}
        for arm, parts in arms.items():
            right = np.array([part.is_right for part in parts], float)
            own = np.split(right, 2)
            for form, each in zip(values, (*own, own[1] - own[0])):
                values[form][arm] = group_means(each, parts[0].groups)
        first, *others = arms
        for arm in arms:
            cells = {form: estimate(each, {arm: 1}) for form, each in values.items()}
            rows.append(_cells(arm, len(values["csv"][arm]), cells))
        if len(others) == 1:
            cells = {f: mean_and_difference(v, others[0], first)[1] for f, v in values.items()}
            rows.append(_cells(f"{others[0]} − {first}", "", cells))
    return pd.DataFrame(rows)


def readable_storage(table):
    """Return a table of `storage_table` as text.

    Args:
        table: what `storage_table` returned, not empty.

    Returns:
        A DataFrame of texts, one row an arm; differences are in points.
    """
    rows = []
    for row in table.to_dict("records"):
        write = _points if row["seeds"] == "" else interval_text
        texts = {"trained": row["arm"], "seeds": row["seeds"]}
        texts |= {f"tested on {PIXELS_OF[f]}": write(*_with_ends(row, f)) for f in STORAGES}
        texts["JPEG − CSV, points"] = _points(*_with_ends(row, "difference"))
        rows.append(texts)
    return pd.DataFrame(rows).set_index("trained")


def notes_in_markdown(comparison):
    """Return the notes on data sets that only testing used, as a list.

    Args:
        comparison: the `Comparison`.
    """
    notes = [note for said in notes_on_others(comparison).values() for note in said]
    return "\n".join(f"- {literal(without_paths(note))}" for note in notes)


def _filled(rows):
    """Return rows of texts as a table, without columns that say nothing of any arm."""
    table = pd.DataFrame(rows)
    return table.loc[:, table.ne("").any()]


def _cells(arm, seeds, estimates):
    row = {"arm": arm, "seeds": seeds}
    for form, values in estimates.items():
        row |= dict(zip((form, f"{form}_low", f"{form}_high"), values))
    return row


def _with_ends(row, name):
    return row[name], row[f"{name}_low"], row[f"{name}_high"]


def _points(difference, low, high):
    return points_text({"difference": difference, "low": low, "high": high})
