from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from helpers import comparison_of, predictions_of, run_of, texts
from PIL import Image

from fer_keras.comparison.results import result_table
from fer_keras.evaluation.predictions import class_accuracy as shares_by_class
from fer_keras.reporting import figures, galleries, saving, score_figures
from fer_keras.reporting.score_tables import score_table


@pytest.fixture
def run():
    return run_of(0.6, 3)


def test_confusion_cells_hold_share_and_count(run):
    figure = score_figures.confusion_matrices({"CSV": run.predictions})
    counts = run.predictions.confusion()
    share = counts[0, 0] / counts[0].sum()
    assert f"{share:.0%}\n{counts[0, 0]}" in texts(figure)
    assert f"angry {share:.0%}" in figure.get_label()


def test_confusion_matrices_share_one_scale(run):
    figure = score_figures.confusion_matrices(
        {"a": run.predictions, "b": run_of(0.2, 4).predictions}
    )
    limits = {ax.collections[0].get_clim() for ax in figure.axes}
    assert limits == {(0, 1)} and len(figure.axes) == 2


def test_curves_draw_the_histories_and_mark_the_kept_epoch(run):
    figure = figures.training_curves({"CSV": run.history})
    lines = figure.axes[0].lines
    assert lines[0].get_ydata().tolist() == run.history["accuracy"].tolist()
    assert lines[1].get_ydata().tolist() == run.history["val_accuracy"].tolist()
    assert (lines[2].get_xdata()[0], lines[2].get_ydata()[0]) == (2, 0.55)
    assert "highest, 0.550, at epoch 2" in figure.get_label()


def test_class_balance_labels_every_bar():
    counts = pd.DataFrame({"training": [1200, 30]}, index=["angry", "disgust"])
    figure = figures.class_balance(counts, "CSV arm")
    assert {"1,200", "30", "training (1,230)", "CSV arm"} <= set(texts(figure))
    assert "angry 1200, disgust 30" in figure.get_label()


def test_f1_dots_stand_at_their_values():
    table = pd.DataFrame({"CSV": [0.5, 0.2], "folder": [0.6, 0.1]}, index=["angry", "fear"])
    figure = score_figures.f1_by_class(table)
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[0.5, 0.2], [0.6, 0.1]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["CSV", "folder"]


def test_accuracies_stand_with_interval_and_a_dot_for_each_seed(tmp_path):
    runs = {"CSV": {seed: run_of(0.6, seed) for seed in range(3)}, "folder": {0: run_of(0.5, 9)}}
    compared = comparison_of(runs, tmp_path)
    record = result_table(compared)
    scores = score_table(record, compared)
    figure = score_figures.accuracy_of_arms(record, scores)
    panel = figure.axes[0]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    hits = record.loc[record["arm"] == "CSV", "accuracy"].tolist()
    assert dots[0].get_xdata().tolist() == hits and len(dots[1].get_xdata()) == 1
    row = scores.iloc[0]
    [[(left, _), (right, _)]] = panel.containers[0].lines[2][0].get_segments()
    assert (left, right) == pytest.approx((row["accuracy_low"], row["accuracy_high"]))
    ends = f"interval {row['accuracy_low']:.3f} to {row['accuracy_high']:.3f}"
    assert f"CSV: {row['accuracy']:.3f}, {ends}" in figure.get_label()


def test_sample_faces_come_from_their_class(make_faces):
    faces = make_faces(21)  # three of each class
    figure = figures.sample_faces(faces)
    for label, row in enumerate(np.reshape(figure.axes, (7, 8))):
        assert row[0].get_ylabel() == faces.class_names[label]
        for panel in row[:3]:
            shown = panel.images[0].get_array()
            matches = [i for i, image in enumerate(faces.images) if np.array_equal(image, shown)]
            assert faces.labels[matches].tolist() == [label]
        assert not row[3].images  # no fourth face


def test_gallery_says_prediction_truth_and_probability(make_faces, run):
    faces = make_faces(1000)
    figure = galleries.gallery(faces, run.predictions, "CSV")
    titles = [ax.get_title() for ax in figure.axes]
    assert len(titles) == 28
    assert all(title.endswith("40%\n") for title in titles[:14])
    assert all("\ntrue: " in title and title.endswith("10%") for title in titles[14:])


