from dataclasses import replace

import numpy as np
import pytest
from helpers import accuracy_of, comparison_of, leaky, predictions_of, run_of
from scipy.stats import binomtest, ttest_rel
from statsmodels.stats.multitest import multipletests

from fer_keras.comparison.results import result_table
from fer_keras.reporting.difference_tables import How, difference_table, readable_differences
from fer_keras.utils.errors import InputError


def differences(runs, directory, reference=None):
    compared = comparison_of(runs, directory)
    return difference_table(compared, result_table(compared), reference)


def seeds_of(accuracies, first_seed):
    return {seed: run_of(accuracy, first_seed + seed) for seed, accuracy in enumerate(accuracies)}


def test_over_seeds_the_differences_are_tested_in_pairs_and_corrected(tmp_path):
    runs = {
        "a": seeds_of([0.5, 0.52, 0.54], 0),
        "b": seeds_of([0.55, 0.56, 0.6], 10),
        "c": seeds_of([0.5, 0.53, 0.53], 20),
    }
    table = differences(runs, tmp_path)
    table = table[table["score"] == "accuracy"].set_index("arm")
    hits = {arm: [accuracy_of(run) for run in each.values()] for arm, each in runs.items()}
    tests = {arm: ttest_rel(hits[arm], hits["a"]) for arm in "bc"}
    for arm, test in tests.items():
        row = table.loc[arm]
        assert row["difference"] == pytest.approx(np.mean(hits[arm]) - np.mean(hits["a"]))
        ends = test.confidence_interval()
        assert (row["low"], row["high"]) == pytest.approx((ends.low, ends.high))
        assert row["p_value"] == pytest.approx(test.pvalue)
        assert (row["seeds"], row["how"], row["reference"]) == (3, How.OVER_SEEDS, "a")
    corrected = multipletests([test.pvalue for test in tests.values()], method="holm")[1]
    assert table["holm_p_value"].tolist() == pytest.approx(corrected.tolist())
    assert table["is_shown"].tolist() == (corrected <= 0.05).tolist()


def test_the_reference_can_be_chosen(tmp_path):
    runs = {"a": {0: run_of(0.5, 1)}, "b": {0: run_of(0.6, 2)}}
    forwards, backwards = (differences(runs, tmp_path, arm) for arm in "ab")
    assert backwards["difference"].tolist() == pytest.approx((-forwards["difference"]).tolist())
    assert set(backwards["arm"]) == {"a"}
    with pytest.raises(InputError, match="No arm is called 'c'; the arms are a, b"):
        differences(runs, tmp_path, "c")


def test_one_seed_compares_two_models_on_the_same_images(tmp_path):
    runs = {"a": {0: run_of(0.5, 1)}, "b": {0: run_of(0.6, 2)}}
    row, macro_f1 = differences(runs, tmp_path).to_dict("records")
    right = [run[0].predictions.y_pred == run[0].predictions.y_true for run in runs.values()]
    votes = (right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()
    assert row["p_value"] == pytest.approx(binomtest(int(votes[0]), int(sum(votes))).pvalue)
    assert row["difference"] == pytest.approx(right[1].mean() - right[0].mean())
    assert (row["how"], row["seeds"], row["is_shown"]) == (How.SAME_IMAGES, 1, True)
    assert np.isnan(macro_f1["p_value"]) and macro_f1["is_shown"] == (macro_f1["low"] > 0)


def test_different_test_images_have_no_common_test(tmp_path):
    ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    runs = {"a": {0: run_of(0.7, 1)}, "b": {0: run_of(0.4, 2, ids)}}
    table = differences(runs, tmp_path)
    assert set(table["how"]) == {How.OTHER_IMAGES} and table["p_value"].isna().all()
    assert table["is_shown"].all() and (table["high"] < 0).all()


def test_without_copies_the_difference_is_that_of_the_clean_images(tmp_path):
    runs = {"a": {0: leaky(run_of(0.5, 1))}, "b": {0: leaky(run_of(0.6, 2))}}
    clean = differences(runs, tmp_path).query("`test images` == 'clean'").iloc[0]
    first, second = (run[0].predictions.select(np.arange(1000) >= 100) for run in runs.values())
    gain = np.mean(second.y_pred == second.y_true) - np.mean(first.y_pred == first.y_true)
    assert clean["difference"] == pytest.approx(gain)
    many = {
        arm: {seed: leaky(run_of(0.5, seed + place)) for seed in (0, 1)}
        for place, arm in enumerate("ab")
    }
    table = differences(many, tmp_path)
    assert table["test images"].tolist() == ["all", "all", "clean", "clean"]
    assert readable_differences(table).index.tolist() == [("b", "all"), ("b", "clean")]


def test_other_classes_or_labels_are_not_compared(tmp_path):
    run = run_of(0.5, 1)
    two = predictions_of([0, 1], [0, 1], None, ("cat", "dog"))
    relabelled = replace(run.predictions, y_true=(run.predictions.y_true + 1) % 7)
    for other in (two, relabelled):
        runs = {"a": {0: run}, "b": {0: replace(run, predictions=other)}}
        table = differences(runs, tmp_path)
        assert set(table["how"]) == {How.NOT_COMPARED} and not table["is_shown"].any()
        assert readable_differences(table)["how"].tolist() == [How.NOT_COMPARED]


def test_arms_that_share_one_seed_are_compared_as_models(tmp_path):
    runs = {"a": {0: run_of(0.5, 1), 1: run_of(0.5, 2)}, "b": {0: run_of(0.6, 3)}}
    assert set(differences(runs, tmp_path)["how"]) == {How.SAME_IMAGES}
    assert differences({"a": runs["a"]}, tmp_path).empty


def test_readable_differences_hold_points_intervals_and_p(tmp_path):
    runs = {"a": seeds_of([0.5, 0.52], 0), "b": seeds_of([0.55, 0.56], 10)}
    table = differences(runs, tmp_path)
    row, text = table.iloc[0], readable_differences(table).loc[("b", "all")]
    low, high = 100 * row["low"], 100 * row["high"]
    assert text["accuracy"] == f"{100 * row['difference']:+.1f} ({low:+.1f} to {high:+.1f})"
    assert text["p of accuracy, after Holm"] == f"{row['p_value']:.2g}"
    assert text["how"] == "paired t test over seeds (2)"
