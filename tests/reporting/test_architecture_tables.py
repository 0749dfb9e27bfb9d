from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import run_of

from fer_keras.comparison.architectures import Prepared
from fer_keras.evaluation.intervals import holm, mcnemar_test
from fer_keras.evaluation.predictions import score_table
from fer_keras.reporting import architecture_tables as report
from fer_keras.training.recipe import Recipe

COSTS = pd.DataFrame(
    {
        "parameters": [1_199_495, 355_847, 7_184_839],
        "megaflops": [25.1, 27.6, 943.9],
        "bytes": [4_828_985, 1_462_656, 28_900_000],
        "recognised_per_second_in_32s": [6215, 5910, 201],
        "recognised_per_second_one_by_one": [1216, 1422, 92],
    },
    index=pd.Index(["conv2", "conv3", "vgg8"], name="network"),
)


def lasting(run, *seconds):
    """The run with epochs of so many seconds."""
    history = run.history.iloc[: len(seconds)].assign(seconds=seconds)
    return replace(run, history=history, recipe=replace(run.recipe, epochs=len(seconds)))


def prepared_for(splits, minutes, drawn=False):
    return Prepared({"conv2": Recipe(network="conv2")}, splits, minutes, drawn)


@pytest.fixture
def runs():
    """Two networks whose test accuracies differ by chance, and one that is far behind."""
    return {"conv2": run_of(0.6, 1), "conv3": run_of(0.605, 2), "vgg8": run_of(0.3, 3)}


def test_record_has_a_row_for_each_network_and_split():
    ids = np.array([f"{'PublicTest' if n < 400 else 'PrivateTest'}/row{n}" for n in range(1000)])
    runs = {"conv2": run_of(0.6, 1, ids), "conv3": run_of(0.5, 2, ids)}
    record = report.score_record(runs, "equal time", 2)
    assert record["network"].tolist() == ["conv2"] * 3 + ["conv3"] * 3
    assert record["images"].tolist() == [1000, 400, 600] * 2
    row = record.iloc[0]
    assert (row["minutes"], row["budget_minutes"], row["images_per_second"]) == (2.0, 2, 800)
    assert (row["epochs"], row["kept_epoch"], row["processor"]) == (3, 2, "abacus")


def test_scores_read_with_intervals_and_share_of_the_time(runs):
    runs = {"conv2": runs["conv2"], "vgg8": lasting(runs["vgg8"], 180.0)}
    record = report.score_record(runs, "equal time", 2)
    table = report.readable_scores(record)
    assert table["time used"].tolist() == ["100%", "150%, over"]
    assert table["minutes"].tolist() == ["2.00", "3.00"]
    value = table.loc[("conv2", "PublicTest (1,000)"), "macro F1"]
    assert [float(part.strip("[],")) for part in value.split()] == [
        round(record.loc[0, name], 3) for name in ("macro_f1", "macro_f1_low", "macro_f1_high")
    ]
    epochs = report.score_record(runs, "equal epochs")
    assert "time used" not in report.readable_scores(epochs)


def test_tables_are_the_same_from_the_record_on_disk(runs, tmp_path):
    record = report.score_record(runs, "equal time", 2).merge(COSTS.reset_index(), on="network")
    record.to_csv(tmp_path / "record.csv", index=False)
    stored = pd.read_csv(tmp_path / "record.csv")
    for readable in (report.readable_scores, report.readable_costs):
        pd.testing.assert_frame_equal(readable(record), readable(stored))
    assert report.readable_costs(stored).loc["conv2"].tolist() == [
        "1,199,495", "25.1", "4.8", "800", "6,215", "1,216",
    ]  # fmt: skip


def test_differences_are_the_others_minus_the_best(runs):
    differences = report.differences_from("conv3", runs)
    assert differences.index.tolist() == ["conv2", "vgg8"]
    accuracy = {name: score_table(run.predictions)["accuracy"][0] for name, run in runs.items()}
    row = differences.loc["vgg8"]
    assert row["accuracy_difference"] == pytest.approx(accuracy["vgg8"] - accuracy["conv3"])
    three_pairs = [
        mcnemar_test(runs[one].predictions, runs[other].predictions)[2]
        for one, other in (("conv3", "conv2"), ("conv3", "vgg8"), ("conv2", "vgg8"))
    ]
    assert differences["holm_p_value"].tolist() == holm(three_pairs)[:2].tolist()
    words = report.readable_differences(differences)
    assert words.loc["vgg8", "accuracy"].startswith(f"{100 * row['accuracy_difference']:+.1f} (")
    assert words.loc["vgg8", "accuracy is"] == "lower by more than noise"
    assert words.loc["conv2", "accuracy is"] == "inside the noise"


