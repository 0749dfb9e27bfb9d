"""The examination of networks, of a network whose answers are known."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, patterned_faces

from fer_keras.data.faces import concatenate
from fer_keras.data.readers.fer_plus import ANSWERS
from fer_keras.data.readers.image_folder import write_image_folder


@pytest.fixture(scope="module")
def examination():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return import_module("examine")


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
        "majority of people": 14 / 70,  # 8 or 6 of ten
        "vote share": (14 * 0.8 + 56 * 0.4) / 70,
        "recall of fear, by people": 0,
        "mean of 30 corruptions, by label": 10 / 70,
        "mean of 30 corruptions, by people": 14 / 70,
        "noise σ 25, by label": 10 / 70,
    }
    assert {name: rows[name] for name in expected} == pytest.approx(expected)


def test_other_data_is_matched_by_the_names_of_classes(examination, tmp_path):
    write_image_folder(concatenate(patterned_faces(7), patterned_faces(35, "PublicTest")), tmp_path)
    ((name, right, groups),) = examination.examine_elsewhere(NETWORK, {"mine": tmp_path}, None)
    # Five images of each class; the network knows three of the seven classes.
    assert name == "mine" and len(right) == len(groups) == 15 and right.sum() == 5
