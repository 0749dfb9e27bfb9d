"""Decode picture files: the one way from a file to pixels."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fer_keras.utils.errors import InputError, reason
from fer_keras.utils.extras import how_to_install

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
"""The formats that are opened; others Pillow would give to programs such as Ghostscript."""

MAX_BYTES = 200_000_000
"""Larger files are refused before they are read."""

HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What the header of a HEIC file says it is (ISO/IEC 23008-12)."""

JPEG_START, EXIF = b"\xff\xd8", b"Exif\x00\x00"


def open_picture(path):
    """Return a picture file as it is meant to be seen: upright, and on white.

    Of an animation it is the first frame. Damage that a decoder notices, however small, is refused:
    also what makes Pillow invent the missing pixels of a JPEG.

    Args:
        path: the file.

    Returns:
        A `PIL.Image.Image` of mode `L`, `RGB`, or one of 16 bits, which begins with `I`.

    Raises:
        InputError: in a few words, if it cannot be decoded.
    """
    content = _read(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF data, for example, does no harm
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _opaque(_decode(content))
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(_too_large()) from error
    except Exception as error:
        # Decoders raise anything from OSError to SyntaxError on damaged bytes.
        raise InputError(" ".join(_why_unreadable(content, error).split())) from error


def is_plain(path):
    """Return whether any other reader sees a picture as `open_picture` does.

    It is so unless the picture is turned, has transparent parts, more than 8 bits, or is HEIC.

    Args:
        path: the file of a picture that `open_picture` reads.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
            return not (is_turned or image.has_transparency_data or image.mode[0] in "IF")
    except UnidentifiedImageError:  # a HEIC picture, which others do not read
        return False


def to_gray(image):
    """Return a picture in grey levels, a `PIL.Image.Image` of mode `L`.

    Args:
        image: a `PIL.Image.Image`, as `open_picture` returns it.
    """
    if image.mode.startswith("I"):
        # Grey levels of 16 bits: Pillow's own conversion clips them at 255.
        levels = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    return image.convert("L")


def _read(path):
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise InputError(f"more than {MAX_BYTES // 1_000_000} MB: scale it down")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(str(error.strerror or error)) from error


def _decode(content):
    if content.startswith(JPEG_START):
        return _decode_jpeg(content)
    image = Image.open(BytesIO(content), formats=_formats(content))
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        raise InputError("grey levels of 32 bits, whose range is unknown: save it with 8 or 16")
    image.load()
    return ImageOps.exif_transpose(image)


def _formats(content):
    """Return the formats to try: of a HEIC file that one, if its extra is installed."""
    if content[4:8] != b"ftyp" or content[8:12] not in HEIC_BRANDS:
        return FORMATS
    try:
        import pillow_heif
    except ImportError as error:
        raise InputError(
            f"a HEIC picture: install what reads it with {how_to_install('heic')}, or save it as "
            "JPEG"
        ) from error
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _decode_jpeg(content):
    """Decode a JPEG by libjpeg, whose warnings are errors here; Pillow ignores them."""
    height, width, colours, _ = simplejpeg.decode_jpeg_header(content, strict=True)
    if width * height > Image.MAX_IMAGE_PIXELS:
        raise InputError(_too_large())
    kind = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(colours, "RGB")
    pixels = simplejpeg.decode_jpeg(content, colorspace=kind, strict=True)
    if kind == "CMYK":  # how its colours are meant, Pillow knows
        return ImageOps.exif_transpose(Image.open(BytesIO(content), formats=["JPEG"]))
    image = Image.fromarray(pixels[..., 0] if kind == "GRAY" else pixels)
    if EXIF in content:
        exif = Image.open(BytesIO(content), formats=["JPEG"]).getexif()
        image.getexif()[ExifTags.Base.Orientation] = exif.get(ExifTags.Base.Orientation, 1)
    return ImageOps.exif_transpose(image)


def _opaque(image):
    """Return a picture of any mode with transparent parts white, as `open_picture` returns it."""
    if image.mode.startswith("I"):
        return image
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _too_large():
    return f"more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels: scale it down"


def _why_unreadable(content, error):
    if not isinstance(error, UnidentifiedImageError):
        return reason(error)
    if content.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: fetch the image with git lfs pull"
    return f"not a picture of the kinds {', '.join(FORMATS)}" if content else "empty file"
