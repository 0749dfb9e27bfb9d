import csv
import gzip
import hashlib
import io
import lzma
import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_keras.data.faces import Faces, concatenate, split_names
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers import csv_parser, fer2013_csv
from fer_keras.data.readers.csv_parser import parse_pixels
from fer_keras.data.readers.fer2013_csv import read_all_rows, read_fer2013_csv, write_fer2013_csv
from fer_keras.utils.errors import InputError

HEADER = "emotion,pixels,Usage"
USAGES = ("Training", "PublicTest", "PrivateTest")


def random_images(count, seed=0):
    """Images whose numbers have one, two and three digits about equally often."""
    rng = np.random.default_rng(seed)
    limits = rng.choice([10, 100, 256], (count, 48, 48))
    return rng.integers(0, limits).astype(np.uint8)


def numbers(image):
    return " ".join(str(value) for value in image.ravel())


def plain_rows(count):
    return [
        f"{row % 7},{numbers(image)},{USAGES[row % 3]}"
        for row, image in enumerate(random_images(count))
    ]


def write_text(path, lines, end="\n"):
    path.write_text("\n".join([*lines]) + end)
    return path


def read_by_csv_module(text):
    """Read images, labels and usages by other means: the csv module, and int() for each pixel."""
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    names = [name.strip().lower() for name in lines[0]]
    rows = [dict(zip(names, row, strict=True)) for row in lines[1:] if any(map(str.strip, row))]
    images = [[int(word) for word in row["pixels"].split()] for row in rows]
    usages = ["".join(row["usage"].split()).lower() for row in rows]
    return np.reshape(images, (-1, 48, 48)), [int(row["emotion"]) for row in rows], usages


def pack(data, suffix, path):
    """Write bytes to `path` plus a suffix, packed as the suffix says."""
    path = path.with_name(path.name + suffix)
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/fer2013.csv", data)
            archive.writestr("__MACOSX/folder/._fer2013.csv", b"\0\5\x16\7")
            archive.writestr("folder/README", "none of these is a table")
    else:
        packers = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
        path.write_bytes(packers[suffix](data))
    return path


def random_text(rng):
    """Return rows of FER2013 in some way of writing that the csv module understands too."""
    names = ["emotion", "pixels", "Usage", *rng.choice(["id", "source"], rng.integers(3))]
    names = [str(name) for name in rng.permutation(names)]
    letter_case = rng.choice([str.lower, str.upper, str.title])
    spaces = (0, 3) if rng.random() < 0.5 else (0, 1)
    blank = lambda: " " * rng.integers(*spaces)  # noqa: E731
    out = io.StringIO()
    quoting = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)[rng.integers(3)]
    writer = csv.writer(out, quoting=quoting, lineterminator=str(rng.choice(["\n", "\r\n"])))
    writer.writerow([blank() + letter_case(name) + blank() for name in names])
    for image in random_images(rng.integers(1, 6), rng.integers(1 << 30)):
        words = [f"{value:0{rng.integers(1, 4)}d}" for value in image.ravel()]
        gaps = [" " + blank() for _ in words]
        field = {
            "emotion": blank() + str(rng.integers(7)),
            "pixels": blank() + "".join(map("".join, zip(words, gaps, strict=True))).rstrip(),
            "Usage": letter_case(str(rng.choice(USAGES))) + blank(),
            "id": str(rng.integers(100)),
            "source": str(rng.choice(["web", "a, b", 'the "net"', "é"])),
        }
        writer.writerow([field[name] for name in names])
    text = out.getvalue()
    text = str(rng.choice([text, text.rstrip("\r\n"), text + "\r\n", text + "\n \n\n"]))
    return str(rng.choice(["", "\ufeff"])) + text


