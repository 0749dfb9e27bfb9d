from dataclasses import replace

import numpy as np
import pytest
from helpers import predictions_of, run_of
from scipy.stats import binomtest

from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.differences import How, Verdict, _verdict, difference_table
from fer_keras.evaluation.families import against_reference


def seeds_of(accuracies, first_seed, **options):
    return {
        seed: run_of(accuracy, first_seed + seed, **options).predictions
        for seed, accuracy in enumerate(accuracies)
    }


def primary(table):
    return table[(table["score"] == "accuracy") & (table["test images"] == "all")].set_index("arm")


def test_over_seeds_differences_are_corrected_contrasts():
    runs = {
        "a": seeds_of([0.5, 0.52, 0.54], 0),
        "b": seeds_of([0.6, 0.6, 0.6], 10),
        "c": seeds_of([0.5, 0.53, 0.53], 20),
    }
    table = difference_table(runs, "a")
    assert table["arm"].tolist() == ["b", "b", "c", "c"]
    values = {
        arm: np.array([pseudo_values(run) for run in own.values()]) for arm, own in runs.items()
    }
    for place, score in enumerate(("accuracy", "macro_f1")):
        arms = {arm: each[:, place] for arm, each in values.items()}
        family = against_reference(arms, "a")
        own = table[table["score"] == score]
        assert own[["low", "high"]].to_numpy() == pytest.approx(np.array(family.intervals()))
        assert own[["low90", "high90"]].to_numpy() == pytest.approx(np.array(family.intervals(0.9)))
        assert own["difference"].tolist() == pytest.approx(
            [contrast(arms, {arm: 1, "a": -1}).value for arm in "bc"]
        )
        if score == "accuracy":
            assert own["p_value"].tolist() == family.p_values()
        else:
            assert own["p_value"].isna().all() and own["verdict"].isna().all()
    rows = primary(table)
    assert rows["verdict"].tolist() == [Verdict.BETTER, Verdict.UNDECIDED]
    assert set(table["how"]) == {How.OVER_SEEDS} and set(table["seeds"]) == {3}
    assert difference_table(runs, "b").pipe(primary).loc["a", "verdict"] == Verdict.WORSE


def test_equality_needs_the_90_percent_interval_within_the_margin():
    same = seeds_of([0.5] * 2, 0)
    runs = {"a": same, "b": dict(same)}
    row = primary(difference_table(runs, "a")).loc["b"]
    assert (row["difference"], row["verdict"]) == (0, Verdict.UNDECIDED)
    reach = row["high90"]
    assert row["low90"] == pytest.approx(-reach)
    for margin, verdict in ((1.01 * reach, Verdict.EQUAL), (0.99 * reach, Verdict.UNDECIDED)):
        row = primary(difference_table(runs, "a", margin)).loc["b"]
        assert (row["verdict"], row["margin"]) == (verdict, margin)
    assert 0.85 < row["probability_within"] < 0.95


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((-0.009, 0.009), Verdict.EQUAL),
        ((-0.05, 0.005), Verdict.UNDECIDED),
        ((-0.005, 0.05), Verdict.UNDECIDED),
    ],
)
def test_both_ends_lie_within_the_margin_of_what_is_equal(ends, verdict):
    row = {"p_value": 0.5, "margin": 0.01, "low90": ends[0], "high90": ends[1], "difference": 0}
    assert _verdict(row, How.OVER_SEEDS) == verdict


def test_arms_on_other_images_are_a_family_of_their_own():
    whole, own = seeds_of([0.5, 0.5], 0), seeds_of([0.52, 0.53], 5)
    part = {seed: run.select(np.arange(1000) < 750) for seed, run in seeds_of([0.6] * 2, 9).items()}
    elsewhere = seeds_of([0.5, 0.5], 20, ids=np.array([f"other/row{n}" for n in range(1000)]))
    runs = {"a": whole, "b": own, "c": part, "d": elsewhere}
    values = {arm: np.array([pseudo_values(run)[0] for run in runs[arm].values()]) for arm in "ab"}
    family = against_reference(values, "a", families=2)
    for arms in ("abc", "abcd"):  # what shares no image is not tested
        row = primary(difference_table({arm: runs[arm] for arm in arms}, "a")).loc["b"]
        assert row["p_value"] == pytest.approx(family.p_values()[0])
        assert (row["low"], row["high"]) == pytest.approx(family.intervals()[0])


