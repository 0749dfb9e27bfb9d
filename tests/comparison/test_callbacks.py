"""Callbacks watch a training: they see what is trained, and do not change what a run belongs to."""

import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from helpers import finish_untrained, patterned_faces

from fer_keras.comparison import callbacks, engine
from fer_keras.comparison.run import fit
from fer_keras.data.faces import Splits
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

RECIPE = Recipe(network="conv2", epochs=3, batch_size=64, seed=7, augmentation="shift_and_flip")


class Seen(keras.callbacks.Callback):
    """Keep what Keras says of each epoch; raise at the end of `fatal`."""

    def __init__(self, fatal=None):
        super().__init__()
        self.epochs, self.accuracies, self.fatal = [], [], fatal

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.accuracies.append(logs["val_accuracy"])
        if epoch == self.fatal:
            raise RuntimeError("the logger's server has gone")


def scalars(folder, tag):
    """Return (step, value) of a tag in TensorBoard's logs, read by TensorBoard itself."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    log = EventAccumulator(str(folder))
    log.Reload()
    return [(event.step, float(make_ndarray(event.tensor_proto))) for event in log.Tensors(tag)]


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Faces, a run of them that TensorBoard watched, and the folder of its logs."""
    place = tmp_path_factory.mktemp("logged")
    parts = patterned_faces(140), patterned_faces(70, "PublicTest"), patterned_faces(35, seed=1)
    logs = place / "logs" if find_spec("tensorboard") else None
    return Splits(*parts), fit(RECIPE, Splits(*parts), place / "run", tensorboard=logs), logs


def test_callbacks_see_the_epochs_that_are_left_and_change_no_run(logged, tmp_path):
    splits, calm, _ = logged
    first, second, third = Seen(fatal=1), Seen(), Seen()
    with pytest.raises(RuntimeError, match="server has gone"):
        fit(RECIPE, splits, tmp_path / "run", callbacks=[first])
    run = fit(RECIPE, splits, tmp_path / "run", callbacks=[second])
    fit(RECIPE, splits, tmp_path / "run", callbacks=[third])  # is read back
    assert (first.epochs, second.epochs, third.epochs) == ([0, 1], [2], [])
    seen = first.accuracies + second.accuracies
    np.testing.assert_allclose(seen, run.history["val_accuracy"], atol=1e-6)
    np.testing.assert_array_equal(run.predictions.probabilities, calm.predictions.probabilities)
    identities = [(each.directory / "recipe.json").read_text() for each in (run, calm)]
    assert identities[0] == identities[1]


def test_a_callback_that_stops_the_training_is_refused(splits, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    with pytest.raises(InputError, match="stopped the training after epoch 1 of 3; .*patience"):
        fit(RECIPE, splits, tmp_path / "run", callbacks=[Stop()])
    # After the last epoch there is nothing left to stop.
    fit(RECIPE.changed(epochs=1), splits, tmp_path / "short", callbacks=[Stop()])


@pytest.mark.parametrize("given", [[print], Seen(), "mlflow"])
def test_what_is_no_list_of_callbacks_is_refused(splits, tmp_path, given):
    with pytest.raises(InputError, match="callbacks"):
        fit(RECIPE, splits, tmp_path / "run", callbacks=given)
    assert not (tmp_path / "run").exists()


def test_tensorboard_reads_a_runs_scores(logged):
    _, run, logs = logged
    if not logs:
        pytest.skip("TensorBoard is not installed")
    folder = logs / run.directory.name
    found = {
        "loss": scalars(folder / "train", "epoch_loss"),
        "val_accuracy": scalars(folder / "validation", "epoch_accuracy"),
    }
    for column, points in found.items():
        steps, values = zip(*points, strict=True)
        assert steps == (0, 1, 2)
        np.testing.assert_allclose(values, run.history[column], atol=1e-5)


def test_a_comparison_logs_into_a_folder_of_its_own(splits, tmp_path, monkeypatch):
    asked = []

    def execute(planned, jobs, dask, tensorboard):
        asked.append(tensorboard)
        return finish_untrained(planned)

    monkeypatch.setattr(engine, "execute_all", execute)
    monkeypatch.setattr(callbacks, "find_spec", lambda name: name)
    options = {"seeds": 1, "out": tmp_path, "tensorboard": tmp_path / "logs"}
    compared = engine.run_comparison({"mine": RECIPE}, splits, **options)
    assert asked == [tmp_path / "logs" / compared.directory.name]


def test_logs_need_a_folder(splits, tmp_path):
    (tmp_path / "file").touch()
    for place, message in ((tmp_path / "file" / "logs", "file is a file"), (3, "tensorboard is 3")):
        with pytest.raises(InputError, match=message):
            engine.run_comparison({"mine": RECIPE}, splits, 1, out=tmp_path, tensorboard=place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_tensorboard_one_sentence_says_how_to_get_it(splits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for train in (
        lambda: fit(RECIPE, splits, tmp_path / "run", tensorboard=tmp_path),
        lambda: engine.run_comparison(
            {"mine": RECIPE}, splits, 1, out=tmp_path, tensorboard=tmp_path
        ),
    ):
        with pytest.raises(InputError, match="pip install"):
            train()
    assert not list(tmp_path.iterdir())
