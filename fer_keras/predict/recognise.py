"""Find the faces in pictures and recognise their expressions."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fer_keras.networks.pretrained import DEFAULT_NETWORK
from fer_keras.predict.detection import MIN_FACE, MIN_SCORE, Box, Detection, FaceDetector
from fer_keras.predict.overlay import Face
from fer_keras.predict.predictor import Predictor, face_images, read_picture, require_side
from fer_keras.utils.errors import InputError, require_bools
from fer_keras.utils.files import as_text

EXAMPLE = Path(__file__).parent / "examples" / "eileen_collins.jpg"
"""A photograph to try, in the public domain."""
TIGHT_CROP_SIDE = 120
"""A roughly square picture of at most so many pixels a side is one face, as in the data sets."""
MOST_EVEN = 0.45
"""An icon has more pixels that equal their right neighbour; the weights' README says how many."""
NO_FACE, REFUSED = "no face", "refused"


class Recognition(NamedTuple):
    """What was found in a picture.

    Attributes:
        file: the picture's name as text, bytes that are no UTF-8 escaped.
        how: `"detected"`, `"tight crop"`, `"whole image"`, `NO_FACE` or `REFUSED`.
        faces: list of `Face`, from left to right.
        reason: why there is no face, or `None`.
        pixels: uint8 array `(height, width, 3)`; `None` where the file was refused.
    """

    file: str
    how: str
    faces: list
    reason: str | None
    pixels: np.ndarray | None


class Recogniser:
    """Finds faces and recognises their expressions.

    Args:
        network: a run directory, or one of `pretrained.PRETRAINED`.
        whole_image: whether each picture is one face, so that none is looked for.
        min_score: lowest score of a face, 0-1.
        min_face: lowest height of a face in pixels.

    Raises:
        InputError: if the network or a number is impossible.
    """

    def __init__(
        self,
        network=DEFAULT_NETWORK,
        whole_image=False,
        min_score=MIN_SCORE,
        min_face=MIN_FACE,
    ):
        require_bools(whole_image=whole_image)
        self._whole_image = whole_image
        self._detector = FaceDetector(min_score=min_score, min_face=min_face)
        self._predictor = Predictor(network)
        self.class_names = self._predictor.class_names

    def __call__(self, picture, name=None):
        """Return the `Recognition` of a picture.

        Args:
            picture: a file, or a uint8 array `(height, width)` of grey levels or
                `(height, width, 3)` of red, green and blue.
            name: what to call it; by default the file.
        """
        name = as_text(str(picture)) if name is None else name
        try:
            pixels = _colours(picture) if isinstance(picture, np.ndarray) else read_picture(picture)
        except InputError as error:
            return Recognition(name, REFUSED, [], str(error), None)
        how, found = find_faces(pixels, None if self._whole_image else self._detector)
        if not found:
            hint = "give --whole-image if the picture is a face alone"
            return Recognition(name, NO_FACE, [], hint, pixels)
        shares = self._predictor(face_images(pixels, found))
        faces = [Face(each.box, share, each.score) for each, share in zip(found, shares)]
        return Recognition(name, how, faces, None, pixels)


def find_faces(pixels, detector):
    """Find the faces in a picture; a data set's crop is one face.

    Args:
        pixels: uint8 array `(height, width, 3)`.
        detector: a `FaceDetector`; `None` takes any picture as one face.

    Returns:
        How they were found, as in a `Recognition`, and a list of `Detection`.
    """
    height, width = pixels.shape[:2]
    everything = [Detection(Box(0, 0, width, height), None)]
    if detector is None:
        return "whole image", everything
    if _is_tight_crop(pixels):
        return "tight crop", everything
    found = detector(pixels)
    return ("detected" if found else NO_FACE), found


def _is_tight_crop(pixels):
    """Return whether a picture is so small, square and rich in tones as the faces of a data set."""
    height, width = pixels.shape[:2]
    if max(width, height) > TIGHT_CROP_SIDE or not 3 / 4 <= width / height <= 4 / 3:
        return False
    is_even = (pixels[:, 1:] == pixels[:, :-1]).all(axis=-1)
    return is_even.mean() <= MOST_EVEN


def _colours(array):
    """Return an array as one of red, green and blue."""
    is_gray = array.ndim == 2
    if array.dtype != np.uint8 or not (is_gray or array.shape[2:] == (3,)) or not array.size:
        raise InputError(
            f"an array of {array.dtype} of shape {array.shape}; give uint8 of shape (height, "
            "width), or (height, width, 3) for red, green and blue"
        )
    require_side(*array.shape[1::-1])
    return np.dstack([array] * 3) if is_gray else array
