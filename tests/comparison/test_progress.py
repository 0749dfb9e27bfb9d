"""What is shown of trainings, driven as Keras drives its callbacks."""

import io
import json
import re
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from helpers import SMALL, finish_untrained, texts
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from tqdm import tqdm

from fer_keras.comparison import execute, parallel_progress, progress
from fer_keras.comparison.execute import plan_runs
from fer_keras.comparison.live_curve import LiveCurve
from fer_keras.comparison.progress import Progress, Training
from fer_keras.comparison.source import Source
from fer_keras.training.recipe import Recipe
from fer_keras.utils import watching

LOGS = {"loss": 1.2345, "accuracy": 0.5}


def drive(
    callback, epochs=3, first_epoch=0, steps_a_call=1, validation=(0.25, 0.3, 0.35), planned=9
):
    """Call a callback as Keras' fit does, for 100 images in four steps an epoch."""
    callback.set_params({"epochs": planned})
    callback.on_train_begin()
    for epoch in range(first_epoch, epochs):
        callback.on_epoch_begin(epoch)
        for step in range(steps_a_call - 1, 4, steps_a_call):
            callback.on_train_batch_end(step, LOGS)
        scores = {"val_loss": 1.5, "val_accuracy": validation[epoch]} if validation else {}
        callback.on_epoch_end(epoch, LOGS | scores)
    callback.on_train_end()


@pytest.fixture
def bars(monkeypatch):
    """The live bars that were made, which write to memory, as a terminal's reader sees them."""
    made = []

    def make(**options):
        made.append(tqdm(file=io.StringIO(), mininterval=0, **options | {"dynamic_ncols": False}))
        return made[-1]

    monkeypatch.setattr("tqdm.auto.tqdm", make)
    monkeypatch.setattr(progress, "is_watched", lambda: True)
    return made


@pytest.fixture
def unwatched(monkeypatch):
    monkeypatch.setattr(progress, "is_watched", lambda: False)


def shown(bar):
    return [text.strip() for text in re.split(r"[\r\n]", bar.fp.getvalue()) if text.strip()]


@pytest.mark.parametrize("steps_a_call", [1, 2, 4])
def test_the_live_bar_counts_every_image_once(bars, steps_a_call):
    with Progress([Training("csv", 3, 100)]) as going:
        drive(going.callback("CSV", 32), steps_a_call=steps_a_call)
    (bar,) = bars
    assert bar.n == bar.total == 300
    assert "epoch 3/3  loss 1.234  accuracy 0.500  validation accuracy 0.350" in shown(bar)[-1]


def test_an_epochs_validation_accuracy_is_its_own(bars):
    with Progress([Training("csv", 3, 100)]) as going:
        drive(going.callback("CSV", 32))
    own = [text for text in shown(bars[0]) if "epoch 2/3" in text and text.endswith("0.300")]
    before = [text for text in shown(bars[0]) if text.endswith("0.250 after epoch 1")]
    assert own and before and all("epoch 2/3" in text for text in before)
    assert not any("epoch 1/3" in text and "0.300" in text for text in shown(bars[0]))


def test_one_bar_goes_over_all_runs_also_where_one_fails_or_ends_early(bars):
    sizes = [Training("csv", 3, 100), Training("mine", 3, 50), Training("csv", 3, 100)]
    with Progress(sizes) as going:
        drive(going.callback("csv, seed 0", 32), epochs=2)  # patience spared an epoch
        assert bars[0].n == 300
        going.turn_to(2)  # the second run failed before it began
        callback = going.callback("csv, seed 1", 32)
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        assert bars[0].n == 450
        drive(callback)
    (bar,) = bars
    assert bar.n == bar.total == 750
    assert any("run 3/3  csv, seed 1  epoch 1/3" in text for text in shown(bar))


def test_between_runs_the_bar_says_that_one_is_tested_and_the_last_scores_stay(bars):
    with Progress([Training("csv", 3, 100), Training("csv", 3, 100)]) as going:
        drive(going.callback("csv, seed 0", 32))
        assert shown(bars[0])[-1].endswith("run 1/2  csv, seed 0  testing")
        going.turn_to(1)
        drive(going.callback("csv, seed 1", 32))
        assert shown(bars[0])[-1].endswith("| run 2/2  csv, seed 1  testing")
    assert shown(bars[0])[-1].endswith("accuracy 0.500  validation accuracy 0.350")


def test_frozen_epochs_do_not_end_a_run(bars, capsys):
    with Progress([Training("a", 3, 100), Training("b", 3, 100)]) as going:
        callback = going.callback("a, seed 0", 32)
        drive(callback, epochs=1, planned=1)
        assert bars[0].n == 100 and "ended" not in capsys.readouterr().out
        drive(callback, first_epoch=1)
        assert bars[0].n == 300 and "a, seed 0: ended after" in capsys.readouterr().out


def test_the_live_bar_of_a_resumed_run_begins_where_it_was(bars):
    with Progress([Training("csv", 3, 100)]) as going:
        drive(going.callback("CSV", 32), first_epoch=2)
    assert bars[0].initial == 200 and bars[0].n == bars[0].total == 300


