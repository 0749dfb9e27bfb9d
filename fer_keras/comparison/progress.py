"""How far trainings are: a live bar and curve, or plain lines."""

import time
from contextlib import ExitStack
from typing import NamedTuple

from fer_keras.comparison.live_curve import LiveCurve
from fer_keras.utils.watching import (
    QUIET_LINES_SECONDS,
    in_words,
    is_watched,
    notebook_shell,
    total_bar,
)


class Training(NamedTuple):
    """A run that is to be trained.

    Args:
        arm: str; runs of an arm take equally long.
        epochs: int.
        num_train: int, images an epoch.
    """

    arm: str
    epochs: int
    num_train: int

    @property
    def images(self):
        """Images of all epochs."""
        return self.epochs * self.num_train


class Progress:
    """How far several trainings are, and how long the rest may take.

    Args:
        trainings: list of `Training`, in the order in which they have their turn.
        phase: str, what they are for, where they are not all.
        known: dict from an arm to the seconds that an image took in its finished runs; `None`:
            nothing is known.

    Where someone watches, it is shown as a bar, else as lines. Use it as a context: what it shows
    ends with it.
    """

    def __init__(self, trainings, phase="", known=None):
        self.trainings, self.phase, self.title, self.scores = list(trainings), phase, "", {}
        self.at_the_end = ExitStack()
        self._known, self._paces = known or {}, {}
        self.turn_to(0)
        self._view = _LiveBar() if is_watched() else _Lines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.at_the_end.close()

    def turn_to(self, number):
        """Give a training its turn; those before it count as done.

        Args:
            number: int, its place among the trainings, from 0.
        """
        self.number, self.epoch, self.seen, self.rows, self._last = number, 0, 0, [], None

    @property
    def now(self):
        """The `Training` that has its turn."""
        return self.trainings[self.number]

    @property
    def of_all(self):
        """The phase and, if there are several runs, which one this is, in words."""
        count = len(self.trainings)
        run = f"run {self.number + 1}/{count}" if count > 1 else ""
        return ", ".join(filter(None, [self.phase, run]))

    @property
    def images(self):
        """Images so far; images that were skipped or done earlier count as done."""
        before = sum(each.images for each in self.trainings[: self.number])
        return before + self.epoch * self.now.num_train + self.seen

    @property
    def total(self):
        """Images of all trainings."""
        return sum(each.images for each in self.trainings)

    @property
    def seconds_left(self):
        """Seconds that the rest may take; `None` before a pace is known.

        Each arm has its own pace: measured now, else that of its finished runs, else the mean of
        the arms measured now.
        """
        measured = {arm: took / done for arm, (took, done) in self._paces.items() if done}
        if not measured:
            return None
        paces = self._known | measured
        seconds, images = map(sum, zip(*self._paces.values()))
        rest = self.trainings[self.number :]
        done = self.epoch * self.now.num_train + self.seen
        left = sum(each.images * paces.get(each.arm, seconds / images) for each in rest)
        return left - done * paces.get(self.now.arm, seconds / images)

    def callback(self, title, batch_size):
        """Return the Keras callback that reports the training that has its turn.

        Args:
            title: str, what is trained.
            batch_size: int.
        """
        import keras

        self.title = title

        def epoch_begins(epoch, logs=None):
            self.epoch, self.seen, self.began = epoch, 0, time.perf_counter()
            self._view.step(self)

        def batch_ends(batch, logs=None):
            # With `steps_per_execution`, Keras calls this once for several batches.
            seen = min((batch + 1) * batch_size, self.now.num_train)
            self._count(seen - self.seen)
            self.seen, self.scores = seen, logs
            self._view.step(self)

        def epoch_ends(epoch, logs=None):
            self.train_seconds = self._last - self.began
            self._count(0)  # validation takes time, too
            self.epoch, self.seen = epoch + 1, 0
            self.rows.append({"epoch": epoch + 1, **logs})
            self._view.epoch(self)

        def end(logs=None):
            if callback.params["epochs"] < self.now.epochs:  # frozen epochs; the others follow
                return
            self.epoch, self.seen = self.now.epochs, 0  # epochs that were spared count as done
            self._view.end(self)

        callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=epoch_begins,
            on_train_batch_end=batch_ends,
            on_epoch_end=epoch_ends,
            on_train_end=end,
        )
        return callback

    def _count(self, images):
        now = time.perf_counter()
        if self._last:  # the first batch of a run takes long, for the network is compiled then
            took, done = self._paces.get(self.now.arm, (0, 0))
            self._paces[self.now.arm] = took + now - self._last, done + images
        self._last = now


