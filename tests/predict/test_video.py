import shutil
import wave
from contextlib import closing
from fractions import Fraction

import cv2
import numpy as np
import pandas as pd
import pytest
from helpers import photograph
from PIL import Image

import fer_keras as fk
from fer_keras.cli import main
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.predict import video as video_module
from fer_keras.predict import video_outputs
from fer_keras.predict.timeline import timeline_figure
from fer_keras.predict.video_files import LONGEST_SIDE, VideoError, VideoReader
from fer_keras.predict.video_outputs import ANNOTATED, TABLE, TIMELINE
from fer_keras.predict.video_writer import VideoWriter
from fer_keras.utils.errors import InputError

av = pytest.importorskip("av", reason="PyAV, the extra `video`, is not installed")

SIZE, NUM_FRAMES, SOUND_RATE = (480, 272), 48, 16_000
FACE_IN_PORTRAIT = np.array([160, 114, 209]) * 0.3  # left, top, side in the portrait as pasted
AWAY = range(24, 30)
"""Frames without the second face."""


def planted_second(number):
    """The rate changes from 24 to 12 frames a second in the middle."""
    half = NUM_FRAMES // 2
    return min(number, half) / 24 + max(number - half, 0) / 12


def planted_corners(number):
    """Where the portraits are: the first goes right, the second goes left below it."""
    return (4 * number, 0), (290 - 4 * number, 100)


