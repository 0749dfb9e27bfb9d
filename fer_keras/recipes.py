"""What fixes a run: one frozen, checked `Recipe`, and study D's two arms as named recipes."""

from dataclasses import dataclass, fields, replace

from fer_keras.errors import InputError

# The builders of models.py, whose import would bring TensorFlow; a test keeps the two equal.
NETWORKS = ("conv2", "vgg8", "conv3", "conv3_late_dropout", "conv4_bn", "conv6")
FEEDS = ("memory", "image_data_generator")
AUGMENTATIONS = {
    "none": {},
    "study_d": {
        "rotation_range": 10,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "zoom_range": 0.1,
        "horizontal_flip": True,
    },
}
"""Name -> ImageDataGenerator's arguments. Study D names the kinds; the strengths are ours."""


def _require_choice(name, value, choices):
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


def _require_whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number of at least {least}.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a network is trained, besides the faces themselves.

    Args:
        network: name of a builder in `fer_keras.models`, one of `NETWORKS`.
        feed: `memory` (uint8 arrays through tf.data) or `image_data_generator` (Keras'
            `flow_from_directory`; the data must be an image folder).
        augmentation: `none`, or `study_d` (rotation, shift, zoom, horizontal flip).
        epochs: number of epochs, at least 1.
        batch_size: images a step, at least 1.
        learning_rate: of Adam, above 0.
        patience: epochs without a better validation accuracy after which training stops;
            `None` trains all epochs.
        seed: fixes initial weights, order of the images, dropout and augmentation; 0 or more.

    Raises:
        InputError: if a field has an impossible value.
    """

    network: str = "conv3"
    feed: str = "memory"
    augmentation: str = "none"
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 1e-3
    patience: int | None = None
    seed: int = 0

    def __post_init__(self):
        _require_choice("network", self.network, NETWORKS)
        _require_choice("feed", self.feed, FEEDS)
        _require_choice("augmentation", self.augmentation, AUGMENTATIONS)
        _require_whole("epochs", self.epochs, 1)
        _require_whole("batch_size", self.batch_size, 1)
        _require_whole("seed", self.seed, 0)
        if self.patience is not None:
            _require_whole("patience", self.patience, 1)
        if not isinstance(self.learning_rate, (int, float)) or not 0 < self.learning_rate <= 1:
            raise InputError(
                f"learning_rate is {self.learning_rate!r}; give a number above 0 and at most 1."
            )

    def changed(self, **values):
        """Return a copy with some fields replaced; an unknown field raises InputError."""
        known = [field.name for field in fields(self)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"A recipe has no field {', '.join(unknown)}; its fields are {', '.join(known)}."
            )
        return replace(self, **values)


STUDY_D_CSV = Recipe(network="conv3", epochs=15)
"""Study D's CSV arm. Cost: 10 minutes on 2 cores. Expect: accuracy .57-.59 on PublicTest."""

STUDY_D_FOLDER = Recipe(
    network="conv3_late_dropout",
    feed="image_data_generator",
    augmentation="study_d",
    epochs=30,
)
"""Study D's folder arm. Cost: 25 minutes on 2 cores. Expect: accuracy .57-.60 on PublicTest."""
