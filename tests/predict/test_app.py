import os
import socket
from contextlib import closing
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import psutil
import pytest
from helpers import photograph, save_run
from PIL import Image

from fer_keras.cli import main
from fer_keras.data.drawn import draw_faces
from fer_keras.predict import app as app_module
from fer_keras.predict.app import HOST, serving
from fer_keras.predict.app_html import MAX_FACES, faces_html
from fer_keras.predict.confidence import reliability
from fer_keras.predict.detection import Box
from fer_keras.predict.recognise import Recogniser
from fer_keras.predict.side_by_side import Answer, Networks
from fer_keras.predict.video import video
from fer_keras.predict.video_files import VideoReader
from fer_keras.predict.video_outputs import TABLE
from fer_keras.utils.errors import InputError

TEST_UPLOAD = "1mb"


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def address():
    """The page's address, with a small bound on uploads.

    At the end its files must be gone, and the process must have asked for no other machine.
    """
    pytest.importorskip("gradio", reason="Gradio, the extra `app`, is not installed")
    asked, look_up = [], socket.getaddrinfo

    def noted(host, *arguments, **options):
        asked.append(host)
        return look_up(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", noted)
        for name in ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "NO_PROXY", "no_proxy"):
            patch.setenv(name, "")  # so that all are set back
        patch.setattr(app_module, "MAX_UPLOAD", TEST_UPLOAD)
        with serving([], free_port()) as address:
            folder = Path(os.environ["GRADIO_TEMP_DIR"])
            assert folder.is_dir()
            yield address
        assert not folder.exists()
        assert {str(host) for host in asked} <= {HOST, "localhost", "None"}


@pytest.fixture(scope="module")
def page(address, browser):
    """The page on a phone. At the end it must have asked for nothing but what its server has."""
    page, asked = browser.new_page(viewport={"width": 390, "height": 844}), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    assert len(asked) > 10
    assert all(url.startswith((f"{address}/", "data:", "blob:")) for url in asked), asked
    page.close()


def write_clip(path, picture, count, rate, **options):
    av = pytest.importorskip("av", reason="PyAV, the extra `video`, is not installed")
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p"
        for _ in range(count):
            file.mux(stream.encode(av.VideoFrame.from_image(picture)))
        file.mux(stream.encode())
    return path


def test_a_photo_goes_in_and_two_sets_of_bars_come_out(page, tmp_path):
    photograph().save(tmp_path / "portrait.jpg")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "portrait.jpg")
    page.wait_for_selector(".fk-network")
    networks = page.locator(".fk-network").all()
    assert [each.locator("h4").inner_text() for each in networks] == ["faces", "best"]
    for each, classes in zip(networks, (8, 7), strict=True):
        shares = [int(t.rstrip(" %")) for t in each.locator(".fk-value").all_inner_texts()]
        assert len(shares) == classes and 95 <= sum(shares) <= 105
        bars = [bar.bounding_box()["width"] for bar in each.locator(".fk-bar").all()]
        assert np.argmax(bars) == np.argmax(shares) and each.locator(".fk-best").count() == 1
        assert "it was right for" in each.inner_text()
    assert "Do not use them to decide anything about people" in page.inner_text(".fk-notice")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # fits a phone


def test_a_video_goes_in_and_two_networks_follow_its_face(page, tmp_path):
    write_clip(tmp_path / "face.mp4", photograph().resize((256, 300)), 5, 10)
    page.get_by_role("tab", name="Video").click()
    page.locator("input[type=file]").last.set_input_files(tmp_path / "face.mp4")
    page.get_by_role("button", name="Analyse the video").click()
    page.wait_for_selector("#video-pair video")
    told = [each.inner_text() for each in page.locator("#video-result .fk-network").all()]
    assert [text.split()[0] for text in told] == ["faces", "best"]
    assert all("it was right about" in text and "face 1, " in text for text in told)
    page.wait_for_function(
        "[...document.querySelectorAll('#video-pair video')].filter(v => v.videoWidth).length == 2"
    )
    assert page.locator("#video-pair img").count() == 2  # the timelines
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_only_this_machine_is_answered_and_no_other_file_is_given(address):
    import httpx

    port = int(address.rpartition(":")[2])
    found = psutil.Process().net_connections("tcp")
    listening = [c.laddr.ip for c in found if c.status == "LISTEN" and c.laddr.port == port]
    assert listening == [HOST]
    secret = Path(__file__).resolve()
    assert httpx.get(f"{address}/gradio_api/file={secret}").status_code == 403
    large = {"files": ("large.jpg", b"0" * 2_000_000)}
    assert httpx.post(f"{address}/gradio_api/upload", files=large).status_code == 413


