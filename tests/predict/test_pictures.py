import os
import re
import struct
import subprocess
import zlib
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import FACE, assert_as_near, assert_frames_the_face, photograph, sure_run, tight_crops
from PIL import Image, ImageDraw

from fer_keras.cli import main
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.data.readers.image_folder import read_image_folder, write_image_folder
from fer_keras.networks.build import in_dtype
from fer_keras.predict import folders, recognise
from fer_keras.predict.analysis import analyze
from fer_keras.predict.contact_sheet import ContactSheet
from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import Face
from fer_keras.predict.pictures import copies_figure, predict, split_network
from fer_keras.predict.predictor import Predictor, read_picture
from fer_keras.predict.recognise import Recogniser, Recognition
from fer_keras.predict.tables import read_faces
from fer_keras.predict.video_files import VideoReader
from fer_keras.predict.video_outputs import Outputs
from fer_keras.training.feeds import evaluation_feed
from fer_keras.utils.errors import InputError

PORTRAITS = (  # whatever the encoding, the face is where it is in the photograph
    "exif.jpg", "rgba.png", "la.png", "sixteen_bits.png", "palette.png", "animated.gif",
    "cmyk.jpg", "UPPER.JPG", "name with a ž.webp", "tiff.tif", "sub/exif.jpg",
)  # fmt: skip
REFUSED = {
    "speck.png": "1x1 pixels are too few",
    "empty.jpg": "empty file",
    "text.jpg": "not a picture of the kinds JPEG",
    "truncated.jpg": "Premature end",
    "pointer.jpg": "git lfs pull",
    "bomb.png": "million pixels",
    "huge.png": "million pixels",
    "fractions.tif": "32 bits, whose range is unknown",
}
TIGHT = ("tight.png", "one_bit.png")
NO_FACE = ("icon.png", "strip.png", "blank.png")


def png_header(width, height):
    """A PNG that promises so many pixels and has none."""
    chunks = b""
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
                       (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):  # fmt: skip
        crc = struct.pack(">I", zlib.crc32(kind + data))
        chunks += struct.pack(">I", len(data)) + kind + data + crc
    return b"\x89PNG\r\n\x1a\n" + chunks


def icon():
    """A small smiling face in plain colours."""
    picture = Image.new("RGB", (64, 64), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((2, 2, 61, 61), fill="gold", outline="black")
    draw.ellipse((18, 18, 26, 30), fill="black")
    draw.ellipse((38, 18, 46, 30), fill="black")
    draw.arc((16, 20, 48, 50), 20, 160, fill="black", width=3)
    return picture


def write_awkward_pictures(folder):
    portrait = photograph()
    gray = portrait.convert("L")
    opaque = portrait.copy()
    opaque.putalpha(255)
    lying = portrait.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise by a quarter
    (folder / "sub").mkdir(parents=True)
    for name in ("exif.jpg", "sub/exif.jpg"):
        lying.save(folder / name, exif=exif)
    opaque.save(folder / "rgba.png")
    gray.convert("LA").save(folder / "la.png")
    Image.fromarray(np.asarray(gray).astype(np.uint16) * 257).save(folder / "sixteen_bits.png")
    portrait.quantize(128).save(folder / "palette.png")
    blank = Image.new("RGB", portrait.size, "white")
    portrait.save(folder / "animated.gif", save_all=True, append_images=[blank, blank])
    portrait.convert("CMYK").save(folder / "cmyk.jpg")
    portrait.save(folder / "UPPER.JPG")
    portrait.save(folder / "name with a ž.webp")
    portrait.save(folder / "tiff.tif")
    pair = Image.new("RGB", (1030, 600))
    pair.paste(portrait, (0, 0))
    pair.paste(portrait, (515, 0))
    pair.save(folder / "pair.png")
    transparent = opaque.copy()
    transparent.paste((9, 9, 9, 0), (0, 400, 512, 600))
    transparent.quantize(64).save(folder / "transparent_palette.png")
    tight_crops()["gray48.png"].save(folder / "tight.png")
    tight_crops()["gray48.png"].convert("1").save(folder / "one_bit.png")
    icon().save(folder / "icon.png")
    Image.new("RGB", (3000, 20), "white").save(folder / "strip.png")
    blank.save(folder / "blank.png")
    Image.new("L", (1, 1)).save(folder / "speck.png")
    Image.fromarray(np.random.default_rng(0).random((60, 60)).astype(np.float32)).save(
        folder / "fractions.tif"
    )
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "truncated.jpg").write_bytes((folder / "UPPER.JPG").read_bytes()[:9000])
    (folder / "pointer.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid ...\n")
    (folder / "bomb.png").write_bytes(png_header(60000, 60000))
    (folder / "huge.png").write_bytes(png_header(10000, 10000))
    (folder / "notes.txt").write_text("ignored")
    (folder / ".hidden.jpg").write_text("ignored")