@pytest.mark.parametrize(
    ("count", "verdict"), [(20, "undecided"), (298, "undecided"), (299, "equal")]
)
def test_arms_that_agree_on_few_images_are_not_equal(count, verdict):
    """If one in 100 images told them apart, they would agree on all 298 in 5 of 100 studies."""
    right = predictions_of(np.arange(count) % 7, np.arange(count) % 7)
    runs = {arm: dict.fromkeys(range(2), right) for arm in "ab"}
    row = primary(difference_table(runs, "a", 0.01)).loc["b"]
    assert (row["verdict"], row["difference"]) == (verdict, 0)
    assert (
        row["high90"] == pytest.approx(1 - 0.05 ** (1 / count)) and row["low90"] == -row["high90"]
    )
    assert row["high"] == pytest.approx(1 - 0.025 ** (1 / count))
    assert row[["probability_within", "detectable", "seeds_needed"]].isna().all()


@pytest.mark.parametrize(("count", "margin"), [(60, 0.05), (150, 0.03), (400, 0.02)])
def test_arms_a_margin_apart_are_rarely_called_equal_on_few_images(count, margin, num_trials):
    rng, y_true, found, num_trials = (
        np.random.default_rng(5),
        np.zeros(count, int),
        0,
        num_trials // 5,
    )
    for _ in range(num_trials):
        runs = {"a": {}, "b": {}}
        is_wrong = rng.random(count) < margin
        for seed in range(2):
            runs["a"][seed] = predictions_of(y_true, y_true)
            runs["b"][seed] = predictions_of(y_true, np.where(is_wrong, 1, 0))
        row = primary(difference_table(runs, "a", margin)).loc["b"]
        found += row["verdict"] == Verdict.EQUAL
    assert found <= 0.05 * num_trials + 2.9 * np.sqrt(0.05 * 0.95 * num_trials)


def test_a_difference_may_be_shown_and_small():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 7, 4000)
    is_right = rng.random(4000) < 0.6
    runs = {}
    for arm, more in (("a", 0), ("b", 60)):
        found = is_right.copy()
        found[np.flatnonzero(~is_right)[:more]] = True
        runs[arm] = dict.fromkeys(range(3), predictions_of(y_true, np.where(found, y_true, 0)))
    row = primary(difference_table(runs, "a", 0.03)).loc["b"]
    assert row["verdict"] == Verdict.BETTER and row["high90"] < 0.03


