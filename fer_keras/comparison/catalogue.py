"""Named recipes and comparisons, with cost and sources."""

from dataclasses import replace

from fer_keras.comparison.named import NamedComparison, NamedRecipe
from fer_keras.networks.builders import NETWORKS
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError, did_you_mean

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
DEEP = QUICK.changed(
    network="conv7_bn", augmentation="strong", validation_fraction=0.05, test_time_augmentation=True
)
VOTES = {"labels": "ferplus_votes", "label_smoothing": 0.0}
LABELS_AND_VOTES = {"labels": "own_given_votes", "label_smoothing": 0.0, "corruption": 0.25}
LITE0 = DEEP.changed(network="efficientnet_lite0", optimizer="adam", learning_rate=1e-3, epochs=30)
LITE0 = LITE0.changed(weight_decay=0.01, precision="float32")  # bfloat16 slows this network down
PRETRAINED_LITE0 = LITE0.changed(pretrained_weights="imagenet", frozen_epochs=2)
SOURCES = (
    "a first layer that halves the resolution, batch norm everywhere, SGD with Nesterov momentum "
    "on a one-cycle learning rate (Smith and Topin, 2018)"
)
QUICK_SOURCES = SOURCES + ", label smoothing (Szegedy et al., 2016)"
VOTES_SOURCES = (
    SOURCES + "; two convolutions a stage as in VGG; FER+'s votes (Barsoum et al., 2016)"
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
        2.1,
        ".55 on PublicTest",
        "of a sample, precision/recall/F1: angry .71/.68/.69, happy .88/.90/.89, sad .74/.70/.72",
        f"flips, rotations by up to 10°, weight decay, standardised grey levels, epochs, {OURS}; "
        "without the first four, single runs of eight settings found .50 to .53 of the validation "
        "faces",
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
        ".59 on PublicTest",
        "92.5 % of the training faces; nothing on test faces",
        "flips, rotations, shifts and zooms are ours, without which the network overfits (one run "
        "each: .58 of the validation faces at best, and .61 with them); so is the choice of the "
        "epoch on validation faces",
    ),
    "conv3_csv": NamedRecipe(
        "D, CSV",
        Recipe(storage="csv", network="conv3", division="random"),
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
        ".63 on PublicTest",
        "accuracy by FER2013's labels in five minutes on two cores",
        QUICK_SOURCES,
    ),
    "quick_ferplus": NamedRecipe(
        "",
        QUICK.changed(labels="ferplus_votes"),
        4.0,
        ".85 on PublicTest",
        "FER+'s labels: it learns the votes of ten annotators, and is scored on their majority, "
        "which is another question than FER2013's labels",
        QUICK_SOURCES + "; soft targets (Barsoum et al., 2016)",
    ),
    "faces": NamedRecipe(
        "",
        DEEP.changed(**VOTES, corruption=0.5, logit_adjustment=0.3, epochs=100),
        50,
        ".86 on PublicTest",
        "photos and cameras: what people see in a face, also where it is blurred, noisy or small",
        VOTES_SOURCES + "; logit adjustment (Menon et al., 2021)",
    ),
    "better": NamedRecipe(
        "",
        DEEP.changed(**LABELS_AND_VOTES, clip_norm=1.0, epochs=40),
        20.0,
        ".67 on PublicTest",
        "accuracy by FER2013's labels in twenty minutes on two cores",
        VOTES_SOURCES,
    ),
    "best": NamedRecipe(
        "",
        DEEP.changed(**LABELS_AND_VOTES, epochs=110),
        50,
        ".69 on PublicTest",
        "accuracy by FER2013's labels in an hour on two cores, by one network",
        VOTES_SOURCES,
    ),
    "efficientnet_lite0": NamedRecipe(
        "",
        PRETRAINED_LITE0,
        None,
        "",
        "what features that were learnt on ImageNet are worth on faces, in an hour on two cores",
        "EfficientNet (Tan and Le, 2019), frozen first, then trained whole by AdamW on one cycle",
    ),
}
"""Name -> recipe."""