@pytest.mark.parametrize("seed", range(32))
def test_reads_what_the_csv_module_and_int_read(tmp_path, seed):
    rng = np.random.default_rng(seed)
    text = random_text(rng)
    suffix = ("", ".gz", ".xz", ".zip")[seed % 4]
    path = pack(text.encode(), suffix, tmp_path / "fer2013.csv")
    images, labels, usages = read_by_csv_module(text)
    for _ in ("parsed", "from the cache"):
        faces, notes = read_all_rows(path)
        np.testing.assert_array_equal(faces.images, images)
        assert faces.labels.tolist() == labels
        assert [name.lower() for name in split_names(faces.ids)] == usages
        assert notes == ()


def test_kaggle_competition_header_is_understood(tmp_path):
    image = random_images(2)
    lines = ["emotion, Usage, pixels"]
    lines += [f"0,Training,{numbers(image[0])}", f"3,PrivateTest,{numbers(image[1])}"]
    splits = read_fer2013_csv(write_text(tmp_path / "icml_face_data.csv", lines))
    np.testing.assert_array_equal(splits.test.images, image[1:])
    assert splits.test.ids.tolist() == ["PrivateTest/row2"]


def test_splits_follow_usage_and_ids_count_rows_from_one(tmp_path):
    usages = ["PublicTest", "Training", "PrivateTest", "Training", "PublicTest"]
    images = random_images(5)
    lines = [f"{i},{numbers(images[i])},{usage}" for i, usage in enumerate(usages)]
    splits = read_fer2013_csv(str(write_text(tmp_path / "fer2013.csv", [HEADER, *lines])))
    assert splits.train.ids.tolist() == ["Training/row2", "Training/row4"]
    assert splits.test.ids.tolist() == ["PublicTest/row1", "PrivateTest/row3", "PublicTest/row5"]
    assert splits.train.labels.tolist() == [1, 3] and splits.test.labels.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(splits.train.images, images[[1, 3]])
    np.testing.assert_array_equal(splits.test.images, images[[0, 2, 4]])
    assert splits.validation is None
    assert splits.notes == ()


def test_codes_mean_fer2013s_classes(tmp_path):
    lines = [f"{code},{numbers(image)},Training" for code, image in enumerate(random_images(7))]
    faces, _ = read_all_rows(write_text(tmp_path / "fer2013.csv", [HEADER, *lines]))
    names = [faces.class_names[label] for label in faces.labels]
    assert names == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def test_pixels_run_along_the_rows_of_the_image(tmp_path):
    row = f"0,{' '.join(str(i % 256) for i in range(2304))},Training"
    faces, _ = read_all_rows(write_text(tmp_path / "fer2013.csv", [HEADER, row]))
    assert faces.images[0, 1, 2] == 50
    assert faces.images[0, 47, 47] == 2303 % 256


@pytest.mark.parametrize("usages", [("Training",), ("PublicTest", "PrivateTest")])
def test_a_file_with_one_side_only_is_refused(tmp_path, usages):
    lines = [f"0,{numbers(random_images(1)[0])},{usage}" for usage in usages]
    path = write_text(tmp_path / "fer2013.csv", [HEADER, *lines])
    missing = "PublicTest or PrivateTest" if usages == ("Training",) else "Training"
    with pytest.raises(InputError, match=f"fer2013.csv has no rows of Usage {missing};"):
        read_fer2013_csv(path)
    assert split_names(read_all_rows(path)[0].ids).tolist() == list(usages)


# Pixels as text: the quick parser against int().


def int_of_each(field):
    """Return the pixels that a field stands for, or None if it is not FER2013's."""
    if not re.fullmatch(rb"[0-9]+( +[0-9]+)*", field):
        return None
    values = [int(word) for word in field.split()]
    return values if len(values) == 2304 and max(values) <= 255 else None


def test_every_number_is_taken_or_refused_at_every_kind_of_place():
    words = numbers(random_images(1)[0]).encode().split()
    for value in [*range(400), *range(400, 1100, 7), 2550, 9999, 25500, 65536]:
        for place in (0, 1, 1000, 2303):
            field = b" ".join([*words[:place], b"%d" % value, *words[place + 1 :]])
            pixels = parse_pixels([field])
            assert (None if pixels is None else pixels.tolist()) == int_of_each(field)


