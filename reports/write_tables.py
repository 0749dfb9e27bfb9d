"""Write the tables of the pages from the CSV records.

    python reports/write_tables.py

Each table stands between two marks, `<!-- name -->` and `<!-- /name -->`. The words around it are
written by hand.
"""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from budgets import budget_table, draw_budgets, people_table
from study_tables import protocol_table, score_table

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.reporting import (
    difference_tables,
    effect_tables,
    judge_tables,
    narrative,
    score_tables,
    tables,
)
from fer_keras.reporting.result import load_comparison
from fer_keras.utils.files import whole_file, write_text
from fer_keras.utils.machine import machines_of

REPORTS = Path(__file__).parent
ROOT = REPORTS.parent
BENCHMARKS = ROOT / "benchmarks"
PUBLIC_TEST = 3589
"""Images of PublicTest."""
SAME_IMAGES = "fer-keras compare same_images --data DIR"
WITH_PRETRAINED = "fer-keras compare from-scratch-vs-pretrained --data DIR"


def headline():
    """Return README's table: CSV against folder over seeds, and what it shows."""
    result = load_comparison(REPORTS / "same_images")
    record = result.results
    return "\n\n".join(
        [
            _markdown(score_tables.readable_scores(result.scores())),
            _difference(result),
            _made(f"{SAME_IMAGES} --seeds {_num_seeds(record)}", record)
            + " ([report](reports/same_images.html), "
            "[runs and predictions](reports/same_images))",
        ]
    )


def same_images():
    """Return the tables of `same_images`: scores over seeds, and their difference."""
    result = load_comparison(REPORTS / "same_images")
    record, differences = result.results, result.differences()
    return "\n\n".join(
        [
            "Means over seeds, with 95 % intervals over seeds and test images:",
            _markdown(score_tables.readable_scores(result.scores())),
            "Single runs over seeds, mean ± standard deviation (lowest to highest):",
            _markdown(score_tables.readable_scores(score_tables.score_table(record))),
            narrative.conclusion(result.comparison, record, differences),
            _copies_in_words(result),
            "By label and by people, on the images that people judge:",
            _by_people(result),
            _markdown(tables.time_table(record)),
            _made(f"{SAME_IMAGES} --seeds {_num_seeds(record)}", record),
        ]
    )


def _copies_in_words(result):
    """Return how networks that learnt no copies do on images with one, and on the others."""
    study = load_comparison(REPORTS / "studies" / "conv2").comparison.first["conv2"].predictions
    copied = study.ids[study.leaked]
    shares = []
    for run in (run for runs in result.comparison.runs.values() for run in runs.values()):
        is_copied = np.isin(run.predictions.ids, copied)
        is_right = run.predictions.is_right
        shares.append((is_right[is_copied].mean(), is_right[~is_copied].mean()))
    copied_share, other_share = (f"{share:.3f}"[1:] for share in np.mean(shares, axis=0))
    return (
        f"All {len(shares)} runs together are right of {copied_share} of the {is_copied.sum()} "
        "images with an exact copy in Training, which they did not learn, and of "
        f"{other_share} of the others: described, and not tested."
    )


def published():
    """Return the tables of `published`: one weight file an arm, and what study D published."""
    result = load_comparison(REPORTS / "published")
    record, scores = result.results, score_tables.readable_scores(result.scores())
    return "\n\n".join(
        [
            _markdown(score_tables.with_published(scores, result.comparison)),
            _markdown(tables.time_table(record)),
            _made("fer-keras compare published --data DIR", record),
        ]
    )


def factors():
    """Return the tables of the crossed factors: scores, effects, and what follows."""
    name = "storage-feed-augmentation"
    result = load_comparison(REPORTS / name)
    compared, record = result.comparison, result.results
    effects = effect_tables.grid_effects(compared, record)
    judgement, _ = judge_tables.judge_comparison(compared)
    by_people = judge_tables.judge_effects(judgement, effects.levels)
    is_alone = by_people["order"] == 1
    return "\n\n".join(
        [
            _markdown(score_tables.readable_scores(result.scores())),
            _markdown(effect_tables.readable_effects(effects.table)),
            narrative.conclusion(compared, record, None, effects),
            "By label and by what people see, in points, described and not tested:",
            _markdown(judge_tables.readable_judge_effects(by_people[is_alone])),
            _made(f"python reports/publish.py DIR {name}", record),
        ]
    )


def networks():
    """Return the tables of the networks: scores, differences, people's votes, and costs."""
    result = load_comparison(REPORTS / "networks")
    record, costs = result.results, pd.read_csv(REPORTS / "networks" / "costs.csv", dtype=str)
    measured = ["date", "processor", "cores"]
    return "\n\n".join(
        [
            _markdown(score_tables.readable_scores(result.scores())),
            narrative.conclusion(result.comparison, record, result.differences()),
            "By label and by people, on the images that people judge:",
            _by_people(result),
            f"What they cost, one at a time ({', '.join(costs[measured].iloc[0])} cores):",
            _markdown(costs.drop(columns=measured)),
            _made("python reports/publish.py DIR networks", record),
        ]
    )


