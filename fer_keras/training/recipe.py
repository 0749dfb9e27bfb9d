"""A frozen, checked `Recipe` of a training."""

import re

from attrs import asdict, evolve, field, fields, frozen

from fer_keras.data.labels import LABELS
from fer_keras.networks.backbones import BACKBONES
from fer_keras.networks.builders import NETWORKS, is_built_in
from fer_keras.networks.finding import network_name
from fer_keras.utils.errors import InputError, did_you_mean
from fer_keras.utils.plain import plain
from fer_keras.utils.seeds import MAX_SEED


def _shifts(share):
    return {"width_shift_range": share, "height_shift_range": share}


AUGMENTATIONS = {
    "none": {},
    "study_b": {"rotation_range": 10, "horizontal_flip": True},
    "study_d": {"rotation_range": 10, **_shifts(0.1), "zoom_range": 0.1, "horizontal_flip": True},
    "study_e": {"rotation_range": 10, "zoom_range": 0.1, "horizontal_flip": True},
    "shift_and_flip": {**_shifts(0.08), "horizontal_flip": True},
    "strong": {"rotation_range": 15, **_shifts(0.1), "zoom_range": 0.15, "horizontal_flip": True},
}
"""Name -> ImageDataGenerator's arguments. The studies name the kinds; the strengths are ours."""

STRENGTHS = {"rotation_range": 180, **_shifts(0.9), "zoom_range": 0.9, "horizontal_flip": True}
"""ImageDataGenerator's arguments that both feeds know, each with its largest value. It would take
shifts of 1 and more as pixels.
"""


def _choice(default, *others):
    choices = (default, *others)

    def check(recipe, attribute, value):
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            names = ", ".join(map(str, choices))
            raise InputError(
                f"{attribute.name} is {value!r}; choose one of {names}."
                f"{did_you_mean(value, choices)}"
            )

    return field(default=default, converter=plain, validator=check)


def _whole(default, least, most=1_000_000):
    def check(recipe, attribute, value):
        if value is None and default is None:
            return
        if type(value) is not int or not least <= value <= most:
            kind = f"a whole number from {least} to {most}{', or None' if default is None else ''}"
            raise InputError(f"{attribute.name} is {value!r}; give {kind}.")

    return field(default=default, converter=plain, validator=check)


def _number(default, most=1, may_be_0=True):
    def check(recipe, attribute, value):
        is_number = type(value) is float and 0 <= value <= most
        if not is_number or (value == 0 and not may_be_0):
            bound = "at least 0" if may_be_0 else "above 0"
            raise InputError(
                f"{attribute.name} is {value!r}; give a number {bound} and at most {most}."
            )

    return field(default=default, converter=_as_float, validator=check)


def _as_float(value):
    """Return a whole number as a float, so that 0 and 0.0 are the same recipe."""
    value = plain(value)
    # What is out of range is refused as it was written.
    return float(value) if type(value) is int and 0 <= value <= 1000 else value


def _check_network(recipe, attribute, value):
    is_place = isinstance(value, str) and re.fullmatch(r".+:.+", value)
    if not (callable(value) or is_place or is_built_in(value)):
        raise InputError(
            f"network is {value!r}; choose one of {', '.join(NETWORKS)}, or your own as "
            "file.py:function, package.module:function or a function."
        )


def _check_weights(recipe, attribute, value):
    if value is not None and not (isinstance(value, str) and value):
        raise InputError(f"{attribute.name} is {value!r}; give imagenet, a file, or None.")


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


def _as_tuple(value):
    value = plain(value)
    return tuple(value) if isinstance(value, list) else value


def _check_classes(recipe, attribute, value):
    if value is None:
        return
    are_names = isinstance(value, tuple) and all(isinstance(name, str) for name in value)
    if not are_names or len(value) < 2 or len(set(value)) < len(value):
        raise InputError(f"classes is {value!r}; give a list of two names or more, each once.")


