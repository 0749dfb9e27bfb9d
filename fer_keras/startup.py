"""Starting TensorFlow quietly."""

import importlib
import os
import sys


def start_tensorflow():
    """Import TensorFlow without its start-up lines, of which no setting silences the first.

    They come from C++ straight to the process's standard error and would stand in the report.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
