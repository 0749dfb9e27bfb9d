import io
import re

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from fer_keras.training import progress
from fer_keras.training.recipe import Recipe

LOGS = {"loss": 1.2345, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.25}


def drive(callback, epochs, steps, logs=LOGS):
    """Call a callback as Keras' fit does."""
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for step in range(steps):
            callback.on_train_batch_end(step, logs)
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()


def test_the_bar_counts_each_image_once_however_many_steps_a_call_stands_for(monkeypatch):
    for steps_a_call in (1, 2, 4):
        bar = _bar(io.StringIO(), total=200)
        monkeypatch.setattr(progress, "tqdm", lambda bar=bar, **kw: bar)
        callback = progress.LiveBar("CSV", 2, 100, 32)
        for epoch in range(2):
            callback.on_epoch_begin(epoch)
            for step in range(steps_a_call - 1, 4, steps_a_call):
                callback.on_train_batch_end(step, LOGS)
            assert bar.n == 100 * (epoch + 1)


def test_one_line_an_epoch_where_nobody_watches(capsys):
    drive(progress.EpochLines("CSV", 3, 100, 32), epochs=3, steps=4)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"CSV: epoch  2/3  loss 1\.234 accuracy 0\.500  "
        r"validation 1\.500 0\.250  [\d,]+ images/s, \d+ s, \d+\.\d min left",
        lines[1],
    )


def test_without_validation_nothing_is_said_of_it(capsys, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(progress, "tqdm", lambda **kw: _bar(shown, **kw))
    logs = {"loss": 1.2345, "accuracy": 0.5}
    for callback in (progress.EpochLines("CSV", 2, 64, 32), progress.LiveBar("CSV", 2, 64, 32)):
        drive(callback, epochs=2, steps=2, logs=logs)
    assert "validation" not in capsys.readouterr().out + shown.getvalue()


def test_the_live_bar_counts_every_image_once(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(progress, "tqdm", lambda **kw: bars.append(_bar(shown, **kw)) or bars[-1])
    bars = []
    drive(progress.LiveBar("CSV", 2, 100, 32), epochs=2, steps=4)
    assert len(bars) == 1 and bars[0].n == bars[0].total == 200
    last = shown.getvalue().split("\r")[-1]
    assert "epoch 2/2" in last and "loss=1.23" in last and "validation accuracy=0.25" in last


def test_the_live_bar_of_a_resumed_run_begins_where_it_was(monkeypatch):
    bars = []
    monkeypatch.setattr(
        progress, "tqdm", lambda **kw: bars.append(_bar(io.StringIO(), **kw)) or bars[-1]
    )
    bar = progress.LiveBar("CSV", 5, 100, 32)
    bar.on_epoch_begin(3)
    assert bars[0].n == 300 and bars[0].total == 500


def test_a_kernel_is_watched_where_it_may_ask_its_reader():
    code = "from fer_keras.training.progress import is_watched\nprint(is_watched())"
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
    kind = progress.LiveBar if terminal else progress.EpochLines
    assert isinstance(progress.progress_callback("CSV", Recipe(), 100), kind)


def _bar(file, **arguments):
    from tqdm import tqdm

    return tqdm(file=file, mininterval=0, **arguments)
