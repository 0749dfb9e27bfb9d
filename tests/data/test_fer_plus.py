import os
from collections import Counter
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from fer_keras.data.faces import concatenate, split_names
from fer_keras.data.labels import ALL_CLASS_NAMES, CLASS_NAMES, FERPLUS_COLUMNS
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv, write_fer2013_csv
from fer_keras.data.readers.fer_plus import (
    ANSWERS,
    label_shares,
    read_ferplus,
    read_own_given_votes,
    read_votes,
)
from fer_keras.utils.errors import InputError

COLUMNS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
HEADER = f"Usage,Image name,{COLUMNS}"
FERPLUS_NAMES = {name: column for column, name in FERPLUS_COLUMNS.items()}
OUR_NAMES = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")

ROWS = [
    "Training,fer1.png,5,0,0,1,2,2,0,0,0,0",  # neutral: 5 of 9, the vote for sadness is noise
    "Training,fer2.png,0,0,0,0,0,0,0,6,4,0",  # contempt
    "Training,fer3.png,5,3,2,0,0,0,0,0,0,0",  # half is no majority
    "Training,fer4.png,0,0,0,0,4,0,0,0,6,0",  # unknown
    "Training,fer5.png,0,3,0,0,0,0,0,0,1,6",  # not a face by the votes
    "Training,,0,9,0,0,0,0,0,0,0,1",  # not a face by the name
    "Training,fer7.png,0,4,0,2,0,0,0,0,4,0",  # no majority
    "Training,fer8.png,0,0,2,0,1,1,3,1,1,1",  # fear; five single votes are noise
    "PublicTest,fer9.png,0,10,0,0,0,0,0,0,0,0",  # happy
    "PublicTest,fer10.png,0,1,0,0,0,0,0,0,0,0",  # a single vote alone
    "PrivateTest,fer11.png,0,0,1,5,4,0,0,0,0,0",  # sad
]


def write_votes(path, rows, header=HEADER):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def write_files(make_faces, tmp_path):
    """Write FER2013's CSV and the votes for given rows; return both paths."""

    def write(rows, header=HEADER):
        usages = [row.split(",")[0] for row in rows]
        parts = [make_faces(usages.count(usage), usage) for usage in dict.fromkeys(usages)]
        write_fer2013_csv(reduce(concatenate, parts), tmp_path / "fer2013.csv")
        return tmp_path / "fer2013.csv", write_votes(tmp_path / "votes.csv", rows, header)

    return write


def named_labels(faces):
    return [faces.class_names[label] for label in faces.labels]


def test_columns_are_named_as_in_the_published_header():
    assert tuple(FERPLUS_COLUMNS.items()) == tuple(zip(COLUMNS.split(","), OUR_NAMES))


def test_rows_get_the_emotion_that_most_voted_for(write_files):
    csv_path, votes_path = write_files(ROWS)
    splits = read_ferplus(csv_path, votes_path)
    assert splits.train.class_names == splits.test.class_names == ALL_CLASS_NAMES
    assert ALL_CLASS_NAMES[:7] == CLASS_NAMES
    assert named_labels(splits.train) == ["neutral", "contempt", "fear"]
    assert named_labels(splits.test) == ["happy", "sad"]
    assert splits.train.ids.tolist() == ["Training/row1", "Training/row2", "Training/row8"]
    assert splits.test.ids.tolist() == ["PublicTest/row9", "PrivateTest/row11"]
    own = read_fer2013_csv(csv_path)
    np.testing.assert_array_equal(splits.train.images, own.train.images[[0, 1, 7]])
    np.testing.assert_array_equal(splits.test.images, own.test.images[[0, 2]])
    assert splits.validation is None


def test_rows_left_out_are_counted_by_split_and_reason(write_files):
    training, public = read_ferplus(*write_files(ROWS)).notes
    assert "5 of 8 rows of Training: 2 not a face, 1 of unknown emotion, 2 without" in training
    assert "1 of 2 rows of PublicTest: 0 not a face, 0 of unknown emotion, 1 without" in public


