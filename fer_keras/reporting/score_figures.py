"""Figures of scores: confusion matrices, classes, F1 and time."""

import numpy as np
import seaborn as sns
from matplotlib.ticker import LogLocator, NullFormatter

from fer_keras.evaluation.predictions import class_accuracy as shares_by_class
from fer_keras.reporting.figures import (
    COLOURS,
    listed,
    looks,
    panel_grid,
    training_curves,
    wrapped_panels,
)
from fer_keras.reporting.galleries import gallery
from fer_keras.reporting.saving import save
from fer_keras.reporting.score_tables import headline_rows


def accuracy_of_arms(results, scores):
    """Draw each arm's mean accuracy, with its interval and its single runs.

    Args:
        results: what `results.result_table` returned.
        scores: what `score_tables.score_table` returned of it.

    Returns:
        A `Figure`: a row for each arm, a small dot for each seed, and the mean with its 95 %
        interval over seeds and test images; of a single run, over test images.
    """
    means, runs = scores.drop_duplicates("arm"), headline_rows(results)
    figure, [[panel]] = panel_grid(1, 1, 6.0, 0.45 * len(means) + 0.9)
    words = []
    for place, row in enumerate(means.to_dict("records")):
        value, low, high = (row[f"accuracy{end}"] for end in ("", "_low", "_high"))
        reach = np.nan_to_num([[value - low], [high - value]])
        panel.errorbar(value, place, xerr=reach, fmt="D", color=COLOURS[0], capsize=4)
        own = runs.loc[runs["arm"] == row["arm"], "accuracy"]
        panel.plot(own, np.full(len(own), place + 0.22), "o", color="0.35", markersize=3.5)
        words.append(f"{row['arm']}: {value:.3f}, interval {low:.3f} to {high:.3f}")
    panel.set_yticks(range(len(means)), means["arm"])
    panel.set(ylim=(len(means) - 0.5, -0.6), xlabel="accuracy")
    panel.grid(axis="x", alpha=0.3)
    figure.set_label(f"Mean accuracy with 95 % interval; dots are seeds. {'; '.join(words)}.")
    return figure


def confusion_matrices(predictions):
    """Draw confusion matrices on one colour scale.

    Args:
        predictions: dict from a panel's title to its `Predictions`.

    Returns:
        A `Figure`, at most three panels a row. Each cell holds the share of its true class, in
        per cent, and the count.
    """
    num_classes = max(len(part.class_names) for part in predictions.values())
    longest = max(len(name) for part in predictions.values() for name in part.class_names)
    size, per_row = 0.5 * num_classes + 0.08 * longest + 0.8, 3 if num_classes < 9 else 2
    figure, panels = wrapped_panels(len(predictions), size + 0.3, size, per_row)
    words = []
    for panel, (name, part) in zip(panels, predictions.items()):
        counts, shares = part.confusion(), part.confusion(normalised=True)
        cells = [f"{share:.0%}\n{count}" for share, count in zip(shares.flat, counts.flat)]
        look = {"vmin": 0, "vmax": 1, "cmap": "Blues", "cbar": False, "linewidths": 0.5}
        look |= {"annot": np.reshape(cells, shares.shape), "fmt": "", "annot_kws": {"fontsize": 7}}
        names = {"xticklabels": part.class_names, "yticklabels": part.class_names}
        sns.heatmap(shares, square=True, ax=panel, **look, **names)
        panel.set_title(f"{name} ({len(part.ids):,} images)", fontsize=10)
        panel.set(xlabel="predicted", ylabel="true")
        panel.tick_params(axis="x", rotation=90)
        panel.tick_params(axis="y", rotation=0)
        words.append(f"{name}: {listed(part.class_names, shares.diagonal(), '.0%')}")
    figure.set_label(f"Confusion matrices; share of each class found. {'; '.join(words)}.")
    return figure


