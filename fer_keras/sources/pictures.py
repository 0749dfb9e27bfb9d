"""Picture files of any kind -> grayscale faces of the networks' size."""

import numpy as np
from PIL import Image, UnidentifiedImageError

from fer_keras.faces import IMAGE_SIZE


def open_picture(path):
    """Decode a picture file: a loaded `PIL.Image.Image`, in its own mode and size.

    Raises:
        Exception: damaged bytes raise anything from OSError to SyntaxError and
            DecompressionBombError; `why_unreadable` says it in words.
    """
    with Image.open(path) as image:
        image.load()
        return image


def to_gray(image):
    """Return a picture of any mode as `PIL.Image.Image` of mode `L`, grey levels 0-255."""
    if image.mode.startswith("I"):
        # Grey levels of 16 bits: Pillow's own conversion clips them at 255.
        levels = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    return image.convert("L")


def to_face(image):
    """Return a picture of a face alone, of any mode and size, as the networks take it.

    Args:
        image: a `PIL.Image.Image`; it is squeezed to a square.

    Returns:
        A `PIL.Image.Image` of mode `L` and 48x48 pixels.
    """
    return to_gray(image).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)


def why_unreadable(path, error):
    """Return a few words on why `open_picture(path)` raised `error`."""
    if not isinstance(error, UnidentifiedImageError):
        return str(error) or type(error).__name__
    with open(path, "rb") as file:
        start = file.read(40)
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the image with git lfs pull"
    return "not an image" if start else "empty file"
