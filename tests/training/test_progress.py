import io
import re

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from tqdm import tqdm

from fer_keras.training import progress
from fer_keras.training.recipe import Recipe

LOGS = {"loss": 1.2345, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.25}
RECIPE = Recipe(epochs=3, batch_size=32)
KINDS = (progress.LiveBar, progress.EpochLines)


def drive(callback, first_epoch=0, steps_a_call=1, logs=LOGS):
    """Call a callback as Keras' fit does, for 100 images in four steps an epoch."""
    for epoch in range(first_epoch, 3):
        callback.on_epoch_begin(epoch)
        for step in range(steps_a_call - 1, 4, steps_a_call):
            callback.on_train_batch_end(step, logs)
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()


@pytest.fixture
def bars(monkeypatch):
    """The live bars that were made, which write to memory."""
    made = []

    def make(**arguments):
        made.append(tqdm(file=io.StringIO(), mininterval=0, **arguments))
        return made[-1]

    monkeypatch.setattr(progress, "tqdm", make)
    return made


@pytest.mark.parametrize("steps_a_call", [1, 2, 4])
def test_the_live_bar_counts_every_image_once(bars, steps_a_call):
    drive(progress.LiveBar("CSV", RECIPE, 100), steps_a_call=steps_a_call)
    (bar,) = bars
    assert bar.n == bar.total == 300
    last = bar.fp.getvalue().split("\r")[-1]
    assert "epoch 3/3" in last and "loss=1.23" in last and "validation accuracy=0.25" in last


def test_the_live_bar_of_a_resumed_run_begins_where_it_was(bars):
    drive(progress.LiveBar("CSV", RECIPE, 100), first_epoch=2)
    assert bars[0].initial == 200 and bars[0].n == bars[0].total == 300


def test_one_line_an_epoch_where_nobody_watches(capsys):
    drive(progress.EpochLines("CSV", RECIPE, 100))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"CSV: epoch  2/3  loss 1\.234 accuracy 0\.500  "
        r"validation 1\.500 0\.250  [\d,]+ images/s, \d+ s, \d+\.\d min left",
        lines[1],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_without_validation_no_validation_score_is_shown(capsys, bars, kind):
    drive(kind("CSV", RECIPE, 100), logs={"loss": 1.2345, "accuracy": 0.5})
    shown = capsys.readouterr().out + "".join(bar.fp.getvalue() for bar in bars)
    assert "loss" in shown and "validation" not in shown


def test_a_kernel_is_watched_where_it_may_ask_its_reader():
    # Of Keras, only its callbacks are needed; its NumPy backend starts fast.
    code = (
        "import os\nos.environ['KERAS_BACKEND'] = 'numpy'\n"
        "from fer_keras.training.progress import is_watched\nprint(is_watched())"
    )
    cells = [new_code_cell(code), new_code_cell("print(is_watched())")]
    client = NotebookClient(new_notebook(cells=cells), kernel_name="python3")
    with client.setup_kernel():
        client.execute_cell(cells[0], 0)  # as papermill and nbconvert do
        client.kc.allow_stdin = True  # as live notebooks do
        client.execute_cell(cells[1], 1)
    assert [cell.outputs[-1].text for cell in cells] == ["False\n", "True\n"]


@pytest.mark.parametrize("terminal", [True, False])
def test_outside_notebooks_a_terminal_is_watched(monkeypatch, terminal):
    monkeypatch.setattr(progress.sys.stdout, "isatty", lambda: terminal, raising=False)
    callback = progress.progress_callback("CSV", RECIPE, 100)
    assert type(callback) is KINDS[0 if terminal else 1]
