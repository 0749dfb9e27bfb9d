"""Progress of runs in other processes."""

import json
import time
from contextlib import suppress
from threading import Event, Thread

from fer_keras.utils.watching import in_words, is_watched, total_bar

LOOK_SECONDS = 2
"""How often to look what is kept."""


class ParallelProgress:
    """How far runs in other processes are, by the epochs that they kept.

    Where someone watches, it is one bar over the images of all runs; else a line for each run that
    ended. Use it as a context.

    Args:
        runs: list of `PlannedRun` that are not finished.
        phase: str, what they are for, where they are not all.
    """

    def __init__(self, runs, phase=""):
        self.runs, self.phase, self.is_watched, self.over = runs, phase, is_watched(), Event()
        self.gone = set()
        self.total = sum(run.training.images for run in runs)
        self.started, self.before = time.perf_counter(), self._images()

    def __enter__(self):
        hidden = not (self.is_watched and self.runs)
        self.bar = total_bar(self.total, "starting", disable=hidden)
        self.watcher = Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.watcher.join()
        self.bar.close()

    def ended(self, run):
        """Count a run that ended, and say so where nobody watches.

        Args:
            run: the `PlannedRun`.
        """
        self.gone.add(run.directory)
        self._show()
        if not self.is_watched:
            print(f"{run.arm}, seed {run.recipe.seed} has ended; {self._words()}.", flush=True)

    def _watch(self):
        while not self.over.wait(LOOK_SECONDS):
            self._show()

    def _show(self):
        self.bar.set_description_str(self._words(), refresh=False)
        self.bar.update(self._images() - self.bar.n)
        self.bar.refresh()

    def _words(self):
        ended = f"{self.phase}: " if self.phase else ""
        ended += f"{len(self.gone)} of {len(self.runs)} runs have ended"
        done, seconds = self._images() - self.before, time.perf_counter() - self.started
        if not done:
            return f"{in_words(seconds)} so far, {ended}"
        left = (self.total - self._images()) * seconds / done
        return f"{in_words(left)} left, {ended}"

    def _images(self):
        return sum(
            run.training.images if run.directory in self.gone else run.num_train * _epochs_kept(run)
            for run in self.runs
        )


def _epochs_kept(run):
    with suppress(OSError, ValueError, RecursionError, TypeError):
        text = (run.directory / "backup" / "state.json").read_text(encoding="utf-8")
        return min(len(json.loads(text)), run.recipe.epochs)
    return run.recipe.epochs if run.is_finished else 0