@frozen
class Recipe:
    """All settings that decide how a network is trained.

    Args:
        storage: form of the data to read, `csv` or `folder`; `None` prefers the CSV.
        division: `own` (the data set's splits) or `random` (stratified 80/20 of all faces).
        split_seed: seed of the random division, 0 or more; `None` takes `seed`.
        labels: `own`, or for FER2013's CSV `ferplus` (the majority of FER+'s ten annotators) or
            `ferplus_votes` (their votes as soft targets in training, the majority elsewhere) or
            `own_given_votes` (targets are the mean of the own label and of the label that FER+'s
            votes predict).
        drop_test_copies: whether exact and near copies of test images are dropped from training.
        classes: names of the classes to keep, at least 2; `None` keeps all.
        validation_fraction: share of training to choose the epoch by, 0 to 0.5; 0 keeps the last.
        normalisation: the network's first layer: `rescale` (grey levels / 255) or `standardise`
            (mean 0, standard deviation 1 over the training images).
        network: a name, `file.py:function`, `package.module:function` or a function.
        pretrained_weights: what the network's backbone begins with: `imagenet`, or a file of
            weights; `None` begins from scratch.
        frozen_epochs: number of first epochs in which the backbone, the layer of that name, stays
            as it is and the other layers learn; 0 or more.
        frozen_learning_rate: the learning rate of these epochs, constant, above 0.
        feed: `memory` (uint8 arrays) or `image_data_generator` (Keras'
            `flow_from_directory` for storage `folder`, its `flow` for `csv`).
        augmentation: a name in `AUGMENTATIONS`, or a dict of `rotation_range` (degrees),
            `width_shift_range`, `height_shift_range`, `zoom_range` (shares), `horizontal_flip`.
        corruption: share of the training faces that are corrupted at random, each time they are
            seen, by one of `augmentation.CORRUPTIONS`, 0 to 1.
        mixup: alpha of the Beta distribution by which faces of a batch are mixed in pairs, targets
            too (Zhang et al., "mixup", 2018), 0 to 1; 0 mixes nothing.
        balance: `none`, `class_weights` (scikit-learn's "balanced": a face's loss counts
            n / (number of classes * n of its class)), or `balanced_sampling` (an epoch shows each
            class equally often; feed `memory` only).
        logit_adjustment: how far the trained network is moved towards rare classes, 0 to 1: each
            probability is divided by that power of the class's share of the training targets, and
            all are scaled to sum to 1 (Menon et al., "Long-tail Learning via Logit Adjustment",
            2021); 0 moves nothing.
        epochs: number of epochs, at least 1.
        batch_size: images a step, at least 1.
        optimizer: `adam`, or `sgd` with Nesterov momentum 0.9.
        schedule: `constant`, or `one_cycle` (Smith and Topin, 2018): the learning rate rises in a
            straight line for the first fifth of all steps that are not frozen and falls to 0
            along a cosine.
        learning_rate: the optimiser's highest, above 0.
        weight_decay: decoupled weight decay (Loshchilov and Hutter, 2019), 0 to 1.
        clip_norm: greatest norm of a step's gradient over all weights, to which larger ones are
            scaled (Pascanu et al., "On the Difficulty of Training Recurrent Neural Networks",
            2013); 0 scales nothing.
        label_smoothing: share of each target that is spread evenly over the classes, 0 to 1
            (Szegedy et al., 2016).
        precision: what training multiplies in: `float32`, or `mixed`: bfloat16 where the machine
            has it (AVX512-BF16, AMX, NVIDIA from Ampere on), for a `keras.Sequential` of Keras' own
            layers. The trained network is float32.
        test_time_augmentation: whether to predict the test faces once more, as the mean over
            each face's `augmentation.views`.
        patience: epochs without a better validation accuracy after which training stops; `None`
            trains all.
        seed: fixes initial weights, order of the images, dropout, augmentation, which images are
            kept for validation, and in a random division without `split_seed` which are tested;
            0 or more.

    Raises:
        InputError: if a field has an impossible value.
    """

    storage: str | None = _choice(None, "csv", "folder")
    division: str = _choice("own", "random")
    split_seed: int | None = _whole(None, least=0, most=MAX_SEED)
    labels: str = _choice(*LABELS)
    drop_test_copies: bool = _choice(False, True)
    classes: tuple | None = field(default=None, converter=_as_tuple, validator=_check_classes)
    validation_fraction: float = _number(0.1, most=0.5)
    normalisation: str = _choice("rescale", "standardise")
    network: object = field(default="conv3", converter=plain, validator=_check_network)
    pretrained_weights: str | None = field(default=None, converter=plain, validator=_check_weights)
    frozen_epochs: int = _whole(0, least=0)
    frozen_learning_rate: float = _number(1e-3, may_be_0=False)
    feed: str = _choice("memory", "image_data_generator")
    augmentation: str | dict = field(default="none", converter=plain, validator=_check_augmentation)
    corruption: float = _number(0.0)
    mixup: float = _number(0.0)
    balance: str = _choice("none", "class_weights", "balanced_sampling")
    logit_adjustment: float = _number(0.0)
    epochs: int = _whole(15, least=1)
    batch_size: int = _whole(64, least=1)
    optimizer: str = _choice("adam", "sgd")
    schedule: str = _choice("constant", "one_cycle")
    learning_rate: float = _number(1e-3, may_be_0=False)
    weight_decay: float = _number(0.0)
    clip_norm: float = _number(0.0, most=1000)
    label_smoothing: float = _number(0.0)
    precision: str = _choice("float32", "mixed")
    test_time_augmentation: bool = _choice(False, True)
    patience: int | None = _whole(None, least=1)
    seed: int = _whole(0, least=0, most=MAX_SEED)

    def __attrs_post_init__(self):
        if self.balance == "balanced_sampling" and self.feed != "memory":
            raise InputError("balance 'balanced_sampling' needs feed 'memory'.")
        for name in ("corruption", "mixup"):
            if getattr(self, name) and self.feed != "memory":
                raise InputError(f"{name} needs feed 'memory'.")
        if self.labels != "own" and (self.storage == "folder" or self.division != "own"):
            raise InputError(f"labels {self.labels!r} need storage 'csv' and division 'own'.")
        has_backbone = self.network in BACKBONES or not is_built_in(self.network)
        if (self.pretrained_weights or self.frozen_epochs) and not has_backbone:
            raise InputError(
                f"{self.network} has no backbone for pretrained_weights or frozen_epochs; the "
                f"networks {', '.join(BACKBONES)} have."
            )
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
        unknown = ", ".join(sorted(set(values) - set(known)))
        if unknown:
            meant = did_you_mean(min(set(values) - set(known)), known)
            raise InputError(
                f"A recipe has no field {unknown}; its fields are {', '.join(known)}.{meant}"
            )
        return evolve(self, **values)

    @property
    def divides_by_seed(self):
        """Whether each seed has training and test images of its own."""
        return self.division == "random" and self.split_seed is None

    def as_json(self):
        """Return the fields as a dict of JSON values, with the network's name."""
        classes = self.classes and list(self.classes)
        return asdict(self) | {"network": network_name(self.network), "classes": classes}
