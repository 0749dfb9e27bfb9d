from dataclasses import replace

import numpy as np
import pytest
from helpers import accuracy_of, comparison_of, lasting, leaky, run_of
from scipy.stats import binomtest, ttest_rel

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.results import result_table
from fer_keras.reporting import narrative
from fer_keras.reporting.difference_tables import difference_table


def conclusion(runs, directory, **fields):
    compared = comparison_of(runs, directory, **fields)
    record = result_table(compared)
    words = narrative.conclusion(compared, record, difference_table(compared, record))
    return " ".join(words.split())


def introduction(runs, directory, **fields):
    return " ".join(narrative.introduction(comparison_of(runs, directory, **fields)).split())


def test_over_seeds_a_verdict_needs_a_corrected_p_value(tmp_path):
    runs = {
        "CSV": {seed: run_of(0.7, 10 + seed) for seed in range(3)},
        "folder": {seed: run_of(0.4 + seed / 100, 20 + seed) for seed in range(3)},
    }
    words = conclusion(runs, tmp_path)
    hits = [[accuracy_of(run) for run in each.values()] for each in runs.values()]
    test = ttest_rel(hits[1], hits[0])
    low, high = (100 * end for end in test.confidence_interval())
    assert words.startswith(
        "- `folder` minus `CSV`, over 3 seeds: **in accuracy `CSV` is better** "
        f"({100 * np.mean(np.subtract(*hits[::-1])):+.1f} points, interval {low:+.1f} to "
        f"{high:+.1f}, p = {test.pvalue:.2g});"
    )
    assert "may still differ" not in words and "One seed" not in words


def test_seeds_that_disagree_show_no_difference_and_no_equality(tmp_path):
    runs = {
        "CSV": {0: run_of(0.5, 1), 1: run_of(0.53, 2), 2: run_of(0.51, 3)},
        "folder": {0: run_of(0.53, 4), 1: run_of(0.5, 5), 2: run_of(0.52, 6)},
    }
    words = conclusion(runs, tmp_path)
    assert "in accuracy no difference is shown" in words and "better" not in words
    assert "the arms may still differ" in words


