"""`fk.analyze`, and `fer-keras predict` for machines."""

import io
import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers import assert_frames_the_face, photograph, sure_run, tight_crops
from PIL import Image

import fer_keras as fk
from fer_keras.cli import main
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.predict.contact_sheet import CELL, GAP, ContactSheet
from fer_keras.predict.detection import Box
from fer_keras.predict.overlay import Face
from fer_keras.predict.predictor import read_picture
from fer_keras.predict.recognise import Recognition

BOX = list(Box._fields)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A portrait, two portraits in one picture, a wall, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    pair = Image.new("RGB", (1030, 600))
    pair.paste(photograph(), (0, 0))
    pair.paste(photograph(), (515, 0))
    pair.save(folder / "pair.png")
    photograph().save(folder / "portrait.png")
    Image.new("RGB", (300, 200), "white").save(folder / "wall.png")
    (folder / "broken.jpg").write_text("no picture")
    return folder


def test_a_file_a_folder_an_array_and_a_list_give_one_row_a_face(photos):
    table = fk.analyze(photos / "portrait.png", "quick")
    assert list(table.columns) == ["file", *BOX, "score", "class", *CLASS_NAMES]
    (row,) = table.to_dict("records")
    assert row["file"] == str(photos / "portrait.png") and 0.8 < row["score"] <= 1
    assert_frames_the_face(Box(*(row[side] for side in BOX)))
    shares = table[list(CLASS_NAMES)].iloc[0]
    assert shares.sum() == pytest.approx(1, abs=1e-5) and shares.idxmax() == row["class"]
    with pytest.warns(UserWarning, match=r"1 of 4 .*broken\.jpg \(not a picture"):
        folder = fk.analyze(str(photos), "quick")
    assert folder["file"].str.rsplit("/", n=1).str[1].tolist() == 2 * ["pair.png"] + [
        "portrait.png"
    ]
    pixels = np.asarray(photograph())
    arrays = fk.analyze([pixels, photos / "pair.png", pixels[..., 0]], "quick")
    assert arrays["file"].tolist() == ["array 1"] + 2 * [str(photos / "pair.png")] + ["array 2"]
    pd.testing.assert_frame_equal(arrays.iloc[:1, 1:], table.iloc[:, 1:])


def test_where_there_is_no_face_the_table_is_empty_and_has_its_columns(photos):
    table = fk.analyze(photos / "wall.png", "quick")
    assert table.empty and table.columns.tolist()[-7:] == list(CLASS_NAMES)
    assert table["left"].dtype == int and table["score"].dtype == float
    assert set(table[list(CLASS_NAMES)].dtypes) == {np.dtype(float)}
    pd.testing.assert_series_equal(table.dtypes, fk.analyze(photos / "pair.png", "quick").dtypes)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (3, "int is no picture; give a file, a folder, an array such as"),
        ([], "list of pictures is empty"),
        (np.zeros((40, 40)), "1 of 1 .*array 1 .an array of float64 of shape"),
        (np.zeros((2, 40, 40, 3), np.uint8), "cannot be read: array 1"),
        (np.zeros((0, 40, 3), np.uint8), "cannot be read: array 1"),
        (np.zeros((8, 9), np.uint8), "array 1 .9x8 pixels are too few to show a face"),
        ("nowhere.jpg", "nowhere.jpg does not exist"),
    ],
)
def test_what_is_no_picture_is_one_sentence(pictures, message):
    with pytest.raises(fk.InputError, match=message):
        fk.analyze(pictures, "quick")


def test_classes_with_the_names_of_columns_lose_nothing(tmp_path):
    directory = sure_run(tmp_path / "run", ("left", "class", "right"))
    table = fk.analyze(np.asarray(photograph()), directory)
    assert table.columns.tolist()[-3:] == ["left (class)", "class (class)", "right"]
    assert table.iloc[0, -3:].sum() == pytest.approx(1, abs=1e-5)
    assert_frames_the_face(Box(*table[BOX].iloc[0]))


