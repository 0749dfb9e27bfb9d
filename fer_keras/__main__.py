"""Start the command: `fer-keras`, or `python -m fer_keras`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # While Python imports, which takes half a second, nothing is there yet that Ctrl-C could
    # harm. It ends the process at once, as it ends other programs, and without a stack trace.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start():
    """Run the command of the process, and end this with its exit code."""
    from fer_keras.cli import command

    command()


if __name__ == "__main__":
    start()
