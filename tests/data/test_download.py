"""FER2013's download, against a server on this machine that answers as Kaggle does."""

import base64
import hashlib
import http.server
import io
import json
import shutil
import sys
import threading
import zipfile
from collections import Counter, namedtuple

import pytest
from helpers import patterned_faces

from fer_keras.cli import main
from fer_keras.data import download
from fer_keras.data.download import CHALLENGE, CSV_NAME, download_fer2013
from fer_keras.data.faces import concatenate, split_names
from fer_keras.data.loading import load_data
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.utils.errors import InputError

SERVICES = {"DownloadDataFile": "csv", "DownloadDataset": "images"}


class Kaggle(http.server.ThreadingHTTPServer):
    """Answers as Kaggle does: a redirection to a file, whose hash is in a header; or a refusal."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.status, self.cut, self.ranges, self.wrong_hash = (
            files,
            200,
            None,
            [],
            False,
        )

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status != 200:
            return self.answer(self.server.status, json.dumps({"message": "no"}).encode(), {})
        name = SERVICES[self.path.rsplit("/", 1)[-1]]
        return self.answer(302, b"", {"Location": f"{self.server.address}/{name}"})

    def do_GET(self):
        content = self.server.files[self.path[1:]]
        digest = hashlib.md5(b"other" if self.server.wrong_hash else content).digest()
        headers = {"Accept-Ranges": "bytes", "Last-Modified": "Thu, 01 Jan 2015 00:00:00 GMT"}
        headers["X-Goog-Hash"] = f"md5={base64.b64encode(digest).decode()}"
        if asked := self.headers["Range"]:
            self.server.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            return self.answer(206, content[start:], headers)
        return self.answer(200, content, headers, self.server.cut)

    def answer(self, status, content, headers, cut=None):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:cut])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Both forms of a little data set with all three splits: a folder, and a server's files."""
    folder = tmp_path_factory.mktemp("published")
    splits = ((28, "Training"), (14, "PublicTest"), (14, "PrivateTest"))
    faces = [patterned_faces(*each) for each in splits]
    faces = concatenate(concatenate(*faces[:2]), faces[2])
    write_fer2013_csv(faces, folder / CSV_NAME)
    write_image_folder(faces, folder / "images")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (folder / "images").rglob("*.*"):
            archive.write(path, path.relative_to(folder / "images"))
    return folder, {"csv": (folder / CSV_NAME).read_bytes(), "images": packed.getvalue()}


@pytest.fixture
def kaggle(published, tmp_path, monkeypatch):
    kaggle_env = pytest.importorskip("kagglesdk.kaggle_env", reason="needs kagglehub")
    monkeypatch.setenv("KAGGLEHUB_VERBOSITY", "error")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "account"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "a-token")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    files = published[1]
    monkeypatch.setattr(download, "CSV_MD5", hashlib.md5(files["csv"]).hexdigest())
    sizes = {"Training": 28, "PublicTest": 14, "PrivateTest": 14}
    monkeypatch.setattr(download, "NUM_ROWS", sizes)
    # In smaller pieces than of a megabyte, each of which is kept.
    monkeypatch.setattr("kagglehub.clients.CHUNK_SIZE", 5000)
    server = Kaggle(files)
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, server.address)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_both_forms_come_whole_and_are_found_as_data(kaggle, published, tmp_path, capsys):
    target = tmp_path / "data"
    assert main(["download", "fer2013", "--out", str(target)]) == 0
    shown = capsys.readouterr().out
    assert str(target / CSV_NAME) in shown and str(target / "fer2013") in shown
    assert (target / CSV_NAME).read_bytes() == published[1]["csv"]
    for storage in ("csv", "folder"):
        splits = load_data(target, storage=storage)
        found = Counter(split_names(concatenate(splits.train, splits.test).ids).tolist())
        assert found == {"Training": 28, "PublicTest": 14, "PrivateTest": 14}
    assert sorted(path.name for path in target.iterdir()) == ["fer2013", CSV_NAME]

    kaggle.status = 500  # what is there is checked, and not asked for again
    assert main(["download", "fer2013", "--out", str(target)]) == 0
    next(target.rglob("Training*.*")).unlink()
    assert main(["download", "fer2013", "--out", str(target)]) == 2
    assert "27 Training faces; FER2013 has 28 Training" in capsys.readouterr().err


def test_an_interrupted_download_goes_on_where_it_stopped(kaggle, published, tmp_path, capsys):
    kaggle.cut = 5000
    assert main(["download", "fer2013", "--out", str(tmp_path / "data")]) == 1
    assert "Kaggle cannot be reached" in capsys.readouterr().err
    kaggle.cut = None
    download_fer2013(tmp_path / "data")
    assert kaggle.ranges == ["bytes=5000-"]
    assert (tmp_path / "data" / CSV_NAME).read_bytes() == published[1]["csv"]


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (401, 2, "Kaggle does not accept your token: make a token at"),
        (403, 2, f"open https://www.kaggle.com/competitions/{CHALLENGE}/rules, accept them"),
        (404, 1, "Kaggle answers 404"),
        (503, 1, "Kaggle answers 503"),
    ],
)
def test_each_refusal_is_one_sentence(kaggle, tmp_path, capsys, status, code, sentence):
    kaggle.status = status
    assert main(["download", "fer2013", "--out", str(tmp_path / "data")]) == code
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error
    assert not list(tmp_path.rglob("*.csv"))


def test_missing_account_network_disk_and_package_are_said(kaggle, tmp_path, monkeypatch):
    kaggle.wrong_hash = True
    with pytest.raises(OSError, match="damaged and was deleted"):
        download_fer2013(tmp_path)
    kaggle.shutdown()
    kaggle.server_close()
    with pytest.raises(OSError, match=r"cannot be reached \(ConnectionError\).*or download it by"):
        download_fer2013(tmp_path)
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(InputError, match="Kaggle asks who you are: make a token at https"):
        download_fer2013(tmp_path)
    (tmp_path / "account").mkdir()
    (tmp_path / "account" / "kaggle.json").write_text("{")
    with pytest.raises(InputError, match="token cannot be read"):
        download_fer2013(tmp_path)
    full = namedtuple("Usage", "free")(2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: full)
    with pytest.raises(OSError, match="has 2 MB left and 450 MB are needed"):
        download_fer2013(tmp_path)
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(InputError, match='pip install "kagglehub'):
        download_fer2013(tmp_path)
    assert not list(tmp_path.glob("*.csv"))


def test_other_files_than_fer2013_are_refused_and_kept(tmp_path):
    path = tmp_path / CSV_NAME
    path.write_text("emotion,pixels,Usage\n")
    with pytest.raises(InputError, match="not the file of the challenge: its MD5 is"):
        download_fer2013(tmp_path)
    assert path.read_text() == "emotion,pixels,Usage\n"
    with pytest.raises(InputError, match="is no folder to write to"):
        download_fer2013(path)
