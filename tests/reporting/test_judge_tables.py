"""What people see: what is claimed, and what is shown of it."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import comparison_of, predictions_of, run_of, texts

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer_plus import ANSWERS
from fer_keras.evaluation.differences import Verdict
from fer_keras.evaluation.judges import judge
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.judge_figures import rankings
from fer_keras.reporting.judge_tables import (
    GAP,
    class_agreement,
    judge_comparison,
    judge_differences,
    judge_effects,
    judge_summary,
    judge_table,
    readable_agreement,
    readable_judge_differences,
    readable_judge_effects,
    readable_judges,
)

COUNT = 500


def votes_of(labels, seen):
    """Eight of ten people see one emotion, and two are neutral; labels are FER2013's."""
    index = pd.Index([f"PublicTest/row{number}" for number in range(len(labels))], name="id")
    counts = 8 * (np.arange(10) == np.asarray(seen)[:, None])
    table = pd.DataFrame(counts, index, ANSWERS)
    table["neutral"] += 2
    table.insert(0, "label", np.array(CLASS_NAMES)[labels])
    return table


def drawn(rng, count=COUNT):
    """Labels and what people see: the same on 64 % of the images."""
    labels, others = rng.integers(0, 7, (2, count))
    return labels, np.where(rng.random(count) < 0.64, labels, others)


def runs_of(rng, labels, seen, by_label, by_people, seeds):
    """Runs that answer with the label, with what people see, or anything, at these rates."""
    runs = []
    for _ in range(seeds):
        draw, answers = rng.random(len(labels)), rng.integers(0, 7, len(labels))
        shares = np.clip(rng.normal((by_label, by_people), 0.01), 0, 1)
        answers = np.where(draw < shares.sum(), seen, answers)
        answers = np.where(draw < shares[0], labels, answers)
        ids = np.array([f"PublicTest/row{number}" for number in range(len(labels))])
        runs.append(predictions_of(labels, answers, ids))
    return runs


def judged(rng, arms, seeds):
    """The judgement of arms, each a pair of rates."""
    labels, seen = drawn(rng)
    runs = {arm: runs_of(rng, labels, seen, *rates, seeds) for arm, rates in arms.items()}
    return judge(runs, votes_of(labels, seen))


def summary_of(judgement):
    differences = judge_differences(judgement)
    return judge_summary(judgement, judge_table(judgement), differences)


def claims(judgement):
    differences = judge_differences(judgement)
    return differences.set_index(["arm", "measure"])["is_shown"]


def test_a_report_on_equal_arms_rarely_claims_a_difference_by_labels_or_by_people(num_trials):
    rng, template, alarms = np.random.default_rng(1), run_of(0.5, 0, count=7), []
    for _ in range(num_trials // 2):
        labels, seen = drawn(rng)
        parts = {arm: runs_of(rng, labels, seen, 0.4, 0.2, 3) for arm in "abc"}
        runs = {
            arm: {seed: replace(template, predictions=part) for seed, part in enumerate(own)}
            for arm, own in parts.items()
        }
        by_label = difference_table(comparison_of(runs, "somewhere"))["verdict"]
        by_people = claims(judge(parts, votes_of(labels, seen)))
        alarms.append(by_label.isin([Verdict.BETTER, Verdict.WORSE]).any() or by_people.any())
    assert np.mean(alarms) <= 0.07


def test_a_planted_difference_by_label_alone_is_found_and_said(num_trials):
    rng, arms = np.random.default_rng(2), {"first": (0.2, 0.4), "second": (0.4, 0.26)}
    sentences, shown = [], []
    for _ in range(num_trials // 5):
        judgement = judged(rng, arms, 5)
        sentences.append(summary_of(judgement))
        shown.append(claims(judgement)["second"])
    assert np.mean([each["label"] for each in shown]) > 0.8
    is_said = ["do not confirm each other" in text for text in sentences]
    assert np.mean(is_said) > 0.6


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ((0.5, 0.5), r"\*\*Labels and people agree on which arms are better and .* than `first`"),
        ((0.6, 0.0), r"contradict each other on `second`\*\*: one ranks it above `first`"),
        ((0.3, 0.3), r"Neither labels nor people show a difference from `first`"),
    ],
)
def test_the_sentence_says_how_the_rankings_go_together(second, sentence):
    rng = np.random.default_rng(3)
    labels, seen = rng.integers(0, 7, (2, 3000))
    arms = {"first": (0.3, 0.3), "second": second}
    runs = {arm: runs_of(rng, labels, seen, *rates, 4) for arm, rates in arms.items()}
    text = summary_of(judge(runs, votes_of(labels, seen)))
    assert re.search(sentence, text), text
    assert "\n- `second` minus `first`, in points: by label " in f"\n{text}"


def test_one_seed_claims_nothing_whatever_the_models_are():
    judgement = judged(np.random.default_rng(4), {"first": (0.1, 0.1), "second": (0.9, 0)}, 1)
    differences = judge_differences(judgement)
    assert not differences["is_shown"].any()
    assert differences["low"].iloc[0] > 0.3
    text = summary_of(judgement)
    assert "One seed of an arm says nothing" in text and "shown" not in text
    assert not any("Holm" in name for name in readable_judge_differences(differences))


