"""Recognise the expressions in a video over time: `fer-keras video`."""

import csv
import os
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from fer_keras.networks.pretrained import DEFAULT_NETWORK
from fer_keras.predict.detection import Box, FaceDetector
from fer_keras.predict.overlay import Face, annotate
from fer_keras.predict.pictures import output_folder
from fer_keras.predict.predictor import Predictor, face_image
from fer_keras.predict.tables import face_row, probability_columns
from fer_keras.predict.tracking import Tracks
from fer_keras.predict.video_files import VideoError, VideoReader, VideoWriter
from fer_keras.utils.errors import InputError

DETECTION_SIDE = 640
"""Frames are scaled down to this to look for faces."""
TABLE, TIMELINE, ANNOTATED = "faces.csv", "timeline.png", "annotated.mp4"
FIRST_COLUMNS = ("frame", "second", "track")
PLACES_OF_SECONDS = 4
QUIET_SECONDS = 2  # before a progress bar is shown


@dataclass
class Summary:
    """What was found in a video.

    Attributes:
        folder: the `Path` of the table, the timeline and the annotated video.
        num_frames: int, frames that were read.
        seconds: when the last of them is shown.
        tracks: dict from a face's number to a `Counter` of its classes by frames.
        spans: dict from a face's number to its first and last second.
        problem: a sentence on what could not be read, or `None`.
        sound: a sentence on sound that is dropped, or `None`.
        stopped: whether it was stopped; the files then have names with `.part`.
    """

    folder: Path
    num_frames: int = 0
    seconds: float = 0.0
    tracks: dict = field(default_factory=lambda: defaultdict(Counter))
    spans: dict = field(default_factory=dict)
    problem: str | None = None
    sound: str | None = None
    stopped: bool = False

    def __str__(self):
        count = f"{self.num_frames} frames, {self.seconds:.1f} seconds, {len(self.tracks)} face(s)"
        faces = map(self.in_words, sorted(self.tracks))
        return "\n".join([count, *faces, *filter(None, [self.sound])])

    def in_words(self, track):
        """Return a line on a face, with its most frequent class.

        Args:
            track: int, the face's number.
        """
        classes, (first, last) = self.tracks[track], self.spans[track]
        (name, count), total = classes.most_common(1)[0], classes.total()
        share = f"{100 * count / total:.0f} % of {total} frames"
        return f"face {track}, {first:.1f}-{last:.1f} s: mostly {name} ({share})"


def video(source, path, out=None, every=1):
    """Write a video's expressions as a table, a figure and a video.

    Rows are written as they come. A run that is stopped leaves `faces.part.csv` and, if it was told
    to stop and not killed, `annotated.part.mp4`.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        path: the video file.
        out: folder to write to, absent or empty. `None` makes `predictions/<time>` in the run
            directory, or here for a network that comes with the package.
        every: int; faces are looked for in each so-manieth frame, and move on steadily between.

    Returns:
        A `Summary`.

    Raises:
        InputError: if the run, the folder or `every` is impossible, or PyAV is missing.
        VideoError: if no frame can be read.
        OSError: if the disk is full.
    """
    with closing(VideoReader(path)) as reader:
        summary = Summary(output_folder(source, out))
        watch = _Watch(Predictor(source), FaceDetector(DETECTION_SIDE), every)
        frames = _started(reader)
        with closing(_Outputs(summary.folder, path, reader.rate, watch.class_names)) as outputs:
            _watch_all(frames, reader.num_frames, watch, outputs, summary)
            outputs.finish(summary.stopped)
        summary.problem, summary.sound = reader.problem, outputs.sound
    if not summary.stopped:
        from fer_keras.predict.timeline import save_timeline  # takes a second, so not before

        table, figure = summary.folder / TABLE, summary.folder / TIMELINE
        save_timeline(table, figure, watch.class_names, watch.portraits)
    return summary


