from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import run_of
from scipy.stats import binomtest, ttest_1samp

from fer_keras.reporting import prose as narrative
from fer_keras.reporting import tables as comparison


@pytest.fixture
def runs():
    return {"CSV": run_of(0.5, 10), "folder": run_of(0.51, 11)}


@pytest.fixture
def far_apart():
    return {"CSV": run_of(0.7, 10), "folder": run_of(0.4, 11)}


def test_result_table_is_one_row_an_arm_and_split(runs):
    table = comparison.result_table(runs)
    assert table[["arm", "split", "images"]].to_numpy().tolist() == [
        ["CSV", "PublicTest", 1000],
        ["folder", "PublicTest", 1000],
    ]
    predictions = runs["folder"].predictions
    hits = predictions.y_pred == predictions.y_true
    assert table["accuracy"].iloc[1] == pytest.approx(hits.mean())
    assert table[["kept_epoch", "minutes", "images_per_second"]].iloc[0].tolist() == [2, 2.0, 800]
    assert table[["date", "processor", "cores"]].iloc[0].tolist() == ["2026-01-01", "abacus", "2"]


def test_published_scores_stand_beside_ours(runs):
    table = comparison.readable_results(comparison.result_table(runs))
    assert table.loc[("CSV", "as study D published (7,178)")].tolist() == [".59", ".52", ".58"]
    assert table.loc[("folder", "as study D published (7,178)")].tolist() == [".59", ".51", ".57"]
    ours = comparison.result_table(runs).iloc[0]
    text = table.loc[("CSV", "PublicTest (1,000)"), "accuracy"]
    assert [float(part.strip("[],")) for part in text.split()] == [
        round(ours[name], 3) for name in ("accuracy", "accuracy_low", "accuracy_high")
    ]


def test_class_table_gives_the_difference_of_the_two_arms(runs):
    table = comparison.class_table(runs)
    difference = table["folder − CSV", "f1"]
    expected = table["folder", "f1"] - table["CSV", "f1"]
    assert difference.tolist() == pytest.approx(expected.tolist())
    assert table["CSV", "support"].iloc[:7].sum() == 1000
    assert comparison.f1_table(runs).shape == (7, 2)


def test_differences_inside_the_noise_are_said_to_be(runs):
    assert comparison.difference_table(runs)["inside_noise"].all()
    words = narrative.conclusion({0: runs})
    assert "All three differences lie inside the noise" in words
    assert "tested on the same 1,000 images" in words
    assert "Each arm is one run with one seed" in words


def test_differences_outside_the_noise_name_the_better_arm(far_apart):
    words = narrative.conclusion({0: far_apart})
    assert "Outside the noise: in accuracy the CSV arm's model is better" in words
    assert "inside the noise" not in words.lower().replace("outside the noise", "")
    swapped = {"CSV": far_apart["folder"], "folder": far_apart["CSV"]}
    assert "in accuracy the folder arm's model is better" in narrative.conclusion({0: swapped})


def test_different_test_images_are_said_to_be(runs):
    other_ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    words = narrative.conclusion({0: {**runs, "folder": run_of(0.5, 11, other_ids)}})
    assert (
        "tested on different images (CSV: PublicTest, 1,000; folder: PrivateTest, 1,000)" in words
    )
    assert "no difference here can be laid to the storage alone" in words