def write_video(path, frames, seconds, codec="libx264", size=SIZE, sound=None, rotation=None):
    with av.open(str(path), "w", options={"movflags": "faststart"}) as file:
        stream = file.add_stream(codec, rate=24)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 24_000)
        if rotation:
            stream.set_display_rotation(rotation)
        voice = file.add_stream(sound, rate=SOUND_RATE) if sound else None
        for picture, second in zip(frames, seconds):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = round(second * 24_000), Fraction(1, 24_000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if voice:
            tone = np.sin(np.arange(2 * SOUND_RATE) / 6)
            samples = (8000 * tone).astype(np.int16)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, 0
            file.mux(voice.encode(frame))
            file.mux(voice.encode())
    return path


def portraits():
    small = photograph().resize((154, 180))
    pair = small, small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for number in range(NUM_FRAMES):
        frame = Image.new("RGB", SIZE, (90, 110, 130))
        for face, (portrait, corner) in enumerate(zip(pair, planted_corners(number))):
            if not (face and number in AWAY):
                frame.paste(portrait, corner)
        yield frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two portraits that pass each other; the second is away for half a second."""
    path = tmp_path_factory.mktemp("video") / "faces.mp4"
    seconds = map(planted_second, range(NUM_FRAMES))
    return write_video(path, portraits(), seconds, sound="aac")


@pytest.fixture(scope="module")
def outcome(clip, tmp_path_factory):
    """The folder that the command wrote, and what it printed."""
    out = tmp_path_factory.mktemp("outcome") / "new"
    return out, video_module.video("quick", clip, out)


@pytest.fixture
def stills(tmp_path):
    """A function that writes a short video of a portrait, without sound unless it is named."""

    def write(name="stills.mp4", count=6, **options):
        pictures = [photograph().resize(options.get("size", (128, 144)))] * count
        seconds = [number / 12 for number in range(count)]
        return write_video(tmp_path / name, pictures, seconds, **{"size": (128, 144)} | options)

    return write


def opencv_frames(path):
    capture, frames = cv2.VideoCapture(str(path)), []
    while (answer := capture.read())[0]:
        frames.append(answer[1][..., ::-1])
    return frames


def test_the_table_holds_the_planted_faces_seconds_and_places(outcome):
    table = pd.read_csv(outcome[0] / TABLE)
    assert set(table["track"]) == {1, 2}
    by_frame = table.drop_duplicates("frame").set_index("frame")["second"]
    assert by_frame.index.tolist() == list(range(NUM_FRAMES))
    np.testing.assert_allclose(by_frame, [planted_second(n) for n in range(NUM_FRAMES)], atol=1e-3)
    first = table[table["track"] == 1].set_index("frame")
    second = table[table["track"] == 2].set_index("frame")
    assert sorted(first.index) == list(range(NUM_FRAMES))
    assert sorted(second.index) == sorted(set(range(NUM_FRAMES)) - set(AWAY))
    left, top, side = FACE_IN_PORTRAIT
    for rows, face, mirrored in ((first, 0, left), (second, 1, 154 - left - side)):
        corners = np.array([planted_corners(number)[face] for number in rows.index])
        assert np.abs(rows["left"] - mirrored - corners[:, 0]).max() < 9
        assert np.abs(rows["top"] - top - corners[:, 1]).max() < 9
        assert np.abs(rows["width"] - side).max() < 12
    shares = table[list(CLASS_NAMES)].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert table["class"].tolist() == [CLASS_NAMES[best] for best in shares.argmax(axis=1)]
    assert outcome[1].num_frames == NUM_FRAMES and outcome[1].problem is None


def test_the_annotated_video_plays_in_browsers_with_its_times_and_sound(outcome, clip):
    path = outcome[0] / ANNOTATED
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # players begin before it is whole
    with av.open(str(path)) as file, av.open(str(clip)) as source:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        seconds = [frame.time for frame in file.decode(video=0)]
        file.seek(0)
        sounds = [[bytes(p) for p in f.demux(audio=0) if p.size] for f in (file, source)]
    np.testing.assert_allclose(seconds, [planted_second(n) for n in range(NUM_FRAMES)], atol=1e-3)
    assert sounds[0] == sounds[1][: len(sounds[0])] and len(sounds[0]) > 20
    annotated, plain = opencv_frames(path), opencv_frames(clip)
    assert len(annotated) == NUM_FRAMES and annotated[0].shape == (*SIZE[::-1], 3)
    # Far from faces nothing changes, colours neither.
    assert np.abs(annotated[0][-20:, :60].astype(int) - plain[0][-20:, :60]).mean() < 6
    assert np.abs(annotated[0].astype(int) - plain[0]).max() > 100


def test_the_timeline_describes_each_face(outcome):
    with Image.open(outcome[0] / TIMELINE) as figure:
        words, size = figure.info["Description"], figure.size
    assert "Face 1: 0.0 to 2.9 seconds" in words and f"of {NUM_FRAMES} frames" in words
    assert "Face 2" in words and min(size) > 500


def test_the_timeline_leaves_a_gap_where_a_face_is_away(outcome):
    table = pd.read_csv(outcome[0] / TABLE)
    panels = timeline_figure(table, CLASS_NAMES).axes[1::2]
    for panel, has_gap in zip(panels, (False, True)):
        line = max(panel.get_lines(), key=lambda each: len(each.get_xdata()))
        assert np.isnan(line.get_ydata()).any() == has_gap


def test_a_timeline_of_no_or_many_faces_says_so():
    empty = pd.DataFrame(columns=["second", "track", *CLASS_NAMES])
    assert timeline_figure(empty, CLASS_NAMES).get_label() == "No face was found in the video."
    rows = [[second, track, *np.eye(7)[3]] for track in range(1, 7) for second in range(track)]
    many = pd.DataFrame(rows, columns=empty.columns)
    words = timeline_figure(many, CLASS_NAMES).get_label()
    assert "2 more, in fewer frames, are not drawn." in words and "Face 2:" not in words
    assert "Face 6: 0.0 to 5.0 seconds, happy in 100% of 6 frames." in words


def test_the_function_returns_the_table_of_every_second_frame(clip, outcome):
    table = fk.analyze_video(clip, network="quick", every=2)
    whole = pd.read_csv(outcome[0] / TABLE)
    assert set(table["frame"]) == set(range(0, NUM_FRAMES, 2)) and set(table["track"]) == {1, 2}
    pd.testing.assert_frame_equal(
        table.drop(columns="track").reset_index(drop=True),
        whole[whole["frame"] % 2 == 0].drop(columns="track").reset_index(drop=True),
    )


def test_where_there_is_no_face_columns_have_their_types(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.gif")
    table = fk.analyze_video(tmp_path / "red.gif", network="quick")
    assert table.empty and {*table.dtypes[["frame", "track", "left"]]} == {np.dtype(int)}
    assert {*table.dtypes[["second", "score", *CLASS_NAMES]]} == {np.dtype(float)}


@pytest.mark.parametrize("stop", [1, 5])
def test_rows_are_written_as_they_come_and_a_stopped_run_keeps_them(
    stills, tmp_path, monkeypatch, capsys, stop
):
    out, seen, annotate = tmp_path / "out", [], video_outputs.annotate

    def interrupted(*arguments):
        seen.append(len((out / "faces.part.csv").read_text().splitlines()) - 1)
        if len(seen) == stop:
            raise KeyboardInterrupt
        return annotate(*arguments)

    monkeypatch.setattr(video_outputs, "annotate", interrupted)
    assert main(["video", "quick", str(stills()), "--out", str(out)]) == 130
    assert seen == list(range(1, stop + 1))
    kept = [".gitignore", *["annotated.part.mp4"] * (stop > 1), "faces.part.csv"]
    assert sorted(path.name for path in out.iterdir()) == kept
    if stop > 1:
        assert len(opencv_frames(out / "annotated.part.mp4")) == stop - 1
    assert "Stopped; what was done is kept" in capsys.readouterr().err


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_video_filmed_upright_is_read_upright(stills, rotation):
    """OpenCV turns frames, too, by code of its own."""
    path = stills(rotation=rotation)
    ours, theirs = [frame.pixels for frame in VideoReader(path)], opencv_frames(path)
    assert len(ours) == len(theirs)
    assert ours[0].shape == theirs[0].shape == ((128, 144) if rotation % 180 else (144, 128)) + (3,)
    assert np.abs(ours[0].astype(int) - theirs[0]).mean() < 3


def test_large_frames_are_scaled_down_and_odd_sides_made_even(stills, tmp_path):
    large = stills("large.mp4", 1, size=(2400, 400))
    assert next(iter(VideoReader(large))).pixels.shape == (320, LONGEST_SIDE, 3)
    Image.new("RGB", (101, 75), "red").save(tmp_path / "odd.gif")
    (frame,) = VideoReader(tmp_path / "odd.gif")
    assert frame.pixels.shape == (76, 100, 3) and frame.pixels[40, 50].tolist() == [255, 0, 0]


def test_sound_that_browsers_do_not_play_is_said_to_be_dropped(stills, tmp_path):
    path = stills("sound.avi", codec="mjpeg", sound="pcm_s16le")
    summary = video_module.video("quick", path, tmp_path / "out")
    assert "sound (pcm_s16le) is dropped" in str(summary)
    with av.open(str(tmp_path / "out" / ANNOTATED)) as written:
        assert not written.streams.audio


def silence(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0" * 8000)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "cannot be read as a video"),
        (lambda path: path.write_text("no video\n" * 99), "cannot be read as a video"),
        (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nother.ts\n"), "cannot be read"),
        (silence, "cannot be read as a video"),
    ],
)
def test_what_is_no_video_is_one_sentence(tmp_path, capsys, write, message):
    write(tmp_path / "in.mp4")
    assert main(["video", str(tmp_path / "in.mp4"), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_video_that_was_cut_off_keeps_what_it_has_and_fails(clip, tmp_path, capsys):
    content = clip.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) * 2 // 3])
    assert main(["video", "quick", str(tmp_path / "cut.mp4"), "--out", str(tmp_path / "out")]) == 1
    assert "cut off or is damaged" in capsys.readouterr().err
    rows = pd.read_csv(tmp_path / "out" / TABLE)
    assert 0 < rows["frame"].max() < NUM_FRAMES - 1
    with pytest.warns(UserWarning, match="cut off or is damaged"):
        table = fk.analyze_video(tmp_path / "cut.mp4", network="quick")
    assert table["frame"].max() == rows["frame"].max()
    (tmp_path / "none.mp4").write_bytes(content[: content.index(b"mdat") + 4])
    arguments = ["video", "quick", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "not")]
    assert main(arguments) == 1 and not (tmp_path / "not").exists()
    assert "gave no picture" in capsys.readouterr().err


def test_a_last_picture_that_stays_for_seconds_is_no_damage(tmp_path):
    pictures = [Image.new("RGB", (64, 64), (n, 0, 0)) for n in (0, 90, 180)]
    times = {"duration": [200, 200, 5000], "loop": 0}
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], **times)
    with closing(VideoReader(tmp_path / "a.gif")) as reader:
        assert len([*reader]) == 3 and reader.problem is None


@pytest.mark.parametrize("kind", ["mkv", "mp4"])
def test_sound_that_goes_on_after_the_pictures_is_no_damage(stills, kind):
    with closing(VideoReader(stills(f"short.{kind}", sound="aac"))) as reader:
        assert reader.num_frames <= 12  # two seconds of sound would hold 48
        assert len([*reader]) == 6 and reader.problem is None


@pytest.mark.parametrize("sound", ["aac", None])
def test_a_matroska_video_that_was_cut_off_is_told(stills, tmp_path, sound):
    content = stills("whole.mkv", count=36, codec="mjpeg", sound=sound).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    with closing(VideoReader(tmp_path / "cut.mkv")) as reader:
        assert 0 < len([*reader]) < 24 and "of 3.0 seconds; it was cut off" in reader.problem


def copied(source, target):
    """Read all frames of a video and write them, with its sound."""
    with closing(VideoReader(source)) as reader:
        writer = None
        for frame in reader:
            picture = Image.fromarray(frame.pixels)
            writer = writer or VideoWriter(target, source, picture.size, reader.rate)
            writer.write(picture, frame.second)
        if writer:
            writer.close()
        return reader.problem, writer and writer.sound


@pytest.mark.parametrize("every", [2.5, float("nan"), "2", 0])
def test_every_is_a_whole_number(stills, every):
    with pytest.raises(InputError, match="every is .*; give 1 for all frames, or a larger number"):
        fk.analyze_video(stills(), network="quick", every=every)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts"])
def test_damage_anywhere_ends_in_a_sentence_or_leaves_a_video(stills, tmp_path, kind):
    content, told = stills(f"whole.{kind}", count=24, sound="aac").read_bytes(), set()
    for seed in range(30):
        rng, damaged = np.random.default_rng(seed), bytearray(content)
        for start in rng.integers(0, len(content), 1 + seed % 4):
            size = int(2 ** rng.integers(0, 12))
            damaged[start : start + size] = rng.bytes(min(size, len(content) - start))
        path = tmp_path / f"damaged{seed}.{kind}"
        path.write_bytes(damaged)
        try:
            told.add(copied(path, tmp_path / "copy.mp4"))
        except VideoError as error:
            told.add(str(error))
    assert (None, None) in told and len(told) > 1


def test_a_full_disk_is_told_and_no_broken_video_kept(stills, tmp_path, capsys):
    resource = pytest.importorskip("resource")
    path, out = stills(count=15, size=(240, 240)), tmp_path / "out"
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, former[1]))
    try:
        assert main(["video", "quick", str(path), "--out", str(out)]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert "annotated.part.mp4" in capsys.readouterr().err
    assert [each.name for each in out.glob("[!.]*")] == ["faces.part.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.mp4"], "nowhere.mp4 does not exist; name a video file"),
        (["CLIP", "--every", "0"], "every is 0; give 1"),
        (["CLIP", "--out", "."], "is not empty"),
        (["norun", "CLIP"], "holds no finished run"),
    ],
)
def test_impossible_requests_are_one_sentence(
    clip, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, tmp_path / "CLIP")
    assert main(["video", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["CLIP"]


def test_without_pyav_its_installation_is_named(clip, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert main(["video", str(clip)]) == 2
    assert 'pip install "av' in capsys.readouterr().err
