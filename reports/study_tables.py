"""The five studies: their record, and what it says of each as it was and as it could be."""

import numpy as np
import pandas as pd

from fer_keras.comparison.catalogue import RECIPES
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.intervals import SCORES
from fer_keras.evaluation.shared import weak_classes
from fer_keras.reporting.score_tables import interval_text, readable_scores
from fer_keras.utils.machine import processor_and_gpu

AS_PUBLISHED = "_as_published"
"""What follows a recipe's name in the name of the study's own protocol."""

OF_THE_MACHINE = ["date", "processor", "cores", "git_commit"]


def fair_recipes():
    """Return the names of the studies' recipes, without those of their own protocols."""
    own = [name for name, named in RECIPES.items() if named.study]
    return [name for name in own if not name.endswith(AS_PUBLISHED)]


def own_protocol(name):
    """Return the name of the recipe of a study's own protocol: the fair one's where both are one.

    Args:
        name: one of `fair_recipes`.
    """
    own = name + AS_PUBLISHED
    return name if RECIPES[own].recipe == RECIPES[name].recipe else own


def study_rows(name, runs, results):
    """Return what several runs of a recipe say of it.

    Args:
        name: the recipe's name.
        runs: list of its `Run`s, which differ in the seed alone.
        results: what `results.result_table` returned of them.

    Returns:
        A DataFrame, one row a test set: `recipe`, `split`, `images`, `seeds` (number of runs); of
        each of `SCORES` the mean and the ends `_low` and `_high` of its 95 % interval over seeds
        and images; `weak_classes` (too small for macro F1's interval); `training_accuracy` after
        the last epoch, mean and ends over seeds (empty for one); `epochs`; `kept_epoch` (of each
        seed); `minutes` and `images_per_second` (means); and date, machine and commit of the first
        run.
    """
    results = name_gpus(results).rename(columns={"git commit": "git_commit"})
    whole = results.drop_duplicates("seed")
    shared = {"seeds": len(runs), **_training_accuracy(runs)}
    shared["epochs"] = len(runs[0].history)
    shared["kept_epoch"] = ", ".join(str(run.kept_epoch) for run in runs)
    shared["minutes"] = round(whole["minutes"].mean(), 2)
    shared["images_per_second"] = round(whole["images_per_second"].mean())
    shared |= whole[OF_THE_MACHINE].iloc[0].to_dict()
    rows = []
    for split, part in runs[0].predictions.test_sets().items():
        parts = [run.predictions.test_sets()[split] for run in runs]
        row = {"recipe": name, "split": split, "images": len(part.ids)}
        values = np.stack([pseudo_values(each) for each in parts], axis=1)
        for score, of_runs in zip(SCORES, values, strict=True):
            estimate = contrast({name: of_runs}, {name: 1})
            row |= dict(zip(_ends(score), (estimate.value, *estimate.interval())))
        rows.append(row | {"weak_classes": ", ".join(weak_classes(parts))} | shared)
    return pd.DataFrame(rows)


def name_gpus(results):
    """Return `results.csv` with each graphics processor named behind the processor."""
    return results.assign(processor=list(map(processor_and_gpu, results.to_dict("records"))))


def score_table(rows):
    """Return a recipe's scores as text, one row a test set.

    Args:
        rows: a recipe's rows of `studies.csv`.
    """
    scores = rows.rename(columns={"recipe": "arm"}).fillna({"weak_classes": ""})
    return readable_scores(scores).droplevel("arm")


def protocol_table(record, equal):
    """Return what each study says, what its own protocol gives here, and what fair ones give.

    Args:
        record: `studies.csv`, as `study_rows` returns it for each recipe.
        equal: scores over seeds of the comparison `networks`, whose arms are called as networks.

    Returns:
        A DataFrame of texts, one row a study of which the record holds a recipe; a cell is empty
        where the record lacks it.
    """
    rows = []
    first = record.drop_duplicates("recipe").set_index("recipe")
    equal = equal.drop_duplicates("arm").set_index("arm")
    for name in fair_recipes():
        names = own_protocol(name), name
        own, fair = (first.loc[[each]] if each in first.index else None for each in names)
        if own is None and fair is None:
            continue
        training = "" if own is None else _text(own.iloc[0], "training_accuracy")
        epochs = "" if own is None else f" after {own['epochs'].iloc[0]} epochs"
        improved = _accuracy(fair) if names[0] != name else "the same recipe"
        arm = equal[equal.index == RECIPES[name].recipe.network]
        rows.append(
            {
                "study": f"{RECIPES[name].study} (`{name}`)",
                "the study says": RECIPES[name].published,
                "its own protocol gives": _accuracy(own),
                "and in training": training + epochs,
                "its changed recipe gives": improved,
                "a fair protocol gives": _accuracy(arm),
            }
        )
    return pd.DataFrame(rows)


def _training_accuracy(runs):
    """Return the mean over runs of the accuracy in the last epoch, and its ends."""
    last = np.array([[run.history["accuracy"].iloc[-1]] for run in runs])
    estimate = contrast({"": last}, {"": 1}) if len(runs) > 1 else None
    ends = estimate.interval() if estimate else (np.nan, np.nan)
    return dict(zip(_ends("training_accuracy"), (last.mean(), *ends)))


def _accuracy(rows):
    """Return accuracy, test set and number of seeds of a recipe's first row as text."""
    if rows is None or rows.empty:
        return ""
    row = rows.iloc[0]
    seeds = "1 seed" if row["seeds"] == 1 else f"{row['seeds']} seeds"
    return f"{_text(row, 'accuracy')} on {row['split']} ({row['images']:,}), {seeds}"


def _text(row, score):
    return interval_text(*row[_ends(score)].astype(float))


def _ends(score):
    return [score, f"{score}_low", f"{score}_high"]
