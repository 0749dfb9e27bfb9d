"""Corruptions, each against another library or a number worked by hand."""

import io

import numpy as np
import pytest
from helpers import textured
from PIL import Image
from scipy import ndimage

from fer_keras.data.corruptions import CORRUPTED, STRENGTHS, corrupt
from fer_keras.utils.errors import InputError

IMAGES = textured(40)
IDS = np.array([f"PublicTest/row{number}" for number in range(40)])
INNER = np.s_[:, 12:36, 12:36]  # beyond the reach of the edges


def corrupted(name, step):
    return corrupt(IMAGES, IDS, name, step)


def rms(first, second):
    return np.sqrt(np.mean((first.astype(float) - second) ** 2))


def test_there_are_30_and_each_gets_stronger_and_leaves_its_input_alone():
    before = IMAGES.copy()
    assert len(CORRUPTED) == 30 and len(set(CORRUPTED)) == 30
    for name in STRENGTHS:
        steps = [corrupted(name, step) for step in (1, 2, 3)]
        assert all(step.shape == IMAGES.shape and step.dtype == np.uint8 for step in steps)
        distances = [rms(step, IMAGES) for step in steps]
        assert 0 < distances[0] < distances[1] < distances[2], name
    np.testing.assert_array_equal(IMAGES, before)


def test_what_is_drawn_depends_on_the_id_alone():
    """Other images before it, or other pixels of the same image, change no noise and no place."""
    order = np.random.default_rng(0).permutation(40)[:25]
    for name, step in CORRUPTED:
        np.testing.assert_array_equal(
            corrupt(IMAGES[order], IDS[order], name, step), corrupted(name, step)[order]
        )
    gray = np.full_like(IMAGES, 128)
    first, second = (corrupt(gray + level, IDS, "Gaussian noise", 1) for level in (0, 9))
    np.testing.assert_allclose(second - first, 9, atol=1)  # ties round either way
    assert len({image.tobytes() for image in first}) == 40


@pytest.mark.parametrize(("step", "deviation"), [(1, 8), (2, 16), (3, 32)])
def test_noise_has_its_deviation(step, deviation):
    gray = np.full_like(IMAGES, 128)
    noise = corrupt(gray, IDS, "Gaussian noise", step).astype(float) - 128
    assert abs(noise.mean()) < 4 * deviation / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize(("step", "sigma"), [(1, 0.8), (2, 1.5), (3, 2.5)])
def test_blur_is_scipys(step, sigma):
    expected = ndimage.gaussian_filter(IMAGES.astype(float), (0, sigma, sigma))
    assert rms(corrupted("blur", step)[INNER], expected[INNER]) < 1


@pytest.mark.parametrize(("step", "side"), [(1, 24), (2, 16), (3, 12)])
def test_low_resolution_keeps_the_means_of_blocks(step, side):
    block = 48 // side
    small = IMAGES.reshape(40, side, block, side, block).mean(axis=(2, 4))
    small = [Image.fromarray(image.astype(np.float32)) for image in small]
    expected = np.stack([image.resize((48, 48), Image.Resampling.BILINEAR) for image in small])
    assert rms(corrupted("low resolution", step)[INNER], expected[INNER]) < 1


@pytest.mark.parametrize(("step", "quality"), [(1, 30), (2, 15), (3, 7)])
def test_jpeg_is_pillows(step, quality):
    for image, stored in zip(IMAGES, corrupted("JPEG", step)):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        assert rms(stored, np.asarray(Image.open(file))) < 1


def test_brightness_and_contrast_by_hand():
    image = np.full((1, 48, 48), 100, np.uint8)
    image[:, :, :24] = 200
    assert np.unique(corrupt(image, IDS[:1], "brightness", 2)).tolist() == [164, 255]
    assert np.unique(corrupt(image, IDS[:1], "contrast", 3)).tolist() == [140, 160]


@pytest.mark.parametrize(("step", "degrees"), [(1, 10), (2, 20), (3, 30)])
def test_rotation_is_scipys_to_either_side(step, degrees):
    turned = corrupted("rotation", step)
    both = [
        ndimage.rotate(IMAGES.astype(float), sign * degrees, (1, 2), reshape=False, order=1)
        for sign in (1, -1)
    ]
    sides = []
    for number, image in enumerate(turned):
        near = [rms(image[12:36, 12:36], side[number, 12:36, 12:36]) for side in both]
        assert min(near) < 3 < max(near)
        sides.append(int(np.argmin(near)))
    assert 8 < sum(sides) < 32


@pytest.mark.parametrize(("step", "factor"), [(1, 1.15), (2, 1.3), (3, 1.5)])
def test_zoom_enlarges_about_the_centre(step, factor):
    place = 23.5 + (np.arange(48) - 23.5) / factor
    rows, columns = np.meshgrid(place, place, indexing="ij")
    for image, zoomed in zip(IMAGES, corrupted("zoom", step)):
        assert rms(zoomed, ndimage.map_coordinates(image.astype(float), [rows, columns])) < 4


@pytest.mark.parametrize(("step", "pixels"), [(1, 3), (2, 6), (3, 9)])
def test_shift_moves_by_whole_pixels_in_all_four_directions(step, pixels):
    directions = [(pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)]
    met = set()
    for image, moved in zip(IMAGES, corrupted("shift", step)):
        expected = [ndimage.shift(image, way, order=0, mode="nearest") for way in directions]
        (way,) = [n for n, each in enumerate(expected) if np.array_equal(each, moved)]
        met.add(way)
    assert met == {0, 1, 2, 3}


@pytest.mark.parametrize(("step", "side"), [(1, 12), (2, 18), (3, 24)])
def test_occlusion_covers_a_square_with_the_mean(step, side):
    places = set()
    for image, covered in zip(IMAGES, corrupted("occlusion", step)):
        rows, columns = np.nonzero(image != covered)
        top, left = rows.min(), columns.min()
        assert rows.max() - top < side and columns.max() - left < side
        values = covered[rows, columns]
        assert len(set(values.tolist())) == 1 and abs(values[0] - image.mean()) <= 0.5
        assert len(rows) > 0.9 * side**2  # the others have the mean's grey already
        places.add((int(top), int(left)))
    assert len(places) > 20


@pytest.mark.parametrize(
    ("name", "step", "message"),
    [("snow", 1, "No corruption is called 'snow'; there are Gaussian noise, blur"),
     ("blur", 4, "The step of a corruption is 4; give 1, 2 or 3")],
)  # fmt: skip
def test_what_does_not_exist_is_said(name, step, message):
    with pytest.raises(InputError, match=message):
        corrupted(name, step)
