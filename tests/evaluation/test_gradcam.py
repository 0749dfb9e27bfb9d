import keras
import numpy as np
import pytest
from keras import layers
from scipy.interpolate import RegularGridInterpolator
from scipy.signal import correlate2d

from fer_keras.evaluation.gradcam import BATCH_SIZE, grad_cam
from fer_keras.networks.backbones import BACKBONES
from fer_keras.networks.build import build, standardisation
from fer_keras.networks.builders import NETWORKS

# First centre, step and number of the last maps' cells, by hand: a pooling moves the centre by half
# a step and doubles the step, an unpadded 3x3 convolution moves it by a step.
GRIDS = {
    "conv2": (0.5, 2, 24),
    "vgg8": (3.5, 8, 6),
    "conv3": (8.5, 4, 8),
    "conv3_late_dropout": (8.5, 4, 8),
    "conv4_bn": (3.5, 8, 6),
    "conv6": (1.5, 4, 12),
    "conv7_bn": (4, 8, 6),
    "quick": (4, 8, 6),  # the stem's window covers the pixels -1 to 3, then 1 to 5
}


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def random_network(name, num_classes, normalisation=None):
    """Some networks begin with a last layer of zeros, which nothing can speak to."""
    keras.utils.set_random_seed(0)
    model = build(name, num_classes, normalisation)
    output = model.layers[-1]
    output.kernel.assign(keras.random.normal(output.kernel.shape, seed=1))
    return model


def small_network(*hidden_layers):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            layers.Input((48, 48, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, padding="same"),
            *hidden_layers,
            layers.Dense(3, activation="softmax"),
        ]
    )


def feature_maps(model, image):
    kernels, biases = model.layers[1].get_weights()
    return np.stack(
        [
            correlate2d(image / 255, kernels[:, :, 0, k], mode="same") + biases[k]
            for k in range(kernels.shape[-1])
        ]
    )


def test_after_global_pooling_it_is_the_class_activation_map():
    model = small_network(layers.GlobalAveragePooling2D())
    images, weights = noise(3), model.layers[-1].get_weights()[0]
    for heat, image in zip(grad_cam(model, images, 1), images, strict=True):
        # Zhou et al. (2016): the maps weighted by the class's weights; / 48 ** 2 by the mean.
        activation_map = np.tensordot(weights[:, 1], feature_maps(model, image), 1) / 48**2
        np.testing.assert_allclose(heat, np.maximum(activation_map, 0), atol=1e-8, rtol=1e-3)
        assert heat.max() > 0


def test_after_flattening_maps_are_weighted_by_their_mean_weight():
    model = small_network(layers.Flatten())
    image, classes = noise(1), np.array([2])
    weights = model.layers[-1].get_weights()[0].reshape(48, 48, 4, 3).mean(axis=(0, 1))
    expected = np.tensordot(weights[:, 2], feature_maps(model, image[0]), 1)
    np.testing.assert_allclose(
        grad_cam(model, image, classes)[0], np.maximum(expected, 0), atol=1e-7, rtol=1e-3
    )


def head(model, features):
    """What the networks do after the last convolution, in double precision: logits `(n, 5)`."""
    count, cells, _, channels = features.shape
    values = features.reshape(count, cells // 2, 2, cells // 2, 2, channels).max(axis=(2, 4))
    values = values.reshape(count, -1)
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            kernel, bias = (weights.astype(float) for weights in layer.get_weights())
            logits = values @ kernel + bias
            values = np.maximum(logits, 0)
    return logits


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in BACKBONES])
def test_every_network_agrees_with_differences_of_its_logits(name):
    """Raise one feature map as a whole: the logit rises by the map's weight times its cells."""
    image = noise(1)
    model = random_network(name, 5, standardisation(image))
    start, step, cells = GRIDS[name]
    is_last = [
        len(layer.output.shape) == 4 and layer.output.shape[1] == cells for layer in model.layers
    ]
    last = len(is_last) - 1 - is_last[::-1].index(True)
    features = image[..., None]
    for layer in model.layers[: last + 1]:
        features = np.asarray(layer(features), float)
    raise_by = 1e-6
    raised = features + raise_by * np.eye(features.shape[-1])[:, None, None, :]
    logits = head(model, np.concatenate([features, raised]))
    weights = (logits[1:] - logits[0]) / (raise_by * cells**2)
    coarse = np.maximum(features[0] @ weights, 0)

    centres = start + step * np.arange(cells)
    inner = np.arange(np.ceil(centres[0]), centres[-1])
    points = np.stack(np.meshgrid(inner, inner, indexing="ij"), axis=-1)
    expected = np.moveaxis(RegularGridInterpolator((centres, centres), coarse)(points), -1, 0)
    corner = slice(int(inner[0]), int(inner[-1]) + 1)
    heat = grad_cam(model, np.repeat(image, 5, axis=0), np.arange(5))[:, corner, corner]
    np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-3 * expected.max())
    assert expected.max() > 0


