"""Networks of the user's own: from a function, a file or a module; checked and told apart."""

import sys
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from fer_keras.networks.build import build, fingerprint, in_dtype, standardisation
from fer_keras.networks.finding import find_builder
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

SOURCE = """
import keras
from keras import layers

def build(num_classes):
    return keras.Sequential([
        keras.Input((48, 48, 1)),
        layers.Conv2D({filters}, 3, strides=4, activation="relu"),
        layers.Flatten(),
        layers.Dense(num_classes, activation="softmax"),
    ])

def two(num_classes):
    return 2
"""


def small(num_classes, output="softmax", side=48, last=None):
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            layers.Conv2D(4, 3, strides=4, activation="relu"),
            layers.Flatten(),
            layers.Dense(last or num_classes, activation=output),
        ]
    )


class Nameless(layers.Layer):
    """A layer that no file can be read back with: its argument is not in its configuration."""

    def __init__(self, size):
        super().__init__()

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable("test_build")
class Failing(layers.Layer):
    """A layer that fails for images, and not while a network is put together."""

    def call(self, inputs):
        if inputs.shape[0]:
            raise ValueError("no face at all")
        return inputs


class OwnStep(keras.Sequential):
    def train_step(self, *batch):
        return super().train_step(*batch)


def compiled(num_classes):
    network = small(num_classes)
    network.compile("sgd", "mse")
    return network


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = layers.Dense(7, activation="softmax")

    def call(self, inputs):
        return self.last(layers.Flatten()(inputs))


def with_layer(layer):
    return keras.Sequential([keras.Input((48, 48, 1)), layer, *small(7).layers])


def functional(num_classes):
    inputs = keras.Input((48, 48, 1))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(features))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mynet.py"
    path.write_text(SOURCE.replace("{filters}", "4"))
    return path


@pytest.mark.parametrize("builder", [small, functional])
def test_a_builder_of_ones_own_sees_grey_levels_from_0_to_1(builder):
    keras.utils.set_random_seed(0)
    alone = builder(3)
    keras.utils.set_random_seed(0)
    network = build(builder, 3)
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)
    np.testing.assert_allclose(network(images), alone(images / np.float32(255)), atol=1e-6)


def test_a_network_that_normalises_by_itself_is_left_alone():
    def own(num_classes):
        return keras.Sequential(
            [keras.Input((48, 48, 1)), layers.Rescaling(1 / 128, -1), *small(num_classes).layers]
        )

    assert build(own, 3).layers[0].offset == -1
    replaced = build(own, 3, layers.Normalization(axis=None, mean=0, variance=1))
    assert [type(layer).__name__ for layer in replaced.layers[:2]] == ["Normalization", "Conv2D"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_network_that_normalises_behind_its_augmentation_does_so_once(nested):
    def own(num_classes):
        first = [layers.RandomFlip(seed=0), layers.Rescaling(1 / 255)]
        first = [keras.Sequential(first)] if nested else first
        return keras.Sequential([keras.Input((48, 48, 1)), *first, *small(num_classes).layers])

    keras.utils.set_random_seed(0)
    alone = own(3)
    keras.utils.set_random_seed(0)
    network = build(own, 3)
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)
    np.testing.assert_allclose(network(images), alone(images), atol=1e-6)
    standard = layers.Normalization(axis=None, mean=0, variance=1)
    if nested:
        with pytest.raises(InputError, match="a layer rescaling.* nested model"):
            build(own, 3, standard)
    else:
        assert build(own, 3, standard).layers[1] is standard


@pytest.mark.parametrize("num_classes", [1, "7", 2.0])
def test_a_network_has_two_classes_or_more(num_classes):
    with pytest.raises(InputError, match="num_classes is .*; give a whole number of at least 2"):
        build("conv3", num_classes)


def test_random_layers_in_front_see_grey_levels():
    def own(num_classes):
        first = keras.Sequential([layers.RandomFlip(), layers.RandomBrightness(0.2)])
        return keras.Sequential([keras.Input((48, 48, 1)), first, *small(num_classes).layers])

    kinds = [type(layer).__name__ for layer in build(own, 3).layers[:3]]
    assert kinds == ["Sequential", "Rescaling", "Conv2D"]


def beginning_with(*steps):
    """A builder of a functional network whose input passes through these steps first."""

    def own(num_classes):
        values = inputs = keras.Input((48, 48, 1))
        for step in steps:
            values = step(values)
        last = layers.Dense(num_classes, activation="softmax")
        return keras.Model(inputs, last(layers.Flatten()(values)))

    return own


