"""End a command by Ctrl-C or SIGTERM, whatever it is doing."""

import signal
import threading

SIGNALS = signal.SIGINT, signal.SIGTERM


class Stoppable:
    """Let SIGTERM, which schedulers send, end the block as Ctrl-C does.

    Attributes:
        came: whether a signal came. An import that it interrupts may raise any exception instead,
            even one that says that a package is not installed.
    """

    def __init__(self):
        self.came, self._former = False, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in self._former.items():
            if handler is not signal.SIG_IGN:  # nohup, and shells of what runs in the background
                signal.signal(number, self._stop)
        return self

    def __exit__(self, *_):
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _stop(self, *_):
        self.came = True
        raise KeyboardInterrupt