# The other networks have the last maps of one of these.
@pytest.mark.parametrize("name", ["conv2", "conv3", "conv4_bn", "conv6", "quick"])
def test_heat_lies_where_a_planted_network_looks(name):
    """All weights are positive: the network sees light, wherever it is, and nothing else."""
    model = build(name, 3)
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            kernel, *bias = layer.get_weights()
            layer.set_weights([np.full_like(kernel, 1 / kernel[..., 0].size), *bias])
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * [1, 0, -1], bias])
    _, step, _ = GRIDS[name]
    spots = np.array([(12, 32), (20, 20), (34, 14)])
    images = np.zeros((3, 48, 48), np.uint8)
    for image, (row, column) in zip(images, spots, strict=True):
        image[row - 1 : row + 2, column - 1 : column + 2] = 255
    rows, columns = np.mgrid[:48, :48]
    for heat, spot in zip(grad_cam(model, images, 0), spots, strict=True):
        middle = np.array([np.average(rows, weights=heat), np.average(columns, weights=heat)])
        assert np.abs(middle - spot).max() <= step / 2 + 0.5
        if name == "conv3":  # sees 18 pixels, pools 2 at a time, and fades within 4
            far = np.maximum(abs(rows - spot[0]), abs(columns - spot[1])) > 9 + 1 + 4
            assert heat[far].max() == 0 < heat.max()
    assert (grad_cam(model, images, 2) == 0).all()  # light speaks against this class


def test_how_sure_the_network_is_changes_nothing():
    """A bias moves logits and no gradient of a logit, but makes the softmax's gradient vanish."""
    model = random_network("conv3", 4)
    images, classes = noise(4), np.arange(4)
    before = grad_cam(model, images, classes)
    kernel, _ = model.layers[-1].get_weights()
    for biases in ([7, 7, 7, 7], [0, 200, 0, 0]):
        model.layers[-1].set_weights([kernel, np.array(biases, np.float32)])
        np.testing.assert_allclose(grad_cam(model, images, classes), before, rtol=1e-5)
    assert before.max() > 0


def test_the_predicted_class_is_explained_unless_another_is_asked_for():
    model = random_network("conv3", 4)
    images = noise(5)
    predicted = np.asarray(model(images[..., None])).argmax(axis=1)
    heat = grad_cam(model, images)
    np.testing.assert_array_equal(heat, grad_cam(model, images, predicted))
    other = grad_cam(model, images, (predicted + 1) % 4)
    assert all(not np.allclose(first, second) for first, second in zip(heat, other, strict=True))


def test_many_images_are_taken_in_batches():
    model = small_network(layers.ReLU(), layers.MaxPooling2D(4), layers.Flatten())
    images, classes = noise(BATCH_SIZE + 3), np.arange(BATCH_SIZE + 3) % 3
    heat = grad_cam(model, images, classes)
    assert heat.shape == images.shape
    np.testing.assert_allclose(heat[-2:], grad_cam(model, images[-2:], classes[-2:]), rtol=1e-5)
    assert grad_cam(model, images[:0]).shape == (0, 48, 48)


def test_dropout_and_batch_norm_are_as_in_use():
    model = random_network("conv4_bn", 4)
    images = noise(8)
    first = grad_cam(model, images)
    assert first.max() > 0
    np.testing.assert_array_equal(first, grad_cam(model, images))
    np.testing.assert_allclose(grad_cam(model, images[:1])[0], first[0], rtol=1e-4, atol=1e-7)


def test_networks_it_cannot_explain_are_refused():
    entry = layers.Input((48, 48, 1))
    first, last = layers.Conv2D(2, 3), layers.Dense(2, activation="softmax")
    middle = keras.Sequential([first, layers.ReLU()])
    branched = layers.Add()([layers.Conv2D(2, 3)(entry), layers.Conv2D(2, 3)(entry)])
    for model in (
        keras.Sequential([entry, layers.Flatten(), layers.Dense(2)]),  # no convolution
        keras.Sequential([entry, first, layers.Flatten()]),  # no Dense layer at the end
        keras.Sequential([entry, middle, layers.Conv2D(2, 3), layers.Flatten(), last]),
        keras.Model(entry, layers.Dense(2)(layers.Flatten()(branched))),
    ):
        with pytest.raises(ValueError, match=f"cannot explain {model.name}; .* a convolution and"):
            grad_cam(model, noise(1))