def _stripped(name, differs, **changes):
    """Return a study's recipe without what we added to it."""
    named = RECIPES[name]
    recipe = named.recipe.changed(**changes)
    return replace(named, recipe=recipe, minutes=None, expected="", differs=differs)


# To these four we added nothing but what the study does not give.
AS_PUBLISHED = {name: RECIPES[name] for name in ("vgg8", "conv3_csv", "conv3_folder", "conv6")}
AS_PUBLISHED["conv2"] = _stripped(
    "conv2", f"epochs, {OURS}", normalisation="rescale", augmentation="none", weight_decay=0.0
)
AS_PUBLISHED["conv4_bn"] = _stripped(
    "conv4_bn",
    "nothing that the study gives; the last of its 20 epochs is kept",
    augmentation="none",
    validation_fraction=0.0,
)
RECIPES |= {f"{name}_as_published": named for name, named in AS_PUBLISHED.items()}
SAME_IMAGES = RECIPES["conv3_csv"].recipe.changed(division="own", drop_test_copies=True)


COMPARISONS = {
    "same_images": NamedComparison(
        "CSV pipeline against folder pipeline on FER2013",
        {
            "CSV": SAME_IMAGES,
            "folder": SAME_IMAGES.changed(storage="folder", feed="image_data_generator"),
        },
        notice="same_images",
    ),
    "published": NamedComparison(
        "CSV pipeline against folder pipeline, as study D published them",
        {name: RECIPES[f"conv3_{name.lower()}"].recipe for name in ("CSV", "folder")},
        seeds=1,
        notice="published",
    ),
    "storage-feed-augmentation": NamedComparison(
        "Storage, feed and augmentation: which one moves the score?",
        {"conv3": SAME_IMAGES},
        {
            "storage": ("csv", "folder"),
            "feed": ("memory", "image_data_generator"),
            "augmentation": ("none", "study_d"),
        },
    ),
    "networks": NamedComparison(
        "Networks of five studies and ours: which one for the minutes you have?",
        {"quick": QUICK.changed(drop_test_copies=True)}  # what the others are compared with
        | {
            name: Recipe(network=name, patience=8, drop_test_copies=True)
            for name in ("conv2", "conv3", "conv4_bn", "conv6", "vgg8")
        },
        minutes=4,
        search_rate=True,
    ),
    "from-scratch-vs-pretrained": NamedComparison(
        "From scratch against pretrained on ImageNet, in equally long trainings",
        {
            "pretrained": PRETRAINED_LITE0.changed(
                epochs=5, frozen_epochs=1, drop_test_copies=True
            ),
            "from scratch": LITE0.changed(epochs=5, drop_test_copies=True),
            "conv7_bn": DEEP.changed(epochs=16, drop_test_copies=True),
        },
    ),
}
"""Name -> comparison. Study D's two arms differ in storage, feed, augmentation, epochs, dropout."""


def recipe(name, **changes):
    """Return a named recipe, or a network's, with some fields changed.

    Args:
        name: one of `RECIPES`; or a network, as `Recipe` takes it by name, for the recipe of that
            network with default values.
        **changes: new values by field.

    Returns:
        A `Recipe`.

    Raises:
        InputError: if the name, a field or a value is impossible.
    """
    if not isinstance(name, str):
        raise InputError(
            f"A recipe is called {name!r}; give the name of one, and a network of your own as "
            "Recipe(network=...)."
        )
    if name in COMPARISONS:
        raise InputError(f"{name} is a comparison of several recipes; give it to compare.")
    if name in RECIPES:
        return RECIPES[name].recipe.changed(**changes)
    if name in NETWORKS or ":" in name:
        return Recipe(network=name).changed(**changes)
    raise InputError(
        f"No recipe is called {name or repr(name)}; there are {', '.join(RECIPES)}, the networks "
        f"{', '.join(network for network in NETWORKS if network not in RECIPES)}, and your own "
        f"network as file.py:function.{did_you_mean(name, [*RECIPES, *COMPARISONS, *NETWORKS])}"
    )
