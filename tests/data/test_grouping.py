"""Persons and sequences: told by a table or file names, on one side of every division."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import textured
from PIL import Image

from fer_keras.comparison.prepare import prepared
from fer_keras.data.faces import Faces, Splits, concatenate
from fer_keras.data.grouping import groups_of
from fer_keras.data.loading import load_data
from fer_keras.data.splitting import cut_validation
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

PERSONS, SHOTS, CLASSES = 10, 3, ("calm", "tense")
PATTERN = r"^(P\d)_"


@pytest.fixture(scope="module")
def posed(tmp_path_factory):
    """Bare class folders of 60 pictures: each of ten persons posed each class three times."""
    place, pictures = tmp_path_factory.mktemp("posed"), iter(textured(60))
    for name in CLASSES:
        (place / name).mkdir()
        for person in range(PERSONS):
            for shot in range(SHOTS):
                Image.fromarray(next(pictures)).save(place / name / f"P{person}_{shot}.png")
    return place


def persons(faces):
    return {name.rsplit("/", 1)[1].partition("_")[0] for name in faces.ids.tolist()}


def divided(posed, tmp_path, shared=()):
    """The same pictures as train/ and test/, with P0 and P1 in test/ and `shared` in both."""
    for path in posed.glob("*/*.png"):
        person = path.name.partition("_")[0]
        sides = ["test"] if person in ("P0", "P1") else ["train"]
        for side in [*sides, "train"] if person in shared else sides:
            (tmp_path / side / path.parent.name).mkdir(parents=True, exist_ok=True)
            # Shots differ between the sides, so that no picture is an exact copy.
            picture = np.array(Image.open(path)) ^ (1 if side == "test" else 0)
            Image.fromarray(picture).save(tmp_path / side / path.parent.name / path.name)
    return tmp_path


@pytest.mark.parametrize("seed", range(5))
def test_a_random_division_keeps_a_person_on_one_side(posed, seed):
    splits = load_data(posed, division="random", group_by=PATTERN, seed=seed)
    assert persons(splits.train).isdisjoint(persons(splits.test))
    assert len(splits.test) == 12 and splits.test.class_counts().tolist() == [6, 6]
    cut = cut_validation(splits, 0.25, seed)
    assert persons(cut.train).isdisjoint(persons(cut.validation))
    assert cut.validation.class_counts().tolist() == [6, 6] and len(cut.train) == 36
    assert not persons(load_data(posed, division="random", seed=seed).train).isdisjoint(
        persons(load_data(posed, division="random", seed=seed).test)
    )


def test_the_seed_fixes_who_is_tested(posed):
    tested = [
        persons(load_data(posed, division="random", group_by=PATTERN, seed=seed).test)
        for seed in (0, 0, *range(1, 6))
    ]
    assert tested[0] == tested[1] and len(set(map(frozenset, tested))) > 2


def test_a_table_in_the_folder_needs_no_pattern(posed, tmp_path):
    place = divided(posed, tmp_path)
    names = sorted(persons(load_data(place).train) | persons(load_data(place).test))
    rows = [
        f"{path.relative_to(place).as_posix()},{path.name[:2]}" for path in place.rglob("*.png")
    ]
    (place / "groups.csv").write_text("\n".join(["file,group", *rows]) + "\n")
    splits = load_data(place)
    assert len(names) == PERSONS and len(np.unique(splits.test.groups)) == 2
    assert len(np.unique(splits.train.groups)) == 8
    assert set(splits.train.groups.tolist()).isdisjoint(splits.test.groups.tolist())


def test_persons_who_are_tested_and_learnt_are_counted_in_a_note(posed, tmp_path):
    def note(shared):
        place = divided(posed, tmp_path / f"with{len(shared)}", shared)
        _, cut = prepared(Recipe(), load_data(place, group_by=PATTERN))
        return cut.notes[-1]

    assert "12 test images are of 2 groups" in note(()) and "none is in training" in note(())
    assert "of which 1 is in training or validation, too: scores" in note(("P1",))
    assert load_data(tmp_path / "with1").test.groups is None


def test_images_without_a_group_count_alone(posed):
    splits = load_data(posed, division="random", group_by=r"^(P0)_")
    sides = [persons(part) for part in (splits.train, splits.test)]
    assert sum("P0" in side for side in sides) == 1 and len(sides[0] & sides[1]) > 4


def test_groups_count_once_with_their_exact_copies(posed):
    faces = load_data(posed, division="random", group_by=PATTERN).train
    assert len(np.unique(groups_of(faces))) == 8 == len(persons(faces))
    images = faces.images.copy()
    first, other = (np.flatnonzero(faces.groups == group)[0] for group in (0, 1))
    images[other] = images[first]
    assert len(np.unique(groups_of(replace(faces, images=images)))) == 7
    assert len(np.unique(groups_of(replace(faces, groups=None)))) == len(faces)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^(P)", r"By the pattern \^\(P\), all 60 images such as .* are of one group"),
        ("[", "is no regular expression"),
        (7, "The pattern of file names is 7; give a text"),
    ],
)
def test_a_pattern_that_tells_nobody_apart_is_refused(posed, pattern, message):
    with pytest.raises(InputError, match=message):
        load_data(posed, division="random", group_by=pattern)


def test_a_class_of_one_person_cannot_be_divided():
    labels = np.repeat([0, 0, 1], 4)
    ids = np.array([f"all/{number}" for number in range(12)])
    groups = np.repeat([0, 1, 2], 4)
    faces = Faces(textured(12), labels, ids, CLASSES, groups=groups)
    splits = Splits(faces, faces)
    cut = cut_validation(splits, 0.3, 0)
    assert set(cut.validation.groups.tolist()) < {0, 1}  # 2 alone is tense, and stays
    alone = replace(faces, groups=np.where(labels == 0, 0, 2))
    with pytest.raises(InputError, match="12 faces of 2 groups .* cannot be divided"):
        cut_validation(Splits(alone, alone), 0.3, 0)


def test_groups_follow_their_faces_and_must_fit():
    faces = Faces(
        textured(4), np.array([0, 1, 0, 1]), np.array(list("abcd")), CLASSES, groups=np.arange(4)
    )
    assert faces.select([3, 1]).groups.tolist() == [3, 1]
    assert concatenate(faces, faces).groups.tolist() == [0, 1, 2, 3] * 2
    with pytest.raises(ValueError, match="Only one of the two parts has groups"):
        concatenate(faces, replace(faces, groups=None))
    for groups, message in (
        (np.arange(3), "4 images need 4 groups"),
        (np.ones(4), "Groups are of type float64"),
        ([0, 1, 2, 3], "Groups are of type list"),
    ):
        with pytest.raises(InputError, match=message):
            replace(faces, groups=groups)
