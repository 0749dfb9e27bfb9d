import nbformat
import pytest
from bs4 import BeautifulSoup
from helpers import ROOT, papermill

from fer_keras.data.drawn import write_drawn_data
from fer_keras.data.labels import CLASS_NAMES
from fer_keras.utils.errors import InputError

TUTORIAL = ROOT / "notebooks" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What the tutorial shows of 300 drawn training faces, after one epoch."""
    place = tmp_path_factory.mktemp("tutorial")
    write_drawn_data(place / "data", 300, 100)
    values = {"data": place / "data", "epochs": 1, "seeds": 1, "output": place / "runs"}
    options = [part for name, value in values.items() for part in ("-p", name, str(value))]
    answer = papermill(place / "out.ipynb", *options, notebook=TUTORIAL)
    assert answer.returncode == 0, answer.stderr[-2000:]
    cells = nbformat.read(place / "out.ipynb", 4).cells
    return [output for cell in cells for output in cell.get("outputs", ())]


@pytest.fixture(scope="module")
def tables(outputs):
    """The pandas tables: a list of tables, each a list of rows of texts."""
    html = [output.get("data", {}).get("text/html", "") for output in outputs]
    found = [table for text in html for table in BeautifulSoup(text, "html.parser")("table")]
    return [[[cell.text for cell in row(["th", "td"])] for row in table("tr")] for table in found]


@pytest.mark.parametrize(
    ("parameter", "message"), [("epochs = 0", "epochs is 0"), ("seeds = 0", "seeds is 0")]
)
def test_impossible_parameters_are_refused_before_any_face_is_read(parameter, message):
    cells = [cell.source for cell in nbformat.read(TUTORIAL, 4).cells if cell.cell_type == "code"]
    first_read = next(n for n, source in enumerate(cells) if "load_data" in source)
    with pytest.raises(InputError, match=message):
        exec("\n".join([cells[0], parameter, *cells[1:first_read]]), {"In": []})


def test_it_shows_no_warning(outputs):
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_every_figure_has_alternative_text(outputs):
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 4
    assert all(picture.metadata["image/png"]["alt"] for picture in pictures)


def test_it_shows_the_two_orders_of_classes(tables):
    orders = next(table for table in tables if table[0][1:] == ["CSV", "folder, by default"])
    assert [row[1] for row in orders[1:]] == list(CLASS_NAMES)
    assert [row[2] for row in orders[1:]] == sorted(CLASS_NAMES)


def test_both_arms_have_scores_on_all_test_faces(tables):
    scores = next(table for table in tables if "accuracy_sd" in table[0])
    columns = [scores[0].index(name) for name in ("arm", "images", "seeds")]
    rows = [[row[column] for column in columns] for row in scores[1:]]
    assert rows == [["CSV", "100", "1"], ["folder", "100", "1"]]


def test_both_comparisons_show_differences_from_their_first_arm(tables):
    differences = [table for table in tables if "reference" in table[0]]
    assert [[row[1:4] for row in table[1:]] for table in differences] == [
        [[arm, reference, score] for score in ("accuracy", "macro_f1")]
        for arm, reference in (("folder", "CSV"), ("no dropout", "dropout"))
    ]
