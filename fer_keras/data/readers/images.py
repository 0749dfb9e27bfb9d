"""Picture files of any kind -> grayscale faces of the networks' size."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_keras.data.faces import IMAGE_SIZE, Faces
from fer_keras.data.memory import allocate
from fer_keras.utils.errors import InputError, first_few


def open_picture(path, upright=False):
    """Decode a picture file.

    Args:
        path: the file.
        upright: whether to turn it as its EXIF data says.

    Returns:
        A loaded `PIL.Image.Image`, in its own mode and size.

    Raises:
        InputError: in a few words, if it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image) if upright else image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = Image.MAX_IMAGE_PIXELS / 1e6
        raise InputError(f"more than {limit:.0f} million pixels: scale it down") from error
    except Exception as error:
        # Pillow raises anything from OSError to SyntaxError on damaged bytes.
        raise InputError(" ".join(_why_unreadable(path, error).split())) from error


def to_gray(image):
    """Return a picture in grey levels.

    Args:
        image: a `PIL.Image.Image` of any mode.

    Returns:
        A `PIL.Image.Image` of mode `L`, grey levels 0-255.
    """
    if image.mode.startswith("I"):
        # Grey levels of 16 bits: Pillow's own conversion clips them at 255.
        levels = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    return image.convert("L")


def to_face(image):
    """Return a picture of a face alone as the networks take it.

    Args:
        image: a `PIL.Image.Image` of any mode and size; it is squeezed to a square.

    Returns:
        A `PIL.Image.Image` of mode `L` and 48x48 pixels.
    """
    return to_gray(image).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)


def read_pictures(pictures, class_names, directory, on_bad):
    """Read picture files of faces, each of any size and colour mode.

    Args:
        pictures: sequence of tuples that begin with a file's path, label and id.
        class_names: tuple of the classes that the labels stand for.
        directory: the folder that all files lie in.
        on_bad: `"raise"`, or `"skip"` to leave out the files that cannot be decoded.

    Returns:
        `Faces` in the same order; the positions in `pictures` of those that are kept, an int
        array; a list of the damaged files with their faults; and how many pictures were not
        grayscale 48x48.

    Raises:
        InputError: if a file cannot be decoded, unless these are skipped.
    """
    images = allocate((len(pictures), IMAGE_SIZE, IMAGE_SIZE))
    faults, num_converted = {}, 0
    for place, (path, *_) in enumerate(pictures):
        try:
            image = open_picture(path)
        except InputError as error:
            faults[place] = f"{Path(path).relative_to(directory).as_posix()} ({error})"
            continue
        if image.mode != "L" or image.size != (IMAGE_SIZE, IMAGE_SIZE):
            num_converted += 1
            image = to_face(image)
        images[place] = image
    bad = list(faults.values())
    if bad and on_bad == "raise":
        raise InputError(
            f"{directory} holds {len(bad)} damaged image(s): {first_few(bad)}; replace or remove "
            "them, or leave them out with on_bad='skip'."
        )
    labels = np.array([label for _, label, *_ in pictures], np.int64)
    ids = np.array([name for _, _, name, *_ in pictures], str)
    faces = Faces(images, labels, ids, class_names)
    kept = np.delete(np.arange(len(pictures)), list(faults))
    return faces.select(kept) if bad else faces, kept, bad, num_converted


def _why_unreadable(path, error):
    if not isinstance(error, UnidentifiedImageError):
        return str(error) or type(error).__name__
    with open(path, "rb") as file:
        start = file.read(40)
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the image with git lfs pull"
    return "not an image" if start else "empty file"
