"""Recognise the expressions in a video over time: `fer-keras video`."""

import warnings
from contextlib import ExitStack, closing
from itertools import chain

import numpy as np
from tqdm import tqdm

from fer_keras.networks.pretrained import DEFAULT_NETWORK
from fer_keras.predict.detection import FaceDetector
from fer_keras.predict.folders import output_folder
from fer_keras.predict.overlay import Face
from fer_keras.predict.predictor import Predictor, face_images
from fer_keras.predict.tables import as_table, face_columns, face_row
from fer_keras.predict.tracking import Tracks
from fer_keras.predict.video_files import VideoError, VideoReader
from fer_keras.predict.video_outputs import FIRST_COLUMNS, Outputs
from fer_keras.utils.errors import InputError
from fer_keras.utils.plain import plain

DETECTION_SIDE = 640
"""Frames are scaled down to this to look for faces."""
PLACES_OF_SECONDS = 4
QUIET_SECONDS = 2  # before a progress bar is shown
WIDTH_INCHES = 9.0  # of the timeline


def video(source, path, out=None, every=1):
    """Write a video's expressions as a table, a figure and a video.

    Rows are written as they come. A run that is stopped leaves `faces.part.csv` and, if it was told
    to stop and not killed, `annotated.part.mp4`.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        path: the video file.
        out: folder to write to, absent or empty. `None` makes `predictions/<time>` in the run
            directory, or here for a network that comes with the package.
        every: int; faces are searched in every `every`-th frame. Between, the annotated video shows
            them where they should be. One that moves by more than its size between two searches
            counts as another face.

    Returns:
        A `Summary`.

    Raises:
        InputError: if the run, the folder or `every` is impossible, or PyAV is missing.
        VideoError: if no frame can be read.
        OSError: if the disk is full.
    """
    with closing(VideoReader(path)) as reader:
        (summary,) = videos([Predictor(source)], reader, [output_folder(source, out)], every)
    return summary


def videos(predictors, reader, folders, every, width=WIDTH_INCHES):
    """Write a video's expressions by several networks, on the same faces.

    As `video`, but faces are looked for and followed once, so that all tables have the same rows
    but for what the networks say.

    Args:
        predictors: list of `Predictor`.
        reader: the video's `VideoReader`, which is read to its end.
        folders: list of `Path`, a folder to write to for each network.
        every: as in `video`.
        width: of the figures, in inches.

    Returns:
        A list of `Summary`, one a network.

    Raises:
        InputError, VideoError, OSError: as `video`.
    """
    watch = _Watch(predictors, every)
    frames = _started(reader)
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(closing(Outputs(folder, reader, predictor.class_names)))
            for folder, predictor in zip(folders, predictors)
        ]
        stopped = _watch_all(frames, reader.num_frames, watch, outputs)
        for each in outputs:
            each.finish(stopped)
            each.summary.problem = reader.problem
    for each in () if stopped else outputs:
        each.draw(watch.portraits, width)
    return [each.summary for each in outputs]


def analyze_video(path, network=DEFAULT_NETWORK, every=1):
    """Recognise the expressions in a video.

    Args:
        path: the video file.
        network: a run directory, or one of `pretrained.PRETRAINED`.
        every: int; faces are searched in every `every`-th frame only.

    Returns:
        A DataFrame with one row a face and frame: `frame` from 0, `second`, `track` (a number that
        a face keeps), its box `left`, `top`, `width`, `height` in pixels of the upright video (at
        most 1920 a side), the detector's `score` 0-1, `class`, and the probability 0-1 of each
        class.

    Raises:
        InputError: if the network or `every` is impossible, no frame can be read, or PyAV is
            missing.
    """
    with closing(VideoReader(path)) as reader:
        predictor = Predictor(network)
        watch = _Watch([predictor], every)
        rows = [row for frame in _started(reader) for row in watch(frame)[0][0]]
        if reader.problem:
            warnings.warn(reader.problem, stacklevel=2)
        return as_table(rows, [*FIRST_COLUMNS, *face_columns(predictor.class_names)])


def _started(reader):
    """Return an iterator over a video's frames, of which there is one at least."""
    frames = iter(reader)
    first = next(frames, None)
    if first is None:
        raise VideoError(reader.problem)
    return chain([first], frames)


class _Watch:
    """Looks at frames, and remembers the faces of those before.

    Its `portraits` are a dict from a face's number to the picture `(48, 48)` of the frame in which
    the detector was surest of it.
    """

    def __init__(self, predictors, every):
        every = plain(every)
        if type(every) is not int or every < 1:
            raise InputError(f"every is {every!r}; give 1 for all frames, or a larger number.")
        self._predictors, self._every = predictors, every
        self._detector = FaceDetector(DETECTION_SIDE)
        self._tracks, self._best_scores, self.portraits = Tracks(), {}, {}
        self._ends = np.cumsum([len(predictor.class_names) for predictor in predictors])[:-1]

    def __call__(self, frame):
        """Return for each network the frame's rows, dicts, and the list of `Face` to show."""
        rows = [[] for _ in self._predictors]
        if frame.number % self._every == 0:
            found = self._detector(frame.pixels)
            images = face_images(frame.pixels, found) if found else []
            asked = [each(images) for each in self._predictors if found]
            # One track a face: it holds what all networks say behind one another.
            joined = np.hstack(asked) if found else []
            numbers = self._tracks.update(found, joined, frame.second)
            self._keep_best(found, numbers, images)
            for own, predictor, shares in zip(rows, self._predictors, asked):
                own += _rows(frame, found, shares, numbers, predictor.class_names)
        return list(zip(rows, self._faces(frame.second)))

    def _faces(self, second):
        """Return for each network the faces to show, with its own probabilities."""
        faces = self._tracks.faces(second)
        parts = [np.split(face.probabilities, self._ends) for face in faces]
        return [
            [face._replace(probabilities=part[place]) for face, part in zip(faces, parts)]
            for place in range(len(self._predictors))
        ]

    def _keep_best(self, found, numbers, images):
        for each, number, image in zip(found, numbers, images):
            if each.score > self._best_scores.get(number, 0):
                self._best_scores[number], self.portraits[number] = each.score, image


def _rows(frame, found, shares, numbers, class_names):
    """Return a network's rows of a frame, a list of dicts."""
    where = frame.number, round(frame.second, PLACES_OF_SECONDS)
    return [
        dict(zip(FIRST_COLUMNS, (*where, number)))
        | face_row(Face(each.box, share, each.score), class_names)
        for each, share, number in zip(found, shares, numbers)
    ]


def _watch_all(frames, total, watch, outputs):
    """Write what is found in the frames; return whether Ctrl-C came before their end."""
    bar = {"total": total, "unit": "frame", "delay": QUIET_SECONDS}
    try:
        # `None` shows no bar where standard error is no terminal.
        for frame in tqdm(frames, disable=None, leave=False, **bar):
            for each, (rows, faces) in zip(outputs, watch(frame)):
                each.write(frame, rows, faces)
    except KeyboardInterrupt:
        return True
    return False
