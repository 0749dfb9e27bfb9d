"""A published comparison gives its report again, where nothing else is left."""

import os
import shutil

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import finish_untrained, patterned_faces

from fer_keras.cli import main
from fer_keras.comparison import engine
from fer_keras.comparison.publish import publish
from fer_keras.data.faces import concatenate
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.reporting.result import Result, load_comparison
from fer_keras.training.recipe import Recipe


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Return the moved copy of a comparison whose data and folder have gone, and its tables."""
    monkeypatch.setattr(engine, "execute_all", finish_untrained)
    (origin := tmp_path / "origin").mkdir()
    faces = concatenate(patterned_faces(140), patterned_faces(70, "PublicTest", seed=2))
    write_fer2013_csv(faces, origin / "fer2013.csv")
    arms = {"one": Recipe(epochs=3), "two": Recipe(epochs=3, learning_rate=0.01)}
    done = engine.run_comparison(arms, origin, 2, name="mine", out=origin / "runs")
    more = Result(engine.run_comparison(arms, origin, 3, name="mine", out=origin / "runs"))
    assert more.directory == done.directory
    copy = publish(more.directory, origin / "copy")
    tables = more.scores(), more.differences()
    moved = copy.rename(tmp_path / "moved")
    shutil.rmtree(origin)
    return moved, *tables


@pytest.fixture
def no_tensorflow(tmp_path, monkeypatch):
    """The kernel that makes the report finds a TensorFlow and a Keras that cannot be imported."""
    broken = tmp_path / "broken"
    for package in ("tensorflow", "keras"):
        (broken / package).mkdir(parents=True)
        (broken / package / "__init__.py").write_text("raise ImportError('not installed')")
    paths = filter(None, (str(broken), os.environ.get("PYTHONPATH")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def test_a_moved_copy_gives_the_same_tables_and_a_whole_report(published, no_tensorflow, tmp_path):
    copy, scores, differences = published
    (copy / "tables").mkdir()
    (copy / "tables" / "effects.csv").write_text("of another comparison")
    again = load_comparison(copy)
    pd.testing.assert_frame_equal(again.scores(), scores)
    pd.testing.assert_frame_equal(again.differences(), differences)

    assert main(["report", str(copy), str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    headings = [heading.get_text() for heading in soup.find_all(["h2", "h3"])]
    assert {"The design", "Results", "Differences", "Calibration", "Conclusion"} <= set(headings)
    assert not {"The faces", "Where the network looks", "Some predictions"} & set(headings)
    text = " ".join(soup.get_text().split())
    assert "Seed 2 was added after the first design" in text
    assert "faces are not at hand where this report was made" in text
    assert str(tmp_path) not in page
    kept = {path.stem for path in (copy / "tables").glob("*.csv")}
    assert {"design", "arms", "differences"} <= kept and "effects" not in kept
    arms = pd.read_csv(copy / "tables" / "arms.csv", index_col="arm")
    numbers = arms[["training images", "validation images", "test images"]]
    assert numbers.to_numpy().tolist() == [[126, 14, 70]] * 2
