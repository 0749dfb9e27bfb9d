import json
import signal
import subprocess
import sys
from importlib.metadata import version

import pandas as pd
import pytest
from helpers import TINY, photograph, write_votes

from fer_keras.cli import COMMANDS, main
from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.run import load_run
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.options import read_options
from fer_keras.reporting import result
from fer_keras.training.recipe import Recipe


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the figures of single runs, which take longer than a small training."""
    monkeypatch.setattr(result, "_draw_runs", lambda comparison: None)


def test_recipes_are_a_table_that_fits_a_terminal(capsys):
    assert main(["recipes"]) == 0
    shown = capsys.readouterr().out
    first_words = [line.split()[0] for line in shown.splitlines() if line]
    assert {*RECIPES, *COMPARISONS} <= {*first_words}
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("name", ["quick", "vgg8", "networks"])
def test_a_recipe_or_comparison_is_shown_in_full(name, capsys):
    assert main(["recipes", name]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    named = RECIPES.get(name) or COMPARISONS[name]
    texts = [named.differs, named.published] if name in RECIPES else [named.question]
    assert all(" ".join(text.split()) in shown for text in texts)


def test_recipes_for_machines_are_the_recipes(capsys):
    assert main(["recipes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recipes"].keys() == RECIPES.keys()
    assert all(Recipe(**each["recipe"]) == RECIPES[name].recipe
               for name, each in found["recipes"].items())  # fmt: skip
    arms = found["comparisons"]["same_images"]["arms"]
    assert Recipe(**arms["folder"]) == COMPARISONS["same_images"].arms["folder"]


def test_the_version_names_what_results_depend_on(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    words = capsys.readouterr().out.split()
    assert words[::2] == ["fer_keras", "tensorflow", "keras"] and words[5] == version("keras")


def test_one_recipe_for_machines_is_that_recipe_alone(capsys):
    assert main(["recipes", "quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [*found["recipes"]] == ["quick"] and found["comparisons"] == {}
    assert main(["recipes", "none", "--json"]) == 2
    answer = capsys.readouterr()
    assert answer.out == "" and "none" in answer.err


def test_words_may_stand_behind_options(capsys):
    options = read_options(["video", "quick", "--every", "10", "a.mp4", "--out", "b"], COMMANDS)
    assert (options.network, options.video, options.every) == ("quick", "a.mp4", 10)
    options = read_options(["report", "runs/a", "--without-faces", "a.html"], COMMANDS)
    assert options.html == "a.html" and options.without_faces
    for option in ([], ["--without-faces"]):
        with pytest.raises(SystemExit):
            read_options(["report", "runs/a", "a.html", *option, "b.html"], COMMANDS)
        assert "b.html is one word too many" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        read_options(["run", "quick", "--", "more"], COMMANDS)
    assert "more is one word too many" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["audit", "--data", "faces"], "--data. Write the folder alone: fer-keras audit DIR."),
        (["audit", "--jsn"], "--jsn. Did you mean --json?"),
        (["compare", "--seed", "3"], "--seed. Did you mean --seeds, or --first-seed?"),
        (["compare", "--epochs", "3"], "--epochs. A field of the recipe is changed by --set"),
    ],
)
def test_an_unknown_option_is_named_with_what_was_perhaps_meant(words, hint, capsys):
    with pytest.raises(SystemExit):
        read_options(words, COMMANDS)
    assert f"no option is called {hint}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["comapre"], "compare"),
        (["compare", "same_image"], "same_images"),
        (["compare", "quick", "--sedes", "3"], "--seeds"),
        (["compare", "quick", "--seed", "3"], "--seeds, or --first-seed"),
        (["run", "quik"], "quick"),
        (["run", "quick", "--set", "epoch=3"], "epochs"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(arguments, meant, capsys):
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert capsys.readouterr().err.strip().endswith(f"Did you mean {meant}?")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples_of_itself(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    examples = capsys.readouterr().out.rpartition("examples:")[2].split("\n  fer-keras ")[1:]
    assert examples and all(line.split()[0] == command for line in examples)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "resnet"], "No recipe is called resnet"),
        (["run", "conv2", "--set", "epoch=5"], "no field epoch; its fields are"),
        (["run", "conv2", "--set", "epochs"], "The change 'epochs' has no value"),
        (["run", "conv2", "--set", "=5"], "The change '=5' has no field"),
        (["run", "conv2", "--set", "epochs=five"], "epochs is 'five'"),
        (["compare"], "Name a comparison or a recipe, or give arms"),
        (["compare", "quick", "--arm", "a=best"], "FIELD=VALUE...]; not both"),
        (["compare", "--arm", "=best"], "The arm '=best' has no name"),
        (["compare", "--arm", "a="], "The arm 'a=' has no recipe"),
        (["compare", "quick", "--factor", "epochs=1,2", "--factor", "epochs=3,4"], "given twice"),
        (["compare", "quick", "--report", ""], "The report cannot be ''"),
        (["compare", "quick", "--report", "tests"], "The report cannot be 'tests'"),
        (["compare", "quick", "--report", "a.pdf"], "'a.pdf'; give a file that ends in .html"),
        (["compare", "quick", "--report", f"{__file__}/a.html"], "is no folder to write to"),
        (["compare", "quick", "--seeds", "0,1", "--first-seed", "5"], "first_seed is 5 beside"),
        (["compare", "--arm", "a=same_images"], "same_images is a comparison of several recipes"),
        (["compare", "quick", "--seeds", "1,x"], "seeds is '1,x'; give a number of seeds"),
        (["compare", "speed"], "No recipe is called speed"),
        (["compare", "quick", "--factor", "epochs=3"], "The factor epochs has the levels 3"),
        (["compare", "quick", "--seeds", "0"], "seeds is 0"),
        (["compare", "quick", "--margin", "0.01"], "margin is 0.0001, or 0.01 points; give"),
        (["compare", "quick", "--seeds", "1", "--jobs", "0"], "jobs is 0"),
        (["compare", "--arm", "a=quick,network=nowhere.py:f"], "There is no file"),
        (["compare", "quick", "--test-on", "raf-db"], "The data set 'raf-db' to test on is not"),
    ],
)
def test_impossible_commands_are_one_sentence_and_exit_code_2(arguments, message, data, capsys):
    assert main([*arguments, "--data", str(data), "--out", str(data / "out")]) == 2
    answer = capsys.readouterr()
    assert answer.err.count("\n") == 1 and answer.err.startswith("fer-keras: ")
    assert message in answer.err


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["a=.", "a=.."], "The data set a is given twice"),
        (["1/a", "2/a"], "called alike, as in NAME=2/a."),
        ([""], "The data '' names no folder"),
        (["a="], "The data 'a=' names no folder"),
    ],
)
def test_impossible_places_are_one_sentence(places, message, capsys):
    assert main(["run", "conv2", *(word for p in places for word in ("--data", p))]) == 2
    answer = capsys.readouterr()
    assert answer.out == "" and message in answer.err


@pytest.mark.parametrize("name", ["conv3_folder", "conv6"])
def test_run_trains_a_recipe_and_prints_scores_and_directory(data, tmp_path, capsys, name):
    out = tmp_path / "out"
    command = ["run", name, "--data", str(data), "--out", str(out), "--set", "epochs=1"]
    assert main([*command, "--set", f"network={TINY}"]) == 0
    shown = capsys.readouterr().out
    assert f"{name}, seed 0: epoch  1/1" in shown
    directory = load_run(shown.splitlines()[-1]).directory
    report = pd.read_csv(directory / "class_report.csv")
    assert tuple(report["class"][:7]) == CLASS_NAMES
    figures = {path.name for path in directory.glob("*.png")}
    assert figures == {
        "curves.png", "confusion_matrix.png", "class_accuracy.png", "gallery.png",
    }  # fmt: skip


@pytest.mark.usefixtures("undrawn", "untrained")
def test_arms_with_a_network_of_ones_own_are_compared(data, tmp_path, capsys):
    arms = ["--arm", "csv=conv3_csv,division=own", "--arm", f"mine=conv3_csv,network={TINY}"]
    rest = ["--seeds", "2", "--data", str(data), "--set", "epochs=1", "--out", str(tmp_path / "o")]
    assert main(["compare", *arms, *rest]) == 0
    shown = capsys.readouterr().out
    assert "Differences in points" in shown and "mine" in shown
    (record,) = (tmp_path / "o").glob("*/results.csv")
    assert set(pd.read_csv(record)["arm"]) == {"csv", "mine"}


@pytest.mark.usefixtures("undrawn")
def test_a_comparison_for_machines_is_one_document(data, tmp_path, capsys):
    arms = ["--arm", f"a={TINY}", "--arm", f"b={TINY},augmentation=study_b"]
    options = ["--seeds", "1", "--set", "epochs=1", "--data", str(data), "--out", str(tmp_path)]
    assert main(["compare", *arms, *options, "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    stored = pd.read_csv(f"{found['folder']}/results.csv")
    assert [row["accuracy"] for row in found["results"]] == pytest.approx(stored["accuracy"])
    assert found["errors"] == [] and "epoch  1/1" in said.err


@pytest.mark.usefixtures("undrawn")
def test_other_data_to_test_on_is_named_and_shown(data, rafdb, tmp_path, capsys):
    command = ["compare", f"conv3_csv,network={TINY},division=own", "--seeds", "1"]
    command += ["--data", str(data), "--set", "epochs=1", "--out", str(tmp_path / "o")]
    assert main([*command, "--test-on", f"raf-db={rafdb}", "--group-by", r"test_000(\d)"]) == 0
    shown = capsys.readouterr().out
    assert "Other data:\n- raf-db: " in shown and "raf-db: all images (35 in 4 groups)" in shown


@pytest.mark.usefixtures("undrawn", "untrained")
def test_reports_are_written_where_one_says(data, tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        result.Result, "report", lambda self, *how, **more: asked.append((how, more))
    )
    command = ["compare", f"conv3_csv,network={TINY},division=own", "--seeds", "1"]
    command += ["--data", str(data), "--set", "epochs=1", "--out", str(tmp_path / "o")]
    assert main([*command, "--report", "a.html"]) == 0
    (record,) = (tmp_path / "o").glob("*/results.csv")
    assert main(["report", str(record.parent), "b.html", "--without-faces"]) == 0
    assert asked == [(("a.html",), {}), (("b.html",), {"with_faces": False})]


@pytest.mark.usefixtures("undrawn", "untrained")
def test_a_grid_of_two_factors_and_one_at_a_time(data, tmp_path, capsys):
    factors = ["--factor", "augmentation=none,study_d", "--factor", "learning_rate=1e-3,3e-4"]
    rest = ["--seeds", "1", "--data", str(data), "--set", "epochs=1", "--out", str(tmp_path / "o")]
    command = ["compare", f"conv3_csv,network={TINY},division=own", *factors, *rest]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert all(f"{a}, {rate}" in shown for a in ("none", "study_d") for rate in ("0.001", "0.0003"))
    assert main([*command, "--one-at-a-time"]) == 0
    assert "learning_rate 0.0003" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_failed_run_is_said_and_the_exit_code_is_1(data, tmp_path, capsys):
    out = tmp_path / "o"
    command = ["compare", "--arm", f"a=conv3_csv,network={TINY},division=own", "--arm"]
    command += [f"b=conv3_csv,network={TINY},division=own,batch_size=32", "--seeds", "1"]
    command += ["--data", str(data), "--set", "epochs=1", "--out", str(out)]
    assert main(command) == 0
    (run,) = out.glob("*/b-seed0-*")
    (run / "metrics.json").unlink()
    (run / "model.keras").unlink()
    (run / "model.keras").mkdir()
    (run / "model.keras" / "in_the_way").touch()
    capsys.readouterr()
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("b, seed 0 failed: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_says_how_to_go_on(data, tmp_path, number):
    command = ["run", "quick", "--data", str(data), "--out", str(tmp_path / "o")]
    changes = ["--set", f"network={TINY}", "--set", "epochs=100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fer_keras", *command, *changes],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # What a shell starts in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert any("epoch" in line for line in process.stdout)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    # Long waits are lines before it.
    assert errors.splitlines()[-1] == "fer-keras: Stopped; start the same command again to go on."


QUICK_EXIT = """
import atexit, sys, types
from fer_keras.__main__ import command

