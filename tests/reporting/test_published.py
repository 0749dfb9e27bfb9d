"""What the repository publishes agrees with its records."""

import re
import shutil
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, accuracy_of, module_of, run_of
from scipy.stats import ttest_1samp

import fer_keras as fk
from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.data.drawn import write_drawn_data
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.predictions import Predictions

REPORTS = ROOT / "reports"
_module = partial(module_of, "reports")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*ROOT.glob("*.md"), *(page for room in ("reports", "benchmarks", "docs")
                               for page in (ROOT / room).glob("*.md"))]  # fmt: skip
STUDIES = pd.read_csv(REPORTS / "studies.csv")


@pytest.fixture(scope="module")
def write_tables():
    return _module("write_tables")


@pytest.fixture(scope="module")
def publish():
    return _module("publish")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A comparison of two recipes on drawn faces, one epoch each."""
    folder = tmp_path_factory.mktemp("published")
    write_drawn_data(folder, 150, 70)
    arms = ["conv3_csv=conv3_csv,division=own", "quick"]
    return fk.compare(arms, folder, 1, changes={"epochs": 1}, out=folder / "runs")


def test_the_pages_tables_are_those_of_the_records(write_tables):
    for path, sections in write_tables.FILES.items():
        text = path.read_text(encoding="utf-8")
        assert write_tables.with_tables(text, sections) == text


def test_each_benchmark_stands_beside_its_date_and_the_machine_beside_all_dates(write_tables):
    record, text = pd.read_csv(ROOT / "benchmarks" / "results.csv"), write_tables.speed()
    shown = re.findall(r"^\| (.+?) \| .* \| (2026-\d\d-\d\d) \|$", text, re.MULTILINE)
    assert sorted(shown) == sorted(zip(record["what"], record["date"].str[:10]))
    days = [day for _, day in shown]
    dates = " to ".join(sorted({min(days), max(days)}))
    assert f"`make bench DATA=DIR`, {dates}, AMD EPYC, 2 cores" in text


def test_a_page_without_marks_is_refused(write_tables):
    with pytest.raises(SystemExit, match="headline needs its two marks"):
        write_tables.with_tables("no marks", [write_tables.headline])


def test_readme_is_short_and_its_table_recomputes_from_the_record():
    assert len(README.splitlines()) <= 200
    record = pd.read_csv(REPORTS / "same_images" / "results.csv")
    for arm, runs in record[record["split"] == "PublicTest"].groupby("arm"):
        mean = f"{runs['accuracy'].mean():.3f}"[1:]
        assert f"| {arm} | PublicTest (3,589) | {len(runs)} | {mean} [" in README


def test_published_predictions_give_the_record():
    record = pd.read_csv(REPORTS / "same_images" / "results.csv").set_index("directory")
    for directory, row in record.iterrows():
        predictions = Predictions.load(REPORTS / "same_images" / directory / "predictions.npz")
        assert (predictions.y_pred == predictions.y_true).mean() == pytest.approx(row["accuracy"])
    assert len(record) == 20


def weak_classes(every):
    """Names of the classes with fewer than 20 images, or than 5 hits in one of several runs."""
    found = []
    for number, name in enumerate(every[0].class_names):
        images = [(run.y_true == number).sum() for run in every]
        hits = [((run.y_true == number) & (run.y_pred == number)).sum() for run in every]
        found += [name] if min(images) < 20 or min(hits) < 5 else []
    return ", ".join(found)


def test_published_scores_say_where_macro_f1_is_unsure(write_tables):
    table, found = write_tables.published(), []
    for path in REPORTS.glob("published/*/predictions.npz"):
        arm = path.parent.name.split("-")[0]
        for split, part in Predictions.load(path).test_sets().items():
            found.append(weak_classes([part]))
            row = re.escape(f"| {arm} | {split} ({len(part.ids):,}) | ")
            assert re.search(rf"^{row}.*\] \| {found[-1]} \|$", table, re.MULTILINE)
    assert sorted(found) == [""] * 4 + ["disgust"] * 4
    assert table.count("| as study D published (7,178) | .59 | .5") == 2


def test_studies_say_where_macro_f1_is_unsure():
    noted = STUDIES.set_index(["recipe", "split"])["weak_classes"].fillna("")
    for name in STUDIES["recipe"].unique():
        paths = REPORTS.glob(f"studies/{name}/*/predictions.npz")
        runs = [Predictions.load(path).test_sets() for path in paths]
        for split in runs[0] if runs else []:
            assert noted[name, split] == weak_classes([run[split] for run in runs])
        report = pd.read_csv(REPORTS / "studies" / f"{name}_class_report.csv")
        few = report[(report["support"] < 20) | (report["recall"] * report["support"] < 4.5)]
        for split in report["split"].unique() if not runs else []:
            assert noted[name, split] == ", ".join(few.loc[few["split"] == split, "class"])
    score_table = _module("study_tables").score_table
    flags = score_table(STUDIES[STUDIES["recipe"] == "conv4_bn"])["macro F1 unsure for"]
    assert dict(flags) == dict.fromkeys(
        ("PublicTest (3,589)", "PublicTest, clean (3,309)"), "disgust"
    )
    assert "macro F1 unsure for" not in score_table(STUDIES[STUDIES["recipe"] == "vgg8"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_to_exists(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def self_contained_report(name):
    html = (REPORTS / f"{name}.html").read_text(encoding="utf-8")
    assert len(html) < 5_000_000
    assert not re.search(r"""\s(src|srcset)=["'](?!data:)""", html)
    assert "<link" not in html and not re.search(r"<script[^>]*src", html)
    assert not re.search(r"""<a [^>]*href=["'](?!#|https?:|data:)""", html)
    return html


