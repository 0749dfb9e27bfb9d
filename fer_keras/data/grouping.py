"""Groups of images that count as one: persons, sequences, copies."""

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

from fer_keras.data.readers.listing import GROUPS_NAME
from fer_keras.utils.errors import InputError


def join_groups(*groupings):
    """Return the groups of images that any of several groupings puts together.

    Args:
        *groupings: int arrays `(n,)`, equal for images of one group.

    Returns:
        An int array `(n,)`: images share a number if a chain of common groups links them. Numbers
        count up from 0 in order of first appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    images = np.arange(len(groupings[0]))
    links = []
    for groups in groupings:
        _, first, places = np.unique(groups, return_index=True, return_inverse=True)
        links.append(first[places])
    ends = np.tile(images, len(links)), np.concatenate(links)
    graph = coo_array((np.ones(len(ends[0])), ends), (len(images), len(images)))
    return numbered(connected_components(graph, directed=False)[1].tolist())


def read_groups(directory, files):
    """Return the groups that `groups.csv` in a data set's folder gives.

    Args:
        directory: the `Path` of the folder, with or without such a file, which has the columns
            `file` (a path in the folder, or a name alone) and `group`.
        files: list of n paths of images, relative to the folder, with slashes.

    Returns:
        A list of n texts, `None` for an image that the table does not name or gives no group; or
        `None` without a table.

    Raises:
        InputError: if the table cannot be read, lacks a column, gives a file two groups, names no
            image, or gives a name alone that several images have.
    """
    table = Path(directory) / GROUPS_NAME
    if not table.is_file():
        return None
    try:
        with open(table, newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns, rows = reader.fieldnames or (), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} is no CSV file in UTF-8 ({error}); save it as one.") from error
    if not {"file", "group"} <= {*columns}:
        raise InputError(
            f"{table} has the columns {', '.join(columns)}; it needs the columns file and group."
        )
    group_of = {}
    for number, row in enumerate(rows, 1):
        name = _composed((row["file"] or "").strip().removeprefix("./"))
        group = (row["group"] or "").strip() or None
        if group_of.setdefault(name, group) != group:
            raise InputError(f"{table} gives {name} two groups, at row {number}; give one.")
    files = [_composed(file) for file in files]
    bare = Counter(file.rsplit("/", 1)[-1] for file in files)
    if shared := next((name for name in group_of if bare[name] > 1), None):
        raise InputError(
            f"{table} names {shared}, and {bare[shared]:,} images are called so; give their paths "
            f"in {directory}."
        )
    groups = [group_of.get(file, group_of.get(file.rsplit("/", 1)[-1])) for file in files]
    if not any(groups):
        raise InputError(
            f"{table} names none of the {len(files):,} images, such as {files[0]}; give their "
            f"paths in {directory}, or their names alone."
        )
    return groups


def groups_by_pattern(pattern, files):
    """Return the groups that the names of files give.

    Args:
        pattern: a regular expression, searched in a file's name; its first group in parentheses
            names the person or sequence.
        files: list of n paths of images, with slashes.

    Returns:
        A list of n texts, `None` where the pattern is not found or its group is empty.

    Raises:
        InputError: if the pattern is none, or has no group.
    """
    try:
        expression = re.compile(_composed(pattern))
    except re.error as error:
        raise InputError(f"{pattern!r} is no regular expression: {error}.") from error
    if not expression.groups:
        raise InputError(
            f"The pattern {pattern!r} has no group in parentheses; put the part of a file's name "
            "that names the person or sequence in parentheses."
        )
    found = [expression.search(_composed(file.rsplit("/", 1)[-1])) for file in files]
    return [(match and match[1]) or None for match in found]


def _composed(name):
    """Return a name with composed letters: Macs and some archives spell é as e and an accent."""
    return unicodedata.normalize("NFC", name)


def numbered(groups):
    """Return groups as numbers, from 0 in order of first appearance.

    Args:
        groups: list of n names; an image with `None` is a group of its own.

    Returns:
        An int array `(n,)`, equal for images of one group.
    """
    numbers = {}
    keys = [(place,) if group is None else group for place, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], int)
