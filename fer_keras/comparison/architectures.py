"""The studies' networks under one recipe, with equal epochs and with equal time."""

from dataclasses import dataclass, replace
from pathlib import Path

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.run import run, run_name
from fer_keras.data import loading as data
from fer_keras.data.faces import Splits
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError
from fer_keras.utils.startup import errors_only

EPOCHS, DRAWN_EPOCHS = 3, 1
MINUTES, DRAWN_MINUTES = 4, 0.2
LEARNING_RATES = {
    named.recipe.network: named.recipe.learning_rate
    for named in RECIPES.values()
    if named.recipe.optimizer == "adam"
}
"""Network -> its study's. One for all would favour some: at conv2's, vgg8 learns nothing."""


@dataclass(frozen=True)
class Settings:
    """What a user can set about the comparison of networks.

    Args:
        data: folder with the CSV or the image folders, or the CSV file; empty: the environment
            variable `FER_KERAS_DATA`, then `data/`, then drawn faces.
        networks: two or more names of builders in `fer_keras.models`, separated by commas.
        epochs: epochs of each network under equal epochs; `None`: 3, or 1 on drawn faces.
        minutes: training time of each network under equal time, with validation; `None`: 4, or
            0.2 on drawn faces.
        batch_size: images a step.
        learning_rate: of Adam; `None` takes that of the network's own recipe.
        validation_fraction: share of the training part to choose the epoch by, 0-0.5.
        seed: fixes everything random, the division into parts too.
        output: folder for the run directories.

    Raises:
        InputError: if a value is impossible.
    """

    data: str = ""
    networks: str = "conv2,conv3,conv4_bn,conv6,vgg8"
    epochs: int | None = None
    minutes: float | None = None
    batch_size: int = 64
    learning_rate: float | None = None
    validation_fraction: float = 0.1
    seed: int = 0
    output: str = "runs"

    def __post_init__(self):
        data.require_paths(self)
        if not isinstance(self.networks, str):
            raise InputError(f"networks is {self.networks!r}; give names separated by commas.")
        names = self.network_names
        if len(set(names)) < len(names) or len(names) < 2:
            raise InputError(f"networks is {self.networks!r}; name two or more, each once.")
        is_number = isinstance(self.minutes, (int, float)) and not isinstance(self.minutes, bool)
        if self.minutes is not None and not (is_number and 0 < self.minutes < float("inf")):
            raise InputError(f"minutes is {self.minutes!r}; give a number above 0.")
        self.recipes()
        if not self.validation_fraction:
            raise InputError("validation_fraction is 0; give a number above 0 and at most 0.5.")

    @property
    def network_names(self):
        """The names in `networks`, in order."""
        return [name.strip() for name in self.networks.split(",")]

    def recipes(self, storage="csv", drawn=False):
        """Return a dict from each network's name to its checked `Recipe` under equal epochs."""
        default_epochs = DRAWN_EPOCHS if drawn else EPOCHS
        common = Recipe(
            storage=storage,
            epochs=default_epochs if self.epochs is None else self.epochs,
            batch_size=self.batch_size,
            validation_fraction=self.validation_fraction,
            seed=self.seed,
        )
        return {
            name: replace(
                common,
                network=name,
                learning_rate=LEARNING_RATES.get(name, common.learning_rate)
                if self.learning_rate is None
                else self.learning_rate,
            )
            for name in self.network_names
        }


@dataclass(frozen=True)
class Prepared:
    """What the networks are to be trained by.

    Args:
        recipes: dict from a network's name to its `Recipe` under equal epochs.
        splits: the faces of all of them, validation cut out.
        minutes: training time of each network under equal time.
        drawn: whether the faces are drawn, for want of real ones.
    """

    recipes: dict[str, Recipe]
    splits: Splits
    minutes: float
    drawn: bool


def prepare(settings):
    """Find and read the data, from the CSV where both forms are there.

    Args:
        settings: the `Settings`.

    Returns:
        A `Prepared`.

    Raises:
        InputError: if the data is bad.
    """
    location, drawn = data.find_or_draw_data(settings.data, settings.output)
    recipes = settings.recipes("csv" if location.csv else "folder", drawn)
    splits = data.load(next(iter(recipes.values())), location)
    default_minutes = DRAWN_MINUTES if drawn else MINUTES
    minutes = default_minutes if settings.minutes is None else settings.minutes
    return Prepared(recipes, splits, minutes, drawn)


def train_all(recipes, splits, directory):
    """Train each network, or read its finished run back.

    Args:
        recipes: dict from a network's name to its `Recipe`.
        splits: `Splits` with validation.
        directory: folder for the run directories.

    Returns:
        A dict from each network's name to its `Run`.
    """
    runs = {}
    for network, recipe in recipes.items():
        with errors_only():
            own_directory = Path(directory) / run_name(network, recipe, splits)
            runs[network] = run(recipe, splits, own_directory, title=network)
    return runs


def recipes_for_minutes(runs, minutes):
    """Return the runs' recipes with as many whole epochs as fit into some minutes, at least one.

    An epoch is taken to last as long as the median one of the network's run. A finished run is
    read back with its history, so that the same run gives the same number of epochs ever after.

    Args:
        runs: dict from a network's name to its `Run`.
        minutes: training time, with validation.

    Returns:
        A dict from each network's name to its `Recipe`.
    """
    return {
        network: replace(
            finished.recipe,
            epochs=max(1, int(60 * minutes / finished.history["seconds"].median())),
        )
        for network, finished in runs.items()
    }


def longest_histories(*budgets):
    """Return each network's history with the most epochs of several dicts of `Run`s.

    The runs of a network differ in epochs alone, so that the longest holds the others' scores.
    """
    return {
        network: max((runs[network].history for runs in budgets), key=len) for network in budgets[0]
    }
