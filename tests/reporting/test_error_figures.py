import numpy as np
import pytest
from helpers import predictions_of, run_of, texts
from sklearn.metrics import precision_recall_curve

from fer_keras.evaluation.calibration import average_precision_table, reliability_table
from fer_keras.evaluation.gradcam import grad_cam
from fer_keras.evaluation.predictions import Predictions
from fer_keras.reporting import error_figures, galleries


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 7, 400)
    probabilities = rng.dirichlet(np.full(7, 0.5), 400)
    probabilities[np.arange(400), y_true] += 0.5
    ids = np.array([f"PublicTest/row{number}" for number in range(400)])
    names = run_of(0.5, 0).predictions.class_names
    return Predictions(ids, y_true, probabilities / 1.5, names)


def shown_faces(panel, faces):
    """The places in `faces` of the picture in a panel: one, or none."""
    if not panel.images:
        return []
    picture = np.asarray(panel.images[0].get_array())
    return [place for place, image in enumerate(faces.images) if np.array_equal(image, picture)]


def test_reliability_points_whiskers_and_bars_stand_at_the_table_values(predictions):
    figure = error_figures.reliability_diagrams({"as trained": predictions})
    table = reliability_table(predictions)
    above, below = figure.axes
    points, _, (whiskers,) = above.containers[0].lines
    assert points.get_xdata().tolist() == pytest.approx(table["confidence"].tolist())
    assert points.get_ydata().tolist() == pytest.approx(table["accuracy"].tolist())
    ends = [(segment[0][1], segment[1][1]) for segment in whiskers.get_segments()]
    np.testing.assert_allclose(ends, table[["accuracy_low", "accuracy_high"]], atol=1e-9)
    assert [bar.get_height() for bar in below.patches] == table["images"].tolist()
    first = table.iloc[0]
    assert f"{first['accuracy']:.0%} at {first['confidence']:.0%}" in figure.get_label()


def test_each_version_has_its_reliability(predictions):
    versions = {"as trained": predictions, "temperature 2": predictions}
    figure = error_figures.reliability_diagrams(versions)
    titles = [panel.get_title().split("\n")[0] for panel in figure.axes]
    assert titles == ["as trained", "temperature 2", "", ""]


def test_precision_recall_curves_are_scikit_learns_with_their_average(predictions):
    figure = error_figures.precision_recall_curves({"CSV": predictions})
    assert len(figure.axes) == 7
    for label, panel in enumerate(figure.axes):
        curve, chance = panel.lines
        precision, recall, _ = precision_recall_curve(
            predictions.y_true == label, predictions.probabilities[:, label]
        )
        np.testing.assert_array_equal(curve.get_xydata(), np.c_[recall, precision])
        assert curve.get_drawstyle() == "steps-post"
        assert chance.get_ydata()[0] == np.mean(predictions.y_true == label)
        row = average_precision_table(predictions).iloc[label]
        assert panel.get_title(loc="left") == row["class"]
        value = f"{row['average precision']:.2f}"
        assert [text.get_text() for text in panel.get_legend().get_texts()] == [value]
        assert f"{row['class']} {value}" in figure.get_label()


def test_arms_have_curves_of_their_own_and_a_missing_class_has_none():
    first, second = predictions_of([0, 0, 1], [0, 1, 1]), predictions_of([1, 2], [1, 2])
    figure = error_figures.precision_recall_curves({"CSV": first, "folder": second})
    assert [len(panel.lines) // 2 for panel in figure.axes] == [1, 2, 1, 0, 0, 0, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["CSV", "folder"]
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[1].lines[::2]}
    assert len(looks) == 2


def test_many_arms_of_other_classes_keep_their_values_in_words():
    names = tuple(f"class {number}" for number in range(12))
    part = predictions_of(np.arange(24) % 12, np.arange(24) % 11, None, names)
    fewer = predictions_of([0, 1], [0, 1], None, ("class 1", "class 0"))
    arms = {"fewer": fewer} | {f"arm {n}": part for n in range(7)}
    figure = error_figures.precision_recall_curves(arms)
    assert [panel.get_title(loc="left") for panel in figure.axes[:3]] == [
        "class 1",
        "class 0",
        "class 2",
    ]
    assert len(figure.axes[0].lines) == 16 and len(figure.axes[2].lines) == 14
    assert len(figure.axes) == 12 and not any(panel.get_legend() for panel in figure.axes)
    assert len(figure.legends[0].get_texts()) == 8 and "class 11 " in figure.get_label()


