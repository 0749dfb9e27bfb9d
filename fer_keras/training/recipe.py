"""What fixes a run: a frozen, checked `Recipe`."""

import re
from math import inf

from attrs import asdict, evolve, field, fields, frozen

from fer_keras.networks.build import network_name
from fer_keras.networks.builders import NETWORKS
from fer_keras.utils.errors import InputError

AUGMENTATIONS = {
    "none": {},
    "study_b": {"rotation_range": 10, "horizontal_flip": True},
    "study_d": {
        "rotation_range": 10,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "zoom_range": 0.1,
        "horizontal_flip": True,
    },
    "study_e": {"rotation_range": 10, "zoom_range": 0.1, "horizontal_flip": True},
    "shift_and_flip": {
        "width_shift_range": 0.08,
        "height_shift_range": 0.08,
        "horizontal_flip": True,
    },
    "strong": {
        "rotation_range": 15,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "zoom_range": 0.15,
        "horizontal_flip": True,
    },
}
"""Name -> ImageDataGenerator's arguments. The studies name the kinds; the strengths are ours."""

STRENGTHS = {
    "rotation_range": 180,
    "width_shift_range": 1,
    "height_shift_range": 1,
    "zoom_range": 0.9,
    "horizontal_flip": True,
}
"""ImageDataGenerator's arguments that both feeds know, each with its largest value."""


def _one_of(*choices):
    def check(recipe, attribute, value):
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            names = ", ".join(map(str, choices))
            raise InputError(f"{attribute.name} is {value!r}; choose one of {names}.")

    return check


def _whole(least, or_none=False):
    def check(recipe, attribute, value):
        if or_none and value is None:
            return
        if type(value) is not int or value < least:
            raise InputError(
                f"{attribute.name} is {value!r}; give a whole number of at least {least}"
                f"{', or None' if or_none else ''}."
            )

    return check


def _number(above=-inf, least=0, most=1):
    def check(recipe, attribute, value):
        if type(value) not in (int, float) or not least <= value <= most or value <= above:
            bound = f"above {above}" if above >= least else f"at least {least}"
            raise InputError(
                f"{attribute.name} is {value!r}; give a number {bound} and at most {most}."
            )

    return check


def _check_network(recipe, attribute, value):
    is_place = isinstance(value, str) and re.fullmatch(r".+:.+", value)
    if not (callable(value) or is_place or (isinstance(value, str) and value in NETWORKS)):
        raise InputError(
            f"network is {value!r}; choose one of {', '.join(NETWORKS)}, or your own as "
            "file.py:function, package.module:function or a function."
        )


def _check_augmentation(recipe, attribute, value):
    if isinstance(value, str) and value in AUGMENTATIONS:
        return
    if not isinstance(value, dict):
        raise InputError(
            f"augmentation is {value!r}; choose one of {', '.join(AUGMENTATIONS)}, or give a dict "
            f"of {', '.join(STRENGTHS)}."
        )
    for name, strength in value.items():
        if name not in STRENGTHS:
            raise InputError(
                f"augmentation has no strength {name!r}; there are {', '.join(STRENGTHS)}."
            )
        most = STRENGTHS[name]
        kinds = (bool,) if most is True else (int, float)
        if type(strength) not in kinds or not 0 <= strength <= most:
            allowed = "True or False" if most is True else f"a number from 0 to {most}"
            raise InputError(f"augmentation's {name} is {strength!r}; give {allowed}.")


def _check_classes(recipe, attribute, value):
    if value is not None and (len(set(value)) < 2 or len(set(value)) < len(value)):
        raise InputError(
            f"classes are {', '.join(map(str, value)) or 'none'}; name two or more, each once."
        )


