"""Comparisons: planned, run, failed in parts, resumed, read back, and the same on a cluster."""

import shutil
from dataclasses import replace
from functools import partial

import cloudpickle
import keras
import numpy as np
import pandas as pd
import pytest
from helpers import patterned_faces
from keras import layers
from small_networks import tiny

from fer_keras.comparison import engine, execute, tuning
from fer_keras.comparison.engine import run_comparison
from fer_keras.comparison.record import load_comparison
from fer_keras.comparison.results import across_data_sets, result_table
from fer_keras.comparison.robustness import robustness
from fer_keras.comparison.source import Source
from fer_keras.data import loading
from fer_keras.data.faces import concatenate, keep_classes
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.evaluation.differences import How
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.score_tables import is_fer2013
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError, NoRunError

ONE_EPOCH = {"epochs": 1, "batch_size": 70}


def wide(num_classes, width):
    hidden = [layers.Flatten(), layers.Dense(width, activation="relu")]
    last = layers.Dense(num_classes, activation="softmax")
    return keras.Sequential([keras.Input((48, 48, 1)), *hidden, last])


TWO_WIDTHS = """
import keras
from keras import layers

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)), layers.Rescaling(1 / 255), layers.Conv2D({width}, 5, strides=4),
        layers.Flatten(), layers.Dense(num_classes, activation="softmax"),
    ])
"""
TINY = Recipe(network=tiny, **ONE_EPOCH)


def probabilities(comparison):
    return {
        (arm, seed): run.predictions.probabilities
        for arm, runs in comparison.runs.items()
        for seed, run in runs.items()
    }


def test_arms_times_seeds_are_run_recorded_and_read_back(data, tmp_path):
    arms = {"mine": TINY, "other": TINY.changed(learning_rate=1e-2)}
    done = run_comparison(arms, data, 2, out=tmp_path / "runs")
    assert [*probabilities(done)] == [(arm, seed) for arm in arms for seed in (0, 1)]
    assert done.name == "mine-other" and not done.errors and not done.drawn
    record = pd.read_csv(done.directory / "results.csv")
    first = record[record["split"] == "PublicTest"]
    assert first[["arm", "seed", "images"]].to_numpy().tolist() == [
        ["mine", 0, 70], ["mine", 1, 70], ["other", 0, 70], ["other", 1, 70],
    ]  # fmt: skip
    run = done.runs["other"][1]
    is_right = run.predictions.y_pred == run.predictions.y_true
    assert first["accuracy"].iloc[3] == pytest.approx(is_right.mean())
    clean = record[record["split"] == "PublicTest, clean"].iloc[3]
    assert clean["accuracy"] == pytest.approx(is_right[~run.predictions.leaked].mean())

    again = load_comparison(done.directory)
    assert again.arms.keys() == done.arms.keys() and again.seeds == (0, 1)
    np.testing.assert_equal(probabilities(again), probabilities(done))
    np.testing.assert_array_equal(again.splits("mine").test.ids, run.predictions.ids)
    pd.testing.assert_frame_equal(result_table(again), result_table(done))

    before = (run.directory / "model.keras").stat().st_mtime_ns
    more = run_comparison(arms, data, 3, out=tmp_path / "runs")
    assert more.directory == done.directory and len(more.runs["mine"]) == 3
    assert (run.directory / "model.keras").stat().st_mtime_ns == before


@pytest.mark.usefixtures("untrained")
def test_a_comparison_with_other_settings_has_a_folder_of_its_own(splits, tmp_path):
    first = run_comparison({"a": TINY}, splits, 1, out=tmp_path)
    second = run_comparison({"a": TINY.changed(batch_size=35)}, splits, 1, out=tmp_path)
    assert first.directory != second.directory


@pytest.mark.usefixtures("untrained")
def test_crossed_factors_are_arms_whose_levels_the_record_holds(data, tmp_path):
    factors = {"batch_size": (35, 70), "augmentation": ("none", {"rotation_range": 20})}
    recipe = {"a": Recipe(network=tiny, epochs=1)}
    done = run_comparison(recipe, data, 1, factors=factors, out=tmp_path)
    assert len(done.arms) == 4 and done.factors == factors
    assert done.name == "a" and done.directory.name.startswith("a-")
    table = result_table(done)
    table = table[table["split"] == "PublicTest"]
    assert table["batch_size"].tolist() == ["35", "35", "70", "70"]
    assert table["augmentation"].tolist() == ["none", "{'rotation_range': 20}"] * 2
    assert not run_comparison(recipe, data, 1, factors=factors, crossed=False, out=tmp_path).factors