def test_saved_figures_are_whole_png_files(run, tmp_path):
    saving.save(figures.training_curves({"CSV": run.history}), tmp_path / "new" / "curves.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["curves.png"]
    with Image.open(tmp_path / "new" / "curves.png") as picture:
        picture.load()
        assert picture.format == "PNG" and min(picture.size) > 300


def test_class_accuracy_bars_and_whiskers_stand_at_the_table_values(run):
    figure = score_figures.class_accuracy({"CSV": run.predictions})
    table = shares_by_class(run.predictions)
    bars, whiskers = figure.axes[0].containers[:2][::-1]
    if not hasattr(bars, "patches"):
        bars, whiskers = whiskers, bars
    np.testing.assert_allclose([bar.get_width() for bar in bars], table["accuracy"])
    (segments,) = [lines.get_segments() for lines in whiskers.lines[2]]
    ends = [(segment[0][0], segment[1][0]) for segment in segments]
    np.testing.assert_allclose(ends, table[["accuracy_low", "accuracy_high"]])
    assert f"angry {table['accuracy'][0]:.0%}" in figure.get_label()


def test_curves_without_validation_show_training_alone(run):
    history = run.history.drop(columns=["val_loss", "val_accuracy"])
    figure = figures.training_curves({"CSV": history})
    assert [len(ax.lines) for ax in figure.axes] == [1, 1]
    assert "validation" not in figure.get_label()


def test_accuracy_is_drawn_over_the_minutes_since_the_start(run):
    other = run.history.assign(val_accuracy=[0.2, 0.3, 0.6], seconds=[300.0, 60.0, 60.0])
    figure = score_figures.accuracy_over_minutes({"conv2": run.history, "vgg8": other}, 1.5)
    best, second, budget = figure.axes[0].lines
    assert best.get_xdata().tolist() == [5, 6, 7] and best.get_ydata().tolist() == [0.2, 0.3, 0.6]
    assert second.get_xdata().tolist() == [1, 1.5, 2]
    assert set(budget.get_xdata()) == {1.5}
    assert {"vgg8, best 0.600", "conv2, best 0.550"} <= set(texts(figure))
    assert "conv2: reaches 0.550 within them, and 0.550 at best, in 3 epochs" in figure.get_label()
    assert "vgg8: has not finished an epoch within them" in figure.get_label()


def test_each_arm_has_a_look_of_its_own(run):
    histories = {f"arm {number}": run.history for number in range(12)}
    figure = score_figures.accuracy_over_minutes(histories, 1)
    lines = figure.axes[0].lines[:-1]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 12


@pytest.mark.parametrize(("num_arms", "num_classes"), [(1, 2), (4, 12), (8, 2)])
def test_figures_hold_any_number_of_arms_and_classes(num_arms, num_classes, tmp_path):
    names = tuple(f"a rather long name {number}" for number in range(num_classes))
    y_true = np.arange(60) % num_classes
    part = predictions_of(y_true, np.roll(y_true, 7), None, names)
    arms = {f"csv, memory, arm {number}": part for number in range(num_arms)}
    columns = min(num_arms, 3 if num_classes == 2 else 2)
    confusions = score_figures.confusion_matrices(arms)
    assert len(confusions.axes) == num_arms
    assert len({panel.get_subplotspec().colspan.start for panel in confusions.axes}) == columns
    saving.save(confusions, tmp_path / "confusions.png")
    accuracies = score_figures.class_accuracy(arms)
    assert len(accuracies.axes) == num_arms and f"{names[-1]} " in accuracies.get_label()
    table = pd.DataFrame({arm: np.linspace(0, 1, num_classes) for arm in arms}, index=names)
    assert len(score_figures.f1_by_class(table).axes[0].lines) == num_arms


def test_a_runs_figures_are_drawn_once(run, make_faces, tmp_path):
    run = replace(run, directory=tmp_path)
    score_figures.draw_run(run, make_faces(1000), "CSV")
    drawn = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    names = ["class_accuracy", "confusion_matrix", "curves", "gallery"]
    assert sorted(drawn) == [f"{name}.png" for name in names]
    score_figures.draw_run(run, None, "CSV")
    assert drawn == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_with_dollar_signs_are_drawn_as_they_are(run, tmp_path):
    name = r"$\frac{a$ & <b>"
    saving.save(figures.training_curves({name: run.history}), tmp_path / "curves.png")
    counts = pd.DataFrame({"training": [3, 2]}, index=[name, "x\x07_$"])
    svg = saving.svg_of(figures.class_balance(counts, name), "balance")
    words = ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter()]
    assert name in words and "x_$" in words
