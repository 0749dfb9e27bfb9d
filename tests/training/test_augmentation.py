import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats
from tensorflow.keras.preprocessing.image import ImageDataGenerator

from fer_keras.data.corruptions import STRENGTHS, corrupt_image
from fer_keras.training.augmentation import (
    CORRUPTIONS,
    augment,
    corrupt_some,
    mix,
    random_parts,
    transform,
    views,
)
from fer_keras.training.recipe import AUGMENTATIONS

IDENTITY = {"angle": 0, "shift_x": 0, "shift_y": 0, "zoom_x": 1, "zoom_y": 1, "flip": 1}


def smooth_images(count, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    resized = [np.asarray(Image.fromarray(c).resize((48, 48), Image.BICUBIC)) for c in coarse]
    return np.stack(resized)


def transformed(images, **parts):
    """Transform all images alike."""
    return transform(images, **{n: np.full(len(images), v) for n, v in (IDENTITY | parts).items()})


@pytest.mark.parametrize(
    "parts",
    [
        {"angle": 10},
        {"angle": -7, "shift_x": 0.1, "shift_y": -0.05},
        {"zoom_x": 0.9, "zoom_y": 1.1, "flip": -1},
        {"angle": 9, "shift_x": -0.08, "shift_y": 0.1, "zoom_x": 1.07, "zoom_y": 0.93, "flip": -1},
    ],
)
def test_transforms_are_those_of_image_data_generator(parts):
    images = smooth_images(3)
    generator = ImageDataGenerator()
    expected = [
        generator.apply_transform(
            image[..., np.newaxis].astype(np.float32),
            {
                "theta": parts.get("angle", 0),
                "tx": 48 * parts.get("shift_x", 0),
                "ty": 48 * parts.get("shift_y", 0),
                "zx": parts.get("zoom_x", 1),
                "zy": parts.get("zoom_y", 1),
                "flip_horizontal": parts.get("flip", 1) == -1,
            },
        )
        for image in images
    ]
    result = transformed(images, **parts | {"angle": np.radians(parts.get("angle", 0))})
    # The very edge apart, where the two repeat it differently; places are rounded to a 32nd.
    inside = np.stack(expected)[:, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(result[:, 2:-2, 2:-2], inside, atol=2)
    assert np.abs(result[:, 2:-2, 2:-2] - inside).mean() < 0.4  # rounding alone is 0.25


def test_the_identity_changes_nothing():
    images = smooth_images(2)
    np.testing.assert_array_equal(transformed(images), images)


def test_a_shift_by_whole_pixels_by_hand():
    images = smooth_images(1)
    moved = transformed(images, shift_x=6 / 48)
    np.testing.assert_array_equal(moved[0, :, :42], images[0, :, 6:])
    np.testing.assert_array_equal(moved[0, :, 42:], np.repeat(images[0, :, -1:], 6, axis=1))


def test_a_flip_mirrors_left_and_right():
    images = smooth_images(1)
    np.testing.assert_array_equal(transformed(images, flip=-1), images[:, :, ::-1])


def test_random_parts_fill_their_ranges_and_no_more():
    found = random_parts(4000, AUGMENTATIONS["study_d"], np.random.default_rng(1))
    angle = np.radians(10)
    ends = {
        "angle": (-angle, angle), "shift_x": (-0.1, 0.1), "shift_y": (-0.1, 0.1),
        "zoom_x": (0.9, 1.1), "zoom_y": (0.9, 1.1),
    }  # fmt: skip
    for name, (low, high) in ends.items():
        # The distribution is uniform, by a test that says otherwise once in a thousand seeds.
        assert stats.kstest(found[name], stats.uniform(low, high - low).cdf).pvalue > 1e-3
        assert low <= found[name].min() and found[name].max() <= high
    assert set(found["flip"]) == {-1, 1} and abs(found["flip"].mean()) < 0.06
    still = random_parts(5, {}, np.random.default_rng(1))
    assert {name: set(values) for name, values in still.items()} == {
        name: {value} for name, value in IDENTITY.items()
    }


def test_the_seed_alone_decides():
    images = smooth_images(5)
    once, again, other = (
        augment(images, AUGMENTATIONS["study_d"], seed) for seed in ([3, 4], [3, 4], [3, 5])
    )
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
    assert once.dtype == np.uint8 and once.shape == images.shape


def test_the_ten_views_are_scipys_shifts_and_their_mirror_images():
    images = smooth_images(3)
    moves = [(0, 0), (0, 2), (0, -2), (2, 0), (-2, 0)]
    expected = []
    for down, right in moves:
        moved = ndimage.shift(images, (0, down, right), order=0, mode="nearest")
        expected += [moved, np.flip(moved, axis=2)]
    found = list(views(images))
    assert len(found) == 10
    for view, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(view, other)


def test_mixing_keeps_the_share_that_it_names_of_each_image():
    images = smooth_images(400, seed=2)
    mixed, shares = mix(images, 0.3, [1, 2])
    own = shares[:, None, None]
    expected = own * images.astype(float) + (1 - own) * images[::-1]
    assert mixed.dtype == np.uint8
    np.testing.assert_allclose(mixed, expected, atol=0.51)
    again, other = mix(images, 0.3, [1, 2])[1], mix(images, 0.3, [1, 3])[1]
    assert np.array_equal(shares, again) and not np.array_equal(shares, other)
    # The larger of B and 1 - B, by SciPy's Beta distribution.
    expected_mean = stats.beta(0.3, 0.3).expect(lambda share: max(share, 1 - share))
    assert shares.mean() == pytest.approx(expected_mean, abs=0.03)
    assert shares.min() >= 0.5


def test_the_named_share_is_corrupted_and_the_rest_left_alone():
    images = smooth_images(1000, seed=3)
    before = images.copy()
    changed = corrupt_some(images, 0.3, [5, 6])
    is_changed = (changed != images).any(axis=(1, 2))
    # A few draws, such as half a grey level of brightness, change nothing.
    low, high = stats.binom(1000, 0.3).interval(0.999)
    assert low - 15 < is_changed.sum() <= high
    assert changed.dtype == np.uint8 and np.array_equal(images, before)
    assert not (corrupt_some(images, 0.0, [5, 6]) != images).any()
    again, other = corrupt_some(images, 0.3, [5, 6]), corrupt_some(images, 0.3, [5, 7])
    assert np.array_equal(changed, again) and not np.array_equal(changed, other)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_training_corrupts_in_the_range_that_robustness_is_measured_in(name):
    """The two ends differ, and the measured strengths lie between nothing and the far end."""
    image, random = smooth_images(1, seed=4)[0], np.random.default_rng
    ends = [corrupt_image(image, name, end, random(0)) for end in CORRUPTIONS[name]]
    far = max(np.abs(end.astype(float) - image).mean() for end in ends)
    weakest = corrupt_image(image, name, STRENGTHS[name][0], random(0))
    assert 0 < np.abs(weakest.astype(float) - image).mean() < far