@pytest.mark.usefixtures("untrained")
def test_networks_as_levels_are_recorded_by_name(splits, tmp_path):
    levels = [tiny, partial(wide, width=8)]
    done = run_comparison({"a": TINY}, splits, 1, factors={"network": levels}, out=tmp_path)
    names = ("small_networks:tiny", f"{__name__}:wide(width=8)")
    assert [*done.arms] == ["tiny", "wide(width=8)"] and done.factors == {"network": names}
    assert done.design["factors"] == {"network": [*names]}
    assert "0x" not in (done.directory / "comparison.json").read_text()


def test_a_failed_run_is_a_row_until_the_next_try(data, tmp_path):
    arms = {"csv": "conv3_csv,division=own", "folder": "conv3_folder"}
    options = {"changes": ONE_EPOCH | {"network": tiny}, "out": tmp_path / "runs"}
    done = run_comparison(arms, data, 1, **options)
    ids = [run.predictions.ids.tolist() for run in done.first.values()]
    assert ids[0] == ids[1]  # paired by their pixels

    in_the_way = done.runs["folder"][0].directory
    shutil.rmtree(in_the_way)
    in_the_way.write_text("in the way")
    failed = run_comparison(arms, data, 1, **options)
    (error,) = failed.errors
    assert (error["arm"], error["seed"]) == ("folder", 0) and error["error"]
    record = pd.read_csv(failed.directory / "results.csv")
    row = record[record["arm"] == "folder"].iloc[0]
    assert row["error"] == error["error"] and np.isnan(row["accuracy"])
    in_the_way.unlink()
    mended = run_comparison(arms, data, 1, **options)
    np.testing.assert_equal(probabilities(mended), probabilities(done))


def test_an_absent_scheduler_is_said(data, tmp_path):
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127.0.0.1:9"):
        run_comparison({"a": TINY}, data, 1, out=tmp_path, dask="tcp://127.0.0.1:9")


def test_a_network_that_cannot_be_built_is_said_before_any_run(data, tmp_path):
    def broken(num_classes):
        raise RuntimeError("no such luck")

    with pytest.raises(InputError, match="failed for 7 classes: no such luck"):
        run_comparison({"a": TINY.changed(network=broken)}, data, 1, out=tmp_path)


def test_where_every_run_fails_the_first_error_is_said(data, tmp_path, monkeypatch):
    def fail(planned, *_):
        return {run.directory: f"no luck with seed {run.recipe.seed}" for run in planned}

    monkeypatch.setattr(engine, "execute_all", fail)
    with pytest.raises(NoRunError, match="the first error is: no luck with seed 0"):
        run_comparison({"a": TINY}, data, 2, out=tmp_path)
    record = pd.read_csv(next(tmp_path.glob("a-*")) / "results.csv")
    assert record["error"].tolist() == ["no luck with seed 0", "no luck with seed 1"]


def test_equal_time_gives_each_arm_the_epochs_that_fit(data, tmp_path, monkeypatch):
    seconds = {"slow": 30.0, "fast": 2.0, "late": 500.0}
    fit = tuning.load_run

    def timed(directory):
        run = fit(directory)
        arm = directory.name.split("-")[0]
        run.history["seconds"] = seconds[arm]
        return run

    monkeypatch.setattr(tuning, "load_run", timed)
    arms = {arm: TINY.changed(learning_rate=rate) for arm, rate in zip(seconds, (1e-3, 2e-3, 3e-3))}
    done = run_comparison(arms, data, 1, minutes=1, out=tmp_path)
    assert {arm: recipe.epochs for arm, recipe in done.arms.items()} == {
        "slow": 1, "fast": 28, "late": 1,
    }  # fmt: skip  # of 57 seconds, as 5 % are kept in reserve
    assert done.minutes == 1 and len(done.runs["fast"][0].history) == 28