def analyze_video(path, network=DEFAULT_NETWORK, every=1):
    """Recognise the expressions in a video.

    Args:
        path: the video file.
        network: a run directory, or one of `pretrained.PRETRAINED`.
        every: int; faces are looked for in each so-manieth frame.

    Returns:
        A DataFrame with one row a face and frame: `frame` from 0, `second`, `track` (a number that
        a face keeps), its box `left`, `top`, `width`, `height` in pixels of the upright video (at
        most 1920 a side), the detector's `score` 0-1, `class`, and the probability 0-1 of each
        class.

    Raises:
        InputError: if the network or `every` is impossible, no frame can be read, or PyAV is
            missing.
    """
    import pandas as pd

    with closing(VideoReader(path)) as reader:
        watch = _Watch(Predictor(network), FaceDetector(DETECTION_SIDE), every)
        rows = [row for frame in _started(reader) for row in watch(frame)[0]]
        return pd.DataFrame(rows, columns=_columns(watch.class_names))


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

    def __init__(self, predictor, detector, every):
        if every < 1:
            raise InputError(f"--every is {every}; give 1 for all frames, or more.")
        self._predictor, self._detector, self._every = predictor, detector, every
        self._tracks, self.class_names = Tracks(), predictor.class_names
        self._best_scores, self.portraits = {}, {}

    def __call__(self, frame):
        """Return a frame's rows, a list of dicts, and the faces to show, a list of `Face`."""
        if frame.number % self._every:
            return [], self._tracks.faces(frame.second)
        found = self._detector(frame.pixels)
        images = [face_image(frame.pixels, each.box) for each in found]
        shares = self._predictor(np.stack(images)) if found else []
        numbers = self._tracks.update(found, shares, frame.second)
        rows = []
        for each, share, number, image in zip(found, shares, numbers, images):
            face = face_row(Face(each.box, share, each.score), self.class_names)
            where = frame.number, round(frame.second, PLACES_OF_SECONDS), number
            rows.append(dict(zip(FIRST_COLUMNS, where)) | face)
            if each.score > self._best_scores.get(number, 0):
                self._best_scores[number], self.portraits[number] = each.score, image
        return rows, self._tracks.faces(frame.second)


class _Outputs:
    """The table and the annotated video, under names with `.part` until they are whole."""

    def __init__(self, folder, source, rate, class_names):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._source, self._rate = folder, source, rate
        self._class_names, self._writer, self.sound = class_names, None, None
        table = _part(folder / TABLE)
        self._file = open(table, "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._table = csv.DictWriter(self._file, _columns(class_names), lineterminator="\n")
        self._table.writeheader()

    def write(self, frame, rows, faces):
        """Add a frame: its rows, and the picture with faces."""
        self._table.writerows(rows)
        self._file.flush()
        picture = annotate(Image.fromarray(frame.pixels), faces, self._class_names)
        if self._writer is None:
            annotated = _part(self._folder / ANNOTATED)
            self._writer = VideoWriter(annotated, self._source, picture.size, self._rate)
            self.sound = self._writer.sound
        self._writer.write(picture, frame.second)

    def finish(self, stopped):
        """End both files, and give them their names unless the run was stopped."""
        self._writer.close()
        self._writer = None
        os.fsync(self._file.fileno())
        self._file.close()
        for name in () if stopped else (TABLE, ANNOTATED):
            os.replace(_part(self._folder / name), self._folder / name)

    def close(self):
        """Close the table; delete a video that was not ended, which no player could read."""
        self._file.close()
        if self._writer:
            self._writer.abort()


def _watch_all(frames, total, watch, outputs, summary):
    """Write what is found in the frames, until their end or Ctrl-C."""
    bar = {"total": total, "unit": "frame", "delay": QUIET_SECONDS}
    try:
        # `None` shows no bar where standard error is no terminal.
        for frame in tqdm(frames, disable=None, leave=False, **bar):
            rows, faces = watch(frame)
            outputs.write(frame, rows, faces)
            _count(summary, frame, rows)
    except KeyboardInterrupt:
        summary.stopped = True


def _count(summary, frame, rows):
    summary.num_frames, summary.seconds = frame.number + 1, frame.second
    for row in rows:
        summary.tracks[row["track"]][row["class"]] += 1
        first = summary.spans.get(row["track"], [frame.second])[0]
        summary.spans[row["track"]] = (first, frame.second)


def _columns(class_names):
    return [*FIRST_COLUMNS, *Box._fields, "score", "class", *probability_columns(class_names)]


def _part(path):
    return path.with_name(f"{path.stem}.part{path.suffix}")
