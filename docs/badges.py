"""Give each notebook badges for Colab and Kaggle, and a first cell that installs the package."""

import sys
from pathlib import Path

import nbformat

SETUP = """\
# On Colab and Kaggle this installs the package; elsewhere it does nothing.
import os

if {{"COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"}} & set(os.environ):
    %pip install --quiet "fer_keras @ git+{url}"
"""


def add_badges(path, url):
    """Add badges and the first cell to a notebook, in place of former ones.

    Args:
        path: the notebook's `Path`, in the repository's folder `notebooks/`.
        url: the repository's address, such as `https://github.com/ACCOUNT/REPOSITORY`.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.id not in ("badges", "setup")]
    file = f"{url}/blob/main/notebooks/{path.name}"
    colab = f"https://colab.research.google.com/github/{file.removeprefix('https://github.com/')}"
    badges = (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        "[![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]"
        f"(https://kaggle.com/kernels/welcome?src={file})"
    )
    cells[1:1] = [
        nbformat.v4.new_markdown_cell(badges, id="badges"),
        nbformat.v4.new_code_cell(SETUP.format(url=url), id="setup"),
    ]
    notebook.cells = cells
    nbformat.write(notebook, path)


if __name__ == "__main__":
    address = sys.argv[1].rstrip("/").removesuffix(".git")
    if not address.startswith("https://github.com/"):
        sys.exit("Name the repository: make badges URL=https://github.com/ACCOUNT/REPOSITORY")
    for name in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        add_badges(name, address)
