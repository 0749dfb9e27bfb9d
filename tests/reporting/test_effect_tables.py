import subprocess
import sys
from itertools import product

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT

from fer_keras.evaluation.effects import compare_pipelines
from fer_keras.reporting import effect_figures as study_plots
from fer_keras.reporting import effect_tables as report
from fer_keras.reporting.html import export_html
from fer_keras.utils.errors import InputError

LEVELS = {
    "storage": ("csv", "folder"),
    "feed": ("memory", "image_data_generator"),
    "augmentation": ("none", "study_d"),
}


def record(storage=0.0, feed=0.0, augmentation=0.0, together=0.0, noise=0.0, num_seeds=3):
    """A study's `results.csv` whose scores are made of planted effects."""
    rng = np.random.default_rng(0)
    rows = []
    for seed, *levels in product(range(num_seeds), *LEVELS.values()):
        cell = dict(zip(LEVELS, levels))
        changed = [level == own[1] for level, own in zip(levels, LEVELS.values())]
        score = 0.55 + 0.01 * seed + np.dot(changed, (storage, feed, augmentation))
        score += together * all(changed) + noise * rng.normal()
        rows.append(
            {
                **cell, "seed": seed, "network": "conv3", "epochs": 8, "batch_size": 64,
                "learning_rate": 0.001, "split": "PublicTest", "images": 3589,
                "accuracy": score + 0.02, "macro_f1": score, "clean_accuracy": score + 0.01,
                "minutes": 1.5,
                "error": "", "directory": "somewhere",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def study_of(table, tmp_path):
    table.to_csv(tmp_path / "results.csv", index=False)
    return report.read_study(tmp_path)


def test_planted_effects_are_found_and_add_up_to_the_whole_difference(tmp_path):
    planted = {"storage": -0.01, "feed": 0.004, "augmentation": 0.03}
    study = study_of(record(**planted, together=0.008, noise=1e-5), tmp_path)
    effects = report.effect_table(study).set_index(["score", "effect"])["difference"]
    # What only all three do together is seen in a quarter of each factor's contrasts.
    for factor, effect in planted.items():
        assert effects["macro_f1", factor] == pytest.approx(effect + 0.008 / 4, abs=1e-4)
    assert effects["macro_f1", "storage × feed"] == pytest.approx(0.008 / 2, abs=1e-4)
    words = report.conclusion(study)
    assert "(folder, image_data_generator, study_d) minus the first one (csv, memory, none)" in (
        words
    )
    assert "comes to +3.2 (" in words
    # -0.8 + 0.6 + 3.2 = 3.0; the other 0.2 are the three's together.
    assert "storage -0.8, feed +0.6, augmentation +3.2, and +0.2 from all of them" in words
    assert "The largest effect is that of augmentation (none → study_d), and its interval" in words


def test_pipelines_are_means_over_their_seeds(tmp_path):
    study = study_of(record(augmentation=0.2), tmp_path)
    row = report.pipeline_table(study).loc[("csv", "memory", "study_d")]
    # Macro F1 is .75, .76 and .77; accuracy .02 and clean accuracy .01 above it.
    assert row.to_dict() == {
        "seeds": "3", "accuracy": "0.780 ± 0.010", "macro F1": "0.760 ± 0.010",
        "clean accuracy": "0.770", "minutes": "1.5",
    }  # fmt: skip
    nothing_leaked = study_of(record().drop(columns="clean_accuracy"), tmp_path)
    assert "clean accuracy" not in report.pipeline_table(nothing_leaked)
    assert 'SEEDS=3 SET="epochs=8"' in report.repetition(study)


def test_the_spread_over_seeds_is_that_of_single_pipelines(tmp_path):
    study = study_of(record(augmentation=0.2), tmp_path)
    # Seeds score .55, .56, .57 in every pipeline: deviation 1 point, 1.96 √2 of it 2.8 points.
    words = report.conclusion(study)
    assert "lie up to 2.8 points of macro F1 apart" in words
    assert "(standard deviation over seeds 1.0); study D's 1 point is no more than that" in words
    shares = report.share_table(study)
    between, seed = 8 * 0.1**2 * 3, 8 * 2 * 0.01**2
    assert shares.loc["augmentation", "macro_f1"] == pytest.approx(between / (between + seed))
    assert shares.loc["seed", "macro_f1"] == pytest.approx(seed / (between + seed))
    assert report.readable_shares(shares).loc["storage", "accuracy"] == "0 %"


def test_effects_that_seeds_do_not_settle_are_said_to_be(tmp_path):
    study = study_of(record(noise=0.02), tmp_path)
    assert "but its interval holds 0: these seeds do not settle it" in report.conclusion(study)


def test_one_seed_gives_effects_without_intervals(tmp_path):
    study = study_of(record(augmentation=0.03, num_seeds=1), tmp_path)
    assert report.readable_effects(report.effect_table(study)).loc[
        ("augmentation", "none → study_d"), "accuracy"
    ] == ("+3.0")
    words = report.conclusion(study)
    assert "one seed does not say" in words and "standard deviation" not in words


def test_each_pipeline_is_held_against_the_first(tmp_path):
    study = study_of(record(feed=-0.02, noise=0.001), tmp_path)
    table = report.differences_from_first(study)
    assert len(table) == 7 and "csv, memory, none" not in table.index
    runs = study.pipelines
    expected = compare_pipelines(runs["csv, memory, none"], runs["csv, memory, study_d"]).iloc[0]
    text = f"{100 * expected['difference']:+.1f} ({100 * expected['low']:+.1f} to "
    assert table.loc["csv, memory, study_d", "accuracy"].startswith(text)
    assert float(table["p of accuracy, after Holm"].iloc[0]) >= expected["p_value"]


def test_a_seed_with_a_failed_run_is_left_out_and_named(tmp_path):
    table = record()
    broken = (table["seed"] == 1) & (table["feed"] == "memory") & (table["storage"] == "folder")
    table.loc[broken.idxmax(), ["accuracy", "macro_f1", "error"]] = [None, None, "Disk is full."]
    study = study_of(table, tmp_path)
    assert study.runs["seed"].unique().tolist() == [0, 2]
    words = report.notice(study)
    assert words.startswith("**16 runs**") and "each with 2 seeds" in words
    assert "- The run with storage folder, feed memory, augmentation none, seed 1 failed" in words
    assert "Disk is full." in words


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: None, "There is no .*results.csv; run a study first"),
        (lambda table: table.drop(columns="seed"), "has no column seed"),
        (lambda table: table.assign(accuracy=None, error="Bad."), "No seed .* the first.*Bad"),
    ],
)
def test_what_is_no_finished_study_is_refused(tmp_path, change, message):
    table = change(record())
    if table is not None:
        table.to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(InputError, match=message):
        report.read_study(tmp_path)
    with pytest.raises(InputError, match="folder is 3"):
        report.Settings(3)


