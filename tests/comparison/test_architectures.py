import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT, run_of

from fer_keras.comparison import architectures
from fer_keras.comparison.architectures import (
    Settings,
    longest_histories,
    prepare,
    recipes_for_minutes,
)
from fer_keras.comparison.catalogue import RECIPES
from fer_keras.data import loading as data_module
from fer_keras.reporting.html import export_html
from fer_keras.utils.errors import InputError


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("networks", "conv2,conv9", "'conv9'; choose one of conv2"),
        ("networks", "conv2,", "network is ''; choose one of conv2"),
        ("networks", "conv2", "'conv2'; name two or more, each once"),
        ("networks", "conv2, conv3, conv2", "name two or more, each once"),
        ("networks", ["conv2"], "give names separated by commas"),
        ("epochs", 0, "epochs is 0"),
        ("minutes", 0, "minutes is 0; give a number above 0"),
        ("minutes", "5", "minutes is '5'"),
        ("minutes", float("nan"), "minutes is nan"),
        ("validation_fraction", 0, "validation_fraction is 0"),
        ("validation_fraction", 0.9, "validation_fraction is 0.9"),
        ("batch_size", 0, "batch_size is 0"),
        ("data", 3, "data is 3; give a path"),
    ],
)
def test_impossible_settings_are_refused_at_once(field, value, message):
    with pytest.raises(InputError, match=message):
        Settings(**{field: value})


def test_networks_alone_differ():
    recipes = Settings(networks="vgg8, conv2", seed=3).recipes()
    assert list(recipes) == ["vgg8", "conv2"]
    rate = RECIPES["vgg8"].recipe.learning_rate
    assert recipes["vgg8"] == replace(recipes["conv2"], network="vgg8", learning_rate=rate)
    rates = {recipe.learning_rate for recipe in Settings(learning_rate=0.01).recipes().values()}
    assert rates == {0.01}
    assert recipes["vgg8"].epochs == 3 and recipes["vgg8"].augmentation == "none"


def test_the_csv_is_read_where_both_forms_are_there(data, tmp_path):
    both = prepare(Settings(data=str(data), validation_fraction=0.2, minutes=7))
    assert {recipe.storage for recipe in both.recipes.values()} == {"csv"}
    assert (len(both.splits.train), len(both.splits.validation)) == (224, 56)
    assert (both.minutes, both.drawn) == (7, False)
    alone = tmp_path / "folders"
    alone.mkdir()
    for part in ("train", "test"):
        shutil.copytree(data / part, alone / part)
    folders = prepare(Settings(data=str(alone)))
    assert {recipe.storage for recipe in folders.recipes.values()} == {"folder"}
    assert len(folders.splits.test) == 70 and folders.minutes == 4


def test_without_data_faces_are_drawn_for_a_short_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    few = partial(data_module.write_drawn_data, num_train=140, num_test=35)
    monkeypatch.setattr(data_module, "write_drawn_data", few)
    prepared = prepare(Settings(output=str(tmp_path / "runs")))
    assert prepared.drawn and prepared.minutes == 0.2
    assert {recipe.epochs for recipe in prepared.recipes.values()} == {1}
    assert len(prepared.splits.test) == 35


def test_as_many_whole_epochs_as_fit_and_one_at_least():
    runs = {"conv3": run_of(0.5, 1)}  # epochs of 60, 30 and 30 seconds
    for minutes, epochs in ((2, 4), (1.99, 3), (0.5, 1), (0.1, 1)):
        assert recipes_for_minutes(runs, minutes)["conv3"].epochs == epochs


def test_as_many_epochs_as_before_are_the_same_recipe():
    runs = {"conv3": run_of(0.5, 1)}
    assert recipes_for_minutes(runs, 1.5)["conv3"] == runs["conv3"].recipe


def test_the_longest_history_of_each_network_is_drawn():
    short, long = run_of(0.5, 1), run_of(0.5, 1)
    long = replace(long, history=pd.concat([long.history] * 2))
    assert len(longest_histories({"a": short, "b": long}, {"a": long, "b": short})["a"]) == 6
    assert len(longest_histories({"a": short}, {"a": short})["a"]) == 3


def test_finished_runs_are_read_back_with_their_timing(splits, tmp_path):
    recipes = Settings(epochs=1).recipes()
    recipes = {"conv3": recipes["conv3"]}
    first = architectures.train_all(recipes, splits, tmp_path)
    second = architectures.train_all(recipes, splits, tmp_path)
    pd.testing.assert_frame_equal(first["conv3"].history, second["conv3"].history)
    assert [path.name.split("-")[0] for path in tmp_path.glob("[!.]*")] == ["conv3"]


def test_notebook_runs_from_end_to_end_and_reports_both_budgets(tmp_path, data):
    output, runs = tmp_path / "run.ipynb", tmp_path / "runs"
    answer = subprocess.run(
        [
            sys.executable, "-m", "papermill", ROOT / "notebooks" / "architectures.ipynb", output,
            "--no-progress-bar", "-r", "data", data, "-r", "networks", "conv2,conv3",
            "-p", "epochs", "2", "-p", "minutes", "1e-6", "-r", "output", runs,
        ],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    cells = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out for out in outputs if out.get("name") == "stderr"]
    printed = "".join(out.text for out in outputs if out.get("name") == "stdout")
    assert "WARNING" not in printed and printed.count("conv2: epoch  1/1") == 1
    record = pd.read_csv(runs / "architectures" / "tables" / "results.csv")
    assert record[["budget", "network", "epochs", "split"]].to_numpy().tolist() == [
        [budget, network, epochs, split]
        for budget, epochs in (("equal epochs", 2), ("equal time", 1))
        for network in ("conv2", "conv3")
        for split in ("PublicTest", "PublicTest, clean")
    ]
    assert {"git commit", "processor", "megaflops", "macro_f1_low", "seed"} <= set(record)
    soup = BeautifulSoup(export_html(output).read_text(encoding="utf-8"), "html.parser")
    captions = [caption.get_text() for caption in soup("caption")]
    assert sum("Equal epochs: scores" in caption for caption in captions) == 1
    assert sum("Equal time, 1e-06 minutes" in caption for caption in captions) == 1
    assert "no network gets through an epoch" in soup.get_text()
    assert "conv3" in soup.img["alt"]
