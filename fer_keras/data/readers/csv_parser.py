"""Parse rows of text: many at once where all is well, else one by one."""

import csv
import io
from typing import NamedTuple

import numpy as np

from fer_keras.data.faces import IMAGE_SIZE

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""FER2013's own splits, which the folder form keeps in file names only."""
NO_USAGE = len(SPLITS)
"""The usage of rows without a `Usage` column; other usages are indices into `SPLITS`."""

USAGES = {split.lower().encode(): usage for usage, split in enumerate(SPLITS)}

# Some 60 rows: what is worked on at once stays in the processor's cache.
BATCH_BYTES = 1 << 19
MAX_LINE_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 16
NUM_PIXELS = IMAGE_SIZE * IMAGE_SIZE
ZERO = np.uint8(ord("0"))


class Columns(NamedTuple):
    """The places of the columns, from 0, and how many columns there are."""

    emotion: int
    pixels: int
    usage: int | None
    count: int


def find_columns(header):
    """Return the `Columns` that a header names.

    Args:
        header: a line of text; names in any case, perhaps with others between them.

    Raises:
        ValueError: naming the columns that came, if one is missing or doubled.
    """
    if "\0" in header:
        raise ValueError("is not text")
    try:
        names = next(csv.reader([header.rstrip("\r\n")], skipinitialspace=True), [])
    except csv.Error:  # a carriage return within the line
        names = [header]
    names = [name.strip().lower() for name in names]
    counts = [names.count(name) for name in ("emotion", "pixels", "usage")]
    if counts not in ([1, 1, 1], [1, 1, 0]):
        raise ValueError(
            f"has the header {_quote(header, 80)}; it needs emotion, pixels and perhaps Usage, "
            "each once, with commas between"
        )
    usage = names.index("usage") if counts[2] else None
    return Columns(names.index("emotion"), names.index("pixels"), usage, len(names))


def parse_batches(file, columns, num_classes):
    """Parse the rows of a CSV file of faces, in batches.

    Blank lines at the end do not count. One core parses some 0.7 GB of text a second.

    Args:
        file: a binary file, past its header.
        columns: the `Columns` of the file.
        num_classes: how many emotions there are; their codes count from 0.

    Yields:
        The good rows in groups of pixels (uint8 array `(rows * 2304,)`), list of labels and list
        of usages; and a list of the bad rows' `(number, fault)`, numbered from 1.
    """
    codes = {str(label).encode(): label for label in range(num_classes)}
    first_row, num_blank = 1, 0
    while lines := _read_lines(file, first_row + num_blank):
        count = len(lines)
        while count and not lines[count - 1].strip():
            count -= 1
        if not count:
            num_blank += len(lines)
            continue
        if num_blank:
            yield [], [(row, "it is blank") for row in range(first_row, first_row + num_blank)]
            first_row += num_blank
        num_blank = len(lines) - count
        lines = lines[:count]
        rows = _parse_rows(lines, columns, codes)
        yield ([rows], []) if rows else _parse_one_by_one(lines, first_row, columns, codes)
        first_row += count


def _read_lines(file, row):
    """Return the next lines: bytes enough for a batch, the last one whole."""
    chunk = file.read(BATCH_BYTES)
    rest = file.readline(MAX_LINE_BYTES) if chunk else b""
    if len(rest) == MAX_LINE_BYTES and not rest.endswith(b"\n"):
        raise EOFError(f"about row {row}, a line is longer than {MAX_LINE_BYTES:,} bytes")
    return io.BytesIO(chunk + rest).readlines()


def _parse_rows(lines, columns, codes):
    """Return pixels, labels and usages of rows; `None` if anything about them is unusual."""
    rows = [_cut(line, columns) for line in lines]
    if any(len(row) != columns.count for row in rows):
        return None
    labels = [codes.get(_bare(row[columns.emotion])) for row in rows]
    usages = [_usage(row, columns) for row in rows]
    if None in labels or None in usages:
        return None
    pixels = parse_pixels([_bare(row[columns.pixels]) for row in rows])
    return None if pixels is None else (pixels, labels, usages)


def _parse_one_by_one(lines, first_row, columns, codes):
    """Return what `_parse_rows` does for each good row, and the bad rows."""
    good, bad_rows = [], []
    for row, line in enumerate(lines, first_row):
        try:
            good.append(_parse_row(line, columns, codes))
        except ValueError as fault:
            cut = "" if line.endswith(b"\n") else "the file ends within this row: "
            bad_rows.append((row, f"{cut}{fault}"))
    return good, bad_rows


