"""The notebook `predict.ipynb`, executed by papermill."""

import re

import nbformat
import numpy as np
import pytest
from helpers import ROOT, papermill, sure_run
from PIL import Image

from fer_keras.data.labels import ALL_CLASS_NAMES
from fer_keras.predict.tables import read_faces

NOTEBOOK = ROOT / "notebooks" / "predict.ipynb"


def test_help_lists_every_parameter_with_its_type_and_a_text():
    answer = papermill("/dev/null", "--help-notebook", notebook=NOTEBOOK)
    assert "Unable to parse" not in answer.stdout + answer.stderr
    words = " ".join(answer.stdout.split())  # papermill breaks the line after a long name
    assert re.search(r'network: str \(default "faces"\) \S', words)
    assert re.search(r'pictures: str \(default ""\) \S', words)
    assert re.search(r"whole_image: bool \(default False\) \S", words)
    assert re.search(r'output: str \(default "runs"\) \S', words)


def test_a_misspelt_parameter_ends_it_at_once_with_one_sentence(tmp_path):
    answer = papermill(tmp_path / "out.ipynb", "-p", "photos", "mine", notebook=NOTEBOOK)
    assert answer.returncode != 0
    last = answer.stderr.strip().splitlines()[-1]
    sentence = "InputError: No parameter is called photos; the parameters are network, pictures,"
    assert last.startswith(sentence)


@pytest.mark.parametrize("pictures", ["", "mine"])
def test_predict_needs_neither_data_nor_training(tmp_path, pictures, make_faces):
    arguments, names = ["-r", "output", tmp_path / "runs"], ALL_CLASS_NAMES
    if pictures:
        names = ("None", "NA")  # names that pandas takes for nothing
        arguments += ["-r", "network", sure_run(tmp_path / "run", names)]
        (tmp_path / "mine").mkdir()
        for number, image in enumerate(make_faces(3).images):
            Image.fromarray(image).save(tmp_path / "mine" / f"{number}.png")
        arguments += ["-r", "pictures", tmp_path / "mine"]
    answer = papermill(tmp_path / "out.ipynb", *arguments, notebook=NOTEBOOK)
    assert answer.returncode == 0, answer.stderr[-2000:]
    (table,) = (tmp_path / "runs" / "predict").glob("*/predictions/predictions.csv")
    faces = read_faces(table)
    assert faces["how"].tolist() == (3 * ["tight crop"] if pictures else ["detected"])
    if not pictures:
        assert faces["class"].tolist() == ["happy"]  # Eileen Collins laughs
    np.testing.assert_allclose(faces[list(names)].sum(axis=1), 1, atol=1e-5)
    outputs = [out for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells
               if cell.cell_type == "code" for out in cell.outputs]  # fmt: skip
    (picture,) = [out for out in outputs if "image/png" in out.get("data", {})]
    assert picture.metadata["shows_faces"]
    assert faces["class"][0] in picture.metadata["image/png"]["alt"]
    assert not [out for out in outputs if out.get("name") == "stderr"]
