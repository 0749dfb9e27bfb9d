import json
from pathlib import Path

import numpy as np
import pytest
from attrs.exceptions import FrozenInstanceError

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

STUDY_D_CSV, STUDY_D_FOLDER = RECIPES["conv3_csv"].recipe, RECIPES["conv3_folder"].recipe


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("network", "resnet", "'resnet'.*conv2"),
        ("feed", "disk", "'disk'.*memory, image_data_generator"),
        ("augmentation", "mixup", "'mixup'.*none, study_b, study_d"),
        ("epochs", 0, "epochs is 0; give a whole number from 1 to 1000000"),
        ("epochs", 2.5, "epochs is 2.5"),
        ("epochs", True, "epochs is True"),
        ("batch_size", "64", "batch_size is '64'"),
        ("learning_rate", 0, "learning_rate is 0"),
        ("learning_rate", float("nan"), "learning_rate is nan"),
        ("learning_rate", "fast", "learning_rate is 'fast'"),
        ("weight_decay", -0.1, "weight_decay is -0.1; give a number at least 0"),
        ("weight_decay", True, "weight_decay is True"),
        ("storage", "disk", "'disk'; choose one of None, csv, folder"),
        ("division", "mine", "'mine'; choose one of own, random"),
        ("normalisation", "z", "'z'; choose one of rescale, standardise"),
        ("classes", "happy", "classes is 'happy'; give a list of two names"),
        ("classes", 5, "classes is 5; give a list of two names"),
        ("classes", ("angry",), "classes is .*give a list of two names"),
        ("patience", 0, "patience is 0"),
        ("labels", "mine", "'mine'; choose one of own, own_given_votes, ferplus, ferplus_votes"),
        ("balance", "yes", "'yes'; choose one of none, class_weights, balanced_sampling"),
        ("classes", ("angry", "angry"), "classes is .*two names or more, each once"),
        ("augmentation", {"rotation": 3}, "no strength 'rotation'; there are rotation_range"),
        ("augmentation", {"zoom_range": 1.5}, "zoom_range is 1.5; give a number from 0 to 0.9"),
        ("augmentation", {"width_shift_range": 1}, "width_shift_range is 1; .* from 0 to 0.9"),
        ("augmentation", {"height_shift_range": 1.0}, "height_shift_range is 1.0; .* 0 to 0.9"),
        ("augmentation", {"horizontal_flip": 1}, "horizontal_flip is 1; give True or False"),
        ("network", 3, "network is 3; choose one of conv2"),
        ("network", "mynet.py", "'mynet.py'; choose one of .* file.py:function"),
        ("split_seed", 0, "split_seed needs division 'random'"),
        (
            "validation_fraction",
            0.6,
            "validation_fraction is 0.6; give a number at least 0 and at most 0.5",
        ),
        ("validation_fraction", -0.1, "validation_fraction is -0.1"),
        ("optimizer", "lion", "'lion'; choose one of adam, sgd"),
        ("mixup", -0.1, "mixup is -0.1; give a number at least 0 and at most 1"),
        ("precision", "half", "'half'; choose one of float32, mixed"),
        ("test_time_augmentation", "yes", "'yes'; choose one of False, True"),
        ("schedule", "linear", "'linear'; choose one of constant, one_cycle"),
        ("clip_norm", -1, "clip_norm is -1; give a number at least 0 and at most 1000"),
        ("label_smoothing", 1.5, "label_smoothing is 1.5; give a number at least 0 and at most 1"),
        ("pretrained_weights", "", "pretrained_weights is ''; give imagenet, a file, or None"),
        ("pretrained_weights", "imagenet", "conv3 has no backbone .* efficientnet_lite0, mobile"),
        ("frozen_epochs", 1, "conv3 has no backbone"),
        ("frozen_epochs", -1, "frozen_epochs is -1"),
        ("frozen_learning_rate", 0, "frozen_learning_rate is 0"),
        ("seed", -1, "seed is -1; give a whole number from 0 to 4294967295"),
    ],
)
def test_impossible_values_are_refused_in_one_sentence(field, value, message):
    with pytest.raises(InputError, match=message):
        Recipe(**{field: value})


