from dataclasses import replace

import numpy as np
from helpers import jpeg, smooth

from fer_keras.data.faces import concatenate
from fer_keras.data.pairing import pair_images, pair_within_parts


def jpeg_copies(images):
    return np.stack([jpeg(image, quality=95) for image in images])


def test_images_pair_with_their_jpeg_copies_in_any_order(make_faces):
    faces = smooth(make_faces(200))
    shuffled = np.random.default_rng(1).permutation(200)
    copies = faces.select(shuffled)
    copies = replace(copies, images=jpeg_copies(copies.images))
    pairing = pair_images(faces, copies)
    assert pairing.first.tolist() == list(range(200))
    assert (faces.ids[pairing.first] == copies.ids[pairing.second]).all()
    rms = np.sqrt(((faces.images - copies.images[pairing.second].astype(float)) ** 2).mean((1, 2)))
    np.testing.assert_allclose(pairing.distances, rms, rtol=1e-5)


def test_images_of_one_form_alone_stay_without_a_partner(make_faces):
    faces = smooth(make_faces(100))
    pairing = pair_images(faces.select(slice(0, 60)), faces.select(slice(40, 100)))
    assert pairing.first.tolist() == list(range(40, 60))
    assert pairing.second.tolist() == list(range(20))
    assert len(pair_images(faces.select(slice(0, 0)), faces).first) == 0


def test_exact_copies_pair_one_to_one(make_faces):
    faces = smooth(make_faces(70))
    images = faces.images.copy()
    images[[7, 14, 21]] = images[0]  # class 0, as rows 7, 14 and 21 are
    twins = replace(faces, images=images)
    pairing = pair_images(twins, twins)
    assert pairing.first.tolist() == pairing.second.tolist() == list(range(70))


def test_copies_that_one_form_alters_still_pair(make_faces):
    # Two equal rows in the first form, of which the second form stores one slightly differently.
    faces = smooth(make_faces(70))
    images = faces.images.copy()
    images[7] = images[0]
    altered = images.copy()
    altered[7] += 1
    pairing = pair_images(replace(faces, images=images), replace(faces, images=altered))
    assert len(pairing.first) == 70


def test_images_pair_within_their_class_only(make_faces):
    faces = smooth(make_faces(14))
    relabelled = replace(faces, labels=(faces.labels + 1) % 7)
    assert len(pair_images(faces, relabelled).first) == 0


def test_a_copy_in_training_is_no_partner_of_a_test_image(make_faces):
    # The only image of the first form that looks like the test image is a training image.
    train, test = smooth(make_faces(70)), smooth(make_faces(28, "PublicTest"), 1)
    images = train.images.copy()
    images[7] = test.images[0]  # class 0, as both are
    csv = concatenate(replace(train, images=images), test.select(slice(1, 28)))
    names = test.class_names[::-1]
    folder = replace(
        test, images=jpeg_copies(test.images), labels=6 - test.labels, class_names=names
    )
    assert pair_images(csv, replace(folder, labels=test.labels)).first.tolist()[0] == 7
    pairing = pair_within_parts(csv, folder)
    assert pairing.first.tolist() == list(range(70, 97))
    assert pairing.second.tolist() == list(range(1, 28))