@pytest.mark.parametrize(
    "scale",
    [
        lambda values: values / 255.0,
        lambda values: values * 0.01,
        lambda values: values - 127.0,
        keras.applications.mobilenet_v2.preprocess_input,
    ],
)
@pytest.mark.parametrize("normalisation", [None, layers.Normalization(mean=0, variance=1)])
def test_a_network_that_scales_by_an_operation_is_not_scaled_twice(scale, normalisation):
    with pytest.raises(InputError, match="computes with grey levels by .*as a layer, such as"):
        build(beginning_with(scale), 3, normalisation)
    assert build(beginning_with(layers.Rescaling(1 / 255), scale), 3)
    assert build(beginning_with(lambda values: keras.ops.repeat(values, 3, axis=-1)), 3)


@pytest.mark.parametrize("kind", ["RandomBrightness", "RandAugment"])
def test_layers_that_take_grey_levels_get_no_others(kind):
    augment, rescale = getattr(layers, kind), layers.Rescaling(1 / 255)
    with pytest.raises(
        InputError, match=r"for grey levels 0-255, .* put layers.Rescaling\(1 / 255"
    ):
        build(beginning_with(augment(factor=0.2)), 3)
    assert build(beginning_with(augment(factor=0.2), rescale), 3).layers[2] is rescale
    assert build(beginning_with(augment(factor=0.2, value_range=(0, 1))), 3)
    for value_range, place in (((0, 255), 1), ((0, 1), 0)):
        first = augment(factor=0.2, value_range=value_range)
        found = build(lambda n, first=first: with_layer(first), 7).layers
        assert isinstance(found[place], layers.Rescaling) and found[1 - place] is first


def test_a_layer_that_rescales_behind_weights_is_no_normalisation_of_grey_levels():
    def scaled_inside(num_classes):
        inside = [layers.Conv2D(4, 5, strides=4), layers.Rescaling(0.1, name="inside")]
        last = [layers.Flatten(), layers.Dense(num_classes, activation="softmax")]
        return keras.Sequential([keras.Input((48, 48, 1)), *inside, *last])

    images = np.arange(2304, dtype=np.uint8).reshape(1, 48, 48)
    plain, standardised = build(scaled_inside), build(scaled_inside, 7, standardisation(images))
    assert isinstance(plain.layers[0], layers.Rescaling) and plain.layers[0].scale == 1 / 255
    assert isinstance(standardised.layers[0], layers.Normalization)
    assert all(model.layers[2].name == "inside" for model in (plain, standardised))


def test_a_functional_network_that_normalises_by_itself_gets_no_other_normalisation():
    def own(num_classes):
        inputs = keras.Input((48, 48, 1))
        hidden = layers.Flatten()(layers.Rescaling(1 / 128, -1)(inputs))
        return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(hidden))

    assert build(own, 3).layers[1].offset == -1
    with pytest.raises(InputError, match="a layer rescaling.* leave the recipe's normalisation"):
        build(own, 3, layers.Normalization(axis=None, mean=0, variance=1))


def test_a_copy_in_another_dtype_keeps_what_the_network_adapted_to():
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)
    first = layers.Normalization(axis=None)
    first.adapt(images)
    last = [layers.Flatten(), layers.Dense(3, activation="softmax")]
    network = keras.Sequential([keras.Input((48, 48, 1)), first, *last])
    copy = in_dtype(network, "float64")
    np.testing.assert_allclose(copy(images), network(images), atol=1e-4)


def test_files_and_modules_name_builders(file, monkeypatch, tmp_path):
    assert build(f"{file}:build", 4).output_shape == (None, 4)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mynet", raising=False)
    assert build("mynet:build", 4).output_shape == (None, 4)


