"""Figures from arrays and tables: matplotlib `Figure`s, whose label is their alternative text.

Figures are made without pyplot: nothing global, nothing shown twice, no display needed.
"""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_keras.files import whole_file

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
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
    figure, panels = _panels(1, len(counts.columns), 3.4, 2.9)
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
    figure, panels = _panels(1, 2, 4.6, 3.4)
    for panel, metric in zip(panels.flat, ("accuracy", "loss"), strict=True):
        for (name, history), colour in zip(histories.items(), COLOURS, strict=False):
            epochs = history["epoch"]
            panel.plot(epochs, history[metric], "--", color=colour, label=f"{name}, training")
            panel.plot(
                epochs, history[f"val_{metric}"], "-", color=colour, label=f"{name}, validation"
            )
            best = history.iloc[history["val_accuracy"].argmax()]
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
    figure, panels = _panels(1, len(predictions), 5.0, 4.5)
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


def f1_by_class(table):
    """Draw each class's F1 for several arms.

    Args:
        table: DataFrame, one row a class, one column an arm; F1 in 0-1.

    Returns:
        A `Figure`: one dot a class and arm, joined by a line.
    """
    figure, panels = _panels(1, 1, 6.0, 0.36 * len(table) + 0.9)
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
    figure, panels = _panels(4, per_row, 1.05, 1.42)
    for rows, mask, colour in ((panels[:2], right, "#00734d"), (panels[2:], ~right, "#b34700")):
        chosen = rng.permutation(np.flatnonzero(mask))[: rows.size]
        for panel in rows.flat:
            panel.axis("off")
        for panel, index in zip(rows.flat, chosen, strict=False):
            panel.imshow(faces.images[index], cmap="gray", vmin=0, vmax=255)
            panel.set_title(_prediction_in_words(predictions, index), fontsize=7, color=colour)
    figure.suptitle(f"{title}: right (green) and wrong (orange) predictions", fontsize=10)
    figure.set_label(
        f"{title}: random test faces, {min(right.sum(), 2 * per_row)} predicted rightly and "
        f"{min((~right).sum(), 2 * per_row)} wrongly, each with the predicted class and its "
        "probability, and the true class where it differs."
    )
    return figure


def _prediction_in_words(predictions, index):
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
    best = history.iloc[history["val_accuracy"].argmax()]
    last = history.iloc[-1]
    return (
        f"{name}: validation accuracy is highest, {best['val_accuracy']:.3f}, at epoch "
        f"{best['epoch']:.0f}; training accuracy ends at {last['accuracy']:.3f}."
    )


def _panels(rows, columns, width, height):
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)
