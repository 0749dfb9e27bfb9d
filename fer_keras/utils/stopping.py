"""End a command by Ctrl-C or SIGTERM, whatever it is doing."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def stoppable():
    """Let SIGTERM, which schedulers send, end the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in former.items():
        if handler is not signal.SIG_IGN:  # nohup, and shells of what runs in the background
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def was_stopped(error):
    """Return whether an exception is Ctrl-C.

    An import that it meets may make another exception of it.

    Args:
        error: the exception.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
