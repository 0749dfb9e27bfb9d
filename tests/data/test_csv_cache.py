import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fer_keras
from fer_keras.data.readers import csv_cache, fer2013_csv
from fer_keras.data.readers.fer2013_csv import read_all_rows
from fer_keras.utils.errors import InputError


def cache_of(source):
    """The folder that holds what was read from a file."""
    return csv_cache._place(source)


def random_images(count, seed=0):
    return np.random.default_rng(seed).integers(100, 256, (count, 48, 48)).astype(np.uint8)


def write_csv(path, images):
    """Write rows of equal length, so that files of as many images have the same size."""
    rows = [f"3,{' '.join(map(str, image.ravel()))},Training\n" for image in images]
    path.write_text("emotion,pixels,Usage\n" + "".join(rows))
    return path


@pytest.fixture
def user_folder(tmp_path, monkeypatch):
    folder = tmp_path / "user" / "cache"
    monkeypatch.setenv("FER_KERAS_CACHE", str(folder))
    return folder


@pytest.fixture
def source(tmp_path, user_folder):
    (tmp_path / "data").mkdir()
    return write_csv(tmp_path / "data" / "fer2013.csv", random_images(5))


@pytest.fixture
def parsed_files(monkeypatch):
    """A list that grows by the path of each file that is really parsed."""
    paths, parse = [], fer2013_csv._parse

    def parse_and_tell(path, *arguments):
        paths.append(path)
        return parse(path, *arguments)

    monkeypatch.setattr(fer2013_csv, "_parse", parse_and_tell)
    return paths


def assert_reads(path, images):
    faces, notes = read_all_rows(path)
    np.testing.assert_array_equal(faces.images, images)
    assert faces.labels.tolist() == [3] * len(images)
    assert faces.ids.tolist() == [f"Training/row{row + 1}" for row in range(len(images))]
    assert notes == ()


def let_clock_tick(path):
    """Wait until the file system gives new times to what is written."""
    before = path.stat().st_ctime_ns
    other = path.with_name("clock")
    other.touch()
    while other.stat().st_ctime_ns <= before:
        other.touch()
    other.unlink()


def test_the_second_reading_is_equal_and_parses_nothing(source, parsed_files):
    for _ in range(3):
        assert_reads(source, random_images(5))
    assert len(parsed_files) == 1
    assert os.listdir(source.parent) == ["fer2013.csv"]


def test_without_usage_the_second_reading_is_equal_too(source, parsed_files):
    text = source.read_text().replace(",Usage", "").replace(",Training", "")
    source.write_text(text)
    first, second = read_all_rows(source)[0], read_all_rows(source)[0]
    assert first.ids.tolist() == second.ids.tolist() == [f"all/row{row}" for row in range(1, 6)]
    np.testing.assert_array_equal(second.images, random_images(5))
    assert len(parsed_files) == 1


def test_images_from_the_cache_belong_to_the_caller(source):
    for _ in range(3):
        faces, _ = read_all_rows(source)
        assert faces.images.max() > 0
        faces.images[:] = 0
    assert_reads(source, random_images(5))


def test_a_touched_file_is_parsed_again_once(source, parsed_files):
    assert_reads(source, random_images(5))
    os.utime(source, ns=(1, 1))
    assert_reads(source, random_images(5))
    assert '"modified": 1,' in (cache_of(source) / "key.json").read_text()
    assert_reads(source, random_images(5))
    assert len(parsed_files) == 2


def test_other_content_is_noticed_despite_equal_size_and_modification_time(
    source, parsed_files, monkeypatch
):
    # Blocks as small as these miss the change, so that only the times can tell.
    monkeypatch.setattr(csv_cache, "NUM_SAMPLES", 2)
    monkeypatch.setattr(csv_cache, "SAMPLE_BYTES", 8)
    assert_reads(source, random_images(5))
    before, samples = source.stat(), csv_cache._stamp(source)["samples"]
    let_clock_tick(source)
    images = random_images(5)
    images[1, 5, 5] ^= 1
    images[3, 40, 7] ^= 1
    write_csv(source, images)
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    assert source.stat().st_mtime_ns == before.st_mtime_ns
    assert csv_cache._stamp(source)["samples"] == samples
    assert_reads(source, images)
    assert_reads(source, images)
    assert len(parsed_files) == 2


