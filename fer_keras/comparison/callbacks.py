"""Keras callbacks that watch a training: the user's, and TensorBoard's."""

from importlib.util import find_spec

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
        require_tensorboard()
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


def require_tensorboard():
    """Refuse to log for TensorBoard where it is not installed.

    Raises:
        InputError: if it is not.
    """
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
