"""The audit from end to end: planted faults in files, the tables, the galleries, the notebook."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT, alternatives, jpeg, name_in_latin1, papermill, shifted, textured
from PIL import Image

from fer_keras.audit.examine import MIN_CORRELATION_DRAWN, examine
from fer_keras.cli import main
from fer_keras.data.drawn import draw_faces
from fer_keras.data.faces import Faces, concatenate
from fer_keras.data.labels import CLASS_NAMES, FERPLUS_COLUMNS
from fer_keras.data.readers import fer2013_csv
from fer_keras.data.readers.fer2013_csv import read_all_rows, write_fer2013_csv
from fer_keras.data.readers.image_folder import write_image_folder
from fer_keras.reporting.audit_figures import all_figures
from fer_keras.reporting.audit_galleries import GALLERIES, all_galleries
from fer_keras.reporting.audit_prose import links, sections
from fer_keras.reporting.audit_record import audit_folder, keep_tables, print_tables
from fer_keras.reporting.audit_tables import all_tables
from fer_keras.reporting.html import export_html
from fer_keras.utils.errors import InputError

VOTE_COLUMNS = [*FERPLUS_COLUMNS, "unknown", "NF"]


def write_votes(faces, path):
    """All ten vote as FER2013 says, but for image 3 (happy: sad), 5 (a tie) and 6 (no face)."""
    names = {name: column for column, name in FERPLUS_COLUMNS.items()}
    rows = []
    for number, (label, name) in enumerate(zip(faces.labels, faces.ids.tolist(), strict=True)):
        votes = dict.fromkeys(VOTE_COLUMNS, 0) | {names[faces.class_names[label]]: 10}
        if number == 3:
            votes = dict.fromkeys(VOTE_COLUMNS, 0) | {"sadness": 7, "anger": 3}
        if number == 5:
            votes = dict.fromkeys(VOTE_COLUMNS, 0) | {"sadness": 5, "anger": 5}
        if number == 6:
            votes = dict.fromkeys(VOTE_COLUMNS, 0) | {"NF": 10}
        image = "" if number == 6 else f"fer{number:07}.png"
        rows.append({"Usage": name.split("/")[0], "Image name": image} | votes)
    pd.DataFrame(rows).to_csv(path, index=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """CSV, folders and votes of 105 training and 42 test faces with one planted fault of each kind.

    Exact copies: 0 = 7 (Training, same label), 1 = test 1 (across splits), 2 = 10 (a conflict).
    Near copies: 20 and test 20 (JPEG, across), 21 and 30 (shifted), 22 and 31 (mirrored).
    Blank: 50. The folders call image 61 sad in place of its class, surprise.
    """
    labels = np.arange(147) % 7
    images = textured(147, seed=3)
    images[7] = images[0]
    images[105 + 1] = images[1]
    images[10] = images[2]
    images[105 + 20] = jpeg(images[20], 50)
    images[30] = shifted(images[21], 1, 1)
    images[31] = images[22][:, ::-1]
    images[50] = 0
    labels[105:] = np.arange(42) % 7
    ids = [f"Training/row{n}" for n in range(1, 106)] + [
        f"PublicTest/row{n}" for n in range(106, 148)
    ]
    faces = Faces(images, labels, np.array(ids), CLASS_NAMES)
    directory = tmp_path_factory.mktemp("flawed")
    write_fer2013_csv(faces, directory / "fer2013.csv")
    write_votes(faces, directory / "fer2013new.csv")
    labels = labels.copy()
    labels[61] = CLASS_NAMES.index("sad")
    write_image_folder(replace(faces, labels=labels), directory)
    return directory


@pytest.fixture(scope="module")
def found(data):
    return examine(data)


def test_names_that_are_no_utf8_are_audited(tmp_path, capsys):
    write_image_folder(draw_faces(70, 1), tmp_path / "mine")
    write_image_folder(draw_faces(35, 2, "PublicTest"), tmp_path / "mine")
    name_in_latin1(tmp_path / "mine")
    found = examine(tmp_path / "mine")
    directory, tables = keep_tables(found, tmp_path)
    print_tables(found, directory, tables)
    assert r"ga\xeet\xe9" in capsys.readouterr().out
    assert r"ga\xeet\xe9" in (directory / "tables" / "audit.csv").read_text()


def counts_of(found):
    table = all_tables(found)["audit"]
    return table.set_index(["what", "split"])["count"]


def test_every_planted_fault_is_counted_and_nothing_else(found):
    counts = counts_of(found)
    expected = {
        ("images", "all"): 147,
        ("exact copies of an earlier image", "all"): 3,
        ("images with an exact copy", "all"): 6,
        ("images with an exact copy", "PublicTest"): 1,
        ("images with an exact copy in Training", "PublicTest"): 1,
        ("images with a near copy", "all"): 6,
        ("images with a near copy in Training", "PublicTest"): 1,
        ("images with an exact or near copy in Training", "PublicTest"): 2,
        ("pairs of near copies", "all"): 3,
        ("groups of identical images with different labels", "all"): 1,
        ("identical images with different labels", "all"): 2,
        ("blank images", "all"): 1,
        ("nearly blank images", "all"): 0,
        ("images paired with one of the folders", "all"): 147,
        ("pairs with different labels", "all"): 1,
        ("FER+: no face", "all"): 1,
        ("FER+: no majority", "all"): 1,
        ("FER+: other label", "all"): 1,
        ("FER+: same label", "all"): 144,
        ("images of happy", "Training"): 15,
    }
    assert {key: counts[key] for key in expected} == expected


def test_tables_name_each_planted_image(found):
    tables = all_tables(found)
    pairs = tables["near_copy_pairs"]
    assert pairs[["id", "second id", "kind"]].to_numpy().tolist() == [
        ["Training/row21", "PublicTest/row126", "in place"],
        ["Training/row22", "Training/row31", "shifted"],
        ["Training/row23", "Training/row32", "mirrored"],
    ]
    assert tables["conflicting_images"]["id"].tolist() == ["Training/row3", "Training/row11"]
    assert tables["conflicting_labels"].to_numpy().tolist() == [["fear, happy", 1, 2]]
    assert tables["blank_images"]["id"].tolist() == ["Training/row51"]
    by_class = tables["exact_copies_by_class"].set_index(["split", "class"])
    assert by_class["images"].sum() == 147
    assert by_class.loc[("Training", "angry"), "copy in the same split"] == 2
    assert by_class.loc[("PublicTest", "disgust"), "copy in Training"] == 1
    assert tables["csv_against_folder"]["pairs"].tolist() == [105, 42]
    assert tables["csv_against_folder"]["different labels"].tolist() == [1, 0]
    ferplus = tables["ferplus"].set_index("class")
    assert ferplus.loc["all", "share"] == 1 / 145
    assert ferplus.loc["happy", ["other label", "commonest other"]].tolist() == [1, "sad"]
    assert ferplus["no face"]["neutral"] == ferplus["no majority"]["surprise"] == 1


def test_sound_data_has_no_findings_and_no_empty_figures(tmp_path):
    labels = np.arange(70) % 7
    ids = np.array([f"{'Training' if n < 49 else 'PublicTest'}/row{n}" for n in range(70)])
    write_fer2013_csv(Faces(textured(70, 9), labels, ids, CLASS_NAMES), tmp_path / "fer2013.csv")
    found = examine(tmp_path)
    galleries = all_galleries(found)
    assert set(galleries) == {"gallery_classes"}
    tables = all_tables(found)
    assert set(all_figures(found, tables)) == {"class_balance", "nearest_hashes"}
    assert "#gallery_classes" in links(galleries)["class_balance"]
    assert "nearest_hashes" not in links(galleries)
    words = sections(found, tables)
    for name, sentence in (
        ("exact_copies", "there are no exact copies"),
        ("near_copies", "no near copies"),
        ("conflicting_labels", "no conflicts"),
        ("blank_images", "No image is blank"),
        ("csv_against_folder", "nothing to compare"),
        ("ferplus", "are not beside"),
    ):
        assert sentence in words[name]


def test_bad_rows_are_named_and_the_rest_is_audited(data, tmp_path):
    lines = (data / "fer2013.csv").read_text().splitlines(keepends=True)
    lines[4] = "3,1 2 3,Training\n"
    (tmp_path / "fer2013.csv").write_text("".join(lines))
    (tmp_path / "fer2013new.csv").write_bytes((data / "fer2013new.csv").read_bytes())
    found = examine(tmp_path)
    assert counts_of(found)["images", "all"] == 146 and found.ferplus is None
    assert "Left out 1 bad row(s)" in sections(found, all_tables(found))["data"]
    assert any(note.startswith("FER+'s votes were not examined: ") for note in found.notes)


def test_votes_on_a_part_of_fer2013_are_audited(data, tmp_path, monkeypatch):
    """The complete file says in its notes how many rows are missing; these are no bad rows."""
    first = read_all_rows(data / "fer2013.csv")[0].images[0]
    known = hashlib.sha256(first.tobytes()).hexdigest()
    monkeypatch.setattr(fer2013_csv, "FIRST_FACES", (known,))
    found = examine(data)
    assert "of FER2013's 35,887 rows" in found.notes[0]
    assert found.ferplus["share"].notna().all()


def test_folders_alone_are_audited(data, tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).symlink_to(data / part)
    counts = counts_of(examine(tmp_path))
    assert counts["exact copies of an earlier image", "all"] == 3
    assert counts["pairs of near copies", "all"] == 3


def test_a_csv_without_parts_has_no_image_in_the_other_part(data, tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).symlink_to(data / part)
    lines = (data / "fer2013.csv").read_text().splitlines()
    lines = [line.rpartition(",")[0] for line in lines]
    (tmp_path / "fer2013.csv").write_text("\n".join(lines) + "\n")
    found = examine(tmp_path)
    table = all_tables(found)["csv_against_folder"]
    assert table[["part", "other part"]].to_numpy().tolist() == [["all", 0]]
    assert table["CSV"].item() == len(lines) - 1
    words = sections(found, all_tables(found))["csv_against_folder"]
    assert "pair up" in words and "in training on one side" not in words


def test_planted_faults_are_found_among_drawn_faces(tmp_path):
    faces = concatenate(draw_faces(250, 5), draw_faces(60, 5, "PublicTest"))
    images = faces.images.copy()
    images[250:260] = images[:10]
    images[260:270] = [jpeg(image, 50) for image in images[10:20]]
    write_fer2013_csv(replace(faces, images=images), tmp_path / "fer2013.csv")
    counts = counts_of(examine(tmp_path, MIN_CORRELATION_DRAWN))
    assert counts["images with an exact copy in Training", "PublicTest"] == 10
    assert counts["images with a near copy in Training", "PublicTest"] == 10
    assert counts["pairs of near copies", "all"] == 10


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_correlation": 2}, "min_correlation is 2; give a number above 0"),
        ({"min_correlation": "high"}, "min_correlation is 'high'"),
        ({"data": 3}, "data is 3; give a path"),
    ],
)
def test_impossible_values_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        examine(**fields)


def test_the_command_prints_tables_and_keeps_them(data, tmp_path, capsys):
    assert main(["audit", str(data), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "exact copies of an earlier image" in printed and "Training/row51" in printed
    (folder,) = (tmp_path / "out").iterdir()
    assert printed.endswith(f"{folder / 'tables'}\n")
    record = pd.read_csv(folder / "tables" / "audit.csv")
    assert record.columns.tolist() == ["what", "split", "count", "share"]
    names = {path.stem for path in (folder / "tables").iterdir()}
    assert {"near_copy_pairs", "conflicting_images", "csv_against_folder", "ferplus"} <= names


def test_audits_of_other_data_or_settings_have_folders_of_their_own(data, tmp_path, capsys):
    out, documents = tmp_path / "out", []
    for place in (data, data / "fer2013.csv"):
        assert main(["audit", str(place), "--out", str(out), "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
        old = Path(documents[0]["folder"]) / "tables" / "old.csv"
        old.write_text("of a former audit")
    both, csv = documents
    assert both["folder"] != csv["folder"] and old.exists()
    assert "csv_against_folder" in both["tables"] and "csv_against_folder" not in csv["tables"]
    assert "near_copy_pairs" not in both["tables"]  # a list of images, in the folder
    counted = pd.DataFrame(csv["tables"]["audit"]).convert_dtypes()
    kept = pd.read_csv(Path(csv["folder"]) / "tables" / "audit.csv").convert_dtypes()
    pd.testing.assert_frame_equal(counted, kept)
    found = examine(data)
    again, _ = keep_tables(found, out)
    assert str(again) == both["folder"] and not old.exists()
    limits = {audit_folder(replace(found, min_correlation=limit), out) for limit in (0.9, 0.95)}
    assert len(limits) == 2


def test_the_command_refuses_a_folder_without_data(tmp_path, capsys):
    assert main(["audit", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no faces" in capsys.readouterr().err


def test_notebook_runs_and_each_link_leads_to_a_gallery(data, tmp_path):
    output = tmp_path / "audit.ipynb"
    answer = papermill(
        output, "-r", "data", data, "-r", "output", tmp_path / "runs",
        notebook=ROOT / "notebooks" / "audit.ipynb",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    page = BeautifulSoup(export_html(output).read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in page("a", href=True) if link["href"].startswith("#")]
    assert {f"#{name}" for name in GALLERIES} <= set(links)
    assert all(page.find(id=link[1:]) for link in links)
    assert all(alternatives(page))
    assert not page.select(".output_stderr")
    kept = {path.stem for path in (tmp_path / "runs").glob("audit-*/figures/*")}
    assert len(alternatives(page)) == len(kept) and set(GALLERIES) <= kept
    cells = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells[3:])


def test_folders_with_classes_of_ones_own_are_audited(tmp_path):
    labels = np.arange(60) % 3
    images = textured(60, 5)
    images[7] = images[3]
    ids = np.array([f"{'Training' if n < 45 else 'test'}/row{n}" for n in range(60)])
    faces = Faces(images, labels, ids, ("awe", "calm", "pride"))
    for image, label, name in zip(faces.images, faces.labels, ids, strict=True):
        split = "train" if name.startswith("Training") else "test"
        folder = tmp_path / split / faces.class_names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{name.split('/')[1]}.png")
    found = examine(tmp_path)
    tables = all_tables(found)
    assert tables["class_balance"]["class"].tolist() == ["awe", "calm", "pride"]
    assert tables["conflicting_labels"].to_numpy().tolist() == [["awe, calm", 1, 2]]
    labels = all_figures(found, tables)["class_balance"].get_label()
    assert "pride 15" in labels and "happy" not in labels
    assert "awe, calm" in sections(found, tables)["conflicting_labels"]


@pytest.fixture
def own_csv(tmp_path):
    """A CSV with a code more than FER2013 has, in every eighth of 64 rows."""
    rows = [
        f"{number % 8},{' '.join(map(str, image.ravel()))},Training"
        for number, image in enumerate(textured(64, 4))
    ]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return path


NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")


def test_a_csv_with_classes_of_ones_own_is_audited(own_csv, tmp_path, capsys):
    command = ["audit", str(own_csv), "--out", str(tmp_path / "out"), "--json"]
    counts = []
    for more in ([], ["--class-names", ",".join(NAMES)]):
        assert main([*command, *more]) == 0
        document = json.loads(capsys.readouterr().out)
        counts.append({row["class"] for row in document["tables"]["class_balance"]})
    assert counts == [{*CLASS_NAMES}, {*NAMES}] and document["notes"] == []
    with pytest.raises(InputError, match="class_names name a CSV's codes"):
        write_image_folder(draw_faces(20, seed=1), tmp_path / "folders")
        examine(tmp_path / "folders", class_names=NAMES)


def test_the_notebook_takes_class_names(own_csv, tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / "audit.ipynb", 4)
    defaults, begin = [cell.source for cell in notebook.cells if cell.cell_type == "code"][:2]
    scope = {"In": []}
    exec(defaults, scope)
    given = {"data": str(own_csv), "class_names": ", ".join(NAMES), "output": str(tmp_path / "o")}
    exec(begin, scope | given, seen := {})
    assert seen["found"].faces.class_names == NAMES and len(seen["found"].faces) == 64


def test_rafdb_is_audited(rafdb):
    counts = counts_of(examine(rafdb))
    assert counts["images", "all"] == 175 and counts["images", "RAF-DB test"] == 35
