"""A page on this machine to try two networks on a face: `fer-keras app`."""

import os
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from fer_keras.networks.pretrained import PRETRAINED
from fer_keras.predict import app_html
from fer_keras.predict.confidence import limits
from fer_keras.predict.predictor import read_picture
from fer_keras.predict.side_by_side import Networks
from fer_keras.utils.errors import InputError

HOST = "127.0.0.1"
MAX_UPLOAD = "100mb"
CLEAN_SECONDS, KEPT_SECONDS = 60, 600  # how often files are deleted, and from what age on
STREAM_SECONDS = 0.3  # between pictures of the camera
MAX_WAITING = 20


def app(sources, port):
    """Serve the page until Ctrl-C.

    Args:
        sources: list of at most two run directories or names of `pretrained.PRETRAINED`; an empty
            one takes both that come with the package.
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
    """
    if len(sources) > 2:
        raise InputError(f"{len(sources)} networks are given; the page shows one or two.")
    with tempfile.TemporaryDirectory(prefix="fer-keras-app-") as folder:
        gradio = _import_gradio(folder)
        networks = Networks(list(sources) or list(PRETRAINED))
        page = _page(gradio, networks, Path(folder))
        page.queue(max_size=MAX_WAITING, default_concurrency_limit=1)
        try:
            page.launch(
                server_name=HOST,
                server_port=port,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=MAX_UPLOAD,
                ssr_mode=False,
                mcp_server=False,
                enable_monitoring=False,
                footer_links=[],
                theme=_theme(gradio),
                css=app_html.CSS,
            )
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
            f"Gradio, which serves the page, cannot be loaded ({error}); install it with `pip "
            "install gradio` or as the extra `app` of fer_keras."
        ) from error
    return gradio


def _theme(gradio):
    """Return a theme whose letters are the system's: none are fetched."""
    fonts = ("system-ui", "sans-serif")
    return gradio.themes.Default(font=fonts, font_mono=("monospace",), primary_hue="blue")


def _page(gradio, networks, folder):
    """Return the page, a `gradio.Blocks`."""
    names = " and ".join(networks.names)
    hidden = {"api_visibility": "private", "show_progress": "hidden"}
    cache = (CLEAN_SECONDS, KEPT_SECONDS)
    with gradio.Blocks(title="fer_keras", analytics_enabled=False, delete_cache=cache) as page:
        gradio.Markdown(f"# Expressions by {names}")
        gradio.HTML(app_html.notice_html(limits()))
        with gradio.Tab("Photo"), gradio.Row():
            with gradio.Column(scale=1, min_width=280):
                sources = ["upload", "clipboard"]
                photo = gradio.Image(
                    label="Photo", type="filepath", image_mode=None, sources=sources, height=260
                )
                heat = gradio.Button("Where do they look? (Grad-CAM)")
            with gradio.Column(scale=2, min_width=300):
                found = gradio.HTML(elem_id="photo-result")
            photo.change(lambda path: _photo(networks, path), photo, found, **hidden)
            looks = hidden | {"show_progress": "full"}  # it starts TensorFlow, which takes seconds
            heat.click(lambda path: _photo(networks, path, True), photo, found, **looks)
        with gradio.Tab("Webcam"), gradio.Row():
            with gradio.Column(scale=1, min_width=280):
                camera = gradio.Image(
                    label="Webcam", type="numpy", sources=["webcam"], streaming=True, height=260
                )
            with gradio.Column(scale=2, min_width=300):
                live = gradio.HTML(elem_id="webcam-result")
            every = {"stream_every": STREAM_SECONDS, "concurrency_limit": 1}
            camera.stream(lambda p: _live(networks, p), camera, live, **hidden, **every)
        with gradio.Tab("Video"), gradio.Row():
            with gradio.Column(scale=1, min_width=280):
                clip = gradio.Video(label="Video", sources=["upload"], height=260)
                chosen = gradio.Radio(networks.names, value=networks.names[-1], label="Network")
                start = gradio.Button("Analyse the video", variant="primary")
            with gradio.Column(scale=2, min_width=300):
                told = gradio.HTML(elem_id="video-result")
                annotated = gradio.Video(interactive=False, show_label=False, buttons=[])
                timeline = gradio.Image(
                    interactive=False, format="png", show_label=False, buttons=[]
                )
            outputs = [told, annotated, timeline]
            run = {"inputs": [clip, chosen], "outputs": outputs, "api_visibility": "private"}
            start.click(lambda path, name: _video(networks, folder, path, name), **run)
    return page


def _photo(networks, path, with_heat=False):
    if path is None:
        return ""
    try:
        return networks.page(read_picture(path), with_heat)
    except InputError as error:
        return app_html.message_html(f"This picture cannot be read: {error}.")


def _live(networks, pixels):
    return "" if pixels is None else networks.page(pixels)


def _video(networks, folder, path, name):
    if path is None:
        return app_html.message_html("Choose a video first."), None, None
    out = Path(tempfile.mkdtemp(prefix="video-", dir=folder))
    try:
        summary = networks.video(name, path, out)
    except InputError as error:
        return app_html.message_html(str(error)), None, None
    return (
        app_html.message_html(str(summary)),
        str(out / "annotated.mp4"),
        str(out / "timeline.png"),
    )
