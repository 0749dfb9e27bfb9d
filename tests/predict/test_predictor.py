import io

import keras
import numpy as np
import pytest
from helpers import FACE, assert_as_near, photograph, save_run, tight_crops
from PIL import ExifTags, Image

from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.decoding import open_picture
from fer_keras.data.readers.image_folder import read_image_folder
from fer_keras.networks import build as models
from fer_keras.networks.build import in_dtype
from fer_keras.networks.pretrained import network_input
from fer_keras.predict.confidence import reliability
from fer_keras.predict.detection import Box, Detection
from fer_keras.predict.predictor import (
    Predictor,
    face_images,
    is_run,
    keras_model_and_classes,
    read_picture,
)
from fer_keras.training.feeds import evaluation_feed, training_feed
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError


def test_the_network_gets_the_tensor_that_training_feeds_bit_for_bit(tmp_path):
    for name in CLASS_NAMES:
        (tmp_path / "train" / name).mkdir(parents=True)
        Image.new("L", (48, 48)).save(tmp_path / "train" / name / "blank.png")
    (tmp_path / "test" / "happy").mkdir(parents=True)
    for name, picture in tight_crops().items():
        picture.save(tmp_path / "test" / "happy" / name)
    faces = read_image_folder(tmp_path).test
    assert len(faces) == len(tight_crops())
    (evaluated, _), *rest = evaluation_feed(faces)
    assert not rest
    for number, name in enumerate(faces.ids):
        picture = read_picture(tmp_path / "test" / name.removeprefix("test/"))
        height, width = picture.shape[:2]
        whole = Detection(Box(0, 0, width, height), None)
        given = network_input(face_images(picture, [whole]))
        trained, _ = next(iter(training_feed(faces.select([number]), 1, seed=0)))
        for fed in (evaluated[number : number + 1].numpy(), trained.numpy()):
            assert fed.dtype == given.dtype == np.uint8 and fed.shape == given.shape
            np.testing.assert_array_equal(fed, given)


def test_a_gray_picture_of_the_networks_size_passes_unchanged():
    gray = np.random.default_rng(1).integers(0, 256, (48, 48), np.uint8)
    whole = Detection(Box(0, 0, 48, 48), None)
    np.testing.assert_array_equal(face_images(gray, [whole]), [gray])


def with_numbers(content):
    """Three numbers of zero, which only a progressive JPEG needs."""
    start = content.index(b"\xff\xda") + 4
    place = start + 1 + 2 * content[start]
    return content[:place] + bytes([0, 0, 0]) + content[place + 3 :]


def filled_up(content):
    return content[:-2] + bytes(20) + content[-2:]


@pytest.fixture(params=["RGB", "L"])
def upright(request):
    """A photo as the bytes of a JPEG, to be turned for who looks at it."""
    content, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photograph().convert(request.param).save(content, "JPEG", exif=exif)
    return content.getvalue()


@pytest.mark.parametrize("flaw", [with_numbers, filled_up])
def test_flaws_of_a_jpeg_that_harm_no_pixel_are_passed_over(upright, tmp_path, flaw):
    (tmp_path / "whole.jpg").write_bytes(upright)
    (tmp_path / "flawed.jpg").write_bytes(flaw(upright))
    with pytest.raises(InputError):
        open_picture(tmp_path / "flawed.jpg")  # so that training leaves it out
    whole, flawed = (read_picture(tmp_path / f"{name}.jpg") for name in ("whole", "flawed"))
    assert whole.shape == (512, 600, 3)
    np.testing.assert_allclose(flawed.astype(int), whole, atol=2)


@pytest.mark.parametrize("flaw", [with_numbers, filled_up])
def test_damage_behind_a_harmless_flaw_is_refused(upright, tmp_path, flaw):
    half = len(upright) // 2
    for number, rest in enumerate((upright[-2:], upright[half + 200 :])):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(flaw(upright[:half] + rest))
        with pytest.raises(InputError):
            read_picture(path)


def test_a_frames_face_is_what_the_folder_reader_makes_of_the_cut_out_picture():
    frame, found = np.asarray(photograph()), Detection(Box(160, 114, 208, 208), 1.0)
    expected = photograph().crop(FACE).convert("L").resize((48, 48), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(face_images(frame, [found]), [np.asarray(expected)])


def test_probabilities_are_those_of_the_evaluation_feed(run_directory, make_faces):
    faces = make_faces(20)
    model = keras.saving.load_model(run_directory / "model.keras")
    expected = model.predict(evaluation_feed(faces), verbose=0)
    assert expected.max() > 0.5  # else any near-uniform answer would do
    exact = in_dtype(model, "float64")(faces.images[..., None])
    assert_as_near(Predictor(run_directory)(faces.images), expected, exact, slack=1e-6)


def test_what_is_no_run_is_refused(tmp_path, run_directory):
    with pytest.raises(InputError, match=r"no finished run, for it has no model\.keras"):
        Predictor(tmp_path)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in ("model.keras", "predictions.npz"):
        (damaged / name).write_bytes((run_directory / name).read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged cannot be read"):
        Predictor(damaged)


def test_a_run_is_found_from_the_project_and_from_home(run_directory, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "mine").symlink_to(run_directory)
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("mine", "~/mine"):
        assert is_run(place) and len(Predictor(place).class_names) == 7
        assert len(keras_model_and_classes(place)[1]) == 7
        assert reliability(place).table["images"].sum() > 0


def test_a_network_is_named_by_text():
    with pytest.raises(
        InputError, match=r"The network is of type Recipe; give a run directory, as run\."
    ):
        Predictor(Recipe())


def test_files_of_different_runs_are_refused(tmp_path):
    mixed = save_run(tmp_path / "mixed", models.build("conv3", 5))
    with pytest.raises(InputError, match="network of 5 classes but predictions of 7"):
        Predictor(mixed)


def test_a_network_that_carries_code_is_not_run(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Flatten(),
            keras.layers.Lambda(lambda x: x[:, :7]),
        ]
    )
    with pytest.raises(InputError, match="cannot be read"):
        Predictor(save_run(tmp_path / "run", model))
