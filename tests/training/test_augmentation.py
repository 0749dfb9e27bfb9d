import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats
from tensorflow.keras.preprocessing.image import ImageDataGenerator

from fer_keras.training.augmentation import (
    affine_matrices,
    augment,
    mix,
    random_matrices,
    transform,
    views,
)
from fer_keras.training.recipe import AUGMENTATIONS

IDENTITY = {"angle": 0, "shift_x": 0, "shift_y": 0, "zoom_x": 1, "zoom_y": 1, "flip": 1}


def smooth_images(count, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    resized = [np.asarray(Image.fromarray(c).resize((48, 48), Image.BICUBIC)) for c in coarse]
    return np.stack(resized)


def matrices(count=1, **parts):
    parts = {name: np.full(count, float(value)) for name, value in (IDENTITY | parts).items()}
    return affine_matrices(**parts)


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
    ours = parts | {"angle": np.radians(parts.get("angle", 0))}
    result = transform(images, matrices(3, **ours))
    # The very edge apart, where the two repeat it differently; places are rounded to a 32nd.
    inside = np.stack(expected)[:, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(result[:, 2:-2, 2:-2], inside, atol=2)
    assert np.abs(result[:, 2:-2, 2:-2] - inside).mean() < 0.4  # rounding alone is 0.25


def test_the_identity_changes_nothing():
    images = smooth_images(2)
    np.testing.assert_array_equal(transform(images, matrices(2)), images)


def test_a_shift_by_whole_pixels_by_hand():
    images = smooth_images(1)
    moved = transform(images, matrices(shift_x=6 / 48))
    np.testing.assert_array_equal(moved[0, :, :42], images[0, :, 6:])
    np.testing.assert_array_equal(moved[0, :, 42:], np.repeat(images[0, :, -1:], 6, axis=1))


def test_a_flip_mirrors_left_and_right():
    images = smooth_images(1)
    mirrored = transform(images, matrices(flip=-1))
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1])


def test_random_parts_fill_their_ranges_and_no_more():
    found = random_matrices(4000, AUGMENTATIONS["study_d"], np.random.default_rng(1))
    determinant = np.abs(np.linalg.det(found[:, :, :2]))  # the product of the zooms
    assert 0.81 <= determinant.min() < 0.84 and 1.17 < determinant.max() <= 1.21
    assert np.mean(np.linalg.det(found[:, :, :2]) < 0) == pytest.approx(0.5, abs=0.03)
    angles = np.degrees(np.arctan2(-found[:, 0, 1], found[:, 1, 1]))
    assert -10.01 < angles.min() < -9.9 and 9.9 < angles.max() < 10.01
    # Rotation keeps the length of the shift; its square's mean is 2 * 0.1**2 / 3.
    assert np.mean(found[:, :, 2] ** 2) == pytest.approx(0.1**2 / 3, rel=0.05)


def test_the_seed_alone_decides():
    images = smooth_images(5)
    once, again, other = (augment(images, "study_d", seed) for seed in ([3, 4], [3, 4], [3, 5]))
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
