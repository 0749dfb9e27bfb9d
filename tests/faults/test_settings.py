"""Values given on the command line: each is refused in one sentence, or means one recipe."""

import json

import numpy as np
import pytest
from attrs import fields

from fer_keras.comparison.parsing import parse_arm, parse_changes, parse_factors, parse_places
from fer_keras.reporting.result import compare
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

VALUES = [
    "", "0", "1", "-1", "2", "1e400", "nan", "inf", "-inf", "1e-320", "0.5", "1.5", "True", "None",
    "x", "''", "[]", "{}", "()", "(1,)", "[1, 2]", "{'a': 1}", "{1: 2}", "{'rotation_range': 'a'}",
    "{'rotation_range': nan}", "{'zoom_range': 1e400}", "99999999999999999999999", "1_000", "0x10",
    "1" * 5000, "٣", "é", "\x00", "\n", "a\nb", "~nosuchuser/x.py:f", "/dev/zero:f", "x.py:", ":f",
    "os:system", "happy", "happy,sad", "happy,happy", ",", "csv", "folder", "own", "lambda: 1",
    "__import__('os')", "b'x'", "1j", "...", "..", "(" * 300, "[" * 3000, "'" * 3, "{" , "f'{1}'",
    "-" * 9000 + "1",
]  # fmt: skip
WORDS = [
    "conv3",
    "conv3_csv",
    "=",
    ",",
    "a",
    "",
    "epochs",
    "1",
    "(",
    ")",
    "{",
    "'",
    "é",
    "\x00",
    " ",
]


def means_one_recipe(recipe):
    return Recipe(**json.loads(json.dumps(recipe.as_json()))) == recipe


def test_values_of_every_field(tally, trials):
    values = VALUES[:: trials(1, 5)]
    for field in fields(Recipe):
        for value in values:
            text = f"{field.name}={value}"
            tally.attack(
                repr(text[:80]),
                lambda text=text: Recipe().changed(**parse_changes([text])),
                means_one_recipe,
            )
    assert tally["refused"] and tally["right"]


PARSERS = [
    parse_arm,
    lambda text: parse_factors([text]),
    lambda text: parse_places([text]),
]


@pytest.mark.parametrize("parse", PARSERS)
def test_words_in_disorder(tally, trials, parse):
    for number in range(trials(300, 30)):
        random = np.random.default_rng([6, number])
        text = "".join(random.choice(WORDS, int(random.integers(1, 8))))
        tally.attack(repr(text), lambda text=text: parse(text), lambda result: True)


def test_numbers_of_a_comparison(tally, tmp_path, monkeypatch):
    """Each is impossible, and is refused before any data is looked for."""
    monkeypatch.chdir(tmp_path)
    for name in ("seeds", "minutes", "margin", "jobs", "first_seed"):
        for value in (-1, float("nan"), float("inf"), "x", 10**30, -(10**30), 0.5j, [], {}, b"1"):
            tally.attack(
                f"{name}={value!r}",
                lambda name=name, value=value: compare("same_images", "nowhere", **{name: value}),
                lambda result: False,
            )
    with pytest.raises(InputError, match="nowhere"):
        compare("same_images", "nowhere")
