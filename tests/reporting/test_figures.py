import numpy as np
import pandas as pd
import pytest
from helpers import run_of, texts
from PIL import Image

from fer_keras.reporting import figures as plots
from fer_keras.training.recipe import NETWORKS


@pytest.fixture
def run():
    return run_of(0.6, 3)


def test_confusion_cells_hold_share_and_count(run):
    figure = plots.confusion_matrices({"CSV": run.predictions})
    counts = run.predictions.confusion()
    share = counts[0, 0] / counts[0].sum()
    assert f"{share:.0%}\n{counts[0, 0]}" in texts(figure)
    assert f"angry {share:.0%}" in figure.get_label()


def test_confusion_matrices_share_one_scale(run):
    figure = plots.confusion_matrices({"a": run.predictions, "b": run_of(0.2, 4).predictions})
    limits = {ax.collections[0].get_clim() for ax in figure.axes}
    assert limits == {(0, 1)} and len(figure.axes) == 2


def test_curves_draw_the_histories_and_mark_the_kept_epoch(run):
    figure = plots.training_curves({"CSV": run.history})
    lines = figure.axes[0].lines
    assert lines[0].get_ydata().tolist() == run.history["accuracy"].tolist()
    assert lines[1].get_ydata().tolist() == run.history["val_accuracy"].tolist()
    assert (lines[2].get_xdata()[0], lines[2].get_ydata()[0]) == (2, 0.55)
    assert "highest, 0.550, at epoch 2" in figure.get_label()


def test_class_balance_labels_every_bar():
    counts = pd.DataFrame({"training": [1200, 30]}, index=["angry", "disgust"])
    figure = plots.class_balance(counts, "CSV arm")
    assert {"1,200", "30", "training (1,230)", "CSV arm"} <= set(texts(figure))
    assert "angry 1200, disgust 30" in figure.get_label()


def test_f1_dots_stand_at_their_values():
    table = pd.DataFrame({"CSV": [0.5, 0.2], "folder": [0.6, 0.1]}, index=["angry", "fear"])
    figure = plots.f1_by_class(table)
    assert [line.get_xdata().tolist() for line in figure.axes[0].lines] == [[0.5, 0.2], [0.6, 0.1]]


def test_sample_faces_come_from_their_class(make_faces):
    faces = make_faces(21)  # three of each class
    figure = plots.sample_faces(faces, per_class=4)
    picture = figure.axes[0].images[0].get_array()
    assert picture.shape == (7 * 48, 4 * 48)
    tile = np.asarray(picture[48:96, :48])
    matches = [i for i, image in enumerate(faces.images) if np.array_equal(image, tile)]
    assert faces.labels[matches].tolist() == [1]
    assert (picture[:48, 3 * 48 :] == 255).all()  # no fourth face: paper white


def test_gallery_says_prediction_truth_and_probability(make_faces, run):
    faces = make_faces(1000)
    figure = plots.gallery(faces, run.predictions, "CSV", per_row=3)
    titles = [ax.get_title() for ax in figure.axes]
    assert len(titles) == 12
    assert all(title.endswith("40%\n") for title in titles[:6])
    assert all("\ntrue: " in title and title.endswith("10%") for title in titles[6:])


def test_saved_figures_are_whole_png_files(run, tmp_path):
    plots.save(plots.training_curves({"CSV": run.history}), tmp_path / "new" / "curves.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["curves.png"]
    with Image.open(tmp_path / "new" / "curves.png") as picture:
        picture.load()
        assert picture.format == "PNG" and min(picture.size) > 300


def test_class_accuracy_bars_and_whiskers_stand_at_the_table_values(run):
    figure = plots.class_accuracy({"CSV": run.predictions})
    table = plots.shares_by_class(run.predictions)
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
    figure = plots.training_curves({"CSV": history})
    assert [len(ax.lines) for ax in figure.axes] == [1, 1]
    assert "validation" not in figure.get_label()


def test_accuracy_is_drawn_over_the_minutes_since_the_start(run):
    other = run.history.assign(val_accuracy=[0.2, 0.3, 0.6], seconds=[300.0, 60.0, 60.0])
    figure = plots.accuracy_over_minutes({"conv2": run.history, "vgg8": other}, 1.5)
    best, second, budget = figure.axes[0].lines
    assert best.get_xdata().tolist() == [5, 6, 7] and best.get_ydata().tolist() == [0.2, 0.3, 0.6]
    assert second.get_xdata().tolist() == [1, 1.5, 2]
    assert set(budget.get_xdata()) == {1.5}
    assert {"vgg8, best 0.600", "conv2, best 0.550"} <= set(texts(figure))
    assert "conv2: reaches 0.550 within them, and 0.550 at best, in 3 epochs" in figure.get_label()
    assert "vgg8: has not finished an epoch within them" in figure.get_label()


def test_each_network_has_a_colour_of_its_own(run):
    figure = plots.accuracy_over_minutes(dict.fromkeys(NETWORKS, run.history), 1)
    lines = figure.axes[0].lines[:-1]
    looks = {(line.get_color(), line.get_marker()) for line in lines}
    assert len(looks) == len(NETWORKS)