def pretrained():
    """Return the tables of a pretrained backbone, the same from scratch, and our network."""
    result = load_comparison(REPORTS / "from-scratch-vs-pretrained")
    record = result.results
    return "\n\n".join(
        [
            _markdown(score_tables.readable_scores(result.scores())),
            narrative.conclusion(result.comparison, record, result.differences()),
            "By label and by people, on the images that people judge:",
            _by_people(result),
            _markdown(tables.time_table(record)),
            _made(f"{WITH_PRETRAINED} --seeds {_num_seeds(record)}", record),
        ]
    )


def own_recipes():
    """Return the table of our own recipes: accuracy for the minutes of training."""
    record = _read(REPORTS / "budgets.csv")
    command = "fer-keras compare RECIPE --seeds N --data DIR"
    made = _made(command, record, record["arithmetic"].iloc[0])
    words = (
        "Means over seeds, with 95 % intervals over seeds and test images; those of one seed are "
        "over test images alone, and say nothing about another seed."
    )
    results = [load_comparison(folder) for folder in sorted((REPORTS / "budgets").iterdir())]
    by_people, count = people_table(results)
    shared = f"By label and by people, on the {count:,} images that all of these are tested on:"
    pooled = "Here the intervals of one seed hold the other recipes' spread over seeds, too."
    return "\n\n".join(
        [_markdown(budget_table(results)), words, shared, _markdown(by_people), pooled, made]
    )


def as_published():
    """Return the table of what each study says, what its own protocol gives, and a fair one."""
    equal = load_comparison(REPORTS / "networks").scores()
    return _markdown(protocol_table(_read(REPORTS / "studies.csv"), equal))


def studies():
    """Return a section for each study's recipe: scores, the study's own, what differs."""
    record = _read(REPORTS / "studies.csv")
    parts = dict(iter(record.groupby("recipe")))
    return "\n\n".join(_study(name, parts[name]) for name in RECIPES if name in parts)


def speed():
    """Return the tables of the benchmarks on each processor."""
    record = _read(BENCHMARKS / "results.csv")
    machines = record.groupby("processor", sort=False)
    return "\n\n".join(_speed_on_one_machine(rows) for _, rows in machines)


def _speed_on_one_machine(record):
    """Return the tables of the benchmarks: of speed, and of accuracies beside others'."""
    first, is_share = record.iloc[0], record["times better"].isna()
    table = _sides(record[~is_share])
    table.insert(4, "times better", record["times better"].map("{:.3g}".format))
    rounds = " or ".join(map(str, record["rounds"].unique()))
    backend = "TensorFlow {tensorflow}" if pd.notna(first["tensorflow"]) else "JAX {jax}"
    made = (
        f"{_made('make bench DATA=DIR', record)}, {backend.format(**first)}, pandas "
        f"{first['pandas']}; medians of {rounds} rounds, both sides in turn."
    )
    parts = [_markdown(table), *_accuracies_of_files(record[is_share]), made]
    return "\n\n".join(parts)


def _accuracies_of_files(shares):
    """Return the table of accuracies beside others', with words before it; nothing for none."""
    if shares.empty:
        return []
    table = _sides(shares)
    # Without the single answers the two shares can only be taken as independent.
    variance = sum(shares[side] * (1 - shares[side]) for side in ("fer_keras", "theirs"))
    half = 1.96 * (variance / PUBLIC_TEST) ** 0.5
    gain = shares["fer_keras"] - shares["theirs"]
    rows = pd.DataFrame({"difference": gain, "low": gain - half, "high": gain + half})
    texts = [difference_tables.points_text(row) for row in rows.to_dict("records")]
    table.insert(4, "difference in points", texts)
    words = (
        "Accuracies of single weight files, with 95 % intervals over test images, as of two "
        "independent shares; answers to the same images are alike, so that these are too wide:"
    )
    return [words, _markdown(table)]


def growth():
    """Return the table of time and memory by the size of the data."""
    record = _read(BENCHMARKS / "growth.csv")
    table = record.drop(columns=["date", "processor", "cores", "git commit"])
    table["on disk"] = table["on disk"].map({True: "yes", False: "no"})
    for name in table.columns.drop("on disk"):
        is_whole = name in ("rows", "file, MB")
        table[name] = table[name].map("{:,}".format if is_whole else "{:.3g}".format)
    made = _made("python benchmarks/scale.py", record)
    return f"{_markdown(table)}\n\n{made}, drawn faces, at most 64 MiB of pixels in memory."


def ablations():
    """Return the table of what each change of `quick`'s training gives, the best first."""
    sys.path.append(str(BENCHMARKS))
    from ablation_summary import MEASURES, summary

    record = _read(BENCHMARKS / "ablations.csv")
    found = summary(record).droplevel("epochs").sort_values("label", ascending=False)
    table = found[["seeds"]].copy()
    for name in MEASURES:
        gains = found[f"{name} +"].map("{:+.1f}".format)
        halves = found[f"{name} ±"].map(" ± {:.1f}".format).where(found[f"{name} ±"].notna(), "")
        table[name] = found[name].map("{:.3f}".format).str.removeprefix("0")
        table[f"{name} +"] = (gains + halves).where(table.index != "base", "")
    made = _made(f"python benchmarks/ablations.py DIR OUT --seeds {_num_seeds(record)}", record)
    return f"{_markdown(table)}\n\n{made}, {record['epochs'].iloc[0]} epochs."


