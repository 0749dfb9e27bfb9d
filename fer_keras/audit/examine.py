"""Read a data set and look for everything that is wrong with it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.audit.flaws import blanks, conflicts, describe, exact_copies, near_copies, pair_forms
from fer_keras.data.faces import Faces, concatenate, copy_groups
from fer_keras.data.labels import FERPLUS_COLUMNS, FERPLUS_NO_FACE, FERPLUS_UNKNOWN
from fer_keras.data.loading import checked_names, find_or_draw
from fer_keras.data.near_copies import MIN_CORRELATION, find_candidates
from fer_keras.data.readers.fer2013_csv import read_all_rows
from fer_keras.data.readers.fer_plus import IMAGE_NAME, read_ferplus
from fer_keras.data.readers.image_folder import read_all_images
from fer_keras.data.readers.raf_db import read_all_rafdb
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import project_path, require_writable
from fer_keras.utils.watching import waiting

MIN_CORRELATION_DRAWN = 0.96  # drawn faces resemble each other more than people do


@dataclass(frozen=True)
class Audit:
    """What was found in a data set; positions are those in `faces`.

    Args:
        faces: `Faces` of all splits.
        from_csv: whether they were read from the CSV, not from folders.
        name: the data set's, as in `Location.name`.
        drawn: whether the faces are drawn, because no real ones were found.
        notes: sentences of the readers: what was left out, ignored, converted.
        exact: result of `flaws.exact_copies`.
        candidates: pairs from `near_copies.find_candidates`, among distinct images with content.
        nearest: bits to the nearest hashes, from the same function.
        min_correlation: least correlation of near copies, above 0 to 1.
        near: result of `flaws.near_copies` for the pairs that are near copies.
        conflicts: result of `flaws.conflicts`.
        blanks: result of `flaws.blanks`.
        folder_faces: `Faces` of the folders, where there are a CSV and folders; else `None`.
        forms: result of `flaws.pair_forms` for both; else `None`.
        ferplus: with FER+'s votes beside the CSV, a DataFrame, one row a face: `split`, `class`,
            `ferplus` (FER+'s class; empty without a majority for an emotion), `share` (0-1, the
            winner's of all votes) and `is_face`; else `None`.
    """

    faces: Faces
    from_csv: bool
    name: str
    drawn: bool
    notes: tuple[str, ...]
    exact: pd.DataFrame
    candidates: pd.DataFrame
    nearest: pd.DataFrame
    min_correlation: float
    near: pd.DataFrame
    conflicts: pd.DataFrame
    blanks: pd.DataFrame
    folder_faces: Faces | None = None
    forms: pd.DataFrame | None = None
    ferplus: pd.DataFrame | None = None

    @property
    def near_pairs(self):
        """The candidates that are near copies."""
        return self.candidates[self.candidates["correlation"] >= self.min_correlation]

    @property
    def splits(self):
        """The splits' names, in order of appearance."""
        return list(self.exact.columns)


def examine(data=None, min_correlation=None, out="runs", class_names=None):
    """Find, read and audit a data set.

    Args:
        data: the CSV file, or a folder with it, with image folders or with RAF-DB; `None`:
            what the environment variable `FER_KERAS_DATA` names, then `data/`, then drawn faces.
        min_correlation: least correlation of near copies, above 0 to 1; `None`:
            `MIN_CORRELATION`, or `MIN_CORRELATION_DRAWN` on drawn faces.
        out: folder for drawn faces.
        class_names: names of the codes 0, 1, ... of a CSV of your own; `None`: FER2013's.

    Returns:
        An `Audit`. Its notes name single bad rows and images, which are left out.

    Raises:
        InputError: if a value is impossible, or the data is missing or cannot be read.
    """
    _check(data, min_correlation, out)
    require_writable(project_path(out))
    location, drawn = find_or_draw(data, out)
    with waiting("Reading the faces"):
        csv, folder, ferplus, notes = _read(location, class_names)
    faces = folder if csv is None else csv
    least = min_correlation or (MIN_CORRELATION_DRAWN if drawn else MIN_CORRELATION)
    empty = blanks(faces)
    candidates, nearest = _candidates(faces, empty["position"])
    near = candidates[candidates["correlation"] >= least]
    forms = None if csv is None or folder is None else pair_forms(csv, folder)
    return Audit(
        faces=faces,
        from_csv=csv is not None,
        name=location.name,
        drawn=drawn,
        notes=notes,
        exact=exact_copies(faces),
        candidates=candidates,
        nearest=nearest,
        min_correlation=least,
        near=near_copies(faces, near["first"], near["second"]),
        conflicts=conflicts(faces),
        blanks=empty,
        folder_faces=None if forms is None else folder,
        forms=forms,
        ferplus=ferplus,
    )


def _check(data, min_correlation, out):
    for name, value in {"data": data, "out": out}.items():
        if not isinstance(value, str | Path) and (name, value) != ("data", None):
            raise InputError(f"{name} is {value!r}; give a path as text.")
    least = 1 if min_correlation is None else min_correlation
    if not isinstance(least, int | float) or not 0 < least <= 1:
        raise InputError(
            f"min_correlation is {min_correlation!r}; give a number above 0 and at most 1, or None."
        )


def _read(location, class_names):
    """Return the CSV's and the folders' `Faces`, FER+'s table, each or `None`, and the notes."""
    csv = folder = ferplus = None
    notes, options = (), {}
    if class_names is not None:
        options["class_names"] = checked_names(class_names)
        if not location.csv:
            raise InputError(f"class_names name a CSV's codes; leave them out for {location.name}.")
    if location.csv:
        csv, notes = read_all_rows(location.csv, on_bad="skip", **options)
        if location.votes and not options:  # FER+ judges FER2013's classes
            try:
                ferplus = _ferplus(csv, location.csv, location.votes)
            except InputError as error:  # FER+ knows rows by their place, so that one may be bad
                if not notes:
                    raise
                notes = (*notes, f"FER+'s votes were not examined: {error}")
    if location.folder:
        folder, folder_notes = read_all_images(location.folder, on_bad="skip")
        notes += folder_notes
    elif location.raf_db:
        folder, folder_notes = read_all_rafdb(location.raf_db, on_bad="skip")
        notes += folder_notes
    return csv, folder, ferplus, notes


def _candidates(faces, empty):
    """Compare one image of each group of equal ones, without the blank ones."""
    _, firsts = np.unique(copy_groups(faces.images), return_index=True)
    kept = np.setdiff1d(firsts, empty)
    pairs, nearest = find_candidates(faces.images[kept])
    return pairs.assign(first=kept[pairs["first"]], second=kept[pairs["second"]]), nearest


def _ferplus(faces, csv_path, votes_path):
    relabelled = read_ferplus(csv_path, votes_path)  # checks that the rows of both files agree
    labels = describe(concatenate(relabelled.train, relabelled.test)).set_index("id")["class"]
    votes = pd.read_csv(votes_path, encoding="utf-8-sig", skipinitialspace=True)
    votes = votes.rename(columns=str.strip)
    counts = votes[[*FERPLUS_COLUMNS, FERPLUS_UNKNOWN, FERPLUS_NO_FACE]]
    return describe(faces)[["split", "class"]].assign(
        ferplus=labels.reindex(faces.ids).fillna("").to_numpy(),
        share=counts.max(axis=1) / counts.sum(axis=1),
        is_face=votes[IMAGE_NAME].notna(),
    )
