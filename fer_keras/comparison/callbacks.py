"""Keras callbacks that watch a training: the user's, and TensorBoard's."""

from importlib.util import find_spec
from pathlib import Path

from fer_keras.utils.errors import InputError
from fer_keras.utils.extras import how_to_install
from fer_keras.utils.files import user_path


def require_usable(callbacks, tensorboard):
    """Refuse callbacks that cannot be used, and an absent TensorBoard.

    Args:
        callbacks: list of Keras callbacks.
        tensorboard: folder for TensorBoard's logs, or `None`.

    Raises:
        InputError: if one of both cannot be used.
    """
    if tensorboard is not None:
        require_tensorboard(tensorboard)
    if not isinstance(callbacks, list | tuple):
        raise InputError(f"callbacks is {callbacks!r}; give a list of Keras callbacks.")
    if not callbacks:
        return
    import keras

    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(
                f"callbacks holds {callback!r}; give objects of keras.callbacks.Callback."
            )


def require_tensorboard(directory):
    """Refuse to log for TensorBoard where that is impossible.

    Args:
        directory: folder for its logs.

    Raises:
        InputError: if it is not installed, or the folder cannot be one.
    """
    if not isinstance(directory, str | Path):
        raise InputError(f"tensorboard is {directory!r}; give a folder for its logs.")
    place = user_path(directory).absolute()
    if file := next((part for part in (place, *place.parents) if part.is_file()), None):
        raise InputError(f"TensorBoard's logs cannot go to {directory}: {file} is a file.")
    if find_spec("tensorboard") is None:
        raise InputError(
            f"TensorBoard is not installed; install it with: {how_to_install('tensorboard')}"
        )


def tensorboard_callback(directory, name):
    """Return Keras' callback that logs each epoch's loss and accuracy.

    Args:
        directory: folder that TensorBoard is to be started with.
        name: of the run, a folder in it.
    """
    import keras

    return keras.callbacks.TensorBoard(user_path(directory) / name, write_graph=False)