@pytest.mark.parametrize("name", COMPARISONS)
def test_reports_are_self_contained_and_agree_with_their_record(name):
    if not (REPORTS / f"{name}.html").is_file():
        pytest.skip("not published yet, or its report was withdrawn")
    rows, html = pd.read_csv(REPORTS / name / "results.csv"), self_contained_report(name)
    assert "PrivateTest" not in set(rows["split"])
    for accuracy in rows.groupby(["arm", "split"])["accuracy"].mean():
        assert f"{accuracy:.3f}".removeprefix("0") in html


@pytest.mark.parametrize("name", STUDIES["recipe"].unique())
def test_every_study_has_run_and_gives_what_its_recipe_promises(name):
    rows, named = STUDIES[STUDIES["recipe"] == name], RECIPES[name]
    row = rows.iloc[0]
    if named.expected:  # of a study's own protocol nobody promises anything
        if "NVIDIA" not in row["processor"]:  # minutes are those of two cores alone
            alone = quickest_minutes(REPORTS.glob(f"studies/{name}/*/history.csv"))
            assert named.minutes == pytest.approx(alone or row["minutes"], rel=0.15)
        accuracy, where = named.expected.split(" on ")
        assert float(accuracy) == round(row["accuracy"], 2)
        is_public = row["split"] == "PublicTest"
        assert where == ("PublicTest" if is_public else "a random fifth of all rows")
    report = pd.read_csv(REPORTS / "studies" / f"{name}_class_report.csv")
    report = report[report["split"] == row["split"]].set_index("class")
    classes = report.loc[list(named.recipe.classes or CLASS_NAMES)]
    assert classes["support"].sum() == row["images"]
    found = (classes["recall"] * classes["support"]).sum() / classes["support"].sum()
    # The record holds means over seeds, the other files the first seed's run.
    close = 1e-6 if row["seeds"] == 1 else 0.03
    assert found == pytest.approx(row["accuracy"], rel=close)
    history = pd.read_csv(REPORTS / "studies" / f"{name}_history.csv")
    assert len(history) == row["epochs"]
    assert history["accuracy"].iloc[-1] == pytest.approx(row["training_accuracy"], rel=close)


@pytest.mark.parametrize(
    "name", [name for name, named in RECIPES.items() if not named.study and named.minutes]
)
def test_our_recipes_have_run_and_give_what_they_promise(name):
    record, named = pd.read_csv(REPORTS / "budgets.csv"), RECIPES[name]
    runs = record[(record["recipe"] == name) & (record["epochs"] == named.recipe.epochs)]
    plain = runs[(runs["split"] == "PublicTest") & ~runs["drop_test_copies"]]
    assert named.expected == f".{plain['accuracy'].median() * 100:.0f} on PublicTest"
    if not plain["processor"].str.contains("NVIDIA").any():  # minutes are those of two cores
        folder = REPORTS / "budgets" / f"{name}-{named.recipe.epochs}-epochs"
        alone = quickest_minutes(folder.glob("*/history.csv"))
        assert named.minutes == pytest.approx(alone, rel=0.2)


