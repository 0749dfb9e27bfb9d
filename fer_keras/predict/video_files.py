"""Read the frames of a video."""

import re
from typing import NamedTuple

import numpy as np

from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.files import user_path

FORMATS = "mov,matroska,avi,mpegts,mpeg,ogg,flv,asf,gif"
"""What is read, in FFmpeg's words. Playlists are not: they could open other files and addresses."""
MAX_PIXELS = 8192 * 4608  # of a frame; more than any camera's
LONGEST_SIDE = 1920
"""Larger frames are scaled down to this."""
MAX_RATE, DEFAULT_RATE = 240, 25
"""The most frames a second that a video may claim, and those of one that claims none."""

CUT_SECONDS = 1.0
"""A video that ends so much sooner than it says was cut off."""
LENGTH_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
"""How a Matroska file tells the length of each of its streams: hours, minutes, seconds."""
TICKS = 90_000
"""Time steps a second, a multiple of all usual frame rates."""


class VideoError(InputError):
    """One sentence on a video that cannot be read."""


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        number: int, from 0.
        second: when it is shown, from the start of the video.
        pixels: uint8 array `(height, width, 3)`, upright, red, green, blue.
    """

    number: int
    second: float
    pixels: np.ndarray


def import_av():
    """Return the module `av`, PyAV, or raise an `InputError`."""
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"PyAV, which reads and writes videos, cannot be loaded ({error}); install it with: "
            f"{how_to_install('video')}"
        ) from error
    return av


class VideoReader:
    """Reads a video's frames, in order and one at a time.

    Args:
        path: the file.

    Attributes:
        path: the file's `Path`.
        rate: frames per second, on average.
        num_frames: about how many there are, or `None`.
        problem: a sentence on what could not be read, or `None`; known after the last frame.

    Raises:
        InputError: if there is no such file.
        VideoError: if it is no video, or its frames are too large.
    """

    def __init__(self, path):
        self._av, self.path, self.problem = import_av(), user_path(str(path)), None
        if not self.path.is_file():
            what = "is a folder" if self.path.is_dir() else "does not exist"
            raise InputError(f"The video {path} {what}; name a video file.")
        try:
            options = {"format_whitelist": FORMATS}
            self._file = self._av.open(str(self.path), options=options)
        except self._av.FFmpegError as error:
            raise VideoError(f"{path} cannot be read as a video ({error.strerror}).") from error
        except UnicodeDecodeError as error:  # of a damaged tag
            raise VideoError(f"{path} cannot be read as a video ({error.reason}).") from error
        if not self._file.streams.video:
            self.close()
            raise VideoError(f"{path} holds no video.")
        self._stream = self._file.streams.video[0]
        if self._stream.codec_context is None:
            self.close()
            raise VideoError(f"{path} is coded in a way that this PyAV cannot read.")
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        rate = self._stream.average_rate or 0
        self.rate = float(rate) if 1 <= rate <= MAX_RATE else float(DEFAULT_RATE)
        whole = (self._file.duration or 0) / self._av.time_base
        # Sound may go on when the pictures are over, so that the whole tells nothing of them.
        self._seconds = self._length() or (whole if len(self._file.streams) == 1 else 0)
        self.num_frames = round((self._seconds or whole) * self.rate) or None

    def __iter__(self):
        """Yield each `Frame` that can be read."""
        start = (self._file.start_time or 0) / self._av.time_base
        number, second, size, damaged, shown = 0, -1.0, None, 0, 0.0
        for frame in self._decoded():
            if frame is None:
                damaged += 1
                continue
            time = second + 1 / self.rate if frame.time is None else frame.time - start
            second = max(time, second + 1 / TICKS, 0)
            shown = float((frame.duration or 0) * (frame.time_base or 0))
            pixels = self._upright(frame, size)
            size = size or pixels.shape[1::-1]
            yield Frame(number, second, pixels)
            number += 1
        self.problem = self._problem(number, second, second + shown, damaged)

    def close(self):
        """Close the file."""
        self._file.close()

    def _length(self):
        """Return the pictures' length in seconds as the file gives it, or 0."""
        if self._stream.duration:
            return float(self._stream.duration * self._stream.time_base)
        told = LENGTH_TAG.fullmatch(self._stream.metadata.get("DURATION", ""))
        hours, minutes, seconds = map(float, told.groups()) if told else (0, 0, 0)
        return 3600 * hours + 60 * minutes + seconds

    def _decoded(self):
        """Yield frames as decoded, and `None` for each packet that is damaged."""
        packets = self._file.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
            except (self._av.FFmpegError, IndexError):  # the latter of a stream that comes late
                yield None
                return
            try:
                yield from packet.decode()
            except self._av.FFmpegError:
                yield None

    def _upright(self, frame, size):
        """Return a frame's pixels, square and turned as its metadata says, and of a known size."""
        turns = round(frame.rotation / 90) % 4
        if size is None:
            ratio = float(self._stream.sample_aspect_ratio or 1)
            scale = min(1, LONGEST_SIDE / max(frame.width * ratio, frame.height))
            across, high = frame.width * ratio * scale, frame.height * scale
        else:
            across, high = size[::-1] if turns % 2 else size
        even = {"width": max(2, round(across / 2) * 2), "height": max(2, round(high / 2) * 2)}
        return np.ascontiguousarray(
            np.rot90(frame.reformat(**even, format="rgb24").to_ndarray(), turns)
        )

    def _problem(self, count, second, end, damaged):
        if not count:
            return f"{self.path} gave no picture; it is empty or damaged."
        if self._seconds and end + CUT_SECONDS < self._seconds:
            ended = f"ends after {second:.1f} of {self._seconds:.1f} seconds"
            return f"{self.path} {ended}; it was cut off or is damaged."
        if damaged:
            return f"{self.path} is damaged; {damaged} of its packets could not be read."
        return None
