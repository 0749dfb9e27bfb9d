"""Start TensorFlow and LiteRT quietly, and hide needless warnings."""

import importlib
import logging
import os
import sys
from contextlib import contextmanager
from tempfile import TemporaryFile

from fer_keras.utils.machine import keras_backend
from fer_keras.utils.watching import waiting


def start_tensorflow():
    """Import TensorFlow without its start-up lines, unless the import fails.

    Where Keras computes with another backend, do nothing.
    """
    if "tensorflow" in sys.modules or keras_backend() != "tensorflow":
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # one line comes at any level
    with waiting("Starting TensorFlow"), quiet_start():
        importlib.import_module("tensorflow")


@contextmanager
def quiet_start():
    """Show what the block writes to standard error only if it fails.

    TensorFlow and LiteRT write there from C++, past `sys.stderr`, so the file descriptor itself
    is redirected.
    """
    sys.stderr.flush()
    stderr, failed = os.dup(2), False
    with TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException as error:
            failed = not isinstance(error, KeyboardInterrupt)  # who stops it knows why
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed:
                held_back.seek(0)
                os.write(2, held_back.read())


@contextmanager
def errors_only():
    """Hide TensorFlow's warnings, but not its errors, within the block.

    TensorFlow warns about its own profiler, and about building graphs again.
    """
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
