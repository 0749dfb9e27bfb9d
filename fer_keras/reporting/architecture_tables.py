"""What the comparison of networks comes to: tables, and the prose that depends on the numbers."""

from dataclasses import asdict

import pandas as pd

from fer_keras.evaluation.intervals import compare_all
from fer_keras.evaluation.predictions import score_table
from fer_keras.reporting.prose import drawn_notice
from fer_keras.reporting.tables import SCORE_NAMES, headline, with_interval
from fer_keras.utils.machine import environment

LEVEL = 0.05
"""Of significance: a false alarm in at most so many of studies without any difference."""


def score_record(runs, budget, budget_minutes=None):
    """Return what the runs under one budget came to: a DataFrame, one row a network and split.

    Args:
        runs: dict from a network's name to its `Run`.
        budget: `equal epochs` or `equal time`.
        budget_minutes: the minutes of equal time.

    Returns:
        Columns `budget`, `budget_minutes`, `network`, those of `evaluation.score_table`, `epochs`,
        `kept_epoch`, `minutes` of training with validation, `images_per_second` of training (the
        median epoch's), the recipe's common fields, and the machine and versions of the training.
    """
    tables = []
    for network, finished in runs.items():
        table = score_table(finished.predictions)
        table.insert(0, "budget", budget)
        table.insert(1, "budget_minutes", budget_minutes)
        table.insert(2, "network", network)
        recipe = asdict(finished.recipe)
        common = ("storage", "batch_size", "learning_rate", "validation_fraction", "seed")
        tables.append(
            table.assign(
                epochs=len(finished.history),
                kept_epoch=finished.best_epoch,
                minutes=round(_minutes(finished), 3),
                images_per_second=round(finished.history["images_per_second"].median()),
                **{name: recipe[name] for name in common},
                **finished.environment,
            )
        )
    return pd.concat(tables, ignore_index=True)


def readable_scores(record):
    """Return the scores under one budget as text.

    Args:
        record: rows of one budget, as `score_record` gives them.

    Returns:
        A DataFrame of strings, one row a network and split; under equal time with the share of
        the time that training took, and `over` where it is one epoch that takes longer.
    """
    rows = []
    for row in record.to_dict("records"):
        text = {"network": row["network"], "test set": f"{row['split']} ({row['images']:,})"}
        text |= {SCORE_NAMES[name]: with_interval(row, name) for name in ("accuracy", "macro_f1")}
        text |= {"epochs": f"{row['epochs']}", "kept epoch": f"{row['kept_epoch']}"}
        text |= {"minutes": f"{row['minutes']:.2f}"}
        if row["budget"] == "equal time":
            is_over = row["epochs"] == 1 and row["minutes"] > row["budget_minutes"]
            share = f"{row['minutes'] / row['budget_minutes']:.0%}"
            text["time used"] = f"{share}, over" if is_over else share
        rows.append(text)
    return pd.DataFrame(rows).set_index(["network", "test set"])