def test_soft_targets_are_the_shares_of_the_emotions_without_single_votes(write_files):
    paths = write_files(ROWS)
    assert read_ferplus(*paths).train.targets is None
    splits = read_ferplus(*paths, soft=True)
    assert splits.test.targets is None
    targets = splits.train.targets
    assert targets.dtype == np.float32
    # angry, disgust, fear, happy, sad, surprise, neutral, contempt
    expected = [
        [2 / 9, 2 / 9, 0, 0, 0, 0, 5 / 9, 0],
        [0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 3 / 10, 0, 2 / 10, 5 / 10, 0],
        [0, 0, 0, 4 / 6, 2 / 6, 0, 0, 0],
        [0, 0, 3 / 5, 0, 0, 2 / 5, 0, 0],
    ]
    np.testing.assert_allclose(targets, expected, rtol=1e-6)


def test_soft_training_keeps_faces_that_people_disagree_on(write_files):
    paths = write_files(ROWS)
    hard, soft = read_ferplus(*paths), read_ferplus(*paths, soft=True)
    rows = [1, 2, 3, 7, 8]
    assert soft.train.ids.tolist() == [f"Training/row{row}" for row in rows]
    assert named_labels(soft.train) == ["neutral", "contempt", "neutral", "happy", "fear"]
    assert "3 of 8 rows of Training: 2 not a face, 1 of unknown emotion, 0 without" in soft.notes[0]
    assert "votes on 2 training faces have no majority: the most votes label" in soft.notes[-1]
    assert not any("validation" in note for note in hard.notes)
    assert soft.test.ids.tolist() == hard.test.ids.tolist()
    np.testing.assert_array_equal(soft.train.targets.argmax(axis=1), soft.train.labels)


def test_random_votes_are_counted_as_by_hand(write_files):
    rng = np.random.default_rng(5)
    votes = rng.multinomial(10, rng.dirichlet(np.full(10, 0.4), 120))
    usages = ["Training"] * 80 + ["PublicTest"] * 40
    rows = [f"{usage},x.png,{','.join(map(str, row))}" for usage, row in zip(usages, votes)]
    paths = write_files(rows)
    splits, soft = read_ferplus(*paths), read_ferplus(*paths, soft=True).train

    expected = {}
    for number, row in enumerate(votes.tolist(), 1):
        heard = Counter({column: count for column, count in enumerate(row) if count > 1})
        ((winner, most),) = heard.most_common(1) or [(8, 0)]
        if most > heard.total() / 2 and winner < 8:
            expected[f"{usages[number - 1]}/row{number}"] = OUR_NAMES[winner]
    assert 40 < len(expected) < 110
    faces = [splits.train, splits.test]
    found = {i: name for part in faces for i, name in zip(part.ids.tolist(), named_labels(part))}
    assert found == expected
    for target, face_id in zip(soft.targets, soft.ids.tolist()):
        row = votes[int(face_id.split("row")[1]) - 1]
        valid = {OUR_NAMES[k]: count for k, count in enumerate(row[:8].tolist()) if count >= 2}
        shares = [valid.get(name, 0) / sum(valid.values()) for name in ALL_CLASS_NAMES]
        np.testing.assert_allclose(target, shares, rtol=1e-6)


def test_votes_lie_by_id_beside_fer2013s_own_labels(write_files):
    paths = write_files(ROWS)
    votes = read_votes(*paths)
    assert list(votes.columns) == ["label", *ANSWERS]
    # The sixth row has no image name: FER+ says that it is not a face.
    numbers = [1, 2, 3, 4, 5, 7, 8]
    public = ["PublicTest/row9", "PublicTest/row10", "PrivateTest/row11"]
    assert votes.index.tolist() == [f"Training/row{number}" for number in numbers] + public
    own = read_fer2013_csv(paths[0])
    labels = dict(zip(own.train.ids.tolist(), named_labels(own.train)))
    labels |= dict(zip(own.test.ids.tolist(), named_labels(own.test)))
    assert votes["label"].to_dict() == {name: labels[name] for name in votes.index}
    cast = votes.loc["Training/row8", list(ANSWERS)]
    expected = {"surprise": 2, "angry": 1, "disgust": 1, "fear": 3, "contempt": 1}
    assert cast[cast > 0].to_dict() == expected | {"unknown": 1, "NF": 1}
    write_votes(paths[1], ROWS[:-1])
    with pytest.raises(InputError, match=r"votes\.csv has 10 rows"):
        read_votes(*paths)


