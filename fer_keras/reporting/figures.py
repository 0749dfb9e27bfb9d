"""Figures from arrays and tables: matplotlib `Figure`s, whose label is their alternative text.

Figures are made without pyplot: nothing global, nothing shown twice, no display needed.
"""

import itertools

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from fer_keras.evaluation.predictions import class_accuracy as shares_by_class
from fer_keras.training.history import kept_epoch
from fer_keras.utils.files import whole_file

SHOWS_FACES = "faces"
"""The `gid` of figures that show a data set's images, which may often not be passed on."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
"""Okabe and Ito's colours, told apart by colour-blind readers too."""

DPI = 110


def save(figure, path):
    """Write a figure as PNG, whole or not at all."""
    with whole_file(path) as part:
        figure.savefig(part, dpi=DPI)


def class_balance(counts, title):
    """Draw how many faces each class has.

    Args:
        counts: DataFrame, one row a class, one column a split; numbers of faces.
        title: what stands above the panels.

    Returns:
        A `Figure`: one panel a split, bars labelled with their counts.
    """
    figure, panels = panel_grid(1, len(counts.columns), 3.4, 2.9)
    for panel, split, colour in zip(panels.flat, counts, COLOURS, strict=False):
        bars = panel.barh(counts.index, counts[split], color=colour)
        panel.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8)
        panel.invert_yaxis()
        panel.margins(x=0.2)
        panel.set(title=f"{split} ({counts[split].sum():,})", xticks=[])
        sns.despine(ax=panel, bottom=True)
    totals = "; ".join(
        f"{split}: " + ", ".join(f"{name} {number}" for name, number in counts[split].items())
        for split in counts
    )
    figure.suptitle(title, fontsize=11)
    figure.set_label(f"{title}: bar charts of the number of faces per class. {totals}.")
    return figure