def quickest_minutes(histories):
    """Of trainings beside other work, the quickest epochs tell what one takes alone."""
    tables = list(map(pd.read_csv, histories))
    return min((table["seconds"].min() * len(table) / 60 for table in tables), default=None)


def test_adding_a_run_replaces_the_former_one_of_its_recipe(publish, result, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "REPORTS", tmp_path)
    (tmp_path / "studies").mkdir()
    shutil.copy(REPORTS / "studies.csv", tmp_path)
    [run] = result.runs["conv3_csv"].values()
    rows = result.results[result.results["arm"] == "conv3_csv"]
    publish.add_study("conv3_csv", [run], rows)
    record = pd.read_csv(tmp_path / "studies.csv")
    assert [*record["recipe"].unique()] == [*STUDIES["recipe"].unique()]
    replaced = record[record["recipe"] == "conv3_csv"]
    assert replaced["images"].iloc[0] == 70 and set(replaced["epochs"]) == {1}
    assert replaced["training_accuracy"].iloc[0] == pytest.approx(run.history["accuracy"].iloc[-1])
    assert (replaced["seeds"].iloc[0], str(replaced["kept_epoch"].iloc[0])) == (1, "1")
    others = record[record["recipe"] != "conv3_csv"].reset_index(drop=True)
    former = STUDIES[STUDIES["recipe"] != "conv3_csv"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, former)
    kept = (tmp_path / "studies" / "conv3_csv_history.csv").read_bytes()
    assert kept == (run.directory / "history.csv").read_bytes()


def test_a_study_is_summed_up_over_seeds_and_images():
    runs = [run_of(0.5, seed, count=400) for seed in (1, 2, 3)]
    runs = [
        replace(run, history=run.history.assign(accuracy=[0.4, 0.5, last]))
        for run, last in zip(runs, (0.91, 0.93, 0.95))
    ]
    machine = {"date": "2026-01-01", "processor": "abacus", "cores": "2", "git commit": "abc"}
    results = pd.DataFrame(
        [{"arm": "conv2", "seed": seed, "minutes": seed, "images_per_second": 900, **machine}
         for seed in (1, 1, 2, 3)]
    )  # fmt: skip
    row, *others = _module("study_tables").study_rows("conv2", runs, results).to_dict("records")
    assert not others and (row["recipe"], row["split"]) == ("conv2", "PublicTest")
    assert (row["images"], row["seeds"], row["epochs"]) == (400, 3, 3)
    assert (row["kept_epoch"], row["minutes"], row["git_commit"]) == ("2, 2, 2", 2, "abc")
    assert row["weak_classes"] == ""
    few = [replace(run, predictions=run.predictions.select(np.arange(400) < 130)) for run in runs]
    found = _module("study_tables").study_rows("conv2", few, results)["weak_classes"].item()
    assert found == weak_classes([run.predictions for run in few]) != ""
    assert row["accuracy"] == pytest.approx(np.mean([accuracy_of(run) for run in runs]))
    # The test images' share of the variance alone is that of the mean hits.
    hits = np.mean([run.predictions.y_true == run.predictions.y_pred for run in runs], axis=0)
    least = 2 * 1.96 * hits.std(ddof=1) / np.sqrt(400)
    assert least < row["accuracy_high"] - row["accuracy_low"] < 4 * least
    ends = ttest_1samp([0.91, 0.93, 0.95], 0).confidence_interval()
    found = row["training_accuracy_low"], row["training_accuracy_high"]
    assert found == pytest.approx(ends) and row["training_accuracy"] == pytest.approx(0.93)


