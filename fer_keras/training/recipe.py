"""What fixes a run: a frozen, checked `Recipe`."""

from dataclasses import dataclass, fields, replace

from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES
from fer_keras.utils.errors import InputError

# The builders of models.py, whose import would bring TensorFlow; a test keeps the two equal.
NETWORKS = (
    "conv2",
    "vgg8",
    "conv3",
    "conv3_late_dropout",
    "conv4_bn",
    "conv6",
    "quick",
    "conv7_bn",
)
STORAGES = ("csv", "folder")
DIVISIONS = ("own", "random")
NORMALISATIONS = ("rescale", "standardise")
FEEDS = ("memory", "image_data_generator")
LABELS = ("own", "ferplus", "ferplus_votes")
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "one_cycle")
PRECISIONS = ("float32", "mixed")
BALANCES = ("none", "class_weights", "balanced_sampling")
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


def _require_choice(name, value, choices):
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}.")


def _require_whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number of at least {least}.")


def _require_share(name, value, zero_allowed):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1 or (value == 0 and not zero_allowed):
        least = "at least 0" if zero_allowed else "above 0"
        raise InputError(f"{name} is {value!r}; give a number {least} and at most 1.")


def _checked_classes(classes, known):
    unknown = [name for name in classes if name not in known]
    if unknown or len(set(classes)) < 2:
        raise InputError(
            f"classes are {', '.join(map(str, classes)) or 'none'}; name two or more of "
            f"{', '.join(known)}."
        )
    return tuple(name for name in known if name in classes)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is trained, besides the faces themselves.

    Args:
        storage: `csv` or `folder`: the form of the data to read.
        division: `own` (the data set's own splits) or `random` (stratified 80/20 of all rows,
            whatever their `Usage`; for the CSV).
        labels: `own`, or for FER2013's CSV `ferplus` (the majority of FER+'s ten annotators) or
            `ferplus_votes` (their votes as soft targets in training, the majority elsewhere).
        classes: names of the classes to keep, in canonical order; at least 2.
        validation_fraction: share of training to choose the epoch by, 0 to 0.5; 0 trains on all
            of it and keeps the last epoch.
        normalisation: the network's first layer: `rescale` (grey levels / 255) or `standardise`
            (mean 0, standard deviation 1 over the training images).
        network: name of a builder in `fer_keras.models`, one of `NETWORKS`.
        feed: `memory` (uint8 arrays through tf.data) or `image_data_generator` (Keras'
            `flow_from_directory` for storage `folder`, its `flow` for `csv`).
        augmentation: a name in `AUGMENTATIONS`.
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

    storage: str = "csv"
    division: str = "own"
    labels: str = "own"
    classes: tuple[str, ...] = CLASS_NAMES
    validation_fraction: float = 0.1
    normalisation: str = "rescale"
    network: str = "conv3"
    feed: str = "memory"
    augmentation: str = "none"
    mixup: float = 0.0
    balance: str = "none"
    epochs: int = 15
    batch_size: int = 64
    optimizer: str = "adam"
    schedule: str = "constant"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    precision: str = "float32"
    test_time_augmentation: bool = False
    patience: int | None = None
    seed: int = 0

    def __post_init__(self):
        _require_choice("storage", self.storage, STORAGES)
        _require_choice("division", self.division, DIVISIONS)
        _require_choice("labels", self.labels, LABELS)
        _require_choice("normalisation", self.normalisation, NORMALISATIONS)
        _require_choice("network", self.network, NETWORKS)
        _require_choice("feed", self.feed, FEEDS)
        _require_choice("augmentation", self.augmentation, AUGMENTATIONS)
        _require_choice("balance", self.balance, BALANCES)
        _require_choice("optimizer", self.optimizer, OPTIMIZERS)
        _require_choice("schedule", self.schedule, SCHEDULES)
        _require_choice("precision", self.precision, PRECISIONS)
        _require_choice("test_time_augmentation", self.test_time_augmentation, (False, True))
        _require_whole("epochs", self.epochs, 1)
        _require_whole("batch_size", self.batch_size, 1)
        _require_whole("seed", self.seed, 0)
        if self.patience is not None:
            _require_whole("patience", self.patience, 1)
        _require_share("learning_rate", self.learning_rate, zero_allowed=False)
        _require_share("weight_decay", self.weight_decay, zero_allowed=True)
        _require_share("mixup", self.mixup, zero_allowed=True)
        _require_share("label_smoothing", self.label_smoothing, zero_allowed=True)
        _require_share("validation_fraction", self.validation_fraction, zero_allowed=True)
        if self.validation_fraction > 0.5:
            raise InputError(
                f"validation_fraction is {self.validation_fraction!r}; give at most 0.5."
            )
        known = CLASS_NAMES if self.labels == "own" else ALL_CLASS_NAMES
        # JSON knows no tuples.
        object.__setattr__(self, "classes", _checked_classes(self.classes, known))
        self._require_fitting_fields()

    def _require_fitting_fields(self):
        if (self.storage, self.division) == ("folder", "random"):
            raise InputError("division 'random' needs storage 'csv'; folders have their own.")
        if (self.balance, self.feed) == ("balanced_sampling", "image_data_generator"):
            raise InputError("balance 'balanced_sampling' needs feed 'memory'.")
        if self.mixup and self.feed != "memory":
            raise InputError("mixup needs feed 'memory'.")
        if self.labels != "own" and (self.storage, self.division) != ("csv", "own"):
            raise InputError(f"labels {self.labels!r} need storage 'csv' and division 'own'.")
        if self.patience is not None and not self.validation_fraction:
            raise InputError("patience needs validation faces: a validation_fraction above 0.")

    def changed(self, **values):
        """Return a copy with some fields replaced; an unknown field raises InputError."""
        known = [field.name for field in fields(self)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"A recipe has no field {', '.join(unknown)}; its fields are {', '.join(known)}."
            )
        return replace(self, **values)
