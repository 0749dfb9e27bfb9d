"""Networks of finished runs, read back, and what networks predict."""

from dataclasses import replace

import numpy as np

from fer_keras.comparison.shared_graph import with_shared_graph
from fer_keras.data.grouping import groups_of
from fer_keras.evaluation.predictions import Predictions
from fer_keras.networks.builders import is_built_in
from fer_keras.networks.finding import network_name
from fer_keras.networks.own_layers import read_model
from fer_keras.utils.errors import InputError, reason
from fer_keras.utils.startup import start_tensorflow


def load_model(run):
    """Return a finished run's network, with the kept epoch's weights.

    The file that a run directory names as its network's is never executed: the directory may come
    from anyone. Layers that such a file defines are known once this process has imported it, as
    training does.

    Args:
        run: the `Run`.

    Raises:
        InputError: if the network cannot be read.
    """
    start_tensorflow()
    path = run.directory / "model.keras"
    try:
        return read_model(run.recipe.network, path)
    except Exception as error:  # damaged files raise almost anything
        own = network_name(run.recipe.network)
        raise InputError(
            f"{path} cannot be read: {reason(error).rstrip('.')}. If {own} defines layers of its "
            "own, import it in this process first."
        ) from error


def has_model(run):
    """Return whether a run's directory holds its network.

    Args:
        run: the `Run`.
    """
    return (run.directory / "model.keras").is_file()


def is_readable(run):
    """Return whether a run's network is there and this process can read it.

    Args:
        run: the `Run`.
    """
    if is_built_in(run.recipe.network) or not has_model(run):
        return has_model(run)
    try:
        return bool(load_model(run))
    except InputError:
        return False


def predict(run, faces):
    """Return what a run's network predicts for other faces.

    Args:
        run: the `Run`.
        faces: `Faces` of the same classes.

    Returns:
        Their `Predictions`.

    Raises:
        InputError: if the network cannot be read.
    """
    return predict_faces(with_shared_graph(load_model(run)), faces)


def predict_faces(model, faces):
    """Return what a network predicts.

    Args:
        model: a `keras.Model`.
        faces: `Faces` of its classes.

    Returns:
        Their `Predictions`.
    """
    found = _probabilities(model, faces)
    return Predictions(faces.ids, faces.labels, found, faces.class_names, groups_of(faces))


def over_views(model, faces, predictions):
    """Return the mean of predictions over several views of each face.

    Args:
        model: a `keras.Model`.
        faces: `Faces` of its classes.
        predictions: their `Predictions` from one view.

    Returns:
        `Predictions` like these.
    """
    from fer_keras.training.augmentation import views

    seen = [_probabilities(model, replace(faces, images=view)) for view in views(faces.images)]
    return replace(predictions, probabilities=np.mean(seen, axis=0))


def _probabilities(model, faces):
    # Imported here, so that reading finished runs needs no TensorFlow.
    from fer_keras.training.feeds import evaluation_feed

    return model.predict(evaluation_feed(faces), verbose=0)
