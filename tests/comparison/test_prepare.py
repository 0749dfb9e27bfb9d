"""The faces of the arms: paired where storage forms differ, cut alike, filled in by the data."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import jpeg, smooth, textured

from fer_keras.comparison.catalogue import COMPARISONS
from fer_keras.comparison.prepare import prepared
from fer_keras.comparison.source import Source, find_storage
from fer_keras.data.faces import Splits, concatenate, split_names
from fer_keras.data.loading import load_data
from fer_keras.data.readers.fer2013_csv import write_fer2013_csv
from fer_keras.data.readers.locate import find_data
from fer_keras.data.splitting import drop_test_copies
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

SAME_IMAGES = COMPARISONS["same_images"].arms
PUBLISHED = COMPARISONS["published"].arms


def paired(data, recipes=SAME_IMAGES, **options):
    source = Source(find_data(data), paired=True, **options)
    return {arm: source.splits(recipe)[1] for arm, recipe in recipes.items()}


def test_paired_arms_hold_the_same_faces_in_the_same_places(data):
    csv, folder = paired(data).values()
    for part in ("train", "validation", "test"):
        one, other = getattr(csv, part), getattr(folder, part)
        np.testing.assert_array_equal(one.labels, other.labels)
        difference = one.images.astype(float) - other.images
        assert 0 < np.sqrt((difference**2).mean()) < 3  # JPEG, and nothing more
    assert csv.test.ids.tolist() == folder.test.ids.tolist()
    # 4 of the 280 training faces are copies of test faces and leave.
    assert (len(csv.train), len(csv.validation), len(csv.test)) == (248, 28, 70)
    assert (csv.folder, folder.folder) == (None, data)


def test_paired_arms_bear_the_name_that_the_user_gave_their_data(data):
    source = Source(find_data(data), paired=True, name="mine")
    names = [source.splits(recipe)[1].name for recipe in SAME_IMAGES.values()]
    assert names == ["mine", "mine"]


def test_paired_arms_may_keep_some_classes(data):
    arms = {arm: recipe.changed(classes=("sad", "happy")) for arm, recipe in SAME_IMAGES.items()}
    csv, folder = paired(data, arms).values()
    assert csv.test.class_names == folder.test.class_names == ("happy", "sad")
    assert len(csv.test) == 20 and csv.test.ids.tolist() == folder.test.ids.tolist()
    np.testing.assert_array_equal(csv.train.labels, folder.train.labels)


def test_what_one_form_holds_alone_is_left_out(data):
    for name in ("Training_8", "Training_15"):
        (found,) = data.glob(f"train/*/{name}.jpg")
        found.unlink()
    csv, folder = paired(data).values()
    assert len(csv.train) + len(csv.validation) == 278 - 4
    assert not {"Training/row8", "Training/row15"} & {*csv.train.ids, *csv.validation.ids}
    assert any("278 of 280" in note for note in folder.notes)


def test_two_different_data_sets_are_not_paired(data, make_faces):
    other, test = smooth(make_faces(280), seed=5), smooth(make_faces(70, "PublicTest"), seed=6)
    write_fer2013_csv(concatenate(other, test), data / "fer2013.csv")
    with pytest.raises(InputError, match="no images in common"):
        paired(data)


def test_copies_of_test_faces_leave_training_and_validation_not_the_test(data):
    csv, folder = paired(data).values()
    assert not csv.leaked().any() and len(csv.test) == 70
    assert not {f"Training/row{row}" for row in range(1, 5)} & {*csv.train.ids, *csv.validation.ids}
    assert any(
        note.startswith("Dropped 4 training images with an exact copy") for note in csv.notes
    )
    assert folder.notes == csv.notes
    published = paired(data, PUBLISHED)["folder"]
    assert len(published.train) + len(published.validation) == 280


@pytest.mark.parametrize("own", [False, True], ids=["on disk", "in memory"])
def test_copies_are_dropped_without_pairing_too(data, own):
    location = find_data(data)
    source = Source(load_data(location) if own else location)
    recipe = Recipe(drop_test_copies=True, validation_fraction=0.0)
    _, splits = source.splits(recipe)
    assert len(splits.train) == 276 and not splits.leaked().any()
    assert prepared(recipe, splits)[1].train is splits.train  # nothing is searched twice
    assert len(source.splits(recipe.changed(drop_test_copies=False))[1].train) == 280


@pytest.mark.parametrize("kind", ["on disk", "in memory", "paired"])
def test_copies_of_test_faces_of_other_classes_stay(data, kind):
    """Training faces 1 to 4 are copied into the test, the last of them as sad."""
    lines = (data / "fer2013.csv").read_text().splitlines()
    lines[284] = "4" + lines[284][1:]
    (data / "fer2013.csv").write_text("\n".join(lines) + "\n")
    image = data / "test" / "happy" / "PublicTest_4.jpg"
    image.rename(data / "test" / "sad" / image.name)
    classes = ("angry", "disgust", "fear", "happy")
    recipe = SAME_IMAGES["folder" if kind == "paired" else "CSV"].changed(classes=classes)
    place = load_data(data, storage="csv") if kind == "in memory" else find_data(data)
    _, compared = Source(place, paired=kind == "paired").splits(recipe)
    _, fitted = prepared(recipe.changed(storage="csv"), load_data(data, storage="csv"))
    assert len(compared.train) + len(compared.validation) == 4 * 40 - 3
    assert len(compared.test) == 39 and not compared.leaked().any()
    for part in ("train", "validation", "test"):
        assert getattr(compared, part).labels.tolist() == getattr(fitted, part).labels.tolist()
    for splits in (compared, fitted):
        assert "Dropped 3 training images with an exact copy" in splits.notes[-1]


def test_near_copies_leave_validation_too(make_faces):
    images = textured(60)
    parts = [make_faces(20, name) for name in ("Training", "Training", "PublicTest")]
    train, validation, test = (
        replace(part, images=images[20 * place : 20 * place + 20].copy())
        for place, part in enumerate(parts)
    )
    train.images[2], train.images[5] = test.images[0], jpeg(test.images[1], quality=60)
    validation.images[7], validation.images[9] = test.images[2], test.images[3][:, ::-1]
    clean = drop_test_copies(Splits(train, test, validation))
    assert clean.train.ids.tolist() == [*np.delete(train.ids, [2, 5])]
    assert clean.validation.ids.tolist() == [*np.delete(validation.ids, [7, 9])]
    assert "Dropped 2 training images with an exact copy and 2 with a near" in clean.notes[-1]


def test_published_divides_all_rows_of_the_csv_at_random(data):
    csv, folder = paired(data, PUBLISHED).values()
    assert len(csv.test) == 70 and len(csv.train) + len(csv.validation) == 280
    assert set(split_names(csv.test.ids)) == {"Training", "PublicTest"}
    assert csv.test.class_counts().tolist() == [10] * 7
    assert set(split_names(folder.test.ids)) == {"PublicTest"}


def test_a_split_seed_keeps_the_test_faces_over_seeds(data):
    source = Source(find_data(data))
    random = [PUBLISHED["CSV"].changed(seed=seed) for seed in (0, 1)]
    first, second = (source.splits(recipe)[1].test.ids.tolist() for recipe in random)
    assert first != second
    fixed = [recipe.changed(split_seed=5) for recipe in random]
    first, second = (source.splits(recipe)[1] for recipe in fixed)
    assert first.test.ids.tolist() == second.test.ids.tolist()
    assert first.validation.ids.tolist() != second.validation.ids.tolist()


def test_bad_rows_and_images_are_skipped_and_named_on_request(data):
    rows = (data / "fer2013.csv").read_text().splitlines()
    rows[5] = rows[5].replace(" ", " x ", 1)
    (data / "fer2013.csv").write_text("\n".join(rows) + "\n")
    (image,) = data.glob("train/*/Training_9.jpg")
    image.write_bytes(image.read_bytes()[:200])
    with pytest.raises(InputError, match=r"fer2013.csv.*row 5"):
        paired(data)
    notes = " ".join(paired(data, on_bad="skip")["CSV"].notes)
    assert "row 5" in notes and "Training_9.jpg" in notes


@pytest.mark.parametrize(
    ("missing", "arm", "words"),
    [("train", "folder", "no train/<class>/ lies beside"), ("fer2013.csv", "CSV", "reads a CSV")],
)
def test_a_missing_form_is_said(data, missing, arm, words):
    (data / missing).rename(data / "elsewhere")
    assert words in find_storage(SAME_IMAGES[arm], find_data(data))[1]
    other = "CSV" if arm == "folder" else "folder"
    assert find_storage(SAME_IMAGES[other], find_data(data))[1] == ""


def test_a_recipe_without_storage_takes_what_is_there(data):
    assert find_storage(Recipe(), find_data(data)) == ("csv", "")
    (data / "fer2013.csv").unlink()
    assert find_storage(Recipe(), find_data(data)) == ("folder", "")


def test_classes_and_storage_are_filled_in_by_the_data(splits):
    recipe, cut = prepared(Recipe(), replace(splits, validation=None))
    assert recipe.classes == splits.train.class_names and recipe.storage == "csv"
    assert len(cut.validation) == 14 and len(cut.train) == 126
    assert prepared(Recipe(), splits)[1] is splits  # validation that is there stays
    recipe, _ = prepared(Recipe(classes=("sad", "angry")), splits)
    assert recipe.classes == ("angry", "sad")  # in the data's order
    with pytest.raises(InputError, match="no class joy; its classes are angry, disgust"):
        prepared(Recipe(classes=("angry", "joy")), splits)


def test_a_recipe_and_splits_that_were_read_otherwise_do_not_go_together(data):
    splits = load_data(data)
    with pytest.raises(InputError, match=r"division 'random', and these Splits .* with 'own'"):
        prepared(Recipe(division="random"), splits)
    random = load_data(data, division="random")
    assert prepared(Recipe(division="random"), random)[0].division == "random"
    with pytest.raises(InputError, match=r"storage 'folder', and these Splits .* with 'csv'"):
        prepared(Recipe(storage="folder"), splits)
    # Nobody knows how Splits of one's own were read and divided.
    own = replace(splits, storage=None, division=None, labels=None)
    wanted = {"division": "random", "storage": "folder"}
    assert wanted.items() <= prepared(Recipe(**wanted), own)[0].as_json().items()


def test_test_faces_need_a_class_of_the_recipe_and_ids_of_their_own(splits):
    neutral = splits.test.select(splits.test.labels == 6)
    with pytest.raises(InputError, match="no test face of the classes angry, happy; give some"):
        prepared(Recipe(classes=("angry", "happy")), replace(splits, test=neutral))
    with pytest.raises(InputError, match="no test face of the classes angry, happy; give some"):
        recipe = Recipe(classes=("angry", "happy"), drop_test_copies=True)
        Source(replace(splits, test=neutral)).splits(recipe)
    twice = concatenate(splits.test, splits.test.select([2]))
    with pytest.raises(InputError, match="Several test faces have the id PublicTest/row3; give"):
        prepared(Recipe(), replace(splits, test=twice))


def test_faces_of_one_class_or_none_cannot_be_learnt(splits):
    only = splits.train.select(splits.train.labels == 3)
    with pytest.raises(InputError, match="All 20 training faces are of the class happy"):
        prepared(Recipe(), replace(splits, train=only))
    copies = splits.train.select(splits.train.labels == 9)
    with pytest.raises(InputError, match=r"No training face is left; give some\."):
        prepared(Recipe(), replace(splits, train=copies))
    with pytest.raises(InputError, match="all are copies of test faces; set drop_test_copies"):
        prepared(Recipe(drop_test_copies=True), replace(splits, train=splits.test))


def test_patience_takes_the_validation_faces_of_the_splits(splits):
    recipe = Recipe(validation_fraction=0.0, patience=2)
    assert prepared(recipe, splits)[1].validation is splits.validation
    with pytest.raises(InputError, match="patience needs validation faces; give a validation_fr"):
        prepared(recipe, replace(splits, validation=None))
