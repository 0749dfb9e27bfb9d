"""Figures of faces and of training, as matplotlib `Figure`s.

A figure's label is its alternative text. Figures are made without pyplot: nothing is global,
nothing is shown twice and no display is needed.
"""

from itertools import cycle

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_keras.reporting.saving import SHOWS_FACES, with_words
from fer_keras.training.history import kept_epoch

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
"""Okabe and Ito's colours, which colour-blind readers can tell apart, too."""

MARKERS = "oDs^vPX*"

PER_CLASS = 8
"""Sample faces of each class."""


def panel_grid(rows, columns, width, height):
    """Return an empty figure with a grid of panels.

    Args:
        rows: number of rows.
        columns: number of columns.
        width: of a panel, in inches.
        height: of a panel, in inches.

    Returns:
        A `Figure` and its axes, an array `(rows, columns)`.
    """
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    sns.despine(figure)
    return figure, panels


def wrapped_panels(count, width, height, per_row=3):
    """Return an empty figure with so many panels, a few in each row.

    Args:
        count: number of panels.
        width: of a panel, in inches.
        height: of a panel, in inches.
        per_row: panels in a row, at most.

    Returns:
        A `Figure` and a list of `count` axes.
    """
    columns = min(count, per_row)
    figure, panels = panel_grid(-(-count // columns), columns, width, height)
    for panel in panels.flat[count:]:
        panel.remove()
    return figure, list(panels.flat[:count])


def picture_grid(rows, per_row, width, height, title=None, names=(), fontsize=7):
    """Show pictures in rows, with words above each.

    Args:
        rows: lists of at most `per_row` pairs of a picture and its words; pictures are arrays
            of grey levels or RGB, 0-255.
        per_row: number of panels in a row.
        width: of a panel, in inches.
        height: of a panel, in inches.
        title: what stands above all.
        names: what stands beside each row; none by default.
        fontsize: of the words, in points.

    Returns:
        A `Figure`, marked as one of faces, and its axes, an array `(rows, per_row)`.
    """
    figure, panels = panel_grid(max(len(rows), 1), per_row, width, height)
    for panel in panels.flat:
        panel.set(xticks=[], yticks=[])
    sns.despine(figure, left=True, bottom=True)
    for panel, name in zip(panels[:, 0], names):
        panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    for row, cells in zip(panels, rows):
        for panel, (picture, words) in zip(row, cells):
            panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            panel.set_title(words, fontsize=fontsize)
    figure.suptitle(title, fontsize=10)
    figure.set_gid(SHOWS_FACES)
    return figure, panels


def listed(names, values, form=""):
    """Return names with their values as text: `happy 12, sad 7`.

    Args:
        names: iterable of texts.
        values: as many numbers.
        form: format of a number, such as `.1%`.
    """
    return ", ".join(f"{name} {value:{form}}" for name, value in zip(names, values, strict=True))


def looks(names):
    """Return a colour and a marker for each name, all different.

    Args:
        names: iterable of up to 56 names.

    Returns:
        A dict from a name to a dict of matplotlib's `color` and `marker`.
    """
    pairs = zip(names, cycle(COLOURS), cycle(MARKERS))
    return {name: {"color": colour, "marker": marker} for name, colour, marker in pairs}


def class_balance(counts, title):
    """Draw how many faces each class has.

    Args:
        counts: DataFrame, one row a class, one column a split; numbers of faces.
        title: what stands above the panels.

    Returns:
        A `Figure` with a panel for each split.
    """
    height = 0.3 * len(counts) + 0.8
    figure, panels = wrapped_panels(len(counts.columns), 3.4, height)
    for panel, split, colour in zip(panels, counts, COLOURS):
        bars = panel.barh(counts.index, counts[split], color=colour)
        panel.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8)
        panel.invert_yaxis()
        panel.margins(x=0.2)
        panel.set(title=f"{split} ({counts[split].sum():,})", xticks=[])
    sns.despine(figure, bottom=True)
    totals = "; ".join(f"{split}: {listed(counts.index, counts[split])}" for split in counts)
    figure.suptitle(title, fontsize=11)
    figure.set_label(f"{title}: bar charts of the number of faces per class. {totals}.")
    return figure


def sample_faces(faces):
    """Show some faces of each class, drawn at random.

    Args:
        faces: `Faces`.

    Returns:
        A `Figure` with a row for each class.
    """
    rng, rows = np.random.default_rng(0), []
    for label in range(len(faces.class_names)):
        chosen = rng.permutation(np.flatnonzero(faces.labels == label))[:PER_CLASS]
        rows.append([(image, "") for image in faces.images[chosen]])
    figure, _ = picture_grid(rows, PER_CLASS, 0.72, 0.68, names=faces.class_names)
    classes = ", ".join(faces.class_names)
    figure.set_label(f"Up to {PER_CLASS} faces of each class, one row a class: {classes}.")
    return figure


def training_curves(histories, seeds=None):
    """Draw accuracy and loss by epoch, of training and of validation.

    Args:
        histories: dict from an arm's name to its history DataFrame.
        seeds: dict from an arm's name to a dict from a seed to its history; these are thin lines
            that say their seed under the pointer. None draws none.

    Returns:
        A `Figure` of two panels: training dashed, validation solid, a dot at the kept epoch.
    """
    columns = 2  # more would be too wide for a phone
    figure, panels = panel_grid(1, 2, 4.6, 3.2 + 0.4 * len(histories) / columns)
    colours = {name: look["color"] for name, look in looks(histories).items()}
    for panel, metric in zip(panels.flat, ("accuracy", "loss")):
        for name, history in histories.items():
            line = {"color": colours[name], "label": f"{name}, training"}
            panel.plot(history["epoch"], history[metric], "--", **line)
            if f"val_{metric}" in history:
                line["label"] = f"{name}, validation"
                panel.plot(history["epoch"], history[f"val_{metric}"], "-", **line)
                best = history.iloc[kept_epoch(history) - 1]
                panel.plot(best["epoch"], best[f"val_{metric}"], "o", color=colours[name])
            _draw_seeds(panel, metric, name, (seeds or {}).get(name, {}), colours[name])
        panel.set(xlabel="epoch", ylabel=metric, title=metric.capitalize())
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
    entries = panels.flat[0].get_legend_handles_labels()
    look = {"fontsize": 8, "frameon": False, "ncols": columns}
    figure.legend(*entries, loc="outside lower center", **look)
    words = " ".join(_curve_in_words(name, history) for name, history in histories.items())
    figure.set_label(f"Accuracy and loss by epoch. {words}")
    return figure


def _draw_seeds(panel, metric, name, seeds, colour):
    for seed, history in seeds.items():
        for column, style in ((metric, "--"), (f"val_{metric}", "-")):
            if column in history:
                look = {"color": colour, "alpha": 0.35, "linewidth": 0.9, "zorder": 1}
                (line,) = panel.plot(history["epoch"], history[column], style, **look)
                best = history.iloc[kept_epoch(history) - 1]
                part = "validation" if style == "-" else "training"
                kept = f"{best[column]:.3f} at the kept epoch, {best['epoch']:.0f}"
                with_words(line, f"{name}, seed {seed}, {part}: {metric} {kept}")


def _curve_in_words(name, history):
    training = f"training accuracy ends at {history['accuracy'].iloc[-1]:.3f}."
    if "val_accuracy" not in history:
        return f"{name}: {training}"
    best = history.iloc[kept_epoch(history) - 1]
    highest = f"{best['val_accuracy']:.3f}, at epoch {best['epoch']:.0f}"
    return f"{name}: validation accuracy is highest, {highest}; {training}"
