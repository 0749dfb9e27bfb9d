"""Near copies: every planted kind is found among other faces, and nothing else is."""

import imagehash
import numpy as np
import pytest
from helpers import jpeg, shifted, textured
from PIL import Image
from scipy.ndimage import gaussian_filter

from fer_keras.data.near_copies import MIN_CORRELATION, find_candidates, find_copies


def cropped(image, pixels):
    box = (pixels, pixels, 48 - pixels, 48 - pixels)
    return np.asarray(Image.fromarray(image).crop(box).resize((48, 48), Image.BILINEAR))


PLANTED = {
    "brighter": (lambda image: (image * 0.6 + 70).astype(np.uint8), {"in place"}),
    "curve": (lambda image: (255 * (image / 255) ** 1.4).astype(np.uint8), {"in place"}),
    "jpeg": (jpeg, {"in place"}),
    "shift 1": (lambda image: shifted(image, 1, 0), {"shifted"}),
    "shift -1 1": (lambda image: shifted(image, -1, 1), {"shifted"}),
    "mirror": (lambda image: image[:, ::-1], {"mirrored"}),
    "dark mirror": (lambda image: jpeg(image[:, ::-1] // 2), {"mirrored"}),
    "crop": (lambda image: cropped(image, 1), {"cropped"}),
}


def found_pairs(images):
    pairs, _ = find_candidates(images)
    kept = pairs[pairs["correlation"] >= MIN_CORRELATION]
    return dict(zip(zip(kept["first"], kept["second"], strict=True), kept["kind"], strict=True))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_near_copies_are_found_and_nothing_else(name):
    images, (change, kinds) = textured(220, seed=len(name)), PLANTED[name]
    for place in range(20):
        images[200 + place] = change(images[place])
    pairs = found_pairs(images)
    assert set(pairs) == {(place, 200 + place) for place in range(20)}
    assert set(pairs.values()) == kinds


def test_pictures_that_share_their_light_and_shade_only_are_no_copies():
    rng = np.random.default_rng(0)
    shade = gaussian_filter(rng.normal(size=(48, 48)), 8) * 1500
    details = gaussian_filter(rng.normal(size=(60, 48, 48)), (0, 1.5, 1.5)) * 60
    images = np.clip(shade + details + 128, 0, 255).astype(np.uint8)
    pairs, _ = find_candidates(images)
    assert len(pairs) >= 10
    assert pairs["correlation"].max() < 0.7


def test_a_shift_by_five_pixels_is_beyond_what_is_found():
    images = textured(40)
    images[39] = np.roll(images[0], 5, axis=1)
    assert not found_pairs(images)


def test_each_pair_stands_once_and_in_order():
    images = textured(30)
    images[29] = images[3] + 1
    symmetrical = np.concatenate([images[:, :, :24], images[:, :, 23::-1]], axis=2)
    candidates, _ = find_candidates(symmetrical)
    pairs = list(zip(candidates["first"], candidates["second"], strict=True))
    assert pairs == sorted(set(pairs)) and all(one < two for one, two in pairs)
    assert found_pairs(symmetrical) == {(3, 29): "in place"}


def test_hashes_are_those_of_imagehash_and_so_are_the_nearest():
    images = textured(40)
    images[7] = jpeg(images[5], 60)
    hashes = [imagehash.phash(Image.fromarray(image)) for image in images]
    mirrored = [imagehash.phash(Image.fromarray(image[:, ::-1])) for image in images]
    pairs, nearest = find_candidates(images)
    for way, others in (("as they are", hashes), ("mirrored", mirrored)):
        distances = np.array([[one - two for two in others] for one in hashes])
        is_way = (pairs["kind"] == "mirrored") == (way == "mirrored")
        places = pairs.loc[is_way, ["first", "second"]].to_numpy()
        assert pairs["bits"][is_way].tolist() == distances[places[:, 0], places[:, 1]].tolist()
        np.fill_diagonal(distances, 64)
        assert nearest[way].tolist() == distances.min(axis=1).tolist()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images_have_no_near_copies(count):
    pairs, nearest = find_candidates(textured(count))
    assert len(pairs) == 0 and len(nearest) == count


def test_correlations_are_those_of_numpy_where_the_details_fit_best():
    images = textured(2, seed=4)
    images[1] = shifted(images[0], 1, -1)
    pairs, _ = find_candidates(images)
    one, two = (
        gaussian_filter(image.astype(float), 1) - gaussian_filter(image.astype(float), 3)
        for image in images
    )
    expected = np.corrcoef(one[2:-2, 2:-2].ravel(), two[3:-1, 1:-3].ravel())[0, 1]
    assert pairs["kind"].tolist() == ["shifted"]
    assert pairs["correlation"][0] == pytest.approx(expected, abs=1e-4)


def test_exact_and_near_copies_among_others_are_found_and_nothing_else():
    images, others = textured(120, seed=1), textured(120, seed=2)
    blank = np.full((48, 48), 7, np.uint8)
    images[:3] = others[:3]
    images[3] = images[0]  # a second exact copy
    for place, (change, _) in enumerate(PLANTED.values(), start=10):
        images[place] = change(others[place])
    images[30] = images[10]  # an exact copy of a near copy
    images[40], others[40] = blank, blank + 1
    exact, near = find_copies(images, others)
    assert np.flatnonzero(exact).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(near).tolist() == [*range(10, 10 + len(PLANTED)), 30]
    assert not np.any(find_copies(images[50:60], others[:0]))