def parse_pixels(fields):
    """Parse pixel fields all at once.

    Args:
        fields: list of bytes, one pixel field each, without blanks at either end.

    Returns:
        A uint8 array `(len(fields) * 2304,)`; or `None` unless each field is digits and spaces
        only and holds exactly 2304 numbers of at most three digits and at most 255.
    """
    # Pad with spaces: three before, one after, so that each digit has neighbours; one more for an
    # even number of places below.
    num_bytes = sum(map(len, fields)) + len(fields)
    text = np.frombuffer(b" ".join([b"  ", *fields, b" " * (num_bytes % 2)]), np.uint8)
    codes = text ^ ZERO  # a digit's value; 16 for a space; for all else 10 to 15 or above 16
    digits = codes & 15  # 0 for a space
    if codes.max() > 16 or digits.max() > 9:
        return None
    is_digit = codes < 16
    is_second_digit = is_digit[1:] & is_digit[:-1]
    if (is_second_digit[2:] & is_second_digit[:-2]).any():  # a fourth digit
        return None

    # Place i of these arrays belongs to the number whose digits so far end at place i + 2.
    hundreds = digits[:-3] * is_second_digit[1:-1].view(np.uint8)
    tens_and_ones = digits[1:-2] * np.uint8(10) + digits[2:-1]
    values = hundreds * np.uint8(100) + tens_and_ones
    if hundreds.max() > 2 or (values < tens_and_ones).any():  # 256 to 299 wrap round
        return None

    # After each number comes a space, so a pair of places holds at most one end. Search pairs: half
    # the work.
    is_end = is_digit[2:-1] > is_digit[3:]
    pairs = np.flatnonzero(is_end.view(np.uint16) != 0)
    last_pairs = (np.cumsum([len(field) + 1 for field in fields]) - 1) // 2
    if not np.array_equal(pairs[NUM_PIXELS - 1 :: NUM_PIXELS], last_pairs):
        return None
    first_or_second = (values * is_end.view(np.uint8)).view(np.uint16)  # the other byte is 0
    return (first_or_second | first_or_second >> 8).take(pairs).astype(np.uint8)


def _parse_row(line, columns, codes):
    """Return what `_parse_rows` does for one row, or raise a ValueError."""
    try:
        row = _cut_as_csv(line)
    except csv.Error as error:
        raise ValueError(f"it is no row of a CSV file ({error})") from error
    if not line.strip():
        raise ValueError("it is blank")
    if len(row) != columns.count:
        raise ValueError(f"it has {len(row)} fields, but the header has {columns.count}")
    emotion, usage = row[columns.emotion], _usage(row, columns)
    label = codes.get(_bare(emotion))
    if label is None:
        raise ValueError(
            f"its emotion is {_quote(emotion)}; known are the codes 0 to {len(codes) - 1}, which "
            "class_names (--class-names) names for other data than FER2013"
        )
    if usage is None:
        known = ", ".join(SPLITS)
        raise ValueError(f"its Usage is {_quote(row[columns.usage])}; known are {known}")
    field = _bare(row[columns.pixels])
    pixels = parse_pixels([field])
    return (_parse_words(field) if pixels is None else pixels), [label], [usage]


def _parse_words(field):
    words = field.split()
    for place, word in enumerate(words, 1):
        if not word.removeprefix(b"-").isdigit():
            raise ValueError(f"its pixel {place} is {_quote(word)}, which is no whole number")
        if len(word.lstrip(b"0")) > 3 or not 0 <= int(word) <= 255:
            raise ValueError(f"its pixel {place} is {_quote(word)}, outside 0-255")
    if len(words) != NUM_PIXELS:
        raise ValueError(f"it has {len(words)} pixels instead of {NUM_PIXELS} (48x48)")
    return np.array([int(word) for word in words], np.uint8)


def _cut(line, columns):
    """Cut a row at its commas, sparing the search through the pixels."""
    left = line.split(b",", columns.pixels)
    return left[:-1] + left[-1].rsplit(b",", columns.count - columns.pixels - 1)


def _cut_as_csv(line):
    if b'"' not in line:
        return line.split(b",")
    text = line.decode("latin-1")  # turns every byte into one character, and back
    return [field.encode("latin-1") for field in next(csv.reader([text], skipinitialspace=True))]


def _bare(field):
    """Return a field without the blanks and double quotes round it."""
    field = field.strip()
    return field[1:-1].strip() if field[:1] == field[-1:] == b'"' else field


def _usage(row, columns):
    if columns.usage is None:
        return NO_USAGE
    return USAGES.get(b"".join(_bare(row[columns.usage]).split()).lower())


def _quote(text, most=20):
    text = text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")
    return repr(text.strip()[:most] + "..." if len(text.strip()) > most else text.strip())
