"""Processes that run a comparison, here or on a Dask cluster."""

import os
import re
import threading
import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from urllib.parse import urlsplit

from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.machine import num_cores

WATCH_SECONDS = 1.0
"""How often a worker looks whether the process that started it is still there."""

PATIENCE_SECONDS = 30.0
"""How long a comparison waits for a worker of a cluster that has none."""

ONE_AT_A_TIME = threading.Lock()
"""Held by the thread of a Dask worker that trains: seeds and graphs belong to its process."""


def on_this_machine(function, items, jobs):
    """Yield what a function returns for each item, as each ends.

    Each process does one item at a time. A process that dies loses its own item and is replaced.
    All end with this process, however it ends.

    Args:
        function: takes an item and how many processes share the machine.
        items: what to do; a list.
        jobs: how many processes to use.

    Yields:
        (item, result, None) if the function returned, else (item, None, exception).
    """
    # joblib's pools take functions of notebooks, too, and start without fork.
    from joblib.externals.loky import ProcessPoolExecutor

    def worker():
        return ProcessPoolExecutor(1, initializer=_serve, initargs=(os.getpid(),))

    waiting, busy = deque(items), {}
    idle = [worker() for _ in range(min(jobs, len(waiting)))]
    try:
        while waiting or busy:
            while waiting and idle:
                item, executor = waiting.popleft(), idle.pop()
                try:
                    future = executor.submit(function, item, jobs)
                except BrokenExecutor:  # it died since its last item
                    executor = worker()
                    future = executor.submit(function, item, jobs)
                busy[future] = item, executor
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                item, executor = busy.pop(future)
                answer = _answer(item, future)
                if isinstance(answer[2], WorkerDied):
                    executor.shutdown(kill_workers=True)
                    executor = worker()
                idle.append(executor)
                yield answer
    finally:
        for executor in (*idle, *(executor for _, executor in busy.values())):
            executor.shutdown(kill_workers=True)


def on_cluster(function, items, address):
    """Yield what a function returns for each item, as each ends.

    A worker does one item at a time, however many threads it has. Dask passes the items of a dead
    worker on, and gives an item up after several workers died with it. It does not know which of
    two items killed a worker.

    Args:
        function: takes an item and how many items this machine does at a time.
        items: what to do; a list.
        address: of the scheduler, `tcp://host:port`.

    Yields:
        As `on_this_machine`.

    Raises:
        InputError: if the scheduler cannot be reached.
    """
    with _client(address) as client:
        from distributed import wait

        slots = Counter()
        for place in client.scheduler_info(n_workers=-1)["workers"].values():
            slots[place["host"]] += 1
        busy = {
            client.submit(_with_slots, function, item, dict(slots), pure=False): item
            for item in items
        }
        seen = time.monotonic()
        while busy:
            try:
                done = wait([*busy], timeout=1, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                done = ()
            for future in done:
                yield _answer(busy.pop(future), future)
            if done or _has_workers(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE_SECONDS:
                break
        for item in busy.values():
            yield item, None, WorkerDied(f"the scheduler at {address} has no worker left")


class WorkerDied(Exception):
    """A process ended before it returned anything."""


def _answer(item, future):
    try:
        return item, future.result(), None
    except Exception as error:  # whatever kept it from returning
        return item, None, _death(error) or error


def _death(error):
    """Return the `WorkerDied` that an exception of joblib or Dask tells of, or `None`."""
    if type(error).__name__ == "KilledWorker":
        return WorkerDied(
            "several workers of the cluster died while they had it; the same command goes on from "
            "the last whole epoch"
        )
    if not isinstance(error, BrokenExecutor):
        return None
    found = re.search(r"SIG[A-Z]+", str(error))  # joblib names the signal
    return WorkerDied(
        f"its process died{f' of {found[0]}' if found else ''}; the same command goes on from the "
        "last whole epoch, with fewer jobs if memory ran out"
    )


def _serve(parent):
    """Make this process end soon after its parent; leave Ctrl-C to the parent."""
    import signal

    import psutil

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch():
        # The creation time that psutil compares tells a new process of the same number apart.
        while os.getppid() == parent and process.is_running():
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    try:
        process = psutil.Process(parent)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def _client(address):
    try:
        from distributed import Client

        return Client(address, timeout="5s")
    except ImportError as error:
        raise InputError(
            f"Dask is not installed; install it with: {how_to_install('cluster')}"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"No Dask scheduler answers at {address} ({error}); start one with `dask scheduler`."
        ) from error


def _has_workers(client):
    try:
        return bool(client.nthreads())
    except OSError:  # the scheduler has gone, and its workers with it
        return False


def _with_slots(function, item, slots):
    from distributed import get_worker

    with ONE_AT_A_TIME:
        return function(item, slots.get(urlsplit(get_worker().address).hostname, 1))


def share_cores(slots):
    """Give this process its share of the cores, before TensorFlow starts.

    Args:
        slots: how many processes share them.
    """
    num_threads = str(max(1, num_cores() // slots))
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    os.environ |= dict.fromkeys(names, num_threads)
