"""Study D's comparison as two protocols: which faces and which recipe each arm gets."""

from dataclasses import dataclass, replace
from pathlib import Path

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.data.faces import Splits
from fer_keras.data.loading import find_or_draw_data, read_csv, require_paths
from fer_keras.data.pairing import pair_images
from fer_keras.data.readers.image_folder import read_image_folder
from fer_keras.data.splitting import cut_validation
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

STUDY_D_CSV, STUDY_D_FOLDER = RECIPES["conv3_csv"].recipe, RECIPES["conv3_folder"].recipe
SAME_IMAGES = replace(STUDY_D_CSV, division="own")
PROTOCOLS = {
    "same_images": {
        "CSV": SAME_IMAGES,
        "folder": replace(SAME_IMAGES, storage="folder", feed="image_data_generator"),
    },
    "published": {"CSV": STUDY_D_CSV, "folder": STUDY_D_FOLDER},
}
"""Protocol -> arm -> recipe. In `same_images`, only storage and feed differ."""

SEEDS = 3
"""Runs of each arm: the fewest from which a spread can be told, if roughly."""

DRAWN_EPOCHS = 3
"""Epochs on drawn faces, which are learnt sooner than real ones."""


@dataclass(frozen=True)
class Settings:
    """What a user can set about the comparison; `None` leaves it to the protocol.

    Args:
        data: folder with the CSV and/or the image folders, or the CSV file; empty: the
            environment variable `FER_KERAS_DATA`, then `data/`, then drawn faces.
        protocol: `same_images` or `published`.
        epochs_csv: epochs of the CSV arm.
        epochs_folder: epochs of the folder arm.
        network: builder for both arms.
        feed_folder: `image_data_generator` or `memory`, for the folder arm.
        augmentation_folder: `none` or `study_d`, for the folder arm.
        batch_size: images a step.
        learning_rate: of Adam.
        patience: epochs without a better validation accuracy before an arm stops.
        validation_fraction: share of the training part to choose the epoch by, 0-0.5.
        seed: of each arm's first run; fixes everything random, the division into parts too.
        seeds: runs of each arm, with `seed` and those that follow; `None`: 3, or 1 under
            `published`, as study D ran it.
        split_seed: asks for a random stratified 80/20 split of a CSV without `Usage`, and fixes
            it; for `same_images` only, since `published` divides all rows anyway.
        on_bad_rows: `raise`, or `skip` to leave out bad rows of the CSV and list them.
        on_bad_images: `raise`, or `skip` to leave out damaged images and list them.
        output: folder for the run directories.

    Raises:
        InputError: if a value is impossible.
    """

    data: str = ""
    protocol: str = "same_images"
    epochs_csv: int | None = None
    epochs_folder: int | None = None
    network: str | None = None
    feed_folder: str | None = None
    augmentation_folder: str | None = None
    batch_size: int = 64
    learning_rate: float = 1e-3
    patience: int | None = None
    validation_fraction: float = 0.1
    seed: int = 0
    seeds: int | None = None
    split_seed: int | None = None
    on_bad_rows: str = "raise"
    on_bad_images: str = "raise"
    output: str = "runs"

    def __post_init__(self):
        require_paths(self)
        if self.protocol not in PROTOCOLS:
            raise InputError(
                f"protocol is {self.protocol!r}; choose one of {', '.join(PROTOCOLS)}."
            )
        for name in ("on_bad_rows", "on_bad_images"):
            if getattr(self, name) not in ("raise", "skip"):
                raise InputError(f"{name} is {getattr(self, name)!r}; choose 'raise' or 'skip'.")
        fraction = self.validation_fraction
        if not isinstance(fraction, float) or not 0 < fraction <= 0.5:
            raise InputError(
                f"validation_fraction is {fraction!r}; give a number above 0 and at most 0.5."
            )
        if self.seeds is not None and (type(self.seeds) is not int or self.seeds < 1):
            raise InputError(f"seeds is {self.seeds!r}; give a whole number of at least 1.")
        if self.split_seed is not None and not isinstance(self.split_seed, int):
            raise InputError(f"split_seed is {self.split_seed!r}; give a whole number or None.")
        self.recipes()

    @property
    def of_each_seed(self):
        """A dict from the seed of each run of an arm to these settings with that seed."""
        count = _first_given(self.seeds, 1 if self.protocol == "published" else SEEDS)
        return {
            seed: replace(self, seed=seed, seeds=1) for seed in range(self.seed, self.seed + count)
        }

    def recipes(self, drawn=False):
        """Return the checked `Recipe` of each arm, fewer epochs by default on drawn faces."""
        both = {
            "network": self.network,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "patience": self.patience,
            "seed": self.seed,
        }
        default_epochs = DRAWN_EPOCHS if drawn else None
        own = {
            "CSV": {"epochs": _first_given(self.epochs_csv, default_epochs)},
            "folder": {
                "epochs": _first_given(self.epochs_folder, default_epochs),
                "feed": self.feed_folder,
                "augmentation": self.augmentation_folder,
            },
        }
        return {
            arm: _changed(base, both | own[arm]) for arm, base in PROTOCOLS[self.protocol].items()
        }


