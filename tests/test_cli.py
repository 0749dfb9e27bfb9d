import subprocess
import sys

import pandas as pd
import pytest
from test_protocols import data  # noqa: F401  (a fixture)

from fer_keras.cli import main, recipe_of
from fer_keras.errors import InputError
from fer_keras.recipes import RECIPES


def test_recipes_lists_every_recipe_with_what_differs(capsys):
    assert main(["recipes"]) == 0
    shown = capsys.readouterr().out
    for name, named in RECIPES.items():
        assert f"{name}  (study {named.study})" in shown and named.differs in shown


def test_set_changes_fields_of_any_type():
    changes = ["epochs=5", "learning_rate=0.01", "patience=None", "classes=sad,angry", "seed=3"]
    recipe = recipe_of("conv2", changes)
    assert (recipe.epochs, recipe.learning_rate, recipe.patience) == (5, 0.01, None)
    assert (recipe.classes, recipe.seed, recipe.network) == (("angry", "sad"), 3, "conv2")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("resnet", "epochs=5", "No recipe is called resnet; there are conv2, vgg8"),
        ("conv2", "epoch=5", "no field epoch; its fields are .*epochs"),
        ("conv2", "epochs", "--set epochs has no value"),
        ("conv2", "epochs=five", "epochs is 'five'"),
    ],
)
def test_impossible_commands_are_answered_with_what_there_is(name, change, message):
    with pytest.raises(InputError, match=message):
        recipe_of(name, [change])


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
def test_run_trains_a_recipe_and_prints_scores_and_directory(data, tmp_path, capsys, name):  # noqa: F811
    out = tmp_path / "out"
    command = ["run", name, "--data", str(data), "--out", str(out), "--set", "epochs=1"]
    assert main(command) == 0
    (directory,) = out.iterdir()
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
