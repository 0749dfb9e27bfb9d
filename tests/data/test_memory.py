"""Faces past the memory budget lie on disk, and nothing else changes."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fer_keras.data import memory
from fer_keras.data.faces import concatenate
from fer_keras.data.readers.csv_cache import _place
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv, write_fer2013_csv
from fer_keras.data.readers.image_folder import read_image_folder, write_image_folder
from fer_keras.data.splitting import cut_validation
from fer_keras.training.feeds import evaluation_feed, training_feed
from fer_keras.utils import machine
from fer_keras.utils.errors import InputError

FACE_BYTES = 48 * 48


@pytest.fixture
def small_budget(monkeypatch, tmp_path):
    """A budget of twenty faces, less than what the tests here read."""
    monkeypatch.setenv("FER_KERAS_MEMORY", str(20 * FACE_BYTES / 2**20))
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "cache"))


def is_on_disk(images):
    while images is not None and not isinstance(images, np.memmap):
        images = images.base if isinstance(images, np.ndarray) else None
    return images is not None


def write_faces(path, splits):
    everything = concatenate(splits.train, splits.test)
    write_fer2013_csv(everything, path)
    return path


def assert_same_faces(one, other):
    for mine, others in zip((one.train, one.test), (other.train, other.test), strict=True):
        np.testing.assert_array_equal(mine.images, others.images)
        np.testing.assert_array_equal(mine.labels, others.labels)
        np.testing.assert_array_equal(mine.ids, others.ids)


def test_the_budget_is_a_share_of_the_memory_or_what_one_says(monkeypatch):
    monkeypatch.delenv("FER_KERAS_MEMORY", raising=False)
    monkeypatch.setattr(machine, "CGROUP_LIMITS", ())
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory.memory_budget() == pytest.approx(total / 8, rel=0.01)
    monkeypatch.setenv("FER_KERAS_MEMORY", "1.5")
    assert memory.memory_budget() == 3 * 2**19
    monkeypatch.setenv("FER_KERAS_MEMORY", 400 * "9")
    with pytest.raises(InputError, match="FER_KERAS_MEMORY is '9999.*; give a number of MiB"):
        memory.memory_budget()
    monkeypatch.setenv("FER_KERAS_MEMORY", "2 GB")
    with pytest.raises(InputError, match="FER_KERAS_MEMORY is '2 GB'; give a number of MiB"):
        memory.memory_budget()


def test_a_containers_limit_counts_and_a_word_in_its_place_does_not(monkeypatch, tmp_path):
    monkeypatch.delenv("FER_KERAS_MEMORY", raising=False)
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (tmp_path / "absent", limit))
    limit.write_text("max\n")
    free = memory.memory_budget()
    limit.write_text(f"{2**27}\n")
    assert memory.memory_budget() == 2**24 < free


def test_a_limit_of_the_process_counts():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))\n"
        "from fer_keras.data.memory import memory_budget; print(memory_budget())"
    )
    environment = {n: v for n, v in os.environ.items() if n != "FER_KERAS_MEMORY"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert int(answer.stdout) <= 2**27, answer.stderr


def test_a_disk_without_room_is_a_sentence_and_no_bus_error(monkeypatch, small_budget):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(InputError, match="cannot be written to .No space left on device"):
        memory.allocate((1000, 48, 48))


@pytest.mark.parametrize("index", [[7, 3, 3, 0, -1], np.arange(50) % 3 == 1])
def test_selecting_gives_what_numpy_gives_on_either_side_of_the_budget(
    monkeypatch, tmp_path, index, make_faces
):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path))
    images = make_faces(50).images
    for budget, on_disk in (("1", False), ("0", True)):
        monkeypatch.setenv("FER_KERAS_MEMORY", budget)
        chosen = memory.select(images, index)
        np.testing.assert_array_equal(chosen, images[index])
        assert is_on_disk(chosen) is on_disk
    assert np.shares_memory(memory.select(images, slice(3, 9)), images)


def test_a_csv_past_the_budget_is_read_onto_disk_and_from_its_cache(
    splits, tmp_path, monkeypatch, request
):
    path = write_faces(tmp_path / "fer2013.csv", splits)
    whole = read_fer2013_csv(path)
    shutil.rmtree(_place(path))
    request.getfixturevalue("small_budget")
    parsed = read_fer2013_csv(path)
    cached = read_fer2013_csv(path)
    for mapped in (parsed, cached):
        assert is_on_disk(mapped.train.images)
        assert_same_faces(mapped, whole)
    assert not is_on_disk(whole.train.images)


def test_a_damaged_cache_past_the_budget_is_not_believed(splits, tmp_path, small_budget):
    path = write_faces(tmp_path / "fer2013.csv", splits)
    first = read_fer2013_csv(path)
    cache = _place(path) / "images.npy"
    damaged = bytearray(cache.read_bytes())
    place = damaged.find(first.train.images[5].tobytes())
    damaged[place + 100] ^= 1
    cache.write_bytes(damaged)
    assert_same_faces(read_fer2013_csv(path), first)


def test_folders_past_the_budget_are_read_onto_disk(splits, tmp_path, monkeypatch, request):
    write_image_folder(concatenate(splits.train, splits.test), tmp_path / "fer2013")
    whole = read_image_folder(tmp_path / "fer2013")
    request.getfixturevalue("small_budget")
    mapped = read_image_folder(tmp_path / "fer2013")
    assert is_on_disk(mapped.train.images) and not is_on_disk(whole.train.images)
    assert_same_faces(mapped, whole)


@pytest.mark.parametrize("ranges", [{}, {"horizontal_flip": True, "rotation_range": 10}])
def test_feeds_from_disk_and_from_memory_give_the_same_batches(splits, small_budget, ranges):
    mapped = cut_validation(replace(splits, validation=None), 0.2, seed=1)
    assert is_on_disk(mapped.train.images) and is_on_disk(mapped.validation.images)
    in_memory = replace(mapped.train, images=np.array(mapped.train.images))
    assert not is_on_disk(in_memory.images)
    feeds = [training_feed(each, 32, 5, ranges) for each in (mapped.train, in_memory)]
    for (images, targets), (others, their_targets) in zip(
        *(feed.take(9).as_numpy_iterator() for feed in feeds), strict=True
    ):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(targets, their_targets)
    seen = [images for images, _ in evaluation_feed(mapped.train, 50).as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate(seen)[..., 0], in_memory.images)


def test_where_no_file_can_be_made_one_is_told_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("FER_KERAS_MEMORY", "0")
    with pytest.raises(InputError, match=r"cannot be written to .*set FER_KERAS_CACHE to a folder"):
        memory.allocate((10, 48, 48))