def test_a_file_may_define_dataclasses_and_their_objects_build(tmp_path):
    (tmp_path / "made.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        f"{SOURCE.replace('{filters}', '4')}\n"
        "@dataclass\nclass Net:\n    width: int\n"
        "    def __call__(self, num_classes):\n        return build(num_classes)\n"
        "net = Net(8)\n"
    )
    network = f"{tmp_path}/made.py:net"
    assert build(network, 4).output_shape == (None, 4)
    found = find_builder(network)
    assert build(found, 4).output_shape == (None, 4)
    assert fingerprint(found, 4)["source"] == fingerprint(network, 4)["source"] != ""
    assert Recipe(network=found).as_json()["network"] == "made:Net"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda n: small(n, output=None), "are no probabilities; end it with softmax"),
        (lambda n: small(n, last=9), r"output shape \(None, 9\); outputs must be \(None, 7\)"),
        (lambda n: small(n, side=64), r"input shape \(None, 64, 64, 1\); inputs must be"),
        (lambda n: [n], "returns a list; give f\\(num_classes\\)"),
        (lambda n: sys.exit(), "failed for 7 classes: it ends the program"),
        (lambda n: keras.Sequential([layers.Conv2D(4, 60)]), "cannot be built for faces of 48 x"),
        (lambda n: Subclassed(), "has no input shape; give f"),
        (lambda n: with_layer(layers.Lambda(lambda x: x)), "could not be read back from its file"),
        (lambda n: with_layer(Failing()), "failed for 7 classes: .*no face at all"),
        (lambda n: compiled(n), "comes compiled, .* leave compile out. Optimizer and learning"),
        (lambda n: OwnStep(small(n).layers), "is a OwnStep with a train_step of its own"),
        (lambda n: with_layer(Nameless(7)), "could not be read back from its file"),
        (lambda: None, "failed for 7 classes"),
        ("nowhere.py:build", "There is no file .*nowhere.py"),
        ("no_such_module:build", "module no_such_module cannot be imported"),
        ("resnet", "No network is called 'resnet'; there are conv2"),
    ],
)
def test_what_is_no_network_is_one_sentence(network, message):
    with pytest.raises(InputError, match=message):
        build(network, 7)


@pytest.mark.parametrize(
    ("setting", "value", "default"),
    [
        ("floatx", "float64", "float32"),
        ("dtype_policy", "mixed_bfloat16", "float32"),
        ("image_data_format", "channels_first", "channels_last"),
    ],
)
def test_settings_of_keras_in_a_networks_file_are_refused_and_undone(file, setting, value, default):
    file.write_text(f"{file.read_text()}\nkeras.config.set_{setting}({value!r})\n")
    with pytest.raises(InputError, match=f"mynet.py:build, or what .* {value}.*precision: mixed"):
        build(f"{file}:build", 7)
    found = getattr(keras.config, setting)()
    assert getattr(found, "name", found) == default
    assert {layer.compute_dtype for layer in build("conv3", 7).layers} == {"float32"}


def test_a_builder_that_returns_the_same_layers_twice_is_refused():
    network, flatten = small(7), layers.Flatten()

    def half_shared(num_classes):
        return keras.Sequential(
            [keras.Input((48, 48, 1)), flatten, layers.Dense(num_classes, activation="softmax")]
        )

    for builder in (lambda num_classes: network, half_shared):
        build(builder, 7)
        with pytest.raises(InputError, match="returns layers that it has returned before"):
            build(builder, 7)


def test_a_file_without_the_function_and_a_broken_one_are_named(file):
    with pytest.raises(InputError, match="has no function biuld"):
        build(f"{file}:biuld", 7)
    with pytest.raises(InputError, match="returns a int"):
        build(f"{file}:two", 7)
    file.write_text("import nothing_like_it")
    with pytest.raises(InputError, match="mynet.py cannot be imported: No module named"):
        build(f"{file}:build", 7)


def test_a_built_model_is_refused_since_seeds_need_fresh_weights():
    with pytest.raises(InputError, match="built model, .*; give the function"):
        build(small(7), 7)


def test_an_edited_network_has_another_fingerprint(file):
    network = f"{file}:build"
    first = fingerprint(network, 7)
    assert fingerprint(network, 7) == first  # layers' running names do not count
    assert fingerprint(network, 8)["configuration"] != first["configuration"]
    file.write_text(SOURCE.replace("{filters}", "8"))
    edited = fingerprint(network, 7)
    assert edited["source"] != first["source"]
    assert edited["configuration"] != first["configuration"]
    assert fingerprint("conv3", 7) == {}


def test_a_builder_with_arguments_has_its_functions_source_and_its_own_configuration():
    def pooled(num_classes, size):
        first = [keras.Input((48, 48, 1)), layers.MaxPooling2D(size), layers.Flatten()]
        return keras.Sequential([*first, layers.Dense(num_classes, activation="softmax")])

    two, three = (fingerprint(partial(pooled, size=size), 7) for size in (2, 3))
    assert two["source"] == three["source"] == fingerprint(small, 7)["source"]
    assert two["configuration"] != three["configuration"]
