"""The design: written before the first run, and never again."""

import json
from dataclasses import replace

import pytest
from helpers import finish_untrained

from fer_keras.comparison import engine, tuning
from fer_keras.comparison.design import DESIGN, read_design
from fer_keras.comparison.record import load_comparison, save_comparison
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

ARMS = {"one": Recipe(epochs=3), "two": Recipe(epochs=3, learning_rate=0.01)}


@pytest.fixture
def run(splits, tmp_path, monkeypatch):
    """Return a function that runs the same two arms, untrained."""
    for module in (engine, tuning):
        monkeypatch.setattr(module, "execute_all", finish_untrained)

    def run(seeds=2, arms=ARMS, **options):
        return engine.run_comparison(arms, splits, seeds, name="mine", out=tmp_path, **options)

    return run


def test_the_design_is_there_before_the_first_run_and_says_what_is_asked(run, monkeypatch):
    seen = []

    def execute(planned, *rest):
        seen.extend((each.directory.parent / DESIGN).read_text() for each in planned)
        assert not any(each.directory.exists() for each in planned)
        return finish_untrained(planned)

    monkeypatch.setattr(engine, "execute_all", execute)
    done = run()
    design = json.loads(seen[0])
    assert len(seen) == 4 and design == done.design == read_design(done.directory)
    assert (design["question"], design["reference"], design["seeds"]) == ("mine", "one", [0, 1])
    assert (design["primary"], design["margin"], design["finished_before"]) == ("accuracy", 0.01, 0)
    assert design["arms"]["two"] == {
        name: value for name, value in done.arms["two"].as_json().items() if name != "seed"
    }
    faces = json.loads((done.runs["one"][0].directory / "recipe.json").read_text())["data"]
    assert design["data"]["one"] == {"name": "faces", **faces}
    assert (faces["train"], faces["validation"], faces["test"]) == (140, 35, 70)
    [arms, rest] = design["families"]
    assert (arms["tests"], arms["correction"]) == ("every other arm against one", "Dunnett")
    assert rest["correction"] == "none"


def test_a_later_call_leaves_the_design_as_it_was(run):
    first = run(margin=0.02)
    kept = (first.directory / DESIGN).read_bytes()
    again = run(seeds=4)
    assert (again.margin, again.seeds) == (0.02, (0, 1, 2, 3))  # nobody named another margin
    assert run(margin=0.005).margin == 0.005
    assert (first.directory / DESIGN).read_bytes() == kept
    loaded = load_comparison(first.directory)
    assert (loaded.margin, loaded.design["margin"]) == (0.005, 0.02)


def test_a_design_that_comes_late_says_so(run):
    first = run()
    (first.directory / DESIGN).unlink()
    assert load_comparison(first.directory).design is None
    assert run(seeds=3).design["finished_before"] == 4


def test_of_crossed_factors_the_effects_alone_are_tested(run):
    factors = {"learning_rate": (0.001, 0.01), "epochs": (3, 4)}
    design = run(1, {"one": Recipe()}, factors=factors).design
    assert design["factors"] == {"learning_rate": [0.001, 0.01], "epochs": [3, 4]}
    effects, rest = design["families"]
    tests = "effects and interactions of learning_rate, epochs"
    assert effects == {"tests": tests, "score": "accuracy", "correction": "Holm"}
    assert rest["correction"] == "none"


def test_peoples_votes_have_a_family_where_they_lie_beside_the_csv(data, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "execute_all", finish_untrained)
    families = []
    for name in ("without", "with"):
        done = engine.run_comparison(ARMS, data, 1, name=name, out=tmp_path)
        families.append([each["score"] for each in done.design["families"]])
        (data / "fer2013new.csv").write_text("Usage,Image name\n")
    people = "label, people's plurality and vote share"
    assert families == [["accuracy", "all scores"], ["accuracy", people, "all scores"]]


def test_what_time_and_search_choose_is_no_change_of_the_design(run):
    done = run(minutes=1, search_rate=True)
    assert done.design["chosen_later"] == ["epochs", "learning_rate"]
    assert done.design["finished_before"] == 0  # neither timed nor tried runs came first
    arm = done.design["arms"]["one"]
    assert arm["epochs"] == "as many as fit into 1 minutes"
    assert arm["learning_rate"] == "the best of three on validation faces"
    assert done.arms["one"].epochs == 1 and len(done.rates["one"]) == 3  # epochs take 30 s


@pytest.mark.parametrize("margin", [0, 1, 0.0001, "1", True, float("nan")])
def test_a_margin_in_the_wrong_unit_is_refused(run, margin):
    with pytest.raises(InputError, match="give 0.001 to 0.2 in Python, which is 0.1 to 20 points"):
        run(margin=margin)


def test_tables_of_a_former_report_do_not_stay_beside_other_runs(run):
    done = run()
    leftover = done.directory / "tables" / "effects.csv"
    leftover.parent.mkdir()
    leftover.write_text("of two seeds")
    save_comparison(done)
    assert run().directory == done.directory and leftover.is_file()  # the same runs
    run(seeds=3)
    assert not leftover.exists()
    leftover.parent.mkdir()
    leftover.write_text("of three seeds")
    save_comparison(replace(done, margin=0.02))
    assert not leftover.exists()
