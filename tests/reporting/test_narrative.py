from dataclasses import replace

import numpy as np
import pytest
from helpers import accuracy_of, comparison_of, lasting, leaky, run_of
from scipy.stats import binomtest

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.results import result_table
from fer_keras.comparison.source import Source
from fer_keras.data.readers.locate import Location
from fer_keras.reporting import narrative
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.first_screen import verdict


def conclusion(runs, directory, **fields):
    compared = comparison_of(runs, directory, **fields)
    record = result_table(compared) if len(runs) == 1 else None
    return " ".join(narrative.conclusion(compared, record, difference_table(compared)).split())


def introduction(runs, directory, **fields):
    return " ".join(narrative.introduction(comparison_of(runs, directory, **fields)).split())


def seeds_of(accuracy, first_seed, num_seeds=3):
    return {seed: run_of(accuracy, first_seed + seed) for seed in range(num_seeds)}


def test_over_seeds_a_shown_difference_is_told_with_its_numbers(tmp_path):
    runs = {"CSV": seeds_of(0.7, 10), "folder": seeds_of(0.4, 20)}
    words = conclusion(runs, tmp_path)
    row = difference_table(comparison_of(runs, tmp_path)).iloc[0]
    numbers = [f"{100 * row[name]:+.1f}" for name in ("difference", "low", "high")]
    assert words.startswith(
        "- `folder` and `CSV`, 3 seeds each: **`folder` is less accurate than `CSV`** "
        f"({numbers[0]} points, interval {numbers[1]} to {numbers[2]}, p < 0.0001)."
    )
    assert "In macro F1, described and not tested: -" in words
    assert "One run" not in words and "corrected" not in words  # there is one difference
    deviation = f"{100 * row['run_sd']:.2g}"
    assert f"differ in accuracy by a standard deviation of {deviation} points" in words
    spreads = {
        arm: 100 * np.std([accuracy_of(run) for run in own.values()], ddof=1)
        for arm, own in runs.items()
    }
    least, most = sorted(spreads, key=spreads.get)
    ends = [f"{spreads[arm]:.2g} points in `{arm}`" for arm in (least, most)]
    assert f"pooled over the arms ({ends[0]} to {ends[1]})." in words
    assert f"If the true difference is {100 * row['detectable']:.2g} points" in words
    assert f"would take {row['seeds_needed']:.0f} seeds of each arm" in words


def test_arms_of_unequal_seeds_are_said_to_have_so_many(tmp_path):
    words = conclusion({"CSV": seeds_of(0.7, 10), "folder": seeds_of(0.4, 20, 2)}, tmp_path)
    assert words.startswith("- `folder` and `CSV`, 2 and 3 seeds: **`folder` is less accurate")


def test_an_arm_that_came_after_the_design_is_said_to(tmp_path):
    runs = {"CSV": seeds_of(0.7, 10), "late": seeds_of(0.4, 20)}
    assert "after the design" not in conclusion(runs, tmp_path)
    words = conclusion(runs, tmp_path, design={"arms": {"CSV": {}}})
    assert "`late` was added after the design was written." in words


def test_without_proof_neither_difference_nor_equality_is_told(tmp_path):
    words = conclusion({"CSV": seeds_of(0.5, 0), "folder": seeds_of(0.5, 7)}, tmp_path)
    assert "undecided. No difference in accuracy is shown" in words
    assert "neither is equality within ±1 point (90 % interval" in words
    assert "accurate than" not in words and "equally" not in words


def test_equality_is_told_within_the_margin_and_beside_a_difference(tmp_path):
    same = {"CSV": seeds_of(0.5, 0), "folder": seeds_of(0.5, 0)}
    words = conclusion(same, tmp_path, margin=0.2)
    assert "**they are equally accurate within ±20 points** (+0.0 points" in words
    apart = {"CSV": seeds_of(0.7, 10), "folder": seeds_of(0.4, 20)}
    words = conclusion(apart, tmp_path, margin=0.6)
    assert "**`folder` is less accurate than `CSV`**" in words
    assert "The difference is shown, and it is smaller than 60 points (90 % interval" in words


def test_several_arms_are_corrected_and_said_to_be(tmp_path):
    runs = {arm: seeds_of(0.5, 10 * place) for place, arm in enumerate("abc")}
    assert "corrected for the 2 arms that are compared" in conclusion(runs, tmp_path)


def test_more_seeds_may_not_be_enough(tmp_path):
    few = {
        arm: {seed: replace(run, predictions=run.predictions.select(np.arange(1000) < 60))
              for seed, run in seeds_of(0.5, first).items()}
        for arm, first in (("CSV", 1), ("folder", 30))
    }  # fmt: skip
    right = few["folder"][0].predictions
    few["folder"] = dict.fromkeys(range(3), replace(few["folder"][0], predictions=right))
    few["CSV"] = dict.fromkeys(range(3), few["CSV"][0])
    assert "more seeds are not enough: it takes more test images" in conclusion(few, tmp_path)


