import logging
import time
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.networks import cost
from fer_keras.networks.build import build
from fer_keras.utils import startup

# Multiplications by hand, image positions * 3 * 3 * in * out a convolution, in * out a dense layer:
CONV2 = 48**2 * 9 * 32 + 24**2 * 9 * 32 * 64 + 12**2 * 64 * 128 + 128 * 7
CONV3 = 46**2 * 9 * 32 + 21**2 * 9 * 32 * 64 + 8**2 * 9 * 64 * 128 + 4**2 * 128 * 128 + 128 * 7
CONV4_BN = (
    48**2 * 9 * 32
    + 9 * (24**2 * 32 * 64 + 12**2 * 64 * 128 + 6**2 * 128 * 256)
    + 3**2 * 256 * 512
    + 512 * 7
)


@pytest.mark.parametrize(
    ("network", "multiplications"), [("conv2", CONV2), ("conv3", CONV3), ("conv4_bn", CONV4_BN)]
)
def test_a_multiplication_and_its_addition_count_as_two(network, multiplications):
    counted = cost.megaflops(build(network, 7))
    assert counted == pytest.approx(2 * multiplications / 1e6, rel=0.03)
    assert counted > 2 * multiplications / 1e6  # biases and poolings come on top


def test_a_dense_layer_alone_is_counted_to_the_operation():
    layers = [keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    assert cost.megaflops(keras.Sequential(layers)) * 1e6 == 2 * 48 * 48 * 10 + 10


def test_table_gives_what_each_model_file_holds(tmp_path, make_faces, caplog, monkeypatch):
    shortly = partial(cost.recognition_speeds, rounds=2, seconds=0.02)
    monkeypatch.setattr(cost, "recognition_speeds", shortly)
    files = {}
    for network in ("conv2", "conv3"):
        files[network] = tmp_path / f"{network}.keras"
        build(network, 7).save(files[network])
    table = cost.cost_table(files, make_faces(7).images)
    assert table.index.tolist() == ["conv2", "conv3"]
    assert table["parameters"].tolist() == [1_199_495, 355_847]
    assert table["bytes"].tolist() == [file.stat().st_size for file in files.values()]
    assert (table["bytes"] > 4 * table["parameters"]).all()
    assert (table.filter(like="recognised") > 0).all(axis=None)
    assert not [record for record in caplog.records if record.name == "tensorflow"]


def test_speed_counts_images_and_not_calls():
    shapes = []

    class Sleepy(keras.layers.Layer):
        def call(self, images):
            if images.shape[0]:  # not while the model is put together
                shapes.append(tuple(images.shape))
            with tf.control_dependencies([tf.py_function(lambda: time.sleep(0.02), [], [])]):
                return tf.identity(images)

    model = keras.Sequential([keras.Input((48, 48, 1)), Sleepy()])
    speeds = cost.recognition_speeds(
        {"sleepy": model}, np.zeros((2, 48, 48), np.uint8), 5, rounds=1, seconds=0.1
    )
    assert set(shapes) == {(5, 48, 48, 1)}  # two faces fill a batch of five
    assert 0 < speeds["sleepy"] <= 5 / 0.02


def test_only_errors_are_logged_within_the_block(caplog):
    logger = logging.getLogger("tensorflow")
    level = logger.level
    with startup.errors_only():
        logger.warning("built again")
        logger.error("out of memory")
    assert [record.message for record in caplog.records] == ["out of memory"]
    assert logger.level == level