def test_values_of_numpy_and_paths_are_taken_as_pythons_own():
    given = Recipe(
        epochs=np.int64(3),
        learning_rate=np.logspace(-4, -2, 3)[0],
        drop_test_copies=np.True_,
        storage=np.str_("csv"),
        augmentation={"zoom_range": np.float64(0.1)},
        classes=np.array(["happy", "sad"]),
    )
    assert given == Recipe(
        epochs=3,
        learning_rate=1e-4,
        drop_test_copies=True,
        storage="csv",
        augmentation={"zoom_range": 0.1},
        classes=("happy", "sad"),
    )
    json.dumps(given.as_json())
    own = Recipe(network=Path("mynet.py:build"), pretrained_weights=Path("w.h5"))
    assert (own.network, own.pretrained_weights) == ("mynet.py:build", "w.h5")


def test_whole_numbers_are_the_same_recipe_as_floats():
    whole, floats = Recipe(mixup=0, clip_norm=np.int64(1)), Recipe(mixup=0.0, clip_norm=1.0)
    assert json.dumps(whole.as_json()) == json.dumps(floats.as_json())


def test_an_unknown_field_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match=r"no field epoch; its fields are storage, .*epochs"):
        STUDY_D_CSV.changed(epoch=3)


def test_changed_leaves_the_original_alone():
    assert STUDY_D_CSV.changed(epochs=3).epochs == 3
    assert STUDY_D_CSV.epochs == 15
    with pytest.raises(FrozenInstanceError):
        STUDY_D_CSV.epochs = 3


def test_study_d_arms_are_as_published():
    assert (STUDY_D_CSV.epochs, STUDY_D_CSV.augmentation) == (15, "none")
    assert (STUDY_D_FOLDER.epochs, STUDY_D_FOLDER.augmentation) == (30, "study_d")
    assert STUDY_D_FOLDER.feed == "image_data_generator"


def test_a_recipe_survives_json():
    recipe = STUDY_D_FOLDER.changed(classes=("happy", "sad"))
    stored = json.loads(json.dumps(recipe.as_json()))
    assert stored == recipe.as_json()
    assert Recipe(**stored) == recipe


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": "ferplus", "storage": "folder"}, "labels 'ferplus' need storage 'csv'"),
        ({"labels": "ferplus", "division": "random"}, "and division 'own'"),
        (
            {
                "storage": "folder",
                "feed": "image_data_generator",
                "balance": "balanced_sampling",
            },
            "'balanced_sampling' needs feed 'memory'",
        ),
        ({"corruption": 0.2, "feed": "image_data_generator"}, "corruption needs feed 'memory'"),
        ({"mixup": 0.2, "feed": "image_data_generator"}, "mixup needs feed 'memory'"),
    ],
)
def test_fields_that_exclude_each_other_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Recipe(**fields)


def test_a_named_augmentation_and_its_strengths_are_the_same():
    strengths = {"rotation_range": 10, "horizontal_flip": True}
    assert Recipe(augmentation="study_b").ranges == Recipe(augmentation=strengths).ranges
    assert Recipe().ranges == {}


def test_a_function_is_kept_by_its_place():
    recipe = Recipe(network=test_a_function_is_kept_by_its_place)
    stored = recipe.as_json()
    assert stored["network"].endswith("test_recipe:test_a_function_is_kept_by_its_place")
    assert Recipe(**json.loads(json.dumps(stored))).network == stored["network"]


def test_every_study_is_a_recipe_with_a_word_on_what_differs():
    assert {named.study[:1] for named in RECIPES.values()} == {*"ABCDE", ""}
    assert all(named.differs for named in RECIPES.values())
    assert len(RECIPES["vgg8"].recipe.classes) == 5
    assert (RECIPES["conv4_bn"].recipe.epochs, RECIPES["conv4_bn"].recipe.batch_size) == (20, 32)
