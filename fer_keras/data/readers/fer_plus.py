"""Read FER+: FER2013's faces with new labels, by the votes of ten people."""

import csv
import re
from dataclasses import replace
from operator import itemgetter

import numpy as np

from fer_keras.data.faces import NO_SPLIT, Splits, split_names
from fer_keras.data.labels import (
    ALL_CLASS_NAMES,
    CLASS_NAMES,
    FERPLUS_COLUMNS,
    FERPLUS_NO_FACE,
    FERPLUS_UNKNOWN,
)
from fer_keras.data.readers.fer2013_csv import divide_by_usage, read_all_rows
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import user_path

USAGE, IMAGE_NAME = "Usage", "Image name"

# The emotions in the order of ALL_CLASS_NAMES, so that the winner's place is its label.
_COLUMN_OF = {name: column for column, name in FERPLUS_COLUMNS.items()}
VOTE_COLUMNS = (*(_COLUMN_OF[name] for name in ALL_CLASS_NAMES), FERPLUS_UNKNOWN, FERPLUS_NO_FACE)
NUM_EMOTIONS = len(ALL_CLASS_NAMES)
ANSWERS = (*ALL_CLASS_NAMES, FERPLUS_UNKNOWN, FERPLUS_NO_FACE)
"""What each of `VOTE_COLUMNS` counts, with emotions by their class names."""
VOTES_OF_A_ROW = re.compile(",".join(len(VOTE_COLUMNS) * ["[0-9]{1,3}"]))

UNKNOWN, NO_FACE, UNDECIDED = range(NUM_EMOTIONS, NUM_EMOTIONS + 3)
"""Outcomes of a vote beside the labels: columns 8 and 9 of the votes, and no majority."""

MIN_DECIDED, MIN_AGREEMENT, USUAL_AGREEMENT = 100, 0.4, 0.67
"""Of so many decided faces, labels and votes must agree on the first share; FER2013 has the second.

With votes in another order they agree on 0.18."""

MEND = "give two files with the same rows in the same order."


def read_ferplus(csv_path, votes_path, soft=False):
    """Read FER2013's CSV file with FER+'s labels in place of its own.

    A face's label is the emotion with more than half of the votes, after columns with a single
    vote were dropped as noise: FER+'s own majority (Barsoum et al., 2016, and microsoft/FERPlus).
    Rows are left out where the picture is not a face (no image name, or most say `NF`), where
    most say `unknown`, and where nothing has more than half.

    Args:
        csv_path: FER2013's CSV file, as for `read_all_rows`, with a `Usage` column.
        votes_path: FER+'s `fer2013new.csv`, with the rows of `csv_path` in the same order.
        soft: whether the training faces carry `targets`: the shares of all eight emotions in the
            votes that are left. (FER+'s cross-entropy takes the strongest only, up to three.)
            Training then keeps faces without a majority, too, labelled by the most votes; and so
            does validation, which is cut out of it.

    Returns:
        `Splits` as of `read_fer2013_csv`, with the classes `ALL_CLASS_NAMES`; notes count the
        rows left out, by reason.

    Raises:
        InputError: if a file or row cannot be read, the two files do not have the same rows, or
            no face is left to train or to test on.
    """
    faces, _, counts, has_name = _read_both(csv_path, votes_path)
    usages = split_names(faces.ids)
    counts, outcomes = _counted(counts, has_name)
    votes, parts = counts[:, :NUM_EMOTIONS], []
    if soft:
        # What people disagree on is no label to test by, but their votes are still to be learnt.
        is_learnt = (usages == "Training") & (outcomes == UNDECIDED) & votes.any(axis=1)
        outcomes = np.where(is_learnt, votes.argmax(axis=1), outcomes)
    for split, is_part in (("train", usages == "Training"), ("test", usages != "Training")):
        kept = is_part & (outcomes < NUM_EMOTIONS)
        if not kept.any():
            raise InputError(f"{votes_path} leaves no face to {split} on; give the complete files.")
        new = {"labels": outcomes[kept], "class_names": ALL_CLASS_NAMES}
        if soft and split == "train":
            shares = votes[kept] / votes[kept].sum(axis=1, keepdims=True)
            new["targets"] = shares.astype(np.float32)
        parts.append(replace(faces.select(kept), **new))
    notes = _notes(outcomes, usages)
    if soft and is_learnt.any():
        notes += (
            f"FER+'s votes on {is_learnt.sum():,} training faces have no majority: the most votes "
            "label them, and the share of them that validation gets counts in its accuracy.",
        )
    return Splits(*parts, notes=notes)


