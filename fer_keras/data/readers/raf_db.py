"""Read RAF-DB's basic emotions, in the authors' own layout or in Kaggle's."""

import csv
import os
import re
from dataclasses import replace

from fer_keras.data.faces import concatenate
from fer_keras.data.labels import CLASS_NAMES, RAFDB_CLASSES
from fer_keras.data.readers.images import read_pictures
from fer_keras.data.readers.listing import visible_folders
from fer_keras.utils.errors import InputError, first_few
from fer_keras.utils.files import user_path

SPLITS = ("train", "test")
PUBLISHED_COUNTS = {
    "train": dict(zip(RAFDB_CLASSES.values(), (1290, 281, 717, 4772, 1982, 705, 2524))),
    "test": dict(zip(RAFDB_CLASSES.values(), (329, 74, 160, 1185, 478, 162, 680))),
}
"""Split -> class name -> how many faces the complete data set has (Li and Deng: Reliable
Crowdsourcing and Deep Locality-Preserving Learning ..., IEEE Trans. Image Processing, 2019)."""

LIST_PATH = "EmoLabel/list_patition_label.txt"
"""Where the official layout lists its labels; the spelling is the authors'."""
ALIGNED = "Image/aligned"
SUBFOLDERS = ("dataset", "basic")
LABELS = {str(code): CLASS_NAMES.index(name) for code, name in RAFDB_CLASSES.items()}
IMAGE_NAME = re.compile(r"((?:train|test)_[0-9]+)(?:_aligned)?(?i:\.jpg)")
LIST_LINE = re.compile(r"((?:train|test)_[0-9]+)\.jpg\s+([1-7])")


def read_rafdb(directory, on_bad="raise"):
    """Read RAF-DB's basic emotions; colour 100x100 becomes grayscale 48x48.

    Two layouts are known: the official one, `EmoLabel/list_patition_label.txt` and
    `Image/aligned/train_00001_aligned.jpg`; and Kaggle's, `train/<code>/` and `test/<code>/` with
    such images, where `train_labels.csv` and `test_labels.csv`, if there, must agree with the
    folders. The codes are those of `labels.RAFDB_CLASSES`.

    Args:
        directory: the folder that holds a layout, itself or in `DATASET/` or `basic/`.
        on_bad: `"raise"`, or `"skip"` to leave out damaged images and name them in the notes.

    Returns:
        `Splits` of `train` and `test`, each by number, with the classes `CLASS_NAMES` and ids
        such as `"RAF-DB train/train_00001"`: the same for both layouts. Notes say where the
        numbers of faces are not `PUBLISHED_COUNTS`.

    Raises:
        InputError: if there is no layout or more than one, an image is missing, doubled or
            damaged, a label is bad or contradicted, or a split is empty.
    """
    directory = user_path(directory)
    layouts = _find_layouts(directory)
    if len(layouts) != 1:
        raise InputError(
            f"{directory} holds {len(layouts) or 'no'} layouts of RAF-DB; give a folder with one, "
            f"in itself or in DATASET/ or basic/: either {LIST_PATH} and {ALIGNED}/, or train/ "
            "and test/ with folders 1 to 7."
        )
    list_images, place = layouts[0]
    images, ignored = list_images(place)
    train, test = (_pictures(images, split, place) for split in SPLITS)
    splits = read_pictures(train, test, ignored, CLASS_NAMES, directory, on_bad)
    notes = _count_notes(splits.train, "train") + _count_notes(splits.test, "test")
    return replace(splits, notes=(*splits.notes, *notes), name="raf-db")


def read_all_rafdb(directory, on_bad="raise"):
    """Return all `Faces` of RAF-DB, those of `train` first, and the notes.

    Args:
        directory: as for `read_rafdb`.
        on_bad: as for `read_rafdb`.
    """
    splits = read_rafdb(directory, on_bad)
    return concatenate(splits.train, splits.test), splits.notes


def has_rafdb(directory):
    """Return whether a folder holds RAF-DB, in any layout of `read_rafdb`.

    Args:
        directory: the folder, which need not exist.
    """
    return bool(_find_layouts(user_path(directory)))


def _find_layouts(directory):
    """Return pairs of the function that lists a layout and the layout's folder."""
    below = [folder for folder in visible_folders(directory) if folder.name.lower() in SUBFOLDERS]
    layouts = []
    for place in (directory, *below):
        if (place / LIST_PATH).is_file():
            layouts.append((_list_official, place))
        train, test = ([f for f in visible_folders(place / s) if f.name in LABELS] for s in SPLITS)
        # Other data may have classes called 1 and 2 as well, but no images called train_00001.
        if train and test and any(_name_images(folder)[0] for folder in train + test):
            layouts.append((_list_kaggle, place))
    return layouts


