"""Draw how the expressions of a video's faces change over time."""

import textwrap
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from fer_keras.predict.tables import probability_columns
from fer_keras.reporting import figures
from fer_keras.utils.files import whole_file

NUM_SHOWN = 4  # faces, those in most frames
NUM_BINS = 400  # over the whole video, at most
HEIGHT = 0.85  # of a probability of 1, in rows of the figure
ROW_INCHES, MARGIN_INCHES = 0.24, 0.75
TITLE = "Probability of each expression, 0 to 100 %; right: share of frames where it is highest"
INCHES_A_LETTER = 0.08  # of the title, about
DPI = 160  # sharp in print
MINUTE = 60
MAX_TICKS, STEPS = 10, (30, 60, 120, 300, 600, 1800, 3600)  # of long videos, in seconds


def timeline_figure(table, class_names, pictures=None, width=9.0):
    """Draw each face's probabilities over time, a row for each class.

    Args:
        table: DataFrame with the columns `second` and `track` and the probability of each class, as
            `fk.analyze_video` returns it.
        class_names: sequence of str.
        pictures: dict from a face's number to a picture of it, uint8 `(n, n)`.
        width: of the figure, in inches.

    Returns:
        A `Figure` with a panel for each of the `NUM_SHOWN` faces that are in most frames.
    """
    counts = table["track"].value_counts()
    shown = sorted(counts.index[:NUM_SHOWN])
    panel_inches = ROW_INCHES * len(class_names) + MARGIN_INCHES
    size = width, max(len(shown), 1) * panel_inches
    figure = Figure(figsize=size, layout="constrained")
    figure.set_gid(figures.SHOWS_FACES)
    if not shown:
        figure.text(0.5, 0.5, "No face was found.", ha="center", fontsize=12)
        figure.set_label("No face was found in the video.")
        return figure
    grid = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(1, 9))
    words = []
    for (portrait, panel), track in zip(grid, shown):
        rows = table[table["track"] == track]
        _show_face(portrait, track, (pictures or {}).get(track))
        words.append(_draw_face(panel, rows, class_names, table["second"]))
    title = textwrap.fill(TITLE, int(0.8 * width / INCHES_A_LETTER))
    grid[0, 1].set_title(title, fontsize=10, loc="left")
    for panel in grid[:-1, 1]:
        panel.tick_params(labelbottom=False)
    grid[-1, 1].set_xlabel("minutes:seconds" if _is_long(table["second"]) else "seconds")
    left_out = len(counts) - len(shown)
    note = f" {left_out} more, in fewer frames, are not drawn." if left_out else ""
    if left_out:
        figure.supxlabel(note.strip(), fontsize=8)
    described = " ".join(f"Face {track}: {text}." for track, text in zip(shown, words))
    figure.set_label(f"Probability of each expression over time. {described}{note}")
    return figure


def save_timeline(table_path, path, class_names, pictures, width):
    """Draw a table's faces into a PNG file that holds its description.

    Args:
        table_path: the CSV file that `video` wrote.
        path: the PNG file to write.
        class_names: sequence of str.
        pictures: dict from a face's number to a picture of it, uint8 `(n, n)`.
        width: of the figure, in inches.
    """
    names = probability_columns(class_names)
    # Two hours of a face are 180,000 rows: half the width of a number is enough here.
    types = dict.fromkeys(["second", *names], np.float32) | {"track": np.int32}
    table = pd.read_csv(table_path, usecols=list(types), dtype=types)
    figure = timeline_figure(table, class_names, pictures, width)
    described = {"Title": "Expressions over time", "Description": figure.get_label()}
    with whole_file(path) as part:
        figure.savefig(part, dpi=DPI, metadata=described)


def _show_face(portrait, track, picture):
    portrait.set_title(f"face {track}", fontsize=10)
    portrait.axis("off")
    if picture is not None:
        portrait.imshow(picture, cmap="gray", vmin=0, vmax=255)


def _draw_face(panel, rows, class_names, seconds):
    """Draw a face's probabilities, a row a class; return when and what it shows in words."""
    shares = rows[probability_columns(class_names)].to_numpy()
    times, means = _binned(rows["second"].to_numpy(), shares, seconds.max())
    frames = np.bincount(shares.argmax(axis=1), minlength=len(class_names)) / len(rows)
    beside = {"transform": panel.get_yaxis_transform(), "color": "#333333", "fontsize": 8}
    bases = np.arange(len(class_names))[::-1]
    for base, values, colour, share in zip(bases, means.T, cycle(figures.COLOURS), frames):
        panel.axhline(base, color="#bbbbbb", linewidth=0.6, zorder=0)
        panel.fill_between(times, base, base + HEIGHT * values, color=colour, alpha=0.4, lw=0)
        panel.plot(times, base + HEIGHT * values, color=colour, linewidth=1)
        panel.text(1.01, base + HEIGHT / 2, f"{share:.0%}", va="center", **beside)
    panel.text(1.01, len(class_names), "highest in", va="bottom", **beside)
    panel.set_yticks(bases + HEIGHT / 2, class_names, fontsize=9)
    panel.tick_params(axis="y", length=0)
    panel.set(xlim=(0, max(float(seconds.max()), 0.1)), ylim=(-0.1, len(class_names)))
    panel.spines[["left", "right", "top"]].set_visible(False)
    if _is_long(seconds):
        step = next((s for s in STEPS if seconds.max() <= MAX_TICKS * s), STEPS[-1])
        panel.xaxis.set_major_locator(MultipleLocator(step))
        panel.xaxis.set_major_formatter(lambda time, _: f"{time // 60:.0f}:{time % 60:02.0f}")
    order = [place for place in np.argsort(-frames)[:3] if frames[place]]
    listed = ", ".join(f"{class_names[place]} in {frames[place]:.0%}" for place in order)
    first, last = rows["second"].iloc[[0, -1]]
    return f"{first:.1f} to {last:.1f} seconds, {listed} of {len(rows)} frames"


def _binned(times, shares, end):
    """Return times and mean probabilities `(bins, classes)`, not a number where there is no face.

    A bin holds two frames or more, so that no gap is drawn between frames.
    """
    step = np.median(np.diff(times)) if len(times) > 1 else 0
    width = max(end / NUM_BINS, 2 * step, 1e-3)
    bins = (times / width).astype(int)
    counts = np.bincount(bins)
    sums = np.stack([np.bincount(bins, column) for column in shares.T], axis=1)
    with np.errstate(invalid="ignore"):
        means = sums / counts[:, np.newaxis]
    return (np.arange(len(counts)) + 0.5) * width, means


def _is_long(seconds):
    return seconds.max() > 2 * MINUTE