def test_differences_are_of_the_scores_and_the_gap_is_of_two_measures():
    judgement = judged(np.random.default_rng(5), {"a": (0.4, 0.2), "b": (0.5, 0.2)}, 3)
    scores = judge_table(judgement).set_index("who")
    table = judge_differences(judgement).set_index("measure")
    assert set(table["arm"]) == {"b"} and set(table["reference"]) == {"a"}
    for measure in ("label", "plurality", "vote_share"):
        expected = scores.loc["b", measure] - scores.loc["a", measure]
        assert table.loc[measure, "difference"] == pytest.approx(expected)
    gap = table.loc["label", "difference"] - table.loc["plurality", "difference"]
    assert table.loc[GAP, "difference"] == pytest.approx(gap)
    text = readable_judge_differences(table.reset_index())
    assert text.loc["b", "accuracy by label"].startswith(
        f"{100 * table.loc['label', 'difference']:+.1f} ("
    )
    assert judge_differences(judged(np.random.default_rng(5), {"a": (0.4, 0.2)}, 3)).empty


def test_the_table_shows_people_under_the_arms():
    labels, seen = np.array([0, 0, 0, 3, 3] * 20), np.array([0, 0, 4, 3, 3] * 20)
    run = predictions_of(labels, labels, votes_of(labels, seen).index.to_numpy())
    judgement = judge({"mine": [run]}, votes_of(labels, seen))
    text = readable_judges(judge_table(judgement))
    assert text.index.tolist() == [
        "mine", "one of the ten people", "FER2013's label", "the plurality",
    ]  # fmt: skip
    assert text.loc["FER2013's label", "accuracy by label"] == "1.000"
    assert text.loc["mine", "accuracy by label"] == "1.000"
    assert text.loc["the plurality", "accuracy by label"].startswith(".800 [")
    assert text.loc["the plurality", "vote share"] == ".800"


def test_agreement_by_class_counts_the_plurality_on_the_label():
    labels, seen = (
        np.array([0] * 40 + [2] * 30 + [1] * 10),
        np.array([0] * 40 + [4] * 27 + [2] * 13),
    )
    votes = votes_of(labels, seen)
    run = predictions_of(labels, labels, votes.index.to_numpy())
    table = class_agreement(judge({"mine": [run]}, votes)).set_index("class")
    assert table["images"].to_dict() == {"angry": 40, "disgust": 10, "fear": 30, "all": 80}
    assert table["agree"].tolist() == pytest.approx([1, 0, 0.1, 43 / 80])
    assert table["seen most as"].tolist() == ["angry", "fear", "sad", "angry"]
    assert table["low"].isna().tolist() == [False, True, False, False]  # ten images are too few
    assert 0 <= table.loc["fear", "low"] < 0.1 < table.loc["fear", "high"] < 0.25
    text = readable_agreement(table.reset_index())
    assert text.loc["disgust", "plurality is the label"] == ".000"


def test_the_figure_names_both_rankings_and_every_arm():
    table = judge_table(judged(np.random.default_rng(6), {"a": (0.5, 0.2), "b": (0.3, 0.4)}, 2))
    figure = rankings(table)
    shown = texts(figure)
    for title in ("accuracy by label", "accuracy by plurality", "vote share", "a", "b"):
        assert title in shown
    assert f"accuracy by plurality: a {table['plurality'][0]:.3f}" in figure.get_label()
    left = figure.axes[0].containers[0].lines[0].get_ydata()
    np.testing.assert_allclose(left, table.loc[0, ["label", "plurality"]].astype(float))


def test_a_comparison_is_judged_from_its_kept_votes(tmp_path):
    rng = np.random.default_rng(7)
    labels, seen = drawn(rng)
    runs = {
        seed: replace(run_of(0.5, seed), predictions=predictions)
        for seed, predictions in enumerate(runs_of(rng, labels, seen, 0.4, 0.2, 2))
    }
    other = {0: replace(runs[0], predictions=replace(runs[0].predictions, y_true=(labels + 1) % 7))}
    compared = comparison_of({"mine": runs, "other": other}, tmp_path)
    assert judge_comparison(compared) == (None, "")
    votes_of(labels, seen).to_csv(tmp_path / "votes.csv")
    judgement, trouble = judge_comparison(compared)
    assert not trouble and list(judgement.arms) == ["mine"]
    text = summary_of(judgement)
    assert "One arm has votes" in text
    assert "`other` is left out, for its labels are not FER2013's" in text


def test_effects_by_people_are_those_of_the_arms_and_rank_none():
    rng = np.random.default_rng(5)
    arms = {"a, u": (0.3, 0.3), "a, w": (0.3, 0.4), "b, u": (0.3, 0.3), "b, w": (0.3, 0.5)}
    judgement = judged(rng, arms, 2)
    levels = pd.DataFrame(
        [arm.split(", ") for arm in arms], index=[*arms], columns=["first", "second"]
    )
    effects = judge_effects(judgement, levels).set_index(["measure", "effect"])["difference"]
    for measure in ("label", "plurality", "vote_share"):
        score = {arm: judgement.score(arm, measure).value for arm in arms}
        second = (score["a, w"] + score["b, w"] - score["a, u"] - score["b, u"]) / 2
        assert effects[measure, "second"] == pytest.approx(second)
    text = readable_judge_effects(judge_effects(judgement, levels))
    assert text.loc[("second", "u → w"), "accuracy by plurality"].startswith("+")
    assert ("first × second", "") in text.index
    assert judge_effects(judgement, levels.iloc[:2]) is None
    words = judge_summary(judgement, judge_table(judgement), None)
    assert words.startswith("The arms are combinations of levels and are not ranked.")
    assert "minus" not in words and "shown" not in words
