"""Commands that cannot write, and commands that are stopped: one sentence and an exit code."""

import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import TINY, finish_untrained, patterned_faces, photograph, sure_run
from PIL import Image

from fer_keras.cli import main
from fer_keras.comparison import engine
from fer_keras.data import memory
from fer_keras.data.faces import concatenate
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.evaluation.predictions import Predictions

KEPT = "fer-keras: Stopped; what was done is kept."
AGAIN = "fer-keras: Stopped; start the same command again to go on."
STOPPED = {"predict": KEPT, "report": "fer-keras: Stopped.", "webcam": "fer-keras: Stopped."}
SMALL = "256k"
"""Room for a run's first files, and not for its network."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A run, a picture and a video that are all right."""
    place = tmp_path_factory.mktemp("inputs")
    sure_run(place / "run")
    # Larger than the small disk, and a face in it.
    grain = Image.effect_noise((1536, 1800), 90).convert("RGB")
    Image.blend(photograph().resize(grain.size), grain, 0.2).save(place / "face.jpg", quality=95)
    writer = cv2.VideoWriter(str(place / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 12, (320, 240))
    for noise in np.random.default_rng(0).integers(0, 256, (40, 240, 320, 3), np.uint8):
        writer.write(noise)
    writer.release()
    return place


def commands(inputs, data, out):
    """Each command that writes: what it is to write into `out`."""
    training = ["--data", str(data), "--out", str(out), "--set", "epochs=2"]
    network = ["--set", f"network={TINY}"]
    run, video = str(inputs / "run"), str(inputs / "v.avi")
    return {
        "run": ["run", "conv2", *training, *network],
        "compare": ["compare", "--arm", "a=conv2", "--seeds", "2", *training, *network],
        "audit": ["audit", str(data), "--out", str(out)],
        "predict": ["predict", run, str(inputs / "face.jpg"), "--out", str(out / "p")],
        "webcam": ["webcam", run, "--video", video, "--record", str(out / "r.mp4")],
    }  # fmt: skip


@pytest.fixture
def mount(tmp_path):
    """A function that mounts a file system in memory with options, and returns its folder."""
    mounted = []

    def mount(options):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
        if sys.platform != "linux" or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only Linux's root can make a small disk")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def places(mount, tmp_path):
    """What is wrong with a place -> the place."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    return {
        "full": mount(f"size={SMALL}"),
        "read-only": mount("ro"),
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "below",
        "a loop": tmp_path / "loop",
        "too long a name": tmp_path / ("x" * 300),
        "a device": Path("/dev/full"),
    }


def fill(place):
    """Take the room that is left on a disk."""
    with open(place / "filler", "ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


PROGRESS = re.compile(r"\s*|runs:.*|.* \.\.\.|.*: [\d,]+ of [\d,]+ \w+")


def without_progress(errors):
    """The lines of what stderr got, without those of bars and long waits."""
    lines = errors.replace("\r", "\n").splitlines()
    return [line for line in lines if not PROGRESS.fullmatch(line)]


SHORT = {("full", "run"), ("full", "predict"), ("full", "webcam"), ("read-only", "audit")}


def test_places_that_cannot_be_written_to(
    request, inputs, data, places, capsys, tally, monkeypatch
):
    monkeypatch.delenv("DISPLAY", raising=False)
    for wrong, place in places.items():
        for name, arguments in commands(inputs, data, place).items():
            if not request.config.getoption("all") and (wrong, name) not in SHORT:
                continue
            what = f"{name} into {wrong}"
            if wrong == "full" and name != "run":
                fill(place)
            try:
                code = main(arguments)
            except Exception as error:
                tally.count(what, "traceback", repr(error))
            lines = without_progress(capsys.readouterr().err)
            is_one_sentence = code in (1, 2) and len(lines) == 1 and len(lines[0]) < 1000
            tally.count(what, "refused" if is_one_sentence else "silently wrong", f"{code} {lines}")


def test_pixels_that_meet_a_full_disk(mount, monkeypatch, tally):
    """Mapped pages without room would end the process by a bus error."""
    monkeypatch.setenv("FER_KERAS_CACHE", str(mount(f"size={SMALL}")))
    monkeypatch.setenv("FER_KERAS_MEMORY", "0")

    def written():
        memory.allocate((1000, 48, 48))[:] = 7

    def gathered():
        pixels = memory.Gathered()
        for _ in range(10):
            pixels.extend(np.full(100_000, 7, np.uint8))
        return pixels.array()

    for what in (written, gathered):
        tally.attack(what.__name__, what, lambda result: False)


def test_a_full_disk_that_gets_room(request, inputs, data, mount, tmp_path, tally):
    """The same command goes on, and ends as if there had been room from the beginning."""
    if not request.config.getoption("all"):
        pytest.skip("with --all")
    place = mount(f"size={SMALL}")
    command = commands(inputs, data, place)["run"]
    tally.count("full", "refused" if main(command) == 1 else "silently wrong")
    subprocess.run(["mount", "-o", "remount,size=50m", place], check=True)
    assert main(command) == main(commands(inputs, data, tmp_path / "calm")["run"]) == 0
    found, calm = (
        Predictions.load(next(out.glob("*/*/predictions.npz"))).probabilities
        for out in (place, tmp_path / "calm")
    )
    tally.count("with room", "right" if np.array_equal(found, calm) else "silently wrong")


on_linux = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="Linux says which signals a process catches"
)


def catches_sigterm(pid):
    """Whether a process has come so far that it catches SIGTERM, or has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return caught is None or bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def stop(command, number, seconds):
    """Start a command, send it a signal after a time, and return its code and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_keras", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # What a shell starts in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while process.poll() is None and not catches_sigterm(process.pid):
        time.sleep(0.005)
    time.sleep(seconds)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished comparison, by made-up predictions."""
    place = tmp_path_factory.mktemp("finished")
    faces = concatenate(patterned_faces(140), patterned_faces(70, "PublicTest"))
    write_fer2013_csv(faces, place / "fer2013.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "execute_all", finish_untrained)
        arms = {"a": "conv3_csv,division=own", "b": "conv2,storage=csv"}
        return engine.run_comparison(arms, place / "fer2013.csv", 2, out=place).directory


@on_linux
def test_stopped_commands(request, inputs, data, tmp_path, tally):
    is_full, rng = request.config.getoption("all"), np.random.default_rng(0)
    finished = request.getfixturevalue("finished") if is_full else ""
    for trial in range(4 if is_full else 1):
        out = tmp_path / str(trial)
        known = commands(inputs, data, out)
        known["compare, two at a time"] = [*known["compare"], "--jobs", "2"]
        known["report"] = ["report", str(finished), str(out / "report.html")]
        for name, command in known.items() if is_full else [("audit", known["audit"])]:
            number = rng.choice([signal.SIGINT, signal.SIGTERM])
            seconds = rng.uniform(0, 8) if trial else 0
            what = f"{name}, {number} after {seconds:.1f} s"
            try:
                code, errors = stop(command, number, seconds)
            except subprocess.TimeoutExpired:
                tally.count(what, "hang")
            lines = without_progress(errors)
            # Python ends by the signal itself where it ran a text, or was ending anyway.
            if lines == [STOPPED.get(name, AGAIN)] and code in (130, -signal.SIGINT):
                outcome = "refused"
            else:
                had_ended = not lines and code in (0, -number)
                outcome = "right" if had_ended else "traceback"
            tally.count(what, outcome, f"{code} {errors[-2000:]}")
