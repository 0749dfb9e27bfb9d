import json
import time
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import SMALL, name_in_latin1, patterned_faces
from keras import layers

from fer_keras.comparison import run as run_module
from fer_keras.comparison.continuing import run_lock
from fer_keras.comparison.run import _require_finite, fit, load_run
from fer_keras.comparison.trained import load_model, predict
from fer_keras.data.faces import Splits, concatenate
from fer_keras.data.readers.image_folder import read_image_folder, write_image_folder
from fer_keras.evaluation.predictions import Predictions
from fer_keras.training import fit as training
from fer_keras.training.augmentation import views
from fer_keras.training.recipe import Recipe
from fer_keras.utils import watching
from fer_keras.utils.errors import InputError

RECIPE = Recipe(network=SMALL, epochs=3, batch_size=32, seed=7)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    splits = Splits(
        patterned_faces(140), patterned_faces(70, "PublicTest"), patterned_faces(35, seed=1)
    )
    return splits, fit(RECIPE, splits, tmp_path_factory.mktemp("run"))


def test_run_directory_holds_what_the_readme_lists(finished):
    _, run = finished
    assert {path.name for path in run.directory.iterdir()} == {
        "recipe.json",
        "environment.json",
        "history.csv",
        "model.keras",
        "predictions.npz",
        "validation_predictions.npz",
        "metrics.json",
        "class_report.csv",
        "confusion_matrix.csv",
        "confusion_matrix_normalised.csv",
    }
    history = pd.read_csv(run.directory / "history.csv")
    assert history["epoch"].tolist() == [1, 2, 3]
    assert (history["images_per_second"] > 0).all()


def test_test_time_augmentation_stands_beside_the_plain_predictions(splits, tmp_path):
    recipe = RECIPE.changed(epochs=1, test_time_augmentation=True)
    finished = fit(recipe, splits, tmp_path / "run")
    plain, augmented = finished.predictions, finished.augmented_predictions
    model = load_model(finished)
    seen = [model.predict(view[..., None], verbose=0) for view in views(splits.test.images)]
    np.testing.assert_allclose(augmented.probabilities, np.mean(seen, axis=0), atol=1e-6)
    np.testing.assert_allclose(plain.probabilities, seen[0], atol=1e-6)
    assert np.abs(plain.probabilities - augmented.probabilities).max() > 1e-4
    np.testing.assert_array_equal(augmented.ids, plain.ids)


def test_kept_model_is_the_best_epochs_and_makes_the_stored_predictions(finished):
    splits, run = finished
    model = keras.models.load_model(run.directory / "model.keras")
    images = splits.test.images[..., np.newaxis]
    np.testing.assert_allclose(
        run.predictions.probabilities, np.asarray(model(images)), rtol=1e-4, atol=1e-6
    )
    said = np.asarray(model(splits.validation.images[..., np.newaxis])).argmax(axis=1)
    best = run.history.loc[run.history["val_accuracy"].idxmax()]
    assert run.kept_epoch == best["epoch"]
    assert np.mean(said == splits.validation.labels) == pytest.approx(best["val_accuracy"])


def test_metrics_are_those_of_the_predictions(finished):
    _, run = finished
    stored = np.load(run.directory / "predictions.npz")
    metrics = json.loads((run.directory / "metrics.json").read_text())
    hits = stored["probabilities"].argmax(axis=1) == stored["y_true"]
    assert metrics["PublicTest/accuracy"] == pytest.approx(hits.mean())
    assert metrics["PublicTest/images"] == 70


def test_same_recipe_data_and_seed_give_the_same_predictions(finished, tmp_path):
    splits, run = finished
    again = fit(RECIPE, splits, tmp_path)
    np.testing.assert_array_equal(again.predictions.probabilities, run.predictions.probabilities)
    other = fit(RECIPE.changed(seed=8), splits, tmp_path / "other")
    assert not np.array_equal(other.predictions.probabilities, run.predictions.probabilities)


def test_a_finished_run_is_read_back_not_trained_again(finished):
    splits, run = finished
    before = (run.directory / "model.keras").stat().st_mtime_ns
    again = fit(RECIPE, splits, run.directory)
    assert (run.directory / "model.keras").stat().st_mtime_ns == before
    assert again.predictions.ids.tolist() == run.predictions.ids.tolist()