def sample_faces(faces, per_class=8, seed=0):
    """Show some faces of each class, drawn at random.

    Args:
        faces: `Faces`.
        per_class: faces a row.
        seed: integer that fixes the choice.

    Returns:
        A `Figure`: one row a class.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for label in range(len(faces.class_names)):
        members = np.flatnonzero(faces.labels == label)
        chosen = rng.permutation(members)[:per_class]
        row = list(faces.images[chosen])
        row += [np.full(faces.images.shape[1:], 255, np.uint8)] * (per_class - len(row))
        rows.append(np.hstack(row))
    size = faces.images.shape[1]
    figure = Figure(figsize=(per_class * 0.62 + 0.9, len(rows) * 0.62), layout="constrained")
    ax = figure.subplots()
    ax.imshow(np.vstack(rows), cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
    ax.set_yticks(np.arange(len(rows)) * size + size / 2, faces.class_names)
    ax.set_xticks([])
    ax.tick_params(left=False)
    sns.despine(ax=ax, left=True, bottom=True)
    figure.set_gid(SHOWS_FACES)
    figure.set_label(
        f"Up to {per_class} training faces of each class, one row a class: "
        + ", ".join(faces.class_names)
        + "."
    )
    return figure


def training_curves(histories):
    """Draw accuracy and loss by epoch, of training and of validation.

    Args:
        histories: dict from an arm's name to its history DataFrame.

    Returns:
        A `Figure` of two panels; training dashed, validation solid, the kept epoch marked.
    """
    figure, panels = panel_grid(1, 2, 4.6, 3.4)
    for panel, metric in zip(panels.flat, ("accuracy", "loss"), strict=True):
        for (name, history), colour in zip(histories.items(), COLOURS, strict=False):
            epochs = history["epoch"]
            panel.plot(epochs, history[metric], "--", color=colour, label=f"{name}, training")
            if f"val_{metric}" not in history:
                continue
            panel.plot(
                epochs, history[f"val_{metric}"], "-", color=colour, label=f"{name}, validation"
            )
            best = history.iloc[kept_epoch(history)]
            panel.plot(best["epoch"], best[f"val_{metric}"], "o", color=colour)
        panel.set(xlabel="epoch", ylabel=metric, title=metric.capitalize())
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
        sns.despine(ax=panel)
    handles, names = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, fontsize=8, frameon=False, ncols=4, loc="outside lower center")
    figure.set_label(
        "Accuracy and loss by epoch. "
        + " ".join(_curve_in_words(name, history) for name, history in histories.items())
    )
    return figure


def confusion_matrices(predictions):
    """Draw row-normalised confusion matrices side by side, on one colour scale.

    Args:
        predictions: dict from an arm's name to its `Predictions`.

    Returns:
        A `Figure`, one panel an arm; each cell holds the share of its true class, in per cent,
        and the count.
    """
    figure, panels = panel_grid(1, len(predictions), 5.0, 4.5)
    words = []
    for panel, (name, part) in zip(panels.flat, predictions.items(), strict=True):
        counts = part.confusion()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        texts = [
            [f"{share:.0%}\n{count}" for share, count in zip(*rows, strict=True)]
            for rows in zip(shares, counts, strict=True)
        ]
        sns.heatmap(
            shares,
            vmin=0,
            vmax=1,
            cmap="Blues",
            annot=texts,
            fmt="",
            annot_kws={"fontsize": 7.5},
            square=True,
            linewidths=0.5,
            cbar=False,
            xticklabels=part.class_names,
            yticklabels=part.class_names,
            ax=panel,
        )
        panel.set(title=f"{name} ({len(part.ids):,} images)", xlabel="predicted", ylabel="true")
        panel.tick_params(axis="x", rotation=45)
        panel.tick_params(axis="y", rotation=0)
        recalls = ", ".join(
            f"{label} {share:.0%}"
            for label, share in zip(part.class_names, shares.diagonal(), strict=True)
        )
        words.append(f"{name}: {recalls}.")
    figure.set_label("Confusion matrices; share of each class found. " + " ".join(words))
    return figure


def class_accuracy(predictions):
    """Draw the share of each class's faces that are found, with 95 % intervals.

    Args:
        predictions: dict from a panel's title to its `Predictions`.

    Returns:
        A `Figure`, one panel an entry; the dashed line is the accuracy over all images.
    """
    tables = {name: shares_by_class(part) for name, part in predictions.items()}
    height = 0.36 * max(len(table) for table in tables.values()) + 0.9
    figure, panels = panel_grid(1, len(predictions), 4.2, height)
    words = []
    for panel, (name, table) in zip(panels.flat, tables.items(), strict=True):
        whiskers = (
            table["accuracy"] - table["accuracy_low"],
            table["accuracy_high"] - table["accuracy"],
        )
        panel.barh(table["class"], table["accuracy"], xerr=whiskers, color=COLOURS[0], alpha=0.85)
        overall = np.average(table["accuracy"], weights=table["support"])
        panel.axvline(overall, color="0.2", linestyle="--", linewidth=1)
        panel.invert_yaxis()
        panel.set(title=f"{name} ({overall:.1%} of all)", xlim=(0, 1), xlabel="accuracy of a class")
        sns.despine(ax=panel)
        shares = ", ".join(f"{row['class']} {row['accuracy']:.0%}" for _, row in table.iterrows())
        words.append(f"{name}: {shares}; {overall:.0%} of all.")
    figure.set_label("Share of each class that is found. " + " ".join(words))
    return figure


def f1_by_class(table):
    """Draw each class's F1 for several arms.

    Args:
        table: DataFrame, one row a class, one column an arm; F1 in 0-1.

    Returns:
        A `Figure`: one dot a class and arm, joined by a line.
    """
    figure, panels = panel_grid(1, 1, 6.0, 0.36 * len(table) + 0.9)
    panel = panels.flat[0]
    places = np.arange(len(table))
    panel.hlines(places, table.min(axis=1), table.max(axis=1), color="0.75")
    for arm, colour, marker in zip(table, COLOURS, ("o", "D", "s", "^"), strict=False):
        panel.plot(table[arm], places, marker, color=colour, mfc="none", mew=2, label=arm)
    panel.set_yticks(places, table.index)
    panel.invert_yaxis()
    panel.set(xlim=(0, 1), xlabel="F1")
    panel.grid(axis="x", alpha=0.3)
    panel.legend(fontsize=8, frameon=False, loc="best")
    sns.despine(ax=panel, left=True)
    words = "; ".join(
        f"{label}: " + ", ".join(f"{arm} {value:.2f}" for arm, value in row.items())
        for label, row in table.iterrows()
    )
    figure.set_label(f"F1 by class. {words}.")
    return figure


def gallery(faces, predictions, title, per_row=7, seed=0):
    """Show right and wrong predictions with their probabilities, drawn at random.

    Args:
        faces: the test `Faces`, in the order of `predictions`.
        predictions: `Predictions`.
        title: the arm's name.
        per_row: faces in each of the four rows (two right, two wrong).
        seed: integer that fixes the choice.

    Returns:
        A `Figure`; each face bears the predicted class and its probability, and for wrong ones
        the true class and its probability.
    """
    right = predictions.y_pred == predictions.y_true
    rng = np.random.default_rng(seed)
    figure, panels = panel_grid(4, per_row, 1.05, 1.42)
    for rows, mask, colour in ((panels[:2], right, "#00734d"), (panels[2:], ~right, "#b34700")):
        chosen = rng.permutation(np.flatnonzero(mask))[: rows.size]
        for panel in rows.flat:
            panel.axis("off")
        for panel, index in zip(rows.flat, chosen, strict=False):
            panel.imshow(faces.images[index], cmap="gray", vmin=0, vmax=255)
            panel.set_title(prediction_in_words(predictions, index), fontsize=7, color=colour)
    figure.suptitle(f"{title}: right (green) and wrong (orange) predictions", fontsize=10)
    figure.set_gid(SHOWS_FACES)
    figure.set_label(
        f"{title}: random test faces, {min(right.sum(), 2 * per_row)} predicted rightly and "
        f"{min((~right).sum(), 2 * per_row)} wrongly, each with the predicted class and its "
        "probability, and the true class where it differs."
    )
    return figure


def prediction_in_words(predictions, index):
    """Return two lines on a face: the class predicted and, where it differs, the true one."""
    probabilities = predictions.probabilities[index]
    said, true = predictions.y_pred[index], predictions.y_true[index]
    words = f"{predictions.class_names[said]} {probabilities[said]:.0%}"
    # Every title has two lines, so that the faces stand in line.
    return words + (
        f"\ntrue: {predictions.class_names[true]} {probabilities[true]:.0%}"
        if said != true
        else "\n"
    )


def _curve_in_words(name, history):
    best = history.iloc[kept_epoch(history)]
    training = f"training accuracy ends at {history['accuracy'].iloc[-1]:.3f}."
    if "val_accuracy" not in history:
        return f"{name}: {training}"
    return (
        f"{name}: validation accuracy is highest, {best['val_accuracy']:.3f}, at epoch "
        f"{best['epoch']:.0f}; {training}"
    )


def panel_grid(rows, columns, width, height):
    """Return an empty `Figure` and its 2-D array of axes, each `width` by `height` inches."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def accuracy_over_minutes(histories, budget):
    """Draw validation accuracy by minutes of training, on a logarithmic axis.

    Args:
        histories: dict from a network's name to its history DataFrame; at most 8.
        budget: minutes to mark by a vertical line.

    Returns:
        A `Figure`: one line a network, a point an epoch.
    """
    figure, panels = panel_grid(1, 1, 7.6, 4.2)
    panel = panels.flat[0]
    ranked = sorted(histories, key=lambda name: -histories[name]["val_accuracy"].max())
    looks = dict(zip(histories, zip(itertools.cycle(COLOURS), "oDs^vPX*"), strict=False))
    for name in ranked:
        minutes = histories[name]["seconds"].cumsum() / 60
        accuracy = histories[name]["val_accuracy"]
        colour, marker = looks[name]
        label = f"{name}, best {accuracy.max():.3f}"
        panel.plot(minutes, accuracy, color=colour, marker=marker, markersize=5, label=label)
    panel.axvline(budget, color="0.4", linestyle=":")
    panel.text(
        budget, 0.01, f" {budget:g} min", transform=panel.get_xaxis_transform(), color="0.35"
    )
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set(xlabel="minutes of training, with validation", ylabel="validation accuracy")
    panel.grid(alpha=0.3)
    sns.despine(ax=panel)
    figure.legend(fontsize=9, frameon=False, loc="outside right upper")
    figure.set_label(
        f"Validation accuracy by minutes of training; {budget:g} minutes are marked. "
        + " ".join(_accuracy_in_words(name, histories[name], budget) for name in ranked)
    )
    return figure


def _accuracy_in_words(name, history, budget):
    minutes = history["seconds"].cumsum() / 60
    reached = history["val_accuracy"][minutes <= budget]
    within = f"reaches {reached.max():.3f}" if len(reached) else "has not finished an epoch"
    return (
        f"{name}: {within} within them, and {history['val_accuracy'].max():.3f} at best, in "
        f"{len(history)} epochs and {minutes.iloc[-1]:.2g} minutes."
    )
