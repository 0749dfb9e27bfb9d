import numpy as np
import pytest
from helpers import assert_same, patterned_faces, write_votes
from PIL import Image
from sklearn.model_selection import StratifiedShuffleSplit

from fer_keras.data import loading
from fer_keras.data.faces import concatenate, split_names
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.loading import find_or_draw, load_data
from fer_keras.data.readers.image_folder import link_training_folder, read_image_folder
from fer_keras.data.readers.locate import Location
from fer_keras.data.readers.raf_db import read_rafdb
from fer_keras.utils.errors import InputError


def write_own_csv(path, codes, usages=None):
    """Write a CSV with any codes, with a Usage column or without."""
    images = patterned_faces(len(codes)).images
    rows = [f"{code},{' '.join(map(str, image.ravel()))}" for code, image in zip(codes, images)]
    if usages:
        rows = [f"{row},{usage}" for row, usage in zip(rows, usages)]
    header = "emotion,pixels,Usage" if usages else "emotion,pixels"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def write_own_folder(directory, **classes):
    """Write as many different images a class as asked for, by number, to train/ or test/."""
    level = 0
    for name, counts in classes.items():
        for split, count in zip(("train", "test"), counts):
            for number in range(1, count + 1):
                level += 1
                path = directory / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (48, 48), level).save(path)
    return directory


def test_the_csv_is_read_unless_the_folder_is_asked_for(data):
    csv, folder = load_data(data), load_data(data, storage="folder")
    assert csv.train.ids[0] == "Training/row1" and csv.folder is None
    assert_same(load_data(str(data), storage="csv"), csv)
    assert_same(folder, read_image_folder(data))
    assert folder.folder == data and (folder.name, csv.name) == ("fer2013", "fer2013")
    (data / "fer2013.csv").unlink()
    assert_same(load_data(data), folder)
    assert csv.validation is None and csv.notes == folder.notes == ()


@pytest.mark.parametrize("storage", ["csv", "folder"])
def test_a_random_division_is_stratified_over_all_faces_in_order(data, storage):
    own = load_data(data, storage=storage)
    faces = concatenate(own.train, own.test)
    divided = load_data(data, storage=storage, division="random", seed=3)
    splitter = StratifiedShuffleSplit(1, test_size=0.2, random_state=3)
    ((train, test),) = splitter.split(faces.labels, faces.labels)
    assert divided.train.ids.tolist() == faces.ids[np.sort(train)].tolist()
    assert divided.test.ids.tolist() == faces.ids[np.sort(test)].tolist()
    np.testing.assert_array_equal(divided.test.images, faces.images[np.sort(test)])
    other = load_data(data, storage=storage, division="random", seed=4)
    assert other.test.ids.tolist() != divided.test.ids.tolist()
    assert divided.folder == own.folder


def test_a_csv_without_usage_is_divided_at_random_only(tmp_path):
    path = write_own_csv(tmp_path / "own" / "faces.csv", [row % 7 for row in range(70)])
    with pytest.raises(InputError, match="no Usage column.*division='random'"):
        load_data(path)
    splits, again, other = (load_data(path, division="random", seed=seed) for seed in (0, 0, 1))
    assert splits.train.class_counts().tolist() == [8] * 7
    assert splits.test.class_counts().tolist() == [2] * 7
    ids = [*splits.train.ids.tolist(), *splits.test.ids.tolist()]
    assert sorted(ids) == sorted(f"all/row{row}" for row in range(1, 71))
    number = int(splits.test.ids[0].removeprefix("all/row"))
    np.testing.assert_array_equal(splits.test.images[0], patterned_faces(70).images[number - 1])
    assert again.test.ids.tolist() == splits.test.ids.tolist() != other.test.ids.tolist()


def test_a_csv_of_ones_own_has_the_classes_that_one_names(tmp_path):
    usages = ["Training"] * 4 + ["PublicTest"] * 2
    path = write_own_csv(tmp_path / "moods" / "faces.csv", [0, 1, 11, 1, 0, 11], usages)
    names = ["calm", "wild", *(f"mood {code}" for code in range(2, 12))]
    splits = load_data(path, class_names=names)
    assert splits.train.class_names == tuple(names)
    assert splits.train.labels.tolist() == [0, 1, 11, 1] and splits.name == "faces"
    (note,) = splits.notes
    assert "mood 2, mood 3" in note and "mood 11" not in note and "wild" not in note


def test_the_cache_hides_no_code_beyond_the_classes(tmp_path):
    usages = ["Training", "Training", "PublicTest", "PublicTest"]
    path = write_own_csv(tmp_path / "fer2013.csv", [0, 1, 2, 8], usages)
    nine = [f"mood {code}" for code in range(9)]
    for _ in range(2):
        assert load_data(path, class_names=nine).test.labels.tolist() == [2, 8]
        with pytest.raises(InputError, match=r"row 4 \(line 5\): its emotion is '8'.* 0 to 6"):
            load_data(path)
        skipped = load_data(path, class_names=nine[:3], on_bad="skip")
        assert skipped.test.ids.tolist() == ["PublicTest/row3"] and "row 4" in skipped.notes[0]