def test_of_two_that_start_a_run_at_once_the_second_waits_for_the_first(
    splits, tmp_path, monkeypatch
):
    trained, train = [], run_module._train_and_predict

    def counted(*arguments):
        trained.append(arguments)
        train(*arguments)

    monkeypatch.setattr(run_module, "_train_and_predict", counted)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(fit, RECIPE.changed(epochs=1), splits, tmp_path) for _ in range(2)]
    first, second = (run.result().predictions.probabilities for run in runs)
    assert len(trained) == 1
    np.testing.assert_array_equal(first, second)


def test_who_waits_for_another_process_is_told_so(finished, monkeypatch, capfd):
    splits, run = finished
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.1)
    with ThreadPoolExecutor(1) as pool, run_lock(run.directory):
        second = pool.submit(fit, RECIPE, splits, run.directory)
        said, until = "", time.monotonic() + 20
        while "waiting for its end" not in said and time.monotonic() < until:
            said += capfd.readouterr().err
            time.sleep(0.05)
    assert f"Another process trains {run.directory.name}; waiting for its end ..." in said
    assert second.result().recipe == run.recipe


def test_a_directory_is_not_given_to_another_run(finished, make_faces):
    splits, run = finished
    with pytest.raises(InputError, match="another recipe"):
        fit(RECIPE.changed(epochs=4), splits, run.directory)
    other_data = Splits(splits.train, make_faces(70, "PublicTest", seed=9), splits.validation)
    with pytest.raises(InputError, match="other data"):
        fit(RECIPE, other_data, run.directory)


def test_classes_whose_names_are_no_utf8_are_learnt_and_read_back(splits, tmp_path):
    write_image_folder(concatenate(splits.train, splits.test), tmp_path / "mine")
    name_in_latin1(tmp_path / "mine")
    faces = read_image_folder(tmp_path / "mine")
    run = fit(RECIPE.changed(epochs=1, batch_size=64), faces, tmp_path / "run")
    assert r"ga\xeet\xe9" in load_run(run.directory).predictions.class_names
    assert r"ga\xeet\xe9" in (run.directory / "class_report.csv").read_text()


def test_an_unfinished_run_is_not_read(tmp_path):
    with pytest.raises(InputError, match="no finished run"):
        load_run(tmp_path)


def test_resuming_keeps_the_epochs_that_were_done(finished, tmp_path, monkeypatch):
    splits, _ = finished

    class Kill(Exception):
        pass

    def killed_at_the_end(*args):
        raise Kill

    monkeypatch.setattr(Predictions, "save", killed_at_the_end)
    with pytest.raises(Kill):
        fit(RECIPE, splits, tmp_path)
    monkeypatch.undo()
    rows = json.loads((tmp_path / "backup" / "state.json").read_text())
    assert fit(RECIPE, splits, tmp_path).history["seconds"].tolist() == [
        row["seconds"] for row in rows
    ]


def random_layers(num_classes):
    shaken = [layers.RandomContrast(0.5), layers.RandAugment(), layers.Rescaling(1 / 255)]
    last = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(num_classes, activation="softmax")]
    return keras.Sequential([keras.Input((48, 48, 1)), *shaken, layers.AveragePooling2D(8), *last])


def test_random_layers_draw_the_same_in_an_epoch_that_is_repeated(finished, tmp_path):
    splits, _ = finished
    recipe = RECIPE.changed(network=random_layers)

    class Kill(Exception):
        pass

    def kill_in_the_second(epoch, logs=None):
        if epoch == 1:
            raise Kill

    killed = keras.callbacks.LambdaCallback(on_epoch_begin=kill_in_the_second)
    with pytest.raises(Kill):
        fit(recipe, splits, tmp_path / "killed", callbacks=[killed])
    resumed, calm = (fit(recipe, splits, tmp_path / name) for name in ("killed", "calm"))
    assert resumed.history["loss"].tolist() == calm.history["loss"].tolist()
    np.testing.assert_array_equal(resumed.predictions.probabilities, calm.predictions.probabilities)


def test_patience_stops_after_that_many_stale_epochs(finished, tmp_path):
    splits, _ = finished
    run = fit(RECIPE.changed(epochs=30, patience=2, learning_rate=0.01), splits, tmp_path)
    accuracy = run.history["val_accuracy"]
    assert len(accuracy) < 30
    assert len(accuracy) == 1 + int(accuracy.argmax()) + 2


def test_the_generator_feed_needs_a_folder(finished, tmp_path):
    splits, _ = finished
    with pytest.raises(InputError, match="needs images in a folder"):
        fit(RECIPE.changed(storage="folder", feed="image_data_generator"), splits, tmp_path)


