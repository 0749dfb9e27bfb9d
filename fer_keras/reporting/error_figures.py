"""Figures of a model's errors and its calibration."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from fer_keras.evaluation.calibration import (
    average_precision_table,
    error_if_calibrated,
    expected_calibration_error,
    reliability_table,
)
from fer_keras.reporting.figures import COLOURS, listed, looks, panel_grid, wrapped_panels

MOST_VALUES = 3
"""Most arms whose average precisions fit above a panel."""

ABOVE = {"loc": "lower left", "bbox_to_anchor": (-0.06, 0.95), "ncols": 3, "frameon": False}
ABOVE |= {"fontsize": 8, "handlelength": 1.6, "columnspacing": 0.8, "handletextpad": 0.4}
"""Where a panel's legend stands: below its title."""


def reliability_diagrams(versions):
    """Draw accuracy by confidence.

    Args:
        versions: dict from a panel's title to its `Predictions`.

    Returns:
        A `Figure`, one column an entry. Above: accuracy with 95 % intervals over the mean
        confidence of each bin; a calibrated model's lies on the dashed line. Below: the images.
    """
    figure, panels = panel_grid(2, len(versions), 3.6, 2.2)
    panels[0, 0].get_gridspec().set_height_ratios([4, 1])
    words = []
    for (above, below), (name, part) in zip(panels.T, versions.items(), strict=True):
        table = reliability_table(part)
        error = expected_calibration_error(part)
        most = error_if_calibrated(part)[1]
        sure, found = table["confidence"], table["accuracy"]
        # An end of the interval may miss a share of 0 or 1 by a rounding error.
        whiskers = np.maximum((found - table["accuracy_low"], table["accuracy_high"] - found), 0)
        above.plot([0, 1], [0, 1], "--", color="0.4", linewidth=1)
        above.errorbar(sure, found, whiskers, fmt="o", color=COLOURS[0], markersize=4)
        floor = f"by chance up to {most:.3f}"
        above.set_title(f"{name}\ncalibration error {error:.3f}, {floor}", fontsize=9)
        above.set_ylabel("accuracy")
        above.set(xlim=(0, 1.01), ylim=(-0.01, 1.01), xticklabels=[])
        widths = table["high"] - table["low"]
        below.bar(table["low"], table["images"], widths, align="edge", color="0.6", edgecolor="w")
        below.set(xlim=(0, 1.01), xlabel="confidence", ylabel="images")
        above.grid(alpha=0.3)
        below.grid(alpha=0.3)
        pairs = listed((f"{accuracy:.0%} at" for accuracy in found), sure, ".0%")
        words.append(f"{name}: calibration error {error:.3f}, {floor}; accuracy {pairs}.")
    figure.set_label("Accuracy by confidence, in bins. " + " ".join(words))
    return figure


def precision_recall_curves(predictions):
    """Draw precision against recall for each class.

    Args:
        predictions: dict from an arm's name to its `Predictions`.

    Returns:
        A `Figure`, one panel a class, with each arm's average precision above it where these are
        few. A dotted line is the share of the class, which a ranking by chance would reach.
    """
    names = list(dict.fromkeys(name for part in predictions.values() for name in part.class_names))
    figure, panels = wrapped_panels(len(names), 2.3, 2.3, per_row=4)
    words, curves = [], {}
    for place, (arm, look) in enumerate(looks(predictions).items()):
        part, colour, line = predictions[arm], look["color"], ("-", "--", "-.")[place % 3]
        table = average_precision_table(part).set_index("class")
        for name, row in table.iterrows():
            label = part.class_names.index(name)
            is_class, sure = part.y_true == label, part.probabilities[:, label]
            precision, recall, _ = precision_recall_curve(is_class, sure)
            value = f"{row['average precision']:.2f}"
            panel, look = panels[names.index(name)], {"linestyle": line, "color": colour}
            (curves[arm],) = panel.step(recall, precision, where="post", label=value, **look)
            panel.axhline(row["share"], color=colour, linestyle=":", linewidth=1)
        words.append(f"{arm}: {listed(table.index, table['average precision'], '.2f')}.")
    for place, name in enumerate(names):
        has_values = len(predictions) <= MOST_VALUES
        panels[place].set_title(name, fontsize=10, loc="left", pad=16 if has_values else 6)
        _finish_class(panels[place], place % 2 == 0, place + 4 >= len(names))
        if has_values:
            # Above the panel, for inside it would hide one curve or another.
            panels[place].legend(handles=panels[place].lines[::2], **ABOVE)
    figure.legend(curves.values(), curves, frameon=False, ncols=2, loc="outside lower center")
    figure.suptitle("Precision against recall, with average precisions", fontsize=10)
    figure.set_label("Precision against recall; average precision by class. " + " ".join(words))
    return figure


def _finish_class(panel, is_leftmost, is_lowest):
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    panel.tick_params(labelleft=is_leftmost, labelbottom=is_lowest)
    panel.set(xlabel=is_lowest * "recall", ylabel=is_leftmost * "precision")
    panel.grid(alpha=0.3)


def costly_confusions(predictions, count=6):
    """Return the confusions that cost the most accuracy.

    Args:
        predictions: `Predictions`.
        count: how many to return at most.

    Returns:
        A DataFrame, one row an ordered pair of classes that occurs, the costliest first: `true`,
        `predicted`, `images`, and in 0-1 `share of errors` and `accuracy lost`.
    """
    confusion, names = predictions.confusion(), pd.Index(predictions.class_names)
    np.fill_diagonal(confusion, 0)
    true, said = np.nonzero(confusion)
    table = pd.DataFrame({"true": names[true], "predicted": names[said]})
    table["images"] = confusion[true, said]
    table["share of errors"] = table["images"] / confusion.sum()
    table["accuracy lost"] = table["images"] / len(predictions.ids)
    table = table.sort_values("images", ascending=False, kind="stable", ignore_index=True)
    return table.head(count)