def test_other_content_is_noticed_despite_equal_times(source, monkeypatch):
    assert_reads(source, random_images(5))
    old = csv_cache._stamp(source)
    write_csv(source, random_images(5, seed=1))
    now = csv_cache._stamp(source)
    assert now["samples"] != old["samples"]
    monkeypatch.setattr(csv_cache, "_stamp", lambda path: {**old, "samples": now["samples"]})
    assert_reads(source, random_images(5, seed=1))


def test_a_file_that_grew_is_parsed_again(source, parsed_files):
    assert_reads(source, random_images(5))
    write_csv(source, random_images(6))
    assert_reads(source, random_images(6))
    assert len(parsed_files) == 2


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "usages.npy", "key.json"])
def test_damaged_caches_are_never_misread(source, name):
    assert_reads(source, random_images(5))
    place = cache_of(source) / name
    good = place.read_bytes()
    rng = np.random.default_rng(3)
    damages = [good[:length] for length in (0, 1, 100, len(good) // 2, len(good) - 1)]
    for byte in {*range(128), *rng.integers(len(good), size=40).tolist()}:
        damaged = bytearray(good)
        damaged[byte] ^= 1 << rng.integers(8)
        damages.append(bytes(damaged))
    for damaged in damages:
        place.write_bytes(damaged)
        assert_reads(source, random_images(5))


def test_arrays_of_another_file_are_not_believed(source):
    assert_reads(source, random_images(5))
    other = write_csv(source.with_name("other.csv"), random_images(5, seed=1))
    assert_reads(other, random_images(5, seed=1))
    for name in ("images.npy", "labels.npy"):
        shutil.copy(cache_of(other) / name, cache_of(source))
    assert_reads(source, random_images(5))


def save_nothing(place):
    place.mkdir(parents=True)


def save_other_key(place):
    place.mkdir(parents=True)
    (place / "key.json").write_text("[1, 2]")


def save_arrays_alone(place):
    place.mkdir(parents=True)
    for name in ("images", "labels", "usages"):
        np.save(place / f"{name}.npy", np.zeros((5, 48, 48), np.uint8))


def save_a_former_cache(place):
    place.parent.mkdir(parents=True)
    np.savez(f"{place}.npz", key="{}", images=np.zeros((5, 48, 48), np.uint8))


@pytest.mark.parametrize(
    "spoil", [save_nothing, save_other_key, save_arrays_alone, save_a_former_cache]
)
def test_a_foreign_cache_is_ignored_and_replaced(source, parsed_files, spoil):
    spoil(cache_of(source))
    assert_reads(source, random_images(5))
    assert_reads(source, random_images(5))
    assert len(parsed_files) == 1


def test_a_cache_with_objects_in_it_runs_no_code(source, tmp_path):
    assert_reads(source, random_images(5))

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    place = cache_of(source) / "labels.npy"
    np.save(place, np.array([Trap()], dtype=object))
    assert_reads(source, random_images(5))
    place.write_bytes(pickle.dumps(Trap()))
    assert_reads(source, random_images(5))
    assert not (tmp_path / "trapped").exists()


def test_a_cache_of_another_version_is_ignored_and_replaced(source, parsed_files, monkeypatch):
    assert_reads(source, random_images(5))
    monkeypatch.setattr(csv_cache, "FORMAT", csv_cache.FORMAT + 1)
    assert_reads(source, random_images(5))
    assert_reads(source, random_images(5))
    assert len(parsed_files) == 2


def test_files_with_bad_rows_are_not_cached(source, user_folder):
    write_csv(source, random_images(5))
    source.write_text(source.read_text() + "3,1 2 3,Training\n")
    for _ in range(2):
        faces, notes = read_all_rows(source, on_bad="skip")
        assert len(faces) == 5
        assert "row 6 (" in notes[0]
        with pytest.raises(InputError, match="row 6 "):
            read_all_rows(source)
    assert os.listdir(source.parent) == ["fer2013.csv"]
    assert not user_folder.exists()


def test_a_file_changed_while_it_was_parsed_is_not_cached(source):
    stamp = csv_cache._stamp(source)
    faces, _ = read_all_rows(source)
    shutil.rmtree(cache_of(source))
    write_csv(source, random_images(6))
    arrays = {"images": faces.images, "labels": faces.labels, "usages": faces.labels}
    csv_cache._store(source, stamp, arrays)
    assert os.listdir(source.parent) == ["fer2013.csv"]
    assert_reads(source, random_images(6))


def test_a_cache_that_came_with_the_file_is_not_read(source, user_folder, parsed_files):
    other = write_csv(source.with_name("other.csv"), random_images(5, seed=1))
    assert_reads(other, random_images(5, seed=1))
    beside = source.with_name("fer2013.csv.faces-cache")
    shutil.copytree(cache_of(other), beside)
    key = json.loads((beside / "key.json").read_text())
    (beside / "key.json").write_text(json.dumps(key | {"stamp": csv_cache._stamp(source)}))
    assert_reads(source, random_images(5))
    assert len(os.listdir(user_folder)) == 2


SPOILT = {
    "flat": {"images": np.zeros((5, 2304), np.uint8)},
    "floats": {"images": np.zeros((5, 48, 48), np.float32)},
    "too few labels": {"labels": np.zeros(4, int)},
    "a negative label": {"labels": np.full(5, -1)},
    "fractional labels": {"labels": np.full(5, 0.5)},
    "an unknown usage": {"usages": np.full(5, 9, np.uint8)},
    "empty": {
        "images": np.zeros((0, 48, 48), np.uint8),
        "labels": np.zeros(0, int),
        "usages": np.zeros(0, np.uint8),
    },
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_kept_arrays_that_no_parser_makes_are_not_believed(source, spoilt):
    assert_reads(source, random_images(5))
    kept = {name: np.load(cache_of(source) / f"{name}.npy") for name in csv_cache.ARRAYS} | spoilt
    for name, array in kept.items():
        np.save(cache_of(source) / f"{name}.npy", array)
    key = json.loads((cache_of(source) / "key.json").read_text())
    key["checksums"] = csv_cache._checksums(kept)
    (cache_of(source) / "key.json").write_text(json.dumps(key))
    assert_reads(source, random_images(5))


@pytest.mark.parametrize("name", ["images.npy", "key.json"])
def test_a_pipe_in_the_caches_place_is_not_waited_on(source, name):
    assert_reads(source, random_images(5))
    (cache_of(source) / name).unlink()
    os.mkfifo(cache_of(source) / name)
    assert_reads(source, random_images(5))


def test_the_users_folder_is_in_the_home_unless_named(source, monkeypatch, tmp_path):
    monkeypatch.delenv("FER_KERAS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert_reads(source, random_images(5))
    assert len(os.listdir(tmp_path / "home" / ".cache" / "fer_keras")) == 1


def test_the_users_folder_may_lie_in_the_home(source, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FER_KERAS_CACHE", "~/mine")
    monkeypatch.chdir(tmp_path)
    assert_reads(source, random_images(5))
    assert len(os.listdir(tmp_path / "home" / "mine")) == 1 and not (tmp_path / "~").exists()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FER_KERAS_CACHE", "~no one/cache", "no home folder for the cache ~no one/cache; set FER"),
        ("FER_KERAS_MEMORY", 400 * "9", "FER_KERAS_MEMORY is '999"),
    ],
)
def test_faults_of_the_surroundings_are_not_the_files(source, monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=said) as raised:
        read_all_rows(source)
    assert "get the file again" not in str(raised.value)


def test_what_a_killed_process_left_is_deleted_by_the_next(source):
    cache_of(source).mkdir(parents=True)
    part = cache_of(source) / ".images.0123456789abcdef.npy"
    part.write_bytes(b"half")
    assert_reads(source, random_images(5))
    assert not part.exists() and len(os.listdir(cache_of(source))) == 4


def test_reading_works_where_nothing_can_be_written(source, parsed_files, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert_reads(source, random_images(5))
    assert len(parsed_files) == 2


def test_threads_that_read_at_once_all_get_the_faces(source):
    failures = []

    def read_often():
        try:
            for _ in range(15):
                shutil.rmtree(cache_of(source), ignore_errors=True)
                assert_reads(source, random_images(5))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert os.listdir(source.parent) == ["fer2013.csv"]


def test_processes_that_read_at_once_all_get_the_faces(source):
    code = f"""if True:
        import numpy as np, os
        from fer_keras.data.readers.fer2013_csv import read_all_rows
        for turn in range(60):
            if turn % 3 == 0:
                os.utime({str(source)!r})
            images = read_all_rows({str(source)!r})[0].images
            assert images.sum() == {random_images(5).sum()} and len(images) == 5
    """
    root = str(Path(fer_keras.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    processes = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert os.listdir(source.parent) == ["fer2013.csv"]
    assert_reads(source, random_images(5))