class _LiveBar:
    """One bar over the images of all runs, in a notebook with a curve below."""

    def __init__(self):
        self.bar = self.curve = None
        self.text = ""

    def step(self, progress):
        """Show how far the training is within its epoch."""
        self._show(progress, progress.epoch + 1, progress.scores if progress.seen else {})

    def epoch(self, progress):
        """Show an epoch's scores, its own validation accuracy among them."""
        self._show(progress, progress.epoch, progress.rows[-1])
        self.bar.refresh()
        if self.curve:
            self.curve.draw(progress.now.arm, progress.title, progress.rows)

    def end(self, progress):
        """Leave a line of a run among several, and say that it is tested now."""
        if not progress.rows:
            return
        self.bar.update(progress.images - self.bar.n)
        if self.curve:
            self.curve.draw(progress.now.arm, progress.title, progress.rows, at_once=True)
        if progress.of_all:
            self.bar.write(f"{progress.title}: ended after {_result(progress.rows)}")
        self.bar.set_description_str("  ".join([*_head(progress), "testing"]))

    def _show(self, progress, epoch, scores):
        words = [
            *_head(progress),
            f"epoch {epoch}/{progress.now.epochs}",
            *(f"{name} {scores[name]:.3f}" for name in ("loss", "accuracy") if name in scores),
        ]
        if progress.rows and "val_accuracy" in (last := progress.rows[-1]):
            after = "" if last["epoch"] == epoch else f" after epoch {last['epoch']}"
            words.append(f"validation accuracy {last['val_accuracy']:.3f}{after}")
        self.text = "  ".join(words)
        self.bar = self.bar or self._made(progress)
        self.bar.set_description_str(self.text, refresh=False)
        self.bar.update(progress.images - self.bar.n)

    def _made(self, progress):
        bar = total_bar(progress.total, self.text, progress.images)
        progress.at_the_end.callback(self._close)
        self.curve = LiveCurve() if notebook_shell() else None
        return bar

    def _close(self):
        self.bar.set_description_str(self.text)  # the last scores stay
        self.bar.close()


class _Lines:
    """One line an epoch: scores, speed and time left; more in long epochs."""

    def __init__(self):
        self.said = time.perf_counter()

    def step(self, progress):
        """Say how far a long epoch is."""
        if progress.seen and time.perf_counter() - self.said > QUIET_LINES_SECONDS:
            share = progress.seen / progress.now.num_train
            self._say(progress, progress.epoch + 1, f"{share:.0%} of its images")

    def epoch(self, progress):
        """Say an epoch's scores."""
        logs, seconds = progress.rows[-1], time.perf_counter() - progress.began
        speed = progress.now.num_train / progress.train_seconds
        scores = f"loss {logs['loss']:.3f} accuracy {logs['accuracy']:.3f}  "
        if "val_loss" in logs:
            scores += f"validation {logs['val_loss']:.3f} {logs['val_accuracy']:.3f}  "
        self._say(progress, progress.epoch, f"{scores}{speed:,.0f} images/s, {seconds:.0f} s")

    def end(self, progress):
        """Say that a training ended before its last epoch."""
        if progress.rows and progress.rows[-1]["epoch"] < progress.now.epochs:
            print(f"{progress.title}: ended after {_result(progress.rows)}", flush=True)

    def _say(self, progress, epoch, words):
        left = progress.seconds_left
        words = [words, progress.of_all, "" if left is None else f"{in_words(left)} left"]
        text = ", ".join(filter(None, words))
        print(f"{progress.title}: epoch {epoch:2}/{progress.now.epochs}  {text}", flush=True)
        self.said = time.perf_counter()


def _head(progress):
    """Return the words that a bar begins with: the time left, which run it is, and its title."""
    left = progress.seconds_left
    time_left = "starting" if left is None else f"{in_words(left)} left" if left >= 1 else ""
    return [word for word in (time_left, progress.of_all, progress.title) if word]


def _result(rows):
    """Return in words what a training reached."""
    words, first = f"epoch {rows[-1]['epoch']}", rows[0]
    if "val_accuracy" not in first:
        return f"{words}, accuracy {rows[-1]['accuracy']:.3f}"
    best = max(rows, key=lambda row: row["val_accuracy"])
    # Of a training that was resumed, the former epochs are not known here.
    since = "" if first["epoch"] == 1 else f" since epoch {first['epoch']}"
    score = f"validation accuracy {best['val_accuracy']:.3f} at best{since}"
    return f"{words}, {score}, at epoch {best['epoch']}"
