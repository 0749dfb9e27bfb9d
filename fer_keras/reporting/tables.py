"""Tables of a comparison: its arms, faces, costs and machine."""

import pandas as pd

from fer_keras.comparison.trained import is_readable
from fer_keras.reporting.score_tables import headline_rows
from fer_keras.utils.machine import TENSORFLOW, machines_of
from fer_keras.utils.records import read_object


def arms_table(comparison):
    """Return what distinguishes the arms, and their numbers of images.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame of texts, one row an arm: the fields of the recipe that differ between arms,
        the images of each part, and the test images that have an exact copy in training.
    """
    facts = _recipe_facts(comparison)
    table = facts[facts.columns[facts.nunique() > 1]].copy()
    for arm in comparison.arms:
        run = comparison.first.get(arm)
        for part, count in _counts(comparison, arm).items():
            table.loc[arm, f"{part} images"] = f"{count:,}"
        if run:
            leaked = run.predictions.leaked
            table.loc[arm, "test images"] = f"{len(leaked):,}"
            copies = f"{leaked.sum():,} ({100 * leaked.mean():.1f} %)"
            table.loc[arm, "test images with an exact copy in training"] = copies
    return table.fillna("").rename_axis("arm")


def rates_table(comparison):
    """Return the learning rates that were tried for each arm.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame of texts, one row an arm: each rate, from low to high, with its best validation
        accuracy, or `failed`, and the rate `chosen`; empty without a search.
    """
    rows = {}
    for arm, tried in comparison.rates.items():
        rates = sorted(tried)
        rows[arm] = {
            f"{name} rate": f"{rate:g}: {tried[rate]:.3f}".replace("nan", "failed")
            for name, rate in zip(("lowest", "middle", "highest"), rates)
        } | {"chosen": f"{comparison.arms[arm].learning_rate:g}"}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def common_table(comparison):
    """Return what all arms have in common.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame of texts, one row a field of the recipe, with the column `value`.
    """
    facts = _recipe_facts(comparison)
    common = facts[facts.columns[facts.nunique() == 1]].iloc[0]
    return common.rename("value").rename_axis("field").to_frame()


def class_counts(splits):
    """Return the number of faces of each class.

    Args:
        splits: `Splits`.

    Returns:
        A DataFrame, one row a class, with `training`, `validation` (where there is one), `test`.
    """
    parts = {"training": splits.train, "validation": splits.validation, "test": splits.test}
    counts = {name: faces.class_counts() for name, faces in parts.items() if faces}
    return pd.DataFrame(counts, index=splits.train.class_names).rename_axis("class")


def counts_of_arms(splits):
    """Return the numbers of faces, once for all arms that have the same.

    Args:
        splits: dict from an arm's name to its `Splits`.

    Returns:
        A dict from arms' names, joined by commas, to what `class_counts` returns of them.
    """
    groups = {}
    for arm, each in splits.items():
        table = class_counts(each)
        groups.setdefault(table.to_csv(), (table, []))[1].append(arm)
    return {", ".join(arms): table for table, arms in groups.values()}


def time_table(results, minutes=None):
    """Return what the training of each arm took, as text.

    Args:
        results: what `results.result_table` returned.
        minutes: the equal training time of the arms, if there was one.

    Returns:
        A DataFrame of texts, one row an arm and machine, with the number of `runs` and their mean
        `epochs`, `kept epoch`, `minutes` and `images/s` (median epoch). Under equal time, `share of
        the time` says how much of it was used, and `over` where a single epoch takes longer. Where
        there is one machine, it is not named.
    """
    rows = []
    forms = {"epochs": ".3g", "kept epoch": ".3g", "minutes": ".2f", "images/s": ",.0f"}
    results = headline_rows(results)
    results = results.assign(machine=machines_of(results))
    for (arm, machine), runs in results.groupby(["arm", "machine"], sort=False):
        mean = runs[["epochs", "kept_epoch", "minutes", "images_per_second"]].mean()
        row = {"arm": arm, "machine": machine, "runs": str(len(runs))}
        row |= {name: f"{value:{form}}" for (name, form), value in zip(forms.items(), mean)}
        if minutes:
            over = ", over" if mean["epochs"] == 1 and mean["minutes"] > minutes else ""
            row["share of the time"] = f"{100 * mean['minutes'] / minutes:.0f} %{over}"
        rows.append(row)
    table = pd.DataFrame(rows).set_index("arm")
    is_one = results["machine"].nunique() == 1
    return table.drop(columns="machine") if is_one else table


def cost_table(comparison):
    """Return each network's size, operations and speed, as text.

    Args:
        comparison: the `Comparison`, some arm's faces at hand. The networks recognise the test
            faces of the first such arm.

    Returns:
        A DataFrame of texts, one row a network, measured on this machine now.
    """
    from fer_keras.networks import cost

    files = {}
    for run in comparison.all_runs:
        network = run.recipe.as_json()["network"]
        if network not in files and is_readable(run):
            files[network] = run.directory / "model.keras"
    images = next(filter(None, map(comparison.splits, comparison.first))).test.images
    table = cost.cost_table(files, images)
    formats = {
        "parameters": ("parameters", "{:,}"),
        "megaflops": ("MFLOPs an image", "{:.1f}"),
        "bytes": ("bytes on disk", "{:,}"),
        "recognised_per_second_in_32s": ("recognised images/s, in batches of 32", "{:,}"),
        "recognised_per_second_one_by_one": ("recognised images/s, one by one", "{:,}"),
    }
    return pd.DataFrame(
        {title: table[column].map(form.format) for column, (title, form) in formats.items()}
    )


def environment_table(comparison):
    """Return the machine and the versions of all runs.

    Args:
        comparison: the `Comparison`.

    Returns:
        A DataFrame of texts, one row a fact, with the column `value`; where runs differ it holds
        all values, and of the dates the first and the last.
    """
    table = pd.DataFrame([run.environment for run in comparison.all_runs]).replace("", None)
    # Runs made before there was a choice name no backend.
    table = table.fillna({"backend": TENSORFLOW}).fillna("none")
    text = {name: "; ".join(sorted(set(table[name]))) for name in table}
    first, last = min(table["date"]), max(table["date"])
    text["date"] = first if first == last else f"{first} to {last}"
    return pd.Series(text, name="value").rename_axis("what").to_frame()


def _counts(comparison, arm):
    """Return the numbers of images that an arm learns from and chooses its epoch by."""
    if splits := comparison.splits(arm):
        return {"training": len(splits.train), "validation": len(splits.validation or ())}
    path = comparison.first[arm].directory / "recipe.json" if arm in comparison.first else None
    if path is None or not path.is_file():
        return {}
    counts = read_object(path, data=dict)["data"]
    return {"training": counts.get("train"), "validation": counts.get("validation")}


def _recipe_facts(comparison):
    facts = {arm: recipe.as_json() for arm, recipe in comparison.arms.items()}
    for recipe in facts.values():
        recipe["classes"] = ", ".join(recipe["classes"] or ["all"])
        del recipe["seed"]
    return pd.DataFrame(facts).T.map(lambda value: "none" if value is None else str(value))
