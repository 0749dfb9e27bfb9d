"""The first screen, the matrices and the methods: numbers worked by hand, names escaped."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import accuracy_of, comparison_of, leaky, run_of
from sklearn.metrics import confusion_matrix

from fer_keras.comparison.results import result_table
from fer_keras.reporting.answer_figure import draw_answer
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.first_screen import cost_facts, data_facts, first_screen, question
from fer_keras.reporting.matrix import confusion_html
from fer_keras.reporting.methods import methods
from fer_keras.reporting.render import render_html


@pytest.fixture(scope="module")
def compared():
    """Two arms with three seeds each, in a folder that is not there."""
    runs = {
        "CSV": {seed: run_of(0.6, seed) for seed in range(3)},
        "folder": {seed: run_of(0.5, 10 + seed) for seed in range(3)},
    }
    return comparison_of(runs, "somewhere", name="CSV-folder", margin=0.02)


def test_the_figure_shows_difference_interval_margin_and_seeds(compared):
    differences = difference_table(compared)
    row = differences.query("score == 'accuracy' and `test images` == 'all'").iloc[0]
    figure = draw_answer(compared, differences)
    panel = figure.axes[0]
    marked = {marker: [] for marker in "oD"}
    for line in panel.lines:
        if line.get_marker() in marked:
            marked[line.get_marker()] += line.get_xdata().tolist()
    mean = np.mean([accuracy_of(run) for run in compared.runs["CSV"].values()])
    every = [accuracy_of(run) for arm in compared.runs.values() for run in arm.values()]
    np.testing.assert_allclose(marked["o"], 100 * (np.array(every) - mean), atol=1e-9)
    assert marked["D"] == [pytest.approx(100 * row["difference"])]
    (reach,) = [line.get_xdata() for line in panel.lines if line.get_linewidth() == 2.5]
    np.testing.assert_allclose(reach, [100 * row["low"], 100 * row["high"]])
    band = panel.patches[0].get_bbox()
    assert (band.x0, band.x1) == (-2, 2)
    assert [label.get_text() for label in panel.get_yticklabels()] == ["CSV (reference)", "folder"]


def test_data_and_cost_are_those_of_the_runs(compared):
    record = result_table(compared)
    assert data_facts(compared, record)[2:] == [
        "1,000 test images (PublicTest)",
        "2 arms × 3 seeds",
    ]
    failed = replace(compared, errors=({"arm": "CSV", "seed": 2, "error": "it was killed"},))
    assert data_facts(failed, record)[3] == "2 arms × up to 3 seeds"
    # Epochs of 60, 30 and 30 seconds, six times; the median epoch saw 800 images a second.
    (total, where), (minutes, _), (speed, _) = cost_facts(compared, record)
    assert (total, minutes, speed) == ("12.0 min", "2.0 min", "800")
    assert "all 6 runs" in where and "abacus, 2 cores" in where


def test_times_of_two_machines_are_not_compared(compared):
    record = result_table(compared)
    record.loc[record["arm"] == "folder", ["processor", "gpu", "cores"]] = "loom", "card", "16"
    failed = pd.DataFrame([{"arm": "CSV", "seed": 9, "error": "it was killed"}])
    [(total, where)] = cost_facts(compared, pd.concat([record, failed]))
    assert total == "12.0 min"
    assert where.endswith("on abacus, 2 cores; loom, card, 16 cores")


def test_of_up_to_three_arms_each_ones_cost_is_said():
    runs = {"a": {0: run_of(0.6, 0)}, "b": {0: run_of(0.6, 1)}, "c": {0: run_of(0.6, 2)}}
    record = result_table(comparison_of(runs, "somewhere"))
    record["minutes"] = [1.0, 2.0, 3.0]
    _, (minutes, whose), _ = cost_facts(comparison_of(runs, "somewhere"), record)
    assert (minutes, whose) == ("1.0 min, 2.0 min and 3.0 min", "a run: a, b and c")


def test_epochs_that_two_runs_share_cost_once():
    short = run_of(0.6, 0)
    longer = replace(
        short,
        recipe=short.recipe.changed(epochs=short.recipe.epochs + 1),
        history=pd.concat([short.history, short.history.tail(1).assign(epoch=4, seconds=90.0)]),
    )
    compared = comparison_of({"short": {0: short}, "longer": {0: longer}}, "somewhere")
    (total, _), (minutes, whose), _ = cost_facts(compared, result_table(compared))
    # 60, 30 and 30 seconds once, and 90 more.
    assert total == "3.5 min"
    assert (minutes, whose) == ("2.0 min and 3.5 min", "a run: short and longer")


def test_the_verdict_names_the_arm_its_difference_and_the_interval(compared):
    differences = difference_table(compared)
    html = first_screen(compared, result_table(compared), differences)
    soup = BeautifulSoup(html, "html.parser")
    row = differences.query("score == 'accuracy' and `test images` == 'all'").iloc[0]
    words = " ".join(soup.select_one(".verdict").get_text().split())
    ends = f"(95 % interval {100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
    assert (
        f"folder is less accurate than CSV: {100 * row['difference']:+.1f} points {ends}" in words
    )
    assert soup.h2.get_text() == question(compared) == "CSV against folder"
    assert len(soup.select(".costs dt")) == 3 and soup.svg["aria-label"]


def test_cells_of_the_matrix_hold_shares_and_counts():
    run = leaky(run_of(0.6, 3))
    soup = BeautifulSoup(confusion_html({"CSV": run.predictions}), "html.parser")
    counts = confusion_matrix(run.predictions.y_true, run.predictions.y_pred)
    cells = [cell.get_text(" ", strip=True) for cell in soup.select("td[tabindex]")]
    for text, count, total in zip(cells, counts.flat, np.repeat(counts.sum(axis=1), 7)):
        assert text.startswith(f"{100 * count / total:.0f} ")
        assert text.endswith(f": {count} of {total}, {100 * count / total:.1f}\N{NO-BREAK SPACE}%")
    assert not soup.select(".faces")


def test_methods_state_the_design_and_the_entry_is_sound(compared):
    text = methods(compared, result_table(compared), difference_table(compared))
    paragraph, _, entries = text.partition("```bibtex")
    paragraph = " ".join(paragraph.replace(">", " ").split())
    assert "2 arms (CSV, folder)" in paragraph and "with 3 seeds each" in paragraph
    assert "1,000 test images (PublicTest) took no part in training" in paragraph
    assert "trained for 3 epochs in batches of 64 with adam" in paragraph
    assert "within ±2 points" in paragraph and "McNemar" not in paragraph
    assert entries.count("{") == entries.count("}")
    assert entries.count("@") == 3 and "dunnett" not in entries  # one rival needs no correction
    assert "@misc{fer-keras-CSV-folder-2026," in entries


def test_methods_state_as_a_fact_of_all_arms_what_all_arms_share(compared):
    def words(**arms):
        runs = {
            arm: {0: replace(run, recipe=arms.get(arm, run.recipe))}
            for arm, run in compared.first.items()
        }
        changed = replace(compared, arms=compared.arms | arms, runs=runs)
        return methods(changed, result_table(changed), difference_table(changed))

    dropping = {arm: each.changed(drop_test_copies=True) for arm, each in compared.arms.items()}
    assert "near copies of test images were dropped" in words(**dropping)
    assert "near copies" not in words(CSV=dropping["CSV"])


def test_of_moving_test_images_methods_name_seeds_alone():
    runs = {
        arm: {seed: run_of(rate, 10 * place + seed) for seed in range(3)}
        for place, (arm, rate) in enumerate({"a": 0.6, "b": 0.5}.items())
    }
    for own in runs.values():
        for seed, run in own.items():
            ids = np.array([f"PublicTest/{seed}-{n}" for n in range(len(run.predictions.ids))])
            own[seed] = replace(run, predictions=replace(run.predictions, ids=ids))
    moving = comparison_of(runs, "somewhere")
    text = " ".join(methods(moving, result_table(moving), difference_table(moving)).split())
    assert "95 % intervals over seeds, by an analysis of variance. > Two arms" in text
    assert "jackknife" not in text and "dorfman" not in text and "schuirmann" in text


def test_methods_name_every_machine_and_who_has_how_many_seeds(compared):
    elsewhere = {"processor": "Xeon", "gpu": "H200", "git commit": "0123456", "backend": "jax"}
    first = compared.runs["folder"][0]
    fewer = {1: replace(first, environment=first.environment | elsewhere | {"jax": "0.9"})}
    compared = replace(compared, runs=compared.runs | {"folder": fewer})
    text = " ".join(methods(compared, result_table(compared), difference_table(compared)).split())
    assert "> with 3 seeds of CSV; 1 of folder (2 planned runs are missing)." in text
    usual = compared.runs["CSV"][0].environment
    assert f"trained on {usual['processor']} and Xeon, H200 with" in text
    assert f"(commit {usual['git commit']} and 0123456)" in text
    assert "TensorFlow ? and JAX 0.9" in text


def test_what_bibtex_and_html_cannot_hold_is_escaped():
    from fer_keras.reporting.render import _environment

    template = _environment.from_string("{{ name | bibtex }}")
    assert template.render(name="50 % of a_b {\\x} ```\n@misc") == r"50 \% of a\_b x @misc"
    links = render_html("files.html.j2", files={"<b>": ('"x', "data:,")})
    assert "&lt;b&gt;" in links and 'download="&#34;x"' in links