def test_costly_confusions_by_hand():
    # Of 10 images, 5 are wrong: 3 times 2 as 4, once 4 as 2, once 0 as 1.
    predictions = predictions_of(
        [2, 2, 2, 4, 0, 0, 1, 2, 3, 3],
        [4, 4, 4, 2, 1, 0, 1, 2, 3, 3],
    )
    table = error_figures.costly_confusions(predictions)
    assert table.to_numpy().tolist() == [
        ["fear", "sad", 3, 0.6, 0.3],
        ["angry", "disgust", 1, 0.2, 0.1],
        ["sad", "fear", 1, 0.2, 0.1],
    ]
    assert len(error_figures.costly_confusions(predictions, count=1)) == 1


def test_all_confusions_together_lose_what_accuracy_lacks(predictions):
    table = error_figures.costly_confusions(predictions, count=100)
    accuracy = np.mean(predictions.y_pred == predictions.y_true)
    assert table["accuracy lost"].sum() == pytest.approx(1 - accuracy)
    assert table["share of errors"].sum() == pytest.approx(1)
    assert (table["true"] != table["predicted"]).all()


def test_each_row_of_the_gallery_shows_faces_of_its_confusion(predictions, make_faces):
    faces = make_faces(400)
    figure = galleries.costly_confusion_gallery(faces, predictions, "CSV")
    table = error_figures.costly_confusions(predictions)
    rows = np.reshape(figure.axes, (6, 8))
    for row, pair in zip(rows, table.to_dict("records"), strict=True):
        said, true = (predictions.class_names.index(pair[side]) for side in ("predicted", "true"))
        for panel in row[:2]:
            (index,) = shown_faces(panel, faces)
            assert (predictions.y_true[index], predictions.y_pred[index]) == (true, said)
            sure, true_one = predictions.probabilities[index, [said, true]]
            assert panel.get_title() == f"{sure:.0%}, true {true_one:.0%}"
        assert row[0].get_ylabel().startswith(f"{pair['true']}\nas {pair['predicted']}\n")
    lost = f"{pair['images']} images, {100 * pair['accuracy lost']:.1f} points"
    assert f"{pair['true']} as {pair['predicted']}: {lost}" in figure.get_label()


def test_a_model_without_errors_has_an_empty_gallery(make_faces):
    flawless = predictions_of([0, 1], [0, 1])
    assert error_figures.costly_confusions(flawless).empty
    figure = galleries.costly_confusion_gallery(make_faces(2), flawless, "CSV")
    assert "There are no errors." in figure.get_label()
    assert not any(panel.images for panel in figure.axes)


def test_heat_is_laid_over_right_and_wrong_predictions(make_faces):
    import keras

    from fer_keras.networks.build import build

    keras.utils.set_random_seed(0)
    faces, model = make_faces(70), build("conv3", 7)
    probabilities = np.asarray(model(faces.images[..., None]))
    said = probabilities.argmax(axis=1)
    y_true = np.where(np.arange(70) % 2, said, (said + 1) % 7)
    predictions = Predictions(faces.ids, y_true, probabilities, faces.class_names)
    figure = galleries.grad_cam_gallery(model, faces, predictions, "CSV")
    rows = np.reshape(figure.axes, (5, 7))
    explained = {1: said, 3: said, 4: y_true}
    for number, row in enumerate(rows):
        for panel, above in zip(row, rows[0] if number < 2 else rows[2], strict=True):
            (index,) = shown_faces(panel, faces)
            assert shown_faces(above, faces) == [index]
            assert (said[index] == y_true[index]) == (number < 2)
            if number in explained:
                heat = grad_cam(model, faces.images[[index]], explained[number][[index]])[0]
                drawn = np.asarray(panel.images[1].get_array())
                np.testing.assert_allclose(drawn, heat / max(heat.max(), 1e-30), atol=1e-3)
            else:
                assert faces.class_names[said[index]] in panel.get_title()
    assert {"right", "wrong", "for the\ntrue class"} <= set(texts(figure))
    assert "7 random test faces predicted rightly and 7 wrongly" in figure.get_label()
