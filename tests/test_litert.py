"""Networks in LiteRT's form answer as those that they were made of."""

import numpy as np
import pytest
from test_inference_graph import images, used_network  # noqa: F401  (a fixture)

from fer_keras import litert
from fer_keras.models import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_it_answers_nearly_as_its_network(name, images):  # noqa: F811
    network = used_network(name, images)
    expected = network.predict(images, verbose=0)
    found = litert.load(litert.convert(network))(images)
    assert found.dtype == np.float32 and expected.std() > 0.01
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert np.abs(found - expected).mean() < expected.std() / 10


def test_its_weights_take_a_byte_each_and_no_image_is_held_over(images):  # noqa: F811
    network = used_network("quick", images)
    content = litert.convert(network)
    assert len(content) < 1.2 * network.count_params()
    recognise = litert.load(content)
    together = recognise(images)
    assert together.shape == (len(images), 7)
    alone = np.concatenate([recognise(image[np.newaxis]) for image in images[::-1]])
    np.testing.assert_array_equal(together, alone[::-1])
    assert recognise(images[:0]).shape == (0, 7)
