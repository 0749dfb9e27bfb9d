"""Write README.md's results tables from the CSV records in this folder."""

from pathlib import Path

import pandas as pd

from fer_keras.comparison import readable_results
from fer_keras.files import write_text

REPORTS = Path(__file__).parent
README = REPORTS.parent / "README.md"
TITLES = {
    "compare_same_images": "Protocol `same_images`: only storage and feed differ",
    "compare_published": "Protocol `published`: as study D did it; the arms are not comparable",
}


def results_section():
    """Return the Markdown of all tables, each with its command, machine and date."""
    return "\n\n".join(_table(name, title) for name, title in TITLES.items())


def with_results(readme):
    """Return the README text with what stands between its two marks made anew."""
    begin, end = "<!-- results -->", "<!-- /results -->"
    head, rest = readme.split(begin)
    tail = rest.split(end)[1]
    return f"{head}{begin}\n\n{results_section()}\n\n{end}{tail}"


def _table(name, title):
    results = pd.read_csv(REPORTS / f"{name}.csv", dtype={"cores": str})
    rows = [["arm", "test set", "accuracy", "macro F1", "weighted F1"], ["---"] * 5]
    table = readable_results(results)
    rows += [[*index, *values] for index, values in zip(table.index, table.to_numpy())]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    protocol = name.removeprefix("compare_")
    return f"**{title}** ([report](reports/{name}.html))\n\n{lines}\n\n{_made(results, protocol)}"


def _made(results, protocol):
    arms = results.drop_duplicates("arm")
    costs = "; ".join(
        f"{row.arm} arm {row.epochs} epochs in {row.minutes:g} minutes, "
        f"{row.images_per_second:,} images/s, epoch {row.kept_epoch} kept"
        for row in arms.itertuples()
    )
    first = arms.iloc[0]
    return (
        f"`make compare DATA=DIR PROTOCOL={protocol} NAME=compare_{protocol}`, "
        f"{first['date'][:10]}, {first['processor']}, {first['cores']} cores: {costs}."
    )


if __name__ == "__main__":
    write_text(README, with_results(README.read_text(encoding="utf-8")))
