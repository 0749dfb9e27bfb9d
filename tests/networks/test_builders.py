import keras
import numpy as np
import pytest

from fer_keras.networks.backbones import BACKBONES
from fer_keras.networks.build import build, standardisation
from fer_keras.networks.builders import NETWORKS


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("conv2", 1_199_495),
        ("conv3", 355_847),
        ("conv3_late_dropout", 355_847),
        ("conv4_bn", 1_573_511),
        # By hand, 3 * 3 * in * out + out a convolution, 4 * filters a batch norm:
        ("vgg8", 4_684_224 + 7_680 + (4608 * 512 + 512) + (512 * 256 + 256) + (256 * 7 + 7)),
        ("conv6", 286_432 + (4608 * 256 + 256) + (256 * 7 + 7)),
        # No biases: 25 * 48 + 4 * 48 the first layer, and so on.
        ("quick", 1_392 + 20_928 + 41_856 + 166_656 + (1728 * 7 + 7)),
        ("conv7_bn", 1_856 + 74_240 + 222_208 + 886_784 + (2304 * 7 + 7)),
        # As Keras counts MobileNetV3-Small without its top, 3 for the colours, and a last layer.
        ("mobilenet_v3_small", 939_120 + 3 + (576 * 7 + 7)),
        # As timm counts Lite0 without its top, its batch norms' moving means and variances, too.
        ("efficientnet_lite0", 3_371_008 + 42_016 + 3 + (1280 * 7 + 7)),
    ],
)
def test_networks_have_the_stated_number_of_parameters(name, parameters):
    model = build(name, 7)
    assert isinstance(model, keras.Sequential)
    assert model.count_params() == parameters
    assert model.name == name


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in BACKBONES])
def test_networks_turn_grey_levels_into_probabilities(name):
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1), dtype=np.uint8)
    model = build(name, 5)
    from_bytes = np.asarray(model(images))
    assert from_bytes.shape == (3, 5) and from_bytes.dtype == np.float32
    np.testing.assert_allclose(from_bytes.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(from_bytes, np.asarray(model(images.astype(np.float32))))


def test_normalisation_is_the_first_layer():
    first = build("conv3", 7).layers[0]
    np.testing.assert_allclose(first(np.array([0.0, 51.0, 255.0])), [0, 0.2, 1], rtol=1e-6)


def test_standardisation_gives_mean_0_and_deviation_1():
    images = np.random.default_rng(1).integers(20, 90, (50, 48, 48), dtype=np.uint8)
    model = build("conv3", 7, standardisation(images))
    first = np.asarray(model.layers[0](images[..., None]))
    assert first.mean() == pytest.approx(0, abs=1e-3) and first.std() == pytest.approx(1, abs=1e-3)
    assert model.count_params() - model.layers[0].count_params() == 355_847
    assert model.name == "conv3" and [type(layer).__name__ for layer in model.layers[1:3]] == [
        "Conv2D",
        "MaxPooling2D",
    ]


def test_the_two_forms_of_conv3_differ_in_the_place_of_dropout_alone():
    def kinds(name):
        return [type(layer).__name__ for layer in build(name, 7).layers]

    early, late = kinds("conv3"), kinds("conv3_late_dropout")
    assert early.index("Dropout") == early.index("Flatten") - 1
    assert late.index("Dropout") == late.index("Dense") + 1
    assert sorted(early) == sorted(late)


def test_an_unknown_network_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="resnet.*conv2, vgg8, conv3, .*conv6"):
        build("resnet", 7)
