"""Where the arms of a comparison read their faces."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from fer_keras.comparison.identity import was_trained_on
from fer_keras.comparison.prepare import prepared, without_copies
from fer_keras.data.faces import Splits
from fer_keras.data.loading import load_data
from fer_keras.data.pairing import pair_images
from fer_keras.data.readers.locate import Location, why_no_folder
from fer_keras.utils.errors import InputError


@dataclass(frozen=True)
class Source:
    """Where the arms of a comparison read their faces.

    Args:
        data: a `Location`, or `Splits` in memory.
        paired: whether both storage forms are read and only images that both hold are kept.
        on_bad: `raise`, or `skip` to leave out bad rows and images.
        class_names: names of the codes 0, 1, ... of a CSV of your own; `None`: FER2013's.
        name: the user's name for the data set; `None`: its own.
        group_by: a pattern of file names that tells persons apart, as for `load_data`.
    """

    data: Location | Splits
    paired: bool = False
    on_bad: str = "raise"
    class_names: tuple[str, ...] | None = None
    name: str | None = None
    group_by: str | None = None

    @property
    def data_name(self):
        """The user's name for the data set, or its own."""
        return self.name or self.data.name

    @property
    def is_here(self):
        """Whether the faces can be read: from memory or existing files."""
        if isinstance(self.data, Splits):
            return True
        places = [place for place in (self.data.csv, self.data.folder, self.data.raf_db) if place]
        return bool(places) and all(place.exists() for place in places)

    def splits(self, recipe):
        """Return the faces that a recipe is trained and tested on.

        Args:
            recipe: the `Recipe`, with the run's seed.

        Returns:
            The recipe with its storage and classes filled in, and `Splits`, validation cut out
            unless the recipe wants none.

        Raises:
            InputError: if the data is bad, or does not hold what the recipe asks for.
        """
        cleaned = (recipe.classes or ()) if recipe.drop_test_copies else None
        if isinstance(self.data, Splits):
            return prepared(recipe, self._own if cleaned is None else self._clean(cleaned))
        if self.paired and is_pairable(recipe) and recipe.storage:
            forms = _paired_forms(self.data, self.on_bad, self.class_names, cleaned)
            csv, folder = map(self._named, forms)
            resolved, cut = prepared(recipe, replace(csv, storage=recipe.storage))
            return resolved, _followed(cut, csv, folder) if recipe.storage == "folder" else cut
        if self.data.raf_db:  # has one form, of images
            recipe = recipe.changed(storage="folder")
        split_seed = recipe.seed if recipe.split_seed is None else recipe.split_seed
        splits = _loaded(
            self.data,
            recipe.storage,
            recipe.division,
            recipe.labels,
            self.class_names,
            self.on_bad,
            split_seed if recipe.division == "random" else 0,
            self.group_by,
            cleaned,
        )
        return prepared(recipe, self._named(splits))

    def splits_of(self, run):
        """Return the `Splits` of a finished run.

        Args:
            run: the `Run`.

        Returns:
            The `Splits`; `None` where the faces are not here, cannot be read any more, or are
            others now.
        """
        if not self.is_here:
            return None
        try:
            splits = self.splits(run.recipe)[1]
        except InputError:
            return None
        return splits if was_trained_on(run.directory, splits) else None

    @property
    def _own(self):
        return self._named(self.data)

    def _clean(self, classes):
        if classes not in self._cleaned:
            self._cleaned[classes] = without_copies(self._own, classes)
        return self._cleaned[classes]

    @cached_property
    def _cleaned(self):
        return {}

    def _named(self, splits):
        # Two data sets may have FER2013's classes; the user's names tell them apart.
        return replace(splits, name=self.name) if self.name else splits


def is_pairable(recipe):
    """Return whether a recipe takes the data set's own split and labels.

    Args:
        recipe: the `Recipe`.
    """
    return (recipe.division, recipe.labels) == ("own", "own")