def class_accuracy(predictions):
    """Draw the share of each class that is found, with 95 % intervals.

    Args:
        predictions: dict from a panel's title to its `Predictions`.

    Returns:
        A `Figure`, at most three panels a row; a dashed line is the accuracy on all images.
    """
    tables = {name: shares_by_class(part) for name, part in predictions.items()}
    height = 0.36 * max(len(table) for table in tables.values()) + 0.9
    figure, panels = wrapped_panels(len(predictions), 4.2, height)
    words = []
    for panel, (name, table) in zip(panels, tables.items()):
        found = table["accuracy"]
        whiskers = (found - table["accuracy_low"], table["accuracy_high"] - found)
        panel.barh(table["class"], found, xerr=whiskers, color=COLOURS[0], alpha=0.85)
        overall = np.average(found, weights=table["support"])
        panel.axvline(overall, color="0.2", linestyle="--", linewidth=1)
        panel.invert_yaxis()
        panel.set_title(f"{name} ({overall:.1%} of all)", fontsize=10)
        panel.set(xlim=(0, 1), xlabel="accuracy of a class")
        words.append(f"{name}: {listed(table['class'], found, '.0%')}; {overall:.0%} of all.")
    figure.set_label("Share of each class that is found. " + " ".join(words))
    return figure


def f1_by_class(table):
    """Draw each class's F1 for every arm.

    Args:
        table: DataFrame, one row a class, one column an arm; F1 in 0-1.

    Returns:
        A `Figure`: a dot for each class and arm, the dots of a class joined by a line.
    """
    figure, [[panel]] = panel_grid(1, 1, 6.0, 0.36 * len(table) + 1.1)
    places = np.arange(len(table))
    panel.hlines(places, table.min(axis=1), table.max(axis=1), color="0.75")
    dots = {"markerfacecolor": "none", "markeredgewidth": 2, "linestyle": "", "clip_on": False}
    for arm, look in looks(table).items():
        panel.plot(table[arm], places, label=arm, **dots, **look)
    panel.set_yticks(places, table.index)
    panel.invert_yaxis()
    panel.set(xlim=(0, 1), xlabel="F1")
    panel.grid(axis="x", alpha=0.3)
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")
    sns.despine(figure, left=True)
    words = (f"{label}: {listed(row.index, row, '.2f')}" for label, row in table.iterrows())
    figure.set_label(f"F1 by class. {'; '.join(words)}.")
    return figure


def accuracy_over_minutes(histories, budget):
    """Draw validation accuracy by minutes of training, on a logarithmic axis.

    Args:
        histories: dict from an arm's name to its history DataFrame, with validation.
        budget: minutes to mark by a vertical line.

    Returns:
        A `Figure`: a line for each arm, a point for each epoch.
    """
    figure, [[panel]] = panel_grid(1, 1, 6.0, 4.0 + 0.1 * len(histories))
    own, words = looks(histories), []
    for name in sorted(histories, key=lambda name: -histories[name]["val_accuracy"].max()):
        minutes = histories[name]["seconds"].cumsum() / 60
        accuracy = histories[name]["val_accuracy"]
        best, reached = accuracy.max(), accuracy[minutes <= budget]
        panel.plot(minutes, accuracy, markersize=5, label=f"{name}, best {best:.3f}", **own[name])
        within = f"reaches {reached.max():.3f}" if len(reached) else "has not finished an epoch"
        words.append(
            f"{name}: {within} within them, and {best:.3f} at best, in {len(accuracy)} epochs and "
            f"{minutes.iloc[-1]:.2g} minutes."
        )
    panel.axvline(budget, color="0.4", linestyle=":")
    place = panel.get_xaxis_transform()
    panel.text(budget, 0.01, f" {budget:g} min", transform=place, color="0.35")
    panel.set_xscale("log")
    ticks = {"major_locator": LogLocator(subs=(1, 2, 5)), "minor_formatter": NullFormatter()}
    panel.xaxis.set(major_formatter="{x:g}", **ticks)
    panel.set(xlabel="minutes of training, with validation", ylabel="validation accuracy")
    panel.grid(alpha=0.3)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    above = f"Validation accuracy by minutes of training; {budget:g} minutes are marked."
    figure.set_label(" ".join([above, *words]))
    return figure


def draw_run(run, test, title):
    """Draw a run's figures into its directory, unless they are there.

    They are `curves.png`, `confusion_matrix.png`, `class_accuracy.png` and `gallery.png`.

    Args:
        run: the `Run`.
        test: the test `Faces` of its predictions; `None` draws no gallery.
        title: what stands above the figures.
    """
    by_split = run.predictions.by_split()
    figures = {
        "curves": lambda: training_curves({title: run.history}),
        "confusion_matrix": lambda: confusion_matrices(by_split),
        "class_accuracy": lambda: class_accuracy(by_split),
    }
    if test is not None:
        figures["gallery"] = lambda: gallery(test, run.predictions, title)
    for name, draw in figures.items():
        path = run.directory / f"{name}.png"
        if not path.is_file():
            save(draw(), path)