def test_damaged_fields_are_never_misread():
    rng = np.random.default_rng(1)
    good = [numbers(image).encode() for image in random_images(3)]
    accepted = 0
    for _ in range(600):
        place, which = rng.integers(1, len(good[1]) - 1), rng.integers(3)
        length, byte = rng.integers(2), rng.choice([*b"0123456789   ", rng.integers(256)])
        damaged = good[1][:place] + bytes([byte]) * rng.integers(2) + good[1][place + length :]
        fields = [*good]
        fields[which] = damaged
        pixels, expected = parse_pixels(fields), [int_of_each(field) for field in fields]
        if pixels is not None:
            accepted += 1
            assert pixels.reshape(3, -1).tolist() == expected
        else:
            assert None in expected or re.search(rb"[0-9]{4}", damaged)
    assert 50 < accepted < 550


def test_a_pixel_missing_in_one_row_is_not_made_up_by_the_next():
    words = numbers(random_images(1)[0]).encode().split()
    assert parse_pixels([b" ".join(words[:-1]), b" ".join([*words, b"7"])]) is None


def test_needless_zeros_and_tabs_are_read_and_not_refused(tmp_path):
    image = random_images(1)[0]
    for gap, width in (("\t", 1), (" ", 6)):
        field = gap.join(f"{value:0{width}d}" for value in image.ravel())
        path = write_text(tmp_path / f"{width}.csv", [HEADER, f"0,{field},Training"])
        np.testing.assert_array_equal(read_all_rows(path)[0].images[0], image)


# Bad rows.


def row_of(emotion="0", words=None, usage="Training"):
    words = numbers(random_images(1)[0]).split() if words is None else words
    return f"{emotion},{' '.join(words)},{usage}"


def row_with(word):
    """A row whose 1001st pixel is that word."""
    words = numbers(random_images(1)[0]).split()
    return row_of(words=[*words[:1000], word, *words[1001:]])


FAULTS = {
    "too few pixels": (row_of(words=["1"] * 2303), "has 2303 pixels instead of 2304"),
    "too many pixels": (row_of(words=["1"] * 2306), "has 2306 pixels instead of 2304"),
    "no pixels": (row_of(words=[]), "has 0 pixels instead of 2304"),
    "256": (row_with("256"), "pixel 1001 is '256', outside 0-255"),
    "negative": (row_with("-1"), "pixel 1001 is '-1', outside 0-255"),
    "huge": (row_with("9" * 5000), "pixel 1001 is '99999999999999999999...', outside 0-255"),
    "fraction": (row_with("1.5"), "pixel 1001 is '1.5', which is no whole number"),
    "word": (row_with("nan"), "pixel 1001 is 'nan', which is no whole number"),
    "underscore": (row_with("1_0"), "pixel 1001 is '1_0', which is no whole number"),
    "other digits": (row_with("١٢"), "pixel 1001 is '١٢', which is no whole number"),
    "NUL": (row_with("\0"), r"pixel 1001 is '\x00', which is no whole number"),
    "emotion 7": (
        row_of(emotion="7"),
        "its emotion is '7'; known are the codes 0 to 6, which class_names",
    ),
    "no emotion": (row_of(emotion=""), "emotion is ''"),
    "emotion in words": (row_of(emotion="happy"), "emotion is 'happy'"),
    "unknown Usage": (
        row_of(usage="Test"),
        "Usage is 'Test'; known are Training, PublicTest, PrivateTest",
    ),
    "no Usage": (row_of(usage=""), "Usage is ''"),
    "too few fields": ("0,1 2 3", "2 fields, but the header has 3"),
    "too many fields": (row_of() + ",5", "4 fields, but the header has 3"),
    "quote left open": (row_of().replace(",", ',"', 1), "2 fields, but the header has 3"),
}