@dataclass(frozen=True)
class Arm:
    """A recipe and its faces, ready to run: one side of a comparison.

    Args:
        recipe: how it is trained.
        splits: its faces, validation cut out.
        image_folder: the data set's folder, where it was read from one.
    """

    recipe: Recipe
    splits: Splits
    image_folder: Path | None = None


@dataclass(frozen=True)
class Comparison:
    """The arms to compare and what a reader must know about their data.

    Args:
        arms: dict from `CSV` and `folder` to their `Arm`; one of them may be missing.
        drawn: whether the faces are drawn, for want of real ones.
        notes: sentences: what was skipped, ignored, paired.
    """

    arms: dict[str, Arm]
    drawn: bool
    notes: tuple[str, ...]


def prepare(settings):
    """Find and read the data, and divide it as the protocol says.

    Args:
        settings: the `Settings`.

    Returns:
        A `Comparison`.

    Raises:
        InputError: if the data is bad, or the two forms hold different images where the
            protocol wants the same.
    """
    location, drawn = find_or_draw_data(settings.data, settings.output)
    recipes = settings.recipes(drawn)
    notes = []
    csv = folder = None
    if location.csv:
        csv = read_csv(
            location.csv,
            recipes["CSV"].division,
            settings.seed,
            settings.on_bad_rows,
            settings.split_seed,
        )
        notes += csv.notes
    else:
        notes.append(f"The CSV arm is skipped: there is no FER2013 CSV beside {location.folder}.")
    if location.folder:
        folder = read_image_folder(location.folder, settings.on_bad_images)
        notes += folder.notes
    else:
        notes.append(f"The folder arm is skipped: no train/ and test/ lie beside {location.csv}.")
    if csv and folder and settings.protocol == "same_images":
        csv, folder, sentence = _same_images(csv, folder, settings)
        notes.append(sentence)
    else:
        csv, folder = (_with_validation(splits, settings) for splits in (csv, folder))
    arms = {}
    if csv:
        arms["CSV"] = Arm(recipes["CSV"], csv)
    if folder:
        arms["folder"] = Arm(recipes["folder"], folder, location.folder)
    return Comparison(arms, drawn, tuple(notes))


def _with_validation(splits, settings):
    return splits and cut_validation(splits, settings.validation_fraction, settings.seed)


def _same_images(csv, folder, settings):
    """Keep what both forms hold, in one order, under one division, with one set of test ids."""
    train = pair_images(csv.train, folder.train)
    test = pair_images(csv.test, folder.test)
    if not len(train.first) or not len(test.first):
        raise InputError(
            "The CSV and the folder have no images in common, so that the protocol "
            "'same_images' cannot compare them; give both forms of one data set, or "
            "take protocol 'published'."
        )
    sentence = _pairing_in_words(csv, folder, train, test)
    csv = Splits(csv.train.select(train.first), csv.test.select(test.first))
    folder_train = folder.train.select(train.second)
    folder_test = replace(folder.test.select(test.second), ids=csv.test.ids)
    csv_cut = _with_validation(csv, settings)
    position = {name: place for place, name in enumerate(csv.train.ids)}
    folder_cut = Splits(
        folder_train.select([position[name] for name in csv_cut.train.ids]),
        folder_test,
        folder_train.select([position[name] for name in csv_cut.validation.ids]),
    )
    return csv_cut, folder_cut, sentence


def _pairing_in_words(csv, folder, train, test):
    distances = test.distances
    return (
        f"Images were paired by their pixels: {len(train.first):,} of {len(csv.train):,} training "
        f"images of the CSV with the folder's {len(folder.train):,}, and {len(test.first):,} of "
        f"{len(csv.test):,} test images with its {len(folder.test):,}; test pairs differ by "
        f"{distances.mean():.2f} grey levels rms on average, {distances.max():.2f} at most. "
        "What one form holds alone is left out of both arms."
    )


def _first_given(*values):
    return next((value for value in values if value is not None), None)


def _changed(recipe, values):
    given = {name: value for name, value in values.items() if value is not None}
    return recipe.changed(**given)
