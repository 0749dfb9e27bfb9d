"""Write a video that browsers play."""

import errno
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from fer_keras.predict.video_files import FORMATS, TICKS, import_av
from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install

ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
BT709, LIMITED = 1, 1
"""FFmpeg's numbers of the colours that browsers expect."""
PLAYED_AUDIO = ("aac", "mp3", "opus")
"""Sound that browsers play in MP4; it is copied as it is."""


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