def test_columns_may_stand_in_any_order_with_others_between(write_files):
    paths = write_files(ROWS)
    expected = read_ferplus(*paths, soft=True)
    cells = [line.split(",") for line in [HEADER, *ROWS]]
    mixed = [",".join([*reversed(row), "7"]) for row in cells]
    mixed[0] = mixed[0].replace(",7", ",comment")
    write_votes(paths[1], mixed[1:], "\ufeff" + mixed[0])
    splits = read_ferplus(*paths, soft=True)
    assert splits.train.labels.tolist() == expected.train.labels.tolist()
    np.testing.assert_array_equal(splits.train.targets, expected.train.targets)


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        (2, "Training,fer2.png,0,0,0,0,0,0,0,-6,4,0"),
        (4, "Training,fer4.png,0,0,0,0,many,0,0,0,6,0"),
        (7, "Training,fer7.png,0,4,0,2,0,0,0,0,4"),
        (7, "Training,fer7.png,0,4,0,2,0,0,0,0,4,0,0"),
        (9, "PublicTest,fer9.png,0,1.5,0,0,0,0,0,0,0,0"),
        (11, "PrivateTest,fer11.png,0,0,1,5,4,0,0,0,0,"),
    ],
)
def test_broken_rows_are_named(write_files, row, broken):
    csv_path, votes_path = write_files(ROWS)
    write_votes(votes_path, [*ROWS[: row - 1], broken, *ROWS[row:]])
    with pytest.raises(InputError, match=rf"votes\.csv, row {row}: '{broken}'"):
        read_ferplus(csv_path, votes_path)


def test_files_of_different_length_are_refused(write_files):
    csv_path, votes_path = write_files(ROWS)
    write_votes(votes_path, ROWS[:-1])
    with pytest.raises(InputError, match=r"votes\.csv has 10 rows where .*fer2013\.csv has 11"):
        read_ferplus(csv_path, votes_path)


def test_files_in_different_order_are_refused_by_row(write_files):
    csv_path, votes_path = write_files(ROWS)
    write_votes(votes_path, [*ROWS[:7], ROWS[8], ROWS[7], *ROWS[9:]])
    with pytest.raises(InputError, match=r"votes\.csv, row 8: .*PublicTest.* it is Training"):
        read_ferplus(csv_path, votes_path)


def test_votes_in_another_order_within_a_split_are_refused(write_files):
    """Of 140 faces in each split, all ten people say the label of 98, as faces turn by class."""
    columns = [COLUMNS.split(",").index(FERPLUS_NAMES[name]) for name in CLASS_NAMES]
    rows = []
    for usage in ("Training", "PublicTest"):
        for number in range(140):
            votes = [0] * 10
            votes[columns[(number + (number % 10 < 3)) % 7]] = 10
            rows.append(f"{usage},x.png,{','.join(map(str, votes))}")
    csv_path, votes_path = write_files(rows)
    assert len(read_ferplus(csv_path, votes_path).train) == 140
    write_votes(votes_path, [*rows[:140], *rows[142:], *rows[140:142]])
    for read in (read_ferplus, read_own_given_votes, read_votes):
        with pytest.raises(
            InputError, match="on 1?[0-9]% of the 140 faces of PublicTest"
        ) as raised:
            read(csv_path, votes_path)
    assert str(raised.value).endswith("the same rows in the same order.")


def test_few_faces_do_not_tell_whether_votes_are_in_order(write_files):
    rows = [f"{usage},x.png,0,0,0,0,0,0,0,10,0,0" for usage in 90 * ["Training"] + ["PublicTest"]]
    assert len(read_ferplus(*write_files(rows)).train) == 90


def test_csv_without_usage_is_refused(write_files):
    csv_path, votes_path = write_files(ROWS)
    lines = [line.rpartition(",")[0] for line in csv_path.read_text().splitlines()]
    csv_path.write_text("\n".join(lines) + "\n")
    for read in (read_ferplus, read_own_given_votes, read_votes):
        with pytest.raises(InputError, match=r"row 1: .*Training, .* it is none"):
            read(csv_path, votes_path)


