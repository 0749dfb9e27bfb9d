"""Damaged and hostile files in the folders of comparisons and runs."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import ROOT

from fer_keras.comparison.trained import is_readable, load_model
from fer_keras.networks.build import build
from fer_keras.predict.predictor import Predictor
from fer_keras.reporting.result import load_comparison
from fer_keras.utils.errors import InputError

PUBLISHED = ROOT / "reports" / "same_images"
CONTENTS = {
    "empty": b"", "garbage": b"\x00\xff\xfe\x80PK", "a list": b"[]", "nothing": b"null",
    "a text": b'"x"', "an object": b"{}", "a number": b"1e999", "no number": b"NaN",
    "deep": b"[" * 100_000, "deep objects": b'{"a":' * 50_000, "long": b"9" * 100_000,
    "a list of objects": b"[{}]", "a path": b'"../../../etc/passwd"',
}  # fmt: skip


def cut(path, content):
    path.write_bytes(content[: len(content) // 2])


def as_folder(path, content):
    path.unlink()
    path.mkdir()


def as_loop(path, content):
    path.unlink()
    path.symlink_to(path)


def without_keys(path, content):
    """Leave out the first key of a JSON object, or the first column of a table."""
    if path.suffix == ".json":
        values = json.loads(content)
        values.pop(next(iter(values)), None)
        path.write_text(json.dumps(values))
    else:
        path.write_bytes(b"\n".join(line.partition(b",")[2] for line in content.split(b"\n")))


def with_other_kinds(path, content):
    """Put a list in the place of every value of a JSON object, or a word into every cell."""
    if path.suffix == ".json":
        path.write_text(json.dumps({name: [1, {"a": None}] for name in json.loads(content)}))
    else:
        head, *lines = content.split(b"\n")
        words = b",".join([b"x"] * (head.count(b",") + 1))
        path.write_bytes(b"\n".join([head, *(words for _ in lines)]))


WAYS = {
    **{name: lambda path, _, new=new: path.write_bytes(new) for name, new in CONTENTS.items()},
    "absent": lambda path, _: path.unlink(), "cut": cut, "a folder": as_folder, "a loop": as_loop,
    "without keys": without_keys, "other kinds": with_other_kinds,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Two arms of two runs each, as published."""
    place = tmp_path / "compared"
    shutil.copytree(PUBLISHED, place)
    return place


def asked(place):
    """Return what a reader of the comparison asks: scores and differences as text."""
    result = load_comparison(place)
    return result.scores().to_csv() + result.differences().to_csv(), result.comparison


def test_the_file_that_a_run_names_as_its_network_is_never_executed(folder, tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "net.py"
    file.write_text(f"open({str(mark)!r}, 'w')\ndef build(num_classes): pass")
    run = next(iter(load_comparison(folder).runs["CSV"].values()))
    network = build("conv3", 7)
    network.save(run.directory / "model.keras")
    run = replace(run, recipe=run.recipe.changed(network=f"{file}:build"))
    assert is_readable(run)
    assert load_model(run).count_params() == network.count_params() and not mark.exists()
    (run.directory / "model.keras").write_bytes(b"PK")
    assert not is_readable(run) and not mark.exists()
    with pytest.raises(InputError, match=r"model.keras cannot be read: .* import it in"):
        load_model(run)


def test_comparisons(tally, trials, folder):
    whole, _ = asked(folder)
    run = next(path for path in sorted(folder.iterdir()) if path.is_dir())
    files = [path for place in (folder, run) for path in sorted(place.iterdir()) if path.is_file()]
    attacks = [(path, way) for path in files for way in WAYS]
    for path, way in attacks[:: trials(1, 12)]:
        content = path.read_bytes()
        WAYS[way](path, content)

        def is_right(answer):
            text, comparison = answer
            return text == whole or bool(comparison.errors or comparison.notes)

        try:
            tally.attack(f"{path.name}: {way}", lambda: asked(folder), is_right)
        finally:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(content)
    assert tally["refused"]


def test_networks_given_to_predict(tally, trials, run_directory, tmp_path):
    place = tmp_path / "run"
    shutil.copytree(run_directory, place)
    images = np.zeros((1, 48, 48), np.uint8)
    whole = Predictor(place)(images)
    attacks = [(place / name, way) for name in ("model.keras", "predictions.npz") for way in WAYS]
    for path, way in attacks[:: trials(1, 6)]:
        if way in ("without keys", "other kinds"):
            continue
        content = path.read_bytes()
        WAYS[way](path, content)
        try:
            tally.attack(
                f"{path.name}: {way}",
                lambda: Predictor(place)(images),
                lambda found: np.array_equal(found, whole),
            )
        finally:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(content)