def test_time_left_is_by_each_arms_own_pace(monkeypatch, unwatched, capsys):
    """An image takes 10 ms in one arm and 1 ms in the other, and a run 5 s to compile."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)

    def train(callback, milliseconds):
        callback.set_params({"epochs": 2})
        callback.on_train_begin()
        for epoch in range(2):
            callback.on_epoch_begin(epoch)
            for batch in range(10):
                clock.now += 100 * milliseconds / 1000 + (5 if epoch == batch == 0 else 0)
                callback.on_train_batch_end(batch, LOGS)
            callback.on_epoch_end(epoch, LOGS)
        callback.on_train_end()

    slow, fast = Training("slow", 2, 1000), Training("fast", 2, 1000)
    going = Progress([slow, fast, slow, fast])
    assert going.seconds_left is None
    train(going.callback("slow, seed 0", 100), 10)
    going.turn_to(1)
    assert going.seconds_left == pytest.approx(3 * 20)  # the other arm's pace is not known yet
    train(going.callback("fast, seed 0", 100), 1)
    going.turn_to(2)
    assert going.seconds_left == pytest.approx(20 + 2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].endswith("1,000 images/s, 1 s, run 2/4, 22 s left")
    resumed = Progress([slow, fast], known={"slow": 0.02, "fast": 0.002})
    train(resumed.callback("slow, seed 1", 100), 10)
    resumed.turn_to(1)
    assert resumed.seconds_left == pytest.approx(4)


def test_the_speed_on_a_line_leaves_out_validation(monkeypatch, unwatched, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    callback = Progress([Training("a", 1, 100)]).callback("a, seed 0", 100)
    callback.set_params({"epochs": 1})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    clock.now += 2
    callback.on_train_batch_end(0, LOGS)
    clock.now += 3  # validation, and the keeping of weights
    callback.on_epoch_end(0, LOGS)
    assert "50 images/s, 5 s" in capsys.readouterr().out


def test_the_pace_of_an_arm_is_that_of_its_finished_runs(splits, tmp_path):
    recipe = Recipe(network=SMALL)
    arms = {"a": recipe, "b": recipe.changed(batch_size=35)}
    planned, _ = plan_runs(arms, dict.fromkeys(arms, Source(splits)), (0, 1), tmp_path)
    assert execute._paces(planned) == {}
    finish_untrained(planned[:1])  # three epochs, of 60, 30 and 30 seconds
    assert execute._paces(planned) == {"a": pytest.approx(120 / (3 * 140))}


def test_one_line_an_epoch_where_nobody_watches(capsys, unwatched):
    with Progress([Training("csv", 3, 100)]) as going:
        drive(going.callback("CSV", 32))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"CSV: epoch  2/3  loss 1\.234 accuracy 0\.500  "
        r"validation 1\.500 0\.300  [\d,]+ images/s, \d+ s, \d+ s left",
        lines[1],
    )


def test_lines_say_what_a_training_is_for(capsys, unwatched):
    with Progress([Training("csv", 3, 100)], "timing") as going:
        drive(going.callback("CSV", 32))
    assert ", timing, " in capsys.readouterr().out.splitlines()[0]


def test_a_long_epoch_is_not_silent(capsys, unwatched, monkeypatch):
    monkeypatch.setattr(progress, "QUIET_LINES_SECONDS", 0)
    with Progress([Training("csv", 1, 100)]) as going:
        drive(going.callback("CSV", 32), epochs=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in lines[:4]] == ["32%", "64%", "96%", "100%"]


def test_lines_say_when_patience_ended_a_training(capsys, unwatched):
    with Progress([Training("csv", 9, 100)]) as going:
        drive(going.callback("CSV", 32), validation=(0.25, 0.4, 0.35))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "CSV: ended after epoch 3, validation accuracy 0.400 at best, at epoch 2"


@pytest.mark.parametrize("watched", [True, False])
def test_without_validation_no_validation_score_is_shown(capsys, bars, monkeypatch, watched):
    monkeypatch.setattr(progress, "is_watched", lambda: watched)
    with Progress([Training("csv", 3, 100)]) as going:
        drive(going.callback("CSV", 32), validation=None)
    said = capsys.readouterr().out + "".join(bar.fp.getvalue() for bar in bars)
    assert "loss" in said and "validation" not in said


def test_runs_side_by_side_are_followed_by_the_epochs_that_they_kept(
    tmp_path, bars, monkeypatch, capsys
):
    def planned(name):
        recipe = SimpleNamespace(epochs=4, seed=0)
        return SimpleNamespace(
            arm=name,
            recipe=recipe,
            directory=tmp_path / name,
            num_train=50,
            is_finished=False,
            training=Training(name, 4, 50),
        )

    runs = [planned("csv"), planned("mine")]
    monkeypatch.setattr(parallel_progress, "is_watched", lambda: True)
    monkeypatch.setattr(parallel_progress, "LOOK_SECONDS", 0.01)
    with parallel_progress.ParallelProgress(runs) as going:
        state = tmp_path / "mine" / "backup" / "state.json"
        state.parent.mkdir(parents=True)
        state.write_text(json.dumps([{}, {}, {}]))
        (tmp_path / "csv" / "backup").mkdir(parents=True)
        (tmp_path / "csv" / "backup" / "state.json").write_text("{damaged")
        deadline = time.monotonic() + 10
        while bars[0].n < 150 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bars[0].n == 150 and bars[0].total == 400
        going.ended(runs[0])  # and be it that it failed
        assert bars[0].n == 350
    assert "1 of 2 runs have ended" in shown(bars[0])[-1]
    monkeypatch.setattr(parallel_progress, "is_watched", lambda: False)
    with parallel_progress.ParallelProgress(runs, "learning rate 1 of 3") as going:
        going.ended(runs[0])
    said = capsys.readouterr().out
    assert said.startswith("csv, seed 0 has ended; ")
    assert said.endswith("learning rate 1 of 3: 1 of 2 runs have ended.\n")


def test_keras_drives_it_as_these_tests_do(bars):
    images, labels = np.zeros((100, 2), "float32"), np.zeros(100)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=["accuracy"])
    with Progress([Training("csv", 2, 100)]) as going:
        model.fit(
            images,
            labels,
            batch_size=32,
            epochs=2,
            verbose=0,
            validation_data=(images, labels),
            callbacks=[going.callback("CSV", 32)],
        )
    assert bars[0].n == 200 and "epoch 2/2" in shown(bars[0])[-1]


LIVE = """
import os
os.environ["KERAS_BACKEND"] = "numpy"  # of Keras, only its callbacks are needed
from fer_keras.utils.watching import is_watched
print(is_watched())
from fer_keras.comparison.progress import Progress, Training
with Progress([Training("csv", 2, 10)]) as going:
    callback = going.callback("CSV", 10)
    callback.set_params({"epochs": 2})
    callback.on_train_begin()
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_end(0, {"loss": 1.0, "accuracy": 0.5})
        logs = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.25}
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()
"""


def test_a_notebook_shows_a_curve_where_it_may_ask_its_reader_else_lines():
    cells = [new_code_cell(LIVE), new_code_cell(LIVE)]
    client = NotebookClient(new_notebook(cells=cells), kernel_name="python3")
    with client.setup_kernel():
        client.execute_cell(cells[0], 0)  # as papermill and nbconvert do
        client.kc.allow_stdin = True  # as live notebooks do
        client.execute_cell(cells[1], 1)
    executed, live = ("".join(output.get("text", "") for output in cell.outputs) for cell in cells)
    assert executed.startswith("False\nCSV: epoch  1/2") and executed.count("\n") == 3
    assert not any("data" in output for output in cells[0].outputs)
    assert live.startswith("True\n") and "CSV: epoch" not in live
    figures = [output for output in cells[1].outputs if "image/png" in output.get("data", {})]
    assert len(figures) == 1  # updated in place
    states = client.widget_state
    words = [each["layout"] for each in states.values() if "epoch" in str(each.get("value"))]
    flex = [states[place.removeprefix("IPY_MODEL_")].get("flex") for place in words]
    assert flex == ["0 0 100%"]  # a line of their own, lest they change the bar's width


@pytest.fixture
def pictures(monkeypatch):
    """The pictures that a notebook's reader has seen, first to last."""
    seen = []
    handle = SimpleNamespace(update=seen.append)
    monkeypatch.setattr(
        "IPython.display.display", lambda picture, **_: seen.append(picture) or handle
    )
    return seen