@pytest.mark.usefixtures("untrained")
def test_without_data_faces_are_drawn_and_the_first_line_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    write = loading.write_drawn_data
    monkeypatch.setattr(loading, "write_drawn_data", lambda place: write(place, 300, 100))
    done = run_comparison({"a": TINY.changed(epochs=9)}, seeds=1)
    assert done.drawn and done.arms["a"].epochs == 3 and len(done.splits("a").test) == 100
    assert capsys.readouterr().out.startswith("No data was found, so this runs on drawn faces")


def test_faces_in_memory_are_compared_too(splits, tmp_path):
    done = run_comparison({"a": TINY}, splits, 1, out=tmp_path)
    np.testing.assert_array_equal(done.runs["a"][0].predictions.ids, splits.test.ids)
    assert done.splits("a") is splits
    assert load_comparison(done.directory).splits("a") is None
    moved = replace(splits, test=splits.test.select(slice(50)))
    others = {"a": replace(done.sources["a"], data=moved)}
    assert replace(done, sources=others).splits("a") is None  # not the faces of the runs
    assert robustness(replace(done, sources=others)) == {}


@pytest.mark.usefixtures("untrained")
def test_a_csv_of_ones_own_classes_is_called_by_its_name(splits, tmp_path):
    folder = tmp_path / "moods"
    folder.mkdir()
    names = ("calm", "tense")
    faces = {part: patterned_faces(140, part) for part in ("Training", "PublicTest")}
    both = concatenate(*(keep_classes(each, CLASS_NAMES[:2]) for each in faces.values()))
    write_fer2013_csv(replace(both, class_names=CLASS_NAMES), folder / "mine.csv")
    options = {"class_names": names, "out": tmp_path / "runs"}
    done = run_comparison({"a": TINY}, folder / "mine.csv", 1, **options)
    assert done.sources["a"].data.name == done.splits("a").name == "mine"
    assert not is_fer2013(done)


def test_several_data_sets_are_trained_each_and_tested_on_all(data, rafdb, tmp_path):
    places = {"fer2013": data, "raf-db": rafdb}
    done = run_comparison({"a": TINY}, places, 1, out=tmp_path)
    assert [*done.arms] == ["a on fer2013", "a on raf-db"]
    table = across_data_sets(done)
    assert table[["tested on", "split", "trained on"]].to_numpy().tolist() == [
        [tested, split, trained]
        for tested, split in (
            ("fer2013", "all images"), ("fer2013", "without copies"), ("raf-db", "all images"),
        )
        for trained in ("fer2013", "raf-db")
    ]  # fmt: skip
    model = keras.models.load_model(done.runs["a on raf-db"][0].directory / "model.keras")
    images = done.splits("a on fer2013").test.images[..., np.newaxis]
    found = model.predict(images, verbose=0).argmax(axis=1)
    expected = np.mean(found == done.splits("a on fer2013").test.labels)
    assert table["accuracy"].iloc[1] == pytest.approx(expected)


