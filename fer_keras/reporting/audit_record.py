"""An audit's folder, and its tables for people and machines."""

import json

from fer_keras.comparison.identity import mark_of, run_name
from fer_keras.data.faces import copy_groups
from fer_keras.reporting.audit_tables import CAPTIONS, LISTS, all_tables
from fer_keras.utils.files import clear_report, project_path, write_text


def audit_folder(found, out):
    """Return an audit's folder: other data or limits have another one.

    Args:
        found: an `Audit`.
        out: the folder that it lies in.

    Returns:
        A `Path`, `audit-<data>-<hash>`.
    """
    forms = [each for each in (found.faces, found.folder_faces) if each]
    settings = {
        "faces": [mark_of(faces, copy_groups(faces.images)) for faces in forms],
        "min_correlation": found.min_correlation,
        "ferplus": found.ferplus is not None,
    }
    return project_path(out) / run_name(f"audit-{found.name}", settings)


def keep_tables(found, out):
    """Write an audit's tables to `tables/*.csv` in its folder.

    Tables and figures of a former audit of the same data are deleted.

    Args:
        found: an `Audit`.
        out: folder for the audit's own.

    Returns:
        The audit's folder, and its tables, as `all_tables`.
    """
    directory, tables = audit_folder(found, out), all_tables(found)
    clear_report(directory)
    for name, table in tables.items():
        write_text(directory / "tables" / f"{name}.csv", table.to_csv(index=False))
    return directory, tables


def print_tables(found, directory, tables):
    """Print what was found, and where all of it is.

    Args:
        found: an `Audit`.
        directory: its folder.
        tables: its tables, as `all_tables`.
    """
    if found.drawn:
        print("No data was found, so drawn faces are audited; name a folder to audit yours.\n")
    for note in found.notes:
        print(note)
    for name, table in tables.items():
        if len(table) and name not in LISTS:
            text = table.to_string(index=False, float_format="%.4g", na_rep="")
            print(f"\n{CAPTIONS[name]}\n{text}")
    print(f"\n{directory / 'tables'}")


def as_document(found, directory, tables):
    """Return what was found for machines, without the lists of single images.

    Args:
        found: an `Audit`.
        directory: its folder, whose `tables/` hold those lists, too.
        tables: its tables, as `all_tables`.

    Returns:
        A dict that JSON can hold: `folder`, `data` (the data set's name), `drawn`,
        `min_correlation`, `notes`, and `tables`, a dict from a name to a list with a dict a row.
    """
    kept = {name: table for name, table in tables.items() if name not in LISTS}
    return {
        "folder": str(directory),
        "data": found.name,
        "drawn": found.drawn,
        "min_correlation": found.min_correlation,
        "notes": list(found.notes),
        "tables": {
            name: json.loads(table.to_json(orient="records")) for name, table in kept.items()
        },
    }
