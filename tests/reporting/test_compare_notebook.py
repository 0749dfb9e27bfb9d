"""`compare.ipynb` from end to end, and the report made of it."""

import json
import re
from itertools import pairwise

import nbformat
import pandas as pd
from bs4 import BeautifulSoup
from helpers import COMPARE, alternatives, papermill

from fer_keras.data.labels import FERPLUS_COLUMNS
from fer_keras.reporting.html import export_html
from fer_keras.reporting.result import load_comparison

NETWORKS = """
from keras import Sequential, layers

def small(num_classes):
    return Sequential([layers.Input((48, 48, 1)), layers.Conv2D(4, 5, strides=4),
                       layers.Flatten(), layers.Dense(num_classes, activation="softmax")])

def large(num_classes):
    return Sequential([layers.Input((48, 48, 1)), layers.Conv2D(8, 5, strides=4),
                       layers.Flatten(), layers.Dense(num_classes, activation="softmax")])
"""


def run_notebook(directory, *arguments):
    """Execute the notebook; return its path, its outputs and the comparison's folder."""
    output, runs = directory / "run.ipynb", directory / "runs"
    answer = papermill(output, "--stdout-file", "-", "-r", "output", runs, *arguments)
    assert answer.returncode == 0, answer.stderr[-2000:]
    cells = [cell for cell in nbformat.read(output, 4).cells if cell.cell_type == "code"]
    outputs = [out for cell in cells for out in cell.outputs]
    assert not [out["text"] for out in outputs if out.get("name") == "stderr"]
    (record,) = runs.glob("*/comparison.json")
    return output, outputs, record.parent


def write_votes(directory, num_training, num_test):
    """Write FER+'s votes on test faces beside the CSV: two of three see happy, one neutral."""
    names = [*FERPLUS_COLUMNS, "unknown", "NF"]
    counts = ",".join(str({"happiness": 6, "neutral": 3}.get(name, 0)) for name in names)
    lines = [f"Training,fer0.png{10 * ',0'}"] * num_training
    lines += [f"PublicTest,fer{number}.png,{counts}" for number in range(num_test)]
    text = "\n".join([f"Usage,Image name,{','.join(names)}", *lines])
    (directory / "fer2013new.csv").write_text(text + "\n")


def read_page(page):
    """Return a report as soup and its headings; nothing may be empty in it."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    items = [tag.name for tag in soup.find_all(["h1", "h2", "h3", "p", "ul", "table", "img"])]
    for item, following in pairwise([*items, "h1"]):
        assert item[0] != "h" or following[0] != "h" or following > item
    for table in soup.find_all("table"):
        assert all(row.find("td") for row in table.tbody.find_all("tr"))
    assert all(alternatives(soup))
    return soup, [title.get_text() for title in soup.find_all(["h2", "h3"])]


def test_help_lists_every_parameter_with_its_type_and_a_text():
    answer = papermill("/dev/null", "--help-notebook")
    assert "Unable to parse" not in answer.stdout + answer.stderr
    (cell,) = [
        cell
        for cell in nbformat.read(COMPARE, 4).cells
        if "parameters" in cell.metadata.get("tags", ())
    ]
    names = re.findall(r"^(\w+): \w+ = ", cell.source, re.MULTILINE)
    assert len(names) == 18
    words = " ".join(answer.stdout.split())  # papermill breaks the line after a long name
    for name in names:
        assert re.search(rf"{name}: \w+ \(default [^)]*\) \S", words), name


def test_papermill_ends_at_once_with_one_sentence(tmp_path, data):
    answer = papermill(tmp_path / "out.ipynb", "-r", "data", data, "-p", "epoch", "3")
    assert answer.returncode != 0
    sentence = "InputError: No parameter is called epoch; the parameters are"
    assert answer.stderr.strip().splitlines()[-1].startswith(sentence)


def test_same_images_runs_from_end_to_end(tmp_path, data):
    write_votes(data, 280, 70)
    output, outputs, directory = run_notebook(
        tmp_path, "-r", "data", data, "-p", "changes", "epochs=2", "-p", "seed", "5",
        "-p", "seeds", "2", "-p", "protocol", "same_images",
    )  # fmt: skip
    text = "".join(out.text for out in outputs if out.get("name") == "stdout")
    lines = [line.split("  loss")[0] for line in text.splitlines() if "epoch" in line]
    assert lines == [
        f"{arm}, seed {seed}: epoch  {epoch}/2"
        for seed in (5, 6)
        for arm in ("CSV", "folder")
        for epoch in (1, 2)
    ]
    record = pd.read_csv(directory / "results.csv")
    everything = record[record["split"] == "PublicTest"]
    assert sorted(zip(everything["arm"], everything["seed"], everything["images"])) == [
        ("CSV", 5, 70), ("CSV", 6, 70), ("folder", 5, 70), ("folder", 6, 70),
    ]  # fmt: skip
    pictures = [out for out in outputs if {"image/png", "image/svg+xml"} & {*out.get("data", {})}]
    kept = {path.stem for path in (directory / "figures").glob("*.png")}
    # The matrices are shown as tables whose cells show faces.
    assert {out.metadata.name for out in pictures} == kept - {"confusion_matrices"}
    assert len(kept) >= 14
    kept = {path.stem for path in (directory / "tables").glob("*.csv")}
    assert {"arms", "scores", "differences", "classes", "time"} <= kept
    soup, titles = read_page(export_html(output))
    assert "Results" in titles and "Effects of the factors" not in titles
    assert {"Robustness", "Storage crossed with test pixels"} <= {*titles}
    # The introduction replaces the placeholder above the training.
    assert soup.get_text().index("What is compared.") < soup.get_text().index("epoch  1/2")
    assert "Training first" not in soup.get_text()
    assert "as study D published" in soup.get_text()
    assert "What people see" in titles
    assert len(pd.read_csv(directory / "votes.csv")) == 70
    judged = pd.read_csv(directory / "tables" / "judges.csv").set_index("arm")
    assert judged.loc["the plurality", "vote share"] == ".667"
    assert {"judge_differences", "judge_agreement"} <= kept


def test_crossed_networks_on_two_data_sets_under_equal_time(tmp_path, data, rafdb):
    file = tmp_path / "nets.py"
    file.write_text(NETWORKS)
    output, _, directory = run_notebook(
        tmp_path, "-r", "data", f"fer2013={data}, raf-db={rafdb}", "-r", "comparison", "conv2",
        "-r", "factors", f"network={file}:small,{file}:large", "-p", "minutes", "1e-6",
        "-p", "seeds", "1",
    )  # fmt: skip
    soup, titles = read_page(export_html(output, tmp_path / "report.html"))
    assert "What people see" not in titles
    expected = {"Effects of the factors", "What moves the score most", "Other data"}
    assert expected | {"Equal time", "Recognition", "Robustness"} <= set(titles)
    assert "Differences" not in titles and "more accurate" not in soup.find("main").get_text()
    assert "No arm gets through an epoch in" in soup.get_text()
    across = pd.read_csv(directory / "tables" / "across_data_sets.csv")
    assert len(across["arm"].unique()) == 4
    assert len(pd.read_csv(directory / "tables" / "costs.csv")) == 2
    assert len(load_comparison(directory).effects().query("score == 'accuracy'")) == 3
    assert json.loads((directory / "comparison.json").read_text())["minutes"] == 1e-6
