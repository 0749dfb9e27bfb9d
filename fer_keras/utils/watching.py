"""Whether someone watches the output, and bars for those who do."""

import os
import sys
import time
from contextlib import contextmanager
from functools import partial
from itertools import chain, repeat
from threading import Event, Thread

LOADING = "Loading the package"
"""What the first wait of many commands is for: pandas, SciPy and others take seconds."""

QUIET_SECONDS = 2
"""How long a wait goes unmentioned, and how long a bar or a line may stand still."""

QUIET_LINES_SECONDS = 30
"""How long plain lines may be silent."""


def is_watched():
    """Return whether someone watches a terminal or a live notebook.

    Only live notebooks allow a cell to ask for input. In notebooks that papermill or nbconvert
    runs, each step of a bar would be a line.
    """
    shell = notebook_shell()
    if shell is None:
        return sys.stdout.isatty()
    # A button may start a training, too; its message has no `allow_stdin`.
    return shell.get_parent().get("content", {}).get("allow_stdin", False)


def notebook_shell():
    """Return the shell of the notebook that this runs in, or `None`."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


def shows_bars():
    """Return whether bars can move: on a terminal, in a live notebook."""
    return is_watched() if notebook_shell() else sys.stderr.isatty()


@contextmanager
def waiting(words):
    """Say what the block does once it has taken two seconds.

    The line goes to standard error, because standard output holds only what was asked for; in a
    notebook it is printed. In a terminal or live notebook a dot is added every two seconds.

    Args:
        words: str, as in `Reading the faces`.
    """
    grows = shows_bars()  # asked here, for another thread of a notebook has no message to reply to
    texts = chain([f"{words} ..." if grows else f"{words} ...\n"], repeat("." if grows else ""))
    said = []
    with _writer() as write:

        def say():
            said.append(next(texts))
            write(said[-1])

        try:
            with _every_two_seconds(say):
                yield
        finally:
            if said and grows:
                write("\n")


@contextmanager
def _writer():
    """Yield a function that writes a text at once."""
    if notebook_shell():
        yield partial(print, end="", flush=True)
        return
    try:
        # TensorFlow's start, one of the waits, redirects the descriptor itself.
        descriptor = os.dup(sys.stderr.fileno())
    except (AttributeError, OSError):  # some programs that call us have no standard error
        yield lambda text: None
        return
    try:
        yield lambda text: os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


@contextmanager
def _every_two_seconds(call):
    """Call a function without arguments every two seconds while the block runs."""
    over = Event()

    def watch():
        while not over.wait(QUIET_SECONDS):
            call()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def bar(items, words, unit):
    """Return the items, and show how far they are while they are used.

    On a terminal and in a live notebook a bar comes when two seconds are over, and goes when all is
    done. Elsewhere there is a line then, and every half minute: on standard error, or printed in a
    notebook that is executed for a report.

    Args:
        items: a list or another iterable with a length.
        words: str, what is done with them, as in `Hashing the images`.
        unit: str, what several are called.
    """
    return _with_bar(items, words, unit) if shows_bars() else _with_lines(items, words, unit)


def _with_bar(items, words, unit):
    from tqdm.auto import tqdm

    options = {"leave": False, "delay": QUIET_SECONDS, "dynamic_ncols": True}
    shown = tqdm(items, words, unit=f" {unit}", **options)

    def refresh():
        shown.refresh()
        shown.delay = 0  # else tqdm takes it for a bar that was never shown, and leaves it there

    # Its clock goes on during a long item.
    with _every_two_seconds(refresh):
        yield from shown


def _with_lines(items, words, unit):
    file = sys.stdout if notebook_shell() else sys.stderr
    due = time.perf_counter() + QUIET_SECONDS
    for number, item in enumerate(items):
        if time.perf_counter() > due:
            print(f"{words}: {number:,} of {len(items):,} {unit}", file=file, flush=True)
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
    bar = tqdm(desc=words, total=total, initial=done, **options)
    if hasattr(bar, "container"):
        # A line of their own: beside the bar, words of changing length would change its width.
        bar.container.children[-1].layout.flex = "0 0 100%"
    return bar


def in_words(seconds):
    """Return a time as one would say it: `40 s`, `12 min` or `2 h 5 min`.

    Args:
        seconds: a number from 0.
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
