"""Download FER2013 from Kaggle, with an account of the user's."""

import hashlib
import shutil
import sys
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm.auto import tqdm

from fer_keras.data.faces import split_names
from fer_keras.data.readers.fer2013_csv import NUM_ROWS, read_all_rows
from fer_keras.data.readers.listing import has_image_folder, list_images
from fer_keras.data.readers.locate import SUBFOLDER, find_data
from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.files import project_path, require_writable, whole_file

CHALLENGE = "challenges-in-representation-learning-facial-expression-recognition-challenge"
CSV_NAME = "icml_face_data.csv"
CSV_MD5 = "b114b9e04e6949e5fe8b6a98b3892b1d"
"""MD5 of the challenge's CSV file, which torchvision's `FER2013` asks for, too."""

IMAGES = "msambare/fer2013/versions/1"
"""The folder form; with its version, kagglehub finds a copy that is here without the network."""

SITE = "https://www.kaggle.com"
PAGES = {CHALLENGE: f"{SITE}/competitions/{CHALLENGE}", IMAGES: f"{SITE}/datasets/msambare/fer2013"}
CSV_BYTES, FOLDER_BYTES = 450_000_000, 250_000_000
"""Bytes that each form needs in Kaggle's cache (packed and unpacked), and in the target folder."""

INSTALL = f"Downloading needs kagglehub; install it with: {how_to_install('kaggle')}"
LOG_IN = (
    f"make a token at {SITE}/settings (API), save it as kaggle.json in ~/.kaggle/ or put it into "
    "the variable KAGGLE_API_TOKEN, then start again"
)


def download_fer2013(directory="data"):
    """Download both forms of FER2013 from Kaggle, and check them.

    kagglehub keeps its own copy in its cache and goes on there after an interruption. A form that
    is in the folder already is checked only.

    Args:
        directory: the folder that gets `icml_face_data.csv` and `fer2013/`; relative to the
            project's.

    Returns:
        The `Location` of both forms.

    Raises:
        InputError: if kagglehub, a Kaggle account or its consent to the terms is missing, or what
            came, or lies in the folder, is not FER2013.
        OSError: if the network, Kaggle or the disk fails.
    """
    directory = project_path(directory)
    require_writable(directory)
    _download_csv(directory / CSV_NAME)
    _download_folder(directory / SUBFOLDER)
    return find_data(directory)


def _download_csv(target):
    if not target.exists():
        source = _fetch(CHALLENGE, "competition_download", CSV_BYTES, target.parent, CSV_NAME)
        _check_csv(source)
        with whole_file(target) as part:
            shutil.copyfile(source, part)
    _check_csv(target)
    # Parsing says whether it can be read, and keeps the pixels for the first comparison.
    _check_counts(Counter(split_names(read_all_rows(target)[0].ids).tolist()), target)


def _download_folder(target):
    if not target.exists():
        source = _fetch(IMAGES, "dataset_download", FOLDER_BYTES, target.parent)
        _check_images(source)
        _copy_images(source, target)
    _check_images(target)


def _fetch(handle, download, num_bytes, target, *file):
    """Return the path of what Kaggle keeps under a handle, in kagglehub's cache."""
    try:
        with redirect_stdout(sys.stderr):  # where its progress goes from then on
            import kagglehub
            from kagglehub.config import get_cache_folder
    except ImportError as error:
        raise InputError(INSTALL) from error
    with _in_one_sentence(handle, target):
        path = Path(get_cache_folder())
        for place in (path, target):
            _require_space(place, num_bytes)
        return Path(getattr(kagglehub, download)(handle, *file))


def _require_space(place, num_bytes):
    """Raise OSError unless a disk has room for a form."""
    place = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    if (free := shutil.disk_usage(place).free) < num_bytes:
        raise OSError(
            f"The disk of {place} has {free / 1e6:,.0f} MB left and {num_bytes / 1e6:,.0f} MB are "
            "needed; make room or, for Kaggle's cache, name another folder in KAGGLEHUB_CACHE"
        )


@contextmanager
def _in_one_sentence(handle, target):
    """Say what Kaggle misses, and what the user can do."""
    import requests
    from kagglehub.exceptions import DataCorruptionError, UnauthenticatedError

    page = PAGES[handle]
    by_hand = f"or download it by hand from {page} into {target}"
    try:
        yield
    except UnauthenticatedError as error:
        raise InputError(f"Kaggle asks who you are: {LOG_IN}, {by_hand}.") from error
    except DataCorruptionError as error:
        raise OSError("What came from Kaggle is damaged and was deleted; start again") from error
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else "no code"
        if code == 401:
            raise InputError(f"Kaggle does not accept your token: {LOG_IN}, {by_hand}.") from error
        if code == 403:
            raise InputError(
                f"Kaggle gives these files only to those who accept their terms: log in, open "
                f"{page}{'/rules' if handle == CHALLENGE else ''}, accept them, then start again."
            ) from error
        raise OSError(f"Kaggle answers {code} for {page}; start again later, {by_hand}") from error
    except requests.RequestException as error:
        raise OSError(
            f"Kaggle cannot be reached ({type(error).__name__}); check the network and start the "
            f"same command again to go on, {by_hand}"
        ) from error
    except ValueError as error:  # kagglehub's, of the file with the token
        raise InputError(f"Kaggle's token cannot be read ({error}); {LOG_IN}.") from error


def _check_csv(path):
    with path.open("rb") as file:
        found = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    if found != CSV_MD5:
        raise InputError(
            f"{path} is not the file of the challenge: its MD5 is {found}, not {CSV_MD5}; delete "
            "it and start again."
        )


def _check_images(folder):
    if not has_image_folder(folder):
        raise InputError(f"{folder} holds no train/<class>/; delete it and start again.")
    train, test, _ = list_images(folder)
    _check_counts(Counter(name.split("/", 1)[0] for _, _, name in train + test), folder)


def _check_counts(found, path):
    """Raise InputError unless each split is as large as FER2013's."""
    if found != NUM_ROWS:
        told = ", ".join(f"{count:,} {split}" for split, count in sorted(found.items()))
        whole = ", ".join(f"{count:,} {split}" for split, count in NUM_ROWS.items())
        raise InputError(
            f"{path} holds {told or 'no'} faces; FER2013 has {whole}. Delete it and start again."
        )


def _copy_images(source, target):
    """Copy the images of a folder, all or none."""
    train, test, _ = list_images(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=target.parent) as place:
        copy = Path(place) / SUBFOLDER
        for path, _, _ in tqdm(train + test, "copy", unit="image", disable=None, leave=False):
            to = copy / Path(path).relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        copy.rename(target)
