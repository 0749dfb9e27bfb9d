"""Tables, figures and sentences on crossed factors, from records with planted effects."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from fer_keras.comparison.prepare import Source
from fer_keras.comparison.record import Comparison
from fer_keras.data.readers.locate import Location
from fer_keras.reporting import difference_tables as tables
from fer_keras.reporting import effect_figures
from fer_keras.reporting.narrative import effect_summary
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

LEVELS = {
    "storage": ("csv", "folder"),
    "feed": ("memory", "image_data_generator"),
    "augmentation": ("none", "study_d"),
}


def record(storage=0.0, feed=0.0, augmentation=0.0, together=0.0, noise=0.0, num_seeds=3, luck=0):
    """A comparison's `results.csv` whose scores are made of planted effects."""
    rng = np.random.default_rng(luck)
    rows = []
    for seed, *levels in product(range(num_seeds), *LEVELS.values()):
        changed = [level == own[1] for level, own in zip(levels, LEVELS.values())]
        score = 0.55 + 0.01 * seed + np.dot(changed, (storage, feed, augmentation))
        score += together * all(changed) + noise * rng.normal()
        row = {"arm": ", ".join(levels), **dict(zip(LEVELS, levels)), "seed": seed}
        row |= {"split": "PublicTest", "images": 3589, "epochs": 8}
        rows.append(row | {"accuracy": score + 0.02, "macro_f1": score})
    return pd.DataFrame(rows)


def comparison(num_seeds=3, **fields):
    names = [", ".join(levels) for levels in product(*LEVELS.values())]
    known = {
        "name": "storage-feed-augmentation",
        "directory": None,
        "arms": dict.fromkeys(names, Recipe()),
        "seeds": tuple(range(num_seeds)),
        "factors": LEVELS,
        "minutes": None,
        "drawn": False,
        "sources": {},
        "notes": (),
        "runs": {},
        "errors": (),
    }
    return Comparison(**known | fields)


def summary(table, **fields):
    compared = comparison(table["seed"].nunique(), **fields)
    runs, factors = tables.balanced_runs(compared, table)
    words = effect_summary(compared, runs, factors, tables.effect_table(runs, factors))
    return " ".join(words.split())


def test_planted_effects_are_found_and_add_up_to_the_whole_difference():
    planted = {"storage": -0.01, "feed": 0.004, "augmentation": 0.03}
    table = record(**planted, together=0.008, noise=1e-5)
    runs, factors = tables.balanced_runs(comparison(), table)
    effects = tables.effect_table(runs, factors).set_index(["score", "effect"])["difference"]
    # What only all three do together is seen in a quarter of each factor's contrasts.
    for factor, effect in planted.items():
        assert effects["macro_f1", factor] == pytest.approx(effect + 0.008 / 4, abs=1e-4)
    assert effects["macro_f1", "storage × feed"] == pytest.approx(0.008 / 2, abs=1e-4)
    words = summary(table)
    # -0.8 + 0.6 + 3.2 = 3.0; the other 0.2 of 3.2 are the three's together.
    assert "(folder, image_data_generator, study_d) minus (csv, memory, none) is +3.2 (" in words
    assert "storage -0.8, feed +0.6, augmentation +3.2, and +0.2 from all of them" in words
    assert (
        "the interval leaves out 0 for" in words and "augmentation (none → study_d: +3.2" in words
    )
    assert words.startswith(
        "**What these factors do in 8 epochs on PublicTest (3,589 images), over 3"
    )


def test_the_spread_over_seeds_is_that_of_single_pipelines():
    # Seeds score .55, .56, .57 in every pipeline: deviation 1 point, 1.96 √2 of it 2.8 points.
    table = record(augmentation=0.2)
    words = summary(table)
    assert "lie up to 2.8 points of macro F1 apart in 95 % of cases" in words
    assert "(standard deviation over seeds 1.0)" in words
    shares = tables.share_table(*tables.balanced_runs(comparison(), table))
    between, seed = 8 * 0.1**2 * 3, 8 * 2 * 0.01**2
    assert shares.loc["augmentation", "macro_f1"] == pytest.approx(between / (between + seed))
    assert shares.loc["seed", "macro_f1"] == pytest.approx(seed / (between + seed))
    assert tables.readable_shares(shares).loc["storage", "accuracy"] == "0 %"


