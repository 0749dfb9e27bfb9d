"""Fair and fast comparisons of facial-expression networks.

    import fer_keras as fk

    splits = fk.load_data("~/fer2013")
    run = fk.fit(fk.Recipe(network="conv3", epochs=15), splits)
    result = fk.compare({"A": fk.recipe("conv3_csv"), "B": fk.Recipe(network="quick")}, seeds=3)
    faces = fk.analyze("photo.jpg")

The public names are imported when they are first used: importing the package starts no
TensorFlow.
"""

from importlib import import_module

from fer_keras.utils.watching import LOADING, waiting

__version__ = "0.2.0"

_PLACES = {
    "Recipe": "training.recipe",
    "recipe": "comparison.catalogue",
    "load_data": "data.loading",
    "Faces": "data.faces",
    "Splits": "data.faces",
    "build": "networks.build",
    "fit": "comparison.run",
    "load_run": "comparison.run",
    "compare": "reporting.result",
    "load_comparison": "reporting.result",
    "analyze_video": "predict.video",
    "pretrained": "networks.pretrained",
    "analyze": "predict.analysis",
    "InputError": "utils.errors",
}
"""Public name -> the module that defines it."""

__all__ = sorted(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module 'fer_keras' has no attribute {name!r}")
    with waiting(LOADING):
        return getattr(import_module(f"fer_keras.{_PLACES[name]}"), name)


def __dir__():
    return [*globals(), *__all__]
