import io

import numpy as np
from PIL import Image

from fer_keras.audit import leaked, pair_images
from fer_keras.faces import Faces


def jpeg_copies(images):
    copies = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=95)
        copies.append(np.asarray(Image.open(file)))
    return np.stack(copies)


def smooth_faces(make_faces, count, seed=0):
    """Faces without pixel noise, as JPEG likes them, each with grey levels of its own."""
    faces = make_faces(count)
    coarse = np.random.default_rng(seed).integers(30, 225, (count, 6, 6))
    images = np.stack(
        [np.asarray(Image.fromarray(c.astype(np.uint8)).resize((48, 48))) for c in coarse]
    )
    return Faces(images, faces.labels, faces.ids, faces.class_names)


def test_leaked_finds_planted_copies_and_nothing_else(make_faces):
    train, test = make_faces(50), make_faces(20, "PublicTest")
    images = test.images.copy()
    images[3], images[11] = train.images[40], train.images[0]
    images[5] = train.images[7]
    images[5, 0, 0] ^= 1  # nearly a copy
    test = Faces(images, test.labels, test.ids, test.class_names)
    assert np.flatnonzero(leaked(train, test)).tolist() == [3, 11]


def test_images_pair_with_their_jpeg_copies_in_any_order(make_faces):
    faces = smooth_faces(make_faces, 200)
    shuffled = np.random.default_rng(1).permutation(200)
    copies = faces.select(shuffled)
    copies = Faces(jpeg_copies(copies.images), copies.labels, copies.ids, copies.class_names)
    pairing = pair_images(faces, copies)
    assert pairing.first.tolist() == list(range(200))
    assert (faces.ids[pairing.first] == copies.ids[pairing.second]).all()
    rms = np.sqrt(((faces.images - copies.images[pairing.second].astype(float)) ** 2).mean((1, 2)))
    np.testing.assert_allclose(pairing.distances, rms, rtol=1e-5)


def test_images_of_one_form_alone_stay_without_a_partner(make_faces):
    faces = smooth_faces(make_faces, 100)
    pairing = pair_images(faces.select(slice(0, 60)), faces.select(slice(40, 100)))
    assert pairing.first.tolist() == list(range(40, 60))
    assert pairing.second.tolist() == list(range(20))
    assert len(pair_images(faces.select(slice(0, 0)), faces).first) == 0


def test_exact_copies_pair_one_to_one(make_faces):
    faces = smooth_faces(make_faces, 70)
    images = faces.images.copy()
    images[[7, 14, 21]] = images[0]  # class 0, as rows 7, 14 and 21 are
    twins = Faces(images, faces.labels, faces.ids, faces.class_names)
    pairing = pair_images(twins, twins)
    assert pairing.first.tolist() == pairing.second.tolist() == list(range(70))


def test_copies_that_one_form_alters_still_pair(make_faces):
    # Two equal rows in the first form, of which the second form stores one slightly differently.
    faces = smooth_faces(make_faces, 70)
    images = faces.images.copy()
    images[7] = images[0]
    altered = images.copy()
    altered[7] += 1
    first = Faces(images, faces.labels, faces.ids, faces.class_names)
    second = Faces(altered, faces.labels, faces.ids, faces.class_names)
    assert len(pair_images(first, second).first) == 70


def test_images_pair_within_their_class_only(make_faces):
    faces = smooth_faces(make_faces, 14)
    relabelled = Faces(faces.images, (faces.labels + 1) % 7, faces.ids, faces.class_names)
    assert len(pair_images(faces, relabelled).first) == 0