def faults():
    """Return the table of what came of each attack."""
    record = _read(BENCHMARKS / "faults.csv")
    table = record.drop(columns=["date", "processor", "cores"])
    return f"{_markdown(table)}\n\n{_made('make faults', record)}."


FILES = {
    ROOT / "README.md": [headline],
    REPORTS / "RESULTS.md": [
        same_images,
        published,
        factors,
        own_recipes,
        as_published,
        studies,
        networks,
        pretrained,
    ],
    BENCHMARKS / "README.md": [speed, growth],
    BENCHMARKS / "LOG.md": [ablations],
    ROOT / "docs" / "reliability.md": [faults],
}
"""File -> the functions whose tables it holds, between marks of their names."""


def with_tables(text, sections):
    """Return a text with the tables of some functions between their marks."""
    for section in sections:
        name = section.__name__
        marks = re.compile(f"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
        begin, *others = marks.findall(text) or [(name, "")]
        if others or not begin[1]:
            raise SystemExit(f"The table {name} needs its two marks exactly once.")
        table = section()
        text = marks.sub(lambda found, table=table: f"{found[1]}\n\n{table}\n\n{found[2]}", text)
    return text


def main():
    """Write all tables, and the figure of our recipes."""
    figure = draw_budgets(_read(REPORTS / "budgets.csv"), _read(REPORTS / "studies.csv"))
    with whole_file(REPORTS / "budgets.png") as part:
        figure.savefig(part, dpi=130)
    for path, sections in FILES.items():
        write_text(path, with_tables(path.read_text(encoding="utf-8"), sections))


def _sides(record):
    """Return what was measured of both sides, and when, as text."""
    table = record[["what", "fer_keras", "against", "theirs"]].copy()
    for side in ("fer_keras", "theirs"):
        digits = record[side].map(lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
        table[side] = digits + " " + record["unit"]
    return table.assign(measured=record["date"].str[:10])


def _study(name, record):
    named, row = RECIPES[name], record.iloc[0]
    links = ", ".join(
        f"[{title}](studies/{name}_{file}.csv)"
        for title, file in (
            ("by epoch", "history"),
            ("by class", "class_report"),
            ("confusions", "confusion_matrix"),
        )
    )
    links = f"of the first seed: {links}" if int(row["seeds"]) > 1 else links
    command = f"fer-keras compare {name} --seeds {row['seeds']} --data DIR"
    if named.recipe.division == "random":
        command += " --set split_seed=0"
    return "\n\n".join(
        [
            f"### Study {named.study}: `{name}`",
            _markdown(score_table(record)),
            f"The study reports: {named.published}. What differs: {named.differs}.",
            f"Training accuracy {row['training_accuracy']:.3f} after {row['epochs']} epochs, epoch "
            f"{row['kept_epoch']} kept ({links}). {_made(command, record)}",
        ]
    )


def _num_seeds(record):
    return record["seed"].nunique()


def _read(path):
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"cores": str})


def _by_people(result):
    """Return the table of the scores by label and by people's votes."""
    judgement, _ = judge_tables.judge_comparison(result.comparison)
    return _markdown(judge_tables.readable_judges(judge_tables.judge_table(judgement)))


def _difference(result):
    """Return how the second arm differs from the first, in a sentence."""
    row = result.differences().query("score == 'accuracy'").iloc[0]
    points = difference_tables.margin_text(row["margin"])
    verdicts = {
        "equal": f"The two are equally accurate within {points}",
        "undecided": f"Neither a difference nor equality within {points} is shown",
        "better": f"`{row['arm']}` is more accurate",
        "worse": f"`{row['arm']}` is less accurate",
    }
    return (
        f"**{verdicts[row['verdict']]}**: `{row['arm']}` minus `{row['reference']}` is "
        f"{difference_tables.points_text(row)} points of accuracy, "
        f"p = {difference_tables.p_text(row['p_value'])}; 90 % interval {100 * row['low90']:+.1f} "
        f"to {100 * row['high90']:+.1f}. Intervals are over seeds and test images."
    )


def _made(command, record, *more):
    """Return the command, the date or first and last date, and the machines of a record."""
    record = record.dropna(subset="date")  # failed runs have none
    days, machines = record["date"].str[:10], dict.fromkeys(machines_of(record))
    dates = " to ".join(dict.fromkeys([days.min(), days.max()]))
    return f"`{command}`, {', '.join([dates, ' and '.join(machines), *more])}"


def _markdown(table):
    """Return a DataFrame as a Markdown table, with its index where that has a name."""
    table = table.reset_index() if any(table.index.names) else table
    rows = [table.columns, ["---"] * len(table.columns), *table.fillna("").to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


if __name__ == "__main__":
    main()