def test_the_users_names_tell_data_sets_apart(splits, data, tmp_path):
    done = run_comparison({"a": TINY}, {"one": data, "two": splits}, 1, out=tmp_path)
    table = across_data_sets(done)
    pairs = table[["trained on", "tested on"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [[a, b] for b in ("one", "two") for a in ("one", "two")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": "speed"}, "comparisons same_images, .* No recipe is called speed"),
        ({"out": __file__}, "Nothing can be written to .*test_engine.py is no folder to write to"),
        ({"dask": 3}, "dask is 3; give the address of a scheduler"),
        ({"dask": ""}, "dask is ''; give the address of a scheduler"),
        ({"seeds": 0}, "seeds is 0; give a number of seeds from 1 to 1,000"),
        ({"seeds": [0, -1]}, r"seeds is \[0, -1\]"),
        ({"seeds": "two"}, "seeds is 'two'"),
        ({"minutes": 0}, "minutes is 0; give a number above 0"),
        ({"minutes": 2, "jobs": 2}, "trained one after the other.*leave jobs and dask out"),
        ({"changes": {"seed": 4}}, "seeds says which"),
        ({"factors": {"epochs": (1, 2)}, "changes": {"epochs": 3}}, "epochs is a factor"),
        ({"factors": {"epochs": (1, 2)}, "minutes": 1}, "factors sets epochs, which minutes"),
        ({"changes": {"epochs": 2}, "minutes": 1}, "changes sets epochs, which minutes chooses"),
        (
            {"factors": {"learning_rate": (0.1, 0.2)}, "search_rate": True},
            "factors sets learning_rate, which search_rate chooses",
        ),
        ({"factors": {"classes": (("sad",), ("happy",))}}, "answer another question"),
        ({"on_bad": "ignore"}, "on_bad is 'ignore'"),
        ({"changes": {"classes": ("joy", "sad")}}, "has no class joy"),
        ({"arms": {}}, "There is no arm"),
        ({"data": {"mine": ""}}, "data set 'mine' is ''; give its folder"),
        ({"data": np.zeros((2, 48, 48))}, "The data is of type ndarray; give a folder"),
        ({"data": {"mine": np.zeros((2, 48, 48))}}, "The data is of type ndarray; give a folder"),
        ({"crossed": "no"}, "crossed is 'no'; give True or False"),
        ({"search_rate": 1}, "search_rate is 1; give True or False"),
        ({"seeds": [0], "first_seed": 7}, "first_seed is 7 beside a list of seeds"),
        ({"test_on": {1: "."}}, "test_on has the name 1, which becomes part of a file's name"),
        ({"data": {}}, "data is an empty dict"),
        ({"data": {"a/b": "."}}, "data has the name 'a/b', which becomes part of a file's name"),
        ({"test_on": {"x": 3}}, "test_on's x is of type int; give a folder"),
        ({"arms": {"a": tiny}}, r"network of your own as Recipe\(network=...\)"),
    ],
)
def test_impossible_comparisons_are_one_sentence(arguments, message, data, tmp_path):
    arguments = {"arms": {"a": TINY}, "data": data, "out": tmp_path / "runs"} | arguments
    with pytest.raises(InputError, match=message):
        run_comparison(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"on_bad": "ignore"}, "on_bad is 'ignore'"), ({"name": 3}, "A name or title is 3; give")],
)
def test_impossible_comparisons_of_faces_in_memory_are_refused(
    arguments, message, splits, tmp_path
):
    with pytest.raises(InputError, match=message):
        run_comparison({"a": TINY}, splits, 1, out=tmp_path / "runs", **arguments)
    assert not (tmp_path / "runs").exists()


def test_how_to_read_is_no_wish_for_splits(splits, tmp_path):
    arguments = {"arms": {"a": TINY}, "data": splits, "seeds": 1, "out": tmp_path / "runs"}
    with pytest.raises(InputError, match="The factor labels says how data is read"):
        run_comparison(**arguments, factors={"labels": ("own", "ferplus_votes")})
    with pytest.raises(InputError, match="class_names .* leave them out for Splits"):
        run_comparison(**arguments, class_names=("a", "b"))


@pytest.mark.usefixtures("untrained")
def test_numbers_of_numpy_are_numbers(splits, tmp_path):
    arguments = {"arms": {"a": TINY}, "data": splits, "out": tmp_path / "runs"}
    done = run_comparison(
        **arguments, seeds=np.arange(2), factors={"batch_size": np.array([35, 70])}
    )
    assert done.seeds == (0, 1) and done.factors == {"batch_size": (35, 70)}
    again = run_comparison(**arguments, seeds=2, factors={"batch_size": (35, 70)})
    assert again.directory == done.directory


def test_a_network_that_is_edited_meanwhile_is_trained_in_the_next_comparison(
    splits, tmp_path, monkeypatch
):
    file, finish = tmp_path / "net.py", execute.finish
    file.write_text(TWO_WIDTHS.format(width=4))

    def finish_and_edit(*arguments, **options):
        run = finish(*arguments, **options)
        file.write_text(TWO_WIDTHS.format(width=5))
        return run

    arms = {"a": TINY.changed(network=f"{file}:build")}
    with monkeypatch.context() as patch:
        patch.setattr(execute, "finish", finish_and_edit)
        done = run_comparison(arms, splits, 2, out=tmp_path / "runs")
    assert [*done.runs["a"]] == [0]
    (error,) = done.errors
    assert error["seed"] == 1 and "not those that this comparison began with" in error["error"]
    again = run_comparison(arms, splits, 2, out=tmp_path / "runs")
    files = [run.directory / "model.keras" for run in again.runs["a"].values()]
    assert [keras.models.load_model(file).layers[1].filters for file in files] == [5, 5]