def test_small_classes_are_named_beside_macro_f1(tmp_path):
    runs = {
        arm: {seed: replace(run, predictions=run.predictions.select(np.arange(1000) < 100))
              for seed, run in seeds_of(0.5, first).items()}
        for arm, first in (("CSV", 1), ("folder", 30))
    }  # fmt: skip
    assert "(the interval is unsure: too few images or hits of " in conclusion(runs, tmp_path)


def test_one_seed_speaks_of_two_weight_files_alone(tmp_path):
    runs = {"CSV": {0: run_of(0.7, 1)}, "folder": {0: run_of(0.4, 2)}}
    words = conclusion(runs, tmp_path)
    first, second = (
        run[0].predictions.y_pred == run[0].predictions.y_true for run in runs.values()
    )
    only = (first & ~second).sum(), (second & ~first).sum()
    assert "these two weight files differ in accuracy on these 1,000 images (-" in words
    assert f"that of `CSV` is right for {only[0]} of the images" in words
    assert f"that of `folder` for {only[1]}." in words
    assert "One run says nothing about an arm" in words
    assert not any(word in words for word in ("better", "accurate than", "equal", "design names"))
    alike = {"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.51, 2)}}
    words = conclusion(alike, tmp_path)
    assert "these two weight files are not shown to differ in accuracy" in words
    expected = binomtest(*_votes(alike)).pvalue
    assert f"p = {expected:.2g}, McNemar's test" in words


def _votes(runs):
    first, second = (
        run[0].predictions.y_pred == run[0].predictions.y_true for run in runs.values()
    )
    return int((first & ~second).sum()), int((first ^ second).sum())


def test_the_difference_on_clean_images_stands_beside_the_full_one(tmp_path):
    runs = {"CSV": {0: leaky(run_of(0.5, 1))}, "folder": {0: leaky(run_of(0.6, 2))}}
    kept = slice(100, None)
    first, second = (run[0].predictions for run in runs.values())
    gain = np.mean(second.y_pred[kept] == second.y_true[kept])
    gain -= np.mean(first.y_pred[kept] == first.y_true[kept])
    words = conclusion(runs, tmp_path)
    assert "Without test images that have an exact copy in training, 900 are left" in words
    assert f"these two weight files differ by {100 * gain:+.1f} points" in words
    assert "described and not tested, and of one run each it says nothing about the arms" in words
    assert "easier also for networks that never saw them" in words
    runs = {
        arm: {s: leaky(run_of(0.5, place + s)) for s in range(2)}
        for place, arm in ((1, "CSV"), (5, "folder"))
    }
    words = conclusion(runs, tmp_path)
    assert "on which the accuracies differ by" in words and "weight files" not in words


def test_different_test_images_are_said_to_be(tmp_path):
    ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    words = conclusion({"CSV": {0: run_of(0.5, 1)}, "folder": {0: run_of(0.5, 2, ids)}}, tmp_path)
    assert (
        "`folder` cannot be compared with `CSV`: they are not known to share a test image" in words
    )
    half = run_of(0.5, 2)
    half = replace(half, predictions=half.predictions.select(np.arange(1000) < 500))
    words = conclusion({"CSV": {0: run_of(0.5, 1)}, "folder": {0: half}}, tmp_path)
    assert "on these 500 images" in words
    assert "tested on different images; this is about the 500 that they share" in words


def test_test_images_that_change_with_the_seed_are_said_to(tmp_path):
    runs = {
        arm: {seed: run_of(0.5, place + seed, np.array([f"all/{seed}-{n}" for n in range(1000)]))
              for seed in range(2)}
        for place, arm in ((0, "CSV"), (5, "folder"))
    }  # fmt: skip
    words = conclusion(runs, tmp_path)
    assert "Each seed has test images of its own" in words and "that they share" not in words


def test_arms_whose_test_images_change_each_in_its_way_are_compared_by_their_first_runs(tmp_path):
    moving = seeds_of(0.5, 1, 2)
    other = moving[1].predictions.select(np.arange(1000) % 2 == 0)
    moving[1] = replace(moving[1], predictions=other)
    words = conclusion({"CSV": moving, "folder": seeds_of(0.6, 7, 2)}, tmp_path)
    assert (
        "these two weight files differ" in words
        and "so only their first runs are compared" in words
    )


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
    assert ".59" not in words
    real = introduction(runs, tmp_path, name="same_images")
    assert "drawn" not in real and "it reported an accuracy of .59 for each" in real


def test_named_comparisons_bring_their_notice(tmp_path):
    runs = {"CSV": {0: leaky(run_of(0.5, 1))}, "folder": {0: run_of(0.5, 2)}}
    assert "Does the form make a difference?" in introduction(runs, tmp_path, name="same_images")
    words = introduction(runs, tmp_path, name="published")
    assert "These two arms are not comparable" in words
    assert "in the CSV arm 100 of 1,000 test images (10.0 %) have an exact copy" in words
    assert "in the folder arm 0 of 1,000 test images" in words
    # How many near copies leak is known of FER2013.
    near = "Near copies (mirrored, shifted, cropped or retouched) leak as well"
    on_fer2013 = dict.fromkeys(runs, Source(Location("fer2013")))
    assert near not in words
    assert near in introduction(runs, tmp_path, name="published", sources=on_fer2013)


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
    assert "These runs are missing:** - folder, seed 1: Disk is full." in words
    assert "2 arms, up to 1 seed each" in words
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
    late = {seed: lasting(run_of(0.9, 4 + seed), 180.0) for seed in range(2)}
    runs = {"conv2": seeds_of(0.6, 1, 2), "conv3": seeds_of(0.4, 7, 2), "vgg8": late}
    words = time_summary(runs, tmp_path)
    assert "Within 2 minutes of training, validation included, `conv2` is the most acc" in words
    assert "every other arm that gets through an epoch in this time." in words
    assert "One epoch of `vgg8` takes longer than that." in words
    compared = comparison_of(runs, tmp_path, minutes=2)
    first = verdict(compared, result_table(compared), difference_table(compared))
    assert "every other arm that gets through an epoch in this time; vgg8 does not." in first
    assert "More accurate than <b>conv2</b>: <b>vgg8</b>" in first
    words = time_summary({"vgg8": late}, tmp_path)
    assert "No arm gets through an epoch in 2 minutes" in words and "takes longer" not in words


def test_in_time_too_a_winner_needs_proof_and_seeds(tmp_path):
    close = {
        "conv2": seeds_of(0.5, 1, 2),
        "conv3": seeds_of(0.51, 7, 2),
        "conv6": seeds_of(0.2, 9, 2),
    }
    words = time_summary(close, tmp_path)
    assert "no arm is shown to be the best" in words and "`conv6`" not in words
    single = time_summary(close | {"conv2": seeds_of(0.5, 1, 1)}, tmp_path)
    assert "`conv2` has one run, so that no arm can be called the best" in single
    once = {"conv2": seeds_of(0.5, 1, 1), "conv3": seeds_of(0.9, 7, 1)}
    assert "each arm has one run, so that no arm can be called the best" in time_summary(
        once, tmp_path
    )


def test_of_a_grid_no_arm_is_the_best_in_time(tmp_path):
    runs = {"yes": seeds_of(0.9, 1, 2), "no": seeds_of(0.3, 7, 2)}
    compared = comparison_of(runs, tmp_path, minutes=2, factors={"batch_size": (64,)})
    words = " ".join(narrative.time_summary(compared, result_table(compared)).split())
    assert "the conclusion says what the factors do, and no arm is called the best" in words
    first = verdict(compared, result_table(compared), difference_table(compared))
    assert "No seed has finished with every arm" in first and "accurate" not in first
    words = narrative.conclusion(compared, result_table(compared), difference_table(compared))
    assert words == f"**{narrative.NO_EFFECTS}**"


def test_a_named_comparison_with_other_factors_is_repeated_with_them(tmp_path):
    named = COMPARISONS["storage-feed-augmentation"]
    runs = {"conv3": {0: replace(run_of(0.5, 1), recipe=named.arms["conv3"])}}
    own = comparison_of(runs, tmp_path, name="storage-feed-augmentation", factors=named.factors)
    assert "--factor" not in narrative.repetition(own)
    other = replace(own, factors=named.factors | {"epochs": (15, 30)})
    words = narrative.repetition(other)
    assert "compare storage-feed-augmentation --factor=storage=csv,folder " in words
    assert "--factor=epochs=15,30" in words and "--set" not in words


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


def test_networks_that_always_answer_alike_are_not_called_equal(tmp_path):
    def idle(run):
        probabilities = np.zeros_like(run.predictions.probabilities)
        probabilities[:, 3] = 1
        return replace(run, predictions=replace(run.predictions, probabilities=probabilities))

    learnt = seeds_of(0.6, 0)
    lazy = {seed: idle(run) for seed, run in learnt.items()}
    words = conclusion({"one": lazy, "other": dict(lazy)}, tmp_path)
    assert "They have learnt nothing" in words.replace("\n", " ")
    assert "equally" not in words and "probability" not in words and "deviation of" not in words
    compared = comparison_of({"one": lazy, "b": dict(lazy), "c": dict(lazy)}, tmp_path)
    first = verdict(compared, result_table(compared), difference_table(compared))
    assert "Every run of <b>b</b>, <b>c</b> and <b>one</b> always answers with one class" in first
    once = comparison_of({"one": {0: lazy[0]}, "other": {0: lazy[0]}}, tmp_path)
    first = verdict(once, result_table(once), difference_table(once))
    assert "have learnt nothing" in first and "weight file of" not in first
    # One that learns something is compared with one that does not.
    words = conclusion({"one": lazy, "other": learnt}, tmp_path)
    assert "`other` is more accurate" in words and "learnt nothing" not in words
