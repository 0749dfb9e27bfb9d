"""The notebook `train.ipynb` and what it asks for; tests of the command are in test_cli.py."""

import nbformat
import pandas as pd
import pytest
from helpers import ROOT, papermill

from fer_keras.comparison.jobs import Job
from fer_keras.reporting.prose import drawn_notice, recipe_notice
from fer_keras.utils.errors import InputError

TRAIN = ROOT / "notebooks" / "train.ipynb"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"recipe": "resnet"}, "No recipe is called resnet; there are conv2, vgg8"),
        ({"changes": "epochs=5 seeds=3"}, "no field seeds"),
        ({"recipe": 3}, "recipe is 3; give a text"),
    ],
)
def test_impossible_jobs_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Job(**fields)


def test_without_data_faces_are_drawn_and_the_notice_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    arms, drawn = Job("conv2", changes="seed=4").prepare()
    assert drawn and list(arms) == ["drawn faces"]
    assert (arms["drawn faces"].recipe.epochs, arms["drawn faces"].recipe.seed) == (3, 4)
    notice = recipe_notice("conv2", arms, drawn)
    assert drawn_notice("make train") in notice and "seed is 4 instead of 0" in notice
    assert Job("conv2", changes="epochs=7").prepare()[0]["drawn faces"].recipe.epochs == 7


def test_relative_folders_count_from_the_project(data, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    arms, drawn = Job("conv2", data="fer2013=.").prepare()
    assert not drawn and len(arms["fer2013"].splits.test) == 70


def test_train_runs_from_end_to_end_on_two_data_sets(data, rafdb, tmp_path):
    output, runs = tmp_path / "run.ipynb", tmp_path / "runs"
    answer = papermill(
        output, "--stdout-file", "-", "-r", "recipe", "conv2", "-r", "output", runs,
        "-r", "data", f"fer2013={data},raf-db={rafdb}", "-r", "changes", "epochs=1 batch_size=32",
        notebook=TRAIN,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    (tables,) = runs.glob("conv2-fer2013-*/report/tables")
    assert pd.read_csv(tables / "results.csv")[["arm", "split"]].to_numpy().tolist() == [
        ["fer2013", "PublicTest"],
        ["fer2013", "PublicTest, clean"],
        ["raf-db", "RAF-DB test"],
    ]
    assert len(pd.read_csv(tables / "across_data_sets.csv")) == 5
    cells = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.get("name") == "stderr"]
    images = [out for out in outputs if "image/png" in out.get("data", {})]
    assert len(images) == 16 and all(out.metadata["image/png"]["alt"] for out in images)
