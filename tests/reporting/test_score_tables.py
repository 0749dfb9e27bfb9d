from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import accuracy_of, comparison_of, leaky, predictions_of, run_of
from sklearn.metrics import f1_score

from fer_keras.comparison.results import result_table
from fer_keras.comparison.source import Source
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.reporting import score_tables


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    runs = {
        "CSV": {seed: run_of(0.7 + seed / 100, 10 + seed) for seed in range(3)},
        "folder": {seed: run_of(0.4, 20 + seed) for seed in range(3)},
    }
    return comparison_of(runs, tmp_path_factory.mktemp("mine"), name="same_images")


@pytest.fixture(scope="module")
def record(compared):
    return result_table(compared)


def accuracies_of_csv(compared):
    return np.array([accuracy_of(run) for run in compared.runs["CSV"].values()])


def test_scores_are_means_with_one_interval_over_seeds_and_images(compared, record):
    scores = score_tables.score_table(record, compared)
    hits = accuracies_of_csv(compared)
    row = scores.set_index("arm").loc["CSV"]
    assert (row["split"], row["images"], row["seeds"]) == ("PublicTest", 1000, 3)
    assert row["accuracy"] == pytest.approx(hits.mean())
    assert row["accuracy_sd"] == pytest.approx(hits.std(ddof=1))
    assert (row["accuracy_min"], row["accuracy_max"]) == (hits.min(), hits.max())
    values = {
        arm: np.array([pseudo_values(run.predictions)[0] for run in own.values()])
        for arm, own in compared.runs.items()
    }
    ends = contrast(values, {"CSV": 1}).interval()
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(ends)
    text = score_tables.readable_scores(scores).loc[("CSV", "PublicTest (1,000)"), "accuracy"]
    assert text == f"{hits.mean():.3f} [{ends[0]:.3f}, {ends[1]:.3f}]".replace("0.", ".")


def test_a_record_alone_gives_mean_deviation_and_range(record, compared):
    scores = score_tables.score_table(record)
    assert scores["accuracy_low"].isna().all()
    hits = accuracies_of_csv(compared)
    text = score_tables.readable_scores(scores).loc[("CSV", "PublicTest (1,000)"), "accuracy"]
    expected = f"{hits.mean():.3f} ± {hits.std(ddof=1):.3f} ({hits.min():.3f} to {hits.max():.3f})"
    assert text == expected.replace("0.", ".")


def test_single_runs_have_their_bootstrap_interval(tmp_path):
    one = comparison_of({"CSV": {0: run_of(0.7, 1)}, "folder": {0: run_of(0.5, 2)}}, tmp_path)
    record = result_table(one)
    scores = score_tables.score_table(record, one)
    assert scores["seeds"].tolist() == [1, 1] and scores["accuracy_sd"].isna().all()
    ends = ["accuracy", "accuracy_low", "accuracy_high"]
    pd.testing.assert_frame_equal(scores[ends], record[ends])
    text = score_tables.readable_scores(scores)
    value = text.loc[("CSV", "PublicTest (1,000)"), "accuracy"]
    assert [float(part.strip("[],")) for part in value.split()] == [
        round(record[name].iloc[0], 3) for name in ends
    ]
    assert "seeds" not in text and "macro F1 unsure for" not in text


def test_classes_too_small_for_macro_f1_are_named(tmp_path):
    run = run_of(0.7, 1)
    few = replace(run, predictions=run.predictions.select(run.predictions.y_true != 3))
    one = comparison_of({"CSV": {0: few}, "folder": {0: few}}, tmp_path)
    text = score_tables.readable_scores(score_tables.score_table(result_table(one), one))
    assert set(text["macro F1 unsure for"]) == {"happy"}