def test_csv_and_json_on_standard_output_are_the_table_of_the_folder(photos, tmp_path, capsys):
    assert main(["predict", "quick", str(photos), "--out", str(tmp_path / "out")]) == 0
    assert "4 picture(s): 3 face(s) (" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert main(["predict", "quick", str(photos), "--csv"]) == 0
    said = capsys.readouterr()
    printed = pd.read_csv(io.StringIO(said.out))
    pd.testing.assert_frame_equal(printed, written.drop(columns="copy"))
    assert "portrait.png: " in said.err and "1 refused." in said.err
    assert main(["predict", "quick", str(photos), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["how"] for entry in entries] == ["refused", "detected", "detected", "no face"]
    assert "not a picture" in entries[0]["reason"] and entries[3]["faces"] == []
    (face,) = entries[2]["faces"]
    row = printed[printed["file"] == entries[2]["file"]].iloc[0]
    assert face["box"] == row[BOX].astype(int).to_dict() and face["score"] == row["score"]
    assert face["class"] == row["class"]
    assert face["probabilities"] == pytest.approx(row[list(CLASS_NAMES)].to_dict())


def test_machines_forms_leave_no_files_and_the_default_network_needs_no_name(
    photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(photos / "portrait.png"), "--json"]) == 0
    unnamed = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert main(["predict", "faces", str(photos / "portrait.png"), "--json"]) == 0
    assert capsys.readouterr().out == unnamed
    (tmp_path / "faces").mkdir()  # pictures of someone's faces
    photograph().save(tmp_path / "faces" / "a.png")
    assert main(["predict", "faces", str(photos / "portrait.png"), "--csv"]) == 0
    assert "1 picture(s)" in capsys.readouterr().err
    assert main(["predict", "./faces", str(photos / "portrait.png"), "--csv"]) == 0
    assert "2 picture(s)" in capsys.readouterr().err


def test_a_network_without_pictures_is_told_of_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "best"]) == 2
    assert (
        "name a picture or a folder of pictures after the network best" in capsys.readouterr().err
    )


def test_options_may_stand_anywhere_and_unknown_ones_are_refused(photos, capsys):
    portrait, wall = str(photos / "portrait.png"), str(photos / "wall.png")
    said = []
    for words in (
        ["quick", "--json", portrait, wall],
        ["quick", portrait, "--json", wall],
        ["--json", "quick", portrait, wall],
        ["quick", portrait, wall, "--json"],
    ):
        assert main(["predict", *words]) == 0
        said.append(capsys.readouterr().out)
    assert len(set(said)) == 1 and len(json.loads(said[0])) == 2
    with pytest.raises(SystemExit):
        main(["predict", "quick", portrait, "--yolo", wall])
    assert "no option is called --yolo" in capsys.readouterr().err


def test_where_nothing_can_be_read_the_command_fails(photos, capsys):
    assert main(["predict", "quick", str(photos / "broken.jpg"), "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["how"] == "refused"
    assert said.err.endswith("None of the pictures can be read.\n")
    assert main(["predict", "quick", str(photos / "wall.png"), "--json"]) == 0


def test_without_a_face_to_look_for_or_a_picture_neither_detector_nor_network_starts(photos):
    code = (
        "import sys; from fer_keras.predict.recognise import Recogniser\n"
        "recognise = Recogniser('quick')\n"
        f"print(recognise({str(photos / 'broken.jpg')!r}).how, 'cv2' in sys.modules,"
        " 'ai_edge_litert' in sys.modules)\n"
        f"print(recognise({str(photos / 'wall.png')!r}).how, 'ai_edge_litert' in sys.modules)\n"
        f"print(recognise({str(photos / 'portrait.png')!r}).how, 'tensorflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines() == [
        "refused False False",
        "no face False",
        "detected False",
    ], answer.stderr


def test_the_contact_sheet_shows_the_surest_faces_of_each_class(tmp_path):
    sheet, rng = ContactSheet(("happy", "sad", "fear")), np.random.default_rng(0)
    shares = rng.uniform(0.5, 1, 40).round(3)
    for number, share in enumerate(shares):
        # The picture's grey level is its probability, and the face is all of it.
        pixels = np.full((50, 50, 3), round(200 * share), np.uint8)
        probabilities = np.roll([share, 1 - share, 0], number % 2)
        face = Face(Box(0, 0, 50, 50), probabilities)
        sheet.add(Recognition(f"{number}.png", "detected", [face], None, pixels))
    sheet.write(tmp_path / "sheet.jpg")
    drawn = np.asarray(Image.open(tmp_path / "sheet.jpg"))[..., 0].astype(int)
    for row, chosen in enumerate((shares[0::2], shares[1::2])):
        top = row * (drawn.shape[0] // 2) + GAP + CELL // 2
        levels = [drawn[top, 150 + column * (CELL + GAP) + 9] for column in range(12)]
        expected = np.sort(chosen)[::-1][:12]
        np.testing.assert_allclose(levels, 200 * expected, atol=1)


def test_heic_is_read_upright_where_its_package_is(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    heif.register_heif_opener()
    photograph().save(tmp_path / "a.heic", quality=90)
    difference = np.abs(read_picture(tmp_path / "a.heic") - np.asarray(photograph()).astype(int))
    assert difference.mean() < 4


def test_heic_without_its_package_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.jpg").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(40))
    with pytest.raises(fk.InputError, match=r"a HEIC picture: .* pip install \"pillow-heif"):
        read_picture(tmp_path / "a.jpg")


def test_small_squares_have_no_score(tmp_path):
    tight_crops()["gray48.png"].save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = fk.analyze(tmp_path, "quick").to_dict("records")
    assert np.isnan(row["score"]) and [row[side] for side in BOX] == [0, 0, 48, 48]