@pytest.mark.parametrize("names", ["abc", 7, ["calm"], ["calm", "calm"], [0, 1]])
def test_class_names_that_name_no_classes_are_refused(data, names):
    with pytest.raises(InputError, match=r"class_names is .*two or more, each once"):
        load_data(data, class_names=names)


def test_class_names_are_for_the_csv_only(data):
    with pytest.raises(InputError, match="class_names name the codes of a CSV file"):
        load_data(data, storage="folder", class_names=CLASS_NAMES)


def test_a_folder_of_ones_own_has_its_folders_as_classes(tmp_path):
    folder = write_own_folder(tmp_path / "moods", m10=(2, 1), m9=(1, 1), Happy=(1, 0))
    splits = load_data(folder)
    assert splits.train.class_names == ("Happy", "m9", "m10") and splits.name == "moods"
    assert splits.train.labels.tolist() == [0, 1, 2, 2] and splits.test.labels.tolist() == [1, 2]
    assert splits.train.images[:, 0, 0].tolist() == [6, 4, 1, 2]
    assert splits.train.ids[-1] == "Training/m10/2.png" and splits.test.ids[0] == "test/m9/1.png"
    assert splits.notes == (
        "The classes are the names of the folders: Happy, m9, m10.",
        "The test folder has no images of Happy.",
    )


def test_some_of_fer2013s_classes_keep_their_names_and_order(tmp_path):
    folder = write_own_folder(tmp_path / "some", sadness=(1, 1), Anger=(1, 1), happy=(1, 1))
    splits = load_data(folder)
    assert splits.train.class_names == ("angry", "happy", "sad") and splits.name == "some"
    assert splits.train.images[:, 0, 0].tolist() == [3, 5, 1]
    assert "no folders for FER2013's classes disgust, fear, surprise, neutral" in splits.notes[0]


def test_a_class_is_one_however_an_archive_spells_its_accent(tmp_path):
    composed, split = "surpr\u00e9s", "surpre\u0301s"  # é as one letter, and as e and an accent
    folder = write_own_folder(tmp_path / "own", **{composed: (2, 0), split: (0, 1), "calm": (1, 1)})
    splits = load_data(folder)
    assert splits.train.class_names == ("calm", composed) and not splits.notes[1:]
    assert splits.test.class_counts().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({"Calm": (1, 1), "calm": (1, 1), "wild": (1, 1)}, "upper and lower case only: Calm, calm"),
        ({"Calm": (1, 0), "calm": (0, 1), "wild": (1, 1)}, "upper and lower case only: Calm, calm"),
        ({"calm": (1, 1)}, r"holds 1 class\(es\)"),
        ({"calm": (1, 1), "wild": (0, 1)}, "train folder of .* has no images of wild"),
        ({"angry": (1, 1), "happy": (0, 1)}, "train folder of .* has no images of happy"),
    ],
)
def test_classes_that_cannot_be_learnt_are_refused(tmp_path, classes, words):
    folder = write_own_folder(tmp_path / "own", **classes)
    with pytest.raises(InputError, match=words):
        load_data(folder)


def test_a_folder_without_test_is_divided_at_random_only(tmp_path):
    folder = write_own_folder(tmp_path / "own", calm=(10, 0), wild=(20, 0))
    with pytest.raises(InputError, match="no folder 'test'.*division='random'"):
        load_data(folder)
    splits = load_data(folder, division="random", seed=1)
    assert splits.train.class_counts().tolist() == [8, 16]
    assert splits.test.class_counts().tolist() == [2, 4]
    ids = [*splits.train.ids.tolist(), *splits.test.ids.tolist()]
    assert len(set(ids)) == 30 and set(split_names(ids)) == {"all"}
    (folder / "train" / "empty").mkdir()
    with pytest.raises(InputError, match="has no images of empty"):
        load_data(folder, division="random")


def test_a_folder_divided_at_random_can_be_linked_for_keras(tmp_path):
    folder = write_own_folder(tmp_path / "own", calm=(10, 10), wild=(10, 10))
    train = load_data(folder, division="random").train
    assert set(split_names(train.ids)) == {"Training", "test"}
    link_training_folder(folder, train, tmp_path / "links")
    levels = [
        sorted(np.asarray(Image.open(path))[0, 0] for path in (tmp_path / "links" / name).iterdir())
        for name in train.class_names
    ]
    expected = [sorted(train.images[train.labels == label][:, 0, 0]) for label in (0, 1)]
    assert levels == expected and sum(map(len, levels)) == 32


