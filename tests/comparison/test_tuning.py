import re

import pytest

from fer_keras.comparison import tuning
from fer_keras.comparison.engine import run_comparison
from fer_keras.comparison.record import load_comparison
from fer_keras.comparison.source import Source
from fer_keras.comparison.tuning import search_rates
from fer_keras.reporting.command import compare_command
from fer_keras.reporting.tables import rates_table
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

NETWORK = """
from keras import Sequential, layers

def linear(num_classes):
    return Sequential([layers.Input((48, 48, 1)), layers.AveragePooling2D(6), layers.Flatten(),
                       layers.Dense(num_classes, activation="softmax")])
"""


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "net.py").write_text(NETWORK)
    return Recipe(network=f"{tmp_path / 'net.py'}:linear", epochs=2)


def test_the_rate_with_the_best_validation_accuracy_is_taken(recipe, splits, tmp_path, capsys):
    recipes = {
        "slow": recipe.changed(learning_rate=1e-6),
        "fast": recipe.changed(learning_rate=0.03),
    }
    chosen, found = search_rates(recipes, {arm: Source(splits) for arm in recipes}, tmp_path, 0)
    assert list(found["slow"]) == [3.3e-7, 1e-6, 3e-6]
    assert list(found["fast"]) == [0.01, 0.03, 0.09]
    for arm, tried in found.items():
        assert tried[chosen[arm].learning_rate] == max(tried.values())
    assert max(found["fast"].values()) > max(found["slow"].values())
    assert chosen["fast"].changed(learning_rate=0.03) == recipes["fast"]
    said = re.findall(r"(learning rate \d of 3, run \d/2),", capsys.readouterr().out)
    every = [f"learning rate {rate} of 3, run {run}/2" for rate in (1, 2, 3) for run in (1, 2)]
    assert [*dict.fromkeys(said)] == every


def test_a_comparison_reports_the_searched_rates_and_trains_none_twice(recipe, splits, tmp_path):
    recipe = recipe.changed(learning_rate=0.03)
    made = run_comparison({"a": recipe}, splits, 2, search_rate=True, out=tmp_path / "runs")
    (tried,) = made.rates.values()
    assert made.arms["a"].learning_rate == max(tried, key=tried.get)
    assert len([*made.directory.glob("a-seed0-*/metrics.json")]) == 3
    assert len([*made.directory.glob("a-seed1-*/metrics.json")]) == 1
    assert load_comparison(made.directory).rates == made.rates
    shown = rates_table(made).loc["a"]
    assert shown["chosen"] == f"{made.arms['a'].learning_rate:g}"
    assert shown["lowest rate"] == f"0.01: {made.rates['a'][0.01]:.3f}"
    command = compare_command(made)
    assert "--search-rate" in command and "learning_rate=0.03" in command
    plain = run_comparison({"a": recipe}, splits, 1, out=tmp_path / "runs")
    assert plain.directory != made.directory and not plain.rates


@pytest.mark.parametrize("failing", [{0.09}, {0.01, 0.03, 0.09}])
def test_a_rate_whose_training_fails_is_not_taken(recipe, splits, tmp_path, monkeypatch, failing):
    execute_all = tuning.execute_all

    def execute(planned, *options):
        failed = {
            run.directory: "it diverged" for run in planned if run.recipe.learning_rate in failing
        }
        return failed | execute_all(
            [run for run in planned if run.directory not in failed], *options
        )

    monkeypatch.setattr(tuning, "execute_all", execute)
    arms = {"a": recipe.changed(learning_rate=0.03)}
    if len(failing) == 3:
        with pytest.raises(InputError, match="The arm a could not be tried at any rate: it diverg"):
            run_comparison(arms, splits, 1, search_rate=True, out=tmp_path)
        return
    made = run_comparison(arms, splits, 1, search_rate=True, out=tmp_path)
    assert made.arms["a"].learning_rate in (0.01, 0.03)
    shown = rates_table(load_comparison(made.directory)).loc["a"]
    assert shown["highest rate"] == "0.09: failed"


def test_a_rate_is_never_chosen_without_validation_faces(recipe, splits, tmp_path):
    blind = {"a": recipe.changed(validation_fraction=0.0)}
    with pytest.raises(InputError, match="arm a keeps no validation faces"):
        run_comparison(blind, splits, 1, search_rate=True, out=tmp_path)
    fast = {"a": recipe.changed(learning_rate=0.4)}
    with pytest.raises(InputError, match="rate 0.4, and a search also tries 3 times as much; give"):
        run_comparison(fast, splits, 1, search_rate=True, out=tmp_path)
    assert not [*tmp_path.glob("*/*/model.keras")]


def test_the_recipes_own_rate_is_tried_as_it_is():
    assert tuning._times(1, 0.00125) == 0.00125
    assert tuning._times(1 / 3, 0.001) == 0.00033
