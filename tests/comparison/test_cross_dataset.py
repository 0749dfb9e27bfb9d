"""Runs tested on other data, on the other form's pixels and on corrupted images."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers import patterned_faces, predictions_of, smooth
from PIL import Image
from small_networks import tiny

from fer_keras.comparison import cross_dataset, robustness
from fer_keras.comparison.cross_dataset import notes_on_others, storage_crossed
from fer_keras.comparison.engine import run_comparison
from fer_keras.comparison.estimates import by_images, estimate, mean_and_difference
from fer_keras.comparison.record import load_comparison
from fer_keras.comparison.results import across_data_sets
from fer_keras.data.corruptions import CORRUPTED, corrupt
from fer_keras.data.faces import Splits, concatenate
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv, write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.chance import group_means
from fer_keras.reporting.robustness_figure import robustness_curves
from fer_keras.reporting.robustness_tables import (
    across_table,
    readable_storage,
    robustness_summary,
    robustness_words,
    storage_table,
)
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

OTHER_CLASSES = ("Happiness", "contempt", "Anger")  # FER2013's 3, unknown, 0


TINY = Recipe(network=tiny, epochs=1, batch_size=70)
ARMS = {"CSV": TINY.changed(storage="csv"), "folder": TINY.changed(storage="folder")}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Both forms of FER2013, and 42 files of 14 persons whose last 3 are training images."""
    place = tmp_path_factory.mktemp("home")
    faces = concatenate(smooth(patterned_faces(280)), smooth(patterned_faces(70, "PublicTest"), 1))
    write_fer2013_csv(faces, place / "fer2013.csv")
    write_image_folder(faces, place)
    frames = smooth(patterned_faces(42, "frames"), seed=2).images
    frames[39:] = faces.images[:3]
    for number, frame in enumerate(frames):
        folder = place / "frames" / OTHER_CLASSES[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(folder / f"S{number // 3:02}_{number % 3}.png")
    return place


def compared(home, **options):
    test_on = {"frames": home / "frames"}
    options = {"test_on": test_on, "group_by": r"^(S\d+)_", "out": home / "runs"} | options
    return run_comparison(ARMS, home, 2, **options)


@pytest.fixture(scope="module")
def done(home):
    return compared(home)


def answers(run, images):
    model = keras.models.load_model(run.directory / "model.keras")
    return model.predict(images[..., np.newaxis], verbose=0).argmax(axis=1)


def test_persons_who_are_tested_are_not_learnt_and_count_once(home, tmp_path):
    arms = {"tiny": TINY.changed(division="random", validation_fraction=0.2)}
    options = {"group_by": r"^(S\d+)_", "out": tmp_path}
    comparison = run_comparison(arms, home / "frames", 2, **options)
    for run in comparison.runs["tiny"].values():
        _, splits = comparison.sources["tiny"].splits(run.recipe)
        parts = (splits.train, splits.validation, splits.test)
        persons = [{name.split("/")[2][:3] for name in part.ids.tolist()} for part in parts]
        assert sum(map(len, persons)) == 14 == len(set.union(*persons))
        tested = [name.split("/")[2][:3] for name in run.predictions.ids.tolist()]
        assert len(set(zip(tested, run.predictions.groups.tolist()))) == len(set(tested))
    assert "(persons or sequences), of which none is in training" in " ".join(comparison.notes)
    read = load_comparison(comparison.directory)
    assert read.sources["tiny"].group_by == r"^(S\d+)_"
    corrupted, predictions = robustness.robustness(read)["tiny"][0], read.first["tiny"].predictions
    assert dict(zip(corrupted.ids, corrupted.groups)) == dict(
        zip(predictions.ids, predictions.groups)
    )
    assert run_comparison(arms, home / "frames", 2, out=tmp_path).directory != read.directory


def test_other_data_is_scored_by_name_over_seeds_and_persons(home, done):
    """Read here by Pillow alone: 14 images of Happiness, 14 of Anger, contempt left out."""
    files = sorted((home / "frames" / "Happiness").iterdir())
    files += sorted((home / "frames" / "Anger").iterdir())
    images, labels = np.stack([np.asarray(Image.open(f)) for f in files]), np.repeat([3, 0], 14)
    accuracy = {
        arm: np.mean([np.mean(answers(run, images) == labels) for run in runs.values()])
        for arm, runs in done.runs.items()
    }
    table = across_data_sets(done)
    whole = table[table["split"] == "all images"].set_index("arm")
    assert [*whole.index] == ["CSV", "folder"] and set(whole["tested on"]) == {"frames"}
    assert whole["accuracy"].to_dict() == pytest.approx(accuracy)
    assert whole.loc["folder", "difference"] == pytest.approx(accuracy["folder"] - accuracy["CSV"])
    assert np.isnan(whole.loc["CSV", "difference"]) and whole["macro_f1"].isna().all()
    assert set(whole["images"]) == {28} and set(whole["groups"]) == {14}
    assert set(whole["seeds"]) == {2}
    clean = table[table["split"] == "without copies"]
    assert set(clean["images"]) == {26}  # of the three copies, one has the class contempt
    said = " ".join(notes_on_others(done)["frames"])
    for words in (
        "42 images in 14 groups by the pattern",
        "14 image(s) of contempt are left out",
        "no images of disgust, fear, sad, surprise, neutral",
        "copies of training or validation images of CSV: 2 of the 28 images",
    ):
        assert words in said
    assert "of folder" not in said  # JPEG changed its pixels
    assert len(across_table(done)) == 4


def test_each_form_is_tested_on_the_pixels_of_the_other(home, done):
    csv = read_fer2013_csv(home / "fer2013.csv").test
    files = [
        home / "test" / CLASS_NAMES[label] / f"PublicTest_{number}.jpg"
        for number, label in enumerate(csv.labels, 1)
    ]
    jpeg = np.stack([np.asarray(Image.open(file)) for file in files])
    cells = {}
    for arm, runs in done.runs.items():
        for form, images in (("csv", csv.images), ("folder", jpeg)):
            right = [answers(run, images) == csv.labels for run in runs.values()]
            cells[arm, form] = np.mean(right)
    table = storage_table(done).set_index("arm")
    for arm in ARMS:
        for form in ("csv", "folder"):
            assert table.loc[arm, form] == pytest.approx(cells[arm, form])
        moved = cells[arm, "folder"] - cells[arm, "csv"]
        assert table.loc[arm, "difference"] == pytest.approx(moved, abs=1e-9)
    between = table.loc["folder − CSV"]
    assert between["csv"] == pytest.approx(cells["folder", "csv"] - cells["CSV", "csv"])
    assert readable_storage(table.reset_index()).shape == (3, 4)


def test_tables_are_made_again_without_networks_and_faces(home, done, tmp_path):
    robust = robustness.robustness_table(robustness.robustness(done))
    elsewhere_now = across_data_sets(done), storage_table(done)
    copy = tmp_path / "copy"
    shutil.copytree(done.directory, copy)
    for model in copy.glob("*/model.keras"):
        model.unlink()
    again = load_comparison(copy)
    nowhere = Location("nowhere")
    gone = {arm: replace(source, data=nowhere) for arm, source in again.sources.items()}
    again = replace(again, sources=gone)
    for one, other in zip(elsewhere_now, (across_data_sets(again), storage_table(again))):
        assert one.drop(columns="trained on", errors="ignore").equals(
            other.drop(columns="trained on", errors="ignore")
        )
    assert robustness.robustness_table(robustness.robustness(again)).equals(robust)
    for file in copy.glob("*/robustness.npz"):
        file.unlink()
    assert robustness.robustness(again) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test_on": {"fer2013": "frames"}}, "arm CSV is trained on fer2013, which test_on gives"),
        ({"test_on": {"same": "."}}, "arm CSV is trained on fer2013, which test_on gives as same"),
        ({"test_on": {"csv_pixels": "frames"}}, "test_on has the name 'csv_pixels'"),
        ({"test_on": {"a/b": "frames"}}, "test_on has the name 'a/b'"),
        ({"test_on": {"x": "nowhere"}}, "nowhere does not exist"),
        ({"group_by": r"^(T)"}, "gives no image a group"),
        ({"test_on": None}, "gives no image a group"),
    ],
)
def test_impossible_data_to_test_on_is_one_sentence(options, message, home):
    if options.get("test_on"):
        options = {"test_on": {name: home / place for name, place in options["test_on"].items()}}
    with pytest.raises(InputError, match=message):
        compared(home, out=home / "never", **options)
    assert not (home / "never").exists()