def test_one_seed_speaks_of_two_models_alone(tmp_path):
    runs = {"CSV": {0: run_of(0.7, 1)}, "folder": {0: run_of(0.4, 2)}}
    words = conclusion(runs, tmp_path)
    first, second = (
        run[0].predictions.y_pred == run[0].predictions.y_true for run in runs.values()
    )
    votes = (first & ~second).sum(), (second & ~first).sum()
    assert "The two models `folder` and `CSV`, tested on the same 1,000 images, **differ" in words
    assert f"`CSV` gets {votes[0]} and `folder` {votes[1]} (identical images count once)" in words
    assert f"p = {binomtest(int(votes[0]), int(sum(votes))).pvalue:.2g}" in words
    assert "One seed says nothing about the pipelines" in words and "better" not in words
    alike = {"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.51, 2)}}
    assert "show no difference in accuracy" in conclusion(alike, tmp_path)


def test_the_difference_on_clean_images_stands_beside_the_full_one(tmp_path):
    runs = {"CSV": {0: leaky(run_of(0.5, 1))}, "folder": {0: leaky(run_of(0.6, 2))}}
    kept = slice(100, None)
    first, second = (run[0].predictions for run in runs.values())
    gain = np.mean(second.y_pred[kept] == second.y_true[kept])
    gain -= np.mean(first.y_pred[kept] == first.y_true[kept])
    words = conclusion(runs, tmp_path)
    assert "Without the 100 test images that have a copy in training" in words
    assert f"the accuracies differ by {100 * gain:+.1f} points" in words


def test_different_test_images_are_said_to_be(tmp_path):
    ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    words = conclusion({"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.5, 2, ids)}}, tmp_path)
    assert "**tested on different images**" in words
    assert "no difference can be put down to one cause" in words


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_a_single_arm_is_not_compared(tmp_path, num_seeds):
    words = conclusion({"mine": {seed: run_of(0.5, seed) for seed in range(num_seeds)}}, tmp_path)
    assert words.startswith("Only one arm finished, so nothing is compared. `mine` has")
    assert ("over 2 seeds" in words) == (num_seeds == 2)


def test_drawn_faces_are_said_first(tmp_path):
    runs = {"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.5, 2)}}
    words = introduction(runs, tmp_path, drawn=True, name="same_images")
    assert words.startswith("> **These faces are drawn, not FER2013.**")
    assert conclusion(runs, tmp_path, drawn=True).startswith("**These are drawn faces")
    assert "drawn" not in introduction(runs, tmp_path, name="same_images")


def test_named_comparisons_bring_their_notice(tmp_path):
    runs = {"CSV": {0: leaky(run_of(0.5, 1))}, "folder": {0: run_of(0.5, 2)}}
    assert "Does the form make a difference?" in introduction(runs, tmp_path, name="same_images")
    words = introduction(runs, tmp_path, name="published")
    assert "These two arms are not comparable" in words
    assert "in the CSV arm 100 of 1,000 test images (10.0%) have a copy in training" in words
    assert "in the folder arm 0 of 1,000 test images" in words


def test_notes_failures_and_factors_are_listed(tmp_path):
    error = {"arm": "folder", "seed": 1, "error": "Disk is full."}
    words = introduction(
        {"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.5, 2)}},
        tmp_path,
        notes=("Left out 1 bad row.",),
        errors=(error,),
        factors={"epochs": (3, 5)},
        minutes=2,
    )
    assert "What was noticed in the data: - Left out 1 bad row." in words
    assert "These runs failed and are left out:** - folder, seed 1: Disk is full." in words
    assert "every combination of epochs (3, 5)." in words and "fit into 2 minutes" in words


def test_a_named_recipe_says_what_to_expect_and_what_was_changed(tmp_path):
    run = run_of(0.5, 1)
    plain = replace(run, recipe=RECIPES["conv2"].recipe)
    words = introduction({"conv2": {0: plain}}, tmp_path, name="conv2")
    assert "Recipe `conv2`, after study A." in words and "about .55 on PublicTest" in words
    changed = replace(run, recipe=RECIPES["conv2"].recipe.changed(epochs=2))
    words = introduction({"conv2": {0: changed}}, tmp_path, name="conv2")
    assert "epochs is 2 instead of 15." in words and "Expect" not in words


def time_summary(runs, directory):
    compared = comparison_of(runs, directory, minutes=2)
    return " ".join(narrative.time_summary(compared, result_table(compared)).split())


def test_an_arm_whose_epoch_takes_too_long_is_not_the_best_in_time(tmp_path):
    late = lasting(run_of(0.9, 4), 180.0)
    words = time_summary({"conv2": {0: run_of(0.6, 1)}, "vgg8": {0: late}}, tmp_path)
    assert "Within 2 minutes of training, validation included, `conv2` has the highest" in words
    assert "One epoch of `vgg8` takes longer than that." in words
    words = time_summary({"vgg8": {0: late}}, tmp_path)
    assert "No arm gets through an epoch in 2 minutes" in words and "takes longer" not in words


def test_the_command_gives_the_same_arms_again(tmp_path):
    arms = {
        arm: recipe.changed(epochs=3) for arm, recipe in COMPARISONS["same_images"].arms.items()
    }
    runs = {arm: {2: replace(run_of(0.5, 1), recipe=recipe)} for arm, recipe in arms.items()}
    compared = comparison_of(runs, tmp_path, name="same_images")
    words = narrative.repetition(compared)
    assert "compare same_images --set=epochs=3 --data=DIR --seeds=1 --first-seed=2\n" in words
    recipe = RECIPES["quick"].recipe.changed(batch_size=32)
    mine = comparison_of({"mine": {0: replace(run_of(0.5, 1), recipe=recipe)}}, tmp_path)
    assert "--arm=mine=quick,storage=csv,batch_size=32" in narrative.repetition(mine)
    crossed = replace(mine, factors={"batch_size": (32, 64)}, minutes=2)
    words = narrative.repetition(crossed)
    assert "--arm=mine=quick,storage=csv --factor=batch_size=32,64 --data=DIR" in words
    assert words.rstrip("`\n").endswith("--minutes=2")