@frozen
class Recipe:
    """Everything that decides how a network is trained, besides the faces themselves.

    Args:
        storage: form of the data to read, `csv` or `folder`; `None` takes the one that is there,
            the CSV where both are.
        division: `own` (the data set's own splits) or `random` (stratified 80/20 of all faces).
        split_seed: seed of the random division, 0 or more; `None` takes `seed`, so that each seed
            tests on other faces.
        labels: `own`, or for FER2013's CSV `ferplus` (the majority of FER+'s ten annotators) or
            `ferplus_votes` (their votes as soft targets in training, the majority elsewhere).
        classes: names of the classes to keep, at least 2; `None` keeps all of the data.
        validation_fraction: share of training to choose the epoch by, 0 to 0.5; 0 trains on all
            of it and keeps the last epoch.
        normalisation: the network's first layer: `rescale` (grey levels / 255) or `standardise`
            (mean 0, standard deviation 1 over the training images).
        network: what `networks.build.build` takes: a name, `file.py:function`,
            `package.module:function` or a function.
        feed: `memory` (uint8 arrays through tf.data) or `image_data_generator` (Keras'
            `flow_from_directory` for storage `folder`, its `flow` for `csv`).
        augmentation: a name in `AUGMENTATIONS`, or a dict of ImageDataGenerator's arguments:
            `rotation_range` (degrees), `width_shift_range`, `height_shift_range` and `zoom_range`
            (shares), `horizontal_flip`.
        mixup: alpha of the Beta distribution by which each face is mixed with another of its
            batch, targets too (Zhang et al., "mixup", 2018), 0 to 1; 0 mixes nothing.
        balance: what is done about rare classes: `none`, `class_weights` (a face's loss counts
            n / (number of classes * n of its class), as in scikit-learn's "balanced"), or
            `balanced_sampling` (an epoch shows each class equally often; from memory only).
        epochs: number of epochs, at least 1.
        batch_size: images a step, at least 1.
        optimizer: `adam`, or `sgd` with Nesterov momentum 0.9.
        schedule: `constant`, or `one_cycle`: the learning rate rises in a straight line for the
            first fifth of all steps and falls to 0 along a cosine (after Smith and Topin, 2018).
        learning_rate: the optimiser's, at its highest; above 0.
        weight_decay: decoupled weight decay (Loshchilov and Hutter, 2019), 0 to 1.
        label_smoothing: share of each target that is spread evenly over the classes, 0 to 1
            (Szegedy et al., 2016).
        precision: what training multiplies in: `float32`, or `mixed`: bfloat16 where the machine
            has it (AVX512-BF16 or AMX, GPUs from Ampere on), float32 elsewhere. The trained
            network is float32 in any case.
        test_time_augmentation: whether the test faces are predicted once more, as the mean over
            each face's `augmentation.views`; these scores stand beside the plain ones.
        patience: epochs without a better validation accuracy after which training stops;
            `None` trains all epochs.
        seed: fixes initial weights, order of the images, dropout and augmentation; 0 or more.

    Raises:
        InputError: if a field has an impossible value.
    """

    storage: str | None = field(default=None, validator=_one_of(None, "csv", "folder"))
    division: str = field(default="own", validator=_one_of("own", "random"))
    split_seed: int | None = field(default=None, validator=_whole(0, or_none=True))
    labels: str = field(default="own", validator=_one_of("own", "ferplus", "ferplus_votes"))
    classes: tuple[str, ...] | None = field(
        default=None,
        converter=lambda names: None if names is None else tuple(names),  # JSON knows no tuples
        validator=_check_classes,
    )
    validation_fraction: float = field(default=0.1, validator=_number(most=0.5))
    normalisation: str = field(default="rescale", validator=_one_of("rescale", "standardise"))
    network: object = field(default="conv3", validator=_check_network)
    feed: str = field(default="memory", validator=_one_of("memory", "image_data_generator"))
    augmentation: str | dict = field(default="none", validator=_check_augmentation)
    mixup: float = field(default=0.0, validator=_number())
    balance: str = field(
        default="none", validator=_one_of("none", "class_weights", "balanced_sampling")
    )
    epochs: int = field(default=15, validator=_whole(1))
    batch_size: int = field(default=64, validator=_whole(1))
    optimizer: str = field(default="adam", validator=_one_of("adam", "sgd"))
    schedule: str = field(default="constant", validator=_one_of("constant", "one_cycle"))
    learning_rate: float = field(default=1e-3, validator=_number(above=0))
    weight_decay: float = field(default=0.0, validator=_number())
    label_smoothing: float = field(default=0.0, validator=_number())
    precision: str = field(default="float32", validator=_one_of("float32", "mixed"))
    test_time_augmentation: bool = field(default=False, validator=_one_of(False, True))
    patience: int | None = field(default=None, validator=_whole(1, or_none=True))
    seed: int = field(default=0, validator=_whole(0))

    def __attrs_post_init__(self):
        if self.balance == "balanced_sampling" and self.feed != "memory":
            raise InputError("balance 'balanced_sampling' needs feed 'memory'.")
        if self.mixup and self.feed != "memory":
            raise InputError("mixup needs feed 'memory'.")
        if self.labels != "own" and (self.storage == "folder" or self.division != "own"):
            raise InputError(f"labels {self.labels!r} need storage 'csv' and division 'own'.")
        if self.patience is not None and not self.validation_fraction:
            raise InputError("patience needs validation faces: a validation_fraction above 0.")
        if self.split_seed is not None and self.division != "random":
            raise InputError("split_seed needs division 'random'.")

    @property
    def ranges(self):
        """The augmentation's strengths: a dict of ImageDataGenerator's arguments."""
        named = isinstance(self.augmentation, str)
        return AUGMENTATIONS[self.augmentation] if named else self.augmentation

    def changed(self, **values):
        """Return a copy with some fields replaced.

        Args:
            **values: new values by field.

        Raises:
            InputError: if a field is unknown or a value impossible.
        """
        known = [each.name for each in fields(Recipe)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"A recipe has no field {', '.join(unknown)}; its fields are {', '.join(known)}."
            )
        return evolve(self, **values)

    def as_json(self):
        """Return the fields as JSON gives them back: a dict, the network by its name."""
        values = asdict(self) | {"network": network_name(self.network)}
        return values | {"classes": self.classes and list(self.classes)}
