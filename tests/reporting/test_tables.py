from dataclasses import replace

import pytest
from helpers import comparison_of, lasting, of_faces, run_of

from fer_keras.comparison.results import result_table
from fer_keras.comparison.source import Source
from fer_keras.data.readers.locate import Location
from fer_keras.reporting import tables


def test_arms_table_tells_what_differs_and_counts_copies(splits, tmp_path):
    images = splits.test.images.copy()
    images[:7] = splits.train.images[:7]
    splits = replace(splits, test=replace(splits.test, images=images))
    run = run_of(0.5, 1, splits.test.ids, 70)
    run = replace(run, predictions=replace(run.predictions, leaked=splits.leaked()))
    run = of_faces(run, splits, tmp_path / "run")
    compared = comparison_of({"one": {0: run}, "other": {0: run}}, tmp_path)
    other = compared.arms["other"].changed(feed="image_data_generator", patience=3)
    compared = replace(
        compared,
        arms=compared.arms | {"other": other},
        sources=dict.fromkeys(compared.arms, Source(splits)),
    )
    table = tables.arms_table(compared)
    assert table.loc["one"].to_dict() == {
        "feed": "memory", "patience": "none", "training images": "140", "validation images": "35",
        "test images": "70", "test images with an exact copy in training": "7 (10.0 %)",
    }  # fmt: skip
    assert table.loc["other", ["feed", "patience"]].tolist() == ["image_data_generator", "3"]
    common = tables.common_table(compared)["value"]
    assert common["network"] == "conv3" and "feed" not in common and "seed" not in common


def test_class_counts_add_up(splits):
    counts = tables.class_counts(splits)
    assert counts.sum().to_dict() == {"training": 140, "validation": 35, "test": 70}
    assert counts.index.tolist() == list(splits.test.class_names)
    assert "validation" not in tables.class_counts(replace(splits, validation=None))


def test_arms_with_the_same_faces_are_counted_once(splits):
    fewer = replace(splits, validation=None)
    counts = tables.counts_of_arms({"a": splits, "b": fewer, "c": splits})
    assert list(counts) == ["a, c", "b"]
    assert counts["b"].sum().to_dict() == {"training": 140, "test": 70}


def test_time_is_the_mean_over_runs_with_the_share_of_equal_minutes(tmp_path):
    runs = {
        "conv2": {0: run_of(0.5, 1), 1: lasting(run_of(0.5, 2), 60.0, 120.0, 60.0)},
        "vgg8": {0: lasting(run_of(0.5, 3), 180.0)},
    }
    record = result_table(comparison_of(runs, tmp_path))
    table = tables.time_table(record, minutes=2)
    assert table.loc["conv2"].tolist() == ["2", "3", "2", "3.00", "800", "150 %"]
    assert table.loc["vgg8", "share of the time"] == "150 %, over"
    assert "share of the time" not in tables.time_table(record)
    assert "machine" not in table
    record.loc[1, ["processor", "gpu", "cores"]] = "loom", "card", "16"
    table = tables.time_table(record)
    assert table.loc["conv2", "machine"].tolist() == ["abacus, 2 cores", "loom, card, 16 cores"]
    assert table.loc["conv2", "minutes"].tolist() == ["2.00", "4.00"]


def test_costs_are_measured_once_for_each_network(splits, tmp_path):
    from fer_keras.networks.build import build

    runs = {}
    for arm, network in (("one", "conv3"), ("two", "conv3"), ("three", "conv2")):
        run = of_faces(run_of(0.5, 1, splits.test.ids, 70), splits, tmp_path / arm)
        build(network, 7).save(run.directory / "model.keras")
        runs[arm] = {0: replace(run, recipe=run.recipe.changed(network=network))}
    compared = comparison_of(runs, tmp_path)
    gone = Source(Location("nowhere"))  # the first arm's faces are not at hand
    sources = {"one": gone, "two": Source(splits), "three": Source(splits)}
    table = tables.cost_table(replace(compared, sources=sources))
    assert table.index.tolist() == ["conv3", "conv2"]
    assert table.loc["conv2", "parameters"] == f"{build('conv2', 7).count_params():,}"
    assert float(table.loc["conv2", "MFLOPs an image"]) == pytest.approx(25.1, abs=0.1)
    size = (tmp_path / "one" / "model.keras").stat().st_size
    assert table.loc["conv3", "bytes on disk"] == f"{size:,}"


def test_environment_names_every_machine_that_trained(tmp_path):
    first, other = run_of(0.5, 1), run_of(0.5, 2)
    changed = {"processor": "slide rule", "date": "2026-01-02", "gpu": "card"}
    # Runs made before there was a choice name no backend.
    changed["backend"] = "tensorflow"
    other = replace(other, environment=other.environment | changed)
    table = tables.environment_table(comparison_of({"a": {0: first, 1: other}}, tmp_path))
    assert table.loc["processor", "value"] == "abacus; slide rule"
    assert table.loc["date", "value"] == "2026-01-01 to 2026-01-02"
    assert table.loc["cores", "value"] == "2"
    assert table.loc["backend", "value"] == "tensorflow"
    assert table.loc["gpu", "value"] == "card; none"