@pytest.fixture(scope="module")
def awkward(tmp_path_factory, run_directory):
    folder, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("out")
    write_awkward_pictures(folder)
    table = pd.read_csv(predict(run_directory, [folder], out).table, dtype={"copy": str})
    table["file"] = [str(name).removeprefix(f"{folder}/") for name in table["file"]]
    return folder, out, table


def test_every_awkward_picture_has_the_row_that_was_planted(awkward):
    _, _, table = awkward
    rows = {name: group.to_dict("records") for name, group in table.groupby("file")}
    planted = {*PORTRAITS, *REFUSED, *TIGHT, *NO_FACE, "pair.png", "transparent_palette.png"}
    assert set(rows) == planted and len(table) == len(planted) + 1
    for name in PORTRAITS:
        (row,) = rows[name]
        assert row["how"] == "detected", name
        assert_frames_the_face(Box(*(row[side] for side in Box._fields)))
    first, second = rows["pair.png"]
    assert abs(second["left"] - first["left"] - 515) <= 6 and first["copy"] == second["copy"]
    for name, reason in REFUSED.items():
        (row,) = rows[name]
        assert row["how"] == "refused" and reason in row["reason"], name
    for name in TIGHT:
        (row,) = rows[name]
        assert row["how"] == "tight crop"
        assert [row[side] for side in Box._fields] == [0, 0, 48, 48]
    for name in NO_FACE:
        (row,) = rows[name]
        assert row["how"] == "no face" and "--whole-image" in row["reason"]


def test_rows_with_a_face_have_a_class_and_probabilities_and_the_others_none(awkward):
    _, _, table = awkward
    names = list(CLASS_NAMES)
    with_face = table["how"].isin(["detected", "tight crop"])
    np.testing.assert_allclose(table.loc[with_face, names].sum(axis=1), 1, atol=1e-5)
    assert (table.loc[with_face, names].idxmax(axis=1) == table.loc[with_face, "class"]).all()
    assert table.loc[~with_face, [*names, "class", "left", "copy"]].isna().all(axis=None)


def test_every_picture_with_a_face_has_an_upright_copy_of_its_own(awkward):
    _, out, table = awkward
    copies = table.groupby("file")["copy"].first().dropna()
    assert copies.is_unique and {"exif.jpg", "exif-2.jpg"} <= set(copies)
    assert {path.name for path in out.iterdir()} == {
        *copies,
        "contact_sheet.jpg",
        "predictions.csv",
        ".gitignore",
    }
    for name in ("exif.jpg", "exif-2.jpg", "UPPER.jpg"):
        assert Image.open(out / name).height == 600
    upright = np.asarray(photograph()).astype(int)
    copy = np.asarray(Image.open(out / "exif.jpg"))[:600, :512].astype(int)
    assert np.abs(copy[400:] - upright[400:]).mean() < 6  # below the face, nothing is drawn


def test_the_copy_shows_the_box_where_the_table_says(awkward):
    _, out, table = awkward
    row = table.set_index("file").loc["UPPER.JPG"]
    change = np.abs(
        np.asarray(Image.open(out / row["copy"]))[:600, :512].astype(int)
        - np.asarray(photograph()).astype(int)
    ).sum(axis=2)
    left, top, side = (int(row[name]) for name in ("left", "top", "width"))
    border = change[top : top + side, left : left + 3]
    inside = change[top + 30 : top + side - 30, left + 30 : left + side - 30]
    assert border.mean() > 5 * inside.mean()


def test_transparent_parts_are_white(awkward):
    folder, _, table = awkward
    assert (read_picture(folder / "transparent_palette.png")[500, 250] == 255).all()
    assert table.set_index("file").loc["transparent_palette.png", "how"] == "detected"


def test_what_happened_is_printed(awkward, run_directory, tmp_path, capsys):
    folder, _, _ = awkward
    predict(run_directory, [folder / "sub", folder / "text.jpg", folder / "blank.png"],
            tmp_path / "out")  # fmt: skip
    *lines, summary, table = capsys.readouterr().out.splitlines()
    assert "(detected)" in lines[0] and "refused (not a picture of the kinds JPEG" in lines[1]
    assert "no face" in lines[2]
    assert re.fullmatch(
        r"3 picture\(s\): 1 face\(s\) \(\w+ 1\); 1 without a face, 1 refused\.", summary
    )
    assert table == str(tmp_path / "out" / "predictions.csv")


