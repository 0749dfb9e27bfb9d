from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_evaluation import predictions_of

from fer_keras import comparison, narrative
from fer_keras.recipes import Recipe
from fer_keras.runs import Run


def run_of(accuracy, seed, ids=None, count=1000):
    rng = np.random.default_rng(1)  # both arms share the true classes
    y_true = rng.integers(0, 7, count)
    rng = np.random.default_rng(seed)
    y_pred = np.where(rng.random(count) < accuracy, y_true, (y_true + 1) % 7)
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "accuracy": [0.4, 0.5, 0.6],
            "loss": [1.5, 1.3, 1.1],
            "val_accuracy": [0.4, 0.55, 0.5],
            "val_loss": [1.5, 1.2, 1.3],
            "seconds": [60.0, 30.0, 30.0],
            "images_per_second": [100.0, 900.0, 800.0],
        }
    )
    return Run(
        Path("somewhere"),
        Recipe(epochs=3),
        history,
        predictions_of(y_true, y_pred, ids),
        None,
        {"date": "2026-01-01", "processor": "abacus", "cores": "2", "python": "3.11"},
    )


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
    words = narrative.conclusion(runs)
    assert "All three differences lie inside the noise" in words
    assert "tested on the same 1,000 images" in words


def test_differences_outside_the_noise_name_the_better_arm(far_apart):
    words = narrative.conclusion(far_apart)
    assert "Outside the noise: in accuracy the CSV arm's model is better" in words
    assert "inside the noise" not in words.lower().replace("outside the noise", "")
    swapped = {"CSV": far_apart["folder"], "folder": far_apart["CSV"]}
    assert "in accuracy the folder arm's model is better" in narrative.conclusion(swapped)


def test_different_test_images_are_said_to_be(runs):
    other_ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    words = narrative.conclusion({**runs, "folder": run_of(0.5, 11, other_ids)})
    assert (
        "tested on different images (CSV: PublicTest, 1,000; folder: PrivateTest, 1,000)" in words
    )
    assert "no difference here can be laid to the storage alone" in words


def test_a_single_arm_is_not_compared(runs):
    words = narrative.conclusion({"folder": runs["folder"]})
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