def test_the_curve_is_drawn_after_the_second_epoch_too_and_then_as_often_as_costs_little(pictures):
    rows = [{"epoch": number, "accuracy": 0.5} for number in (1, 2, 3, 4)]
    curve = LiveCurve()
    for count in (1, 2, 3):
        curve.draw("csv", "csv, seed 0", rows[:count])
    assert (
        len(pictures) == 2
    )  # the first loads matplotlib, which tells nothing of what drawing costs
    curve.draw("csv", "csv, seed 0", rows, at_once=True)
    assert len(pictures) == 3


def test_the_curve_names_the_running_training_and_each_other_arm_once(pictures):
    curve = LiveCurve()
    for arm, seed in (("csv", 0), ("mine", 0), ("csv", 1), ("mine", 1)):
        curve.draw(arm, f"{arm}, seed {seed}", [{"epoch": 1, "val_accuracy": 0.5}])
    (axes,) = curve.figure("mine, seed 1").axes
    assert texts(axes.get_legend()) == ["csv", "mine, seed 1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "validation accuracy")


@pytest.mark.parametrize("terminal", [True, False])
def test_outside_notebooks_a_terminal_is_watched(monkeypatch, terminal):
    monkeypatch.setattr(watching.sys.stdout, "isatty", lambda: terminal, raising=False)
    assert watching.is_watched() is terminal


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (95, "2 min"), (7500, "2 h 5 min")]
)
def test_times_are_said_as_one_would(seconds, words):
    assert watching.in_words(seconds) == words
