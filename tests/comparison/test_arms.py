"""Arms from recipes, from text and as the grid of factors."""

from functools import partial

import pytest

from fer_keras.comparison.arms import cross, resolve_arms
from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.parsing import (
    parse_arm,
    parse_changes,
    parse_factors,
    split_outside_brackets,
)
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

CONV3 = RECIPES["conv3_csv"].recipe


def test_an_arm_is_read_from_text():
    assert parse_arm("mine=conv3_csv,network=mynet.py:build,epochs=5") == (
        "mine", "conv3_csv", {"network": "mynet.py:build", "epochs": 5},
    )  # fmt: skip
    assert parse_arm("quick") == ("quick", "quick", {})
    changes = parse_arm("a=vgg8,classes=[angry,happy],augmentation={'zoom_range': 0.1}, seed=None")[
        2
    ]
    assert changes == {
        "classes": ("angry", "happy"), "augmentation": {"zoom_range": 0.1}, "seed": None,
    }  # fmt: skip


def test_a_network_stands_for_its_default_recipe():
    arms = resolve_arms(["conv3", "mine=some/net.py:build,epochs=2"], {}, drawn=False)
    mine = Recipe(network="some/net.py:build", epochs=2)
    assert arms == {"conv3": Recipe(network="conv3"), "mine": mine}


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("False", False), ("none", "none"), ("None", None), ("1e-3", 0.001)],
)
def test_values_are_read_as_python_writes_them_and_true_and_false_in_small_letters(text, value):
    assert parse_changes([f"field = {text}"]) == {"field": value}


def test_all_classes_are_asked_for_by_none():
    assert parse_changes(["classes=None"]) == {"classes": None}
    assert parse_changes(["classes=[None, happy]"]) == {"classes": ("None", "happy")}
    assert parse_arm("a=conv2,classes=None")[2] == {"classes": None}


def test_a_builder_with_arguments_is_a_level_called_by_them():
    def dense(num_classes, width):
        raise NotImplementedError

    arms = cross({"a": CONV3}, {"network": [partial(dense, width=width) for width in (8, 16)]})
    name = "test_a_builder_with_arguments_is_a_level_called_by_them.<locals>.dense"
    assert [*arms] == [f"{name}(width=8)", f"{name}(width=16)"]
    first, second = (arm.as_json()["network"] for arm in arms.values())
    assert first.endswith(f":{name}(width=8)") and second.endswith("(width=16)")


def test_only_what_stands_outside_all_brackets_divides_a_text():
    text = "mine=my(net.py:build, a=[[1, 2], [3, (4, 5)]],b={'c': 1}, ,d"
    assert split_outside_brackets(text.replace("(net", "net")) == [
        "mine=mynet.py:build", "a=[[1, 2], [3, (4, 5)]]", "b={'c': 1}", "d",
    ]  # fmt: skip
    assert split_outside_brackets(text) == [text]  # the bracket is closed nowhere
    assert split_outside_brackets("a),b") == ["a)", "b"]


def test_factors_are_read_from_texts():
    texts = [
        "learning_rate=1e-3,3e-4",
        "augmentation=none,{'zoom_range': 0.1, 'horizontal_flip': True}",
        "classes=[happy, sad],[angry,fear]",
    ]
    assert parse_factors(texts) == {
        "learning_rate": (1e-3, 3e-4),
        "augmentation": ("none", {"zoom_range": 0.1, "horizontal_flip": True}),
        "classes": (("happy", "sad"), ("angry", "fear")),
    }


def test_a_factor_that_is_given_twice_is_refused():
    with pytest.raises(InputError, match="factor batch_size is given twice"):
        parse_factors(["batch_size=32,64", "batch_size=64,128"])


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ("=conv3", "has no name; write NAME=RECIPE"),
        ({"": Recipe()}, "An arm is called ''; give it a name"),
        ({1: Recipe()}, "An arm is called 1; give it a name"),
        (Recipe(), "give a dict from each arm's name"),
        ([Recipe()], "An arm is Recipe.*give a dict from its name"),
    ],
)
def test_what_is_no_dict_of_named_arms_is_one_sentence(arms, message):
    with pytest.raises(InputError, match=message):
        resolve_arms(arms, {}, drawn=False)


@pytest.mark.parametrize("levels", ["none", 32, {32, 64}])
def test_levels_are_a_list(levels):
    with pytest.raises(InputError, match="give a list of its levels"):
        cross({"a": Recipe()}, {"batch_size": levels})


