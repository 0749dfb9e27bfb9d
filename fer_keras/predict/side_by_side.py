"""Ask two networks about the same faces, for the page of `fer-keras app`."""

import threading
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer_keras.predict import app_html
from fer_keras.predict.confidence import reliability
from fer_keras.predict.detection import MIN_FACE, FaceDetector
from fer_keras.predict.predictor import (
    Predictor,
    face_images,
    keras_model_and_classes,
    short_name,
)
from fer_keras.predict.recognise import find_faces
from fer_keras.predict.tables import read_faces
from fer_keras.predict.video_files import VideoReader
from fer_keras.predict.video_outputs import TABLE
from fer_keras.utils.errors import InputError

MAX_VIDEO_SECONDS = 60
TOO_LONG = f"The video is longer than {MAX_VIDEO_SECONDS} seconds; use `fer-keras video`."
VIDEO_EVERY = 2  # frames; a page's visitor waits
TIMELINE_INCHES = 5.6  # narrow, so that its letters are read beside another one


@dataclass
class Answer:
    """What a network says of the faces of a picture.

    Attributes:
        name: of the network.
        class_names: tuple of str.
        images: uint8 array `(n, 48, 48)`, the faces as the network gets them.
        probabilities: float array `(n, num_classes)`, 0-1.
        reliability: the `Reliability`, how often it is right by its confidence.
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
            _, found = find_faces(pixels, self._detector)
            boxes = [each.box for each in found]
            if not boxes:
                words = f"No face of {MIN_FACE} pixels or more was found; "
                words += "try one that looks at the camera."
                return app_html.message_html(words) + app_html.picture_html(pixels, [])
            images = face_images(pixels, found)
            answers = [
                Answer(name, predictor.class_names, images, predictor(images), record)
                for name, predictor, record in zip(self.names, self._predictors, self._records)
            ]
            if with_heat:
                for source, answer in zip(self._sources, answers):
                    answer.heat = self._heat(source, answer)
        return app_html.faces_html(pixels, boxes, answers) + app_html.picture_html(pixels, boxes)

    def video(self, path, folder):
        """Analyse a video by each network, on the same faces.

        Args:
            path: the video file.
            folder: the `Path` of the folder to write to.

        Returns:
            The HTML of what was found, and a list of `video_outputs.Summary`, one a network.

        Raises:
            InputError: if the video is too long or cannot be read.
        """
        from fer_keras.predict.video import videos

        folders = [folder / str(number) for number in range(len(self.names))]
        with closing(_ShortVideo(path)) as reader:
            if reader.num_frames and reader.num_frames > MAX_VIDEO_SECONDS * reader.rate:
                raise InputError(TOO_LONG)
            with self._lock:
                summaries = videos(self._predictors, reader, folders, VIDEO_EVERY, TIMELINE_INCHES)
        told = zip(self.names, summaries, self._records)
        return app_html.video_html(list(told), agreement([s.folder for s in summaries])), summaries

    def _heat(self, source, answer):
        """Return Grad-CAM's maps, or a sentence where the network allows none."""
        from fer_keras.evaluation.gradcam import grad_cam

        if source not in self._models:
            self._models[source], _ = keras_model_and_classes(source)
        part = slice(app_html.MAX_FACES)
        best = answer.probabilities[part].argmax(axis=1)
        try:
            return grad_cam(self._models[source], answer.images[part], best)
        except ValueError as error:
            return str(error)


class _ShortVideo(VideoReader):
    """Reads a video that is not too long, for not every file says before how long it is."""

    def __iter__(self):
        for frame in super().__iter__():
            if frame.second > MAX_VIDEO_SECONDS:
                raise InputError(TOO_LONG)
            yield frame


def agreement(folders):
    """Return how often networks say the same of a video's faces.

    Args:
        folders: list of the folders that `video.videos` wrote.

    Returns:
        A dict from a face's number to the share of its frames, 0-1, and their number.
    """
    tables = [read_faces(folder / TABLE, usecols=["track", "class"]) for folder in folders]
    same = np.all([table["class"] == tables[0]["class"] for table in tables], axis=0)
    groups = pd.Series(same, dtype=bool).groupby(tables[0]["track"])
    return {track: (part.mean(), len(part)) for track, part in groups}


def _names(sources):
    """Return what to call each network: the last folder of a run, all of them if two end alike."""
    short = [*map(short_name, sources)]
    return short if len(set(short)) == len(short) else [str(source) for source in sources]
