"""Docstrings, words and module lengths that ruff has no rule for."""

import ast
import re
from statistics import median

import pytest
from helpers import ROOT

MODULES = sorted((ROOT / "fer_keras").rglob("*.py"))
BANNED = ("comes to", "came to", "anew", "held against", "so and so", "say in markdown")
OF_KERAS = ("build", "call")
"""Methods that Keras names and calls, beside its callbacks' `on_*`; their docstrings are Keras'."""


def name_of(file):
    return str(file.relative_to(ROOT))


def public_definitions(tree):
    """Yield the module, its public classes and functions, and the classes' public methods."""
    yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    method
                    for method in node.body
                    if isinstance(method, ast.FunctionDef)
                    and not method.name.startswith(("_", "on_"))
                    and method.name not in OF_KERAS
                )


def parameters(function):
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, arguments.vararg]
    every += [*arguments.kwonlyargs, arguments.kwarg]
    return [each.arg for each in every if each and each.arg not in ("self", "cls")]


def faults_of(module):
    faults = []
    for node in public_definitions(ast.parse(module.read_text(encoding="utf-8"))):
        name, docstring = getattr(node, "name", "the module"), ast.get_docstring(node) or ""
        if not docstring and module.stat().st_size:
            faults.append(f"{name} has no docstring")
        if len(docstring.partition("\n")[0]) > 72:
            faults.append(f"{name}'s first line is longer than 72 characters")
        if isinstance(node, ast.FunctionDef):
            described = docstring.partition("Args:\n")[2]
            faults += [
                f"{name} does not describe {parameter}"
                for parameter in parameters(node)
                if f"\n    {parameter}: " not in f"\n{described}".replace("**", "").replace("*", "")
            ]
    return faults


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_docstrings_have_a_short_first_line_and_name_every_parameter(module):
    faults = faults_of(module)
    assert not faults, "\n".join(faults)


def test_the_planted_faults_are_found(tmp_path):
    """Each kind of fault once, and what is allowed beside it."""
    module = tmp_path / "module.py"
    module.write_text(
        f'"""{"x" * 73}"""\n'
        "def bare(): ...\n"
        'def half(one, two):\n    """Do it.\n\n    Args:\n        one: a number.\n    """\n'
        "def _private(one): ...\n"
        "class _Hidden:\n    def method(self, one): ...\n"
        'class Layer:\n    """A layer."""\n    def call(self, inputs): ...\n'
        "    def on_epoch_end(self, epoch): ...\n    def __init__(self, one): ...\n"
    )
    assert faults_of(module) == [
        "the module's first line is longer than 72 characters",
        "bare has no docstring",
        "half does not describe two",
    ]


def test_modules_are_short():
    lengths = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 300}
    assert median(lengths.values()) < 200


def test_no_file_uses_a_banned_idiom():
    folders = [ROOT / name for name in ("fer_keras", "tests", "benchmarks", "notebooks", "reports")]
    files = [*ROOT.glob("*.md"), *(file for folder in folders for file in folder.rglob("*.*"))]
    found = []
    for file in files:
        is_remade = file.parent.name == "reports" and file.suffix == ".ipynb"
        if (
            file.suffix not in (".py", ".md", ".ipynb", ".j2")
            or is_remade
            or file.samefile(__file__)
        ):
            continue
        words = re.sub(r"[\W_]+", " ", file.read_text(encoding="utf-8").lower())
        found += [f"{name_of(file)}: {idiom}" for idiom in BANNED if f" {idiom} " in words]
    assert not found, "\n".join(found)
