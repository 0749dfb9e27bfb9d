import keras
import numpy as np
import pytest
from helpers import ROOT
from keras import layers

from fer_keras.networks.backbones import (
    LITE0_FILE,
    LITE0_STAGES,
    backbone_of,
    efficientnet_lite0_backbone,
    load_weights,
)
from fer_keras.networks.build import build
from fer_keras.utils.errors import InputError


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def randomise(model):
    """Give batch norm other statistics, scales and shifts than 0 and 1."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


@pytest.fixture(scope="module")
def learnt():
    """EfficientNet-Lite0 for faces, as if it had learnt."""
    keras.utils.set_random_seed(1)
    network = build("efficientnet_lite0", 5)
    randomise(backbone_of(network))
    return network


@pytest.fixture
def cache(learnt, tmp_path, monkeypatch):
    """A cache with the weights of the learnt network's backbone."""
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path))
    backbone_of(learnt).save_weights(tmp_path / LITE0_FILE)
    return tmp_path


def test_lite0_has_as_many_weights_as_published(learnt):
    trainable = sum(w.numpy().size for w in backbone_of(learnt).trainable_weights)
    # 4,652,008 with ImageNet's last layer, say its authors.
    assert trainable == 4_652_008 - (1280 * 1000 + 1000)
    assert learnt.count_params() - backbone_of(learnt).count_params() == 3 + 1280 * 5 + 5


def test_a_backbone_sees_the_face_enlarged_and_grey(learnt):
    levels = np.full((1, 48, 48, 1), 127, np.uint8)
    levels[0, :, 24:] = 255
    picture = levels
    for layer in learnt.layers[: learnt.layers.index(backbone_of(learnt))]:
        picture = layer(picture)
    red, green, blue = np.moveaxis(np.asarray(picture), -1, 0)
    assert red.shape == (1, 96, 96)
    np.testing.assert_array_equal(red, green)
    np.testing.assert_array_equal(red, blue)
    np.testing.assert_allclose(red[0, :, :46], 0, atol=1e-6)
    np.testing.assert_allclose(red[0, :, 50:], 1, atol=1e-6)


def test_pretrained_weights_are_the_backbones_alone(learnt, cache):
    again = build("efficientnet_lite0", 5, weights="imagenet")
    pairs = zip(backbone_of(learnt).get_weights(), backbone_of(again).get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    assert not np.array_equal(learnt.layers[-1].kernel, again.layers[-1].kernel)
    with pytest.raises(InputError, match=r"mine.h5 are not there; give another, or imagenet"):
        build("efficientnet_lite0", 5, weights=str(cache / "mine.h5"))
    (cache / LITE0_FILE).unlink()
    with pytest.raises(InputError, match=r"not there; .* benchmarks/make_backbone.py"):
        build("efficientnet_lite0", 5, weights="imagenet")


def test_damaged_weights_and_those_of_other_networks_are_refused(tmp_path):
    entry = keras.Input((4,))
    backbone = keras.Model(entry, layers.Dense(3)(entry))
    other, damaged = tmp_path / "other.weights.h5", tmp_path / "damaged.weights.h5"
    keras.Sequential([entry, layers.Dense(2)]).save_weights(other)
    damaged.write_bytes(other.read_bytes()[:-900])
    for file in (other, damaged):
        with pytest.raises(InputError, match=f"{file.name} holds no weights of this backbone: "):
            load_weights(backbone, file)


def test_weights_that_keras_cannot_download_are_refused_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody answers
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"cannot fetch MobileNetV3-Small's .*~/.keras/models"):
        build("mobilenet_v3_small", 5, weights="imagenet")


def test_a_builder_that_takes_no_weights_is_refused():
    with pytest.raises(InputError, match=r"takes no weights, .* f\(num_classes, weights=None\)"):
        build("conv3", 5, weights="imagenet")


def test_converted_weights_give_pytorchs_feature_maps(monkeypatch):
    """Lite0 once more, in PyTorch, from its paper: another padding, other axes, other names."""
    torch = pytest.importorskip("torch", reason="PyTorch, which the weights come from, is absent")
    from torch import nn

    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from make_backbone import keras_weights

    def unit(inputs, filters, size=1, stride=1, groups=1, relu=True):
        # TensorFlow pads even sizes by one more on the right and below where the stride is 2.
        pad = (size - stride) // 2
        padding = nn.ZeroPad2d((pad, size - stride - pad, pad, size - stride - pad))
        shape = (inputs, filters, size, stride)
        parts = [
            padding,
            nn.Conv2d(*shape, groups=groups, bias=False),
            nn.BatchNorm2d(filters, 1e-3),
        ]
        return nn.Sequential(*parts, nn.ReLU6() if relu else nn.Identity())

    class Block(nn.Module):
        def __init__(self, inputs, filters, size, stride, expansion):
            super().__init__()
            wide = expansion * inputs
            first = [unit(inputs, wide)] if expansion > 1 else []
            rest = [unit(wide, wide, size, stride, wide), unit(wide, filters, relu=False)]
            self.inner, self.adds = nn.Sequential(*first, *rest), stride == 1 and inputs == filters

        def forward(self, maps):
            return self.inner(maps) + maps if self.adds else self.inner(maps)

    parts, channels = [unit(3, 32, 3, 2)], 32
    for count, size, stride, expansion, filters in LITE0_STAGES:
        for block in range(count):
            parts.append(Block(channels, filters, size, 1 if block else stride, expansion))
            channels = filters
    torch.manual_seed(0)
    theirs = nn.Sequential(*parts, unit(320, 1280)).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    ours = efficientnet_lite0_backbone(64)
    ours.set_weights(keras_weights({k: v.numpy() for k, v in theirs.state_dict().items()}))
    pictures = noise(2, 64, 64, 3)
    with torch.no_grad():
        expected = theirs(torch.tensor(pictures.transpose(0, 3, 1, 2))).numpy()
    assert expected.std() > 0.1
    np.testing.assert_allclose(ours(pictures), expected.transpose(0, 2, 3, 1), atol=1e-3)