def test_faces_in_memory_are_tested_on_and_those_of_training_refused(splits, tmp_path):
    other = patterned_faces(21, "other", seed=8, class_names=("sad", "happy", "angry"))
    alone = run_comparison({"a": TINY}, splits, 1, out=tmp_path)
    assert across_data_sets(alone).empty and across_table(alone).empty
    assert storage_crossed(alone) == {} and storage_table(alone).empty  # it is not paired
    options = {"out": tmp_path, "test_on": {"mine": Splits(other, other)}}
    found = across_data_sets(run_comparison({"a": TINY}, splits, 1, **options))
    assert found[["images", "seeds"]].to_numpy().tolist() == [[21, 1]]
    with pytest.raises(InputError, match="arm a is trained on faces, which test_on gives as x"):
        run_comparison({"a": TINY}, splits, 1, **options | {"test_on": {"x": splits}})


def test_corrupted_images_are_what_the_networks_see(home, done, monkeypatch):
    monkeypatch.setattr(robustness, "MOST_IMAGES", 40)
    monkeypatch.setattr(robustness, "MOST_AT_ONCE", 100)  # in several parts
    for file in done.directory.glob("*/robustness.npz"):
        file.unlink()
    found = robustness.robustness(done)
    ids = {tuple(part.ids) for parts in found.values() for part in parts}
    assert len(ids) == 1 and len(*ids) == 40
    run, part = done.runs["CSV"][1], found["CSV"][1]
    test = done.splits("CSV").test
    faces = test.select(np.isin(test.ids, part.ids))
    pictures = np.stack([corrupt(faces.images, faces.ids, *pair) for pair in CORRUPTED])
    expected = answers(run, pictures.reshape(-1, 48, 48)).reshape(30, 40) == faces.labels
    np.testing.assert_array_equal(part.right, expected)
    np.testing.assert_array_equal(part.uncorrupted, answers(run, faces.images) == faces.labels)

    table = robustness.robustness_table(found).set_index("arm")
    means = {arm: np.mean([part.right for part in parts]) for arm, parts in found.items()}
    assert table["mean"].to_dict() == pytest.approx(means)
    assert table.loc["folder", "difference"] == pytest.approx(means["folder"] - means["CSV"])
    assert (table["mean_low"] < table["mean"]).all() and (table["mean"] < table["mean_high"]).all()
    steps = robustness.accuracy_by_step(found)
    assert len(steps) == 40
    noise = steps[(steps["corruption"] == "Gaussian noise") & (steps["step"] == 2)]
    assert noise["CSV"].item() == pytest.approx(np.mean([p.right[1] for p in found["CSV"]]))
    is_right = [part.uncorrupted for part in found["folder"]]
    assert steps["folder"].iloc[0] == pytest.approx(np.mean(is_right))

    assert len(robustness_summary(found)) == 2
    assert "uncorrupted" in robustness_summary(found)  # “clean” is without copies
    assert robustness_summary(found).loc["folder", "minus CSV, points"]
    alone = robustness_summary({"CSV": found["CSV"]})
    assert [*alone] == [*robustness_summary(found)][:-1]  # with no arm to differ from
    words = robustness_words(found)
    assert "The first 2 runs of each arm were tested, on 40 test images, the same" in words
    figure = robustness_curves(steps)
    assert len(figure.axes) == 10 and "JPEG" in figure.get_label()