class Slow:
    def __del__(self):
        print("taken apart")

sys.modules["tensorflow"] = types.ModuleType("tensorflow")
sys.modules["tensorflow"].slow = Slow()
atexit.register(print, "atexit")
sys.argv = ["fer-keras", *sys.argv[1:]]
command()
"""


@pytest.mark.parametrize(("arguments", "code"), [(["recipes"], 0), (["recipes", "none"], 2)])
def test_a_command_does_not_wait_until_tensorflow_is_taken_apart(arguments, code):
    command = [sys.executable, "-c", QUICK_EXIT, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == code
    assert bool(ended.stderr) == bool(code)
    assert ended.stdout.endswith("atexit\n") and "taken apart" not in ended.stdout


CTRL_C_AT_AN_IMPORT = """
import os, runpy, signal, sys

class Finder:
    def find_spec(name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
runpy.run_module("fer_keras", run_name="__main__")
"""
CTRL_C_HIDDEN = """
import os, signal, time
import fer_keras.cli as cli

def command(_):
    try:  # as Keras looks for optree
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except BaseException:
        pass
    raise ImportError("To use Keras, you need to have `optree` installed.")

cli.COMMANDS["recipes"] = command
raise SystemExit(cli.main(["recipes"]))
"""


@pytest.mark.parametrize("module", ["fer_keras.cli", "argparse", "fer_keras.options"])
def test_ctrl_c_while_python_imports_ends_a_command_without_a_word(module):
    answer = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT_AN_IMPORT, module], capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (answer.returncode, answer.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_that_comes_in_another_errors_clothes_is_ctrl_c():
    answer = subprocess.run(
        [sys.executable, "-c", CTRL_C_HIDDEN], capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert answer.returncode == 130 and answer.stderr.strip() == "fer-keras: Stopped."


def test_a_place_that_cannot_be_written_to_is_one_sentence(data, tmp_path, capsys):
    (tmp_path / "file").touch()
    command = ["run", "quick", "--data", str(data), "--out", str(tmp_path / "file")]
    assert main([*command, "--set", f"network={TINY}"]) == 2
    answer = capsys.readouterr()
    assert answer.err.count("\n") == 1 and str(tmp_path / "file") in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", ""],
        ["predict", "quick", ""],
        ["predict", "face.png", "--json", "--out", ""],
        ["video", ""],
        ["audit", ""],
        ["run", "conv2", "--data", ".", "--out", ""],
        ["report", ""],
        ["export", "quick", "--to", "keras", "--out", ""],
        ["download", "fer2013", "--out", ""],
    ],
)
def test_an_empty_word_names_no_place(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photograph().save("face.png")  # what `predict` would find in the working folder
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("fer-keras: A path is empty")
    assert [path.name for path in tmp_path.iterdir()] == ["face.png"]


@pytest.mark.parametrize("words", [["recipes", ""], ["recipes", "", "--json"]])
def test_an_empty_name_is_no_recipe(words, capsys):
    assert main(words) == 2
    assert "No recipe is called ''; there are" in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_several_data_sets_are_trained_each(data, rafdb, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["run", "conv2", "--data", f"fer2013={data}", "--data", f"raf-db={rafdb}"]
    changes = ["--set", "epochs=1", "--set", f"network={TINY}"]
    assert main([*command, "--out", str(out), *changes]) == 0
    (record,) = out.glob("*/results.csv")
    assert set(pd.read_csv(record)["arm"]) == {"conv2 on fer2013", "conv2 on raf-db"}
    assert "Other data:" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn", "untrained")
def test_one_data_set_keeps_the_name_that_it_is_given(data, tmp_path, capsys):
    command = ["compare", "conv3", "--out", str(tmp_path / "out"), "--seeds", "1"]
    assert main([*command, "--data", f"mine={data / 'fer2013.csv'}", "--json"]) == 0
    shown = capsys.readouterr()
    assert "Data: mine, " in shown.err
    (record,) = (tmp_path / "out").glob("*/design.json")
    assert json.loads(record.read_text())["data"]["conv3"]["name"] == "mine"


@pytest.mark.usefixtures("undrawn")
def test_a_csv_with_classes_of_ones_own(data, tmp_path, capsys):
    rows = (data / "fer2013.csv").read_text().splitlines()
    kept = [row for row in rows if row[0] in "e012"]
    own = tmp_path / "cats.csv"
    own.write_text("\n".join(kept) + "\n")
    command = ["run", "quick", "--data", str(own), "--out", str(tmp_path / "o")]
    command += ["--set", "epochs=1", "--set", f"network={TINY}"]
    assert main([*command, "--class-names", "cat,dog,owl"]) == 0
    directory = capsys.readouterr().out.splitlines()[-1]
    assert load_run(directory).predictions.class_names == ("cat", "dog", "owl")


def test_a_reader_that_leaves_early_gets_no_stack_trace():
    command = f"{sys.executable} -m fer_keras recipes | true"
    answer = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
    assert answer.returncode == 141 and answer.stderr == b""  # 128 and SIGPIPE, as other programs


@pytest.mark.usefixtures("undrawn")
def test_a_recipe_can_learn_from_ferplus_votes(data, tmp_path, capsys):
    write_votes(data, also="happy")
    command = ["run", "conv2", "--data", str(data), "--out", str(tmp_path / "o")]
    changes = ["labels=ferplus_votes", "classes=happy,neutral", "epochs=1", f"network={TINY}"]
    command += [word for change in changes for word in ("--set", change)]
    assert main(command) == 0
    run = load_run(capsys.readouterr().out.splitlines()[-1])
    assert set(run.predictions.y_true) == {0, 1} and len(run.predictions.y_true) == 20
    stored = json.loads((run.directory / "recipe.json").read_text())
    assert stored["recipe"]["labels"] == "ferplus_votes"
    (data / "fer2013new.csv").unlink()
    assert main(command) == 2
    assert "FER+'s votes, fer2013new.csv" in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_predict_reads_the_run_that_run_left(data, tmp_path, capsys):
    out, photos = tmp_path / "out", tmp_path / "train" / "happy"
    command = ["run", "conv2", "--data", str(data), "--out", str(out), "--set", "epochs=1"]
    assert main([*command, "--set", f"network={TINY}"]) == 0
    run = capsys.readouterr().out.splitlines()[-1]
    there = tmp_path / "predicted"
    assert main(["predict", run, str(photos), "--out", str(there)]) == 0
    table = pd.read_csv(there / "predictions.csv")
    assert len(table) == len(list(photos.iterdir())) and set(table["how"]) == {"tight crop"}
    assert main(["predict", run, str(photos), "--out", str(there)]) == 2
    assert "is not empty; name a new folder" in capsys.readouterr().err


def test_webcam_says_what_is_missing(tmp_path, capsys):
    assert main(["webcam", str(tmp_path), "--video", "none.mp4", "--record", "out.mp4"]) == 2
    assert "none.mp4 does not exist" in capsys.readouterr().err
    # Without a network it is the one that comes along for cameras.
    assert main(["webcam", "--video", "none.mp4", "--record", "out.mp4"]) == 2
    assert "none.mp4 does not exist" in capsys.readouterr().err
    assert main(["webcam", str(tmp_path), "--record", "out.gif"]) == 2
    assert "must end in .mp4 or .avi" in capsys.readouterr().err


def test_without_shtab_one_sentence_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit):
        main(["--completion", "zsh"])
    assert 'pip install "shtab>=1.7,<2"' in capsys.readouterr().err
