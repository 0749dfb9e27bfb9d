"""The locks hold what the requirements ask for, and predicting needs its own lock only."""

import re
import subprocess
import sys
import tomllib

import pytest
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements(path):
    lines = (line.split("#")[0].strip() for line in (ROOT / path).read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def extra(name):
    """Return an extra's requirements, with those of the extras that it names."""
    for requirement in map(Requirement, EXTRAS[name]):
        if requirement.name == "fer_keras":
            for other in requirement.extras:
                yield from extra(other)
        else:
            yield requirement


def locked(name):
    """Return the versions of each package of a lock, and check that each has a hash."""
    versions = {}
    for entry in (ROOT / "locks" / f"{name}.txt").read_text().replace("\\\n", "").splitlines():
        if not entry.startswith("#"):
            package, version = re.match(r"([\w.-]+)==(\S+) ", entry).groups()
            assert "--hash=sha256:" in entry, package
            versions.setdefault(canonicalize_name(package), []).append(version)
    return versions


CORE = requirements("requirements.txt")
TEST = [*CORE, *extra("test"), *extra("docs")]


@pytest.mark.parametrize(("lock", "wanted"), [("compare", CORE), ("test", TEST)])
def test_a_lock_holds_every_requirement_within_its_bounds(lock, wanted):
    versions = locked(lock)
    for requirement in wanted:
        found = versions.get(canonicalize_name(requirement.name), ())
        assert found, f"{requirement.name} is missing in locks/{lock}.txt: `make lock`"
        assert all(requirement.specifier.contains(version) for version in found), requirement


def test_every_requirement_has_an_upper_bound():
    everything = [*CORE, *(r for name in EXTRAS for r in extra(name))]
    open_ends = [r.name for r in everything if "<" not in {s.operator for s in r.specifier}]
    assert not open_ends


def test_the_locks_agree_and_predicting_needs_no_tensorflow():
    test, compare, predict = map(locked, ("test", "compare", "predict"))
    assert compare.items() <= test.items() and predict.items() <= test.items()
    assert {"tensorflow", "tensorflow-cpu"} <= set(compare)
    assert not {"tensorflow", "tensorflow-cpu", "keras", "jax", "pandas"} & set(predict)


def test_predicting_imports_nothing_but_its_own_lock(tmp_path):
    wanted = {canonicalize_name(r.name) for r in requirements("locks/predict.in")}
    absent = {canonicalize_name(r.name) for r in CORE} - wanted - {"tqdm"}
    modules = absent | {"sklearn", "bs4", "IPython"}
    script = f"""
import sys
import importlib.machinery
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *more: None if name in {modules!r} else find(name, *more))
from fer_keras.cli import main
sys.exit(main(sys.argv[1:]))
"""
    photo = ROOT / "fer_keras" / "predict" / "examples" / "eileen_collins.jpg"
    command = [sys.executable, "-c", script, "predict", "quick", photo, "--out", tmp_path / "out"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "predictions.csv").read_text().count("\n") == 2
    command[3:] = ["compare", "--out", tmp_path / "runs"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 1 and "not installed" in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr
