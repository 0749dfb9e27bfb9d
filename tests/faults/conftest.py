"""Count what comes of each attack, and print a table of it."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from fer_keras.utils.errors import InputError
from fer_keras.utils.machine import environment

RECORD = Path(__file__).parents[2] / "benchmarks" / "faults.csv"
REFUSED, RIGHT = "refused", "right"
BAD = ("silently wrong", "traceback", "hang", "crash")
OUTCOMES = (REFUSED, RIGHT, *BAD)
ALL = "all"
"""The name of the row of sums."""


class Tally(Counter):
    """How often an attack was refused in one sentence, did right, or did harm."""

    def attack(self, what, function, is_right):
        """Count what comes of calling a function, and fail with `what` if it is bad.

        An InputError of one line is a refusal. `is_right` says of the result whether it is right.
        """
        try:
            result = function()
        except InputError as error:
            text = str(error)
            outcome = REFUSED if text.strip() and "\n" not in text else "traceback"
        except Exception as error:  # whatever an attack brings about is counted
            outcome, text = "traceback", f"{type(error).__name__}: {error}"
        else:
            outcome, text = RIGHT if is_right(result) else "silently wrong", ""
        self.count(what, outcome, text)

    def count(self, what, outcome, text=""):
        """Count an outcome, and fail if it is a bad one."""
        self[outcome] += 1
        assert outcome not in BAD, f"{outcome}: {what}: {text}"


@pytest.fixture
def tally(request, record_property):
    """A `Tally` of the test, for the table at the end."""
    counts = Tally()
    yield counts
    record_property("attack", request.node.name.removeprefix("test_").replace("_", " "))
    record_property("outcomes", dict(counts))


@pytest.fixture
def trials(request):
    """A function: how many trials to make, of a number in full and a number in short."""
    return lambda full, short: full if request.config.getoption("all") else short


def pytest_terminal_summary(terminalreporter, config):
    """Print the table; with --all, keep it as benchmarks/faults.csv."""
    rows = []
    for report in (each for some in terminalreporter.stats.values() for each in some):
        found = dict(getattr(report, "user_properties", ()))
        if "outcomes" in found and getattr(report, "when", "") == "teardown":
            counts = {name: found["outcomes"].get(name, 0) for name in OUTCOMES}
            rows.append({"attack": found["attack"], "tried": sum(counts.values()), **counts})
    if not rows:
        return
    terminalreporter.section("attacks")
    width = max(len(row["attack"]) for row in rows)
    terminalreporter.write_line("  ".join([" " * width, *list(rows[0])[1:]]))
    for row in _with_sum(rows):
        cells = [f"{value:>{len(name)}}" for name, value in list(row.items())[1:]]
        terminalreporter.write_line("  ".join([f"{row['attack']:{width}}", *cells]))
    if config.getoption("all"):
        is_whole = [Path(each).resolve() for each in config.args] == [Path(__file__).parent]
        _keep(rows, is_whole)


def _with_sum(rows):
    rows = sorted(rows, key=lambda row: row["attack"])
    names = [name for name in rows[0] if name != "attack"]
    return [*rows, {"attack": ALL, **{name: sum(row[name] for row in rows) for name in names}}]


def _keep(rows, is_whole):
    """Write the record; a part of the suite replaces its own rows alone."""
    known = {}
    if RECORD.is_file() and not is_whole:
        with open(RECORD, newline="") as file:
            known = {row["attack"]: row for row in csv.DictReader(file)}
    known.pop(ALL, None)
    made = {"date": date.today().isoformat()}
    made |= {name: environment()[name] for name in ("processor", "cores")}
    known |= {row["attack"]: row | made for row in rows}
    counts = [
        {name: int(row[name]) if name != "attack" else row[name] for name in rows[0]}
        for row in known.values()
    ]
    with open(RECORD, "w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *made])
        writer.writeheader()
        writer.writerows(known.get(row["attack"], made) | row for row in _with_sum(counts))
