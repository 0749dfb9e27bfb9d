"""Write README.md's tables from the CSV records here and in benchmarks/."""

from pathlib import Path

import pandas as pd
from collect_budgets import SETS, budgets

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.reporting.architecture_tables import readable_costs, readable_scores
from fer_keras.reporting.effect_tables import (
    conclusion,
    effect_table,
    read_study,
    readable_effects,
)
from fer_keras.reporting.effect_tables import pipeline_table as study_table
from fer_keras.reporting.tables import (
    SCORE_NAMES,
    pipeline_table,
    readable_pipelines,
    readable_results,
    seed_table,
    with_interval,
)
from fer_keras.utils.files import write_text

REPORTS = Path(__file__).parent
README = REPORTS.parent / "README.md"
BENCHMARKS = REPORTS.parent / "benchmarks" / "results.csv"
STUDY = "storage-feed-augmentation"
TITLES = {
    "compare_same_images": "Protocol `same_images`: only storage and feed differ",
    "compare_published": "Protocol `published`: as study D did it; the arms are not comparable",
}


def results_section():
    """Return the Markdown of all tables, each with its command, machine and date."""
    return "\n\n".join(_table(name, title) for name, title in TITLES.items())


def studies_section():
    """Return a Markdown section a study: command, our numbers, the study's, what differs."""
    record = pd.read_csv(REPORTS / "studies.csv", dtype={"cores": str})
    return "\n\n".join(
        _study(name, named, record[record["recipe"] == name])
        for name, named in RECIPES.items()
        if name in set(record["recipe"])
    )


def budgets_section():
    """Return the Markdown table of our own recipes: accuracy for the minutes that one has."""
    record = pd.read_csv(REPORTS / "budgets.csv", dtype={"cores": str})
    rows = [["recipe", "minutes", "PublicTest", "clean", "augmented", "seeds"], ["---"] * 6]
    for row in budgets(record).to_dict("records"):
        command = f"`{row['recipe']}`"
        if row["epochs"] != RECIPES[row["recipe"]].recipe.epochs:
            command = f"`{row['recipe']} --set epochs={row['epochs']}`"
        plain, *others = (
            f"{row[name]:.3f}".lstrip("0") if row[name] == row[name] else "" for name in SETS
        )
        if row["seeds"] > 1:
            plain += f" ({row['low']:.3f} to {row['high']:.3f})".replace("0.", ".")
        rows.append([command, f"{row['minutes']:.1f}", plain, *others, row["seeds"]])
    first = record.iloc[0]
    return f"{_lines(rows)}\n\n" + (
        f"`fer-keras run RECIPE --data DIR`, {first['date'][:10]}, {first['processor']}, "
        f"{first['cores']} cores, in {first['arithmetic']}; medians over seeds "
        f"([record](reports/budgets.csv))."
    )


def architectures_section():
    """Return the Markdown tables of the networks: equal epochs, equal time, costs."""
    record = pd.read_csv(REPORTS / "architectures.csv", dtype={"cores": str})
    parts = []
    for budget in ("equal epochs", "equal time"):
        rows = record[record["budget"] == budget]
        minutes = rows["budget_minutes"].iloc[0]
        title = f"equal time, {minutes:g} minutes each" if budget == "equal time" else budget
        parts.append(f"**{title.capitalize()}**\n\n{_markdown(readable_scores(rows))}")
    parts.append(f"**Costs**\n\n{_markdown(readable_costs(record))}")
    first = record.iloc[0]
    parts.append(
        f"`make architectures DATA=DIR`, {first['date'][:10]}, {first['processor']}, "
        f"{first['cores']} cores, one seed ([report](reports/architectures.html))."
    )
    return "\n\n".join(parts)


def study_section():
    """Return the Markdown of the factorial study: pipelines, effects, what follows from them."""
    study = read_study(REPORTS / STUDY)
    first = study.runs.iloc[0]
    return "\n\n".join(
        [
            _markdown(study_table(study)),
            _markdown(readable_effects(effect_table(study))),
            conclusion(study),
            f"`make study DATA=DIR SEEDS={study.runs['seed'].nunique()} "
            f'SET="epochs={first["epochs"]}" JOBS=2 NAME={STUDY}`, '
            f"{first['date'][:10]}, {first['processor']}, {first['cores']} cores "
            f"([report](reports/{STUDY}.html), [runs](reports/{STUDY}/results.csv)).",
        ]
    )


def benchmark_section():
    """Return the Markdown table of the benchmarks, with command, machine and date."""
    record = pd.read_csv(BENCHMARKS, dtype={"cores": str})
    rows = [["what", "fer_keras", "against", "", "times better"], ["---"] * 5]
    first = record.iloc[0]
    for row in record.to_dict("records"):
        ours, theirs = (_amount(row[side], row["unit"]) for side in ("fer_keras", "theirs"))
        what = row["what"]
        if row["rounds"] != first["rounds"]:
            what += f" (rounds: {row['rounds']})"
        rows.append([what, ours, row["against"], theirs, f"{row['times better']:.3g}"])
    return f"{_lines(rows)}\n\n" + (
        f"`make bench DATA=DIR`, {first['date'][:10]}, {first['processor']}, {first['cores']} "
        f"cores, TensorFlow {first['tensorflow']}, pandas {first['pandas']}; medians of "
        f"{first['rounds']} rounds, both sides in turn."
    )


def growth_section():
    """Return the Markdown table of time and memory over the size of the data."""
    record = pd.read_csv(BENCHMARKS.with_name("growth.csv"), dtype={"cores": str})
    first = record.iloc[0]
    table = record.drop(columns=["date", "processor", "cores", "git commit"])
    table["on disk"] = table["on disk"].map({True: "yes", False: "no"})
    rows = [table.columns, ["---"] * len(table.columns)]
    rows += [
        [f"{value:.3g}" if isinstance(value, float) else f"{value:,}" for value in row[:-1]]
        + row[-1:]
        for row in table.to_numpy(object).tolist()
    ]
    return f"{_lines(rows)}\n\n" + (
        f"`python benchmarks/scale.py`, drawn faces, at most 64 MiB of pixels in memory; "
        f"{first['date'][:10]}, {first['processor']}, {first['cores']} cores."
    )


def with_tables(readme):
    """Return the README text with what stands between its marks made anew."""
    sections = {
        "results": results_section,
        "studies": studies_section,
        "study": study_section,
        "budgets": budgets_section,
        "architectures": architectures_section,
        "benchmarks": benchmark_section,
        "growth": growth_section,
    }
    for mark, section in sections.items():
        begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        if begin in readme:
            head, rest = readme.split(begin)
            readme = f"{head}{begin}\n\n{section()}\n\n{end}{rest.split(end)[1]}"
    return readme


def _study(name, named, record):
    row = record.iloc[0]
    rows = [["test set", *SCORE_NAMES.values()], ["---"] * 4]
    for part in record.to_dict("records"):
        scores = [with_interval(part, score) for score in SCORE_NAMES]
        rows.append([f"{part['split']} ({part['images']:,})", *scores])
    return "\n\n".join(
        [
            f"### Study {named.study}: `{name}`",
            f"```sh\nfer-keras run {name} --data DIR --out runs/\n```",
            _lines(rows),
            f"The study reports: {named.published}. What differs: {named.differs}.",
            f"Training accuracy {row['training_accuracy']:.3f} after {row['epochs']} epochs, epoch "
            f"{row['kept_epoch']} kept; {row['minutes']:g} minutes at {row['images_per_second']:,} "
            f"images/s on {row['cores']} cores of {row['processor']}, {row['date'][:10]}. By epoch "
            f"and by class: [history](reports/studies/{name}_history.csv), "
            f"[classes](reports/studies/{name}_class_report.csv), "
            f"[confusions](reports/studies/{name}_confusion_matrix.csv).",
        ]
    )


def _markdown(table):
    table = table.reset_index()
    return _lines([table.columns, ["---"] * len(table.columns), *table.to_numpy().tolist()])


def _table(name, title):
    results = pd.read_csv(REPORTS / f"{name}.csv", dtype={"cores": str})
    rows = [["arm", "test set", "accuracy", "macro F1", "weighted F1"], ["---"] * 5]
    table = readable_results(results)
    rows += [[*index, *values] for index, values in zip(table.index, table.to_numpy())]
    protocol = name.removeprefix("compare_")
    parts = [f"**{title}** ([report](reports/{name}.html))", _lines(rows)]
    if results["seed"].nunique() > 1:
        parts += [
            "Over seeds, mean ± standard deviation and range; then the folder pipeline minus the "
            "CSV pipeline, in points:",
            _markdown(seed_table(results)),
            _markdown(readable_pipelines(pipeline_table(results))),
        ]
    return "\n\n".join([*parts, _made(results, protocol)])


def _amount(value, unit):
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _lines(rows):
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


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
    write_text(README, with_tables(README.read_text(encoding="utf-8")))