def test_accuracy_on_a_data_set_is_that_of_its_feed(run_directory, make_faces, tmp_path):
    write_image_folder(make_faces(70), tmp_path)
    write_image_folder(make_faces(35, "PublicTest"), tmp_path)
    faces = read_image_folder(tmp_path).test
    model = keras.saving.load_model(run_directory / "model.keras")
    expected = model.predict(evaluation_feed(faces), verbose=0)
    exact = in_dtype(model, "float64")(faces.images[..., None])
    for whole_image, how in ((False, "tight crop"), (True, "whole image")):
        out = tmp_path / how
        table = pd.read_csv(predict(run_directory, [tmp_path / "test"], out, whole_image).table)
        assert (table["how"] == how).all()
        by_name = table.set_index(table["file"].map(lambda name: name.rsplit("/", 1)[1]))
        rows = by_name.loc[[name.rsplit("/", 1)[1] for name in faces.ids]]
        assert_as_near(rows[list(CLASS_NAMES)], expected, exact, slack=1e-5)
        said = [CLASS_NAMES[label] for label in expected.argmax(axis=1)]
        assert rows["class"].tolist() == said and len(set(said)) > 2


def test_whole_image_takes_any_picture_as_one_face(run_directory, tmp_path):
    photograph().crop(FACE).save(tmp_path / "close.png")
    (row,) = pd.read_csv(
        predict(run_directory, [tmp_path / "close.png"], tmp_path / "out", whole_image=True).table
    ).to_dict("records")
    assert row["how"] == "whole image"
    assert [row[side] for side in Box._fields] == [0, 0, 208, 208]


@pytest.mark.parametrize("count", [2, 12])
def test_classes_are_those_of_the_network_however_many_and_long(tmp_path, count):
    names = tuple(f"výraz {number} {'dlouhý ' * 9}" for number in range(count))
    photograph().save(tmp_path / "a.png")
    directory = sure_run(tmp_path / "run", names)
    path = predict(directory, [tmp_path / "a.png"], tmp_path / "out").table
    table = pd.read_csv(path)
    start = table.columns.get_loc("class") + 1
    assert tuple(table.columns[start : start + count]) == names and table["class"][0] in names
    assert table[list(names)].sum(axis=1)[0] == pytest.approx(1, abs=1e-5)


def test_the_figure_of_copies_shows_each_picture_once_with_its_classes(awkward):
    _, out, table = awkward
    figure = copies_figure(table, out)
    titles = [panel.get_title() for panel in figure.axes if panel.get_title()]
    assert titles == ["/".join(name.split("/")[-2:]) for name in
                      table.dropna(subset="copy")["file"].unique()[:12]]  # fmt: skip
    pair = table[table["file"] == "pair.png"]["class"].tolist()
    assert len(titles) == 12 and f"pair.png: {', '.join(pair)}" in figure.get_label()


