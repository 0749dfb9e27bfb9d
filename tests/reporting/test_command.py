"""The command that repeats a comparison, read back by what reads the command line."""

import shlex

import pytest
from helpers import comparison_of, run_of

from fer_keras.cli import COMMANDS
from fer_keras.comparison.arms import resolve_arms
from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.parsing import parse_seeds
from fer_keras.comparison.source import Source
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.locate import Location
from fer_keras.options import read_options
from fer_keras.reporting.command import compare_command
from fer_keras.training.recipe import Recipe

NETWORKS = {
    name: recipe.changed(epochs=60) for name, recipe in COMPARISONS["networks"].arms.items()
}


@pytest.fixture
def command_of(tmp_path):
    """Return a function from arms to the words of the command that repeats `networks` of them."""

    def words(arms):
        runs = {arm: {seed: run_of(0.5, seed) for seed in (0, 1)} for arm in arms}
        rates = {arm: {recipe.learning_rate: 0.5} for arm, recipe in arms.items()}
        made = comparison_of(runs, tmp_path, name="networks", arms=arms, rates=rates)
        return shlex.split(compare_command(made))

    return words


def test_a_named_comparison_is_called_by_its_name_and_its_changes(command_of):
    words = ["fer-keras", "compare", "networks", "--set=epochs=60", "--data=DIR", "--seeds=2"]
    assert command_of(NETWORKS) == words


def test_data_sets_and_a_list_of_seeds_are_in_the_command(tmp_path):
    names = ["a", "b"]
    arms = {f"{arm} on {name}": Recipe(epochs=3) for arm in ("x", "x on y") for name in names}
    runs = {arm: {seed: run_of(0.5, seed) for seed in (1, 5, 9)} for arm in arms}
    sources = {arm: Source(Location("faces"), False, "skip", ("u", "v"), arm[-1]) for arm in arms}
    made = comparison_of(runs, tmp_path, arms=arms, sources=sources, group_by=r"^(S\d+)_")
    (tmp_path / "tested_on.json").write_text('{"other": []}')
    options = read_options(shlex.split(compare_command(made))[1:], COMMANDS)
    assert [arm.partition("=")[0] for arm in options.arm] == ["x", "x on y"]
    assert options.data == ["a=DIR", "b=DIR"] and options.test_on == ["other=DIR"]
    assert parse_seeds(options.seeds) == [1, 5, 9] and options.on_bad == "skip"
    assert list(options.class_names) == ["u", "v"] and options.group_by == r"^(S\d+)_"


def test_an_arms_own_classes_are_in_the_command_and_those_of_the_data_are_not(tmp_path):
    chosen = {
        "two": Recipe(classes=("happy", "sad")),
        "all of vgg8": RECIPES["vgg8"].recipe.changed(classes=CLASS_NAMES),
        "vgg8": RECIPES["vgg8"].recipe,
        "conv6": RECIPES["conv6"].recipe.changed(classes=CLASS_NAMES),  # as a run fills them in
    }
    runs = {arm: {0: run_of(0.5, 0)} for arm in chosen}
    words = shlex.split(compare_command(comparison_of(runs, tmp_path, arms=chosen)))
    texts = [word.removeprefix("--arm=") for word in words if word.startswith("--arm=")]
    found = resolve_arms(texts, {}, drawn=False)
    assert {arm: recipe.classes for arm, recipe in found.items()} == {
        arm: recipe.classes for arm, recipe in chosen.items() if arm != "conv6"
    } | {"conv6": None}


def test_a_search_that_the_name_does_not_bring_is_in_the_command(tmp_path):
    arms = COMPARISONS["same_images"].arms
    runs = {arm: {0: run_of(0.5, 0)} for arm in arms}
    rates = {arm: {1e-3: 0.5} for arm in arms}
    made = comparison_of(runs, tmp_path, name="same_images", arms=arms, rates=rates)
    assert "--search-rate" in compare_command(made)


def test_an_arm_beside_the_named_ones_is_in_the_command(command_of):
    arms = NETWORKS | {"vgg8 in brief": NETWORKS["vgg8"].changed(epochs=5)}
    words = command_of(arms)
    assert "networks" not in words and "--search-rate" in words
    texts = [word.removeprefix("--arm=") for word in words if word.startswith("--arm=")]
    found = resolve_arms(texts, {}, drawn=False)
    # The search finds the rate.
    rate = {"learning_rate": 0.1}
    assert {arm: recipe.changed(**rate) for arm, recipe in found.items()} == {
        arm: recipe.changed(**rate) for arm, recipe in arms.items()
    }
