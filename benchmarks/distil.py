"""Train one network on what teachers say of faces that they did not learn.

    python benchmarks/distil.py DIR OUT [--at-once N] [--seeds N]

DIR holds FER2013's CSV and FER+'s votes. Five folds of Training are each held back from teachers
that learn the rest (`TEACHERS`). What these teachers see in a face, and what ten people see in it,
predict its label by a regression. A student (`STUDENTS`) learns half the label and half what is
predicted. The faces that choose a student's epoch teach no one. No student so taught is shown to
be better than `best`; LOG.md has the figures. Finished runs are read back, so a call that was
stopped goes on. It takes about four hours on two cores, or ten minutes on a GPU with eight
trainings at a time (`--at-once 8`).

OUT gets a run directory for each training, and `soft_targets.npz`: what was predicted.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import fer_keras as fk
from fer_keras.comparison.catalogue import recipe
from fer_keras.comparison.run import fit
from fer_keras.data.faces import Splits, copy_groups
from fer_keras.data.readers.fer_plus import ANSWERS, answer_shares, read_votes
from fer_keras.data.readers.locate import find_data
from fer_keras.data.splitting import cut_validation
from fer_keras.utils.files import whole_file

FOLDS = 5
TEACHING = {
    "labels": "own_given_votes",
    "label_smoothing": 0.0,
    "corruption": 0.0,
    "validation_fraction": 0.0,
}
"""Changes of the teachers' recipes: all learn, to the last epoch, half what the votes predict."""

LARGE = {"batch_size": 256, "learning_rate": 0.2}
TEACHERS = {
    "conv7_bn": recipe("best", **TEACHING, **LARGE, mixup=0.2, epochs=50),
    "conv7_bn-1": recipe("best", **TEACHING, **LARGE, mixup=0.2, epochs=50, seed=1),
    "efficientnet_lite0": recipe("efficientnet_lite0", **TEACHING, batch_size=128, epochs=12),
}
"""Name -> recipe of a teacher; each is trained once for each fold."""

STUDYING = {"label_smoothing": 0.0, "batch_size": 128, "learning_rate": 0.15, "epochs": 100}
STUDENTS = {
    "clear": recipe("best", **STUDYING, corruption=0.0, mixup=0.2),
    "corrupted": recipe("best", **STUDYING, corruption=0.25),
}
"""Name -> recipe of a student."""


def read(data):
    """Return FER2013's faces; the validation faces, which teach no one, are cut out."""
    splits = fk.load_data(data, storage="csv", labels=TEACHING["labels"])
    return cut_validation(splits, STUDENTS["clear"].validation_fraction, seed=0)


def folds_of(faces):
    """Return the fold of each face, copies in one fold."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = np.empty(len(faces), int)
    division = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    parts = division.split(faces.labels, faces.labels, copy_groups(faces.images))
    for fold, (_, held) in enumerate(parts):
        folds[held] = fold
    return folds


def taught_fold(data, out, name, fold):
    """Train a teacher on the other folds; return what it says of this one, over ten views."""
    splits = read(data)
    held = folds_of(splits.train) == fold
    parts = Splits(splits.train.select(~held), splits.train.select(held))
    run = _logged(TEACHERS[name], parts, out / "teachers" / f"{name}-fold{fold}")
    return run.augmented_predictions.probabilities


def predicted_labels(faces, said, votes):
    """Return what teachers and people predict each face's label to be.

    Args:
        faces: the training `Faces`.
        said: probabilities `(teachers, faces, classes)`, of faces that a teacher did not learn.
        votes: what `read_votes` returned.

    Returns:
        Probabilities `(faces, classes)`, float32, by a logistic regression.
    """
    from sklearn.linear_model import LogisticRegression

    counts = votes[[*ANSWERS]].reindex(faces.ids, fill_value=0).to_numpy()
    seen = np.hstack([*_logarithms(said), answer_shares(counts)])
    regression = LogisticRegression(solver="newton-cholesky").fit(seen, faces.labels)
    return regression.predict_proba(seen).astype(np.float32)


def taught_student(data, out, name, seed):
    """Train a student; return a line on it."""
    splits, soft = read(data), np.load(out / "soft_targets.npz")["probabilities"]
    own = np.eye(len(splits.train.class_names), dtype=np.float32)[splits.train.labels]
    splits = replace(splits, train=replace(splits.train, targets=(own + soft) / 2))
    place = out / "students" / f"{name}-seed{seed}"
    run = _logged(STUDENTS[name].changed(seed=seed), splits, place)
    found = run.validation_predictions
    return f"{place.name}: validation {np.mean(found.is_right):.4f}"


def _logged(its_recipe, splits, directory):
    directory.parent.mkdir(parents=True, exist_ok=True)
    with open(directory.with_suffix(".log"), "a") as log, redirect_stdout(log):
        return fit(its_recipe, splits, directory, directory.name)


def main(data, out, at_once, seeds):
    """Train the teachers, write what was predicted, and train the students."""
    faces, location = read(data).train, find_data(data)
    folds = folds_of(faces)
    with ProcessPoolExecutor(at_once, get_context("spawn")) as pool:
        running = {
            (name, fold): pool.submit(taught_fold, data, out, name, fold)
            for fold in range(FOLDS)
            for name in reversed(TEACHERS)
        }
        said = np.empty((len(TEACHERS), len(faces), len(faces.class_names)), np.float32)
        for (name, fold), each in running.items():
            said[[*TEACHERS].index(name), folds == fold] = each.result()
        soft = predicted_labels(faces, said, read_votes(location.csv, location.votes))
        _report(faces, said, soft)
        with whole_file(out / "soft_targets.npz") as part, open(part, "wb") as file:
            np.savez_compressed(file, ids=faces.ids, probabilities=soft, said=said)
        running = [
            pool.submit(taught_student, data, out, name, seed)
            for seed in range(seeds)
            for name in STUDENTS
        ]
        for each in running:
            print(each.result(), flush=True)


def _report(faces, said, soft):
    mean = np.mean(_logarithms(said), axis=0)
    for name, probabilities in {**dict(zip(TEACHERS, said)), "all teachers": mean}.items():
        right = np.mean(probabilities.argmax(axis=1) == faces.labels)
        print(f"{name}: {right:.4f} of {len(faces):,} faces that they did not learn", flush=True)
    right = np.mean(soft.argmax(axis=1) == faces.labels)
    print(f"with people: {right:.4f} of the faces that the regression learnt", flush=True)


def _logarithms(probabilities):
    return np.log(np.clip(probabilities, 1e-6, 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        sys.exit(main(given.data, given.out, given.at_once, given.seeds))
    except fk.InputError as error:
        sys.exit(str(error))