@pytest.mark.parametrize("names", [("None", "NA", "null"), ("1", "2", "3")])
def test_a_class_may_be_called_as_what_is_missing_or_as_a_number(tmp_path, names):
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    directory = sure_run(tmp_path / "run", names)
    summary = predict(directory, [tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "out")
    table = read_faces(summary.table)
    assert table["class"][0] in names and table.loc[1, ["class", "copy", "left"]].isna().all()
    assert f"a.png: {table['class'][0]}." in copies_figure(table, tmp_path / "out").get_label()


def test_where_no_picture_shows_a_face_one_is_told_what_to_set(tmp_path):
    table = pd.DataFrame({"file": ["a/b.png"], "how": ["no face"], "class": [None], "copy": [None]})
    with pytest.raises(InputError, match="No picture showed a face; set whole_image"):
        copies_figure(table, tmp_path)


def test_results_go_into_the_run_directory_unless_told_otherwise(run_directory, tmp_path):
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    table = predict(run_directory, [tmp_path / "a.png"]).table
    assert table.parent.parent == run_directory / "predictions"
    assert (table.parent / "a.jpg").is_file()


def test_a_second_call_in_the_same_second_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    class Now:
        now = staticmethod(lambda: datetime(2000, 1, 1))

    monkeypatch.setattr(folders, "datetime", Now)
    names = []
    for _ in range(3):
        out = folders.output_folder(tmp_path, None)
        out.mkdir(parents=True)
        names.append(out.name)
    assert names == [f"2000-01-01_00-00-00{suffix}" for suffix in ("", "-2", "-3")]


def test_a_comparison_in_the_place_of_a_run_is_answered_with_its_runs(tmp_path):
    (tmp_path / "a-seed0").mkdir()
    (tmp_path / "a-seed0" / "model.keras").touch()
    (tmp_path / "comparison.json").touch()
    for ask in (lambda: split_network([str(tmp_path), "a.png"]), lambda: Predictor(tmp_path)):
        with pytest.raises(InputError, match="is a comparison; name one of its runs: .*a-seed0"):
            ask()


def test_impossible_requests_are_refused_before_anything_is_written(run_directory, tmp_path):
    out, empty = tmp_path / "out", tmp_path / "empty"
    empty.mkdir()
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    picture = tmp_path / "a.png"
    for paths, message in (
        ([picture, tmp_path / "nowhere.jpg"], r"nowhere\.jpg does not exist"),
        ([empty], "no picture in"),
        ([3], "3 does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            predict(run_directory, paths, out)
    with pytest.raises(InputError, match="not empty"):
        predict(run_directory, [picture], tmp_path)
    for source, message in ((empty, "no finished run"), (3, "network is of type int; give a run")):
        with pytest.raises(InputError, match=message):
            predict(source, [picture], out)
    assert not out.exists() and picture.is_file()


def test_names_that_are_long_or_no_text_keep_their_rows_and_copies(run_directory, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    odd = os.fsencode(photos) + b"/\xff\xfe.png"
    for name in (f"{250 * 'a'}.png", f"{125 * 'ž'}.png", odd):
        tight_crops()["gray48.png"].save(photos / "face.png")
        os.rename(photos / "face.png", name if isinstance(name, bytes) else photos / name)
    table = pd.read_csv(predict(run_directory, [photos], tmp_path / "out").table)
    assert set(table["how"]) == {"tight crop"} and len(table) == 3
    assert sum(r"\xff\xfe.png" in name for name in table["file"]) == 1
    assert all((tmp_path / "out" / name).is_file() for name in table["copy"])


def test_who_stops_it_keeps_the_rows_of_what_was_done(run_directory, tmp_path, monkeypatch, capsys):
    for name in ("1.png", "2.png", "3.png"):
        tight_crops()["gray48.png"].save(tmp_path / name)
    read = recognise.read_picture

    def until_the_second(file):
        if file.name == "3.png":
            raise KeyboardInterrupt
        return read(file)

    monkeypatch.setattr(recognise, "read_picture", until_the_second)
    out = tmp_path / "out"
    assert main(["predict", str(run_directory), str(tmp_path), "--out", str(out)]) == 130
    said = capsys.readouterr()
    assert said.err == "\nfer-keras: Stopped; what was done is kept.\n"
    assert said.out.splitlines()[2:] == [f"{out}/contact_sheet.jpg", f"{out}/predictions.csv"]
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert [Path(name).name for name in table["file"]] == ["1.png", "2.png"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".gitignore", "1.jpg", "2.jpg", "contact_sheet.jpg", "predictions.csv",
    ]  # fmt: skip


def test_jpegs_have_several_endings(tmp_path):
    for name in ("a.JFIF", "b.jpe", "c.jpeg", "d.jp"):
        (tmp_path / name).touch()
    files, _ = folders.list_pictures([tmp_path])
    assert [file.name for file in files] == ["a.JFIF", "b.jpe", "c.jpeg"]


def test_pipes_are_neither_waited_on_nor_counted_as_pictures(run_directory, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="pipe.png is neither a file nor a folder"):
        predict(run_directory, [tmp_path / "pipe.png"], tmp_path / "out")
    (tmp_path / "inside").mkdir()
    os.mkfifo(tmp_path / "inside" / ".gitignore")
    with pytest.raises(InputError, match="There is no picture"):
        predict(run_directory, [tmp_path], tmp_path / "out")


def test_a_picture_with_the_contact_sheets_name_keeps_its_copy(run_directory, tmp_path):
    for name in ("contact_sheet.png", "other.png"):
        tight_crops()["gray48.png"].save(tmp_path / name)
    table = pd.read_csv(predict(run_directory, [tmp_path], tmp_path / "out").table)
    assert table["copy"].tolist() == ["contact_sheet-2.jpg", "other.jpg"]
    assert (tmp_path / "out" / "contact_sheet.jpg").is_file()


def test_copies_of_a_former_call_are_no_pictures_to_look_at(run_directory, tmp_path):
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    (tmp_path / "more").mkdir()
    tight_crops()["gray48.png"].save(tmp_path / "more" / "b.png")
    for number in range(2):
        done = predict(run_directory, [tmp_path], tmp_path / "predictions" / str(number))
        assert len(pd.read_csv(done.table)) == 2


def test_a_copy_or_a_sheet_that_does_not_fit_on_the_disk_is_named_and_not_kept(
    run_directory, tmp_path, capsys
):
    resource = pytest.importorskip("resource")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    photograph().save(tmp_path / "a.png")
    sheet, out = ContactSheet(CLASS_NAMES), tmp_path / "out"
    face = Face(Box(*FACE), np.eye(7)[3])
    sheet.add(Recognition("a.png", "detected", [face], None, np.asarray(photograph())))
    arguments = ["predict", str(run_directory), str(tmp_path / "a.png"), "--out", str(out)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, former[1]))
    try:
        code = main(arguments)
        with pytest.raises(OSError, match="sheet.jpg"):
            sheet.write(tmp_path / "sheet.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 1 and f"{out / 'a.jpg'}; nothing is lost" in error
    assert not [*tmp_path.rglob("*.jpg")]


def test_copies_and_timelines_of_commands_are_left_out_and_counted(run_directory, tmp_path, capsys):
    for folder in ("mine", "mine/again"):
        (tmp_path / folder).mkdir()
        tight_crops()["gray48.png"].save(tmp_path / folder / "a.png")
    (tmp_path / "mine" / "predictions.csv").write_text("of somebody else")
    (tmp_path / "mine" / "notes.jfif.txt").touch()
    predict(run_directory, [tmp_path / "mine"], tmp_path / "seen")
    photograph().save(tmp_path / ".video.gif")
    with closing(VideoReader(tmp_path / ".video.gif")) as reader:
        Outputs(tmp_path / "video", reader, CLASS_NAMES).close()
    photograph().save(tmp_path / "video" / "timeline.png")
    capsys.readouterr()
    predict(run_directory, [tmp_path], tmp_path / "out")
    summary = capsys.readouterr().out.splitlines()[-3]
    assert summary.startswith("2 picture(s): 2 face(s)") and summary.endswith(
        "; 2 folder(s) that fer-keras wrote ignored; 2 other file(s) in folders ignored."
    )


def test_links_are_followed_once_and_broken_ones_are_refused(run_directory, tmp_path):
    photos = tmp_path / "photos"
    (photos / "inside").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for folder in (photos / "inside", tmp_path / "elsewhere"):
        tight_crops()["gray48.png"].save(folder / "a.png")
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(photos)
    (photos / "broken.jpg").symlink_to("nowhere.jpg")
    (photos / "loop.jpg").symlink_to("loop.jpg")
    table = pd.read_csv(predict(run_directory, [photos], tmp_path / "out").table)
    found = [name.removeprefix(f"{photos}/") for name in table["file"]]
    assert found == ["broken.jpg", "loop.jpg", "inside/a.png", "linked/a.png"]
    assert table["how"].tolist() == 2 * ["refused"] + 2 * ["tight crop"]
    assert table["reason"][0] == "No such file or directory"


def test_a_folder_that_may_not_be_opened_is_refused(run_directory):
    recognise_picture = Recogniser(run_directory)
    with TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        private = Path(place) / "private"
        private.mkdir(mode=0)
        tight_crops()["gray48.png"].save(Path(place) / "a.png")
        user = os.geteuid()
        try:
            os.seteuid(user or 65534)  # root may open anything
            files, _ = folders.list_pictures([place])
            found = [recognise_picture(file) for file in files]
        finally:
            os.seteuid(user)
            private.chmod(0o700)
    assert {Path(each.file).name: each.reason for each in found} == {
        "a.png": None,
        "private": "Permission denied",
    }


def test_names_cannot_break_lines_or_colour_a_terminal(run_directory, tmp_path, capsys):
    tight_crops()["gray48.png"].save(tmp_path / "red\x1b[31m\nline.png")
    (tmp_path / "blue\x1b[34m.png").touch()
    predict(run_directory, [tmp_path], tmp_path / "out")
    with pytest.warns(UserWarning, match=r"blue\\x1b\[34m\.png \(empty file"):
        analyze([*tmp_path.glob("*.png")], run_directory)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(rf"{tmp_path}/blue\x1b[34m.png: refused")
    assert lines[1].startswith(rf"{tmp_path}/red\x1b[31m\nline.png: ")


def test_git_ignores_what_is_made_from_photos(run_directory, tmp_path):
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    subprocess.run(["git", "init", "-q", tmp_path / "project"], check=True)
    predict(run_directory, [tmp_path / "a.png"], tmp_path / "project" / "out")
    command = ["git", "-C", tmp_path / "project", "status", "--porcelain", "-uall"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""