def find_storage(recipe, data):
    """Return the storage form that a recipe reads, or why it cannot.

    Args:
        recipe: the `Recipe`.
        data: a `Location`, or `Splits` in memory.

    Returns:
        `csv`, `folder` or `None`, and a sentence, empty if all is well.
    """
    if isinstance(data, Splits) or data.raf_db:
        return recipe.storage, ""
    storage = recipe.storage or ("csv" if data.csv else "folder")
    if storage == "csv" and not data.csv:
        return storage, f"it reads a CSV, and there is none beside {data.folder}."
    if storage == "folder" and not data.folder:
        return storage, f"it reads folders, and {why_no_folder(data)}."
    return storage, ""


def forget_faces():
    """Read all faces again from now on, for their files may have changed."""
    _loaded.cache_clear()
    _paired_forms.cache_clear()


@lru_cache(maxsize=2)
def _loaded(location, storage, division, labels, class_names, on_bad, seed, group_by, cleaned):
    splits = load_data(
        location,
        storage=storage,
        division=division,
        labels=labels,
        class_names=class_names,
        on_bad=on_bad,
        seed=seed,
        group_by=group_by,
    )
    return splits if cleaned is None else without_copies(splits, cleaned)


@lru_cache(maxsize=1)
def _paired_forms(location, on_bad, class_names, cleaned):
    """Return what CSV and folder both hold, in one order and with one set of test ids."""
    csv, folder = (
        load_data(location, storage=storage, class_names=names, on_bad=on_bad)
        for storage, names in (("csv", class_names), ("folder", None))
    )
    if csv.train.class_names != folder.train.class_names:
        raise InputError(
            f"The CSV has the classes {', '.join(csv.train.class_names)}, and the folder "
            f"{', '.join(folder.train.class_names)}; give both forms of one data set."
        )
    train, test = pair_images(csv.train, folder.train), pair_images(csv.test, folder.test)
    if not len(train.first) or not len(test.first):
        raise InputError(
            "The CSV and the folder have no images in common, so that their arms cannot be "
            "compared on the same images; give both forms of one data set."
        )
    note = (
        f"Images were paired by their pixels: {len(train.first):,} of {len(csv.train):,} training "
        f"images of the CSV with the folder's {len(folder.train):,}, and {len(test.first):,} of "
        f"{len(csv.test):,} test images with its {len(folder.test):,}; test pairs differ by "
        f"{test.distances.mean():.2f} grey levels rms on average, {test.distances.max():.2f} at "
        "most. What one form holds alone is left out of both arms."
    )
    kept = replace(
        csv,
        train=csv.train.select(train.first),
        test=csv.test.select(test.first),
        notes=(*csv.notes, *folder.notes, note),
    )
    partner = replace(
        folder,
        train=folder.train.select(train.second),
        test=replace(folder.test.select(test.second), ids=kept.test.ids),
        notes=kept.notes,
    )
    if cleaned is None:
        return kept, partner
    clean = without_copies(kept, cleaned)
    parts = {
        name: getattr(partner, name).select(np.isin(getattr(kept, name).ids, part.ids))
        for name, part in (("train", clean.train), ("test", clean.test))
    }
    return clean, replace(partner, **parts, notes=clean.notes, without_copies=True)


def _followed(cut, csv, folder):
    """Return the folder's images in the places of the CSV's, after these were cut."""
    place = {name: number for number, name in enumerate(csv.train.ids.tolist())}
    test_place = {name: number for number, name in enumerate(csv.test.ids.tolist())}

    def partners(faces, images, places):
        chosen = images.select([places[name] for name in faces.ids.tolist()])
        return replace(chosen, labels=faces.labels, class_names=faces.class_names)

    return replace(
        folder,
        train=partners(cut.train, folder.train, place),
        test=partners(cut.test, folder.test, test_place),
        validation=cut.validation and partners(cut.validation, folder.train, place),
    )