def test_of_networks_that_do_not_differ_the_fastest_is_to_be_taken(runs, splits):
    assert report.best_in_time(runs, 2) == "conv3"
    words = report.conclusion(prepared_for(splits, 2), runs, runs, COSTS)
    assert "**Within 2 minutes of training a network, `conv3` is the most accurate: ." in words
    assert "`conv2` follows" in words and "inside the noise." in words
    assert "take `conv3`**: of the networks that are not shown to be less accurate" in words
    assert "the best (`conv3`, `conv2`), it recognises single images fastest" in words
    assert "recognises 1,422 images/s one by one, needs 28 MFLOPs an image, and takes 1.5" in words
    faster = COSTS.assign(recognised_per_second_one_by_one=[1500, 1422, 9000])
    assert "take `conv2`**" in report.conclusion(prepared_for(splits, 2), runs, runs, faster)
    assert "drawn" not in words


def test_a_network_ahead_by_more_than_noise_is_to_be_taken(runs, splits):
    runs = {"conv2": runs["vgg8"], "vgg8": runs["conv2"]}
    words = report.conclusion(prepared_for(splits, 2, drawn=True), runs, runs, COSTS)
    assert "take `vgg8`**: every other network is less accurate by more than noise" in words
    assert words.startswith("**These are drawn faces")


def test_a_network_whose_epoch_takes_too_long_is_not_the_best_in_time(runs, splits):
    runs["vgg8"] = lasting(run_of(0.9, 4), 180.0)
    assert report.best_in_time(runs, 2) == "conv3"
    words = report.conclusion(prepared_for(splits, 2), runs, runs, COSTS)
    assert "One epoch of `vgg8` takes longer than that." in words
    assert "the most accurate is `vgg8`" in words  # after equal epochs, however long
    assert report.best_in_time(runs, 3) == "vgg8"


def test_where_no_epoch_is_in_time_the_conclusion_says_so(runs, splits):
    slow = {name: lasting(run, 180.0) for name, run in runs.items()}
    words = report.conclusion(prepared_for(splits, 2), runs, slow, COSTS)
    assert "In 2 minutes no network gets through an epoch" in words
    assert "takes longer than that" not in words


def test_a_network_that_is_alone_in_time_is_compared_with_none(runs, splits):
    runs = {"conv2": runs["conv2"], "vgg8": lasting(runs["vgg8"], 180.0)}
    words = report.conclusion(prepared_for(splits, 2), runs, runs, COSTS)
    assert "`conv2` is the most accurate" in words and "follows" not in words
    assert "take `conv2`**: no other network gets through an epoch in the time" in words


def test_recipe_notice_counts_the_copies_that_were_learnt_from(splits):
    images = splits.test.images.copy()
    images[:7] = splits.train.images[:7]
    copied = replace(splits, test=replace(splits.test, images=images))
    words = report.recipe_notice(prepared_for(copied, 2))
    assert "the same 140 training faces" in words and "same 35 validation faces" in words
    assert "7 of them (10.0%) have an exact copy" in words


def test_data_notice_names_the_form_and_what_was_noticed(splits):
    noted = replace(splits, notes=("Left out 1 bad row.",))
    words = report.data_notice(prepared_for(noted, 2))
    assert words.startswith("**Data: FER2013**, read from its CSV") and "- Left out 1" in words
    drawn = report.data_notice(prepared_for(splits, 2, drawn=True))
    assert "drawn, not FER2013" in drawn and "make architectures DATA" in drawn


def test_environment_names_every_machine_that_trained(runs):
    other = replace(
        runs["conv3"],
        environment=runs["conv3"].environment | {"processor": "slide rule", "date": "2026-01-02"},
    )
    table = report.environment_table([runs["conv2"], other])
    assert table.loc["processor", "training"] == "abacus; slide rule"
    assert table.loc["date", "training"] == "2026-01-01 to 2026-01-02"
    assert table.loc["tensorflow", "recognition speeds"]
