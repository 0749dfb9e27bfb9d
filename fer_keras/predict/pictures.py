"""Predict the expressions in picture files: `fer-keras predict`."""

import sys
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.networks.pretrained import DEFAULT_NETWORK
from fer_keras.predict.contact_sheet import ContactSheet
from fer_keras.predict.detection import MIN_FACE, MIN_SCORE, Box
from fer_keras.predict.folders import in_words, list_pictures, make_folder, output_folder
from fer_keras.predict.overlay import annotate, as_jpeg
from fer_keras.predict.predictor import is_pretrained, is_run, require_no_comparison
from fer_keras.predict.recognise import NO_FACE, REFUSED, Recogniser
from fer_keras.predict.tables import PRINTED, CsvTable
from fer_keras.utils.errors import InputError, printable
from fer_keras.utils.files import as_text, write_bytes

COPY_SIDES = (480, 1600)
"""The longer side of an annotated copy lies between these, so that its bars can be read."""
MAX_STEM_BYTES = 150
NUM_SHOWN, COLUMNS, PANEL_INCHES = 12, 3, (2.9, 2.2)
TABLE, SHEET = "predictions.csv", "contact_sheet.jpg"


@dataclass
class Summary:
    """What became of the pictures.

    Attributes:
        table: the `Path` of `predictions.csv`, or `None` where no files are written.
        hows: dict from how a face was found, or why none was, to a number of pictures.
        classes: dict from a class to its number of faces.
    """

    table: Path | None = None
    hows: Counter = field(default_factory=Counter)
    classes: Counter = field(default_factory=Counter)

    def __str__(self):
        counts = ", ".join(f"{name} {count}" for name, count in self.classes.most_common())
        return (
            f"{self.hows.total()} picture(s): {self.classes.total()} face(s)"
            f"{f' ({counts})' if counts else ''}; {self.hows[NO_FACE]} without a face, "
            f"{self.hows[REFUSED]} refused"
        )


def predict(
    source,
    paths,
    out=None,
    whole_image=False,
    printed=None,
    min_score=MIN_SCORE,
    min_face=MIN_FACE,
):
    """Find faces in pictures and write their expressions and copies.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        paths: picture files, and folders to search for pictures.
        out: folder to write to, absent or empty. `None` makes `predictions/<time>` in the run
            directory, or here for a network that comes with the package.
        whole_image: whether each picture is one face, so that none is looked for.
        printed: one of `tables.PRINTED` to print the table in that form, and words on standard
            error. Files are written then only where `out` is given.
        min_score: lowest score of a face, 0-1.
        min_face: lowest height of a face in pixels.

    Returns:
        A `Summary`. Its table has one row a face, or a picture without one or unreadable.

    Raises:
        InputError: if the run, a path, the folder or a number is impossible.
    """
    files, ignored = list_pictures(paths)
    out = None if out is None and printed else output_folder(source, out)
    recognise = Recogniser(source, whole_image, min_score, min_face)
    words = sys.stderr if printed else sys.stdout
    summary = Summary(out and out / TABLE)
    with ExitStack() as stack:
        writers = []
        if printed:
            table = PRINTED[printed](sys.stdout, recognise.class_names)
            writers.append(stack.enter_context(closing(table)))
        if out:
            made = _Files(out, recognise.class_names)
            stack.callback(lambda: print(*made.paths(), sep="\n", file=words))  # if stopped, too
            writers.append(stack.enter_context(closing(made)))
        for found in map(recognise, files):
            for writer in writers:
                writer.write(found)
            line = f"{found.file}: {_in_words(found, recognise.class_names)}"
            print(printable(line), file=words, flush=True)
            summary.hows[found.how] += 1
            summary.classes.update(recognise.class_names[face.best] for face in found.faces)
        print(f"{summary}{in_words(ignored)}.", file=words)
    return summary


def split_network(words):
    """Return the network and the pictures that a command line names.

    Args:
        words: list of str. The first is a network if it is one of `pretrained.PRETRAINED` or a run
            directory, and there are others; else the network is `DEFAULT_NETWORK`.

    Returns:
        A network, str, and a list of str.

    Raises:
        InputError: if the first is the folder of a comparison.
    """
    first, *others = words
    require_no_comparison(first)
    if others and (is_pretrained(first) or is_run(first)):
        return first, others
    return DEFAULT_NETWORK, words


class _Files:
    """The table, the annotated copies and the contact sheet in a folder."""

    def __init__(self, out, class_names):
        make_folder(out)
        self._out, self._class_names, self._taken = out, class_names, {SHEET}
        self._file = open(out / TABLE, "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._table = CsvTable(self._file, class_names, with_copies=True)
        self._sheet = ContactSheet(class_names)

    def write(self, found):
        copy = None
        if found.faces:
            copy = _new_name(as_text(Path(found.file).stem), self._taken)
            _write_copy(found, self._class_names, self._out / copy)
            self._sheet.add(found)
        self._table.write(found, copy)

    def paths(self):
        """Return the files to look at: the contact sheet, if there is one, and the table."""
        return [*self._out.glob(SHEET), self._out / TABLE]

    def close(self):
        self._file.close()
        if len(self._taken) > 2:  # copies of several pictures, beside the sheet itself
            self._sheet.write(self._out / SHEET)


def copies_figure(table, folder):
    """Draw the first `NUM_SHOWN` annotated copies that `predict` wrote.

    Args:
        table: DataFrame read from `predictions.csv`.
        folder: the folder of that file and of the copies.

    Raises:
        InputError: if no picture showed a face.
    """
    from fer_keras.reporting import figures  # takes a second, which the command need not wait for

    faces = table.dropna(subset="copy")
    if faces.empty:
        raise InputError("No picture showed a face; set whole_image if each is a face alone.")
    cells, words = [], []
    for copy, rows in list(faces.groupby("copy", sort=False))[:NUM_SHOWN]:
        name = "/".join(Path(rows["file"].iloc[0]).parts[-2:])
        with Image.open(Path(folder) / copy) as picture:
            cells.append((np.asarray(picture), name))
        words.append(f"{name}: {', '.join(rows['class'])}")
    lines = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    figure, _ = figures.picture_grid(lines, COLUMNS, *PANEL_INCHES, fontsize=9)
    figure.set_label(f"Pictures with the predicted expressions. {'; '.join(words)}.")
    return figure


def _new_name(stem, taken):
    """Return `stem.jpg`, or one like `stem-2.jpg` if taken in any case; add it to `taken`."""
    # File systems take 255 bytes, and the file is written under a longer name first.
    stem = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    name, number = f"{stem}.jpg", 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}.jpg"
    taken.add(name.lower())
    return name


def _write_copy(found, class_names, path):
    picture = Image.fromarray(found.pixels)
    longer = max(picture.size)
    scale = min(max(longer, COPY_SIDES[0]), COPY_SIDES[1]) / longer
    size = [max(1, round(side * scale)) for side in picture.size]
    faces = [face._replace(box=Box(*(round(v * scale) for v in face.box))) for face in found.faces]
    copy = annotate(picture.resize(size, Image.Resampling.LANCZOS), faces, class_names, widen=True)
    write_bytes(path, as_jpeg(copy, quality=92))


def _in_words(found, class_names):
    if not found.faces:
        return f"{found.how} ({found.reason})"
    labels = [
        f"{class_names[face.best]} {100 * face.probabilities.max():.0f} %" for face in found.faces
    ]
    return f"{', '.join(labels)} ({found.how})"
