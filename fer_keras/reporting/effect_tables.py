"""What a study's runs come to: tables, and the prose that depends on the numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.evaluation.effects import (
    RUN_SCORES,
    compare_all_pipelines,
    compare_pipelines,
    factor_effects,
    variance_shares,
)
from fer_keras.reporting.tables import SCORE_NAMES, STUDY_D
from fer_keras.utils.errors import InputError

STUDY_D_IMAGES = 7178
"""Images in each of study D's two test sets."""


@dataclass(frozen=True)
class Settings:
    """What a user can set about the report of a study.

    Args:
        folder: the study's folder, where `fer-keras study` wrote `results.csv`.

    Raises:
        InputError: if it is no text.
    """

    folder: str = "runs/storage-feed-augmentation"

    def __post_init__(self):
        if not isinstance(self.folder, str):
            raise InputError(f"folder is {self.folder!r}; give a path as text.")


@dataclass(frozen=True)
class Study:
    """The runs of a study that can be compared.

    Args:
        runs: DataFrame with one row a run, as `studies.results` gives it, of the seeds with which
            every combination of levels ran to its end.
        factors: the columns that the study changes; each one's first level to appear is what the
            others are held against.
        notes: sentences on what failed and was left out.
    """

    runs: pd.DataFrame
    factors: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def levels(self):
        """A dict from each factor to its levels, in order of appearance."""
        return {factor: self.runs[factor].unique().tolist() for factor in self.factors}

    @property
    def pipelines(self):
        """A dict from each combination of levels, as words, to its runs."""
        grouped = self.runs.groupby(list(self.factors), sort=False)
        return {", ".join(map(str, levels)): table for levels, table in grouped}


def read_study(folder):
    """Read the record of a study.

    Args:
        folder: where `fer-keras study` wrote `results.csv`.

    Returns:
        A `Study`. A seed of which a run failed is left out, and a note says which and why.

    Raises:
        InputError: if there is no record, or no seed is complete.
    """
    path = Path(folder) / "results.csv"
    if not path.is_file():
        raise InputError(
            f"There is no {path}; run a study first: "
            "fer-keras study storage-feed-augmentation --data DIR."
        )
    table = pd.read_csv(path)
    missing = [name for name in ("seed", *RUN_SCORES, "error") if name not in table]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; give the folder of a study of fer-keras."
        )
    factors = tuple(table.columns[: table.columns.get_loc("seed")])
    failed = table[table["accuracy"].isna()]
    notes = tuple(
        f"The run with {', '.join(f'{name} {row[name]}' for name in (*factors, 'seed'))} failed "
        f"({row['error']}); all runs of seed {row['seed']} are left out, so that the rest stays "
        "balanced."
        for row in failed.to_dict("records")
    )
    runs = table[~table["seed"].isin(failed["seed"])]
    if runs.empty:
        raise InputError(
            f"No seed in {path} is complete; the first error is: {failed['error'].iloc[0]} "
            "Mend it and start the study again: what is finished is kept."
        )
    return Study(runs, factors, notes)


def notice(study):
    """Say in Markdown what was run, and what was left out."""
    seeds = study.runs["seed"].nunique()
    first = study.runs.iloc[0]
    factors = "; ".join(
        f"{factor} ({', '.join(map(str, levels))})" for factor, levels in study.levels.items()
    )
    text = (
        f"**{len(study.runs)} runs**: every combination of {factors}, each with {seeds} "
        f"seed{'s' * (seeds > 1)}, and nothing else changed: `{first['network']}`, "
        f"{first['epochs']} epochs, batches of {first['batch_size']}, learning rate "
        f"{first['learning_rate']:g}. All were tested on the same {first['images']:,} images "
        f"({first['split']}); they took {study.runs['minutes'].sum():.0f} minutes of training."
    )
    return "\n\n".join([text, *(f"- {note}" for note in study.notes)])


def pipeline_table(study):
    """Return each pipeline's scores as text: one row a combination of levels.

    Returns:
        A DataFrame of strings: `seeds`, accuracy and macro F1 as mean ± standard deviation over
        seeds, where copies of test images leaked into training the mean accuracy on the others,
        and the mean `minutes` of training.
    """
    rows = {}
    for levels, table in study.runs.groupby(list(study.factors), sort=False):
        row = {"seeds": f"{len(table)}"}
        for score in RUN_SCORES:
            spread = f" ± {table[score].std():.3f}" if len(table) > 1 else ""
            row[SCORE_NAMES[score]] = f"{table[score].mean():.3f}{spread}"
        if "clean_accuracy" in table:
            row["clean accuracy"] = f"{table['clean_accuracy'].mean():.3f}"
        rows[levels] = row | {"minutes": f"{table['minutes'].mean():.1f}"}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=study.factors)
    return table


def effect_table(study):
    """Return `effects.factor_effects` for each score: a DataFrame with a first column `score`."""
    tables = [
        factor_effects(study.runs, list(study.factors), score).assign(score=score)
        for score in RUN_SCORES
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["score", *table.columns.drop("score")]]


def readable_effects(effects):
    """Return what `effect_table` found as text: one row an effect, one column a score."""
    rows = {}
    for row in effects.itertuples():
        text = _points(row.difference, row.low, row.high)
        rows.setdefault((row.effect, row.change), {})[SCORE_NAMES[row.score]] = text
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["effect", "change"])
    return table


