import zipfile
from pathlib import Path

import pytest

from fer_keras.comparison.parsing import parse_data
from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES
from fer_keras.data.loading import load_data
from fer_keras.data.other_data import read_other_data
from fer_keras.data.readers import locate
from fer_keras.data.readers.locate import Location, data_set_name, find_data, why_no_folder
from fer_keras.utils.errors import InputError


def put(path, text="emotion,pixels,Usage\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def put_zip(path, member):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "anything")
    return path


def put_folder(directory, train="train", test="test", classes=CLASS_NAMES):
    for split in (train, test):
        for name in classes:
            (directory / split / name).mkdir(parents=True)
    return directory


@pytest.fixture(autouse=True)
def empty_surroundings(monkeypatch, tmp_path):
    """No variable, and a current directory two levels below anything that a test makes."""
    monkeypatch.delenv("FER_KERAS_DATA", raising=False)
    current = tmp_path / "project" / "notebooks"
    current.mkdir(parents=True)
    monkeypatch.chdir(current)


def test_both_forms_are_found_where_kaggle_unpacks_them(tmp_path):
    csv = put(tmp_path / "fer2013.csv")
    folder = put_folder(tmp_path / "fer2013")
    assert find_data(tmp_path) == Location("fer2013", csv, folder)


def test_one_form_is_enough(tmp_path):
    csv = put(tmp_path / "a" / "icml_face_data.csv")
    folder = put_folder(tmp_path / "b", "Train", "TEST")
    assert find_data(tmp_path / "a") == Location("fer2013", csv=csv)
    assert find_data(tmp_path / "b") == Location("b", folder=folder)


def test_train_must_hold_a_folder_for_each_class(tmp_path):
    put(tmp_path / "fer2013.csv")
    put(tmp_path / "train" / "loose.jpg")
    put(tmp_path / "test", "a file of that name")
    assert find_data(tmp_path).folder is None
    (tmp_path / "train" / "happy").mkdir()
    (tmp_path / "train" / "sad").mkdir()
    assert find_data(tmp_path).folder == tmp_path


def test_a_data_set_is_named_by_its_classes_and_files_or_its_folder(tmp_path):
    classes = ("Anger", "disgusted", "fear", "happiness", "neutral", "sad", "surprise")
    place = put_folder(tmp_path / "affectnet", classes=classes)  # of the same classes
    assert find_data(place).name == "affectnet"
    put(place / "train" / "sad" / "Training_7.jpg")  # as FER2013's folders call them
    assert find_data(place).name == "fer2013"
    assert find_data(put_folder(tmp_path / "my-FER2013", classes=classes)).name == "fer2013"
    own = put_folder(tmp_path / "moods", classes=("calm", "wild"))
    assert find_data(own) == Location("moods", folder=own)
    some = put_folder(tmp_path / "some", classes=("happy", "sad"))
    assert find_data(some).name == "some"
    numbered = put_folder(tmp_path / "numbered", classes=("1", "2"))
    assert find_data(numbered) == Location("numbered", folder=numbered)


@pytest.mark.parametrize(
    ("path", "classes", "name"),
    [
        ("fer2013/ckextended.csv", CLASS_NAMES, "ckextended"),  # of the same classes
        ("fer2013/ckextended.csv.gz", ALL_CLASS_NAMES, "ckextended"),
        ("data/FER2013_clean.csv", ALL_CLASS_NAMES, "fer2013"),
        ("data/icml_face_data.csv.xz", CLASS_NAMES, "fer2013"),
        ("moods/fer2013.csv", ("calm", "wild"), "moods"),
    ],
)
def test_a_csv_is_fer2013_by_its_name_and_classes(tmp_path, path, classes, name):
    assert data_set_name(classes, put(tmp_path / path)) == name


def test_a_zip_is_fer2013_by_what_it_holds(tmp_path):
    own = put_zip(tmp_path / "own" / "archive.zip", "ckextended.csv")
    fer2013 = put_zip(tmp_path / "archive.zip", "icml_face_data.csv")
    assert data_set_name(CLASS_NAMES, own) == "archive"
    assert data_set_name(CLASS_NAMES, fer2013) == "fer2013"


@pytest.mark.parametrize("layout", ["official", "kaggle", "kaggle itself"])
def test_rafdb_is_known_by_its_layout(rafdb, tmp_path, layout):
    place = rafdb
    if layout != "official":
        inside = tmp_path / "kaggle" / ("DATASET" if layout == "kaggle" else "")
        for split in ("train", "test"):
            picture = rafdb / "Image" / "aligned" / f"{split}_00001_aligned.jpg"
            (inside / split / "4").mkdir(parents=True)
            picture.rename(inside / split / "4" / picture.name)
        place = tmp_path / "kaggle"
    assert find_data(place) == Location("raf-db", raf_db=place)


def test_better_csv_names_win_one_by_one(tmp_path):
    best_first = [
        put(tmp_path / "fer2013.csv"),
        put(tmp_path / "fer2013" / "fer2013.csv"),
        put(tmp_path / "icml_face_data.csv"),
        put(tmp_path / "fer2013.csv.gz"),
        put(tmp_path / "fer2013" / "icml_face_data.csv.gz"),
        put(tmp_path / "fer2013.csv.xz"),
        put_zip(tmp_path / "fer2013.csv.zip", "fer2013.csv"),
        put_zip(tmp_path / "fer2013.zip", "fer2013/fer2013.csv"),
        put_zip(tmp_path / "archive.zip", "icml_face_data.csv"),
    ]
    for csv in best_first:
        assert find_data(tmp_path).csv == csv
        csv.unlink()


def test_zip_of_images_is_not_a_csv(tmp_path):
    put_zip(tmp_path / "fer2013.zip", "train/happy/Training_1.jpg")
    with pytest.raises(InputError, match="unpacked"):
        find_data(tmp_path)


@pytest.mark.parametrize("content", ["", "half a download"])
def test_a_damaged_zip_is_not_absent(tmp_path, content):
    archive = put(tmp_path / "fer2013.zip", content)
    assert find_data(tmp_path).csv == archive
    with pytest.raises(InputError, match="fer2013.zip"):
        load_data(tmp_path)


def test_a_home_of_nobody_is_one_sentence():
    with pytest.raises(InputError, match="'~nosuchuser/faces' is no path here"):
        find_data("~nosuchuser/faces")


def test_a_loop_of_links_holds_nothing(tmp_path):
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(InputError, match="does not exist|is no path here"):
        find_data(tmp_path / "one")


def test_directory_of_a_csv_name_is_not_a_csv(tmp_path):
    (tmp_path / "fer2013.csv").mkdir()
    csv = put(tmp_path / "fer2013.csv.gz")
    assert find_data(tmp_path).csv == csv


def test_csv_file_itself_may_be_given(tmp_path):
    put_folder(tmp_path)
    csv = put(tmp_path / "under_another_name.csv")
    found = find_data(csv)
    assert found == Location("under_another_name", csv=csv)
    assert why_no_folder(found).endswith(f"was named; name the folder {tmp_path}")
    alone = Location("fer2013", csv=tmp_path / "elsewhere" / "a.csv")
    assert why_no_folder(alone).startswith("no train/<class>/ lies beside")


def test_home_is_expanded_and_relative_places_become_absolute(tmp_path, monkeypatch):
    csv = put(tmp_path / "faces" / "fer2013.csv")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_data("~/faces").csv == csv
    monkeypatch.chdir(tmp_path)
    assert find_data("faces").csv == csv


@pytest.mark.parametrize("exists", [True, False])
def test_useless_directory_is_refused_with_what_was_looked_for(tmp_path, exists):
    place = tmp_path / "elsewhere"
    if exists:
        put(place / "readme.txt")
    with pytest.raises(InputError) as caught:
        find_data(place)
    for part in (str(place), "fer2013.csv", "icml_face_data.csv", "train/", "test/"):
        assert part in str(caught.value)
    assert ("does not exist" in str(caught.value)) != exists


def test_a_refused_folder_says_what_lies_in_it_and_which_of_it_was_meant(tmp_path):
    def answer(place):
        with pytest.raises(InputError, match="holds no faces") as caught:
            find_data(place)
        return str(caught.value)

    for name in ("anger", "contempt"):
        put(tmp_path / "ck" / "CK+48" / name / "1.png")
    assert "(found: CK+48)" in answer(tmp_path / "ck")
    assert answer(tmp_path / "ck").endswith(f"Did you mean {tmp_path / 'ck' / 'CK+48'}?")
    put(tmp_path / "ck" / "list.csv", "image,label\n")  # no faces
    assert "(found: CK+48, list.csv)" in answer(tmp_path / "ck")
    assert answer(tmp_path / "ck").endswith("CK+48?")
    put(tmp_path / "ck" / "ckextended.csv")
    assert "Did you mean" not in answer(tmp_path / "ck")
    put(tmp_path / "one" / "ckextended.csv")
    assert answer(tmp_path / "one").endswith(f"Did you mean {tmp_path / 'one/ckextended.csv'}?")
    put(tmp_path / "expw" / "image" / "origin" / "1.png")  # one class is none
    assert "Did you mean" not in answer(tmp_path / "expw")


@pytest.mark.parametrize(
    "names", ["FER2013Train FER2013Test", "train_set val_set", "a-train b-test"]
)
def test_splits_under_other_names_are_no_classes(tmp_path, names):
    for name in names.split():
        put(tmp_path / "own" / name / "1.png")
    with pytest.raises(InputError, match=f"found: {', '.join(sorted(names.split()))}"):
        find_data(tmp_path / "own")


def test_classes_may_be_called_nearly_as_splits(tmp_path):
    for name in ("strained", "attested", "training", "Rival"):
        put(tmp_path / "own" / name / "1.png")
    assert find_data(tmp_path / "own").folder == tmp_path / "own"


def test_argument_precedes_variable_precedes_data_folder(tmp_path, monkeypatch):
    by_argument = put(tmp_path / "argument" / "fer2013.csv")
    by_variable = put(tmp_path / "variable" / "fer2013.csv")
    by_default = put(Path.cwd().parent / "data" / "fer2013.csv")
    assert find_data().csv == by_default
    monkeypatch.setenv("FER_KERAS_DATA", str(by_variable.parent))
    assert find_data().csv == by_variable
    assert find_data(by_argument.parent).csv == by_argument


def test_useless_variable_is_refused_by_name_even_beside_a_data_folder(tmp_path, monkeypatch):
    put(Path.cwd().parent / "data" / "fer2013.csv")
    monkeypatch.setenv("FER_KERAS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"FER_KERAS_DATA.*nowhere.*does not exist"):
        find_data()


def test_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("FER_KERAS_DATA", "")
    assert find_data() is None


@pytest.mark.parametrize("mounted", ["fer2013", "datasets/msambare/fer2013"])
def test_what_kaggle_mounted_is_found_after_the_data_folder(tmp_path, monkeypatch, mounted):
    monkeypatch.setattr(locate, "KAGGLE_INPUT", tmp_path / "input")
    assert find_data() is None
    put(tmp_path / "input" / "another" / "readme.txt")
    folder = put_folder(tmp_path / "input" / mounted)
    assert find_data() == Location("fer2013", folder=folder)
    csv = put(Path.cwd().parent / "data" / "fer2013.csv")
    assert find_data().csv == csv


def test_data_folder_is_the_one_beside_the_notebooks(monkeypatch):
    project = Path.cwd().parent
    expected = put_folder(project / "data")
    assert find_data().folder == expected
    monkeypatch.chdir(project)
    assert find_data().folder == expected
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert find_data() is None


def test_data_folder_absent_or_useless_gives_none():
    assert find_data() is None
    put(Path.cwd().parent / "data" / "readme.txt")
    assert find_data() is None


def test_class_folders_without_train_are_found_where_somebody_names_them(tmp_path, monkeypatch):
    for name in ("calm", "tense"):
        put(tmp_path / "mine" / name / "1.png")
        put(Path.cwd().parent / "data" / name / "1.png")
    assert find_data(tmp_path / "mine") == Location("mine", folder=tmp_path / "mine")
    assert find_data() is None
    monkeypatch.setenv("FER_KERAS_DATA", str(tmp_path / "mine"))
    assert find_data().folder == tmp_path / "mine"


def test_relative_places_start_from_the_project_where_jupyter_works_below(tmp_path, monkeypatch):
    put(tmp_path / "data2" / "fer2013.csv")
    put(tmp_path / "frames" / "happy" / "1.png")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_data("data2").csv == tmp_path / "data2" / "fer2013.csv"
    (tmp_path / "a=b").mkdir()
    assert parse_data(["a=b"]) == "a=b"
    with pytest.raises(InputError, match="frames holds 1 class"):
        read_other_data("frames", "frames")
