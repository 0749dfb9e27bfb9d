"""A recipe and a comparison that have a name."""

from dataclasses import dataclass, field

from fer_keras.training.recipe import Recipe


@dataclass(frozen=True)
class NamedRecipe:
    """A recipe with a name: a published study's, or one of ours.

    Args:
        study: which study it is; empty for ours.
        recipe: its `Recipe`.
        minutes: training alone on 2 cores of a server, about; `None` where nobody measured it.
        expected: what accuracy to expect, on which images.
        published: what the study itself reports; of ours, what it is made for.
        differs: where it differs from its source; of ours, what it takes from whom.
    """

    study: str
    recipe: Recipe
    minutes: float | None
    expected: str
    published: str
    differs: str


@dataclass(frozen=True)
class NamedComparison:
    """A comparison with a name.

    Args:
        question: what it asks, as the report's title.
        arms: dict from an arm's name to its `Recipe`.
        factors: dict from a field of the only arm's recipe to its levels, all combined.
        seeds: runs of each arm.
        minutes: equal training time of each arm; `None`: each recipe's epochs.
        search_rate: whether each arm's learning rate is chosen among three on validation faces.
        notice: template of the report's notice on what is compared, or empty.
    """

    question: str
    arms: dict[str, Recipe]
    factors: dict[str, tuple] = field(default_factory=dict)
    seeds: int = 3
    minutes: float | None = None
    search_rate: bool = False
    notice: str = ""