def test_without_validation_the_last_epoch_is_kept(finished, tmp_path):
    splits, watched = finished
    recipe = RECIPE.changed(validation_fraction=0)
    run = fit(recipe, Splits(splits.train, splits.test), tmp_path)
    assert run.kept_epoch == 3 and "val_accuracy" not in run.history
    # Validation chooses an epoch and changes nothing else.
    names = ["loss", "accuracy"]
    pd.testing.assert_frame_equal(run.history[names], watched.history[names])


def test_class_weights_count_each_class_alike(make_faces):
    from sklearn.utils.class_weight import compute_class_weight

    from fer_keras.training.fit import class_weights

    faces = make_faces(30)
    expected = compute_class_weight("balanced", classes=np.arange(7), y=faces.labels)
    assert class_weights(faces) == pytest.approx(dict(enumerate(expected)))


def test_class_weights_reach_the_loss(make_faces, tmp_path):
    """One batch, one step: the loss that the history shows is the weighted mean, by hand."""
    faces = make_faces(20).select([0, 7, 14, 1, 8, 2, 3, 4, 5, 6])
    splits = Splits(faces, make_faces(14, "PublicTest", seed=2), make_faces(14, seed=1))
    recipe = RECIPE.changed(epochs=1, batch_size=10, balance="class_weights", network="conv2")
    from fer_keras.training.fit import class_weights, compiled_model

    model = compiled_model(recipe, 7, faces.images)
    probabilities = np.asarray(model(faces.images[..., np.newaxis]))
    weights = np.array([class_weights(faces)[label] for label in faces.labels])
    losses = -np.log(probabilities[np.arange(10), faces.labels])
    run = fit(recipe, splits, tmp_path)
    assert run.history["loss"][0] == pytest.approx((weights * losses).mean(), rel=1e-4)
    assert abs(losses.mean() - (weights * losses).mean()) > 1e-3


def test_a_finished_runs_model_predicts_other_faces(finished, make_faces):
    splits, run = finished
    again = predict(run, splits.test)
    np.testing.assert_allclose(again.probabilities, run.predictions.probabilities, atol=1e-6)


def exploding(num_classes):
    layers, huge = keras.layers, {"kernel_initializer": keras.initializers.Constant(1e10)}
    hidden = [layers.Flatten(), layers.Dense(4, **huge), layers.Dense(4, **huge)]
    last = layers.Dense(num_classes, activation="softmax")
    return keras.Sequential([keras.Input((48, 48, 1)), *hidden, last])


def test_a_training_that_diverges_is_no_run(splits, tmp_path):
    diverging = RECIPE.changed(network=exploding, optimizer="sgd", learning_rate=1.0)
    with pytest.raises(InputError, match="The training diverged: a loss of epoch 1 is no number"):
        fit(diverging, splits, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()
    state = json.loads((tmp_path / "run" / "backup" / "state.json").read_text())
    assert len(state) == 1  # the epochs that were left are spared
    with pytest.raises(InputError, match="diverged"):
        fit(diverging, splits, tmp_path / "run")


def test_a_validation_loss_that_is_no_number_is_a_divergence():
    history = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 3e19], "val_loss": [1.0, np.nan]})
    with pytest.raises(InputError, match="a loss of epoch 2 is no number"):
        _require_finite(history)
    _require_finite(history.drop(columns="val_loss"))


@pytest.mark.parametrize(("recipe", "faces"), [("conv3", True), (RECIPE, None)])
def test_what_is_no_recipe_and_no_splits_is_refused(recipe, faces, splits, tmp_path):
    with pytest.raises(InputError, match="fit takes a Recipe and Splits"):
        fit(recipe, faces and splits, tmp_path / "run")


@pytest.mark.parametrize(
    ("place", "message"),
    [("file", "file is no folder to"), ("file/run", "file is no folder"), ("", "A path is empty")],
)
def test_what_can_be_no_run_directory_is_refused(place, message, splits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=message):
        fit(RECIPE, splits, place)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_steps_executed_at_once_give_what_single_steps_give(splits, tmp_path, monkeypatch):
    recipe = RECIPE.changed(augmentation="study_d", batch_size=7)  # 20 steps an epoch
    found = []
    for most in (1, 16):
        monkeypatch.setattr(training, "MOST_AT_ONCE", most)
        found.append(fit(recipe, splits, tmp_path / str(most)).predictions.probabilities)
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.parametrize(("steps", "at_once"), [(404, 4), (400, 16), (427, 7), (101, 1), (16, 1)])
def test_steps_at_once_divide_an_epoch(steps, at_once):
    assert training.steps_at_once(steps) == at_once