def test_images_that_only_one_model_gets_right_are_counted(runs):
    first, second = (finished.predictions for finished in runs.values())
    right = [part.y_pred == part.y_true for part in (first, second)]
    counts = [(right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()]
    expected = binomtest(int(counts[0]), int(sum(counts))).pvalue
    words = narrative.conclusion({0: runs})
    assert f"CSV arm's gets {counts[0]} and the folder arm's {counts[1]}," in words
    assert f"McNemar's exact p = {expected:.2g}" in words
    assert "Without the" not in words


def test_the_difference_on_clean_images_stands_beside_the_full_one(runs):
    leaked = np.arange(1000) < 100
    runs = {
        name: replace(finished, predictions=replace(finished.predictions, leaked=leaked))
        for name, finished in runs.items()
    }
    first, second = (finished.predictions.select(~leaked) for finished in runs.values())
    gain = np.mean(second.y_pred == second.y_true) - np.mean(first.y_pred == first.y_true)
    words = narrative.conclusion({0: runs})
    assert "Without the 100 test images of which a copy is among the images to learn" in words
    assert f"the accuracies differ by {100 * gain:+.1f} points" in words


def with_seed(finished, seed):
    return replace(finished, recipe=finished.recipe.changed(seed=seed))


def seeds_of(accuracies):
    """Runs of both arms for each seed: dict from a seed to its two runs."""
    return {
        seed: {
            "CSV": with_seed(run_of(first, 10 + seed), seed),
            "folder": with_seed(run_of(second, 20 + seed), seed),
        }
        for seed, (first, second) in enumerate(accuracies)
    }


def test_over_seeds_the_pipelines_are_compared_first():
    runs_of_seeds = seeds_of([(0.7, 0.4), (0.69, 0.41), (0.71, 0.4)])
    words = narrative.conclusion(runs_of_seeds)
    assert words.startswith("**Over 3 seeds, these seeds show a difference: in accuracy the CSV")
    results = pd.concat([comparison.result_table(runs) for runs in runs_of_seeds.values()])
    hits = [
        [(part.y_pred == part.y_true).mean() for part in (run.predictions for run in runs.values())]
        for runs in runs_of_seeds.values()
    ]
    gains = np.subtract(*np.transpose(hits)[::-1])
    test = ttest_1samp(gains, 0)
    low, high = (100 * end for end in test.confidence_interval())
    numbers = f"accuracy {100 * gains.mean():+.1f} ({low:+.1f} to {high:+.1f}, p = "
    assert f"{numbers}{test.pvalue:.2g})" in words
    assert "more accurate one in 0% of all pairs of runs" in words
    assert "would take about 3 seeds" in words
    assert "**The two models of seed 0, image by image.**" in words
    table = comparison.seed_table(results)
    assert table.loc["CSV", "seeds"] == "3"
    spread = np.std([row[0] for row in hits], ddof=1)
    assert f"± {spread:.3f}".replace("0.", ".") in table.loc["CSV", "accuracy"]
    readable = comparison.readable_pipelines(comparison.pipeline_table(results))
    assert readable.loc["accuracy", "probability of superiority"] == "0.00"


def test_over_seeds_that_disagree_no_pipeline_is_better():
    words = narrative.conclusion(seeds_of([(0.5, 0.53), (0.53, 0.5), (0.51, 0.52)]))
    assert words.startswith("**Over 3 seeds, neither pipeline is shown to be better.**")


def test_only_the_first_seeds_scores_stand_beside_the_published_ones():
    runs_of_seeds = seeds_of([(0.7, 0.4), (0.6, 0.5)])
    results = pd.concat([comparison.result_table(runs) for runs in runs_of_seeds.values()])
    first = comparison.readable_results(comparison.result_table(runs_of_seeds[0]))
    pd.testing.assert_frame_equal(comparison.readable_results(results), first)


def test_a_single_arm_is_not_compared(runs):
    words = narrative.conclusion({0: {"folder": runs["folder"]}})
    assert words.startswith("Only the folder arm ran: on PublicTest (1,000 images)")
    assert list(comparison.class_table({"folder": runs["folder"]}).columns.levels[0]) == ["folder"]


def test_time_table_reads_as_words(runs):
    table = comparison.time_table(runs)
    assert table.loc["CSV", "kept epoch"] == 2
    assert table.loc["CSV", "images per second"] == 800


def test_environment_table_has_a_column_for_each_arm(runs):
    table = comparison.environment_table(runs)
    assert table.columns.tolist() == ["CSV", "folder"]
    assert table.loc["processor", "folder"] == "abacus"