@pytest.mark.parametrize("place", [0, 3, 6], ids=["first", "middle", "last"])
@pytest.mark.parametrize(("bad_row", "words"), FAULTS.values(), ids=FAULTS)
def test_a_bad_row_is_named_or_skipped(tmp_path, bad_row, words, place):
    rows = plain_rows(7)
    expected, _ = read_all_rows(write_text(tmp_path / "good.csv", [HEADER, *rows]))
    rows[place] = bad_row
    path = write_text(tmp_path / "bad.csv", [HEADER, *rows])
    with pytest.raises(InputError) as caught:
        read_all_rows(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, row {place + 1} (line {place + 2}): it")
    assert words in message
    assert "on_bad='skip'" in message
    assert len(message) < len(str(path)) + 300

    faces, notes = read_all_rows(path, on_bad="skip")
    kept = np.arange(7) != place
    np.testing.assert_array_equal(faces.images, expected.images[kept])
    np.testing.assert_array_equal(faces.labels, expected.labels[kept])
    assert faces.ids.tolist() == expected.ids[kept].tolist()
    assert len(notes) == 1
    assert f"1 bad row(s) of {path}: row {place + 1} (" in notes[0]
    assert words in notes[0]
    splits = read_fer2013_csv(path, on_bad="skip")
    assert len(splits.train) + len(splits.test) == 6
    assert splits.notes == notes


@pytest.mark.parametrize("length", [1, 2, 30, 5000, -1, -9])
def test_a_file_cut_within_its_last_row_is_noticed(tmp_path, length):
    rows = plain_rows(4)  # the last is of Training
    path = write_text(tmp_path / "cut.csv", [HEADER, *rows[:3], rows[3][:length]], end="")
    with pytest.raises(InputError, match=r"cut.csv, row 4 \(line 5\): the file ends within"):
        read_all_rows(path)
    assert len(read_all_rows(path, on_bad="skip")[0]) == 3


def test_a_blank_line_between_rows_is_a_bad_row(tmp_path):
    rows = plain_rows(2)
    path = write_text(tmp_path / "fer2013.csv", [HEADER, rows[0], "", rows[1], "", ""])
    with pytest.raises(InputError, match=r"row 2 \(line 3\): it is blank"):
        read_all_rows(path)
    faces, notes = read_all_rows(path, on_bad="skip")
    assert faces.ids.tolist() == ["Training/row1", "PublicTest/row3"]
    assert "1 bad row(s)" in notes[0]


def test_skipped_rows_beyond_ten_are_counted(tmp_path):
    rows = plain_rows(20)
    bad = [2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
    for row in bad:
        rows[row - 1] = "0,1 2 3,Training"
    path = write_text(tmp_path / "fer2013.csv", [HEADER, *rows])
    splits = read_fer2013_csv(path, on_bad="skip")
    (note,) = splits.notes
    assert "12 bad row(s)" in note
    assert [int(row) for row in re.findall(r"row (\d+) ", note)] == bad[:10]
    assert note.endswith("and 2 more.")
    assert len(splits.train) + len(splits.test) == 8


def test_only_bad_rows_are_refused_even_if_skipped(tmp_path):
    path = write_text(tmp_path / "fer2013.csv", [HEADER, "0,1,Training", "x"])
    with pytest.raises(InputError, match=r"no row that can be read: row 1 \(.*, row 2 \("):
        read_all_rows(path, on_bad="skip")


def test_an_unknown_way_with_bad_rows_is_refused(tmp_path):
    path = write_text(tmp_path / "fer2013.csv", [HEADER, *plain_rows(3)])
    for read in (read_all_rows, read_fer2013_csv):
        with pytest.raises(InputError, match="on_bad is 'ignore'; choose one of raise, skip"):
            read(path, on_bad="ignore")


# Files that are bad as a whole.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (HEADER.encode(), "has a header, but no rows"),
        (HEADER.encode() + b"\n\n \n", "has a header, but no rows"),
        (b"label,pixels,Usage\n", "header 'label,pixels,Usage'; it needs emotion, pixels"),
        (b"emotion;pixels;Usage\n", "header 'emotion;pixels;Usage'; it needs"),
        (b"emotion,pixels,pixels,Usage\n", "header 'emotion,pixels,pixels,Usage'; it needs"),
        (b"emotion,pixels,Usage\r0,1 2 3,Training\r", "has the header 'emotion,pixels,Usage"),
        (b"0," + b"1 " * 90000, "has the header '0,1 1 1"),
        (b"\n" + HEADER.encode(), "has the header ''; it needs"),
        (b"<!DOCTYPE html>\n<html>", "has the header '<!DOCTYPE html>'"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8 text"),
        (HEADER.encode("utf-16"), "not UTF-8 text"),
        (HEADER.encode("utf-16-le"), "is not text"),
    ],
)
@pytest.mark.parametrize("on_bad", ["raise", "skip"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zip"])
def test_a_file_that_is_no_table_of_faces_is_refused(tmp_path, content, words, on_bad, suffix):
    path = pack(content, suffix, tmp_path / "fer2013.csv")
    with pytest.raises(InputError) as caught:
        read_all_rows(path, on_bad)
    assert str(caught.value).startswith(f"{path} ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        read_all_rows(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_all_rows(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="is no regular file"):
        read_all_rows(tmp_path / "pipe.csv")


def test_archives_with_changed_bytes_anywhere_end_in_one_sentence(tmp_path):
    text = "\n".join([HEADER, *plain_rows(1)]).encode()
    whole = pack(text, ".zip", tmp_path / "f").read_bytes()
    path, rng = tmp_path / "fer2013.zip", np.random.default_rng(7)
    frame = [*range(60), *range(len(whole) - 120, len(whole))]  # where the archive's own data lie
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.choice(frame, rng.integers(1, 5)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            assert len(read_all_rows(path)[0]) == 1
        except InputError as error:
            assert "fer2013.zip" in str(error)


@pytest.mark.parametrize("on_bad", ["raise", "skip"])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path, on_bad):
    path = tmp_path / "fer2013.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(f"{HEADER}\n{plain_rows(1)[0]}\n".encode())
        for _ in range(64):
            file.write(b"1 " * (1 << 20))
    tracemalloc.start()
    with pytest.raises(InputError, match="a line is longer than 1,048,576 bytes"):
        read_all_rows(path, on_bad)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_blank_lines_over_many_batches_are_bad_rows_only_before_another_row(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_parser, "BATCH_BYTES", 100)
    rows = plain_rows(2)
    path = write_text(tmp_path / "fer2013.csv", [HEADER, rows[0], *300 * [""], rows[1]], 900 * "\n")
    faces, notes = read_all_rows(path, on_bad="skip")
    assert faces.ids.tolist() == ["Training/row1", "PublicTest/row302"]
    assert notes[0].startswith("Left out 300 bad row(s)") and "row 2 (it is blank)" in notes[0]


@pytest.mark.parametrize("names", [(), ("a.csv", "b.CSV")])
def test_an_archive_must_hold_one_csv(tmp_path, names):
    path = tmp_path / "fer2013.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, HEADER)
    listed = ": a.csv, b.CSV" if names else ""
    with pytest.raises(InputError, match=f"fer2013.zip holds {len(names)} CSV files{listed}; "):
        read_all_rows(path)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip"])
def test_a_cut_archive_is_refused(tmp_path, suffix):
    whole = pack("\n".join([HEADER, *plain_rows(3)]).encode(), suffix, tmp_path / "f").read_bytes()
    path = tmp_path / f"cut.csv{suffix}"
    for length in (8, 40, len(whole) // 2, len(whole) - 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=f"cut.csv{suffix} cannot be read"):
            read_all_rows(path, on_bad="skip")


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip"])
def test_a_damaged_archive_is_never_misread(tmp_path, suffix):
    text = "\n".join([HEADER, *plain_rows(1)]).encode()
    whole = pack(text, suffix, tmp_path / "f").read_bytes()
    path = tmp_path / "damaged.csv"
    images = random_images(1)
    rng = np.random.default_rng(2)
    refused = 0
    ends = (*range(60), *range(len(whole) - 400, len(whole), 2))
    places = {*ends, *rng.integers(len(whole), size=60).tolist()}
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_all_rows(path)[0].images, images)
        except InputError:
            refused += 1
    assert refused > 120


def test_the_content_and_not_the_name_tells_how_a_file_is_packed(tmp_path):
    text = "\n".join([HEADER, *plain_rows(2)]).encode()
    for number, suffix in enumerate(["", ".gz", ".xz", ".zip"]):
        packed = pack(text, suffix, tmp_path / f"{number}").rename(tmp_path / f"{number}.csv.gz")
        np.testing.assert_array_equal(read_all_rows(packed)[0].images, random_images(2))


# Files without Usage.


def write_without_usage(path):
    rows = [row.rsplit(",", 1)[0] for row in plain_rows(70)]
    return write_text(path, ["emotion,pixels", *rows])


def test_without_usage_all_rows_have_the_split_all(tmp_path):
    faces, _ = read_all_rows(write_without_usage(tmp_path / "fer2013.csv"))
    np.testing.assert_array_equal(faces.images, random_images(70))
    assert faces.ids[[0, 69]].tolist() == ["all/row1", "all/row70"]


def test_without_usage_a_division_must_be_asked_for(tmp_path):
    path = write_without_usage(tmp_path / "fer2013.csv")
    with pytest.raises(InputError, match=r"no Usage column.*division='random'.*80/20"):
        read_fer2013_csv(path)


# Reading in pieces, and writing.


def test_where_pieces_end_does_not_matter(tmp_path, monkeypatch):
    rows = plain_rows(9)
    rows[3] = rows[3].replace(",", ', "', 1).replace(",P", '" , P').replace(",T", '" , T')
    rows[5] = "0,1,Training"
    rows[7:7] = ["", " "]
    path = write_text(tmp_path / "fer2013.csv", [HEADER, *rows], end="\n\n\n\n")
    ends = np.cumsum([len(row) + 1 for row in rows]).tolist()
    sizes = [*range(16, 40), *(end + more for end in ends for more in range(-5, 6))]
    sizes += range(100, ends[-1], 997)
    kept = np.arange(9) != 5
    for size in sizes:
        monkeypatch.setattr(csv_parser, "BATCH_BYTES", size)
        monkeypatch.setattr(fer2013_csv, "READ_BYTES", size)
        faces, notes = read_all_rows(path, on_bad="skip")
        np.testing.assert_array_equal(faces.images, random_images(9)[kept])
        assert [int(name.rsplit("row", 1)[1]) for name in faces.ids] == [1, 2, 3, 4, 5, 7, 10, 11]
        assert re.findall(r"row (\d+) ", notes[0]) == ["6", "8", "9"]


def test_many_rows_over_many_batches_are_all_read(tmp_path):
    path = write_text(tmp_path / "fer2013.csv", [HEADER, *plain_rows(400)])
    assert path.stat().st_size > 4 * csv_parser.BATCH_BYTES
    faces, _ = read_all_rows(path)
    np.testing.assert_array_equal(faces.images, random_images(400))
    assert faces.labels.tolist() == [row % 7 for row in range(400)]


def random_faces(count, class_names=CLASS_NAMES):
    rng = np.random.default_rng(4)
    ids = np.array([f"{USAGES[row % 3]}/row{row + 1}" for row in range(count)])
    labels = rng.integers(len(class_names), size=count)
    return Faces(random_images(count), labels, ids, class_names)


def test_written_faces_are_read_back(tmp_path):
    faces = random_faces(12)
    write_fer2013_csv(faces, tmp_path / "fer2013.csv")
    back, _ = read_all_rows(tmp_path / "fer2013.csv")
    np.testing.assert_array_equal(back.images, faces.images)
    assert back.labels.tolist() == faces.labels.tolist()
    assert back.ids.tolist() == faces.ids.tolist()


def test_the_written_file_is_fer2013s_byte_by_byte(tmp_path):
    faces = Faces(random_images(1), np.array([0]), np.array(["PublicTest/x"]), ("sad", "happy"))
    write_fer2013_csv(faces, tmp_path / "fer2013.csv")
    expected = f"emotion,pixels,Usage\n4,{numbers(faces.images[0])},PublicTest\n"
    assert (tmp_path / "fer2013.csv").read_bytes() == expected.encode()


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_text("old")
    faces = random_faces(3)
    object.__setattr__(faces, "labels", np.array([0, 1, 99]))
    with pytest.raises(IndexError):
        write_fer2013_csv(faces, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["fer2013.csv"]


def test_faces_that_fer2013_cannot_hold_are_not_written(tmp_path):
    with pytest.raises(InputError, match="no class or Usage bored"):
        write_fer2013_csv(random_faces(3, ("sad", "bored")), tmp_path / "x.csv")
    other = Faces(random_images(1), np.array([0]), np.array(["holdout/1"]), CLASS_NAMES)
    with pytest.raises(InputError, match="no class or Usage holdout; allowed are angry"):
        write_fer2013_csv(other, tmp_path / "x.csv")
    with pytest.raises(InputError, match="no such folder"):
        write_fer2013_csv(random_faces(3), tmp_path / "none" / "x.csv")
    assert os.listdir(tmp_path) == []


# The real file.

DATA = os.environ.get("FER_KERAS_DATA")


@pytest.mark.skipif(
    not (DATA and (Path(DATA) / "fer2013.csv").is_file()),
    reason="FER_KERAS_DATA names no directory with fer2013.csv",
)
def test_fer2013_is_read_as_published(tmp_path):
    path = tmp_path / "fer2013.csv"
    path.symlink_to(Path(DATA).absolute() / "fer2013.csv")  # so that the cache stays out of there
    splits = read_fer2013_csv(path)
    is_whole = len(splits.train) + len(splits.test) == 35887
    assert len(splits.notes) == (0 if is_whole else 1)
    assert splits.train.class_counts().tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    public = splits.test.select(split_names(splits.test.ids) == "PublicTest")
    assert public.class_counts().tolist() == [467, 56, 496, 895, 653, 415, 607]
    assert public.ids[[0, -1]].tolist() == ["PublicTest/row28710", "PublicTest/row32298"]

    checked = {*np.random.default_rng(0).choice(len(splits.train), 300, replace=False).tolist()}
    with open(path, newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            if place in checked:
                pixels = [int(word) for word in row["pixels"].split(" ")]
                assert splits.train.images[place].ravel().tolist() == pixels
                assert splits.train.labels[place] == int(row["emotion"])
            if place >= len(splits.train):
                break


@pytest.mark.parametrize("place", [0, 20])
def test_a_part_of_fer2013_is_named_so(place, tmp_path, make_faces, monkeypatch):
    """It is known by the first face of a split, of which a part may lack one."""
    faces = concatenate(make_faces(20), make_faces(9, "PublicTest", seed=1))
    write_fer2013_csv(faces, tmp_path / "some.csv")
    assert read_fer2013_csv(tmp_path / "some.csv").notes == ()
    known = hashlib.sha256(faces.images[place].tobytes()).hexdigest()
    monkeypatch.setattr(fer2013_csv, "FIRST_FACES", ("0" * 64, known))
    (note,) = read_fer2013_csv(tmp_path / "some.csv").notes
    assert note.endswith(
        "holds 29 of FER2013's 35,887 rows: 20 of 28,709 Training, 9 of 3,589 PublicTest, "
        "0 of 3,589 PrivateTest."
    )
    whole = {"Training": 20, "PublicTest": 9, "PrivateTest": 0}
    monkeypatch.setattr(fer2013_csv, "NUM_ROWS", whole)
    assert read_fer2013_csv(tmp_path / "some.csv").notes == ()
