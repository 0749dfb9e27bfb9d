import io
from dataclasses import replace

import numpy as np
import pytest
from helpers import smooth
from PIL import Image

from fer_keras.comparison import protocols
from fer_keras.comparison.protocols import Settings, prepare
from fer_keras.data import loading as data_module
from fer_keras.data.faces import concatenate, split_names
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.reporting import prose as narrative
from fer_keras.reporting.tables import class_counts, protocol_table
from fer_keras.utils.errors import InputError


def decoded(path):
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("protocol", "fair", "'fair'; choose one of same_images, published"),
        ("epochs_csv", 0, "epochs is 0"),
        ("epochs_folder", "many", "epochs is 'many'"),
        ("network", "conv9", "'conv9'"),
        ("feed_folder", "disk", "'disk'"),
        ("augmentation_folder", "mixup", "'mixup'"),
        ("on_bad_rows", "ignore", "on_bad_rows is 'ignore'; choose 'raise' or 'skip'"),
        ("on_bad_images", "ignore", "on_bad_images is 'ignore'"),
        ("validation_fraction", 0.9, "0.9; give a number above 0 and at most 0.5"),
        ("validation_fraction", 0, "validation_fraction is 0"),
        ("data", 3, "data is 3; give a path"),
        ("seed", -1, "seed is -1"),
        ("split_seed", "any", "split_seed is 'any'"),
    ],
)
def test_impossible_settings_are_refused_at_once(field, value, message):
    with pytest.raises(InputError, match=message):
        Settings(**{field: value})


def test_protocols_set_what_the_user_leaves_open():
    published = Settings(protocol="published").recipes()
    assert (published["CSV"].epochs, published["folder"].epochs) == (15, 30)
    assert published["folder"].augmentation == "study_d"
    assert Settings(protocol="published", epochs_folder=4).recipes()["folder"].epochs == 4
    assert {recipe.epochs for recipe in Settings().recipes(drawn=True).values()} == {3}
    assert Settings(epochs_csv=9).recipes(drawn=True)["CSV"].epochs == 9


def test_same_images_differs_in_storage_and_feed_alone():
    recipes = Settings().recipes()
    assert replace(recipes["folder"], storage="csv", feed="memory") == recipes["CSV"]


def test_same_images_gives_both_arms_the_same_faces_in_the_same_places(data):
    arms = prepare(Settings(data=str(data))).arms
    csv, folder = arms["CSV"].splits, arms["folder"].splits
    for part in ("train", "validation", "test"):
        one, other = getattr(csv, part), getattr(folder, part)
        np.testing.assert_array_equal(one.labels, other.labels)
        difference = one.images.astype(float) - other.images
        assert 0 < np.sqrt((difference**2).mean()) < 3  # JPEG, and nothing more
    assert csv.test.ids.tolist() == folder.test.ids.tolist()
    assert (len(csv.train), len(csv.validation), len(csv.test)) == (252, 28, 70)
    assert arms["folder"].image_folder == data


def test_same_images_leaves_out_what_one_form_holds_alone(data):
    for name in ("Training_8", "Training_15"):
        (found,) = data.glob(f"train/*/{name}.jpg")
        found.unlink()
    prepared = prepare(Settings(data=str(data)))
    csv = prepared.arms["CSV"].splits
    assert len(csv.train) + len(csv.validation) == 278
    assert not {"Training/row8", "Training/row15"} & {*csv.train.ids, *csv.validation.ids}
    assert any("278 of 280" in note for note in prepared.notes)


def test_same_images_refuses_two_different_data_sets(data, make_faces):
    other = smooth(make_faces(280), seed=5)
    test = smooth(make_faces(70, "PublicTest"), seed=6)
    write_fer2013_csv(concatenate(other, test), data / "fer2013.csv")
    with pytest.raises(InputError, match="no images in common"):
        prepare(Settings(data=str(data)))


def test_published_divides_all_rows_of_the_csv_at_random(data):
    arms = prepare(Settings(data=str(data), protocol="published")).arms
    csv, folder = arms["CSV"].splits, arms["folder"].splits
    assert len(csv.test) == 70 and len(csv.train) + len(csv.validation) == 280
    assert set(split_names(csv.test.ids)) == {"Training", "PublicTest"}
    assert csv.test.class_counts().tolist() == [10] * 7
    assert set(split_names(folder.test.ids)) == {"PublicTest"}


