"""Scores by people's votes: by hand, by counting each voter, and by SciPy."""

import numpy as np
import pandas as pd
import pytest
from helpers import predictions_of
from scipy.stats import ttest_rel

from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES
from fer_keras.data.readers.fer_plus import ANSWERS
from fer_keras.evaluation.judges import (
    LABEL,
    MEASURES,
    PERSON,
    PLURALITY,
    is_judged,
    judge,
    measure,
    measure_person,
)


def votes_of(*rows):
    """Votes from pairs of a label and a dict from an answer to its number of votes."""
    table = pd.DataFrame([counts for _, counts in rows], columns=ANSWERS).fillna(0).astype(int)
    table.insert(0, "label", [label for label, _ in rows])
    return table.set_axis(pd.Index([f"PublicTest/row{n}" for n in range(len(rows))], name="id"))


def random_votes(count):
    rng = np.random.default_rng(0)
    counts = rng.multinomial(10, rng.dirichlet(np.full(10, 0.3), count))
    rows = [dict(zip(ANSWERS, row)) for row in counts.tolist()]
    return votes_of(*zip(rng.choice(CLASS_NAMES, count).tolist(), rows))


def random_runs(votes, seeds):
    rng, count = np.random.default_rng(0), len(votes)
    y_true = np.array([CLASS_NAMES.index(name) for name in votes["label"]])
    ids = votes.index.to_numpy()
    return [predictions_of(y_true, rng.integers(0, 7, count), ids) for _ in range(seeds)]


CLEAR = ("happy", {"happy": 6, "neutral": 4})
TIED = ("fear", {"surprise": 5, "neutral": 5})
MIXED = ("angry", {"contempt": 3, "unknown": 3, "NF": 2, "angry": 2})


def test_scores_of_answers_are_those_worked_by_hand():
    votes = votes_of(CLEAR, TIED, MIXED)
    scores = measure(votes, np.array(["happy", "surprise", "angry"]))
    np.testing.assert_allclose(scores, [[1, 0, 1], [1, 0.5, 0], [0.6, 0.5, 0.2]])


def test_scores_of_a_person_are_those_worked_by_hand():
    scores = measure_person(votes_of(CLEAR, TIED, MIXED))
    by_votes = [(6 * 5 + 4 * 3) / 90, (5 * 4 + 5 * 4) / 90, (3 * 2 + 2 * 1) / 90]
    np.testing.assert_allclose(scores, [[0.6, 0, 0.2], [0.6, 0, 0.3 / 2], by_votes])


def test_a_person_is_one_voter_against_the_nine_others():
    votes = random_votes(40)
    votes = votes[is_judged(votes)]
    scores = measure_person(votes)
    for place, row in enumerate(votes.itertuples(index=False)):
        ballots = [name for name, count in zip(ANSWERS, row[1:]) for _ in range(count)]
        expected = np.zeros(3)
        for number, ballot in enumerate(ballots):
            others = ballots[:number] + ballots[number + 1 :]
            most = max(others.count(name) for name in ALL_CLASS_NAMES)
            first = [name for name in ALL_CLASS_NAMES if others.count(name) == most]
            if ballot in ALL_CLASS_NAMES:
                plural = (ballot in first) / len(first)
                expected += [ballot == row.label, plural, others.count(ballot) / len(others)]
        np.testing.assert_allclose(scores[:, place], expected / len(ballots), atol=1e-12)


def test_images_without_an_emotion_ahead_are_not_judged():
    votes = votes_of(
        MIXED,
        ("happy", {"happy": 3, "sad": 2, "unknown": 4}),
        ("happy", {"happy": 4, "NF": 6}),
        ("happy", {"happy": 1}),
        ("happy", {}),
    )
    assert is_judged(votes).tolist() == [True, False, False, False, False]


def test_no_answers_have_a_higher_vote_share_than_the_plurality():
    votes = random_votes(200)
    result = judge({"network": random_runs(votes, 2)}, votes)
    highest = result.votes[list(ALL_CLASS_NAMES)].max(axis=1).mean() / 10
    assert result.score(PLURALITY, "vote_share").value == pytest.approx(highest)
    assert result.score(LABEL, "label").value == pytest.approx(1)
    # How often the label is the plurality is one number, whoever is asked.
    agreement = result.score(PLURALITY, "label").value
    assert result.score(LABEL, "plurality").value == pytest.approx(agreement)
    chosen = result.votes.to_numpy()[
        np.arange(len(result.votes)),
        1 + np.array([ANSWERS.index(n) for n in result.votes["label"]]),
    ]
    assert result.score(PERSON, "label").value == pytest.approx(chosen.astype(float).mean() / 10)