def share_table(study):
    """Return `effects.variance_shares` of each score: one row a source, shares in 0-1.

    Returns:
        A DataFrame with the index `source` and the columns `accuracy`, `macro_f1` and `by_chance`.
    """
    tables = {
        score: variance_shares(study.runs, list(study.factors), score).set_index("source")
        for score in RUN_SCORES
    }
    shares = pd.DataFrame({score: table["share"] for score, table in tables.items()})
    return shares.assign(by_chance=tables[RUN_SCORES[0]]["by_chance"])


def readable_shares(shares):
    """Return what `share_table` found as text, in percent."""
    columns = {**SCORE_NAMES, "by_chance": "by chance"}
    text = shares.map(lambda share: "" if pd.isna(share) else f"{100 * share:.0f} %")
    return text.rename(columns=columns)


def differences_from_first(study):
    """Hold every pipeline against the one of all factors' first levels, over seeds.

    Returns:
        A DataFrame of strings, one row a pipeline: the difference in accuracy and in macro F1,
        and their p values by Holm's method over all pairs of pipelines.
    """
    table = compare_all_pipelines(study.pipelines)
    first = next(iter(study.pipelines))
    rows = {}
    for row in table[table["first_name"] == first].itertuples():
        name = SCORE_NAMES[row.score]
        found = rows.setdefault(row.second_name, {})
        found[name] = _points(row.difference, row.low, row.high)
        found[f"p of {name}, after Holm"] = (
            "" if pd.isna(row.holm_p_value) else f"{row.holm_p_value:.2g}"
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("pipeline")


def conclusion(study, score="macro_f1"):
    """Say in Markdown where study D's published difference came from, as far as these runs say.

    Between the pipeline of all factors' first levels and that of all their last ones, the
    factors' effects and what only the three of them together do add up to the difference, as the
    interactions of two cancel.

    Args:
        study: the `Study`, whose first and last levels are study D's two arms.
        score: the score to explain.
    """
    pipelines = study.pipelines
    names = list(pipelines)
    table = compare_pipelines(pipelines[names[0]], pipelines[names[-1]])
    whole = next(row for row in table.itertuples() if row.score == score)
    effects = factor_effects(study.runs, list(study.factors), score).set_index("effect")
    own = effects.loc[list(study.factors), "difference"]
    parts = ", ".join(f"{name} {100 * points:+.1f}" for name, points in own.items())
    rest = 100 * (whole.difference - own.sum())
    spread = _spread_over_seeds(study, score)
    published = STUDY_D["folder"][score] - STUDY_D["CSV"][score]
    name = SCORE_NAMES[score]
    sentences = [
        f"**Where study D's difference came from.** Study D reported {name} "
        f"{STUDY_D['CSV'][score]} for its CSV arm and {STUDY_D['folder'][score]} for its folder "
        f"arm, {100 * published:+.0f} point, from one run each. Here the second pipeline "
        f"({names[-1]}) minus the first one ({names[0]}) comes to "
        f"{_points(whole.difference, whole.low, whole.high)} points over "
        f"{whole.seeds} seeds: {parts}, and {rest:+.1f} from all of them together.",
        _largest(effects.loc[list(study.factors)]),
    ]
    if spread:
        reach = 1.96 * np.sqrt(2) * spread
        accuracy = STUDY_D["CSV"]["accuracy"]
        sampling = 1.96 * np.sqrt(2 * accuracy * (1 - accuracy) / STUDY_D_IMAGES)
        judgement = "no more than" if abs(published) <= reach else "more than"
        sentences.append(
            f"Two runs of one and the same pipeline, with different seeds, lie up to "
            f"{100 * reach:.1f} points of {name} apart in 95 % of cases (standard deviation over "
            f"seeds {100 * spread:.1f}); study D's {100 * abs(published):.0f} point is "
            f"{judgement} that. Its two test sets of {STUDY_D_IMAGES:,} different images alone "
            f"move a difference in accuracy by ±{100 * sampling:.1f} points."
        )
    sentences.append(
        "Study D's arms also differed in epochs (15 and 30), in where dropout stands, and in "
        "having chosen by their test images, which this study holds equal and so does not explain."
    )
    return " ".join(sentences)


def repetition(study):
    """Say in Markdown how to make the report again."""
    seeds, epochs = study.runs["seed"].nunique(), study.runs["epochs"].iloc[0]
    return (
        f'`make study DATA=folder-with-fer2013 SEEDS={seeds} SET="epochs={epochs}"` runs what is '
        "missing and writes this report; `results.csv` in the study's folder is the record, one "
        "row a run with recipe, scores, machine, versions and git commit. Beside it lies each "
        "run's executed notebook."
    )


def _largest(effects):
    name = effects["difference"].abs().idxmax()
    row = effects.loc[name]
    shown = [each for each, found in effects.iterrows() if found["low"] > 0 or found["high"] < 0]
    words = f"The largest effect is that of {name} ({row['change']})"
    if pd.isna(row["low"]):
        return f"{words}; how sure that is, one seed does not say."
    if name in shown:
        others = [each for each in shown if each != name]
        also = f"; {' and '.join(others)} moves it too" if others else ""
        return f"{words}, and its interval leaves out 0{also}."
    return f"{words}, but its interval holds 0: these seeds do not settle it."


def _spread_over_seeds(study, score):
    """Return the standard deviation between runs that differ in seed alone; None for one seed."""
    variances = study.runs.groupby(list(study.factors))[score].var()
    return None if variances.isna().any() else float(np.sqrt(variances.mean()))


def _points(difference, low, high):
    interval = "" if pd.isna(low) else f" ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{100 * difference:+.1f}{interval}"