def test_a_port_that_is_taken_is_one_sentence(address, capsys):
    assert main(["app", "--port", address.rpartition(":")[2]]) == 2
    assert "give another one with --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network", "a", "--network", "b", "--network", "c"], "3 networks are given"),
        (["--network", "norun"], "holds no finished run"),
        (["--port", "99999"], "give a number of 1 to 65535"),
    ],
)
def test_impossible_requests_are_one_sentence(capsys, arguments, message):
    pytest.importorskip("gradio")
    assert main(["app", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_without_gradio_its_installation_is_named(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    assert main(["app"]) == 2
    assert 'pip install "gradio' in capsys.readouterr().err


def test_grad_cam_is_shown_or_a_sentence_says_why_not(run_directory, tmp_path):
    flat = [keras.Input((48, 48, 1)), keras.layers.Flatten()]
    no_maps = keras.Sequential([*flat, keras.layers.Dense(7, activation="softmax")])
    networks = Networks([run_directory, save_run(tmp_path / "flat", no_maps)])
    pixels = np.asarray(photograph())
    assert "Grad-CAM" not in networks.page(pixels)
    page = networks.page(pixels, with_heat=True)
    assert page.count('alt="Grad-CAM of') == 1 and "Grad-CAM cannot explain" in page
    assert "Face 1: " in page and page.count('class="fk-row') == 14


def test_a_picture_without_a_face_says_so():
    page = Networks(["quick"]).page(np.zeros((200, 200, 3), np.uint8))
    assert "No face of 30 pixels or more was found" in page


def test_what_a_run_calls_its_classes_is_never_markup():
    hostile = "<script>alert(1)</script>"
    images = np.zeros((9, 48, 48), np.uint8)
    shares = np.tile([0.75, 0.25], (9, 1))
    answer = Answer(hostile, (hostile, "b"), images, shares, reliability("quick"), hostile)
    boxes = [Box(0, 0, 50, 50)] * 9
    html = faces_html(np.zeros((60, 60, 3), np.uint8), boxes, [answer, answer])
    assert "<script" not in html and html.count("&lt;script&gt;") > 9
    assert html.count("<section") == MAX_FACES and "3 more face(s) are not listed" in html


def test_a_face_alone_is_taken_as_predict_takes_it():
    """In some of these pictures the detector finds nothing."""
    networks, recognise = Networks(["quick"]), Recogniser("quick")
    for face in np.repeat(draw_faces(20, seed=3).images[..., np.newaxis], 3, axis=3):
        assert recognise(face).how == "tight crop"
        assert 'class="fk-row' in networks.page(face)


def test_a_long_video_is_refused_before_it_is_analysed(tmp_path):
    write_clip(tmp_path / "long.mp4", Image.new("RGB", (64, 64)), 70, 1)
    with pytest.raises(InputError, match="longer than 60 seconds; use `fer-keras video`"):
        Networks(["quick"]).video(tmp_path / "long.mp4", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_long_video_that_does_not_say_so_is_refused(tmp_path):
    write_clip(tmp_path / "long.mkv", Image.new("RGB", (64, 64)), 70, 1, live="1")
    with closing(VideoReader(tmp_path / "long.mkv")) as reader:
        assert reader.num_frames is None
    with pytest.raises(InputError, match="longer than 60 seconds; use `fer-keras video`"):
        Networks(["quick"]).video(tmp_path / "long.mkv", tmp_path / "out")
    assert not [*tmp_path.rglob("*.mp4")]


def test_networks_see_the_same_faces_of_a_video(run_directory, tmp_path):
    clip = write_clip(tmp_path / "face.mp4", photograph().resize((256, 300)), 6, 10)
    told, found = Networks([run_directory, "quick"]).video(clip, tmp_path / "out")
    tables = [pd.read_csv(summary.folder / TABLE) for summary in found]
    where = ["frame", "second", "track", *Box._fields, "score"]
    pd.testing.assert_frame_equal(tables[0][where], tables[1][where])
    assert tables[0]["frame"].tolist() == [0, 2, 4]
    assert np.abs(tables[0]["happy"] - tables[1]["happy"]).max() > 0.01
    alone = video("quick", clip, tmp_path / "alone", every=2)
    pd.testing.assert_frame_equal(pd.read_csv(alone.folder / TABLE), tables[1])
    same = sum(tables[0]["class"] == tables[1]["class"])
    assert f"both say the same in {100 * same / 3:.0f} % of 3 frames" in told
