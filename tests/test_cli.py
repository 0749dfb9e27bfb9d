import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from fer_keras.cli import main
from fer_keras.comparison import run as runs
from fer_keras.comparison.catalogue import RECIPES, named_recipe
from fer_keras.data.faces import split_names
from fer_keras.data.loading import load, load_rafdb
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv
from fer_keras.data.readers.locate import find_data
from fer_keras.utils.errors import InputError


def test_recipes_lists_every_recipe_with_what_differs(capsys):
    assert main(["recipes"]) == 0
    shown = capsys.readouterr().out
    for name, named in RECIPES.items():
        origin = f"study {named.study}" if named.study else "ours"
        assert f"{name}  ({origin})" in shown and named.differs in shown


def test_set_changes_fields_of_any_type():
    changes = ["epochs=5", "learning_rate=0.01", "patience=None", "classes=sad,angry", "seed=3"]
    recipe = named_recipe("conv2", changes)
    assert (recipe.epochs, recipe.learning_rate, recipe.patience) == (5, 0.01, None)
    assert (recipe.classes, recipe.seed, recipe.network) == (("angry", "sad"), 3, "conv2")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("resnet", "epochs=5", "No recipe is called resnet; there are conv2, vgg8"),
        ("conv2", "epoch=5", "no field epoch; its fields are .*epochs"),
        ("conv2", "epochs", "change 'epochs' has no value"),
        ("conv2", "epochs=five", "epochs is 'five'"),
    ],
)
def test_impossible_commands_are_answered_with_what_there_is(name, change, message):
    with pytest.raises(InputError, match=message):
        named_recipe(name, [change])


def test_bad_input_is_one_sentence_and_exit_code_2(capsys, tmp_path):
    assert main(["run", "conv2", "--data", str(tmp_path / "nowhere")]) == 2
    answer = capsys.readouterr()
    assert answer.out == "" and answer.err.count("\n") == 1
    assert answer.err.startswith("fer-keras: ") and "nowhere does not exist" in answer.err


def test_no_data_at_all_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    assert main(["run", "conv2"]) == 2
    assert "--data DIR" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["vgg8", "conv3_folder", "conv6"])
def test_run_trains_a_recipe_and_prints_scores_and_directory(data, tmp_path, capsys, name):
    out = tmp_path / "out"
    command = ["run", name, "--data", str(data), "--out", str(out), "--set", "epochs=1"]
    assert main(command) == 0
    (directory,) = out.glob("[!.]*")
    shown = capsys.readouterr().out
    assert str(directory) in shown and f"{name}: epoch  1/1" in shown
    report = pd.read_csv(directory / "class_report.csv")
    classes = RECIPES[name].recipe.classes
    assert tuple(report["class"][: len(classes)]) == classes
    assert (directory / "gallery.png").is_file()


def test_a_reader_that_leaves_early_gets_no_stack_trace():
    command = f"{sys.executable} -m fer_keras.cli recipes | true"
    answer = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
    assert answer.returncode == 0 and answer.stderr == b""


