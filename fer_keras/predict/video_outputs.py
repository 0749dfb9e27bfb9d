"""What is written of a video: a table, an annotated copy, a figure."""

import csv
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from fer_keras.predict.folders import make_folder
from fer_keras.predict.overlay import annotate
from fer_keras.predict.tables import face_columns
from fer_keras.predict.video_writer import VideoWriter

TABLE, TIMELINE, ANNOTATED = "faces.csv", "timeline.png", "annotated.mp4"
FIRST_COLUMNS = ("frame", "second", "track")


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


class Outputs:
    """A network's table and annotated video of a video.

    They have names with `.part` until they are whole.

    Args:
        folder: the `Path` of the folder to write to.
        reader: the `VideoReader` of the video that is analysed.
        class_names: tuple of str.

    Attributes:
        summary: the `Summary` of what was written so far.
    """

    def __init__(self, folder, reader, class_names):
        make_folder(folder)
        self.summary, self._source, self._rate = Summary(folder), reader.path, reader.rate
        self._class_names, self._writer = class_names, None
        table = _part(folder / TABLE)
        self._file = open(table, "w", newline="", encoding="utf-8")  # noqa: SIM115
        columns = [*FIRST_COLUMNS, *face_columns(class_names)]
        self._table = csv.DictWriter(self._file, columns, lineterminator="\n")
        self._table.writeheader()

    def write(self, frame, rows, faces):
        """Add a frame.

        Args:
            frame: the `Frame`.
            rows: list of dicts, what the table says of it.
            faces: list of `Face` to show in it.
        """
        self._table.writerows(rows)
        self._file.flush()
        picture = annotate(Image.fromarray(frame.pixels), faces, self._class_names)
        if self._writer is None:
            annotated = _part(self.summary.folder / ANNOTATED)
            self._writer = VideoWriter(annotated, self._source, picture.size, self._rate)
        self._writer.write(picture, frame.second)
        self.summary.sound = self._writer.sound
        _count(self.summary, frame, rows)

    def finish(self, stopped):
        """End both files, and give them their names unless the run was stopped.

        Args:
            stopped: whether it was.
        """
        if self._writer:  # else it was stopped before the first frame was done
            self._writer.close()
        self._writer = None
        os.fsync(self._file.fileno())
        self._file.close()
        self.summary.stopped, folder = stopped, self.summary.folder
        for name in () if stopped else (TABLE, ANNOTATED):
            os.replace(_part(folder / name), folder / name)

    def draw(self, portraits, width):
        """Draw the table's faces over time.

        Args:
            portraits: dict from a face's number to a picture of it, uint8 `(n, n)`.
            width: of the figure, in inches.
        """
        from fer_keras.predict.timeline import save_timeline  # takes a second, so not before

        table, figure = self.summary.folder / TABLE, self.summary.folder / TIMELINE
        save_timeline(table, figure, self._class_names, portraits, width)

    def close(self):
        """Close the table; delete a video that was not ended."""
        self._file.close()
        if self._writer:
            self._writer.abort()


def _count(summary, frame, rows):
    summary.num_frames, summary.seconds = frame.number + 1, frame.second
    for row in rows:
        summary.tracks[row["track"]][row["class"]] += 1
        first = summary.spans.get(row["track"], [frame.second])[0]
        summary.spans[row["track"]] = (first, frame.second)


def _part(path):
    return path.with_name(f"{path.stem}.part{path.suffix}")
