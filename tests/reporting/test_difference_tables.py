from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import (
    accuracy_of,
    comparison_of,
    jpeg,
    leaky,
    of_faces,
    patterned_faces,
    predictions_of,
    run_of,
    smooth,
)

from fer_keras.comparison.source import Source
from fer_keras.data.faces import Splits
from fer_keras.data.readers.fer_plus import ANSWERS
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.differences import How, Verdict
from fer_keras.reporting.difference_tables import (
    difference_table,
    p_text,
    points,
    readable_differences,
)
from fer_keras.reporting.judge_tables import judge_comparison
from fer_keras.reporting.narrative import conclusion
from fer_keras.utils.errors import InputError


def differences(runs, directory, reference=None, **fields):
    return difference_table(comparison_of(runs, directory, **fields), reference)


def seeds_of(accuracies, first_seed):
    return {seed: run_of(accuracy, first_seed + seed) for seed, accuracy in enumerate(accuracies)}


def test_differences_are_those_of_the_runs_from_the_first_arm(tmp_path):
    runs = {"a": seeds_of([0.5, 0.52], 0), "b": seeds_of([0.6, 0.62], 10)}
    row = differences(runs, tmp_path).iloc[0]
    means = {arm: np.mean([accuracy_of(run) for run in own.values()]) for arm, own in runs.items()}
    assert (row["arm"], row["reference"], row["seeds"], row["how"]) == ("b", "a", 2, How.OVER_SEEDS)
    assert (row["first"], row["second"]) == pytest.approx((means["a"], means["b"]))
    assert row["difference"] == pytest.approx(means["b"] - means["a"])


def test_the_reference_can_be_chosen(tmp_path):
    runs = {"a": {0: run_of(0.5, 1)}, "b": {0: run_of(0.6, 2)}}
    forwards, backwards = (differences(runs, tmp_path, arm) for arm in "ab")
    assert backwards["difference"].tolist() == pytest.approx((-forwards["difference"]).tolist())
    assert set(backwards["arm"]) == {"a"}
    with pytest.raises(InputError, match="No arm is called 'c'; the arms are a, b"):
        differences(runs, tmp_path, "c")


def test_a_single_arm_has_no_differences(tmp_path):
    assert not len(differences({"a": seeds_of([0.5, 0.5], 0)}, tmp_path))


def test_the_margin_is_the_comparisons(tmp_path):
    runs = {"a": seeds_of([0.5] * 2, 0), "b": seeds_of([0.5] * 2, 0)}
    assert differences(runs, tmp_path).iloc[0]["verdict"] == Verdict.UNDECIDED
    wide = differences(runs, tmp_path, margin=0.2).iloc[0]
    assert (wide["verdict"], wide["margin"]) == (Verdict.EQUAL, 0.2)
    text = readable_differences(differences(runs, tmp_path, margin=0.2)).iloc[0]
    assert float(text["probability of less than 20 points"]) >= 0.99


def test_readable_differences_hold_points_intervals_p_and_verdict(tmp_path):
    runs = {arm: {s: leaky(run) for s, run in own.items()} for arm, own in {
        "a": seeds_of([0.5, 0.52], 0), "b": seeds_of([0.65, 0.66], 10)}.items()}  # fmt: skip
    table = differences(runs, tmp_path)
    text = readable_differences(table)
    assert text.index.tolist() == [("b", "all"), ("b", "clean")]
    row, text = table.iloc[0], text.loc[("b", "all")]
    low, high = 100 * row["low"], 100 * row["high"]
    assert text["accuracy"] == f"{100 * row['difference']:+.1f} ({low:+.1f} to {high:+.1f})"
    assert text["p, corrected"] == p_text(row["p_value"])
    assert (text["verdict"], text["images"]) == ("better", "1,000")
    assert text["how"] == "over seeds and test images (2 seeds)"


def two_forms(directory):
    """The folder names its images otherwise, holds half of them, in another order."""
    faces = smooth(patterned_faces(140, "PublicTest"))
    kept = np.random.default_rng(0).permutation(140)[:70]
    folder = replace(
        faces.select(kept),
        images=np.stack([jpeg(image, 90) for image in faces.images[kept]]),
        ids=np.array([f"PublicTest/happy/{number}.jpg" for number in range(70)]),
    )
    parts = {"CSV": faces, "folder": folder}
    runs = {
        arm: {0: replace(run_of(0.5, 1), predictions=predictions_of(
            part.labels, (part.labels + (np.arange(len(part)) % 3 > 0)) % 7, part.ids))}
        for arm, part in parts.items()
    }  # fmt: skip
    compared = comparison_of(runs, directory)
    arms = {"CSV": compared.arms["CSV"], "folder": compared.arms["CSV"].changed(storage="folder")}
    sources = {arm: Source(Splits(patterned_faces(70), part)) for arm, part in parts.items()}
    runs = {
        arm: {0: of_faces(run, sources[arm].splits(run.recipe)[1], directory / arm)}
        for arm, run in compared.first.items()
    }
    return replace(compared, arms=arms, sources=sources, runs=runs), kept


def test_two_storage_forms_are_paired_by_their_pixels(tmp_path):
    compared, kept = two_forms(tmp_path)
    same_form = dict.fromkeys(compared.arms, compared.arms["CSV"])
    alike = difference_table(replace(compared, arms=same_form)).iloc[0]
    assert alike["how"] == How.NOTHING_SHARED
    table = difference_table(compared)
    row = table.iloc[0]
    assert "this is about the 70 that they share" in conclusion(compared, None, table)
    assert (row["how"], row["images"]) == (How.ONE_RUN, 70)
    first = (kept % 3 == 0).mean()
    assert (row["first"], row["second"]) == pytest.approx((first, (np.arange(70) % 3 == 0).mean()))


def test_pairs_are_kept_for_reports_without_the_data(tmp_path):
    compared, _ = two_forms(tmp_path)
    gone = replace(compared, sources=dict.fromkeys(compared.arms, Source(Location("faces"))))
    assert difference_table(gone).iloc[0]["how"] == How.NOTHING_SHARED
    table = difference_table(compared)
    pd.testing.assert_frame_equal(difference_table(gone), table)
    # The other way round are other pairs, in the same file.
    back = difference_table(compared, "folder")
    pd.testing.assert_frame_equal(difference_table(gone, "folder"), back)
    assert back.iloc[0]["difference"] == pytest.approx(-table.iloc[0]["difference"])
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 140


def test_votes_reach_an_arm_whose_images_pair_with_those_that_have_votes(tmp_path):
    compared, kept = two_forms(tmp_path)
    first = compared.first["CSV"].predictions
    votes = pd.DataFrame(10 * np.eye(10, dtype=int)[first.y_true], first.ids, ANSWERS)
    votes.insert(0, "label", np.array(first.class_names)[first.y_true])
    votes.rename_axis("id").to_csv(tmp_path / "votes.csv")
    judgement, _ = judge_comparison(compared)
    assert [*judgement.arms] == ["CSV", "folder"] and not judgement.left_out
    assert judgement.votes.index.tolist() == first.ids[np.sort(kept)].tolist()
    # People see what the label says, so that the plurality is the label.
    for arm, is_right in (("CSV", kept % 3 == 0), ("folder", np.arange(70) % 3 == 0)):
        assert judgement.score(arm, "plurality").value == pytest.approx(is_right.mean())


def test_numbers_as_text():
    assert [p_text(value) for value in (0.04321, 1e-9, np.nan)] == ["0.043", "<0.0001", ""]
    assert [points(value) for value in (0.01, 0.025, 0)] == ["1 point", "2.5 points", "0 points"]
