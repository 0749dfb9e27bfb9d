"""The audit of a data set from end to end: what is examined, and what is said about it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.audit.flaws import blanks, conflicts, exact_copies, near_copies, pair_forms
from fer_keras.audit.near_copies import MIN_CORRELATION, Candidates, find_candidates
from fer_keras.data.faces import Faces, concatenate, copy_groups, split_names
from fer_keras.data.labels import FERPLUS_COLUMNS, FERPLUS_NO_FACE, FERPLUS_UNKNOWN
from fer_keras.data.loading import find_or_draw_data, require_paths
from fer_keras.data.readers.fer2013_csv import read_all_rows
from fer_keras.data.readers.fer_plus import IMAGE_NAME, read_ferplus
from fer_keras.data.readers.image_folder import read_image_folder
from fer_keras.reporting import audit_tables
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text

MIN_CORRELATION_DRAWN = 0.96
"""For drawn faces, which one program made and which so resemble each other more than people do."""


@dataclass(frozen=True)
class Settings:
    """What a user can set about the audit.

    Args:
        data: folder with the CSV and/or the image folders, or the CSV file; empty: the
            environment variable `FER_KERAS_DATA`, then `data/`, then drawn faces.
        min_correlation: least correlation of near copies, 0-1; `None`: `MIN_CORRELATION`, or
            `MIN_CORRELATION_DRAWN` on drawn faces.
        output: folder for the tables and figures.

    Raises:
        InputError: if a value is impossible.
    """

    data: str = ""
    min_correlation: float | None = None
    output: str = "runs"

    def __post_init__(self):
        require_paths(self)
        least = self.min_correlation
        if least is not None and not (isinstance(least, int | float) and 0 < least <= 1):
            raise InputError(
                f"min_correlation is {least!r}; give a number above 0 and at most 1, or None."
            )


@dataclass(frozen=True)
class Audit:
    """What was found, for tables and figures. Positions are those in `faces`.

    Args:
        faces: all `Faces`.
        from_csv: whether they were read from the CSV, else from folders.
        drawn: whether the faces are drawn, for want of real ones.
        notes: sentences of the readers: what was left out, ignored, converted.
        exact: what `audit.exact_copies` returned.
        candidates: `Candidates` among the images that differ and show something.
        min_correlation: least correlation of those that are near copies.
        near: what `audit.near_copies` returned for them.
        conflicts: what `audit.conflicts` returned.
        blanks: what `audit.blanks` returned.
        folder_faces: the folders' `Faces`, where there are a CSV and folders.
        forms: what `audit.pair_forms` returned for both.
        ferplus: one row a face, where FER+'s votes lie beside the CSV: `split`, `class`, `ferplus`
            (FER+'s class, empty where no emotion has a majority), `share` (the winner's, of all
            votes) and `is_face`.
    """

    faces: Faces
    from_csv: bool
    drawn: bool
    notes: tuple[str, ...]
    exact: pd.DataFrame
    candidates: Candidates
    min_correlation: float
    near: pd.DataFrame
    conflicts: pd.DataFrame
    blanks: pd.DataFrame
    folder_faces: Faces | None = None
    forms: pd.DataFrame | None = None
    ferplus: pd.DataFrame | None = None

    @property
    def confirmed(self):
        """Boolean array: which candidates are near copies."""
        return self.candidates.correlations >= self.min_correlation

    @property
    def splits(self):
        """The splits' names, in order of appearance."""
        return list(self.exact.columns)


def examine(settings):
    """Find, read and audit the data.

    Args:
        settings: the `Settings`.

    Returns:
        An `Audit`.

    Raises:
        InputError: if the data is missing or cannot be read; single rows and images that cannot
            are left out and named in the notes.
    """
    location, drawn = find_or_draw_data(settings.data, settings.output)
    csv = folder = votes = None
    notes = ()
    if location.csv:
        csv, notes = read_all_rows(location.csv, "skip")
        # FER+ knows the rows by their place only.
        votes = location.votes if not notes else None
    if location.folder:
        splits = read_image_folder(location.folder, "skip")
        folder = concatenate(splits.train, splits.test)
        notes += splits.notes
    faces = csv or folder
    least = MIN_CORRELATION_DRAWN if drawn else MIN_CORRELATION
    least = least if settings.min_correlation is None else settings.min_correlation
    empty = blanks(faces)
    candidates = _candidates(faces, empty["position"])
    is_near = candidates.correlations >= least
    both = csv is not None and folder is not None
    return Audit(
        faces=faces,
        from_csv=csv is not None,
        drawn=drawn,
        notes=notes,
        exact=exact_copies(faces),
        candidates=candidates,
        min_correlation=least,
        near=near_copies(faces, candidates.first[is_near], candidates.second[is_near]),
        conflicts=conflicts(faces),
        blanks=empty,
        folder_faces=folder if both else None,
        forms=pair_forms(csv, folder) if both else None,
        ferplus=_ferplus(csv, location.csv, votes) if votes else None,
    )


def audit(directory, out):
    """Audit the data in `directory`: print the tables, and keep them as `out/audit/tables/*.csv`.

    Args:
        directory: folder with the CSV and/or the image folders, or the CSV file; `None`: where
            FER_KERAS_DATA says, else `data/`, else drawn faces.
        out: folder for the tables.

    Raises:
        InputError: if the data is missing or cannot be read.
    """
    found = examine(Settings(str(directory or ""), output=str(out)))
    if found.drawn:
        print("No data was found, so drawn faces are audited; name a folder to audit yours.\n")
    for note in found.notes:
        print(note)
    tables = audit_tables.all_tables(found)
    for name, (caption, table) in tables.items():
        write_text(Path(out) / "audit" / "tables" / f"{name}.csv", table.to_csv(index=False))
        if len(table) and name not in audit_tables.LISTS:
            text = table.to_string(index=False, float_format="%.3f", na_rep="")
            print(f"{caption}\n\n{text}\n")
    print(f"All tables, with every image by name: {Path(out) / 'audit' / 'tables'}")


def _ferplus(faces, csv_path, votes_path):
    relabelled = read_ferplus(csv_path, votes_path)
    labels = pd.concat(
        pd.Series(np.array(part.class_names)[part.labels], part.ids)
        for part in (relabelled.train, relabelled.test)
    )
    # The reader has checked that the rows of both files correspond.
    votes = pd.read_csv(votes_path, encoding="utf-8-sig", skipinitialspace=True)
    votes = votes.rename(columns=str.strip)
    counts = votes[[*FERPLUS_COLUMNS, FERPLUS_UNKNOWN, FERPLUS_NO_FACE]]
    return pd.DataFrame(
        {
            "split": split_names(faces.ids),
            "class": np.array(faces.class_names)[faces.labels],
            "ferplus": labels.reindex(faces.ids).fillna("").to_numpy(),
            "share": (counts.max(axis=1) / counts.sum(axis=1)).to_numpy(),
            "is_face": votes[IMAGE_NAME].notna().to_numpy(),
        }
    )


def _candidates(faces, empty):
    """Return the `Candidates` among one image of each group of equal ones, blanks left out."""
    _, firsts = np.unique(copy_groups(faces.images), return_index=True)
    kept = np.setdiff1d(firsts, empty)
    found = find_candidates(faces.images[kept])
    return replace(found, first=kept[found.first], second=kept[found.second])
