"""Ask two networks about the same faces, for the page of `fer-keras app`."""

import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_keras.predict import app_html
from fer_keras.predict.confidence import reliability
from fer_keras.predict.detection import FaceDetector
from fer_keras.predict.predictor import Predictor, face_image, is_pretrained, keras_model
from fer_keras.utils.errors import InputError

MAX_VIDEO_SECONDS = 60
VIDEO_EVERY = 2  # frames; a page's visitor waits


@dataclass
class Answer:
    """What a network says of the faces of a picture.

    Attributes:
        name: of the network.
        class_names: tuple of str.
        images: uint8 array `(n, 48, 48)`, the faces as the network gets them.
        probabilities: float array `(n, num_classes)`, 0-1.
        reliability: DataFrame of how often it is right by its confidence.
        heat: Grad-CAM's maps, a float array `(n, 48, 48)`; why there are none, str; or `None`.
    """

    name: str
    class_names: tuple
    images: np.ndarray
    probabilities: np.ndarray
    reliability: object
    heat: object = None

    def best(self, number):
        """Return the likeliest class of a face.

        Args:
            number: int, the face's place.
        """
        return self.class_names[int(self.probabilities[number].argmax())]


class Networks:
    """Up to two networks and a face detector, asked by one visitor at a time.

    Args:
        sources: list of run directories or names of `pretrained.PRETRAINED`.

    Raises:
        InputError: if a network is impossible.
    """

    def __init__(self, sources):
        self.names, self._sources = _names(sources), sources
        self._predictors = [Predictor(source) for source in sources]
        self._records = [reliability(source) for source in sources]
        self._detector, self._lock, self._models = FaceDetector(), threading.Lock(), {}

    def page(self, pixels, with_heat=False):
        """Return the HTML of a picture's faces.

        Args:
            pixels: uint8 array `(height, width, 3)`, red, green, blue.
            with_heat: whether to show where each network looks.
        """
        with self._lock:
            boxes = [found.box for found in self._detector(pixels)]
            if not boxes:
                words = "No face of 30 pixels or more was found; try one that looks at the camera."
                return app_html.message_html(words) + app_html.picture_html(pixels, [])
            images = np.stack([face_image(pixels, box) for box in boxes])
            answers = [
                Answer(name, predictor.class_names, images, predictor(images), record)
                for name, predictor, record in zip(self.names, self._predictors, self._records)
            ]
            if with_heat:
                for source, answer in zip(self._sources, answers):
                    answer.heat = self._heat(source, answer)
        return app_html.faces_html(pixels, boxes, answers) + app_html.picture_html(pixels, boxes)

    def video(self, name, path, out):
        """Analyse a video by one of the networks.

        Args:
            name: of the network.
            path: the video file.
            out: folder to write to.

        Returns:
            A `video.Summary`.
        """
        from fer_keras.predict.video import video
        from fer_keras.predict.video_files import VideoReader

        with closing(VideoReader(path)) as reader:
            if reader.num_frames and reader.num_frames > MAX_VIDEO_SECONDS * reader.rate:
                raise InputError(
                    f"The video is longer than {MAX_VIDEO_SECONDS} seconds; use `fer-keras video`."
                )
        with self._lock:
            return video(self._sources[self.names.index(name)], path, out, VIDEO_EVERY)

    def _heat(self, source, answer):
        """Return Grad-CAM's maps, or a sentence where the network allows none."""
        from fer_keras.evaluation.gradcam import grad_cam

        if source not in self._models:
            self._models[source] = keras_model(source)
        part = slice(app_html.MAX_FACES)
        best = answer.probabilities[part].argmax(axis=1)
        try:
            return grad_cam(self._models[source], answer.images[part], best)
        except ValueError as error:
            return str(error)


def _names(sources):
    """Return what to call each network: the last folder of a run, all of them if two end alike."""
    short = [str(s) if is_pretrained(s) else Path(str(s)).resolve().name for s in sources]
    return short if len(set(short)) == len(short) else [str(source) for source in sources]