@pytest.mark.parametrize(
    ("rows", "split"), [(ROWS[:8], "test"), (ROWS[8:], "train"), (ROWS[2:4] + ROWS[8:], "train")]
)
def test_split_without_faces_is_refused(write_files, rows, split):
    with pytest.raises(InputError, match=f"no face to {split} on"):
        read_ferplus(*write_files(rows))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "needs one column each of Usage, Image name, anger"),
        (HEADER.encode() + b"\n", "has no rows"),
        (HEADER.replace("contempt", "scorn").encode() + b"\nx", "one column each of contempt;"),
        (HEADER.encode() + b",NF\nx", "one column each of NF;"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_files_that_are_not_votes_are_refused(write_files, content, message):
    csv_path, votes_path = write_files(ROWS)
    votes_path.write_bytes(content)
    with pytest.raises(InputError, match=f"votes.csv.* {message}"):
        read_ferplus(csv_path, votes_path)


def test_absent_votes_are_refused(write_files, tmp_path):
    csv_path, _ = write_files(ROWS)
    with pytest.raises(InputError, match=r"nowhere\.csv does not exist"):
        read_ferplus(csv_path, tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_ferplus(csv_path, tmp_path)


def real_files():
    place = Path(os.environ.get("FER_KERAS_DATA") or "absent").expanduser()
    files = [
        (folder / "fer2013.csv", folder / "fer2013new.csv") for folder in (place, place / "fer2013")
    ]
    return next((pair for pair in files if all(path.is_file() for path in pair)), None)


@pytest.mark.skipif(
    real_files() is None,
    reason="FER_KERAS_DATA names no directory with fer2013.csv and fer2013new.csv",
)
def test_real_votes_lie_on_the_rows_that_they_were_cast_on():
    csv_path, votes_path = real_files()
    splits, own = read_ferplus(csv_path, votes_path), read_fer2013_csv(csv_path)
    labels = dict(zip(own.train.ids.tolist(), own.train.labels.tolist()))
    agreement = np.mean(
        [labels[i] == label for i, label in zip(splits.train.ids.tolist(), splits.train.labels)]
    )
    # One row astray, and no more than a fifth would agree by chance.
    assert agreement > 0.6
    # FER+'s own code keeps so many faces of these splits in its majority mode.
    num_public = (split_names(splits.test.ids) == "PublicTest").sum()
    assert (len(splits.train), num_public) == (25060, 3199)
    votes = read_votes(csv_path, votes_path)
    public = votes[split_names(votes.index.to_numpy(str)) == "PublicTest"]
    # With ties for the first of FER2013's classes, the plurality agrees with 64 % of the labels.
    chosen = public[list(CLASS_NAMES)].idxmax(axis=1)
    assert len(public) == 3579
    assert (chosen == public["label"]).mean() == pytest.approx(0.638, abs=5e-4)


def test_what_votes_foretell_is_how_often_they_went_with_each_label():
    """Of 100 faces that all call happy, 80 are labelled so; nothing else is known of them."""
    votes = np.repeat([[10, 0, 0], [0, 7, 3], [0, 0, 10]], (100, 100, 100), axis=0)
    labels = np.concatenate([80 * [1] + 20 * [4], 60 * [4] + 40 * [1], 100 * [2]])
    shares = label_shares(votes, labels, 5)
    assert shares.dtype == np.float32 and shares.shape == (300, 5)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert not shares[:, [0, 3]].any()
    # The regression is held back a little, so that shares lie nearer to each other than counted.
    np.testing.assert_allclose(shares[0, [1, 4]], [0.8, 0.2], atol=0.03)
    np.testing.assert_allclose(shares[100, [1, 4]], [0.4, 0.6], atol=0.03)
    np.testing.assert_allclose(shares[200, 2], 1, atol=0.03)


def test_own_labels_are_softened_by_the_votes_in_training(write_files):
    csv_path, votes_path = write_files(ROWS)
    own, splits = read_fer2013_csv(csv_path), read_own_given_votes(csv_path, votes_path)
    np.testing.assert_array_equal(splits.train.labels, own.train.labels)
    np.testing.assert_array_equal(splits.train.ids, own.train.ids)
    assert splits.test.targets is None and len(splits.test) == len(own.test)
    targets, label = splits.train.targets, np.eye(7)[own.train.labels]
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    of_label = targets[np.arange(len(label)), own.train.labels]
    assert (of_label > 0.5).all() and (np.delete(of_label, 5) < 1).all()
    np.testing.assert_array_equal(targets[5], label[5])  # FER+ gives it no name