def read_own_given_votes(csv_path, votes_path):
    """Read FER2013's CSV file; train on labels softened by the votes.

    FER2013's label of a face is one searcher's word, and what ten people see in the face foretells
    it for 69 of 100. Training on the mean of both hides what only that searcher saw.

    Args:
        csv_path: as for `read_ferplus`.
        votes_path: as for `read_ferplus`.

    Returns:
        `Splits` as of `read_fer2013_csv`. A training face's `targets` are the mean of its label
        and of `label_shares`; of a picture that FER+ does not name, the label alone.

    Raises:
        InputError: if a file or row cannot be read, or the two files do not have the same rows.
    """
    faces, notes, counts, has_name = _read_both(csv_path, votes_path)
    splits = divide_by_usage(faces, notes, csv_path)
    places = np.flatnonzero(split_names(faces.ids) == "Training")
    counts, has_name, labels = counts[places], has_name[places], splits.train.labels
    own = np.eye(len(CLASS_NAMES), dtype=np.float32)[labels]
    shares = own.copy()
    if len(np.unique(labels[has_name])) > 1:
        shares[has_name] = label_shares(counts[has_name], labels[has_name], len(CLASS_NAMES))
    return replace(splits, train=replace(splits.train, targets=(own + shares) / 2))


def label_shares(votes, labels, num_classes):
    """Return each label's probability, given the votes on a face.

    A multinomial logistic regression on `answer_shares`: about 200 numbers, too few to learn single
    faces by.

    Args:
        votes: int array `(faces, answers)`.
        labels: int array `(faces,)`, at least two classes.
        num_classes: number of classes.

    Returns:
        A float32 array `(faces, num_classes)`, 0-1, rows summing to 1.
    """
    from sklearn.linear_model import LogisticRegression  # here, as pandas below
    from threadpoolctl import threadpool_limits

    # Faces that people saw alike and that bear one label count as one, so often: a quarter.
    alike, counts = np.unique(np.column_stack([votes, labels]), axis=0, return_counts=True)
    regression = LogisticRegression(solver="newton-cholesky")
    with threadpool_limits(1):  # for such small matrices threads only wait for each other
        regression.fit(answer_shares(alike[:, :-1]), alike[:, -1], sample_weight=counts)
    found = np.zeros((len(labels), num_classes), np.float32)
    found[:, regression.classes_] = regression.predict_proba(answer_shares(votes))
    return found


def answer_shares(votes):
    """Return votes as numbers that labels can be foretold from.

    Args:
        votes: int array `(faces, answers)`.

    Returns:
        A float array `(faces, 3 * answers)`, 0-1: the shares of the answers, their square roots,
        and which were given at all.
    """
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return np.hstack([shares, np.sqrt(shares), votes > 0])


def read_votes(csv_path, votes_path):
    """Read the votes on FER2013's rows, and leave its labels as they are.

    Args:
        csv_path: FER2013's CSV file, as for `read_all_rows`, with a `Usage` column.
        votes_path: FER+'s `fer2013new.csv`, with the rows of `csv_path` in the same order.

    Returns:
        A DataFrame, one row a picture that FER+ names, by its `id` in `csv_path`: `label`
        (FER2013's class) and the numbers of votes for each of `ANSWERS`. FER+ leaves the name out
        where a picture is not a face.

    Raises:
        InputError: if a file or row cannot be read, or the two files do not have the same rows.
    """
    import pandas as pd  # here, because reading faces should not cost a quarter of a second

    faces, _, counts, has_name = _read_both(csv_path, votes_path)
    votes = pd.DataFrame(counts, pd.Index(faces.ids, name="id"), ANSWERS)
    votes.insert(0, "label", np.array(faces.class_names)[faces.labels])
    return votes[has_name]