def test_effects_that_seeds_do_not_settle_are_said_to_be():
    words = summary(record(noise=0.02, luck=4))
    assert "the interval of every effect holds 0: these seeds do not settle any of them" in words


def test_drawn_faces_and_other_comparisons_do_not_explain_study_d():
    table = record(noise=0.01)
    assert "study D" in summary(table)
    assert "study D" not in summary(table, drawn=True)
    assert "study D" not in summary(table, name="mine")


def test_one_seed_gives_effects_without_intervals():
    table = record(augmentation=0.03, num_seeds=1)
    effects = tables.effect_table(*tables.balanced_runs(comparison(1), table))
    text = tables.readable_effects(effects)
    assert text.loc[("augmentation", "none → study_d"), "accuracy"] == "+3.0"
    words = summary(table)
    assert "One seed does not say how sure that is" in words
    assert "standard deviation" not in words


def test_a_seed_with_a_failed_run_is_left_out_and_named():
    table = record()
    broken = (table["seed"] == 1) & (table["feed"] == "memory") & (table["storage"] == "folder")
    table.loc[broken.idxmax(), ["accuracy", "macro_f1"]] = None
    runs, _ = tables.balanced_runs(comparison(), table)
    assert runs["seed"].unique().tolist() == [0, 2] and len(runs) == 16
    words = summary(table)
    assert "over 2 seeds" in words and "All runs of seed 1 are left out" in words


def test_what_has_no_effects_is_refused():
    with pytest.raises(InputError, match="crosses no factors"):
        tables.balanced_runs(replace(comparison(), factors={}), record())
    only_csv = record()[lambda table: table["storage"] == "csv"]
    arms = dict.fromkeys(only_csv["arm"], Recipe())
    _, factors = tables.balanced_runs(comparison(arms=arms), only_csv)
    assert factors == ["feed", "augmentation"]
    error = {"arm": "csv, memory, none", "seed": 0, "error": "Disk is full."}
    with pytest.raises(InputError, match="No seed has finished with every arm.*Disk is full"):
        tables.balanced_runs(comparison(1, errors=(error,)), record(num_seeds=1).iloc[1:])


def test_several_data_sets_are_one_more_factor():
    names = ("fer2013", "raf-db")
    tested = [record().assign(arm=lambda t, name=name: t["arm"] + f" on {name}") for name in names]
    sources = {arm: Source(Location(name)) for name, t in zip(names, tested) for arm in t["arm"]}
    tested[1]["accuracy"] += 0.1
    compared = comparison(arms=dict.fromkeys(sources, Recipe()), sources=sources)
    runs, factors = tables.balanced_runs(compared, pd.concat(tested))
    effects = tables.effect_table(runs, factors).query("score == 'accuracy'").set_index("effect")
    assert effects.loc["data", "change"] == "fer2013 → raf-db"
    assert effects.loc["data", "difference"] == pytest.approx(0.1)


def test_figures_say_their_numbers():
    table = record(augmentation=0.03, noise=0.002)
    runs, factors = tables.balanced_runs(comparison(), table)
    effects = tables.effect_table(runs, factors)
    row = effects[effects["effect"] == "augmentation"].iloc[0]
    label = effect_figures.effects(effects).get_label()
    assert f"augmentation (none → study_d): {100 * row['difference']:+.1f}" in label
    figure = effect_figures.interactions(runs, factors, "accuracy")
    mean = runs.query("augmentation == 'study_d' and feed == 'memory'")["accuracy"].mean()
    assert f"augmentation study_d, by feed: memory {mean:.3f}" in figure.get_label()
    assert len(figure.axes) == 3
    shares = tables.share_table(runs, factors)
    share = f"augmentation: {100 * shares.loc['augmentation', 'accuracy']:.0f} %"
    assert share in effect_figures.shares(shares).get_label()


def test_levels_may_be_numbers_and_many():
    table = record(num_seeds=2)
    numbers = table[table["feed"] == "memory"].assign(storage=lambda t: t["storage"].eq("csv") / 10)
    figure = effect_figures.interactions(numbers, ["storage", "augmentation"], "macro_f1")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["0.1", "0.0"]
