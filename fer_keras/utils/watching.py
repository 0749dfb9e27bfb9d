"""Whether someone watches the output, and bars for those who do."""

import sys

QUIET_SECONDS = 2
"""How long a wait is before a bar is shown for it."""


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
    """Return the IPython shell of the notebook that this runs in, or `None` outside of one."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


def bar(items, words, unit, total=None):
    """Return the items, with a bar while they are worked through, if someone watches.

    It appears when two seconds are over, and goes when all is done.

    Args:
        items: an iterable.
        words: str, what is done with them.
        unit: str, what one is called.
        total: int, how many they are; `None` takes their length.
    """
    from tqdm.auto import tqdm

    hidden = not is_watched()
    options = {"leave": False, "delay": QUIET_SECONDS, "dynamic_ncols": True}
    return tqdm(items, words, total, unit=f" {unit}", disable=hidden, **options)


def total_bar(total, words, done=0, disable=False):
    """Return a bar of tqdm's that leaves room for words, which say how long it may take.

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