def test_studies_stand_beside_their_own_protocol_and_a_fair_one():
    def row(recipe, accuracy, seeds, **others):
        share = {"accuracy": accuracy, "accuracy_low": accuracy - 0.02}
        known = {"split": "PublicTest", "images": 3589, "seeds": seeds, "epochs": 20}
        return {"recipe": recipe, **known, **share, "accuracy_high": accuracy + 0.02, **others}

    training = {"training_accuracy": 0.925, "training_accuracy_low": 0.9}
    training["training_accuracy_high"] = 0.95
    record = pd.DataFrame(
        [
            row("conv4_bn", 0.6, 3, training_accuracy=0.61),
            row("conv4_bn_as_published", 0.55, 3, **training),
            row("conv4_bn_as_published", 0.5, 3, split="PublicTest, clean"),
            row("conv6", 0.59, 1, training_accuracy=0.7),
        ]
    )
    equal = record.iloc[:1].assign(arm="conv6", accuracy=0.55, accuracy_low=0.5, accuracy_high=0.6)
    first, second = _module("study_tables").protocol_table(record, equal).to_dict("records")
    assert first["study"] == "C (`conv4_bn`)" and "92.5 %" in first["the study says"]
    own = ".550 [.530, .570] on PublicTest (3,589), 3 seeds"
    assert first["its own protocol gives"] == own
    assert first["and in training"] == ".925 [.900, .950] after 20 epochs"
    assert first["its changed recipe gives"].startswith(".600 [.580, .620] on PublicTest")
    assert first["a fair protocol gives"] == ""
    # Study E's own protocol is one recipe with the fair one.
    assert second["its own protocol gives"].endswith("(3,589), 1 seed")
    assert second["and in training"] == ".700 after 20 epochs"
    assert second["its changed recipe gives"] == "the same recipe"
    assert second["a fair protocol gives"] == ".550 [.500, .600] on PublicTest (3,589), 3 seeds"


def test_both_protocols_of_a_study_are_trained_with_three_seeds(publish, monkeypatch):
    asked, added = [], []

    def compare(arms, data, seeds, **options):
        asked.append((arms, seeds, options))
        runs = {arms[0]: {0: "a", 1: "b", 2: "c"}}
        return SimpleNamespace(runs=runs, results=None, directory=None)

    monkeypatch.setattr(publish, "compare", compare)
    monkeypatch.setattr(publish, "add_study", lambda name, runs, results: added.append(name))
    copies = []
    monkeypatch.setattr(publish, "publish", lambda folder, target: copies.append(target.name))
    for part in ("study-conv2", "study-conv3_csv"):
        publish.PARTS[part]("data")
    # Study D's own protocol is the fair one, and is trained once.
    names = ["conv2_as_published", "conv2", "conv3_csv"]
    assert added == copies == names
    changes = [{}, {}, {"split_seed": 0}]
    assert asked == [([name], 3, {"changes": each}) for name, each in zip(names, changes)]


def test_adding_a_run_keeps_other_budgets_and_seeds(publish, result, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "REPORTS", tmp_path)
    shutil.copy(REPORTS / "budgets.csv", tmp_path)
    former = pd.read_csv(REPORTS / "budgets.csv")
    rows = result.results[result.results["arm"] == "quick"].assign(drop_test_copies=False)
    for _ in range(2):
        publish.add_runs("budgets.csv", rows, publish.KEYS_OF_BUDGETS)
        record = pd.read_csv(tmp_path / "budgets.csv")
        assert len(record) == len(former) + len(rows)
    mine = record[(record["recipe"] == "quick") & (record["epochs"] == 1)]
    assert mine["split"].tolist() == rows["split"].tolist()


def test_our_recipes_are_shown_as_means_with_intervals_quickest_first():
    record = pd.read_csv(REPORTS / "budgets.csv")
    results = [fk.load_comparison(folder) for folder in (REPORTS / "budgets").iterdir()]
    shown = _module("budgets").budget_table(results).set_index("recipe")
    assert shown["minutes"].astype(float).is_monotonic_increasing
    for (name, epochs, without), runs in record[record["split"] == "PublicTest"].groupby(
        ["recipe", "epochs", "drop_test_copies"]
    ):
        short = epochs != RECIPES[name].recipe.epochs
        row = shown.loc[f"`{name} --set epochs={epochs}`" if short else f"`{name}`"]
        assert str(len(runs)) == row["seeds"].split(" and ")[without]
        if len(runs) == 1:
            ends = runs[["accuracy_low", "accuracy_high"]].iloc[0]
        else:
            folder = f"budgets/{name}-{epochs}-epochs{'-without-copies' * without}"
            values = [pseudo_values(Predictions.load(path))[0]
                      for path in REPORTS.glob(f"{folder}/*/predictions.npz")]  # fmt: skip
            ends = contrast({name: np.array(values)}, {name: 1}).interval()
        mean, low, high = (f"{share:.3f}"[1:] for share in (runs["accuracy"].mean(), *ends))
        cell = row["trained without copies" if without else "PublicTest"]
        assert cell == f"{mean} [{low}, {high}]"


