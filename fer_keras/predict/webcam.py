"""Predict expressions live, by camera or video: `fer-keras webcam`."""

import os
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.predict.detection import FaceDetector, import_opencv
from fer_keras.predict.overlay import annotate
from fer_keras.predict.predictor import Predictor, face_images
from fer_keras.predict.tracking import Tracks
from fer_keras.predict.video_files import DEFAULT_RATE, MAX_RATE
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import require_writable, whole_file

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
DETECTION_SIDE = 320
"""Frames are scaled down to this to look for faces, because faces before a camera are large."""


def webcam(source, camera=0, video=None, record=None):
    """Show faces and expressions until `q`, Ctrl-C or the video's end.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.
        camera: the camera's number, from 0. Unused with a video.
        video: a video file instead of the camera.
        record: new file to record to, `.mp4` or `.avi`. Needed where there is no display.

    Raises:
        InputError: if the run, the camera or a file is impossible, or there is neither a display
            nor `record`.
    """
    _check_record(record, video)
    with ExitStack() as stack:
        capture, rate, size = _open_capture(camera, video)
        stack.callback(capture.release)
        window = _open_window(record)
        if window:
            stack.callback(window.close)
        live = Live(Predictor(source), FaceDetector(DETECTION_SIDE))
        write = stack.enter_context(_recording(record, rate, size)) if record else None
        num_frames = _play(capture, live, window, write, rate, is_live=video is None)
        if not num_frames:
            origin = f"Camera {camera}" if video is None else f"The video {video}"
            raise InputError(f"{origin} gave no picture; try another one.")
    print(f"{num_frames} frames, {live.rate:.0f} frames per second")
    if record:
        print(record)


class Live:
    """Draws faces onto frames, and remembers the frames before."""

    def __init__(self, predictor, detector):
        self._predictor, self._detector, self._tracks = predictor, detector, Tracks()
        self._times = deque(maxlen=21)

    @property
    def rate(self):
        """Frames per second over the last 20 frames; 0 before there are two."""
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def __call__(self, pixels, second):
        """Return a frame as a PIL image with faces drawn.

        Args:
            pixels: uint8 array `(height, width, 3)`, red, green, blue.
            second: when it was filmed.
        """
        found = self._detector(pixels)
        shares = self._predictor(face_images(pixels, found)) if found else []
        self._tracks.update(found, shares, second)
        self._times.append(time.perf_counter())
        names, note = self._predictor.class_names, f"{self.rate:.0f} frames per second"
        return annotate(Image.fromarray(pixels), self._tracks.faces(second), names, note=note)


class Window:
    """A window that shows pictures until the user presses `q` or closes it.

    It is tkinter's: OpenCV's own would need the package with libGL, which servers lack.
    """

    def __init__(self, title):
        import tkinter

        self._root = tkinter.Tk()
        self._root.title(title)
        self._label = tkinter.Label(self._root)
        self._label.pack()
        self.is_open = True
        self._root.protocol("WM_DELETE_WINDOW", self._stop)
        for key in ("q", "Q"):
            self._root.bind(key, self._stop)

    def show(self, picture):
        """Show a picture.

        Args:
            picture: a `PIL.Image.Image`.
        """
        from PIL import ImageTk

        self._photo = ImageTk.PhotoImage(picture)  # tkinter itself does not hold on to it
        self._label.configure(image=self._photo)
        self._root.update()

    def close(self):
        """Remove the window."""
        self._root.destroy()

    def _stop(self, event=None):
        self.is_open = False


def _check_record(record, video):
    if record is not None and Path(record).suffix.lower() not in CODECS:
        raise InputError(f"--record {record} must end in {' or '.join(CODECS)}.")
    if record and video and os.path.realpath(record) == os.path.realpath(video):
        raise InputError(f"--record {record} would overwrite the video; name another file.")
    if record and Path(record).exists():
        raise InputError(f"--record {record} exists; name a new file, or delete this one.")
    if record:
        require_writable(Path(record).parent)


def _open_capture(camera, video):
    """Return an open `cv2.VideoCapture`, its frames per second and its `(width, height)`."""
    cv2 = import_opencv()
    if video is None and camera < 0:
        raise InputError(f"camera is {camera}; give a number of 0 or more.")
    if video is not None and not Path(video).is_file():
        raise InputError(f"The video {video} does not exist; name a video file.")
    capture = cv2.VideoCapture(camera if video is None else str(video))
    sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
    size = tuple(int(capture.get(side)) for side in sides)
    if not capture.isOpened() or not min(size):
        if video is not None:
            raise InputError(f"The video {video} cannot be read; give one that OpenCV can decode.")
        raise InputError(
            f"Camera {camera} cannot be opened; connect one, give another number with --camera, or "
            "a video file with --video."
        )
    rate = 0 if video is None else capture.get(cv2.CAP_PROP_FPS)
    return capture, rate if 1 <= rate <= MAX_RATE else DEFAULT_RATE, size


def _open_window(record):
    try:
        return Window("fer-keras")
    except Exception as error:  # ImportError without tkinter, TclError without a display
        if record:
            return None
        raise InputError(
            f"No window can be opened ({error}); record to a file with --record FILE.mp4."
        ) from error


@contextmanager
def _recording(record, rate, size):
    """Yield a function that writes a picture; the file appears when it is whole."""
    cv2, count = import_opencv(), 0

    def write(picture):
        nonlocal count
        writer.write(np.asarray(picture)[..., ::-1])
        count += 1

    with whole_file(record) as part:
        codec = cv2.VideoWriter_fourcc(*CODECS[part.suffix.lower()])
        writer = cv2.VideoWriter(str(part), codec, rate, size)
        try:
            if not writer.isOpened():
                raise InputError(f"OpenCV cannot write {record}; try --record FILE.avi.")
            yield write
        finally:
            writer.release()
        _require_frames(part, count, record)


def _require_frames(part, count, record):
    """Refuse a file with fewer frames than were written: OpenCV says nothing of a full disk."""
    cv2 = import_opencv()
    found = int(cv2.VideoCapture(str(part)).get(cv2.CAP_PROP_FRAME_COUNT)) if count else 0
    if found < count:
        raise InputError(
            f"{record} holds {max(found, 0)} of {count} frames and is not kept; make room on the "
            "disk and record again."
        )


def _play(capture, live, window, write, rate, is_live):
    """Show and write frames until the end; return how many frames there were."""
    num_frames = num_written = 0
    started = time.perf_counter()
    try:
        while window is None or window.is_open:
            found, frame = capture.read()
            if not found:
                break
            second = time.perf_counter() - started if is_live else num_frames / rate
            picture = live(np.ascontiguousarray(frame[..., ::-1]), second)
            num_frames += 1
            seconds = time.perf_counter() - started
            if window:
                window.show(picture)
                if not is_live:  # a video plays no faster than it was filmed
                    time.sleep(max(0, num_frames / rate - seconds))
            if write:
                # A camera's frames arrive unevenly; the file's are evenly spaced.
                for _ in range(round(seconds * rate) - num_written if is_live else 1):
                    write(picture)
                    num_written += 1
    except KeyboardInterrupt:
        pass
    return num_frames
