"""Groups of images that count as one: persons, sequences, copies."""

import csv
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_keras.data.faces import copy_groups
from fer_keras.data.readers.listing import GROUPS_NAME, list_images
from fer_keras.utils.errors import InputError


def with_groups(parts, folder, group_by=None):
    """Give faces the groups that a table or the names of their files say.

    Args:
        parts: list of `Faces` that were read from one folder.
        folder: the `Path` of this folder, where a `groups.csv` may lie; `None`: no files are known.
        group_by: a pattern, as for `groups_by_pattern`, which counts where there is no table.

    Returns:
        The list of `Faces`, with `groups` where any has one; a text that names what gave them,
        such as `groups.csv`, empty without groups; and how many faces are a group alone because
        it names none for them.

    Raises:
        InputError: if the table or pattern is bad, or puts all faces of a part into one group.
    """
    has_table = folder is not None and (folder / GROUPS_NAME).is_file()
    if folder is None or not (has_table or group_by):
        return parts, "", 0
    files = _files(np.concatenate([part.ids for part in parts]).tolist(), folder)
    named, how = read_groups(folder, files), GROUPS_NAME
    if named is None:
        named, how = groups_by_pattern(group_by, files), f"the pattern {group_by}"
    if not any(named):
        return parts, "", 0
    ends = np.cumsum([len(part) for part in parts])[:-1]
    found = np.split(numbered(named), ends)
    for part, groups in zip(parts, found):
        if len(part) > 1 and len(np.unique(groups)) == 1:
            raise InputError(
                f"By {how}, all {len(part):,} images such as {part.ids[0]} are of one group; name "
                "the persons or sequences in it."
            )
    grouped = [replace(part, groups=own) for part, own in zip(parts, found)]
    return grouped, how, named.count(None)


def groups_of(faces):
    """Return which faces count as one: those of a group, and exact copies.

    Args:
        faces: `Faces`.

    Returns:
        An int array `(n,)`, equal for faces that count as one, from 0 in order of appearance.
    """
    copies = copy_groups(faces.images)
    return copies if faces.groups is None else join_groups(copies, faces.groups)


def join_groups(*groupings):
    """Return the groups of images that any of several groupings puts together.

    Args:
        *groupings: int arrays `(n,)`, equal for images of one group.

    Returns:
        An int array `(n,)`: images share a number if a chain of common groups links them. Numbers
        count up from 0 in order of first appearance.
    """
    # Here, because data without groups should not cost a quarter of a second.
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
        InputError: if the pattern is no regular expression, or has no group.
    """
    if not isinstance(pattern, str):
        raise InputError(f"The pattern of file names is {pattern!r}; give a text.")
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


def _files(ids, folder):
    """Return where each face lies in its folder; else what its id says after the split."""
    try:
        train, test, _ = list_images(folder)
    except InputError:  # RAF-DB's folders are no classes
        train, test = (), ()
    path_of = {name: Path(path).relative_to(folder).as_posix() for path, _, name in (*train, *test)}
    return [path_of.get(name, name.split("/", 1)[1]) for name in ids]


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