def test_damaged_images_and_bad_rows_are_left_out_on_demand(data):
    (found,) = data.glob("train/*/Training_9.jpg")
    found.write_bytes(found.read_bytes()[:200])
    lines = (data / "fer2013.csv").read_text().splitlines()
    (data / "fer2013.csv").write_text("\n".join([*lines[:5], "x", *lines[6:]]) + "\n")
    for storage, words in (("csv", "row 5"), ("folder", "Training_9.jpg")):
        with pytest.raises(InputError, match=f"{words}.*on_bad='skip'"):
            load_data(data, storage=storage)
        splits = load_data(data, storage=storage, on_bad="skip")
        assert len(splits.train) == 279 and words in splits.notes[0]


def test_rafdb_is_read_and_divided(rafdb):
    splits = load_data(rafdb)
    assert_same(splits, read_rafdb(rafdb))
    assert (splits.name, splits.folder) == ("raf-db", None)
    divided = load_data(rafdb, division="random")
    assert (len(divided.train), len(divided.test)) == (140, 35)
    assert set(split_names(divided.test.ids)) == {"RAF-DB train", "RAF-DB test"}
    (rafdb / "Image" / "aligned" / "test_00001_aligned.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="1 damaged.*on_bad='skip'"):
        load_data(rafdb)
    skipped = load_data(rafdb, on_bad="skip")
    assert len(skipped.test) == 34 and "test_00001_aligned.jpg (empty file)" in skipped.notes[1]


def test_an_empty_place_is_no_data(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="A path is empty"):
        load_data("")
    assert not list(tmp_path.iterdir())  # no faces are drawn in its place


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"storage": "zip"}, "storage is 'zip'; choose one of None, csv, folder"),
        ({"division": "mine"}, "division is 'mine'; choose one of own, random"),
        ({"labels": "raf-db"}, "labels is 'raf-db'; choose one of own, own_given_votes, ferplus, "),
        ({"on_bad": "ignore"}, "on_bad is 'ignore'; choose one of raise, skip"),
        ({"on_bad": "skp", "labels": "ferplus"}, "on_bad is 'skp'"),
        ({"on_bad": "skip", "labels": "ferplus"}, "labels 'ferplus' need every row of the CSV"),
        ({"labels": "ferplus"}, r"labels 'ferplus' are read from .* FER\+'s votes, fer2013new.csv"),
    ],
)
def test_impossible_wishes_are_refused(data, arguments, words):
    with pytest.raises(InputError, match=words):
        load_data(data, **arguments)


def test_a_missing_form_is_named(data, rafdb):
    csv, folder = Location("fer2013", csv=data / "fer2013.csv"), Location("own", folder=data)
    with pytest.raises(InputError, match=r"only the CSV file .*\.csv was named; name the folder"):
        load_data(csv, storage="folder")
    with pytest.raises(InputError, match="no CSV file beside"):
        load_data(folder, storage="csv")
    with pytest.raises(InputError, match="no CSV file beside .*rafdb; add it or leave out storage"):
        load_data(rafdb, storage="csv")
    with pytest.raises(InputError, match="labels 'ferplus' are read from FER2013's CSV"):
        load_data(rafdb, labels="ferplus")


@pytest.mark.parametrize("data", [np.zeros((10, 48, 48), np.uint8), 3, [], patterned_faces(7)])
def test_what_is_no_place_is_refused_by_its_type(data):
    with pytest.raises(InputError, match=f"The data is of type {type(data).__name__}; give a fold"):
        load_data(data)


def test_ferplus_keeps_fer2013s_division(data):
    write_votes(data, also="contempt")
    splits = load_data(data, labels="ferplus_votes")
    assert (len(splits.train), len(splits.test), splits.name) == (280, 70, "fer2013")
    expected = np.hstack([0.7 * np.eye(7)[splits.train.labels], np.full((280, 1), 0.3)])
    np.testing.assert_allclose(splits.train.targets, expected, rtol=1e-6)
    with pytest.raises(InputError, match="labels 'ferplus' need division 'own'"):
        load_data(data, labels="ferplus", division="random")


@pytest.mark.parametrize("seed", ["1", -1, 1.5, None, True])
def test_an_impossible_seed_is_no_fault_of_the_faces(data, seed):
    with pytest.raises(InputError, match="seed is .*; give a whole number from 0 to 4294967295"):
        load_data(data, division="random", seed=seed)


def test_without_data_faces_are_drawn_into_runs(tmp_path, monkeypatch):
    def write_few(directory):
        from fer_keras.data.drawn import write_drawn_data

        write_drawn_data(directory, num_train=70, num_test=35)

    monkeypatch.setattr(loading, "write_drawn_data", write_few)
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    splits = load_data()
    assert (len(splits.train), len(splits.test)) == (70, 35)
    assert splits.name == "drawn faces" and "No data was found" in splits.notes[-1]
    location, drawn = find_or_draw()
    assert drawn and location.folder == location.csv.parent == tmp_path / "runs" / "drawn_faces"
    monkeypatch.setenv("FER_KERAS_DATA", str(location.csv))
    assert find_or_draw() == (Location("fer2013", csv=location.csv), False)
    assert find_or_draw(location) == (location, False)
