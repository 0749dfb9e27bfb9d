"""Start the command: `fer-keras`, or `python -m fer_keras`."""

import atexit
import os
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # While Python imports, which takes half a second, nothing is there yet that Ctrl-C could
    # harm. It ends the process at once, as it ends other programs, and without a stack trace.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command():
    """Run the command of the process, and end this with its exit code."""
    from fer_keras.cli import STOPPED, main

    code = main()
    if code == STOPPED or "tensorflow" in sys.modules:
        # TensorFlow takes more than a second to take itself apart. Stopped, its threads still ask
        # Python for batches, and would end by a segmentation fault meanwhile.
        if code != STOPPED:
            atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    command()
