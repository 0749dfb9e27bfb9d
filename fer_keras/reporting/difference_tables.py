"""Tables of differences between arms."""

import pandas as pd

from fer_keras.comparison.pairs import with_shared_names
from fer_keras.evaluation import differences
from fer_keras.evaluation.differences import PRIMARY, How
from fer_keras.reporting.score_tables import SCORE_NAMES
from fer_keras.utils.errors import InputError


def difference_table(comparison, reference=None):
    """Compare every arm with a reference arm.

    Two storage forms name the same test image in two ways. Arms of other forms that share no name
    are compared on the images that their pixels pair, if the data is or was once at hand.

    Args:
        comparison: the `Comparison`.
        reference: an arm's name; `None` takes the first one.

    Returns:
        A DataFrame like that of `differences.difference_table`; empty for a single arm.

    Raises:
        InputError: if no finished arm is called `reference`.
    """
    finished = [arm for arm, own in comparison.runs.items() if own]
    reference = finished[0] if reference is None else reference
    if reference not in finished:
        raise InputError(f"No arm is called {reference!r}; the arms are {', '.join(finished)}.")
    runs = with_shared_names(comparison, reference)
    return differences.difference_table(runs, reference, comparison.margin)


def readable_differences(table):
    """Return differences as text, in points.

    Args:
        table: what `difference_table` returned.

    Returns:
        A DataFrame of texts, one row an arm and set of test images.
    """
    rows = {}
    for row in table.to_dict("records"):
        text = rows.setdefault((row["arm"], row["test images"]), {})
        name = SCORE_NAMES[row["score"]]
        text[name] = points_text(row)
        if row["score"] == PRIMARY:
            text["p, corrected"] = p_text(row["p_value"])
            text["verdict"] = "" if pd.isna(row["verdict"]) else row["verdict"]
            within = f"probability of less than {margin_text(row['margin'])}"
            text[within] = p_text(row["probability_within"])
        if row["weak classes"]:
            text[f"{name} unsure for"] = row["weak classes"]
        text["images"], text["how"] = f"{row['images']:,}", row["how"]
        text["how"] += f" ({row['seeds']} seeds)" * (row["how"] in OVER_SEEDS)
    found = pd.DataFrame(rows).T.rename_axis(["arm", "test images"]).fillna("")
    found = found.loc[:, (found != "").any()]
    return found[[*found.columns.drop(["images", "how"]), "images", "how"]]


OVER_SEEDS = (How.OVER_SEEDS, How.SEEDS_ALONE)
"""The ways of comparing that say something about arms, and not about two weight files alone."""


def points_text(row):
    """Return a difference and its interval as text.

    Args:
        row: dict with `difference`, `low` and `high`, in 0-1.

    Returns:
        A text in points, such as `+1.2 (-0.3 to +2.7)`.
    """
    if pd.isna(row["difference"]):
        return ""
    interval = f" ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
    return f"{100 * row['difference']:+.1f}" + interval * bool(pd.notna(row["low"]))


def points(value):
    """Return a size in points, such as `1 point` or `2.5 points`.

    Args:
        value: in 0-1.
    """
    text = f"{100 * value:.2g}"
    return f"{text} point{'' if text == '1' else 's'}"


def margin_text(margin):
    """Return a margin of equality in points, in full: `1.25 points`.

    Args:
        margin: in 0-1.
    """
    text = f"{100 * margin:g}"
    return f"{text} point{'' if text == '1' else 's'}"


def p_text(p_value):
    """Return a p value or another probability as text, empty if missing.

    Args:
        p_value: float in 0-1, or NaN.
    """
    if pd.isna(p_value):
        return ""
    return "<0.0001" if p_value < 1e-4 else f"{p_value:.2g}"
