"""Starting TensorFlow and LiteRT quietly, and keeping the first so."""

import importlib
import logging
import os
import sys
from contextlib import contextmanager


def start_tensorflow():
    """Import TensorFlow without its start-up lines, of which no setting silences the first."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_start():
        importlib.import_module("tensorflow")


@contextmanager
def quiet_start():
    """Keep what starts within the block from saying so in standard error, and so in the report.

    TensorFlow and LiteRT write there from C++, past `sys.stderr`.
    """
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


@contextmanager
def errors_only():
    """Keep TensorFlow from warning within the block, in which several networks take turns.

    It warns of a function that its own profiler uses, and takes the graphs of several networks
    for one that is built over and over.
    """
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
