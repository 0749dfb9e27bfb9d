"""Studies: the grid, how its runs are executed, and what survives failures."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from distributed import Client

from fer_keras.comparison import studies
from fer_keras.comparison.run import load_run
from fer_keras.comparison.studies import Study
from fer_keras.utils.errors import InputError

CHANGES = ["epochs=1", "batch_size=70"]
SMALL = Study("conv3_csv", ("division=own",), {"storage": ("csv", "folder")})


@pytest.fixture(autouse=True)
def small_study(monkeypatch):
    monkeypatch.setitem(studies.STUDIES, "storage", SMALL)


@contextmanager
def cluster(directory):
    """A Dask scheduler and two workers of one thread, processes of their own."""
    file = directory / "scheduler.json"
    module = [sys.executable, "-m", "dask"]
    scheduler = [*module, "scheduler", "--port", "0", "--no-dashboard"]
    worker = [*module, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    place = ["--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": directory}
    processes = [subprocess.Popen([*scheduler, *place], **quiet)]
    try:
        wait_until(file.is_file)
        processes += [subprocess.Popen([*worker, *place], **quiet) for _ in range(2)]
        address = json.loads(file.read_text())["address"]
        with Client(address) as client:
            client.wait_for_workers(2)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def kill_when_busy(worker, runs):
    """Kill a worker process as soon as each of the runs has been begun."""

    def watch():
        wait_until(lambda: all((run.directory / "recipe.json").is_file() for run in runs))
        worker.send_signal(signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def test_the_grid_crosses_all_levels_and_seeds(data, tmp_path):
    runs = studies.plan("storage-feed-augmentation", data, 2, CHANGES, tmp_path / "out")
    cells = {tuple(run.levels.values()) for run in runs}
    assert len(runs) == len(cells) == 16 == len({run.directory for run in runs})
    assert ("folder", "image_data_generator", "study_d", 1) in cells
    assert [run.levels["seed"] for run in runs] == [0] * 8 + [1] * 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("speed", "", 1, []), "No study is called speed; there are storage-feed-augmentation"),
        (("storage", "", 0, []), "seeds is 0"),
        (("storage", "", 1, ["storage=csv"]), "sets storage=csv itself"),
        (("storage", "", 1, ["seed=4"]), "sets seed=4 itself"),
        (("storage", "", 1, ["epoch=4"]), "no field epoch"),
        (("storage", "", 1, ["classes=happy,sad"]), "paired with FER2013's own labels"),
    ],
)
def test_impossible_studies_are_refused(arguments, message, tmp_path, data):
    name, _, seeds, changes = arguments
    with pytest.raises(InputError, match=message):
        studies.plan(name, data, seeds, changes, tmp_path / "out")


def test_a_study_runs_fails_in_parts_resumes_and_gives_the_same_on_workers(data, tmp_path):
    out = tmp_path / "out"
    runs = studies.plan("storage", data, 1, CHANGES, out)
    # A run whose directory cannot be made fails, and does not stop the other.
    runs[1].directory.parent.mkdir(parents=True)
    runs[1].directory.write_text("in the way")
    errors = studies.run_study(runs, num_jobs=2)
    assert errors[0] == "" and "Error" in errors[1]
    table = studies.results(runs, errors)
    assert table["storage"].tolist() == ["csv", "folder"]
    assert table["images"][0] == 70 and np.isnan(table["accuracy"][1])
    assert table["error"][1] == errors[1] and table["git commit"][0]
    tested = load_run(runs[0].directory).predictions
    is_right = tested.probabilities.argmax(axis=1) == tested.y_true
    assert tested.leaked.any() and table["clean_images"][0] == np.sum(~tested.leaked)
    assert table["clean_accuracy"][0] == pytest.approx(is_right[~tested.leaked].mean())

    runs[1].directory.unlink()
    before = (runs[0].directory / "model.keras").stat().st_mtime_ns
    assert studies.run_study(runs, num_jobs=2) == ["", ""]
    assert (runs[0].directory / "model.keras").stat().st_mtime_ns == before
    finished = [load_run(run.directory) for run in runs]
    assert finished[0].predictions.ids.tolist() == finished[1].predictions.ids.tolist()
    path = studies.save_results(studies.results(runs, ["", ""]), out)
    assert pd.read_csv(path)["accuracy"].notna().all()

    again = studies.plan("storage", data, 1, CHANGES, tmp_path / "cluster")
    with cluster(tmp_path) as (address, workers):
        kill_when_busy(workers[0], again)
        assert studies.run_study(again, dask=address) == ["", ""]
        assert workers[0].poll() == -signal.SIGKILL and workers[1].poll() is None
    for here, there in zip(runs, again, strict=True):
        assert here.directory.name == there.directory.name
        first, second = (load_run(run.directory).predictions for run in (here, there))
        np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_an_absent_scheduler_is_said(data, tmp_path, monkeypatch):
    runs = studies.plan("storage", data, 1, CHANGES, tmp_path / "out")
    with pytest.raises(InputError, match="No Dask scheduler answers at tcp://127.0.0.1:9"):
        studies.run_study(runs, dask="tcp://127.0.0.1:9")
