from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import accuracy_of, comparison_of, leaky, predictions_of, run_of
from scipy.stats import t as student
from sklearn.metrics import f1_score

from fer_keras.comparison.results import result_table
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


def accuracies(compared, arm):
    return np.array([accuracy_of(run) for run in compared.runs[arm].values()])


def test_scores_are_means_over_seeds_with_their_t_interval(compared, record):
    table = score_tables.score_table(record).set_index("arm")
    hits = accuracies(compared, "CSV")
    row = table.loc["CSV"]
    assert (row["split"], row["images"], row["seeds"]) == ("PublicTest", 1000, 3)
    assert row["accuracy"] == pytest.approx(hits.mean())
    assert row["accuracy_sd"] == pytest.approx(hits.std(ddof=1))
    assert (row["accuracy_min"], row["accuracy_max"]) == (hits.min(), hits.max())
    reach = student.ppf(0.975, 2) * hits.std(ddof=1) / np.sqrt(3)
    assert row["accuracy_high"] - row["accuracy"] == pytest.approx(reach)
    assert row["accuracy"] - row["accuracy_low"] == pytest.approx(reach)
    text = score_tables.readable_scores(score_tables.score_table(record))
    expected = f"{hits.mean():.3f} ± {hits.std(ddof=1):.3f} ({hits.min():.3f} to {hits.max():.3f})"
    assert text.loc[("CSV", "PublicTest (1,000)"), "accuracy"] == expected.replace("0.", ".")


def test_a_single_run_has_its_bootstrap_interval(record):
    models = score_tables.score_table(score_tables.first_seed(record))
    assert models["seeds"].tolist() == [1, 1] and models["accuracy_sd"].isna().all()
    ends = ["accuracy", "accuracy_low", "accuracy_high"]
    pd.testing.assert_frame_equal(models[ends], record.iloc[[0, 3]][ends].reset_index(drop=True))
    text = score_tables.readable_scores(models)
    value = text.loc[("CSV", "PublicTest (1,000)"), "accuracy"]
    assert [float(part.strip("[],")) for part in value.split()] == [
        round(record[name].iloc[0], 3) for name in ends
    ]
    assert "seeds" not in text


def test_runs_that_score_alike_have_no_spread(record):
    alike = record[record["arm"] == "CSV"].assign(accuracy=0.5)
    row = score_tables.score_table(alike).iloc[0]
    assert (row["accuracy_sd"], row["accuracy_low"], row["accuracy_high"]) == (0, 0.5, 0.5)


def test_published_scores_stand_beside_ours_on_real_data_alone(compared, record):
    table = score_tables.model_table(compared, record)
    assert table.loc[("CSV", "as study D published (7,178)")].tolist() == [".59", ".52", ".58"]
    assert table.loc[("folder", "as study D published (7,178)")].tolist() == [".59", ".51", ".57"]
    for other in (replace(compared, drawn=True), replace(compared, name="mine")):
        assert len(score_tables.model_table(other, record)) == 2


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
    expected = table["folder", "f1"] - table["CSV", "f1"]
    assert table["folder − CSV", "f1"].tolist() == pytest.approx(expected.tolist())
    assert table["CSV", "support"].iloc[:7].sum() == 1000
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
    assert table.shape[1] == 4 * num_arms
    precisions = score_tables.precision_table({"one": run.predictions})
    assert precisions.index.tolist() == ["cat", "dog"]
