"""Picture files -> faces, a table and annotated copies: `fer-keras predict`."""

import csv
import os
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.predict.detection import Box, FaceDetector
from fer_keras.predict.overlay import Face, annotate
from fer_keras.predict.predictor import Predictor, face_image, is_shipped, read_picture
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import whole_file

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
TIGHT_CROP_SIDE = 120
"""A picture of about square form whose longer side has at most this many pixels is one face.

Data sets of faces have 48 (FER2013) to 100 (RAF-DB), and detectors miss many of theirs.
"""
DETECTION_SIDE = 1280
COPY_SIDES = (480, 1600)
"""The longer side of an annotated copy lies between these, so that its bars can be read."""


def predict(source, paths, out=None, whole_image=False, detector="mtcnn"):
    """Find the faces in photos, predict their expressions, and write a table and copies.

    Args:
        source: a run directory, or one of `shipped.SHIPPED`.
        paths: picture files, and folders to search for them.
        out: folder to write to, absent or empty; `None` makes one, named by the time, in
            `predictions/` in the run directory, or here for a network that was shipped.
        whole_image: whether each picture is one face, not to be looked for.
        detector: one of `detection.DETECTORS`.

    Returns:
        The `Path` of the table `predictions.csv`: a row a face, or a row a picture without one.

    Raises:
        InputError: if the run, a path, the folder or the detector is impossible. A picture that
            cannot be read is a row of the table.
    """
    files, num_ignored = list_pictures(paths)
    out = _output_folder(source, out)
    predictor = Predictor(source)
    find = None if whole_image else FaceDetector(detector, DETECTION_SIDE)
    rows, copies = [], set()
    for file in files:
        found = _predict_file(file, predictor, find, out, copies)
        print(f"{found[0]['file']}: {_in_words(found)}", flush=True)
        rows += found
    columns = ["file", "how", *Box._fields, "class", *predictor.class_names, "copy", "reason"]
    _write_table(out / "predictions.csv", columns, rows)
    print(_summary(files, rows, num_ignored))
    print(out / "predictions.csv")
    return out / "predictions.csv"


def list_pictures(paths):
    """Return the picture files to read, and how many files of folders are none.

    Args:
        paths: files, taken whatever they are called, and folders, searched with all that is in
            them, but for hidden entries, for files with one of `EXTENSIONS`.

    Raises:
        InputError: if a path does not exist, or there is no picture at all.
    """
    files, num_ignored = [], 0
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; name a picture or a folder of pictures.")
        if not path.is_dir():
            files.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            visible = sorted(name for name in names if not name.startswith("."))
            pictures = [name for name in visible if name.lower().endswith(EXTENSIONS)]
            files += [Path(folder, name) for name in pictures]
            num_ignored += len(names) - len(pictures)
    files = list(dict.fromkeys(files))
    if not files:
        raise InputError(
            f"There is no picture in {', '.join(map(str, paths))}; pictures end in "
            f"{', '.join(EXTENSIONS)}."
        )
    return files, num_ignored


def find_boxes(picture, detector):
    """Return where a picture's faces are.

    Args:
        picture: a `Picture`.
        detector: a `FaceDetector`; `None` takes the whole picture as one face.

    Returns:
        How they were found (`"detected"`, `"tight crop"`, `"whole image"` or `"no face"`), and
        a list of `Box`es.
    """
    height, width = picture.gray.shape
    everything = Box(0, 0, width, height)
    if detector is None:
        return "whole image", [everything]
    if max(width, height) <= TIGHT_CROP_SIDE and 3 / 4 <= width / height <= 4 / 3:
        return "tight crop", [everything]
    boxes = detector(np.asarray(picture.colour))
    return ("detected" if boxes else "no face"), boxes


def _output_folder(source, out):
    if out is None:
        base = Path() if is_shipped(source) else Path(source)
        out = base / "predictions" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    out = Path(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out} exists and is not empty; name a new folder with --out.")
    return out


def _predict_file(file, predictor, detector, out, copies):
    """Return a file's rows, after writing its annotated copy, whose name is added to `copies`."""
    row = {"file": str(file).encode("utf-8", "backslashreplace").decode()}
    try:
        picture = read_picture(file)
    except InputError as error:
        return [row | {"how": "refused", "reason": str(error)}]
    how, boxes = find_boxes(picture, detector)
    if not boxes:
        hint = "try another --detector, or --whole-image if the picture is a face alone"
        return [row | {"how": how, "reason": hint}]
    images = np.stack([face_image(picture.gray, box) for box in boxes])
    faces = [Face(box, scores) for box, scores in zip(boxes, predictor(images))]
    copy = _new_name(file.stem, copies)
    _write_copy(picture.colour, faces, predictor.class_names, out / copy)
    return [
        row
        | {"how": how, **face.box._asdict(), "copy": copy}
        | {"class": predictor.class_names[int(np.argmax(face.probabilities))]}
        | {name: f"{p:.6f}" for name, p in zip(predictor.class_names, face.probabilities)}
        for face in faces
    ]


def _new_name(stem, taken):
    """Return `stem.jpg`, or if taken, in any case, one like `stem-2.jpg`; add it to `taken`."""
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


def _write_table(path, columns, rows):
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _in_words(rows):
    if rows[0]["how"] in ("refused", "no face"):
        return f"{rows[0]['how']} ({rows[0]['reason']})"
    labels = [f"{row['class']} {float(row[row['class']]):.0%}".replace("%", " %") for row in rows]
    return f"{', '.join(labels)} ({rows[0]['how']})"


def _summary(files, rows, num_ignored):
    hows = [row["how"] for row in rows]
    refused, without = hows.count("refused"), hows.count("no face")
    ignored = f"; {num_ignored} other file(s) in folders ignored" if num_ignored else ""
    return (
        f"{len(files)} picture(s): {len(rows) - refused - without} face(s); {without} without a "
        f"face, {refused} refused{ignored}."
    )
