"""What the repository publishes agrees with its records."""

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPORTS = ["compare_same_images", "compare_published"]


def test_readme_tables_are_those_of_the_records():
    generator = runpy.run_path(str(ROOT / "reports" / "update_readme.py"))
    assert generator["with_tables"](README) == README


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_small_self_contained_and_agree_with_their_record(name):
    html = (ROOT / "reports" / f"{name}.html").read_text(encoding="utf-8")
    assert len(html) < 3_000_000
    assert not re.search(r"""\s(src|srcset)=["'](?!data:)""", html)
    assert "<link" not in html and "<script" not in html
    for row in pd.read_csv(ROOT / "reports" / f"{name}.csv").itertuples():
        assert f"{row.accuracy:.3f}".removeprefix("0") in html
        assert row.split == "PrivateTest" or f"{row.split} ({row.images:,})" in html
    assert "PrivateTest" not in set(pd.read_csv(ROOT / "reports" / f"{name}.csv")["split"])


def test_readme_names_every_module_and_every_file_that_it_names_exists():
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "fer_keras").glob("*.py")
        if path.name not in ("__init__.py", "errors.py", "files.py")
    }
    tree = set(re.findall(r"^(fer_keras/\w+\.py|fer_keras/sources/|notebooks/\S+)", README, re.M))
    assert modules <= tree
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links and all((ROOT / name).exists() for name in [*tree, *links])
