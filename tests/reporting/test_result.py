import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import accuracy_of, alternatives, comparison_of, patterned_faces, run_of

from fer_keras.comparison.results import result_table
from fer_keras.data.faces import Splits
from fer_keras.reporting import result
from fer_keras.reporting.parameters import comparison_arguments
from fer_keras.reporting.result import Result, compare, load_comparison, notebook_path
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two tiny arms on faces in memory, two seeds each."""
    names = ("cat", "dog", "mouse")
    splits = Splits(
        patterned_faces(60, class_names=names), patterned_faces(30, "test", 1, class_names=names)
    )
    arms = {"one": Recipe(epochs=1), "two": Recipe(epochs=1, learning_rate=0.01)}
    return compare(arms, splits, 2, out=tmp_path_factory.mktemp("runs"))


def test_scores_and_differences_are_those_of_the_runs(compared):
    scores = compared.scores().set_index("arm")
    for arm, runs in compared.runs.items():
        hits = [accuracy_of(run) for run in runs.values()]
        assert scores.loc[arm, "accuracy"] == pytest.approx(sum(hits) / 2)
    difference = compared.differences().iloc[0]["difference"]
    assert difference == pytest.approx(scores["accuracy"]["two"] - scores["accuracy"]["one"])
    assert set(compared.differences("two")["arm"]) == {"one"}
    with pytest.raises(InputError, match="crosses no factors"):
        compared.effects()
    assert " [" in repr(compared) and " [" in compared._repr_html_()


def test_the_first_run_of_each_arm_has_its_figures(compared):
    for run in compared.comparison.first.values():
        assert (run.directory / "gallery.png").is_file()
        assert (run.directory / "curves.png").is_file()


def test_a_finished_comparison_is_read_back_alike(compared):
    again = load_comparison(compared.directory)
    pd.testing.assert_frame_equal(again.scores(), compared.scores())
    pd.testing.assert_frame_equal(again.differences(), compared.differences())


def test_the_record_on_disk_gives_the_same_tables(tmp_path):
    runs = {arm: {0: run_of(0.5, 1), 1: run_of(0.6, 2)} for arm in ("none", "None")}
    made = comparison_of(runs, tmp_path, factors={"patience": (None, 3)})
    record = result_table(made)
    record.to_csv(tmp_path / "results.csv", index=False)
    columns = ["arm", "patience", "seed", "accuracy"]
    stored = Result(made).results[columns]
    pd.testing.assert_frame_equal(stored, record[columns], check_dtype=False)


def test_the_report_of_faces_in_memory_leaves_out_what_needs_them(compared, tmp_path):
    page = compared.report(tmp_path / "report.html", with_faces=False)
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    headings = [heading.get_text() for heading in soup.find_all(["h2", "h3"])]
    assert "Differences" in headings and "Results" in headings
    assert not {"The faces", "Where the network looks", "Some predictions"} & set(headings)
    assert not {"Effects of the factors", "Other data", "Equal time"} & set(headings)
    assert all(alternatives(soup))
    assert "mouse" in soup.get_text()


def test_a_damaged_record_is_refused_before_networks_are_tested(tmp_path, monkeypatch):
    made = comparison_of({"one": {0: run_of(0.5, 1)}}, tmp_path)
    (tmp_path / "results.csv").write_text("arm,seed\n")
    monkeypatch.setattr(result, "robustness", lambda compared: pytest.fail("tested"))
    with pytest.raises(InputError, match="results.csv has no column images"):
        Result(made).report(tmp_path / "report.html")


@pytest.mark.parametrize(
    ("option", "meant"),
    [("epochs", "changed by changes={...}"), ("factor", "Did you mean factors?")],
)
def test_an_argument_that_compare_lacks_is_said(option, meant):
    with pytest.raises(InputError, match=f"compare has no argument {option}; it has arms, data"):
        compare({"a": Recipe()}, seeds=1, **{option: 3})
    with pytest.raises(InputError, match=re.escape(meant)):
        compare({"a": Recipe()}, seeds=1, **{option: 3})


def test_notebooks_are_found():
    assert notebook_path("compare").name == "compare.ipynb"
    with pytest.raises(InputError, match="no notebook other.ipynb"):
        notebook_path("other")


def test_parameters_of_the_notebook_become_arguments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = comparison_arguments(
        arms="csv=conv3_csv; mine=conv3_csv,network=mynet.py:build",
        changes="epochs=5 classes=happy,sad augmentation={'zoom_range': 0.1, 'rotation_range': 5}",
        data="fer2013=some, raf-db=/other",
        class_names="cat, dog",
        seeds=2,
        test_on="frames=faces, more=/more",
    )
    assert found["arms"] == ["csv=conv3_csv", "mine=conv3_csv,network=mynet.py:build"]
    assert found["changes"] == {
        "epochs": 5,
        "classes": ("happy", "sad"),
        "augmentation": {"zoom_range": 0.1, "rotation_range": 5},
    }
    assert {name: str(path) for name, path in found["data"].items()} == {
        "fer2013": str(tmp_path / "some"),
        "raf-db": "/other",
    }
    assert {name: str(path) for name, path in found["test_on"].items()} == {
        "frames": str(tmp_path / "faces"),
        "more": "/more",
    }
    assert (found["class_names"], found["seeds"]) == (["cat", "dog"], 2)
    plain = comparison_arguments(factors="learning_rate=1e-3,3e-4; augmentation=none,study_d")
    assert plain["factors"] == {"learning_rate": (1e-3, 3e-4), "augmentation": ("none", "study_d")}
    assert (plain["arms"], plain["data"], plain["changes"]) == ("same_images", None, {})
    assert plain["margin"] is None and comparison_arguments(margin=0.5)["margin"] == 0.005
    with pytest.raises(InputError, match="margin is '1'; give a number of points"):
        comparison_arguments(margin="1")
    with pytest.raises(InputError, match="data is 3; give a text"):
        comparison_arguments(data=3)
