"""The design in a report, and what came after it."""

from dataclasses import replace

import pytest
from helpers import finish_untrained

from fer_keras.comparison import engine
from fer_keras.comparison.design import families
from fer_keras.comparison.prepare import GROUPS
from fer_keras.comparison.results import result_table
from fer_keras.reporting.command import compare_command
from fer_keras.reporting.design_tables import additions, design_in_words, design_table
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.methods import methods
from fer_keras.training.recipe import Recipe


@pytest.fixture
def done(splits, tmp_path, monkeypatch):
    """Two arms and two seeds, untrained, whose design is of 26 November 2026."""
    monkeypatch.setattr(engine, "execute_all", finish_untrained)
    arms = {"one": Recipe(epochs=3), "two": Recipe(epochs=3, learning_rate=0.01)}
    done = engine.run_comparison(arms, splits, 2, name="mine", out=tmp_path)
    return replace(done, design=done.design | {"date": "2026-11-26 08:00 UTC"})


def test_the_table_says_what_is_asked_and_decided_by(done):
    table = design_table(done.design)["value"]
    assert table["arms"] == "one; two" and table["reference arm"] == "one"
    assert table["seeds"] == "0, 1" and table["margin of equality"] == "1 point"
    digest = done.design["data"]["one"]["sha256"][:12]
    faces = f"faces: 140 training, 35 validation, 70 test images (SHA-256 {digest}…)"
    assert table["faces"] == faces  # once, not for each arm
    assert table["tests"].startswith("every other arm against one, by accuracy, corrected by Dun")
    assert table["written"] == "2026-11-26 08:00 UTC"
    assert "factors" not in table and "epochs" not in table
    table = design_table(done.design | {"factors": {"epochs": [15, 30]}, "margin": 0.005})["value"]
    assert table["factors"] == "epochs: 15, 30"
    assert table["margin of equality"] == "0.5 points"


def test_a_report_that_follows_its_design_says_so(done):
    assert additions(done) == []
    words = design_in_words(done)
    assert "nothing was added or left out" in words and "before the first run" in words


@pytest.mark.parametrize(
    ("seeds", "sentence"),
    [
        ((0, 1, 3, 4), "Seeds 3 and 4 were added after the first design of 2026-11-26."),
        ((0, 1, 2), "Seed 2 was added after the first design of 2026-11-26."),
        (range(10), "Seeds 2 to 9 were added after the first design of 2026-11-26."),
        ((0, 1, 3, 5, 6), "Seeds 3, 5 and 6 were added after the first design of 2026-11-26."),
        ((1,), "Seed 0 of the design is left out here."),
    ],
)
def test_other_seeds_than_designed_are_named(done, seeds, sentence):
    changed = replace(done, seeds=tuple(seeds))
    assert additions(changed) == [sentence]
    assert f"- {sentence}" in design_in_words(changed)


def test_runs_that_are_missing_are_counted(done):
    runs = done.runs | {"two": {0: done.runs["two"][0]}}
    assert additions(replace(done, runs=runs)) == ["1 of its 4 runs is missing."]


def test_all_else_that_differs_from_the_design_is_named(done):
    changed = replace(done, margin=0.02, factors={"epochs": (3, 4)})
    assert additions(changed) == [
        "The margin of equality was 1 point in the design, and is 2 points here.",
        "The crossed factors were none in the design, and are epochs here.",
        "This was added to the tests afterwards: effects and interactions of epochs, by accuracy, "
        "corrected by Holm.",
    ]
    arms = done.arms | {"two": done.arms["two"].changed(epochs=5)}
    sentence = "The arm two had epochs 3 in the design, and has 5 here."
    assert additions(replace(done, arms=arms)) == [sentence]
    late = replace(done, arms=done.arms | {"three": done.arms["two"]})
    assert additions(late) == ["The arm three is not in the design."]
    path = done.runs["one"][0].directory / "recipe.json"
    digest = done.design["data"]["one"]["sha256"]
    path.write_text(path.read_text().replace(digest, "another"))
    assert additions(done) == ["The faces of the arm one are others than in the design."]


def test_methods_say_what_came_after_the_design(done):
    def words(comparison):
        table, differences = result_table(comparison), difference_table(comparison)
        return " ".join(methods(comparison, table, differences).replace(">", "").split())

    written = "Question, score, margin and tests were written down before the first run."
    assert f"{written} The runs were" in words(done)
    later = "The margin of equality was 1 point in the design, and is 2 points here."
    assert f"{written} {later}" in words(replace(done, margin=0.02))
    assert "learnt from 140 images of" in words(done)
    grouped = replace(done, notes=(f"The 70 test images are of 7 {GROUPS}, of which none is.",))
    assert "one person or sequence belong together" in words(grouped)
    assert "one person" not in words(done)
    data = done.design["data"]
    others = data | {"two": data["two"] | {"train": 99}}
    assert "learnt from" not in words(replace(done, design=done.design | {"data": others}))


def test_tests_by_votes_that_were_not_designed_are_named(done):
    (done.directory / "votes.csv").write_text("id,label\n")
    assert additions(done) == [
        "This was added to the tests afterwards: every other arm against one, by label, people's "
        "plurality and vote share, corrected by Holm."
    ]


def test_the_best_in_equal_time_is_a_family_of_its_own():
    tests = [family["tests"] for family in families(["a", "b", "c"], {}, False, 15)]
    assert tests[:2] == [
        "every other arm against a",
        "the arm with the highest mean against every other arm",
    ]
    # Of two arms it is the same test.
    assert len(families(["a", "b"], {}, False, 15)) == len(families(["a", "b"], {}, False)) == 2


def test_a_late_design_does_not_claim_to_come_first(done):
    words = design_in_words(replace(done, design=done.design | {"finished_before": 3}))
    assert "3 runs had finished already" in words
    assert "before the first run" not in words


def test_the_command_to_repeat_names_an_unusual_margin(done):
    assert "--margin" not in compare_command(done)
    assert compare_command(replace(done, margin=0.02)).endswith("--seeds=2 --margin=2")
