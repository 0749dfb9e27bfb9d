"""A page on this machine to try two networks on a face: `fer-keras app`."""

import os
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from fer_keras.networks.pretrained import SIDE_BY_SIDE
from fer_keras.predict import app_html
from fer_keras.predict.confidence import limits
from fer_keras.predict.predictor import read_picture
from fer_keras.predict.side_by_side import Networks
from fer_keras.predict.video_outputs import ANNOTATED, TIMELINE
from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install

HOST = "127.0.0.1"
MAX_UPLOAD = "100mb"
CLEAN_SECONDS, KEPT_SECONDS = 60, 600  # how often files are deleted, and from what age on
STREAM_SECONDS = 0.3  # between pictures of the camera
MAX_WAITING = 20
HEIGHT = 260  # pixels of what is shown of an upload
LEFT, RIGHT = {"scale": 1, "min_width": 280}, {"scale": 2, "min_width": 300}
QUIET = {"api_visibility": "private", "show_progress": "hidden"}
LOCAL_ONLY = {
    "server_name": HOST,
    "share": False,
    "ssr_mode": False,
    "mcp_server": False,
    "enable_monitoring": False,
    "footer_links": [],
    "quiet": True,
    "prevent_thread_lock": True,
}
"""How Gradio serves the page: to this machine, and no other service beside it."""


def app(sources, port):
    """Serve the page until Ctrl-C.

    Args:
        sources: list of at most two run directories or names of `pretrained.PRETRAINED`; an empty
            one takes `pretrained.SIDE_BY_SIDE`.
        port: int, the port on 127.0.0.1.

    Raises:
        InputError: if a network is impossible, the port is taken, or Gradio is missing.
    """
    with serving(sources, port) as address:
        print(f"Open {address} in a browser; Ctrl-C stops it and deletes all uploads.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nStopped.")


@contextmanager
def serving(sources, port):
    """Serve the page within the block.

    Args:
        sources: as in `app`.
        port: as in `app`.

    Yields:
        The page's address, str.

    Raises:
        InputError: as `app`.
    """
    if len(sources) > 2:
        raise InputError(f"{len(sources)} networks are given; the page shows one or two.")
    if not 0 < port < 2**16:
        raise InputError(f"--port is {port}; give a number of 1 to {2**16 - 1}.")
    with tempfile.TemporaryDirectory(prefix="fer-keras-app-") as folder:
        gradio = _import_gradio(folder)
        networks = Networks(list(sources) or list(SIDE_BY_SIDE))
        page = _page(gradio, networks, Path(folder))
        page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
        try:
            look = {"theme": _theme(gradio), "css": app_html.CSS}
            page.launch(server_port=port, max_file_size=MAX_UPLOAD, **look, **LOCAL_ONLY)
        except OSError as error:
            raise InputError(
                f"Port {port} cannot be used ({error}); give another one with --port."
            ) from error
        try:
            yield f"http://{HOST}:{port}"
        finally:
            page.close(verbose=False)


def _import_gradio(folder):
    """Return the module `gradio`, told to keep its files in a folder and to send nothing."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = folder
    # Gradio asks its own server whether it is there, which is no business of a proxy.
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, [known, HOST]))
    try:
        import gradio
    except ImportError as error:
        raise InputError(
            f"Gradio, which serves the page, cannot be loaded ({error}); install it with: "
            f"{how_to_install('app')}"
        ) from error
    return gradio


def _theme(gradio):
    """Return a theme whose letters are the system's: none are fetched."""
    fonts = ("system-ui", "sans-serif")
    return gradio.themes.Default(font=fonts, font_mono=("monospace",), primary_hue="blue")


def _page(gradio, networks, folder):
    """Return the page, a `gradio.Blocks`."""
    cache = (CLEAN_SECONDS, KEPT_SECONDS)
    with gradio.Blocks(title="fer_keras", analytics_enabled=False, delete_cache=cache) as page:
        gradio.Markdown(f"# Expressions by {' and '.join(networks.names)}")
        gradio.HTML(app_html.notice_html(limits()))
        with gradio.Tab("Photo"), gradio.Row():
            _photo_tab(gradio, networks)
        with gradio.Tab("Webcam"), gradio.Row():
            _webcam_tab(gradio, networks)
        with gradio.Tab("Video"):
            _video_tab(gradio, networks, folder)
    return page


def _photo_tab(gradio, networks):
    with gradio.Column(**LEFT):
        given = {"sources": ["upload", "clipboard"], "type": "filepath", "image_mode": None}
        photo = gradio.Image(label="Photo", height=HEIGHT, **given)
        heat = gradio.Button("Where do they look? (Grad-CAM)")
    with gradio.Column(**RIGHT):
        found = gradio.HTML(elem_id="photo-result")
    photo.change(lambda path: _photo(networks, path), photo, found, **QUIET)
    waited = QUIET | {"show_progress": "full"}  # it starts TensorFlow, which takes seconds
    heat.click(lambda path: _photo(networks, path, True), photo, found, **waited)


def _webcam_tab(gradio, networks):
    with gradio.Column(**LEFT):
        given = {"sources": ["webcam"], "streaming": True, "type": "numpy"}
        camera = gradio.Image(label="Webcam", height=HEIGHT, **given)
    with gradio.Column(**RIGHT):
        live = gradio.HTML(elem_id="webcam-result")
    every = {"stream_every": STREAM_SECONDS, "concurrency_limit": 1}
    camera.stream(lambda pixels: _live(networks, pixels), camera, live, **QUIET, **every)


def _video_tab(gradio, networks, folder):
    with gradio.Row():
        with gradio.Column(**LEFT):
            clip = gradio.Video(label="Video", sources=["upload"], height=HEIGHT)
            start = gradio.Button("Analyse the video", variant="primary")
        with gradio.Column(**RIGHT):
            told = gradio.HTML(elem_id="video-result")
    shown, bare = [], {"interactive": False, "show_label": False, "buttons": []}
    with gradio.Row(visible=False, elem_id="video-pair") as pair:
        for name in networks.names:
            with gradio.Column(min_width=300):
                gradio.HTML(app_html.heading_html(name))
                shown += [gradio.Video(**bare), gradio.Image(format="png", **bare)]

    def analyse(path):
        words, files = _video(networks, folder, path)
        return words, gradio.Row(visible=bool(files)), *(files or [None] * len(shown))

    start.click(analyse, clip, [told, pair, *shown], api_visibility="private")


def _photo(networks, path, with_heat=False):
    if path is None:
        return ""
    try:
        return networks.page(read_picture(path), with_heat)
    except InputError as error:
        return app_html.message_html(f"This picture cannot be read: {error}.")


def _live(networks, pixels):
    return "" if pixels is None else networks.page(pixels)


def _video(networks, folder, path):
    """Return what is found in a video, and the files of each network's video and timeline."""
    if path is None:
        return app_html.message_html("Choose a video first."), []
    try:
        told, found = networks.video(path, Path(tempfile.mkdtemp(prefix="video-", dir=folder)))
    except InputError as error:
        return app_html.message_html(str(error)), []
    return told, [str(each.folder / name) for each in found for name in (ANNOTATED, TIMELINE)]
