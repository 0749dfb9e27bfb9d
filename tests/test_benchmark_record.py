"""The record of the benchmarks keeps what a stop interrupts."""

from importlib import import_module

import pandas as pd
import pytest
from helpers import ROOT


def module(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return import_module(name)


@pytest.fixture
def put():
    return module("run").put


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
        module("timing").row("what", unit, 0.5, "against", 0.25)
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
