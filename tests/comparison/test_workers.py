"""Processes that work for a comparison: one that dies costs its own item alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fer_keras.comparison.workers import WorkerDied, on_cluster, on_this_machine

# Two processes that would work for minutes; the first line says which.
PARENT = """
import os, sys, time
sys.path.insert(0, {root!r})
from fer_keras.comparison.workers import on_this_machine

def work(item, jobs):
    with open({place!r} + str(item), "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)

list(on_this_machine(work, [0, 1], 2))
"""


def half_or_die(item, jobs):
    if item == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 6:
        os.abort()
    if item == 8:
        raise ValueError("no half of 8")
    return item / 2, jobs


def number_of_process(item, jobs):
    return os.getpid()


def test_a_process_that_dies_costs_its_own_item_alone():
    answers = {
        item: (result, error) for item, result, error in on_this_machine(half_or_die, range(10), 2)
    }
    died, raised = (4, 6), 8
    for item in range(10):
        result, error = answers[item]
        if item in died:
            assert result is None and isinstance(error, WorkerDied)
            name = {4: "SIGKILL", 6: "SIGABRT"}[item]
            assert str(error).startswith(f"its process died of {name}; the same command")
        elif item == raised:
            assert isinstance(error, ValueError) and str(error) == "no half of 8"
        else:
            assert (result, error) == ((item / 2, 2), None)


def test_no_process_is_left_when_the_caller_stops_early():
    before = {child.pid for child in psutil.Process().children()}

    def workers():
        children = [child for child in psutil.Process().children() if child.pid not in before]
        return [child for child in children if "LokyProcess" in " ".join(child.cmdline())]

    answers = on_this_machine(half_or_die, [0, 1, 2, 3], 2)
    next(answers)
    assert workers()
    answers.close()
    assert not workers()


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    place = str(tmp_path / "worker")
    code = PARENT.format(root=str(Path(__file__).parents[2]), place=place)
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    workers = []
    while len(workers) < 2:
        assert parent.poll() is None
        texts = [path.read_text() for path in tmp_path.glob("worker*")]
        workers = [int(text) for text in texts if text]
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30  # a loaded machine; about 1 s on an idle one
    while any(map(psutil.pid_exists, workers)):
        assert time.monotonic() < end, "a worker lives on without its parent"
        time.sleep(0.1)


def test_a_process_that_dies_between_two_items_is_replaced():
    answers = on_this_machine(number_of_process, range(3), 1)
    _, first, _ = next(answers)
    os.kill(first, signal.SIGKILL)
    time.sleep(1)  # joblib notices in a thread of its own
    left = [(result, error) for _, result, error in answers]
    assert len(left) == 2 and first not in [result for result, _ in left]
    assert left[1][1] is None  # the first of them may have been given to the dead process


def double_or_die(item, slots):
    if item == 1:
        os._exit(1)
    return 2 * item


RUNNING = []


def count_running(item, slots):
    RUNNING.append(item)
    time.sleep(0.3)
    count = len(RUNNING)
    RUNNING.remove(item)
    return count, slots


def test_a_worker_of_a_cluster_does_one_item_at_a_time_whatever_its_threads(request):
    if not request.config.getoption("all"):
        pytest.skip("starting a cluster takes some seconds; --all does")
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=None
    ) as cluster:
        found = [*on_cluster(count_running, range(6), cluster.scheduler_address)]
    assert {result for _, result, _ in found} == {(1, 2)} and len(found) == 6


def test_an_item_that_takes_workers_of_a_cluster_with_it_is_given_up(request):
    if not request.config.getoption("all"):
        pytest.skip("starting a cluster takes some seconds; --all does")
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    settings = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
    ):
        ((_, result, error),) = on_cluster(double_or_die, [1], cluster.scheduler_address)
        others = [*on_cluster(double_or_die, [0, 2], cluster.scheduler_address)]
    assert result is None and isinstance(error, WorkerDied)
    assert str(error).startswith("several workers of the cluster died while they had it; the same")
    assert sorted(others) == [(0, 0, None), (2, 4, None)]