def test_a_function_of_ones_own_is_the_same_network_in_another_process(splits, tmp_path):
    def own(num_classes):
        return tiny(num_classes)

    recipe = Recipe(network=own, **ONE_EPOCH)
    planned, _ = execute.plan_runs({"a": recipe}, {"a": Source(splits)}, [0], tmp_path)
    sent = cloudpickle.loads(cloudpickle.dumps(planned[0]))  # as workers get it
    assert sent.recipe.network is not own
    assert execute._execute(sent, None, None) == ""
    assert planned[0].is_finished and execute.execute_all(planned) == {}


@pytest.mark.usefixtures("untrained")
def test_files_that_have_changed_are_read_again(data, tmp_path):
    first = run_comparison({"a": TINY}, data / "fer2013.csv", 1, out=tmp_path / "runs")
    assert first.splits("a")
    lines = (data / "fer2013.csv").read_text().splitlines()
    (data / "fer2013.csv").write_text("\n".join([lines[0], *lines[8:]]) + "\n")
    second = run_comparison({"a": TINY}, data / "fer2013.csv", 1, out=tmp_path / "runs")
    assert second.splits("a") and first.splits("a") is None
    assert second.runs["a"][0].directory != first.runs["a"][0].directory


@pytest.mark.usefixtures("untrained")
def test_other_pixels_under_the_same_ids_are_other_faces(splits, tmp_path):
    done = run_comparison({"a": TINY}, splits, 1, out=tmp_path / "runs")
    test = replace(splits.test, images=splits.test.images[::-1].copy())
    other = replace(done.sources["a"], data=replace(splits, test=test))
    assert done.splits("a")
    assert replace(done, sources={"a": other}).splits("a") is None


@pytest.mark.usefixtures("untrained")
def test_two_folders_whose_files_are_called_alike_share_no_image(tmp_path):
    for number, name in enumerate(("one", "two")):
        parts = [patterned_faces(140, part, 10 * number) for part in ("Training", "PublicTest")]
        write_image_folder(concatenate(*parts), tmp_path / name)
    places = {name: tmp_path / name for name in ("one", "two")}
    done = run_comparison({"a": TINY}, places, 2, out=tmp_path / "runs")
    tested = [run.predictions.ids.tolist() for run in done.first.values()]
    assert tested[0] == tested[1]
    table = difference_table(done)
    assert set(table["how"]) == {How.NOTHING_SHARED}
    places["two"] = places["one"]
    table = difference_table(run_comparison({"a": TINY}, places, 2, out=tmp_path))
    assert set(table["how"]) == {How.OVER_SEEDS}
    assert set(table.loc[table["test images"] == "all", "images"]) == {140}


def test_a_first_seed_that_fails_leaves_the_others(data, tmp_path, monkeypatch):
    finish = execute.finish

    def fail_first(recipe, *arguments, **options):
        if recipe.seed == 0:
            raise InputError("no luck")
        return finish(recipe, *arguments, **options)

    monkeypatch.setattr(execute, "finish", fail_first)
    arms = {"a": TINY.changed(division="random", storage="csv")}
    done = run_comparison(arms, data, 2, out=tmp_path / "runs")
    tested = done.runs["a"][1].predictions.ids.tolist()
    assert [*done.runs["a"]] == [1] and done.splits("a").test.ids.tolist() == tested


def test_where_no_arm_finds_its_form_the_sentence_says_what_to_set(data, tmp_path):
    (data / "fer2013.csv").unlink()
    with pytest.raises(
        InputError, match=r"arm conv3_csv is skipped: .*--set storage=csv, or folder"
    ):
        run_comparison("conv3_csv", data, out=tmp_path / "runs")


def test_what_is_no_comparison_is_not_read(tmp_path):
    with pytest.raises(InputError, match=r"holds no comparison.json; give a folder"):
        load_comparison(tmp_path)