def test_help_and_recipes_import_no_tensorflow():
    code = (
        "import sys; from fer_keras.cli import main; main(['recipes'])\n"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "[]", answer.stderr


def test_several_data_sets_are_trained_each_and_tested_on_all(data, rafdb, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["run", "conv2", "--data", f"fer2013={data}", "--data", f"raf-db={rafdb}"]
    assert main([*command, "--out", str(out), "--set", "epochs=1"]) == 0
    assert "Across data sets" in capsys.readouterr().out
    table = pd.read_csv(out / "conv2_across_data_sets.csv")
    assert table[["trained on", "tested on", "split", "images"]].to_numpy().tolist() == [
        ["fer2013", "fer2013", "PublicTest", 70],
        ["fer2013", "fer2013", "PublicTest, clean", 66],
        ["fer2013", "raf-db", "RAF-DB test", 35],
        ["raf-db", "fer2013", "PublicTest", 70],
        ["raf-db", "raf-db", "RAF-DB test", 35],
    ]
    (run,) = out.glob("conv2-raf-db-*")
    foreign = np.load(run / "predictions_on_fer2013.npz")
    hits = foreign["probabilities"].argmax(axis=1) == foreign["y_true"]
    assert table["accuracy"][3] == pytest.approx(hits.mean())
    model = keras.models.load_model(run / "model.keras")
    images = read_fer2013_csv(data / "fer2013.csv").test.images[..., np.newaxis]
    np.testing.assert_allclose(foreign["probabilities"], np.asarray(model(images)), atol=1e-5)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (["affectnet=x"], "No data set is called affectnet; write NAME=DIR with one of fer2013"),
        (["raf-db=nowhere"], "nowhere"),
        (["raf-db=a", "raf-db=b"], "raf-db is given twice"),
    ],
)
def test_impossible_data_sets_are_refused(places, message, capsys):
    command = ["run", "conv2", *(word for place in places for word in ("--data", place))]
    assert main(command) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [("labels=ferplus", "no labels 'ferplus'"), ("", "add --set feed=memory")],
)
def test_rafdb_refuses_what_it_does_not_have(rafdb, change, message, capsys):
    name = "conv2" if change else "conv3_folder"
    changes = ["--set", change] if change else []
    assert main(["run", name, "--data", f"raf-db={rafdb}", *changes]) == 2
    assert message in capsys.readouterr().err


def test_rafdb_is_divided_at_random_where_the_recipe_says_so(rafdb):
    recipe = named_recipe("conv6", [])
    splits = load_rafdb(recipe, rafdb)
    assert (len(splits.test), len(splits.train) + len(splits.validation)) == (35, 140)
    assert set(split_names(splits.test.ids)) == {"RAF-DB train", "RAF-DB test"}


def test_a_recipe_can_learn_from_ferplus_votes(data, tmp_path):
    columns = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    faces = read_fer2013_csv(data / "fer2013.csv")
    usages = ["Training"] * len(faces.train) + ["PublicTest"] * len(faces.test)
    rows = [f"{usage},x.png,7,3,0,0,0,0,0,0,0,0" for usage in usages]
    rows[1::2] = [f"{usage},x.png,4,6,0,0,0,0,0,0,0,0" for usage in usages[1::2]]
    (data / "fer2013new.csv").write_text("\n".join([f"Usage,Image name,{columns}", *rows]))
    recipe = named_recipe("conv2", ["labels=ferplus_votes", "classes=happy,neutral", "epochs=1"])
    splits = load(recipe, find_data(data))
    np.testing.assert_allclose(
        splits.train.targets,
        [[[0.6, 0.4], [0.3, 0.7]][label] for label in splits.train.labels],
    )
    run = runs.run(recipe, splits, tmp_path / "run")
    assert set(run.predictions.y_true) == {0, 1}
    (data / "fer2013new.csv").unlink()
    with pytest.raises(InputError, match="FER\\+'s votes, fer2013new.csv"):
        load(recipe, find_data(data))


def test_predict_reads_the_run_that_run_left(data, tmp_path, capsys):
    out, photos = tmp_path / "out", tmp_path / "train" / "happy"
    assert main(["run", "conv2", "--data", str(data), "--out", str(out), "--set", "epochs=1"]) == 0
    run = capsys.readouterr().out.splitlines()[-1]
    there = tmp_path / "predicted"
    assert main(["predict", run, str(photos), "--out", str(there), "--detector", "haar"]) == 0
    table = pd.read_csv(there / "predictions.csv")
    assert len(table) == len(list(photos.iterdir())) and set(table["how"]) == {"tight crop"}
    assert main(["predict", run, str(photos), "--out", str(there)]) == 2
    assert "is not empty; name a new folder" in capsys.readouterr().err


def test_webcam_says_what_is_missing(tmp_path, capsys):
    assert main(["webcam", str(tmp_path), "--video", "none.mp4", "--record", "out.mp4"]) == 2
    assert "none.mp4 does not exist" in capsys.readouterr().err
    assert main(["webcam", str(tmp_path), "--record", "out.gif"]) == 2
    assert "must end in .mp4 or .avi" in capsys.readouterr().err