def test_our_recipes_are_compared_by_people_on_the_images_that_all_share():
    folders = {name: REPORTS / "budgets" / f"{name}-epochs" for name in ("quick-28", "faces-100")}
    shown, count = _module("budgets").people_table([*map(fk.load_comparison, folders.values())])
    people = pd.read_csv(folders["quick-28"] / "votes.csv", index_col="id")
    runs = {name: [*map(Predictions.load, folder.glob("*/predictions.npz"))]
            for name, folder in folders.items()}  # fmt: skip
    answers = [*runs["faces-100"][0].class_names]
    shared = set(people.index).intersection(*(set(run.ids) for (run, *_) in runs.values()))
    assert count == len(shared) == 3199
    assert shown.index.tolist()[:2] == ["`quick`", "`faces`"]
    for row, parts in zip(shown.to_dict("records"), runs.values(), strict=False):
        by_label, by_votes = [], []
        for run in parts:
            said = pd.Series(run.class_names)[run.y_pred].set_axis(run.ids)[[*shared]]
            votes = people.loc[[*shared], [*answers, "unknown", "NF"]]
            of_said = [votes.at[name, emotion] for name, emotion in said.items()]
            by_label.append((said == people.loc[said.index, "label"]).mean())
            by_votes.append((np.array(of_said) / votes.sum(axis=1)).mean())
        assert row["accuracy by label"].startswith(f"{np.mean(by_label):.3f}"[1:])
        assert row["vote share"].startswith(f"{np.mean(by_votes):.3f}"[1:])


def test_an_unknown_part_or_missing_data_stops_publishing(publish, tmp_path, result):
    with pytest.raises(SystemExit, match="no part speed; the parts are same_images"):
        publish.main(tmp_path, "speed")
    folder = result.comparison.sources["quick"].data.csv.parent
    with pytest.raises(SystemExit, match="must hold fer2013.csv, fer2013new.csv"):
        publish.main(folder, "audit")


def test_a_comparison_is_published_with_report_and_predictions(
    publish, result, tmp_path, monkeypatch
):
    reports = []
    fake = SimpleNamespace(
        directory=result.directory,
        report=lambda path, with_faces: reports.append((path.name, with_faces)),
    )
    monkeypatch.setattr(publish, "compare", lambda *arguments, **options: fake)
    monkeypatch.setattr(publish, "REPORTS", tmp_path)
    publish.publish_comparison("same_images", "data")
    assert reports == [("same_images.html", False)]
    copy = fk.load_comparison(tmp_path / "same_images")
    pd.testing.assert_frame_equal(copy.results, result.results)
    for arm, runs in result.runs.items():
        kept = copy.runs[arm][0].predictions
        assert kept.y_pred.tolist() == runs[0].predictions.y_pred.tolist()


def test_a_part_that_fails_says_so_and_the_others_go_on(publish, result, monkeypatch, capsys):
    def fail(error):
        raise error

    made = []
    parts = {
        "bad": lambda data: fail(fk.InputError("no such face")),
        "broken": lambda data: fail(ZeroDivisionError("by zero")),
        "good": made.append,
        "tables": lambda data: made.append("tables"),
    }
    monkeypatch.setattr(publish, "PARTS", parts)
    location = result.comparison.sources["quick"].data
    monkeypatch.setattr(publish, "find_data", lambda data: replace(location, votes=location.csv))
    assert publish.main("data") == 1 and made == ["data", "tables"]
    said = capsys.readouterr().err
    assert "bad failed: no such face\n" in said and "broken failed: by zero\n" in said
    assert "Not published: bad, broken." in said
    assert publish.main("data", "good") == 0 and made[2:] == ["data", "tables"]


@pytest.mark.parametrize(
    ("errors", "notes"),
    [([{"arm": "a", "seed": 1, "error": "no room"}], ()), ([], ("The arm a is skipped: why",))],
)
def test_a_failed_run_or_a_skipped_arm_stops_publishing(publish, monkeypatch, errors, notes):
    found = SimpleNamespace(comparison=SimpleNamespace(errors=errors, notes=notes))
    monkeypatch.setattr(publish.fk, "compare", lambda *arguments, **options: found)
    with pytest.raises(fk.InputError, match="a, seed 1: no room|arm a is skipped"):
        publish.compare("a", "data")
