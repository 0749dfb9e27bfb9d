"""Find copies, conflicts and blanks; compare two storage forms."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_keras.data.faces import copy_groups, split_names
from fer_keras.data.pairing import pair_images

NEARLY_BLANK = 5.0
"""Standard deviation, in grey levels, below which an image is nearly blank.

FER2013's faintest face has 9; images below 5 show nothing.
"""


def describe(faces):
    """Return what is known of each face without its pixels.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame of texts, one row a face in their order: `id`, `split` and `class`.
    """
    classes = np.array(faces.class_names)[faces.labels]
    return pd.DataFrame({"id": faces.ids, "split": split_names(faces.ids), "class": classes})


def split_columns(faces):
    """Mark each face's own split.

    Args:
        faces: `Faces`.

    Returns:
        A boolean DataFrame, one row a face, one column a split, in order of appearance.
    """
    splits = split_names(faces.ids)
    return pd.DataFrame({name: splits == name for name in dict.fromkeys(splits.tolist())})


def exact_copies(faces):
    """Count each image's exact copies in each split, without itself.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame of ints, one row a face in their order, one column a split.
    """
    own = split_columns(faces).astype(int)
    return own.groupby(copy_groups(faces.images)).transform("sum") - own


def near_copies(faces, first, second):
    """Find the splits that hold a near copy of each image.

    Exact copies of an image have the same near copies.

    Args:
        faces: `Faces`.
        first: int array `(p,)`, positions of the first image of each pair.
        second: int array `(p,)`, positions of the second.

    Returns:
        A boolean DataFrame, one row a face in their order, one column a split.
    """
    groups = copy_groups(faces.images)
    held = split_columns(faces).groupby(groups).any()
    here, there = groups[np.r_[first, second]], groups[np.r_[second, first]]
    near = held.loc[there].groupby(here).any()
    return near.reindex(groups, fill_value=False).reset_index(drop=True)


def conflicts(faces):
    """Find identical images with different labels, in any splits.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `group`, from 1, `position` in `faces`, `id`, `split` and
        `class`.
    """
    groups = copy_groups(faces.images)
    table = describe(faces)
    table.insert(0, "position", np.arange(len(faces)))
    found = table[table.groupby(groups)["class"].transform("nunique") > 1]
    found.insert(0, "group", pd.factorize(groups[found.index])[0] + 1)
    return found.sort_values(["group", "position"], ignore_index=True)


def blanks(faces):
    """Find images that show nothing.

    Args:
        faces: `Faces`.

    Returns:
        A DataFrame, one row an image: `position` in `faces`, `id`, `split`, `class`, `kind`
        (`blank`: all pixels are equal; `nearly blank`: their standard deviation is below
        `NEARLY_BLANK`), `level` (mean) and `deviation` (standard), both in grey levels.
    """
    deviations = np.array([image.std() for image in faces.images])
    found = np.flatnonzero(deviations < NEARLY_BLANK)
    table = describe(faces.select(found)).assign(
        kind=np.where(deviations[found] == 0, "blank", "nearly blank"),
        level=faces.images[found].mean(axis=(1, 2)),
        deviation=deviations[found],
    )
    table.insert(0, "position", found)
    return table


def pair_forms(first, second):
    """Pair two storage forms of a data set by their pixels.

    Images are paired within Training and the rest, and within each class; then those left over,
    whatever their split and class.

    Args:
        first: `Faces` of all splits.
        second: `Faces`; splits other than `Training` may have other names.

    Returns:
        A DataFrame, one row a pair: `first` and `second`, positions; `distance`, rms grey levels;
        `split`, `class`, `second_split` and `second_class`.
    """
    names = tuple(dict.fromkeys([*first.class_names, *second.class_names]))
    close = pair_images(_by_part(first, names), _by_part(second, names))
    left = np.delete(np.arange(len(first)), close.first)
    second_left = np.delete(np.arange(len(second)), close.second)
    rest = pair_images(
        _without_class(first.select(left)), _without_class(second.select(second_left))
    )
    one = np.r_[close.first, left[rest.first]]
    two = np.r_[close.second, second_left[rest.second]]
    pairs = pd.DataFrame(
        {"first": one, "second": two, "distance": np.r_[close.distances, rest.distances]}
    )
    names = {"split": "second_split", "class": "second_class"}
    described = describe(first.select(one)), describe(second.select(two)).rename(columns=names)
    return pairs.join([table.drop(columns="id") for table in described])


def _by_part(faces, names):
    """Return the faces with a class of its own for each of `names` in Training and elsewhere."""
    labels = np.array([names.index(name) for name in faces.class_names])[faces.labels]
    in_training = split_names(faces.ids) == "Training"
    return replace(faces, labels=labels + len(names) * in_training, class_names=2 * names)


def _without_class(faces):
    return replace(faces, labels=np.zeros_like(faces.labels))
