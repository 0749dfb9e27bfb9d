"""A comparison in the slim form that others can read, on any machine."""

import shutil

import numpy as np
import pytest
from helpers import finish_untrained, patterned_faces

from fer_keras.comparison import engine
from fer_keras.comparison.publish import publish, without_paths
from fer_keras.comparison.record import load_comparison
from fer_keras.comparison.results import result_table
from fer_keras.data.faces import concatenate
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

NETWORK = """
import keras

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(num_classes, "softmax")
    ])
"""


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A comparison, untrained, of a network of one's own on faces on disk."""
    monkeypatch.setattr(engine, "execute_all", finish_untrained)
    (tmp_path / "mynet.py").write_text(NETWORK)
    faces = concatenate(patterned_faces(140), patterned_faces(70, "PublicTest", seed=2))
    write_fer2013_csv(faces, tmp_path / "fer2013.csv")
    mine = Recipe(network=f"{tmp_path}/mynet.py:build", epochs=3)
    arms = {"conv3": Recipe(epochs=3), "mine": mine}
    return engine.run_comparison(arms, tmp_path, 2, out=tmp_path / "runs", margin=0.02)


def all_predictions(comparison):
    return [run.predictions for runs in comparison.runs.values() for run in runs.values()]


def test_the_copy_gives_the_same_record_without_faces_networks_and_places(done, tmp_path):
    run = done.runs["mine"][1]
    (run.directory / "model.keras").write_text("weights")
    (run.directory / "gallery.png").write_text("faces")
    (done.directory / "votes.csv").write_text("id,happy\nPublicTest/row141,10\n")
    (done.directory / "pairs.csv").write_text("arm,id,reference,name\na,1.jpg,b,PublicTest/row1\n")
    run.predictions.save(run.directory / "predictions_on_other.npz")
    np.savez_compressed(run.directory / "robustness.npz", right=[[True, False]])
    copy = publish(done.directory, tmp_path / "copy")
    (tmp_path / "fer2013.csv").unlink()
    shutil.rmtree(done.directory)

    assert {path.name for path in copy.iterdir() if path.is_file()} == {
        "comparison.json", "design.json", "results.csv", "votes.csv", "pairs.csv",
    }  # fmt: skip
    assert {path.name for path in (copy / run.directory.name).iterdir()} == {
        "recipe.json", "environment.json", "history.csv", "metrics.json", "robustness.npz",
        "predictions.npz", "validation_predictions.npz", "predictions_on_other.npz",
    }  # fmt: skip
    for path in copy.rglob("*"):
        assert path.is_dir() or str(tmp_path).encode() not in path.read_bytes()
    again = load_comparison(copy)
    assert (again.design["seeds"], again.margin) == ([0, 1], 0.02)
    assert again.arms["mine"].network == "mynet.py:build"
    assert again.sources["mine"].data.name == "fer2013"
    assert not again.has_faces and again.splits("mine") is None
    for kept, made in zip(all_predictions(again), all_predictions(done), strict=True):
        np.testing.assert_array_equal(kept.y_pred, made.y_pred)
        np.testing.assert_allclose(kept.probabilities, made.probabilities, atol=5e-4)
        np.testing.assert_array_equal(kept.ids, made.ids)
    scores = ["arm", "seed", "split", "accuracy", "accuracy_low", "macro_f1", "weighted_f1"]
    assert result_table(again)[scores].equals(result_table(done)[scores])


def test_a_new_copy_replaces_the_former_and_nothing_else(done, tmp_path):
    copy = publish(done.directory, tmp_path / "copy")
    (copy / "tables").mkdir()
    (copy / "tables" / "effects.csv").write_text("of another comparison")
    publish(done.directory, copy)
    assert not (copy / "tables").exists()
    (copy / done.runs["mine"][0].directory.name / "model.keras").write_text("weights")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "results.csv").write_text("a former record")
    publish(done.directory, tmp_path / "notes")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    for target in (copy, tmp_path / "other", tmp_path / "fer2013.csv"):
        with pytest.raises(InputError, match="holds something else than a published comparison"):
            publish(done.directory, target)
    assert (tmp_path / "other" / "thesis.txt").read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".tmp")]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("beside /home/me/data set", "beside data set"),
        ('"network": "/home/me/mynet.py:build"', '"network": "mynet.py:build"'),
        ("it is in ~/faces/raf.", "it is in raf."),
        ("a,/tmp/x/y,3", "a,y,3"),
        ('"network": "/home/Ann Lee/my nets/x.py:build"', '"network": "x.py:build"'),
        (r'"network": "/home/andr\u00e9/x.py:build"', '"network": "x.py:build"'),
        ('"/home/a/x.csv holds 3 of 900 images/s"', '"x.csv holds 3 of 900 images/s"'),
        ("train/ and test/ at 900 images/s, 1/2", "train/ and test/ at 900 images/s, 1/2"),
        ("PublicTest/row5 of https://a.org/b/c", "PublicTest/row5 of https://a.org/b/c"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_name(text, left):
    assert without_paths(text) == left
