"""Folds of faces, and what teachers and people predict of a label."""

import numpy as np
import pandas as pd
import pytest
from helpers import module_of, patterned_faces

from fer_keras.data.readers.fer_plus import ANSWERS

NOTHING = np.full((1, 350, 7), 1 / 7, np.float32)


@pytest.fixture(scope="module")
def distil():
    return module_of("benchmarks", "distil")


@pytest.fixture
def faces():
    return patterned_faces(350)


def votes_on(faces, **answers):
    """Ten votes on each face, and no rows of the last 56."""
    votes = pd.DataFrame(0, pd.Index(faces.ids, name="id"), ANSWERS)
    for name, counts in answers.items():
        votes[name] = counts
    votes.insert(0, "label", np.array(faces.class_names)[faces.labels])
    return votes[:294]


def test_copies_share_a_fold_and_each_class_is_in_all(distil, faces):
    faces.images[7::14] = faces.images[0::14]  # of the same class
    folds = distil.folds_of(faces)
    assert (folds[7::14] == folds[0::14]).all()
    shares = [np.bincount(folds[faces.labels == label], minlength=5) for label in range(7)]
    assert np.array(shares).min() >= 4 and len(folds) == 350  # ten in each, but for copies


def test_a_teacher_who_knows_is_believed_and_one_who_does_not_is_not(distil, faces):
    people = votes_on(faces, happy=5, sad=5)
    knows = 0.9 * np.eye(7)[faces.labels] + 0.1 / 7
    told = distil.predicted_labels(faces, np.stack([NOTHING[0], knows]), people)
    assert (told.argmax(axis=1) == faces.labels).all() and told.max(axis=1).min() > 0.9
    told = distil.predicted_labels(faces, NOTHING, people)
    assert told[:294] == pytest.approx(1 / 7, abs=1e-3)


def test_people_predict_labels_where_they_voted(distil, faces):
    sees_fear = np.where(faces.labels == faces.class_names.index("fear"), 9, 1)
    told = distil.predicted_labels(
        faces, NOTHING, votes_on(faces, fear=sees_fear, sad=10 - sees_fear)
    )
    fear = told[:, faces.class_names.index("fear")]
    is_fear = sees_fear == 9
    assert fear[:294][is_fear[:294]].min() > 0.9 > 0.1 > fear[:294][~is_fear[:294]].max()
    assert np.ptp(fear[294:]) < 1e-6  # of faces without votes, nothing tells one from another
    assert told.sum(axis=1) == pytest.approx(1, abs=1e-5)
