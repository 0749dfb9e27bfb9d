import os
import shutil
import subprocess
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from helpers import photograph
from PIL import Image

from fer_keras.predict import webcam as webcam_module
from fer_keras.predict.webcam import Window, webcam
from fer_keras.utils.errors import InputError

NUM_FRAMES, SIZE = 30, (480, 320)
FACE_IN_PORTRAIT = np.array([160, 114, 209]) / 2  # left, top, side at half size


def planted_position(number):
    """Where frame `number` holds the portrait: its left and top corner."""
    return 10 + 4 * number, 5 + number // 2


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A gray portrait that moves over noise, so that the overlay alone is yellow; blue below."""
    path = tmp_path_factory.mktemp("video") / "face.avi"
    portrait = photograph().convert("L").resize((256, 300))
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 12, SIZE)
    for number in range(NUM_FRAMES):
        frame = Image.fromarray(rng.integers(90, 140, SIZE[::-1], np.uint8))
        frame.paste(portrait, planted_position(number))
        colour = np.dstack([np.asarray(frame)] * 3)
        colour[-6:] = (220, 60, 20)  # OpenCV takes blue first
        writer.write(colour)
    writer.release()
    return path


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (answer := capture.read())[0]:
        frames.append(answer[1][..., ::-1].astype(int))
    return frames, capture.get(cv2.CAP_PROP_FPS)


@pytest.fixture
def no_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)


def box_in(frame):
    """Where the yellow box of a frame is: its left, top and bottom."""
    yellow = (frame[..., :2].min(axis=2) - frame[..., 2]) > 60
    rows, columns = np.nonzero(yellow)
    return columns.min(), rows.min(), rows.max()


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_the_recording_shows_a_box_that_follows_the_face(
    video, run_directory, tmp_path, no_display, capsys, suffix
):
    record = tmp_path / "out" / f"recorded{suffix}"
    webcam(run_directory, video=video, record=record)
    frames, rate = frames_of(record)
    assert len(frames) == NUM_FRAMES and rate == pytest.approx(12, abs=0.1)
    assert {frame.shape for frame in frames} == {(*SIZE[::-1], 3)}
    assert [path.name for path in record.parent.iterdir()] == [record.name]
    for number, frame in enumerate(frames):
        assert np.abs(frame[-4:].mean(axis=(0, 1)) - (20, 60, 220)).max() < 25
        found_left, found_top, bottom = box_in(frame)
        offset = np.append(planted_position(number), 0)
        left, top, side = FACE_IN_PORTRAIT + offset
        assert abs(found_left - left) < 16 and abs(found_top - top) < 16, number
        assert abs(bottom - found_top - side) < 20, number
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{NUM_FRAMES} frames, ") and shown[1] == str(record)


class Camera:
    """A video file as a camera: each picture arrives when `arrivals` says, by `clock`."""

    def __init__(self, capture, arrivals, clock):
        self._capture, self._arrivals, self._clock = capture, iter(arrivals), clock

    def __getattr__(self, name):
        return getattr(self._capture, name)

    def read(self):
        self._clock.now = next(self._arrivals, self._clock.now)
        return self._capture.read()


def test_a_camera_is_recorded_evenly(video, run_directory, tmp_path, no_display, monkeypatch):
    """15 pictures arrive as the file's frames, then one after a second, and 14 twice as fast."""
    arrivals = np.cumsum([0.04] * 15 + [1.0] + [0.02] * 14)
    clock, opened, open_file = SimpleNamespace(now=0.0), [], cv2.VideoCapture

    def open_video_instead(source):
        if isinstance(source, str):
            return open_file(source)
        opened.append(source)
        return Camera(open_file(str(video)), arrivals, clock)

    monkeypatch.setattr(cv2, "VideoCapture", open_video_instead)
    timer = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr(webcam_module, "time", timer)
    webcam(run_directory, camera=2, record=tmp_path / "camera.mp4")
    monkeypatch.undo()
    frames, rate = frames_of(tmp_path / "camera.mp4")
    assert opened == [2] and rate == 25 and len(frames) == 47  # of 1.88 seconds
    for place, number in ((7, 7), (20, 15), (39, 15), (46, 29)):
        left = FACE_IN_PORTRAIT[0] + planted_position(number)[0]
        assert abs(box_in(frames[place])[0] - left) < 16, place