def _list_official(place):
    """List the official layout: name -> (path, code), and the paths of other files."""
    list_path, aligned, codes = place / LIST_PATH, place / ALIGNED, {}
    for number, line in enumerate(_read_lines(list_path), 1):
        match = LIST_LINE.fullmatch(line.strip())
        if match and match[1] not in codes:
            codes[match[1]] = match[2]
        elif line.strip():
            fault = "names an image again" if match else "is not an image and a code from 1 to 7"
            raise InputError(
                f"{list_path}, line {number}: {line.strip()[:60]!r} {fault}; mend it to be like "
                "'train_00001.jpg 5' or download the file again."
            )
    found, ignored = _name_images(aligned) if aligned.is_dir() else ({}, [])
    missing = [f"{name}_aligned.jpg" for name in codes if name not in found]
    if missing:
        raise InputError(
            f"{aligned} lacks {len(missing)} image(s) that {list_path} names: "
            f"{first_few(missing)}; unpack aligned.zip there or take out the lines."
        )
    ignored += [path for name, path in found.items() if name not in codes]
    return {name: (found[name], code) for name, code in codes.items()}, ignored


def _list_kaggle(place):
    """List Kaggle's layout: name -> (path, code), and the paths of other files."""
    images, ignored = {}, []
    beside = [place.parent] if place.name.lower() in SUBFOLDERS else []
    for split in SPLITS:
        of_split = {}
        for folder in visible_folders(place / split):
            if folder.name not in LABELS:
                raise InputError(f"{folder} is no class of RAF-DB (1 to 7); rename or remove it.")
            found, others = _name_images(folder)
            ignored += others
            for name, path in found.items():
                _, twin = of_split.get(name, (None, None))
                if twin or not name.startswith(split):
                    fault = f"stands in folder {twin} too" if twin else "is of another split"
                    raise InputError(f"{path} {fault}; remove or move the wrong one.")
                of_split[name] = path, folder.name
        for path in (folder / f"{split}_labels.csv" for folder in (place, *beside)):
            if path.is_file():
                _check_labels(path, of_split)
        images |= of_split
    return images, ignored


def _check_labels(path, images):
    """Raise unless a CSV file of labels agrees with the images' folders."""
    rows = [row for row in csv.reader(_read_lines(path)) if row]
    if not rows or [word.strip().lower() for word in rows[0]] != ["image", "label"]:
        raise InputError(f"{path} must have the columns image,label; remove or replace it.")
    labels = [(IMAGE_NAME.sub(r"\1", row[0].strip()), ",".join(row[1:])) for row in rows[1:]]
    labels += [(name, "") for name in sorted(images.keys() - dict(labels).keys())]
    for name, label in labels:
        _, code = images.get(name, (None, None))
        if label.strip() != code:
            raise InputError(
                f"{path} labels {name} {label.strip() or 'not at all'}, and its folder says "
                f"{code or 'nothing'}; make them agree, or remove the CSV file to go by folders."
            )


def _name_images(folder):
    """Return name -> path of the images in a folder, and the paths of other files."""
    images, others = {}, []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        match = IMAGE_NAME.fullmatch(entry.name)
        if match and match[1] not in images:
            images[match[1]] = entry.path
        else:
            others.append(entry.path)
    return images, others


def _read_lines(path):
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); download it again.") from error


def _pictures(images, split, place):
    """Return the paths, labels and ids of one split, by number."""
    names = [name for name in images if name.startswith(split)]
    if not names:
        raise InputError(f"{place} has no images of the split {split}; give the complete data.")
    names.sort(key=lambda name: (int(name.split("_")[1]), name))
    return [(images[name][0], LABELS[images[name][1]], f"RAF-DB {split}/{name}") for name in names]


def _count_notes(faces, split):
    counts, published = dict(zip(CLASS_NAMES, faces.class_counts())), PUBLISHED_COUNTS[split]
    each = ", ".join(f"{name} {counts[name]} of {count}" for name, count in published.items())
    total = sum(published.values())
    note = f"RAF-DB's split {split} has {len(faces)} of {total} published faces: {each}."
    return [] if counts == published else [note]
