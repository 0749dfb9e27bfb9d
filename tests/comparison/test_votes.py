"""Votes are found beside the CSV, kept in the comparison's folder, and read from there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import comparison_of, predictions_of, run_of

from fer_keras.comparison.source import Source
from fer_keras.comparison.votes import VOTES, find_votes
from fer_keras.data.labels import ALL_CLASS_NAMES, FERPLUS_COLUMNS
from fer_keras.data.readers.fer2013_csv import read_all_rows, write_fer2013_csv
from fer_keras.data.readers.locate import Location, find_data
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

HEADER = f"Usage,Image name,{','.join(FERPLUS_COLUMNS)},unknown,NF"


@pytest.fixture
def place(make_faces, tmp_path):
    """A folder with a CSV of 20 test faces and votes on them."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_fer2013_csv(make_faces(20, "PublicTest"), folder / "fer2013.csv")
    rows = np.random.default_rng(0).multinomial(10, [0.1] * 10, 20)
    lines = [f"PublicTest,fer{n}.png,{','.join(map(str, row))}" for n, row in enumerate(rows)]
    (folder / "fer2013new.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return folder


@pytest.fixture
def compared(place, tmp_path):
    """A comparison of arms on 5 of these faces: FER2013's labels, other labels, FER+'s labels."""
    ids, data = (
        np.array([f"PublicTest/row{number}" for number in (3, 1, 4, 15, 9)]),
        read_all_rows(place / "fer2013.csv")[0],
    )
    labels = dict(zip(data.ids.tolist(), data.labels.tolist()))
    own = [labels[name] for name in ids.tolist()]
    runs = {
        "own": (predictions_of(own, [1] * 5, ids), "own"),
        "another CSV": (predictions_of([*own[:4], (own[4] + 1) % 7], [1] * 5, ids), "own"),
        "ferplus": (predictions_of([7] * 5, [1] * 5, ids, ALL_CLASS_NAMES), "ferplus_votes"),
        "folder": (predictions_of([0], [0], np.array(["test/angry/1.jpg"])), "own"),
    }
    runs = {
        arm: {0: replace(run_of(0.5, 0), predictions=part, recipe=Recipe(labels=kind))}
        for arm, (part, kind) in runs.items()
    }
    out = tmp_path / "runs"
    out.mkdir()
    return comparison_of(runs, out, sources=dict.fromkeys(runs, Source(find_data(place))))


def test_votes_on_the_test_images_are_kept_and_read_back_without_the_data(compared, place):
    votes, arms = find_votes(compared)
    assert arms == ["own", "ferplus", "folder"]
    assert votes.index.tolist() == [f"PublicTest/row{number}" for number in (1, 3, 4, 9, 15)]
    (place / "fer2013.csv").unlink()
    for source in (compared.sources["own"], Source(Location("faces"))):
        kept, again = find_votes(replace(compared, sources=dict.fromkeys(compared.runs, source)))
        assert again == arms
        pd.testing.assert_frame_equal(kept, votes)


def test_a_comparison_without_votes_has_none(compared, place):
    folder = Location("fer2013", folder=place)
    votes, arms = find_votes(
        replace(compared, sources=dict.fromkeys(compared.runs, Source(folder)))
    )
    assert (len(votes), arms) == (0, [])
    assert not (compared.directory / VOTES).exists()


def test_votes_of_other_rows_are_refused_and_not_kept(compared, place):
    lines = (place / "fer2013new.csv").read_text().splitlines()
    (place / "fer2013new.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match="has 19 rows where"):
        find_votes(compared)
    assert not (compared.directory / VOTES).exists()
