"""Predict the expressions in picture files: `fer-keras predict`."""

import csv
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.predict.detection import Box, FaceDetector
from fer_keras.predict.overlay import Face, annotate
from fer_keras.predict.predictor import Predictor, face_image, is_pretrained, read_picture
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
TIGHT_CROP_SIDE = 120
"""A roughly square picture of at most so many pixels a side is one face, as in the data sets."""
COPY_SIDES = (480, 1600)
"""The longer side of an annotated copy lies between these, so that its bars can be read."""
MAX_STEM_BYTES = 150
NUM_SHOWN, COLUMNS, PANEL_INCHES = 12, 3, (2.9, 2.2)


def predict(source, paths, out=None, whole_image=False):
    """Find faces in pictures and write their expressions and copies.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        paths: picture files, and folders to search for files that end in `EXTENSIONS`.
        out: folder to write to, absent or empty. `None` makes `predictions/<time>` in the run
            directory, or here for a network that comes with the package.
        whole_image: whether each picture is one face, so that none is looked for.

    Returns:
        The `Path` of `predictions.csv`: one row a face, or a picture without one or unreadable.

    Raises:
        InputError: if the run, a path or the folder is impossible.
    """
    files, num_ignored = _list_pictures(paths)
    out = _output_folder(source, out)
    predictor = Predictor(source)
    find = None if whole_image else FaceDetector()
    columns = ["file", "how", *Box._fields, "class", *predictor.class_names, "copy", "reason"]
    table, hows, copies = out / "predictions.csv", Counter(), set()
    out.mkdir(parents=True, exist_ok=True)
    # Row by row, so that who stops it has a table of what was done.
    with open(table, "w", newline="", encoding="utf-8") as written:
        writer = csv.DictWriter(written, columns)
        writer.writeheader()
        for file in files:
            rows = _predict_file(file, predictor, find, out, copies)
            print(f"{rows[0]['file']}: {_in_words(rows)}", flush=True)
            writer.writerows(rows)
            written.flush()
            hows.update(row["how"] for row in rows)
    num_faces = hows.total() - hows["no face"] - hows["refused"]
    ignored = f"; {num_ignored} other file(s) in folders ignored" if num_ignored else ""
    print(
        f"{len(files)} picture(s): {num_faces} face(s); {hows['no face']} without a face, "
        f"{hows['refused']} refused{ignored}.\n{table}"
    )
    return table


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


def _output_folder(source, out):
    if out is None:
        base = Path() if is_pretrained(source) else Path(str(source))
        out = base / "predictions" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    out = Path(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; name a new folder with --out.")
    return out


def _list_pictures(paths):
    """Return the pictures in files and folders, and the number of other visible files in these."""
    files, num_ignored = [], 0
    for path in (Path(str(path)) for path in paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; name a picture or a folder of pictures.")
        if path.is_file():
            files.append(path)  # whatever its name
            continue
        if not path.is_dir():
            raise InputError(f"{path} is neither a file nor a folder; name a picture.")
        inside = sorted(path.rglob("*"), key=lambda file: (file.parent, file.name))
        is_hidden = [any(part[0] == "." for part in f.relative_to(path).parts) for f in inside]
        visible = [f for f, hidden in zip(inside, is_hidden) if not hidden and f.is_file()]
        pictures = [file for file in visible if file.suffix.lower() in EXTENSIONS]
        files += pictures
        num_ignored += len(visible) - len(pictures)
    if not files:
        raise InputError(
            f"There is no picture in {', '.join(map(str, paths))}; pictures end in "
            f"{', '.join(EXTENSIONS)}."
        )
    return list(dict.fromkeys(files)), num_ignored


def _find_boxes(pixels, detector):
    """Return how a picture's faces were found, and a list of `Box`."""
    height, width = pixels.shape[:2]
    everything = [Box(0, 0, width, height)]
    if detector is None:
        return "whole image", everything
    if max(width, height) <= TIGHT_CROP_SIDE and 3 / 4 <= width / height <= 4 / 3:
        return "tight crop", everything
    boxes = [found.box for found in detector(pixels)]
    return ("detected" if boxes else "no face"), boxes


def _predict_file(file, predictor, detector, out, copies):
    """Write a file's annotated copy, add its name to `copies`, and return the file's rows."""
    row = {"file": _readable(str(file))}
    try:
        pixels = read_picture(file)
    except InputError as error:
        return [row | {"how": "refused", "reason": str(error)}]
    how, boxes = _find_boxes(pixels, detector)
    if not boxes:
        hint = "give --whole-image if the picture is a face alone"
        return [row | {"how": how, "reason": hint}]
    images = np.stack([face_image(pixels, box) for box in boxes])
    faces = [Face(box, scores) for box, scores in zip(boxes, predictor(images))]
    names, copy = predictor.class_names, _new_name(_readable(file.stem), copies)
    _write_copy(Image.fromarray(pixels), faces, names, out / copy)
    return [
        row
        | {"how": how, **face.box._asdict(), "copy": copy}
        | {"class": names[int(np.argmax(face.probabilities))]}
        | {name: f"{p:.6f}" for name, p in zip(names, face.probabilities)}
        for face in faces
    ]


def _readable(name):
    """Return a file's name as text, bytes that are no UTF-8 escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


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


def _write_copy(picture, faces, class_names, path):
    longer = max(picture.size)
    scale = min(max(longer, COPY_SIDES[0]), COPY_SIDES[1]) / longer
    size = [max(1, round(side * scale)) for side in picture.size]
    faces = [face._replace(box=Box(*(round(v * scale) for v in face.box))) for face in faces]
    copy = annotate(picture.resize(size, Image.Resampling.LANCZOS), faces, class_names, widen=True)
    with whole_file(path) as part:
        copy.save(part, quality=92)


def _in_words(rows):
    how = rows[0]["how"]
    if how in ("refused", "no face"):
        return f"{how} ({rows[0]['reason']})"
    labels = [f"{row['class']} {100 * float(row[row['class']]):.0f} %" for row in rows]
    return f"{', '.join(labels)} ({how})"
