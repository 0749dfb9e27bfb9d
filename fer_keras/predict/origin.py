"""What a network learnt from, and who says whether it is right."""

from fer_keras.networks.pretrained import pretrained
from fer_keras.predict.predictor import is_pretrained
from fer_keras.utils.files import project_path
from fer_keras.utils.records import read_object

BY_PEOPLE, BY_FER2013, BY_OWN = "most people's votes", "FER2013's label", "the labels of its data"
JUDGES = {"ferplus": BY_PEOPLE, "ferplus_votes": BY_PEOPLE, "own_given_votes": BY_FER2013}
"""A recipe's `labels` -> what says which class of a test face is right, where that tells it."""
FER2013, DRAWN = "FER2013", "faces drawn from formulas"
UNKNOWN = "not known"


def recipe_of(source):
    """Return the recipe that a network was trained by.

    Args:
        source: a run directory, or one of `pretrained.PRETRAINED`.

    Returns:
        A dict of the recipe's fields, empty where nothing tells them.

    Raises:
        InputError: if the run's record is damaged.
    """
    if is_pretrained(source):
        return pretrained(source).card["recipe"]
    return _identity(source, "recipe")


def data_of(source):
    """Return what data a network learnt and was tested on.

    Args:
        source: as in `recipe_of`.

    Returns:
        A dict: the data's `name`, and numbers of images by part; empty where nothing tells them.

    Raises:
        InputError: if the run's record is damaged.
    """
    if is_pretrained(source):
        return {"name": FER2013, "training split": "Training"}
    told = _identity(source, "data")
    parts = {"train": "training", "validation": "validation", "test": "test"}
    counts = {f"{words} images": told[part] for part, words in parts.items() if part in told}
    return counts and {"name": _name(project_path(source).resolve())} | counts


def right_by(source):
    """Return in words what says which class of a test face is right.

    Args:
        source: as in `recipe_of`.

    Raises:
        InputError: if the run's record is damaged.
    """
    name = data_of(source).get("name", UNKNOWN)
    own = BY_FER2013 if FER2013.lower() in name.lower() else BY_OWN
    return JUDGES.get(str(recipe_of(source).get("labels")), own)


def _identity(source, part):
    """Return a part of what a run directory belongs to, a dict."""
    path = project_path(source) / "recipe.json"
    return read_object(path, **{part: dict})[part] if path.is_file() else {}


def _name(directory):
    """Return the name of a run's data, which only the record of its comparison tells."""
    path = directory.parent / "comparison.json"
    if not path.is_file():
        return UNKNOWN
    record = read_object(path, drawn=bool, runs=dict, sources=dict)
    try:
        arms = (arm for arm, runs in record["runs"].items() if directory.name in runs.values())
        source = record["sources"][next(arms)]
        return DRAWN if record["drawn"] else str(source["name"] or source["data"]["name"])
    except (StopIteration, KeyError, TypeError, AttributeError):
        return UNKNOWN
