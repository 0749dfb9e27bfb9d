"""Picture files of any kind -> grayscale faces of the networks' size."""

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_keras.data.faces import IMAGE_SIZE
from fer_keras.data.memory import allocate
from fer_keras.utils.errors import InputError


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


def decode_faces(paths):
    """Decode picture files of faces.

    Args:
        paths: sequence of files.

    Returns:
        A uint8 array `(n, 48, 48)`, undefined where a file is damaged; a dict from the positions
        of the damaged files to their faults; and how many pictures were not grayscale 48x48.
    """
    images = allocate((len(paths), IMAGE_SIZE, IMAGE_SIZE))
    faults, num_converted = {}, 0
    for place, path in enumerate(paths):
        try:
            image = open_picture(path)
        except InputError as error:
            faults[place] = str(error)
            continue
        if image.mode != "L" or image.size != (IMAGE_SIZE, IMAGE_SIZE):
            num_converted += 1
            image = to_face(image)
        images[place] = image
    return images, faults, num_converted


def _why_unreadable(path, error):
    if not isinstance(error, UnidentifiedImageError):
        return str(error) or type(error).__name__
    with open(path, "rb") as file:
        start = file.read(40)
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the image with git lfs pull"
    return "not an image" if start else "empty file"
