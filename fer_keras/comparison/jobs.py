"""A named recipe on one or several data sets: what `fer-keras run` and `train.ipynb` do."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fer_keras.comparison.catalogue import named_recipe
from fer_keras.comparison.protocols import DRAWN_EPOCHS, Arm, Settings, prepare
from fer_keras.comparison.run import predict, run, run_name
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.loading import find_or_draw_data, load, load_rafdb
from fer_keras.data.readers.locate import find_data
from fer_keras.evaluation.predictions import score_table
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_folder

DATA_SETS = ("fer2013", "raf-db")


@dataclass(frozen=True)
class Job:
    """What the notebook `train.ipynb` is asked to do.

    Args:
        recipe: a name in `named_recipes.RECIPES`.
        data: folders, as for `load_data_sets`, separated by commas; empty: the environment
            variable `FER_KERAS_DATA`, then `data/`, then drawn faces.
        changes: fields of the recipe to change, `field=value`, separated by spaces.
        output: folder for the run directories.
        same_images: whether to keep only what FER2013's CSV and folders both hold, paired by
            pixels, so that runs from either are tested on the same images under the same ids.

    Raises:
        InputError: if the recipe or a change is impossible.
    """

    recipe: str = "conv3_csv"
    data: str = ""
    changes: str = ""
    output: str = "runs"
    same_images: bool = False

    def __post_init__(self):
        if not isinstance(self.same_images, bool):
            raise InputError(f"same_images is {self.same_images!r}; give True or False.")
        for name in ("recipe", "data", "changes", "output"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"{name} is {getattr(self, name)!r}; give a text.")
        named_recipe(self.recipe, self.changes.split())

    def prepare(self):
        """Read the data, drawn faces (and by default fewer epochs) where there is none.

        Returns:
            A dict from each data set's name to its `Arm`, and whether the faces are drawn.
        """
        changes = self.changes.split()
        output = project_folder() / self.output
        drawn = not self.data and find_or_draw_data("", output)[1]
        places = [self._place(text.strip()) for text in self.data.split(",") if text.strip()]
        if drawn:
            places = [output / "drawn_faces"]
            changes = [f"epochs={DRAWN_EPOCHS}", *changes]
        recipe = named_recipe(self.recipe, changes)
        if self.same_images:
            arms = {"fer2013": paired_arms(recipe, ",".join(map(str, places)))[recipe.storage]}
        else:
            arms = load_data_sets(recipe, places)
        return ({"drawn faces": arms["fer2013"]} if drawn else arms), drawn

    @staticmethod
    def _place(text):
        """Let a relative path count from the folder that holds `notebooks/`."""
        name, equals, directory = text.rpartition("=")
        return f"{name}{equals}{project_folder() / Path(directory).expanduser()}"


def load_data_sets(recipe, places):
    """Read data sets for a recipe.

    Args:
        recipe: the `Recipe`.
        places: texts `DIR` (FER2013) or `NAME=DIR`, with a name in `DATA_SETS`; none: FER2013
            where FER_KERAS_DATA says, else in `data/`.

    Returns:
        A dict from each data set's name to its `Arm`.

    Raises:
        InputError: if a name is unknown or given twice, or a data set is missing or bad.
    """
    directories = {}
    for place in places:
        name, directory = _name_and_directory(str(place))
        if name in directories:
            raise InputError(f"The data set {name} is given twice; give each one once.")
        directories[name] = directory
    return {
        name: _load_data_set(recipe, name, directory)
        for name, directory in (directories or {"fer2013": None}).items()
    }


def paired_arms(recipe, data):
    """Read both forms of FER2013 and keep the images that both hold, under the CSV's ids.

    Args:
        recipe: the `Recipe`; validation fraction and seed count.
        data: the folder with both; empty: FER_KERAS_DATA, then `data/`.

    Returns:
        A dict from `csv` and `folder` to their `Arm`, both with this recipe but for the storage.

    Raises:
        InputError: if a form is missing, or the recipe wants other faces than these.
    """
    if (recipe.labels, recipe.division, recipe.classes) != ("own", "own", CLASS_NAMES):
        raise InputError(
            "Faces are paired with FER2013's own labels, division and classes; do not change them."
        )
    settings = Settings(
        data=data, validation_fraction=float(recipe.validation_fraction), seed=recipe.seed
    )
    arms = prepare(settings).arms
    if len(arms) < 2:
        raise InputError(
            f"Only the {next(iter(arms))} form of FER2013 is there; put the CSV and the folders "
            "train/ and test/ into one folder."
        )
    return {
        name.lower(): Arm(recipe.changed(storage=name.lower()), arm.splits, arm.image_folder)
        for name, arm in arms.items()
    }


def run_directories(title, arms, output):
    """Return a dict from each data set's name to its run directory in `output`."""
    titles = {name: title if len(arms) == 1 else f"{title}-{name}" for name in arms}
    return {
        name: Path(output) / run_name(titles[name], arm.recipe, arm.splits)
        for name, arm in arms.items()
    }


def train_on_each(title, arms, output):
    """Train a recipe on each data set by itself, or read the finished runs back.

    Args:
        title: the recipe's name.
        arms: dict from a data set's name to its `Arm`.
        output: folder for the run directories.

    Yields:
        Each data set's name and its finished `Run`.
    """
    directories = run_directories(title, arms, output)
    for name, arm in arms.items():
        line = title if len(arms) == 1 else f"{title}-{name}"
        yield name, run(arm.recipe, arm.splits, directories[name], line, arm.image_folder)


def across_data_sets(runs, arms):
    """Score each data set's model on every data set's test faces.

    The predictions on another data set are kept in the run directory, as
    `predictions_on_<data set>.npz`.

    Args:
        runs: dict from a data set's name to its `Run`.
        arms: dict from a data set's name to its `Arm`.

    Returns:
        A DataFrame with the columns `trained on`, `tested on`, and those of
        `evaluation.score_table`, one row a model, data set and split.
    """
    tables = []
    for trained_on, finished in runs.items():
        for tested_on, arm in arms.items():
            predictions = finished.predictions
            if tested_on != trained_on:
                predictions = predict(finished, arm.splits.test)
                predictions.save(finished.directory / f"predictions_on_{tested_on}.npz")
            table = score_table(predictions)
            table.insert(0, "tested on", tested_on)
            table.insert(0, "trained on", trained_on)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _name_and_directory(place):
    name, equals, directory = place.partition("=")
    if not equals or Path(place).expanduser().exists():
        return "fer2013", place
    if name not in DATA_SETS:
        raise InputError(
            f"No data set is called {name}; write NAME=DIR with one of {', '.join(DATA_SETS)}."
        )
    return name, directory


def _load_data_set(recipe, name, directory):
    if name == "raf-db":
        return Arm(recipe, load_rafdb(recipe, directory))
    location = find_data(directory)
    if location is None:
        raise InputError("No data was found; name its folder with --data DIR.")
    return Arm(recipe, load(recipe, location), location.folder)
