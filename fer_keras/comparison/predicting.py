"""What a network predicts for faces, as they are and over several views."""

from dataclasses import replace

import numpy as np

from fer_keras.data.grouping import groups_of
from fer_keras.evaluation.predictions import Predictions


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
