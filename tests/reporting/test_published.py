"""What the repository publishes agrees with its records."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest
from fer_keras.reporting.effect_tables import pipeline_table, read_study

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.comparison.run import run
from fer_keras.training.recipe import Recipe

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPORTS = ["compare_same_images", "compare_published", "architectures"]
STUDY = "storage-feed-augmentation"
STUDIES = pd.read_csv(ROOT / "reports" / "studies.csv")


def test_readme_tables_are_those_of_the_records(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "reports")
    generator = runpy.run_path(str(ROOT / "reports" / "update_readme.py"))
    assert generator["with_tables"](README) == README


def self_contained_report(name):
    html = (ROOT / "reports" / f"{name}.html").read_text(encoding="utf-8")
    assert len(html) < 5_000_000
    assert not re.search(r"""\s(src|srcset)=["'](?!data:)""", html)
    assert "<link" not in html and "<script" not in html
    return html


def test_the_studys_report_agrees_with_its_record():
    study = read_study(ROOT / "reports" / STUDY)
    assert len(study.runs) == 24 and set(study.runs["split"]) == {"PublicTest"}
    html = self_contained_report(STUDY)
    for row in pipeline_table(study).to_dict("records"):
        assert all(f">{text}<" in html for text in row.values())


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_small_self_contained_and_agree_with_their_record(name):
    html = self_contained_report(name)
    for row in pd.read_csv(ROOT / "reports" / f"{name}.csv").itertuples():
        assert f"{row.accuracy:.3f}".removeprefix("0") in html
        assert row.split == "PrivateTest" or f"{row.split} ({row.images:,})" in html
    assert "PrivateTest" not in set(pd.read_csv(ROOT / "reports" / f"{name}.csv")["split"])


@pytest.mark.parametrize("name", STUDIES["recipe"].unique())
def test_every_recipe_has_run_and_gives_what_it_promises(name):
    rows = STUDIES[STUDIES["recipe"] == name]
    row = rows.iloc[0]
    assert RECIPES[name].minutes == pytest.approx(row["minutes"], rel=0.15)
    accuracy, where = RECIPES[name].expected.split(" on ")
    assert float(accuracy) == round(row["accuracy"], 2)
    assert where == ("PublicTest" if row["split"] == "PublicTest" else "a random fifth of all rows")
    report = pd.read_csv(ROOT / "reports" / "studies" / f"{name}_class_report.csv")
    classes = (
        report[report["split"] == row["split"]]
        .set_index("class")
        .loc[list(RECIPES[name].recipe.classes)]
    )
    assert classes["support"].sum() == row["images"]
    found = (classes["recall"] * classes["support"]).sum() / classes["support"].sum()
    assert found == pytest.approx(row["accuracy"])
    history = pd.read_csv(ROOT / "reports" / "studies" / f"{name}_history.csv")
    assert len(history) == row["epochs"]
    assert history["accuracy"].iloc[-1] == pytest.approx(row["training_accuracy"])


def test_collecting_a_run_puts_it_in_the_place_of_the_former_one(tmp_path, splits, monkeypatch):
    collector = runpy.run_path(str(ROOT / "reports" / "collect_studies.py"))
    collect = collector["collect"]
    monkeypatch.setitem(collect.__globals__, "REPORTS", tmp_path)
    monkeypatch.setitem(collect.__globals__, "RECORD", tmp_path / "studies.csv")
    (tmp_path / "studies").mkdir()
    first = run(Recipe(epochs=1), splits, tmp_path / "conv2-1")
    collect([first.directory]).to_csv(tmp_path / "studies.csv", index=False)
    other = run(Recipe(epochs=1), splits, tmp_path / "vgg8-1")
    collect([other.directory]).to_csv(tmp_path / "studies.csv", index=False)
    second = run(Recipe(epochs=2), splits, tmp_path / "conv2-2")
    record = collect([second.directory])
    assert record[["recipe", "epochs"]].to_numpy().tolist() == [["conv2", 2], ["vgg8", 1]]
    kept = (tmp_path / "studies" / "conv2_history.csv").read_bytes()
    assert kept == (second.directory / "history.csv").read_bytes()


def budget_row(recipe, epochs, seed, split, accuracy, minutes):
    row = {"recipe": recipe, "epochs": epochs, "seed": seed, "split": split}
    return row | {"accuracy": accuracy, "minutes": minutes}


def test_budgets_are_medians_over_seeds_quickest_first():
    budgets = runpy.run_path(str(ROOT / "reports" / "collect_budgets.py"))["budgets"]
    record = [
        budget_row("best", 120, 0, "PublicTest", 0.68, 60),
        budget_row("best", 120, 0, "PublicTest, augmented", 0.69, 60),
        *(
            budget_row("quick", 28, seed, "PublicTest", accuracy, minutes)
            for seed, accuracy, minutes in ((0, 0.64, 4), (1, 0.60, 6), (2, 0.65, 5))
        ),
        *(budget_row("quick", 28, seed, "PublicTest, clean", 0.6, 4) for seed in range(3)),
    ]
    quick, best = budgets(pd.DataFrame(record)).to_dict("records")
    assert (quick["minutes"], quick["accuracy"], quick["seeds"]) == (5, 0.64, 3)
    assert (quick["low"], quick["high"], quick["clean"]) == (0.60, 0.65, 0.6)
    assert (best["recipe"], best["accuracy"], best["augmented"]) == ("best", 0.68, 0.69)
    assert pd.isna(best["clean"]) and pd.isna(quick["augmented"])


def test_collecting_a_run_again_replaces_it_and_keeps_other_budgets(tmp_path, splits, monkeypatch):
    collect = runpy.run_path(str(ROOT / "reports" / "collect_budgets.py"))["collect"]
    monkeypatch.setitem(collect.__globals__, "RECORD", tmp_path / "budgets.csv")
    recipe = Recipe(network="quick", epochs=1, test_time_augmentation=True)
    first = run(recipe, splits, tmp_path / "best-1")
    collect([first.directory]).to_csv(tmp_path / "budgets.csv", index=False)
    second = run(recipe.changed(epochs=2), splits, tmp_path / "best-2")
    record = collect([first.directory, second.directory])
    assert record[["recipe", "epochs"]].drop_duplicates().to_numpy().tolist() == [
        ["best", 1],
        ["best", 2],
    ]
    assert record["split"].tolist() == 2 * ["PublicTest", "PublicTest, augmented"]


@pytest.mark.parametrize("name", [name for name, named in RECIPES.items() if not named.study])
def test_our_recipes_have_run_and_give_what_they_promise(name):
    record = pd.read_csv(ROOT / "reports" / "budgets.csv")
    named = RECIPES[name]
    runs = record[(record["recipe"] == name) & (record["epochs"] == named.recipe.epochs)]
    plain = runs[runs["split"] == "PublicTest"]
    assert named.expected == f".{plain['accuracy'].median() * 100:.0f} on PublicTest"
    assert named.minutes == pytest.approx(plain["minutes"].median(), rel=0.15)


def test_every_file_that_the_readme_names_exists():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links and all((ROOT / name).exists() for name in links)
