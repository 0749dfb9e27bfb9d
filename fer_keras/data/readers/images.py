"""Read picture files of any kind as grayscale faces of 48x48 pixels."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.data.faces import IMAGE_SIZE, Faces, Splits
from fer_keras.data.memory import allocate
from fer_keras.data.readers.decoding import open_picture, to_gray
from fer_keras.data.readers.listing import EXTENSIONS, UNREAD
from fer_keras.utils.errors import InputError, first_few, require_choice
from fer_keras.utils.files import as_text


def to_face(image):
    """Return a picture of a face alone as networks take it: mode `L`, 48x48.

    Args:
        image: a `PIL.Image.Image` as `open_picture` returns it; it is squeezed to a square.
    """
    return to_gray(image).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)


def read_pictures(train, test, ignored, class_names, directory, on_bad):
    """Read picture files of faces, of any size and colour mode.

    Args:
        train: list of tuples that begin with a file's path, label and id.
        test: as `train`; may be empty.
        ignored: list of the paths of other files and folders, for the notes.
        class_names: tuple of the classes that the labels stand for.
        directory: the `Path` of the folder that all files lie in.
        on_bad: `"raise"`, or `"skip"` to leave out damaged files and name them in the notes.

    Returns:
        `Splits` in the same order.

    Raises:
        InputError: if a file is damaged, unless these are skipped.
    """
    require_choice("on_bad", on_bad, ("raise", "skip"))
    pictures = [*train, *test]
    images = allocate((len(pictures), IMAGE_SIZE, IMAGE_SIZE))
    faults, num_converted = {}, 0
    for place, (path, *_) in enumerate(pictures):
        try:
            image = open_picture(path)
        except InputError as error:
            faults[place] = f"{_relative(path, directory)} ({error})"
            continue
        if image.mode != "L" or image.size != (IMAGE_SIZE, IMAGE_SIZE):
            num_converted += 1
            image = to_face(image)
        images[place] = image
    bad = f"{len(faults)} damaged image(s): {first_few([*faults.values()])}"
    if faults and on_bad == "raise":
        raise InputError(
            f"{directory} holds {bad}; replace or remove them, or leave them out with "
            "on_bad='skip' (--on-bad skip)."
        )
    labels = np.array([label for _, label, *_ in pictures], np.int64)
    ids = np.array([name for _, _, name, *_ in pictures], str)
    faces = Faces(images, labels, ids, class_names)
    if faults:
        faces = faces.select(np.delete(np.arange(len(pictures)), list(faults)))
    count = len(train) - sum(place < len(train) for place in faults)
    others = first_few([_relative(path, directory) for path in ignored])
    below = sum(map(_count_below, ignored))
    visible = [path for path in ignored if not os.path.basename(path).startswith(".")]
    unread = [path for path in visible if path.lower().endswith(UNREAD)]
    example = _relative(unread[0], directory) if unread else ""
    notes = {
        f"Ignored {len(ignored)} other files or folders: {others}.": ignored,
        f"{len(unread):,} of them are pictures of kinds that are not read, such as {example}; turn "
        "them into .jpg or .png.": unread,
        f"{below:,} picture(s) in these folders are not read; move them up into the class's own "
        "folder.": below,
        f"Converted {num_converted} image(s) to grayscale 48x48.": num_converted,
        f"Skipped {bad}.": faults,
    }
    notes = tuple(note for note, is_due in notes.items() if is_due)
    return Splits(faces.select(slice(count)), faces.select(slice(count, None)), notes=notes)


def _count_below(path):
    """Return how many pictures lie in a folder, unless it is hidden or a link."""
    if os.path.basename(path).startswith(".") or os.path.islink(path):
        return 0
    names = [name for _, _, files in os.walk(path) for name in files]
    return sum(name.lower().endswith(EXTENSIONS) and name[0] != "." for name in names)


def _relative(path, directory):
    return as_text(Path(path).relative_to(directory).as_posix())