def test_published_scores_stand_beside_ours_on_fer2013_alone(compared, record):
    on_fer2013 = dict.fromkeys(compared.sources, Source(Location("fer2013")))
    compared = replace(compared, sources=on_fer2013)
    ours = score_tables.readable_scores(score_tables.score_table(record, compared))
    table = score_tables.with_published(ours, compared)
    scores = ["accuracy", "macro F1", "weighted F1"]
    for arm, theirs in (("CSV", [".59", ".52", ".58"]), ("folder", [".59", ".51", ".57"])):
        assert table.loc[(arm, "as study D published (7,178)"), scores].tolist() == theirs
    on_rafdb = dict.fromkeys(compared.sources, Source(Location("raf-db")))
    for change in ({"drawn": True}, {"name": "mine"}, {"sources": on_rafdb}):
        other = replace(compared, **change)
        assert len(score_tables.with_published(ours, other)) == 2


def test_views_of_test_time_augmentation_are_a_test_set_of_their_own(tmp_path):
    runs = {seed: run_of(0.5, seed) for seed in range(2)}
    runs = {
        seed: replace(run, augmented_predictions=run_of(0.6, 9 + seed).predictions)
        for seed, run in runs.items()
    }
    compared = comparison_of({"best": runs}, tmp_path)
    table = score_tables.score_table(result_table(compared), compared).set_index("split")
    row = table.loc["PublicTest, augmented"]
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["accuracy"] > table.loc["PublicTest", "accuracy"] + 0.05


def test_clean_scores_stand_beside_full_ones(tmp_path):
    run = run_of(0.5, 10)
    compared = comparison_of({"CSV": {0: leaky(run)}}, tmp_path)
    table = score_tables.score_table(result_table(compared))
    assert table[["split", "images"]].to_numpy().tolist() == [
        ["PublicTest", 1000],
        ["PublicTest, clean", 900],
    ]
    kept = slice(100, None)
    expected = np.mean(run.predictions.y_true[kept] == run.predictions.y_pred[kept])
    assert table["accuracy"].iloc[1] == pytest.approx(expected)


def test_a_failed_run_leaves_the_others(tmp_path):
    error = {"arm": "folder", "seed": 1, "error": "Disk is full."}
    runs = {"CSV": {0: run_of(0.5, 1), 1: run_of(0.5, 2)}, "folder": {0: run_of(0.4, 3)}}
    record = result_table(comparison_of(runs, tmp_path, errors=(error,)))
    assert score_tables.score_table(record)["seeds"].tolist() == [2, 1]
    assert len(score_tables.headline_rows(record)) == 3


def test_class_table_gives_the_difference_of_two_arms(compared):
    first = compared.first
    table = score_tables.class_table(first)
    expected = table["folder", "F1"] - table["CSV", "F1"]
    assert table["folder − CSV", "F1"].tolist() == pytest.approx(expected.tolist())
    assert table["CSV", "support"].iloc[:7].sum() == 1000
    inside = table["CSV", "F1"].between(table["CSV", "F1 low"], table["CSV", "F1 high"])
    assert inside.iloc[:7].all() and table["CSV", "F1 low"].iloc[7:].isna().all()
    part = first["CSV"].predictions
    scores = f1_score(part.y_true, part.y_pred, average=None)
    assert score_tables.f1_table(first)["CSV"].tolist() == pytest.approx(scores.tolist())


@pytest.mark.parametrize("num_arms", [1, 8])
def test_class_table_takes_any_number_of_arms_and_classes_of_their_own(num_arms):
    names = ("cat", "dog")
    run = replace(run_of(0.5, 1), predictions=predictions_of([0, 1, 1], [0, 1, 0], None, names))
    arms = {f"arm {number}": run for number in range(num_arms)}
    table = score_tables.class_table(arms)
    assert table.index.tolist() == ["cat", "dog", "macro avg", "weighted avg"]
    assert table.shape[1] == 6 * num_arms
    precisions = score_tables.precision_table({"one": run.predictions})
    assert precisions.index.tolist() == ["cat", "dog"]
