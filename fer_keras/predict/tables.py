"""Write what was found in pictures as CSV or JSON, picture by picture."""

import csv
import json

from fer_keras.predict.detection import Box

PLACES = 6  # decimal places of probabilities and scores
FIXED = (
    "file", "how", "frame", "second", "track", *Box._fields, "score", "class", "copy", "reason",
)  # fmt: skip
"""Columns of tables of pictures and videos that are no classes."""
WHOLE, TEXTS = ("frame", "track", *Box._fields), ("file", "how", "class", "copy", "reason")
"""Columns of whole numbers and of texts; all others hold numbers."""


def probability_columns(class_names):
    """Return the names of the probabilities' columns, like no other column's.

    Args:
        class_names: sequence of str.
    """
    return [f"{name} (class)" if name in FIXED else name for name in class_names]


def face_columns(class_names):
    """Return the names of the columns that `face_row` fills.

    Args:
        class_names: sequence of str.
    """
    return [*Box._fields, "score", "class", *probability_columns(class_names)]


def face_row(face, class_names):
    """Return a face as a row of a table: a dict.

    Args:
        face: a `Face`.
        class_names: sequence of str, the class of each probability.
    """
    probabilities = [round(float(share), PLACES) for share in face.probabilities]
    score = None if face.score is None else round(face.score, PLACES)
    row = {**face.box._asdict(), "score": score, "class": class_names[face.best]}
    return row | dict(zip(probability_columns(class_names), probabilities))


def as_table(rows, columns):
    """Return rows as a DataFrame of typed columns, even without a row.

    Args:
        rows: list of dicts, one a face.
        columns: list of str, names of columns.
    """
    import pandas as pd  # takes a third of a second, which the command need not wait for

    types = dict.fromkeys(WHOLE, int) | dict.fromkeys(TEXTS, str)
    return pd.DataFrame(rows, columns=columns).astype({c: types.get(c, float) for c in columns})


def read_faces(path, **options):
    """Return a table that `predict` or `video` wrote, a DataFrame.

    Args:
        path: the CSV file.
        **options: more arguments of `pandas.read_csv`.
    """
    import pandas as pd

    # A class may be called None, which pandas takes for nothing, or 1.
    types = dict.fromkeys(TEXTS, str)
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""], **options)


class CsvTable:
    """A CSV file with one row a face, or a picture without one or unreadable.

    Args:
        file: a text file, open for writing.
        class_names: sequence of str, the class of each probability.
        with_copies: whether there is a column for the names of annotated copies.
    """

    def __init__(self, file, class_names, with_copies=False):
        self._file, self._class_names = file, class_names
        columns = ["file", "how", *face_columns(class_names)]
        columns += ["copy", "reason"] if with_copies else ["reason"]
        self._writer = csv.DictWriter(file, columns, lineterminator="\n")
        self._writer.writeheader()

    def write(self, found, copy=None):
        """Add the rows of a picture.

        Args:
            found: a `Recognition`.
            copy: the name of its annotated copy.
        """
        row = {"file": found.file, "how": found.how}
        row |= {"copy": copy} if copy else {}
        faces = [row | face_row(face, self._class_names) for face in found.faces]
        self._writer.writerows(faces or [row | {"reason": found.reason}])
        self._file.flush()  # so that who stops it has a table of what was done

    def close(self):
        """Do nothing: each row is written when it comes."""


class JsonList:
    """A JSON list with one object a picture.

    Args:
        file: a text file, open for writing.
        class_names: sequence of str, the class of each probability.
    """

    def __init__(self, file, class_names):
        self._file, self._class_names, self._before = file, class_names, "["

    def write(self, found):
        """Add a picture.

        Args:
            found: a `Recognition`.
        """
        faces = [self._face(face) for face in found.faces]
        entry = {"file": found.file, "how": found.how, "faces": faces}
        entry |= {"reason": found.reason} if found.reason else {}
        self._file.write(f"{self._before}\n{json.dumps(entry, ensure_ascii=False)}")
        self._file.flush()
        self._before = ","

    def close(self):
        """End the list."""
        self._file.write(f"{'[' if self._before == '[' else ''}\n]\n")
        self._file.flush()

    def _face(self, face):
        row = face_row(face, self._class_names)
        shares = {
            name: row.pop(column)
            for name, column in zip(self._class_names, probability_columns(self._class_names))
        }
        box = {side: row.pop(side) for side in Box._fields}
        return {"box": box, **row, "probabilities": shares}


PRINTED = {"csv": CsvTable, "json": JsonList}
"""Form that machines read on standard output -> what writes it."""