def test_many_arms_have_fewer_runs_tested(done):
    def tested(count):
        run = next(iter(done.runs["CSV"].values()))
        return robustness.seeds_tested(replace(done, runs={str(n): {0: run} for n in range(count)}))

    assert [tested(count) for count in (1, 8, 9, 12, 13, 40)] == [3, 3, 2, 2, 1, 1]


def test_copies_of_images_add_no_certainty():
    """Each image five times over, as one group: the estimate of the images alone."""
    rng = np.random.default_rng(0)
    y_true, answers_of = rng.integers(0, 7, 200), rng.integers(0, 7, (2, 200))
    answers_of[:, :80] = y_true[:80]

    def difference(times, groups):
        ids = np.array([f"PublicTest/{n}" for n in range(200 * times)])
        truth, *said = (np.repeat(each, times) for each in (y_true, *answers_of))
        arms = {a: [predictions_of(truth, each, ids, groups=groups)] for a, each in zip("ab", said)}
        (arms,) = by_images(arms)
        values = {
            arm: np.stack([group_means(p.y_pred == p.y_true, p.groups) for p in parts])
            for arm, parts in arms.items()
        }
        return estimate(values, {"a": 1, "b": -1})

    alone = difference(1, None)
    assert difference(5, np.repeat(np.arange(200), 5)) == pytest.approx(alone)
    value, low, _ = difference(5, None)  # claims too much
    assert (value - low) * np.sqrt(5) == pytest.approx(alone[0] - alone[1], rel=0.02)


def test_arms_on_other_images_are_not_compared():
    first = predictions_of([0, 1, 2], [0, 1, 1])
    second = predictions_of([0, 1], [0, 0])
    sets = by_images({"a": [first, second], "b": [second], "c": [first]})
    assert [{arm: len(parts) for arm, parts in each.items()} for each in sets] == [
        {"a": 1, "c": 1}, {"b": 1},
    ]  # fmt: skip
    values = {"b": np.array([[1.0, 0.0]])}
    mean, difference = mean_and_difference(values, "b", "a")
    assert mean[0] == 0.5 and np.isnan(difference).all()
    value, low, high = estimate({"a": np.array([[1.0]])}, {"a": 1})
    assert value == 1 and np.isnan(low) and np.isnan(high)


def test_what_is_kept_is_predicted_again_only_for_other_faces(home, done, monkeypatch):
    """The last test of this file: it changes the groups of what is kept."""
    asked, predict = [], cross_dataset.predict
    monkeypatch.setattr(
        cross_dataset, "predict", lambda *what: asked.append(what) or predict(*what)
    )
    compared(home)
    assert asked == []
    compared(home, test_on={"more": home / "frames"})
    assert len(asked) == 4 and {*notes_on_others(done)} == {"frames", "more"}
    compared(home, group_by=r"_(\d)\.png")
    assert len(asked) == 8
    table = across_data_sets(done)
    groups = table[table["split"] == "all images"].set_index("tested on")["groups"]
    assert set(groups["more"]) == {14} and set(groups["frames"]) == {2}
