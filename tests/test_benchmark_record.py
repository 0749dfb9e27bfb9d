"""The record of the benchmarks keeps what a stop interrupts."""

import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from helpers import ROOT, module_of


@pytest.fixture
def put():
    return module_of("benchmarks", "run").put


def rows(benchmark, *sides, processor="A", value=1.0):
    return [
        {
            "benchmark": benchmark,
            "what": what,
            "unit": "s",
            "fer_keras": value,
            "against": against,
            "theirs": 2.0,
            "times better": 2 / value,
            "processor": processor,
        }
        for what, against in sides
    ]


def measured(record):
    """Return (benchmark, what, against, processor) -> our side, in the record's order."""
    table = pd.read_csv(record).set_index(["benchmark", "what", "against", "processor"])
    return table["fer_keras"].to_dict()


def test_a_stopped_benchmark_replaces_only_what_it_measured(tmp_path, put):
    record = tmp_path / "results.csv"
    put(rows("reading", ("csv", "pandas"), ("csv", "numpy")), record, is_whole=True)
    put(rows("reading", ("csv", "pandas"), processor="B"), record, is_whole=True)
    put(rows("starting", ("import", "tensorflow")), record, is_whole=True)
    put(rows("reading", ("csv", "pandas"), value=0.123456), record)
    assert measured(record) == {
        ("starting", "import", "tensorflow", "A"): 1,
        ("reading", "csv", "numpy", "A"): 1,
        ("reading", "csv", "pandas", "B"): 1,
        ("reading", "csv", "pandas", "A"): 0.1235,
    }
    put(rows("reading", ("csv", "pandas"), value=0.5), record, is_whole=True)
    assert measured(record) == {
        ("starting", "import", "tensorflow", "A"): 1,
        ("reading", "csv", "pandas", "B"): 1,
        ("reading", "csv", "pandas", "A"): 0.5,
    }


def test_only_accuracies_have_no_ratio(tmp_path, put):
    share, time, rate = (
        module_of("benchmarks", "timing").row("what", unit, 0.5, "against", 0.25)
        for unit in ("of all faces", "s", "images/s")
    )
    assert (time["times better"], rate["times better"]) == (0.5, 2)
    put([{"benchmark": "predicting", "processor": "A", **share}], tmp_path / "results.csv")
    assert pd.isna(pd.read_csv(tmp_path / "results.csv")["times better"].item())


def test_the_published_ratios_are_those_of_both_sides():
    for row in pd.read_csv(ROOT / "benchmarks" / "results.csv").to_dict("records"):
        ratio = row["fer_keras"] / row["theirs"]
        ratio = {"s": 1 / ratio, "MiB": 1 / ratio, "of all faces": float("nan")}.get(
            row["unit"], ratio
        )
        assert row["times better"] == pytest.approx(ratio, rel=1e-3, nan_ok=True)


def test_what_was_reached_is_the_median_run_with_its_interval(tmp_path, monkeypatch):
    reaching = module_of("benchmarks", "reaching")

    def quick(location, out, seed):
        found = [0.62, 0.58, 0.6][seed]
        metrics = {"accuracy": found, "accuracy_low": found - 0.02, "accuracy_high": found + 0.03}
        (out / "quick" / "run").mkdir(parents=True)
        shown = {f"PublicTest/{name}": value for name, value in metrics.items()}
        (out / "quick" / "run" / "metrics.json").write_text(json.dumps(shown))

    monkeypatch.setattr(reaching, "quick", quick)
    monkeypatch.setattr(reaching, "study_d", lambda arm, source: 100.0)
    found = [*reaching.bench(SimpleNamespace(csv="a", folder="b"), tmp_path, 3)]
    assert len(found) == 2 and {row["theirs"] for row in found} == {100}
    end = ": accuracy 0.600 [0.580, 0.630] on PublicTest, of the median run"
    assert all(row["what"].endswith(end) for row in found)


def test_the_published_accuracy_that_was_reached_has_its_interval():
    record = pd.read_csv(ROOT / "benchmarks" / "results.csv", index_col="benchmark")
    for what in record.loc["reaching", "what"]:
        share, low, high = map(float, re.findall(r"0\.\d{3}", what))
        half = 1.96 * (share * (1 - share) / 3589) ** 0.5  # as of a share of PublicTest's images
        assert (low, high) == pytest.approx((share - half, share + half), abs=0.003)