def test_the_order_of_images_and_of_classes_changes_nothing():
    votes = random_votes(100)
    [run] = random_runs(votes, 1)
    order, places = np.random.default_rng(1).permutation(100), np.array([3, 1, 0, 2, 6, 4, 5])
    other = predictions_of(
        np.argsort(places)[run.y_true[order]],
        np.argsort(places)[run.y_pred[order]],
        run.ids[order],
        tuple(np.array(CLASS_NAMES)[places]),
    )
    result = judge({"one": [run], "other": [other]}, votes)
    for name in MEASURES:
        assert result.score("one", name).value == pytest.approx(result.score("other", name).value)
        assert result.difference("one", "other", name).value == pytest.approx(0)


def test_the_interval_of_two_models_is_that_of_a_paired_t_test_over_images():
    votes = random_votes(300)
    first, second = random_runs(votes, 2)
    result = judge({"first": [first], "second": [second]}, votes)
    values = {
        arm: measure(result.votes, np.array(CLASS_NAMES)[run.y_pred[is_judged(votes)]])
        for arm, run in (("first", first), ("second", second))
    }
    for place, name in enumerate(MEASURES):
        test = ttest_rel(values["second"][place], values["first"][place])
        found = result.difference("second", "first", name)
        np.testing.assert_allclose(found.interval(), test.confidence_interval())
        assert found.p_value() == pytest.approx(test.pvalue)
    gap = {arm: each[0] - each[1] for arm, each in values.items()}
    test = ttest_rel(gap["second"], gap["first"])
    found = result.difference("second", "first", ("label", "plurality"))
    np.testing.assert_allclose(found.interval(), test.confidence_interval())


def test_identical_images_count_once():
    votes = random_votes(150)
    [run] = random_runs(votes, 1)
    twice = pd.concat([votes, votes.set_axis(votes.index + "b")])
    ids = np.concatenate([run.ids, [f"{name}b" for name in run.ids]])
    copied = predictions_of(*(np.tile(each, 2) for each in (run.y_true, run.y_pred)), ids,
                            groups=np.tile(np.arange(150), 2))  # fmt: skip
    one, two = judge({"a": [run]}, votes), judge({"a": [copied]}, twice)
    assert len(two.votes) == 2 * len(one.votes)
    for name in MEASURES:
        expected = one.score("a", name).interval()
        np.testing.assert_allclose(two.score("a", name).interval(), expected)


def test_arms_are_judged_on_the_images_that_they_share_and_others_are_named():
    votes = random_votes(120)
    runs = random_runs(votes, 2)
    some = np.arange(120) >= 60
    folder = predictions_of(
        runs[0].y_true, runs[0].y_pred, np.array([f"a/{n}" for n in range(120)])
    )
    pictures = predictions_of([0, 1] * 60, [0, 1] * 60, runs[0].ids, ("calm", "tense"))
    result = judge(
        {
            "folder": [folder],
            "all": runs,
            "half": [runs[0].select(some)],
            "other half": [runs[0].select(~some)],
            "pictures": [pictures],
            "random": [runs[0].select(some), runs[1].select(~some)],
        },
        votes,
    )
    assert list(result.arms) == ["all", "half"]
    assert result.votes.index.tolist() == votes.index[some & is_judged(votes)].tolist()
    assert (result.tested, result.seeds("all"), result.seeds("half")) == (120, 2, 1)
    assert result.left_out == {
        "folder": "there are no votes on its test images",
        "other half": "it shares no judged test images with all",
        "pictures": "its classes are not FER+'s emotions",
        "random": "its seeds are tested on different images",
    }
    assert judge({"folder": [folder]}, votes) is None


def test_eight_classes_are_scored_by_fer2013s_label_whatever_they_learnt():
    """A network that learnt FER+'s labels has these as its true classes."""
    votes = votes_of(CLEAR, TIED, MIXED)
    run = predictions_of([3, 5, 7], [3, 5, 7], votes.index.to_numpy(), ALL_CLASS_NAMES)
    result = judge({"ferplus": [run]}, votes)
    scores = [result.score("ferplus", name).value for name in MEASURES]
    assert scores == pytest.approx([1 / 3, (1 + 0.5 + 1) / 3, (0.6 + 0.5 + 0.3) / 3])