@pytest.mark.parametrize(
    ("missing", "arm", "words"),
    [
        ("train", "CSV", "The folder arm is skipped"),
        ("fer2013.csv", "folder", "The CSV arm is skipped"),
    ],
)
@pytest.mark.parametrize("protocol", protocols.PROTOCOLS)
def test_a_missing_form_skips_its_arm_and_says_why(data, missing, arm, words, protocol):
    (data / missing).rename(data / "elsewhere")
    settings = Settings(data=str(data), protocol=protocol)
    prepared = prepare(settings)
    assert list(prepared.arms) == [arm]
    assert words in narrative.protocol_notice(prepared, settings)
    assert protocol_table(prepared.arms).columns.tolist() == [arm]


def test_a_csv_without_usage_is_split_when_asked_for(data):
    (data / "train").rename(data / "elsewhere")
    rows = [line.rsplit(",", 1)[0] for line in (data / "fer2013.csv").read_text().splitlines()]
    (data / "fer2013.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="no Usage column.*split_seed"):
        prepare(Settings(data=str(data)))
    splits = prepare(Settings(data=str(data), split_seed=3)).arms["CSV"].splits
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (280, 70)
    published = prepare(Settings(data=str(data), protocol="published")).arms["CSV"].splits
    assert len(published.test) == 70


def test_bad_rows_are_skipped_and_reported_on_request(data):
    text = (data / "fer2013.csv").read_text().splitlines()
    text[5] = text[5].replace(" ", " x ", 1)
    (data / "fer2013.csv").write_text("\n".join(text) + "\n")
    with pytest.raises(InputError, match="fer2013.csv.*row 5"):
        prepare(Settings(data=str(data)))
    settings = Settings(data=str(data), on_bad_rows="skip")
    prepared = prepare(settings)
    assert "row 5" in narrative.protocol_notice(prepared, settings)


def test_damaged_images_are_skipped_and_reported_on_request(data):
    (found,) = data.glob("train/*/Training_9.jpg")
    found.write_bytes(found.read_bytes()[:200])
    with pytest.raises(InputError, match="Training_9.jpg.*on_bad_images='skip'"):
        prepare(Settings(data=str(data)))
    settings = Settings(data=str(data), on_bad_images="skip")
    assert "Training_9.jpg" in narrative.protocol_notice(prepare(settings), settings)


def test_leaked_copies_are_counted(data):
    prepared = prepare(Settings(data=str(data)))
    assert [arm.splits.leaked().sum() for arm in prepared.arms.values()] == [4, 4]
    table = protocol_table(prepared.arms)
    assert table.loc["test images with an exact copy in training", "CSV"] == "4 (5.7%)"
    published = Settings(data=str(data), protocol="published")
    words = narrative.protocol_notice(prepare(published), published)
    assert "in the folder arm 4 of 70 test images (5.7%) have a copy" in words
    assert "These two arms are not comparable" in words


def test_a_copy_in_validation_counts_as_leaked(make_faces):
    faces = make_faces(70)
    splits = protocols.Splits(faces.select(slice(0, 30)), faces.select([31]), faces.select([31]))
    assert splits.leaked().tolist() == [True]


def test_class_counts_add_up(data):
    splits = prepare(Settings(data=str(data))).arms["CSV"].splits
    counts = class_counts(splits)
    assert counts.sum().tolist() == [252, 28, 70]
    assert counts.index.tolist() == list(splits.test.class_names)


def test_without_data_faces_are_drawn_and_the_report_says_so_first(tmp_path, monkeypatch):
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def write_few(directory):
        from fer_keras.data.synthetic import write_drawn_data

        write_drawn_data(directory, num_train=300, num_test=100)

    monkeypatch.setattr(data_module, "write_drawn_data", write_few)
    settings = Settings(output=str(tmp_path / "runs"))
    prepared = prepare(settings)
    assert prepared.drawn and list(prepared.arms) == ["CSV", "folder"]
    assert len(prepared.arms["CSV"].splits.test) == 100
    assert {arm.recipe.epochs for arm in prepared.arms.values()} == {3}
    words = narrative.data_notice(prepared)
    assert "drawn, not FER2013" in words.splitlines()[0]
