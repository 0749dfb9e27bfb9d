from dataclasses import replace

import numpy as np
import pytest
from helpers import predictions_of
from sklearn.metrics import f1_score, precision_recall_fscore_support

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.evaluation.calibration import reliability_table
from fer_keras.evaluation.predictions import (
    MERGED,
    Predictions,
    class_accuracy,
    class_report,
    confusion_table,
    flat_metrics,
    in_half_precision,
    score_table,
)
from fer_keras.utils.errors import InputError


@pytest.fixture
def random_predictions():
    rng = np.random.default_rng(0)
    ids = np.array([f"{'PublicTest' if n < 200 else 'PrivateTest'}/row{n}" for n in range(500)])
    y_true = rng.integers(0, 7, 500)
    y_pred = np.where(rng.random(500) < 0.6, y_true, rng.integers(0, 7, 500))
    return predictions_of(y_true, y_pred, ids)


def test_half_precision_keeps_the_predicted_classes(tmp_path):
    """Also where float16 cannot tell the two most probable classes apart."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(7), 2000)
    rows = np.arange(1000)
    shares[rows, 2] = shares[rows, 5] = shares[rows].max(axis=1)
    shares[rows, 5] += 2e-5
    shares /= shares.sum(axis=1, keepdims=True)
    made = replace(predictions_of(np.zeros(2000, int), np.zeros(2000, int)), probabilities=shares)
    half = in_half_precision(made)
    assert half.probabilities.dtype == np.float16
    rounded = shares.astype(np.float16)
    assert (rounded.argmax(axis=1) != made.y_pred).sum() > 500
    assert np.abs(half.probabilities - rounded).max() <= 5e-4
    assert np.abs(half.probabilities.astype(float).sum(axis=1) - 1).max() < 1e-3
    half.save(tmp_path / "half.npz")
    kept = Predictions.load(tmp_path / "half.npz")
    np.testing.assert_array_equal(kept.y_pred, made.y_pred)
    assert kept.probabilities.dtype == np.float32
    np.testing.assert_allclose(kept.probabilities.sum(axis=1), 1, atol=1e-6)
    made.save(tmp_path / "full.npz")
    np.testing.assert_array_equal(Predictions.load(tmp_path / "full.npz").probabilities, shares)


def test_each_split_is_scored_apart_and_all_together_first(random_predictions):
    parts = random_predictions.by_split()
    assert [(name, len(part.ids)) for name, part in parts.items()] == [
        (MERGED, 500),
        ("PublicTest", 200),
        ("PrivateTest", 300),
    ]
    assert all(name.startswith("PrivateTest/") for name in parts["PrivateTest"].ids)


def test_a_single_split_is_not_repeated(random_predictions):
    public = random_predictions.by_split()["PublicTest"]
    assert list(public.by_split()) == ["PublicTest"]


def test_scores_agree_with_scikit_learn(random_predictions):
    row = score_table(random_predictions).iloc[0]
    y_true, y_pred = random_predictions.y_true, random_predictions.y_pred
    assert row["accuracy"] == pytest.approx(np.mean(y_true == y_pred))
    assert row["macro_f1"] == pytest.approx(f1_score(y_true, y_pred, average="macro"))
    assert row["weighted_f1"] == pytest.approx(f1_score(y_true, y_pred, average="weighted"))
    for score in ("accuracy", "macro_f1", "weighted_f1"):
        assert row[f"{score}_low"] < row[score] < row[f"{score}_high"]


def test_confusion_rows_are_true_classes():
    confusion = predictions_of([0, 0, 3], [1, 1, 3]).confusion()
    assert confusion.shape == (7, 7)
    assert confusion[0, 1] == 2 and confusion[3, 3] == 1 and confusion.sum() == 3


def test_confusion_table_holds_each_split_in_counts_and_in_shares(random_predictions):
    counts = confusion_table(random_predictions)
    assert counts.shape == (3 * 7, 7)
    assert counts.loc["PublicTest"].to_numpy().sum() == 200
    both = counts.loc["PublicTest"] + counts.loc["PrivateTest"]
    assert (both == counts.loc[MERGED]).all(axis=None)
    shares = confusion_table(random_predictions, normalised=True)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    fear_as_sad = np.mean(random_predictions.y_pred[random_predictions.y_true == 2] == 4)
    assert shares.loc[(MERGED, "fear"), "sad"] == pytest.approx(fear_as_sad)
    assert (confusion_table(predictions_of([0], [0]), True).loc["PublicTest", "sad"] == 0).all()


def test_class_report_by_hand():
    # angry: 2 of 3 found, 1 false alarm; disgust: 1 of 2 found, 1 false alarm.
    names = ("angry", "disgust")
    report = class_report(predictions_of([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], class_names=names))
    report = report.set_index("class")
    assert report.loc["angry", ["precision", "recall", "f1"]].tolist() == pytest.approx([2 / 3] * 3)
    assert report.loc["disgust", ["precision", "recall", "f1"]].tolist() == pytest.approx([0.5] * 3)
    assert report["support"].tolist() == [3, 2, 5, 5]
    assert report.loc["macro avg", "f1"] == pytest.approx((2 / 3 + 0.5) / 2)


def test_class_report_agrees_with_scikit_learn_where_classes_are_missing():
    y_true, y_pred = np.array([0, 0, 2, 2, 3]), np.array([0, 5, 2, 2, 2])
    report = class_report(predictions_of(y_true, y_pred)).iloc[:7]
    expected = precision_recall_fscore_support(y_true, y_pred, labels=range(7), zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "support"), expected):
        assert report[name].tolist() == pytest.approx(column.tolist())


def test_flat_metrics_name_split_and_score(random_predictions):
    metrics = flat_metrics(random_predictions)
    private = random_predictions.by_split()["PrivateTest"]
    assert metrics["PrivateTest/accuracy"] == pytest.approx(
        np.mean(private.y_pred == private.y_true)
    )
    assert metrics["PublicTest/images"] == 200


def test_clean_images_are_scored_beside_all_of_their_split():
    # Of four images, the two that leaked are right; one of the other two is.
    leaked = np.array([True, True, False, False])
    predictions = predictions_of([0, 1, 2, 3], [0, 1, 2, 4], leaked=leaked)
    table = score_table(predictions).set_index("split")
    assert table["images"].to_dict() == {"PublicTest": 4, "PublicTest, clean": 2}
    assert table["accuracy"].tolist() == [0.75, 0.5]
    assert flat_metrics(predictions)["PublicTest, clean/accuracy"] == 0.5
    assert list(predictions.select(~leaked).test_sets()) == ["PublicTest"]
    assert list(predictions.select(leaked).test_sets()) == ["PublicTest"]  # none would be left


def test_identical_images_widen_the_intervals_of_the_scores(random_predictions):
    public = random_predictions.by_split()["PublicTest"]
    twice = predictions_of(
        *(np.repeat(each, 2) for each in (public.y_true, public.y_pred, public.ids)),
        groups=np.repeat(np.arange(200), 2),
    )
    once, both = score_table(public).iloc[0], score_table(twice).iloc[0]
    for column in ("accuracy", "accuracy_low", "macro_f1_high"):
        assert both[column] == pytest.approx(once[column])


def test_predictions_survive_their_file(random_predictions, tmp_path):
    marked = replace(random_predictions, groups=np.arange(500) // 2, leaked=np.arange(500) % 3 == 0)
    marked.save(tmp_path / "predictions.npz")
    read = Predictions.load(tmp_path / "predictions.npz")
    assert read.class_names == CLASS_NAMES
    for name in ("ids", "y_true", "probabilities", "groups", "leaked"):
        np.testing.assert_array_equal(getattr(read, name), getattr(marked, name))
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.npz"]


def test_accuracy_of_a_class_is_its_recall_with_wilsons_interval(random_predictions):
    table = class_accuracy(random_predictions)
    _, recall, _, support = precision_recall_fscore_support(
        random_predictions.y_true, random_predictions.y_pred
    )
    np.testing.assert_allclose(table["accuracy"], recall)
    # Wilson (1927), written out: middle and half width.
    z = 1.959964
    middle = (recall + z**2 / (2 * support)) / (1 + z**2 / support)
    half = z * np.sqrt(recall * (1 - recall) / support + z**2 / (4 * support**2))
    half /= 1 + z**2 / support
    ends = np.c_[middle - half, middle + half]
    np.testing.assert_allclose(table[["accuracy_low", "accuracy_high"]], ends, atol=1e-6)
    pairs = flat_metrics(random_predictions)
    assert pairs[f"{MERGED}/happy/accuracy"] == pytest.approx(recall[3])


def test_pictures_of_one_person_widen_the_interval_of_a_class_and_of_a_bin():
    y_true = np.zeros(40, int)
    alone = predictions_of(y_true, y_true + (np.arange(40) < 10))
    persons = replace(alone, groups=np.arange(40) // 5)
    for table in (class_accuracy, reliability_table):
        ends = [
            table(each)[["accuracy_low", "accuracy_high"]].to_numpy() for each in (alone, persons)
        ]
        assert (np.diff(ends[1]) > 1.5 * np.diff(ends[0])).all()


def test_a_class_that_does_not_occur_has_no_accuracy():
    assert class_accuracy(predictions_of([0, 0, 2], [0, 1, 2]))["class"].tolist() == [
        "angry",
        "fear",
    ]


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        ([0.5, np.nan], "sum to 1"),
        ([np.inf, 0.5], "sum to 1"),
        ([0.5, 0.4], "sum to 1"),
        ([1.5, -0.5], "0 or more"),
    ],
)
def test_what_is_no_probability_is_no_prediction(shares, why, tmp_path):
    fields = {"ids": np.array(["test/a"]), "y_true": np.array([0]), "class_names": ("a", "b")}
    with pytest.raises(ValueError, match=why):
        Predictions(**fields, probabilities=np.array([shares]))
    stored = {"groups": np.array([0]), "leaked": np.array([False])}
    np.savez(tmp_path / "bad.npz", **fields, **stored, probabilities=np.array([shares]))
    with pytest.raises(InputError, match=f"bad.npz holds impossible predictions: .*{why}"):
        Predictions.load(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("y_true", np.array([2])), ("y_true", np.array([-1])), ("y_true", np.array([0.0])),
        ("ids", np.array(["a", "b"])), ("leaked", np.array([1])), ("groups", np.array([[0]])),
        ("probabilities", np.ones((1, 3)) / 3), ("class_names", np.array([1, 2])),
    ],
)  # fmt: skip
def test_a_file_of_predictions_that_do_not_fit_together_is_refused(field, value, tmp_path):
    fields = {
        "ids": np.array(["test/a"]), "y_true": np.array([0]), "class_names": np.array(["a", "b"]),
        "probabilities": np.array([[0.5, 0.5]]), "groups": np.array([0]),
        "leaked": np.array([False]),
    }  # fmt: skip
    np.savez(tmp_path / "bad.npz", **fields)
    assert Predictions.load(tmp_path / "bad.npz").y_true.tolist() == [0]
    np.savez(tmp_path / "bad.npz", **fields | {field: value})
    with pytest.raises(InputError, match=r"bad.npz holds (no|impossible) predictions: "):
        Predictions.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "bad.npz", **{name: fields[name] for name in fields if name != field})
    with pytest.raises(InputError, match=f"there is no {field} in it"):
        Predictions.load(tmp_path / "bad.npz")
