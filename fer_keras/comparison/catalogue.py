"""Recipes by name: the five studies' and ours, with what they cost and where they come from."""

import ast
from dataclasses import dataclass

from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError


@dataclass(frozen=True)
class NamedRecipe:
    """A recipe with a name: a published study's, or one of ours.

    Args:
        study: which study it is; empty for ours.
        recipe: its `Recipe`.
        minutes: training on 2 cores of a server, about; `None` where nobody measured it.
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


OURS = "batch size and the choice of the epoch on validation faces are ours"

QUICK = Recipe(
    network="quick",
    augmentation="shift_and_flip",
    epochs=28,
    optimizer="sgd",
    schedule="one_cycle",
    learning_rate=0.1,
    weight_decay=5e-4,
    label_smoothing=0.1,
    precision="mixed",
)
QUICK_SOURCES = (
    "a first layer that halves the resolution, batch norm everywhere, SGD with Nesterov momentum "
    "on a one-cycle learning rate (Smith and Topin, 2018), label smoothing (Szegedy et al., 2016)"
)

RECIPES = {
    "conv2": NamedRecipe(
        "A",
        Recipe(
            network="conv2",
            normalisation="standardise",
            augmentation="study_b",
            weight_decay=0.3,
        ),
        3.3,
        ".55 on PublicTest",
        "of a sample, precision/recall/F1: angry .71/.68/.69, happy .88/.90/.89, sad .74/.70/.72",
        "flips, rotations by up to 10°, weight decay and standardised grey levels are ours, "
        "without which the network finds .53 of the validation faces at best, and .55 with them; "
        f"so are epochs, {OURS}",
    ),
    "vgg8": NamedRecipe(
        "B",
        Recipe(
            network="vgg8",
            classes=("angry", "happy", "sad", "surprise", "neutral"),
            normalisation="standardise",
            augmentation="study_b",
            learning_rate=3e-4,
            weight_decay=1e-4,
            epochs=20,
        ),
        74.7,
        ".70 on PublicTest",
        "73 % of faces of 5 classes",
        f"widths of the dense layers, strengths, epochs, {OURS}",
    ),
    "conv4_bn": NamedRecipe(
        "C",
        Recipe(network="conv4_bn", augmentation="study_d", epochs=20, batch_size=32),
        10.7,
        ".60 on PublicTest",
        "92.5 % of the training faces; nothing on test faces",
        "flips, rotations, shifts and zooms are ours, without which the network overfits and finds "
        ".58 of the validation faces at best, and .61 with them; so is the choice of the epoch on "
        "validation faces",
    ),
    "conv3_csv": NamedRecipe(
        "D, CSV",
        Recipe(network="conv3", division="random"),
        2.8,
        ".57 on a random fifth of all rows",
        "accuracy .59, macro F1 .52, weighted F1 .58, on a random fifth of all rows",
        f"dropout rate, {OURS}",
    ),
    "conv3_folder": NamedRecipe(
        "D, folder",
        Recipe(
            storage="folder",
            network="conv3_late_dropout",
            feed="image_data_generator",
            augmentation="study_d",
            epochs=30,
        ),
        9.8,
        ".58 on PublicTest",
        "accuracy .59, macro F1 .51, weighted F1 .57, on test/ (PublicTest and PrivateTest)",
        f"dropout rate, strengths of the augmentation, {OURS}",
    ),
    "conv6": NamedRecipe(
        "E",
        Recipe(network="conv6", division="random", augmentation="study_e"),
        13.1,
        ".59 on a random fifth of all rows",
        "no figures",
        f"the network is an interpretation of words; strengths, epochs, {OURS}",
    ),
    "quick": NamedRecipe(
        "",
        QUICK,
        4.1,
        ".64 on PublicTest",
        "the most accuracy that a few minutes on two cores give",
        QUICK_SOURCES,
    ),
    "quick_ferplus": NamedRecipe(
        "",
        QUICK.changed(labels="ferplus_votes"),
        3.3,
        ".84 on PublicTest",
        "FER+'s labels: it learns the votes of ten annotators, and is scored on their majority, "
        "which is another question than FER2013's labels",
        QUICK_SOURCES + "; soft targets (Barsoum et al., 2016)",
    ),
    "best": NamedRecipe(
        "",
        QUICK.changed(
            network="conv7_bn",
            augmentation="strong",
            epochs=120,
            validation_fraction=0.05,
            test_time_augmentation=True,
        ),
        57.7,
        ".68 on PublicTest",
        "the most accuracy that one network from scratch gives in an hour on two cores",
        QUICK_SOURCES + "; two convolutions a stage as in VGG",
    ),
}
"""Name -> recipe."""


def named_recipe(name, changes):
    """Return a named recipe with some fields changed.

    Args:
        name: one of `RECIPES`.
        changes: texts `field=value`; of several for one field the last one counts.

    Raises:
        InputError: if the name, a field or a value is impossible.
    """
    if name not in RECIPES:
        raise InputError(f"No recipe is called {name}; there are {', '.join(RECIPES)}.")
    values = {}
    for change in changes:
        field, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"The change {change!r} has no value; write field=value.")
        values[field] = tuple(text.split(",")) if field == "classes" else _value(text)
    return RECIPES[name].recipe.changed(**values)


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
