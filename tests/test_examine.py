"""The examination of networks, of a network whose answers are known."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, module_of, patterned_faces, run_script

from fer_keras.data.faces import concatenate
from fer_keras.data.other_data import read_other_data
from fer_keras.data.readers.fer_plus import ANSWERS, VOTE_COLUMNS
from fer_keras.data.readers.image_folder import write_image_folder


@pytest.fixture(scope="module")
def examination():
    return module_of("benchmarks", "examine")


def always_happy(images):
    return np.eye(3)[np.ones(len(images), int)]


NETWORK = always_happy, ("sad", "happy", "fear")


def test_each_row_is_as_counted_by_hand(examination):
    faces = patterned_faces(70, "PublicTest")  # ten of each class
    votes = pd.DataFrame(0, pd.Index(faces.ids, name="id"), ANSWERS)
    votes[["happy", "fear"]] = 4, 6
    votes.iloc[:14, [votes.columns.get_loc("happy"), votes.columns.get_loc("fear")]] = 8, 2
    votes.insert(0, "label", np.array(faces.class_names)[faces.labels])
    rows = {name: values.mean() for name, values, _ in examination.examine(NETWORK, faces, votes)}
    expected = {
        "FER2013's label": 10 / 70,
        "plurality of people": 14 / 70,
        "absolute majority of people": 14 / 70,  # 8 or 6 of ten
        "vote share": (14 * 0.8 + 56 * 0.4) / 70,
        "recall of fear, by people": 0,
        "mean of 30 corruptions, by label": 10 / 70,
        "mean of 30 corruptions, by people": 14 / 70,
        "noise σ 25, by label": 10 / 70,
    }
    assert {name: rows[name] for name in expected} == pytest.approx(expected)


def test_other_data_is_matched_by_the_names_of_classes(examination, tmp_path):
    write_image_folder(concatenate(patterned_faces(7), patterned_faces(35, "PublicTest")), tmp_path)
    ((name, right, groups),) = examination.examine_elsewhere(
        NETWORK, [read_other_data("mine", tmp_path)]
    )
    # Five images of each class; the network knows three of the seven classes.
    assert name == "mine" and len(right) == len(groups) == 15 and right.sum() == 5


@pytest.fixture
def voted(data):
    """FER2013's CSV with folders, and ten votes for happy on each of its test faces."""
    rows = ["Usage,Image name," + ",".join(VOTE_COLUMNS)]
    for row, usage in enumerate(pd.read_csv(data / "fer2013.csv")["Usage"]):
        seen = "happiness" if usage == "PublicTest" else ""
        counts = ["10" if column == seen else "0" for column in VOTE_COLUMNS]
        rows.append(",".join([usage, f"fer{row}.png", *counts]))
    (data / "fer2013new.csv").write_text("\n".join(rows) + "\n")
    return data


@pytest.fixture
def kept(examination, tmp_path, monkeypatch):
    """A record and a card in a folder of their own, and one network to examine, `quick`."""
    monkeypatch.syspath_prepend(ROOT / "reports")
    record, card = tmp_path / "examine.csv", tmp_path / "card.md"
    monkeypatch.setattr(examination, "RECORD", record)
    monkeypatch.setattr(import_module("ship_weights"), "EXAMINED", record)
    monkeypatch.setattr(import_module("ship_weights"), "README", card)
    monkeypatch.setattr(examination, "networks", lambda runs: {"quick": NETWORK})
    former = pd.read_csv(ROOT / "benchmarks" / "examine.csv", dtype=str)
    former.query("network in ('quick', 'fer')").to_csv(record, index=False)
    return record, card


def examine_with(examination, monkeypatch, *options):
    monkeypatch.setattr("sys.argv", ["examine.py", *options])
    examination.main()


def test_rows_of_a_network_that_is_not_there_stay(examination, voted, kept, monkeypatch, capsys):
    record, card = kept
    before = [line for line in record.read_text().splitlines() if ",fer," in line]
    monkeypatch.setenv("FER_KERAS_DATA", str(voted))
    examine_with(examination, monkeypatch, "")  # as make says it where DATA is empty
    said = capsys.readouterr().out
    assert "fer is not installed, so its former rows stay in examine.csv." in said
    lines = record.read_text().splitlines()
    assert [line for line in lines if ",fer," in line] == before and len(before) == 11
    table = pd.read_csv(record).query("network == 'quick'").set_index("row")
    assert table.loc["FER2013's label", "images"] == 70
    assert table.loc["vote share", "score"] == 1
    # The card shows these figures; no face is judged to be disgusted here.
    shown = card.read_text().partition("## Examined alike")[2]
    assert "| | `quick` | `fer` |" in shown and "\n| vote share (70) | **1.000** [" in shown
    assert "\n| recall of disgust, by people (31) |  | **" in shown


@pytest.mark.parametrize("options", [["--network", "mine"], ["--test-on", "mine={data}"]])
def test_figures_beside_the_published_ones_are_only_printed(
    examination, voted, kept, monkeypatch, capsys, options
):
    before = kept[0].read_bytes()
    examine_with(
        examination, monkeypatch, str(voted), *(each.format(data=voted) for each in options)
    )
    said = capsys.readouterr().out
    assert "vote share" in said and ("\nmine " in said) == ("--test-on" in options)
    assert kept[0].read_bytes() == before and not kept[1].exists()


@pytest.mark.parametrize("lacking", ["fer2013new.csv", "fer2013.csv"])
def test_what_is_lacking_is_named_in_one_sentence(voted, lacking):
    (voted / lacking).unlink()
    said = run_script("benchmarks/examine.py", str(voted))
    assert said.startswith(f"{voted} holds no {lacking}; give a folder") and "\n" not in said


def test_faces_of_another_test_set_are_refused(examination, voted):
    for name in ("fer2013.csv", "fer2013new.csv"):
        (voted / name).write_text((voted / name).read_text().replace("PublicTest", "PrivateTest"))
    with pytest.raises(examination.InputError, match="has no rows of Usage PublicTest"):
        examination.read(voted)


def test_without_any_data_one_sentence_says_what_to_name(examination, monkeypatch):
    monkeypatch.setattr(examination, "find_data", lambda place: None)
    with pytest.raises(examination.InputError, match="No data was found; name a folder"):
        examination.read(None)