def _read_both(csv_path, votes_path):
    """Return faces, notes, the votes as int `(n, 10)`, and whether FER+ names the picture."""
    faces, notes = read_all_rows(csv_path)
    counts, vote_usages, has_name = _read_votes(user_path(votes_path))
    usages = split_names(faces.ids)
    _check_rows(usages, vote_usages, csv_path, votes_path)
    _check_order(faces.labels, _counted(counts, has_name)[1], usages, csv_path, votes_path)
    return faces, notes, counts, has_name


def _counted(counts, has_name):
    """Return the votes without single ones, and each row's label or other outcome."""
    counts = np.where(counts > 1, counts, 0)
    has_majority = 2 * counts.max(axis=1) > counts.sum(axis=1)
    outcomes = np.where(has_majority, counts.argmax(axis=1), UNDECIDED)
    return counts, np.where(has_name, outcomes, NO_FACE)


def _notes(outcomes, usages):
    """Return a sentence for each split that rows are left out of."""
    notes = []
    for usage in dict.fromkeys(usages.tolist()):
        here = outcomes[usages == usage].tolist()
        no_face, unknown, undecided = map(here.count, (NO_FACE, UNKNOWN, UNDECIDED))
        if left_out := no_face + unknown + undecided:
            notes.append(
                f"FER+ left out {left_out} of {len(here)} rows of {usage}: {no_face} not a face, "
                f"{unknown} of unknown emotion, {undecided} without a majority of the votes."
            )
    return tuple(notes)


def _check_rows(usages, vote_usages, csv_path, votes_path):
    if len(usages) != len(vote_usages):
        raise InputError(
            f"{votes_path} has {len(vote_usages)} rows where {csv_path} has {len(usages)}; {MEND}"
        )
    for row in np.flatnonzero(usages != vote_usages)[:1]:
        usage = "none" if usages[row] == NO_SPLIT else usages[row]
        raise InputError(
            f"{votes_path}, row {row + 1}: the Usage is {vote_usages[row]}, and in {csv_path} "
            f"it is {usage}; {MEND}"
        )


def _check_order(labels, outcomes, usages, csv_path, votes_path):
    """Refuse votes that agree with the labels no better than those on other faces would."""
    for usage in dict.fromkeys(usages.tolist()):
        is_decided = (usages == usage) & (outcomes < NUM_EMOTIONS)
        agreement = np.mean(labels[is_decided] == outcomes[is_decided]) if is_decided.any() else 0
        if is_decided.sum() >= MIN_DECIDED and agreement < MIN_AGREEMENT:
            raise InputError(
                f"{votes_path} agrees with the labels of {csv_path} on {agreement:.0%} of the "
                f"{is_decided.sum():,} faces of {usage} that it decides, where FER2013 has about "
                f"{USUAL_AGREEMENT:.0%}; {MEND}"
            )


def _read_votes(path):
    """Return the votes (`VOTE_COLUMNS`, int `(n, 10)`), usages, and whether a name is there."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{path} {what}; give the path of FER+'s fer2013new.csv.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [[word.strip() for word in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); download the file again.") from error
    header, *rows = rows or [[]]
    missing = [name for name in (USAGE, IMAGE_NAME, *VOTE_COLUMNS) if header.count(name) != 1]
    if missing or not rows:
        what = f"needs one column each of {', '.join(missing)}" if missing else "has no rows"
        raise InputError(f"{path} {what}; give FER+'s fer2013new.csv.")
    votes_of = itemgetter(*map(header.index, VOTE_COLUMNS))
    for number, row in enumerate(rows, 1):
        if len(row) != len(header) or not VOTES_OF_A_ROW.fullmatch(",".join(votes_of(row))):
            raise InputError(
                f"{path}, row {number}: {','.join(row)[:80]!r} does not hold {len(header)} cells "
                "with a number of votes in each column; mend the row or download the file again."
            )
    named, usage = header.index(IMAGE_NAME), header.index(USAGE)
    counts = np.array([[*map(int, votes_of(row))] for row in rows])
    has_name = np.array([row[named] != "" for row in rows])
    return counts, np.array([row[usage] for row in rows]), has_name