def test_a_video_without_pictures_is_refused(video, run_directory, tmp_path, no_display):
    (tmp_path / "cut.avi").write_bytes(video.read_bytes()[:2200])
    with pytest.raises(InputError, match=r"cut\.avi (gave no picture|cannot be read)"):
        webcam(run_directory, video=tmp_path / "cut.avi", record=tmp_path / "x.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["cut.avi"]


def test_a_recording_that_is_interrupted_is_whole(
    video, run_directory, tmp_path, no_display, monkeypatch
):
    class Interrupted(webcam_module.Live):
        num_frames = 0

        def __call__(self, pixels, second):
            self.num_frames += 1
            if self.num_frames > 7:
                raise KeyboardInterrupt
            return super().__call__(pixels, second)

    monkeypatch.setattr(webcam_module, "Live", Interrupted)
    webcam(run_directory, video=video, record=tmp_path / "short.mp4")
    assert len(frames_of(tmp_path / "short.mp4")[0]) == 7


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_recording_that_does_not_fit_on_the_disk_is_refused(
    video, run_directory, tmp_path, no_display, suffix
):
    resource = pytest.importorskip("resource")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, former[1]))
    try:
        with pytest.raises(InputError, match=r"of 30 frames and is not kept; make room"):
            webcam(run_directory, video=video, record=tmp_path / "out" / f"x{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_that_fails_leaves_nothing(
    video, run_directory, tmp_path, no_display, monkeypatch
):
    def fail(self, pixels, second):
        raise RuntimeError

    monkeypatch.setattr(webcam_module.Live, "__call__", fail)
    with pytest.raises(RuntimeError):
        webcam(run_directory, video=video, record=tmp_path / "out" / "x.mp4")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_recording_overwrites_no_file(video, run_directory, tmp_path, no_display):
    record = tmp_path / "mine.mp4"
    record.write_text("of yesterday")
    with pytest.raises(InputError, match=r"mine\.mp4 exists; name a new file"):
        webcam(run_directory, video=video, record=record)
    assert record.read_text() == "of yesterday"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"camera": 97}, "Camera 97 cannot be opened"),
        ({"camera": -1}, "camera is -1; give a number of 0 or more"),
        ({"video": "nowhere.mp4"}, r"nowhere\.mp4 does not exist"),
        ({"video": __file__}, "cannot be read"),
        ({"record": "x.gif"}, r"must end in \.mp4 or \.avi"),
        ({"record": ""}, "must end in"),
        ({"record": f"{__file__}/x.avi"}, "is no folder to write to"),
        ({"record": "VIDEO"}, "would overwrite the video"),
        ({"record": None}, "No window can be opened .*--record"),
    ],
)
def test_impossible_requests_are_one_sentence(
    video, run_directory, tmp_path, monkeypatch, no_display, options, message
):
    monkeypatch.chdir(tmp_path)
    options = {"record": "out.mp4"} | ({} if "camera" in options else {"video": video}) | options
    options = {name: video if value == "VIDEO" else value for name, value in options.items()}
    with pytest.raises(InputError, match=message):
        webcam(run_directory, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def virtual_display():
    """The name of a display; one for all tests, for Tk does not survive that one goes."""
    if "DISPLAY" in os.environ:
        yield os.environ["DISPLAY"]
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no display and no Xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write)], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    yield f":{os.read(read, 20).decode().strip()}"
    server.terminate()
    server.wait()


@pytest.fixture
def display(virtual_display, monkeypatch):
    monkeypatch.setenv("DISPLAY", virtual_display)


def test_a_video_without_recording_plays_in_a_window(video, run_directory, display, capsys):
    webcam(run_directory, video=video)
    assert capsys.readouterr().out.startswith(f"{NUM_FRAMES} frames, ")


@pytest.mark.parametrize("key", ["q", "Q", None])
def test_q_and_the_windows_cross_end_it(display, key):
    window = Window("test")
    window.show(Image.new("RGB", (64, 48)))
    assert window.is_open
    if key:
        window._root.focus_force()
        window._root.update()
        window._root.event_generate(key)
    else:
        window._root.tk.eval(window._root.protocol("WM_DELETE_WINDOW"))
    window.show(Image.new("RGB", (64, 48)))
    assert not window.is_open
    window.close()
