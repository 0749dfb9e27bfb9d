"""Read the frames of a video, and write one that browsers play."""

import errno
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
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
TICKS = 90_000
"""Time steps a second of what is written, a multiple of all usual frame rates."""
ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
BT709, LIMITED = 1, 1
"""FFmpeg's numbers of the colours that browsers expect."""
PLAYED_AUDIO = ("aac", "mp3", "opus")
"""Sound that browsers play in MP4; it is copied as it is."""


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
        self._seconds = self._length()
        self.num_frames = round(self._seconds * self.rate) if self._seconds else None

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
        """Return the stream's length in seconds as the file gives it, or `None`."""
        if self._stream.duration:
            return float(self._stream.duration * self._stream.time_base)
        return self._file.duration / self._av.time_base if self._file.duration else None

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


class VideoWriter:
    """Writes a video as H.264 in MP4, with the sound of another.

    Args:
        path: the file to write.
        source: the video whose sound to take.
        size: `(width, height)` in pixels, even numbers.
        rate: frames per second, on average.

    Raises:
        InputError: if PyAV has no encoder.
    """

    def __init__(self, path, source, size, rate):
        self._av, self._path, self._num_frames = import_av(), Path(path), 0
        encoder = next((e for e in ENCODERS if e in self._av.codecs_available), None)
        if encoder is None:
            raise InputError(
                "This PyAV cannot write H.264; install the one from PyPI with: "
                f"{how_to_install('video')} --force-reinstall"
            )
        self._file = self._av.open(str(path), "w", options={"movflags": "faststart"})
        rate = Fraction(rate).limit_denominator(1001)
        self._stream = self._file.add_stream(encoder, rate=rate)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "22"} if encoder == "libx264" else {}
        context = self._stream.codec_context
        context.time_base = Fraction(1, TICKS)
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        self._sound = _Sound(self._av, source, self._file)

    @property
    def sound(self):
        """A sentence on sound that is dropped, or `None`."""
        return self._sound.words

    def write(self, picture, second):
        """Add a frame.

        Args:
            picture: a `PIL.Image.Image` of mode `RGB` and the video's size.
            second: when it is shown, later than the frame before.
        """
        frame = self._av.VideoFrame.from_image(picture)
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
        frame.pts, frame.time_base = round(second * TICKS), Fraction(1, TICKS)
        self._file.mux(self._stream.encode(frame))
        self._num_frames += 1
        try:
            self._file.mux(self._sound.until(second))
        except (self._av.ArgumentError, self._av.InvalidDataError):
            self._sound.give_up()

    def close(self):
        """End the file.

        Raises:
            OSError: if the disk is full.
        """
        self._file.mux(self._stream.encode())
        self._file.close()
        self._sound.close()
        with self._av.open(str(self._path)) as written:
            found = written.streams.video[0].frames
        if found < self._num_frames:
            full = errno.ENOSPC
            raise OSError(full, os.strerror(full), str(self._path))

    def abort(self):
        """Delete what was written."""
        with suppress(self._av.FFmpegError):  # a full disk, which was told already
            self._file.close()
        self._sound.close()
        self._path.unlink(missing_ok=True)


class _Sound:
    """Copies the packets of a video's first sound track."""

    def __init__(self, av, source, target):
        self._av, self._file = av, av.open(str(source), options={"format_whitelist": FORMATS})
        self._packets, self._next, self.words = iter(()), None, None
        if not self._file.streams.audio:
            return
        stream = self._file.streams.audio[0]
        name = stream.codec_context.name if stream.codec_context else "unknown"
        if name.removesuffix("float") not in PLAYED_AUDIO:
            self.words = f"The sound ({name}) is dropped, for browsers do not play it in MP4."
            return
        self._start = (self._file.start_time or 0) / av.time_base
        self._target = target.add_stream_from_template(stream)
        self._packets = (p for p in self._file.demux(stream) if p.dts is not None)
        self._next = self._following()

    def until(self, second):
        """Return the packets up to a time, ready to be written."""
        ready = []
        while self._next is not None and self._time(self._next) <= second:
            packet = self._next
            shift = round(self._start / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self._target
            ready.append(packet)
            self._next = self._following()
        return ready

    def give_up(self):
        """Leave out what is left of the sound, for it is damaged."""
        self._next, self.words = None, "The sound is damaged; what could not be read is dropped."

    def close(self):
        self._file.close()

    def _following(self):
        try:
            return next(self._packets, None)
        except (self._av.FFmpegError, IndexError):
            self.give_up()
            return None

    def _time(self, packet):
        return float(packet.dts * packet.time_base) - self._start
