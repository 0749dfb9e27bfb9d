"""Whether someone watches the output, and bars for those who do."""

import os
import sys
import time
from contextlib import contextmanager
from functools import partial
from threading import Timer

QUIET_SECONDS = 2
"""How long a wait is before a bar or a line is shown for it."""

QUIET_LINES_SECONDS = 30
"""How long plain lines may be silent."""


def is_watched():
    """Return whether someone watches a terminal or a live notebook.

    Only live notebooks let a cell ask for input; papermill and nbconvert would write each step of
    a bar as a line.
    """
    shell = notebook_shell()
    if shell is None:
        return sys.stdout.isatty()
    # A button may start a training too; its message has no such field.
    return shell.get_parent()["content"].get("allow_stdin", False)


def notebook_shell():
    """Return the shell of the notebook that this runs in, or `None`."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


@contextmanager
def waiting(words):
    """Say what the block does once it has taken two seconds.

    On a terminal it is a line on standard error, so that standard output stays what was asked for;
    in a notebook, executed or live, a printed line.

    Args:
        words: str, as in `Reading the faces`.
    """
    if notebook_shell():
        say = partial(print, f"{words} ...", flush=True)
    elif sys.stderr.isatty():
        # TensorFlow's start, one of the waits, redirects the descriptor itself.
        descriptor = os.dup(sys.stderr.fileno())
        say = partial(os.write, descriptor, f"{words} ...\n".encode())
    else:
        yield
        return
    timer = Timer(QUIET_SECONDS, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if notebook_shell() is None:
            os.close(descriptor)


def bar(items, words, unit):
    """Return the items, and show how far they are while they are used.

    On a terminal and in a live notebook a bar comes when two seconds are over, and goes when all is
    done. In a notebook that is executed for a report there is a line then, and every half minute.

    Args:
        items: a list or another iterable with a length.
        words: str, what is done with them, as in `Hashing the images`.
        unit: str, what several are called.
    """
    if notebook_shell() and not is_watched():
        return _with_lines(items, words, unit)
    from tqdm.auto import tqdm

    options = {"leave": False, "delay": QUIET_SECONDS, "dynamic_ncols": True}
    # `None` shows it where standard error is a terminal.
    return tqdm(items, words, unit=f" {unit}", disable=None, **options)


def _with_lines(items, words, unit):
    due = time.perf_counter() + QUIET_SECONDS
    for number, item in enumerate(items):
        if time.perf_counter() > due:
            print(f"{words}: {number:,} of {len(items):,} {unit}", flush=True)
            due = time.perf_counter() + QUIET_LINES_SECONDS
        yield item


def total_bar(total, words, done=0, disable=False):
    """Return a bar of tqdm's that leaves room for words of our own.

    Args:
        total: int, what all amounts to.
        words: str, to begin with; `set_description_str` changes them.
        done: int, how much is done already.
        disable: bool, whether to show nothing.
    """
    from tqdm.auto import tqdm

    # In a notebook the bar is a widget; on a terminal it would take all the room that there is.
    width = "" if notebook_shell() else ":10"
    form = f"{{percentage:3.0f}}%|{{bar{width}}}| {{desc}}"
    options = {"bar_format": form, "dynamic_ncols": True, "disable": disable}
    return tqdm(desc=words, total=total, initial=done, **options)


def in_words(seconds):
    """Return a time as one would say it: `40 s`, `12 min` or `2 h 5 min`.

    Args:
        seconds: a number from 0.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