def test_figures_say_their_numbers(tmp_path):
    study = study_of(record(augmentation=0.03, noise=0.002), tmp_path)
    effects = report.effect_table(study)
    figure = study_plots.effects(effects)
    row = effects[effects["effect"] == "augmentation"].iloc[0]
    assert f"augmentation (none → study_d): {100 * row['difference']:+.1f}" in figure.get_label()
    figure = study_plots.interactions(study, "accuracy")
    mean = study.runs.query("augmentation == 'study_d' and feed == 'memory'")["accuracy"].mean()
    assert f"augmentation study_d, by feed: memory {mean:.3f}" in figure.get_label()
    assert len(figure.axes) == 3
    shares = report.share_table(study)
    assert f"augmentation: {100 * shares.loc['augmentation', 'accuracy']:.0f} %" in (
        study_plots.shares(shares).get_label()
    )


def test_the_notebook_reports_a_study(tmp_path):
    study_of(record(augmentation=0.03, noise=0.002), tmp_path)
    output = tmp_path / "study.ipynb"
    answer = subprocess.run(
        [
            sys.executable, "-m", "papermill", ROOT / "notebooks" / "study.ipynb", output,
            "--no-progress-bar", "-r", "folder", tmp_path,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    outputs = [
        out
        for cell in nbformat.read(output, 4).cells
        if cell.cell_type == "code"
        for out in cell.outputs
    ]
    assert not [out for out in outputs if out.get("name") == "stderr"]
    page = BeautifulSoup(export_html(output).read_text(encoding="utf-8"), "html.parser")
    assert all(image["alt"] for image in page.find_all("img")) and page.find("img")
    assert "Where study D's difference came from" in page.get_text().replace("’", "'")
    kept = pd.read_csv(tmp_path / "tables" / "effects.csv")
    assert len(kept) == 6
