"""Build the site's pages from the repository, so that its links lead where they lead in it."""

from pathlib import Path

import nbformat
from mkdocs.structure.files import File, Files

import fer_keras

ROOT = Path(__file__).parents[1]
COPIED = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "docs/*.md",
    "docs/*.css", "benchmarks/*.md", "benchmarks/*.csv", "fer_keras/*/weights/README.md",
    "reports/RESULTS.md", "reports/*.html", "reports/*.png", "reports/*.csv", "reports/*/*.csv",
)  # fmt: skip


def on_files(files, config):
    """Return the site's files, each under its path in the repository.

    Args:
        files: mkdocs' own files; those of the theme are kept.
        config: mkdocs' settings.
    """
    kept = [file for file in files if Path(file.abs_src_path or "").parent != ROOT / "docs"]
    copied = [path for pattern in COPIED for path in sorted(ROOT.glob(pattern))]
    pages = [
        File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
        for path in copied
        if not path.name.startswith(("compare-", "audit-"))
    ]
    pages.append(File.generated(config, "docs/api.md", content=_interface()))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        pages.append(File.generated(config, f"notebooks/{path.stem}.md", content=_as_text(path)))
    return Files([*kept, *pages])


def _as_text(path):
    cells = nbformat.read(path, as_version=4).cells
    texts = (
        c.source if c.cell_type == "markdown" else f"```python\n{c.source}\n```" for c in cells
    )
    return "\n\n".join(texts)


def _interface():
    """Return the page of the public names, whose text is their docstrings."""
    places = fer_keras._PLACES
    names = [f"::: fer_keras.{places[name]}.{name}" for name in sorted(places, key=str.lower)]
    return "\n\n".join(
        ["# Public names", "All of `import fer_keras as fk`, such as `fk.fit`.", *names]
    )