def readable_costs(record):
    """Return what the networks cost as text, from rows with the columns of `cost.cost_table`.

    Args:
        record: `score_record`'s columns `network` and `images_per_second`, and those of
            `cost.cost_table`; of several rows of a network, the first counts.

    Returns:
        A DataFrame of strings, one row a network.
    """
    rows = {
        row["network"]: {
            "parameters": f"{row['parameters']:,}",
            "MFLOPs an image": f"{row['megaflops']:.1f}",
            "MB on disk": f"{row['bytes'] / 1e6:.1f}",
            "trained images/s": f"{row['images_per_second']:,}",
            "recognised images/s, in batches of 32": f"{row['recognised_per_second_in_32s']:,}",
            "recognised images/s, one by one": f"{row['recognised_per_second_one_by_one']:,}",
        }
        for row in record.drop_duplicates("network").to_dict("records")
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def best_in_time(runs, minutes):
    """Return the name of the most accurate network among those one epoch of which is in time.

    Args:
        runs: dict from a network's name to its `Run` under equal time.
        minutes: the time; where no network keeps to it, all of them count.
    """
    return _most_accurate(_in_time(runs, minutes) or runs)


def differences_from(best, runs):
    """Return how much the other networks' scores differ from the best one's.

    Args:
        best: a network's name.
        runs: dict from a network's name to its `Run`.

    Returns:
        The rows of `statistics.compare_all` that hold another network against the best one (the
        other one minus it), with the index `network`. Holm's correction is for all pairs, since
        any network could have come out best. Empty if there is no other network.
    """
    models = {network: headline(runs[network])[1] for network in [best, *runs]}
    table = compare_all(models)
    if table.empty:
        return table
    return table[table["first"] == best].set_index("second").rename_axis("network")


def readable_differences(differences):
    """Return what `differences_from` found as text: one row a network."""
    rows = {}
    for network, found in differences.to_dict("index").items():
        rows[network] = {
            SCORE_NAMES[score]: f"{100 * found[f'{score}_difference']:+.1f} "
            f"({100 * found[f'{score}_low']:+.1f} to {100 * found[f'{score}_high']:+.1f})"
            for score in ("accuracy", "macro_f1")
        }
        rows[network]["McNemar's p, after Holm"] = f"{found['holm_p_value']:.2g}"
        rows[network]["accuracy is"] = _verdict(found["holm_p_value"])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def environment_table(runs):
    """Return the machine and the versions: a DataFrame, one column for training, one for today.

    Args:
        runs: the `Run`s; where their machines or versions differ, the table says all of them.
    """
    here = environment()
    trained = {
        name: "; ".join(sorted({finished.environment.get(name, "") for finished in runs}))
        for name in here
    }
    dates = sorted(finished.environment["date"] for finished in runs)
    trained["date"] = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    return pd.DataFrame({"training": trained, "recognition speeds": here}).rename_axis("what")


def data_notice(prepared):
    """Say in Markdown what data the report is about, drawn faces before all else."""
    if prepared.drawn:
        return drawn_notice("make architectures")
    storage = next(iter(prepared.recipes.values())).storage
    form = {"csv": "its CSV of pixel strings", "folder": "its folders of JPEG images"}[storage]
    notes = "".join(f"\n- {note}" for note in prepared.splits.notes)
    return f"**Data: FER2013**, read from {form}." + (f"\n{notes}" if notes else "")


def recipe_notice(prepared):
    """Say in Markdown what all networks have in common."""
    recipe, splits = next(iter(prepared.recipes.values())), prepared.splits
    rates = ", ".join(f"{each.learning_rate:g}" for each in prepared.recipes.values())
    copies = splits.leaked()
    return (
        f"Each network learns from the same {len(splits.train):,} training faces in the same "
        f"order, by Adam in batches of {recipe.batch_size}, without augmentation, with seed "
        f"{recipe.seed}; the learning rates are {rates} for {', '.join(prepared.recipes)}. Its "
        "kept epoch is the one that does best on the same "
        f"{len(splits.validation):,} validation faces, which are cut out of the training part. It "
        f"is tested on the same {len(splits.test):,} faces, which choose nothing; "
        f"{copies.sum():,} of them ({copies.mean():.1%}) have an exact copy among the faces that "
        "it learns from."
    )


def conclusion(prepared, equal_epochs, equal_time, costs):
    """Say in Markdown which network to take, computed from the runs.

    Args:
        prepared: the `Prepared`.
        equal_epochs: dict from a network's name to its `Run`.
        equal_time: dict from a network's name to its `Run`.
        costs: the DataFrame of `cost.cost_table`.
    """
    best = best_in_time(equal_time, prepared.minutes)
    in_time = _in_time(equal_time, prepared.minutes)
    split, part = headline(equal_time[best])
    first = (
        f"Within {prepared.minutes:g} minutes of training a network, `{best}` is the most accurate"
        if in_time
        else f"In {prepared.minutes:g} minutes no network gets through an epoch, so that each was "
        f"given one; after it, `{best}` is the most accurate"
    )
    first = (
        f"**{first}: {_accuracy(equal_time[best])}** on {split} ({len(part.ids):,} images)."
        + _late(equal_time, in_time)
    )
    differences = differences_from(best, in_time or equal_time)
    if len(differences):
        first += f" {_runner_up(differences)}"
    drawn = "**These are drawn faces: what follows says nothing about people.**"
    return "\n\n".join(
        [
            *([drawn] if prepared.drawn else []),
            first,
            _choice(best, differences, costs),
            _after_equal_epochs(equal_epochs),
            "The intervals cover the choice of test images alone. Each network is one run with "
            "one seed; another seed moves the scores as well, and the best of several on the same "
            "images is flattered a little. The minutes are this machine's: on another one, each "
            "network gets through another number of epochs.",
        ]
    )


def _minutes(finished):
    return finished.history["seconds"].sum() / 60


def _in_time(runs, minutes):
    return {
        network: finished
        for network, finished in runs.items()
        if len(finished.history) > 1 or _minutes(finished) <= minutes
    }


def _most_accurate(runs):
    def accuracy(network):
        part = headline(runs[network])[1]
        return (part.y_pred == part.y_true).mean()

    return max(runs, key=accuracy)


def _accuracy(finished):
    return with_interval(score_table(headline(finished)[1]).iloc[0], "accuracy")


def _late(runs, in_time):
    late = [f"`{network}`" for network in runs if network not in in_time]
    return f" One epoch of {', '.join(late)} takes longer than that." if late and in_time else ""


def _after_equal_epochs(runs):
    best = _most_accurate(runs)
    finished = runs[best]
    epochs = "1 epoch" if finished.recipe.epochs == 1 else f"{finished.recipe.epochs} epochs"
    return (
        f"After {epochs} each, however long they take, the most accurate is `{best}`: "
        f"{_accuracy(finished)}, in {_minutes(finished):.1f} minutes."
    )


def _verdict(p_value):
    return "lower by more than noise" if p_value <= LEVEL else "inside the noise"


def _runner_up(differences):
    second = differences.loc[differences["accuracy_difference"].idxmax()]
    return (
        f"`{second.name}` follows, {-100 * second['accuracy_difference']:.1f} points behind (95 % "
        f"interval of the paired difference {-100 * second['accuracy_high']:.1f} to "
        f"{-100 * second['accuracy_low']:.1f}; McNemar's p, corrected for all pairs, "
        f"{second['holm_p_value']:.2g}): {_verdict(second['holm_p_value'])}."
    )


def _choice(best, differences, costs):
    level = [best]
    if len(differences):
        level += differences.index[differences["holm_p_value"] > LEVEL].tolist()
    chosen = costs.loc[level, "recognised_per_second_one_by_one"].idxmax()
    cost = costs.loc[chosen]
    if differences.empty:
        reason = "no other network gets through an epoch in the time"
    elif len(level) == 1:
        reason = "every other network is less accurate by more than noise"
    else:
        names = ", ".join(f"`{name}`" for name in level)
        reason = (
            f"of the networks that are not shown to be less accurate than the best ({names}), it "
            "recognises single images fastest"
        )
    return (
        f"**On a machine like this, take `{chosen}`**: {reason}. It recognises "
        f"{cost['recognised_per_second_one_by_one']:,.0f} images/s one by one, needs "
        f"{cost['megaflops']:.0f} MFLOPs an image, and takes {cost['bytes'] / 1e6:.1f} MB on disk."
    )
