"""Comparisons whose processes are killed: a row each, and the same results in the end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
import psutil
import pytest
from distributed import Client
from helpers import TINY

from fer_keras.cli import main
from fer_keras.comparison.record import load_comparison


@contextmanager
def cluster(directory, num_workers=2):
    """A Dask scheduler and workers of one thread, processes of their own."""
    file = directory / "scheduler.json"
    module = [sys.executable, "-m", "dask"]
    scheduler = [*module, "scheduler", "--port", "0", "--no-dashboard"]
    worker = [*module, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    place = ["--scheduler-file", file]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([*scheduler, *place], **quiet)]
    try:
        wait_until(file.is_file)
        processes += [subprocess.Popen([*worker, *place], **quiet) for _ in range(num_workers)]
        address = json.loads(file.read_text())["address"]
        with Client(address) as client:
            client.wait_for_workers(num_workers)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def workers_here(parent):
    """The processes that work for a comparison of this parent."""
    found = []
    for child in psutil.Process(parent).children():
        with_name = "LokyProcess" in " ".join(child.cmdline())
        found += [child] if with_name else []
    return found


def begun(directory, count):
    return lambda: len(list(directory.glob("*/*/recipe.json"))) >= count


def kill_later(condition, find):
    """Kill the process that `find` returns as soon as the condition holds."""

    def watch():
        wait_until(condition, 600)
        find().send_signal(signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def compare(data, out, *more):
    arms = ["--arm", f"a=conv3_csv,division=own,network={TINY}"]
    arms += ["--arm", f"b=conv3_csv,division=own,network={TINY},learning_rate=0.01"]
    rest = ["--set", "batch_size=70", "--data", str(data), "--out", str(out)]
    return ["compare", *arms, *rest, *more]


def probabilities(out):
    (record,) = out.glob("*/comparison.json")
    return {
        (arm, seed): run.predictions.probabilities
        for arm, runs in load_comparison(record.parent).runs.items()
        for seed, run in runs.items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_killed_workers(request, data, tmp_path, capsys, tally):
    """One of two workers here is a row; one of two on a cluster is replaced by the other."""
    out, options = tmp_path / "here", ["--set", "epochs=2", "--seeds", "1"]
    killer = kill_later(begun(out, 2), lambda: workers_here(os.getpid())[0])
    assert main(compare(data, out, *options, "--jobs", "2")) == 1
    killer.join()
    said = capsys.readouterr().err
    (record,) = out.glob("*/results.csv")
    table = pd.read_csv(record)
    (failed,) = table.loc[table["error"].notna(), "error"]
    assert failed.startswith("its process died of SIGKILL; the same command goes on")
    assert table.loc[table["accuracy"].notna(), "arm"].nunique() == 1
    assert f"seed 0 failed: {failed}\n" in said
    tally.count("worker here", "refused")

    # With as many threads a run as there: sums in another order differ in the last digit.
    assert main(compare(data, out, *options, "--jobs", "2")) == 0
    assert not pd.read_csv(record)["error"].notna().any()
    here = probabilities(out)
    assert [*here] == [("a", 0), ("b", 0)]

    if not request.config.getoption("all"):
        return
    out = tmp_path / "there"
    with cluster(tmp_path) as (address, workers):
        kill_later(begun(out, 2), lambda: workers[0])
        assert main(compare(data, out, *options, "--dask", address)) == 0
        assert workers[0].poll() == -signal.SIGKILL and workers[1].poll() is None
    tally.count("worker there", "right" if same(probabilities(out), here) else "silently wrong")


def test_killed_comparisons(request, data, tmp_path, tally):
    """Its processes are killed at random times, then it is started once more."""
    if not request.config.getoption("all"):
        pytest.skip("with --all")
    options = ["--set", "epochs=40", "--seeds", "2"]
    assert main(compare(data, tmp_path / "calm", *options, "--jobs", "2")) == 0
    calm, rng = probabilities(tmp_path / "calm"), np.random.default_rng(0)
    for number, whom in enumerate(["worker", "parent", "worker", "parent", "everyone"]):
        out = tmp_path / str(number)
        command = compare(data, out, *options, "--jobs", "2")
        command = [sys.executable, "-m", "fer_keras", *command]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(begun(out, 2))
        time.sleep(rng.uniform(0, 4))
        workers = workers_here(process.pid) if process.poll() is None else []
        killed = {"worker": workers[:1], "parent": [], "everyone": workers}[whom]
        for each in killed:
            each.kill()
        if whom != "worker":
            process.kill()
        process.communicate(timeout=120)
        wait_until(lambda workers=workers: not any(each.is_running() for each in workers), 30)
        if whom == "worker" and killed:
            assert process.returncode == 1
            (record,) = out.glob("*/results.csv")
            assert pd.read_csv(record)["error"].notna().sum() == 1
        assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0
        tally.count(whom, "right" if same(probabilities(out), calm) else "silently wrong")


def test_a_cluster_of_four_that_loses_two(request, data, tmp_path, tally):
    """200 runs; each run is there in the end, and the same as if nothing had been."""
    if not request.config.getoption("all"):
        pytest.skip("with --all")
    out, options = tmp_path / "out", ["--set", "epochs=1", "--seeds", "100"]
    with cluster(tmp_path, 4) as (address, workers):
        kill_later(begun(out, 40), lambda: workers[0])
        kill_later(begun(out, 110), lambda: workers[1])
        started = time.monotonic()
        assert main(compare(data, out, *options, "--dask", address)) == 0
        print(f"200 runs in {time.monotonic() - started:.0f} s")
        assert [worker.poll() for worker in workers] == [-signal.SIGKILL] * 2 + [None] * 2
    there = probabilities(out)
    assert len(there) == 200
    few = ["--set", "epochs=1", "--seeds", "2", "--jobs", "4"]
    main(compare(data, tmp_path / "calm", *few))
    calm = probabilities(tmp_path / "calm")
    is_right = same({key: there[key] for key in calm}, calm)
    tally.count("two of four workers", "right" if is_right else "silently wrong")