def test_one_run_each_tells_of_weight_files_alone():
    runs = {"a": seeds_of([0.5], 1), "b": seeds_of([0.6], 2), "c": seeds_of([0.5, 0.5], 5)}
    rows = primary(difference_table(runs, "a"))
    right = [own[0].y_pred == own[0].y_true for own in runs.values()]
    votes = (right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum()
    # Holm's correction doubles the smaller of two p values.
    expected = 2 * binomtest(int(votes[0]), int(sum(votes))).pvalue
    assert rows.loc["b", "p_value"] == pytest.approx(expected)
    assert rows["verdict"].tolist() == [Verdict.WEIGHTS_DIFFER, Verdict.WEIGHTS_ALIKE]
    assert set(rows["how"]) == {How.ONE_RUN} and rows["seeds_needed"].isna().all()
    assert rows["probability_within"].isna().all()


def test_overlapping_test_sets_are_paired_on_the_shared_images():
    whole = seeds_of([0.5, 0.55], 0)
    part = {
        seed: run.select(np.arange(1000) % 4 > 0) for seed, run in seeds_of([0.6, 0.6], 9).items()
    }
    shuffled = {seed: run.select(np.arange(750)[::-1]) for seed, run in part.items()}
    rows = primary(difference_table({"a": whole, "b": shuffled}, "a"))
    kept = {seed: run.select(np.arange(1000) % 4 > 0) for seed, run in whole.items()}
    expected = primary(difference_table({"a": kept, "b": part}, "a"))
    columns = ["images", "difference", "low", "high", "p_value", "seeds"]
    assert rows.loc["b", columns].tolist() == pytest.approx(expected.loc["b", columns].tolist())
    assert rows.loc["b", "images"] == 750


def test_what_shares_no_image_class_or_label_is_not_compared():
    ids = np.array([f"PrivateTest/row{n}" for n in range(1000)])
    first = seeds_of([0.5, 0.5], 0)
    two = {0: predictions_of([0, 1], [0, 1], None, ("cat", "dog"))}
    relabelled = {seed: replace(run, y_true=(run.y_true + 1) % 7) for seed, run in first.items()}
    runs = {"a": first, "b": seeds_of([0.5, 0.5], 5, ids=ids), "c": two, "d": relabelled}
    runs["e"] = seeds_of([0.6, 0.6], 9)
    rows = primary(difference_table(runs, "a"))
    assert rows["how"].tolist() == [
        How.NOTHING_SHARED, How.NOT_COMPARED, How.NOT_COMPARED, How.OVER_SEEDS,
    ]  # fmt: skip
    assert rows.loc[["b", "c", "d"], ["difference", "verdict"]].isna().all(axis=None)
    assert rows.loc["e", "p_value"] < 0.05


def test_test_images_that_change_with_the_seed_leave_the_scores_alone():
    ids = [np.array([f"all/{seed}-{n}" for n in range(1000)]) for seed in range(3)]
    arms = {
        arm: {seed: run_of(share, first + seed, ids[seed]).predictions for seed in range(3)}
        for arm, share, first in (("a", 0.5, 0), ("b", 0.6, 50))
    }
    row = primary(difference_table(arms, "a")).loc["b"]
    scores = {
        arm: np.array([[np.mean(run.y_pred == run.y_true)] for run in own.values()])
        for arm, own in arms.items()
    }
    estimate = contrast(scores, {"b": 1, "a": -1})
    assert row["how"] == How.SEEDS_ALONE and row["p_value"] == pytest.approx(estimate.p_value())
    # Without copies, each run loses images of its own.
    for place, own in enumerate(arms.values()):
        for seed, run in own.items():
            own[seed] = replace(run, leaked=np.arange(1000) < 100 * (1 + place + 2 * seed))
    table = difference_table(arms, "a").set_index(["test images", "score"])
    clean = table.loc["clean", :].loc["accuracy"]
    for column, own in (("first", arms["a"]), ("second", arms["b"])):
        shares = [(run.y_pred == run.y_true)[~run.leaked].mean() for run in own.values()]
        assert clean[column] == pytest.approx(np.mean(shares))
    # Other images in each seed and arm: only single weight files, on what they share.
    moved = {seed: arms["b"][(seed + 1) % 3] for seed in range(3)}
    assert primary(difference_table({"a": arms["a"], "b": moved}, "a"))["how"].tolist() == [
        How.NOTHING_SHARED
    ]


def test_clean_images_are_described_beside_all_of_them():
    leaked = np.arange(1000) < 100
    runs = {
        arm: {
            seed: replace(run, leaked=leaked) for seed, run in seeds_of([0.5, 0.6], place).items()
        }
        for place, arm in enumerate("ab")
    }
    table = difference_table(runs, "a")
    assert table["test images"].tolist() == ["all", "all", "clean", "clean"]
    assert table["images"].tolist() == [1000, 1000, 900, 900]
    clean = table.iloc[2]
    parts = {arm: {s: run.select(~leaked) for s, run in own.items()} for arm, own in runs.items()}
    expected = primary(difference_table(parts, "a")).iloc[0]
    for column in ("difference", "low", "high"):
        assert clean[column] == pytest.approx(expected[column])
    assert np.isnan(clean["p_value"]) and clean["verdict"] is np.nan
    assert table["probability_within"].notna().all()


def test_one_run_each_has_no_probability_on_any_images_and_in_any_score():
    leaked = np.arange(1000) < 100
    one, two = ({0: replace(seeds_of([0.5], seed)[0], leaked=leaked)} for seed in (1, 2))
    more = {seed: replace(run, leaked=leaked) for seed, run in seeds_of([0.5, 0.5], 5).items()}
    table = difference_table({"a": one, "b": two, "c": more}, "a")
    assert table["test images"].tolist() == ["all", "all", "clean", "clean"] * 2
    assert table["low"].notna().all() and table["probability_within"].isna().all()


def test_small_classes_are_named_beside_macro_f1():
    names = ("a", "b")
    y_true = np.repeat([0, 1], [200, 12])
    runs = {
        arm: dict.fromkeys(range(2), predictions_of(y_true, y_true, class_names=names))
        for arm in ("one", "two")
    }
    table = difference_table(runs, "one").set_index("score")
    assert table["weak classes"].to_dict() == {"accuracy": "", "macro_f1": "b"}


def test_a_single_image_says_nothing():
    one = {"a": {0: predictions_of([3], [3])}, "b": {0: predictions_of([3], [2])}}
    row = primary(difference_table(one, "a")).loc["b"]
    assert row["difference"] == -1 and np.isnan(row["low"])


def test_identical_images_say_as_little_as_a_single_one():
    runs = {arm: {0: replace(predictions_of([3, 3], [seen] * 2), groups=np.zeros(2, int))}
            for arm, seen in (("a", 3), ("b", 2))}  # fmt: skip
    row = primary(difference_table(runs, "a")).loc["b"]
    assert row["difference"] == -1 and np.isnan(row["low"])