def test_arms_are_recipes_texts_or_names():
    mine = Recipe(network="conv2", epochs=4)
    arms = resolve_arms({"A": mine, "B": "conv3_csv,epochs=2"}, {"batch_size": 8}, drawn=False)
    assert arms == {
        "A": mine.changed(batch_size=8), "B": CONV3.changed(epochs=2, batch_size=8),
    }  # fmt: skip
    assert resolve_arms(["conv3_csv"], {}, drawn=False) == {"conv3_csv": CONV3}


def test_an_arms_name_may_hold_what_texts_divide_by():
    arms = resolve_arms({"lr=0.001, b": "conv3,learning_rate=1e-3"}, {}, False)
    assert arms == {"lr=0.001, b": Recipe(network="conv3", learning_rate=1e-3)}


def test_drawn_faces_shorten_what_nobody_set():
    arms = ["conv3_csv", "long=conv3_csv,epochs=9"]
    epochs = [recipe.epochs for recipe in resolve_arms(arms, {}, drawn=True).values()]
    assert epochs == [3, 9]
    epochs = [recipe.epochs for recipe in resolve_arms(arms, {"epochs": 5}, drawn=True).values()]
    assert epochs == [5, 9]


def test_a_grid_crosses_all_levels_in_order():
    factors = {"augmentation": ("none", "study_d"), "batch_size": (16, 32, 64)}
    arms = cross({"conv3": CONV3}, factors)
    assert [*arms] == [f"{a}, {b}" for a in ("none", "study_d") for b in (16, 32, 64)]
    assert arms["study_d, 32"] == CONV3.changed(augmentation="study_d", batch_size=32)


def test_a_level_that_is_a_file_is_called_without_its_folder(tmp_path):
    file = tmp_path / "nets.py"
    file.write_text("def small(classes): ...\ndef large(classes): ...\n")
    arms = cross({"conv3": CONV3}, {"network": (f"{file}:small", f"{file}:large")})
    assert [*arms] == ["nets.py:small", "nets.py:large"]
    assert arms["nets.py:small"].network == f"{file}:small"


def test_one_factor_at_a_time_begins_with_the_recipe_itself():
    factors = {"augmentation": ("none", "study_d"), "batch_size": (16, 32)}
    arms = cross({"conv3": CONV3}, factors, crossed=False)
    assert [*arms] == ["conv3", "augmentation study_d", "batch_size 16", "batch_size 32"]
    assert arms["batch_size 16"] == CONV3.changed(batch_size=16)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: resolve_arms(["mine=resnet"], {}, False),
            "No recipe is called resnet; there are conv2",
        ),
        (lambda: resolve_arms(["a=quick", "a=best"], {}, False), "The arm a is given twice"),
        (lambda: resolve_arms({"a": 3}, {}, False), "The arm a is 3; give a Recipe"),
        (lambda: resolve_arms(["a=quick,epochs"], {}, False), "'epochs' has no value"),
        (lambda: resolve_arms(["a=quick"], {"epoch": 3}, False), "no field epoch"),
        (lambda: cross({"a": CONV3, "b": CONV3}, {"epochs": (1, 2)}), "there are 2 arms; give one"),
        (lambda: cross({"a": CONV3}, {"epoch": (1, 2)}), "epoch is no factor"),
        (lambda: cross({"a": CONV3}, {"seed": (1, 2)}), "seed is no factor"),
        (lambda: cross({"a": CONV3}, {"epochs": (1,)}), "epochs has the levels 1; give two"),
        (lambda: cross({"a": CONV3}, {"epochs": (0, 1)}), "epochs is 0"),
        (
            lambda: cross({"a": CONV3}, {"network": (lambda classes: 1, lambda classes: 2)}),
            "Two levels of network are called <lambda>",
        ),
    ],
)
def test_impossible_arms_are_one_sentence(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_same_images_differs_in_storage_and_feed_alone():
    arms = COMPARISONS["same_images"].arms
    assert arms["folder"].changed(storage="csv", feed="memory") == arms["CSV"]


def test_published_is_as_study_d_did_it():
    arms = COMPARISONS["published"].arms
    assert (arms["CSV"].epochs, arms["folder"].epochs) == (15, 30)
    assert (arms["CSV"].division, arms["folder"].augmentation) == ("random", "study_d")
    assert COMPARISONS["published"].seeds == 1
