"""Tables, figures and sentences on crossed factors, from records with planted effects."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from helpers import comparison_of, predictions_of, run_of
from statsmodels.stats.multitest import multipletests

from fer_keras.comparison.record import Comparison
from fer_keras.comparison.results import result_table
from fer_keras.comparison.source import Source
from fer_keras.data.readers.locate import Location
from fer_keras.evaluation.chance import contrast, pseudo_values
from fer_keras.evaluation.effects import factor_effects, variance_shares
from fer_keras.reporting import effect_figures
from fer_keras.reporting import effect_tables as tables
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.first_screen import verdict
from fer_keras.reporting.narrative import effect_summary
from fer_keras.training.recipe import Recipe
from fer_keras.utils.errors import InputError

LEVELS = {
    "storage": ("csv", "folder"),
    "feed": ("memory", "image_data_generator"),
    "augmentation": ("none", "study_d"),
}


def record(together=0.0, noise=0.0, num_seeds=3, luck=0, by_seed=0.01, **planted):
    """A comparison's `results.csv` whose scores are made of planted effects."""
    rng, effects = np.random.default_rng(luck), [planted.get(name, 0) for name in LEVELS]
    rows = []
    for seed, *levels in product(range(num_seeds), *LEVELS.values()):
        changed = [level == own[1] for level, own in zip(levels, LEVELS.values())]
        score = 0.55 + by_seed * seed + np.dot(changed, effects)
        score += together * all(changed) + noise * rng.normal()
        row = {"arm": ", ".join(levels), **dict(zip(LEVELS, levels)), "seed": seed}
        row |= {
            "split": "PublicTest",
            "images": 3589,
            "epochs": 8,
            "kept_epoch": 6 + 2 * (levels[2] != "none"),
            "validation_fraction": 0.1,
            "schedule": "constant",
        }
        rows.append(row | {"accuracy": score + 0.02, "macro_f1": score, "weighted_f1": score})
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
    words = effect_summary(compared, tables.grid_effects(compared, table))
    return " ".join(words.split())


def test_planted_effects_are_found_up_to_all_factors_together():
    planted = {"storage": -0.01, "feed": 0.004, "augmentation": 0.03}
    table = record(**planted, together=0.008, noise=1e-5)
    runs, factors = tables.balanced_runs(comparison(), table)
    effects = tables.effect_table(runs, factors, comparison()).set_index(["score", "effect"])[
        "difference"
    ]
    # What only all three do together is seen in a quarter of each factor's contrasts.
    for factor, effect in planted.items():
        assert effects["macro_f1", factor] == pytest.approx(effect + 0.008 / 4, abs=1e-4)
    assert effects["macro_f1", "storage × feed"] == pytest.approx(0.008 / 2, abs=1e-4)
    together = effects["accuracy", "storage × feed × augmentation"]
    assert together == pytest.approx(0.008, abs=1e-4)


def test_accuracy_alone_is_tested_and_corrected_for_all_effects():
    runs, factors = tables.balanced_runs(
        comparison(), record(augmentation=0.03, noise=0.004, by_seed=0)
    )
    effects = tables.effect_table(runs, factors, comparison())
    own = effects[effects["score"] == "accuracy"]
    expected = multipletests(own["p_value"], method="holm")[1]
    assert own["holm_p_value"].to_numpy() == pytest.approx(expected)
    equal = multipletests(own["p_of_equality"], method="holm")[1] <= 0.05
    assert own["is_small"].tolist() == equal.tolist() and equal.any()
    others = effects[effects["score"] != "accuracy"]
    assert others["holm_p_value"].isna().all()
    assert not others["is_shown"].any() and not others["is_small"].any()


def test_epochs_of_one_training_are_a_repeated_measure():
    rng, levels = np.random.default_rng(0), {"network": ("a", "b"), "epochs": ("15", "30")}
    luck = rng.normal(0, 0.02, (2, 3))  # of a training, whatever its length
    rows = []
    for (one, network), (two, epochs) in product(*map(enumerate, levels.values())):
        for seed in range(3):
            score = 0.5 + 0.01 * two + luck[one, seed] + rng.normal(0, 0.002)
            rows.append({"arm": f"{network}, {epochs}", "network": network, "epochs": epochs}
                        | {"seed": seed, "accuracy": score, "macro_f1": score})  # fmt: skip
    table = pd.DataFrame(rows).assign(weighted_f1=0.5)
    arms = {arm: own["accuracy"].to_numpy()[:, None] for arm, own in table.groupby("arm")}
    by_arm = table.drop_duplicates("arm").set_index("arm")[[*levels]]
    compared = comparison(factors=levels)
    found = tables.effect_table(table, [*levels], compared)
    found = found[found["score"] == "accuracy"]["p_value"].to_numpy()
    repeated, apart = (
        factor_effects(arms, by_arm, repeated=name)["p_value"].to_numpy()
        for name in ("epochs", None)
    )
    assert found == pytest.approx(repeated) and found != pytest.approx(apart)
    shares = tables.share_table(table, [*levels])
    expected = variance_shares(table, [*levels], "accuracy", "epochs")["share"]
    assert shares[shares["score"] == "accuracy"]["share"].tolist() == pytest.approx([*expected])


def test_the_summary_tells_what_is_shown_small_and_undecided():
    words = summary(record(augmentation=0.03, noise=0.004, by_seed=0))
    assert words.startswith(
        "**What these factors do in 8 epochs on PublicTest (3,589 images), over 3 seeds.** - In "
        "accuracy an effect is shown for augmentation (none → study_d: +"
    )
    assert "Smaller than 1 point in accuracy, as a test of equality says: " in words
    assert "corrected by Holm's method for the 7 effects" in words and "over seeds alone" in words
    assert (
        "In 12 of 24 runs the last epoch was the best one on the validation images, most often "
        "with augmentation study_d (12 of 12): **these runs may not have converged**" in words
    )
    words = summary(record(noise=0.02, luck=4))
    undecided = "- Undecided, neither an effect nor its absence being shown: "
    assert f"- In accuracy no effect is shown. {undecided}" in words
    assert "storage (csv → folder: " in words and "storage × feed (-" in words


def grid_of(answer):
    """A finished 2×2×2 grid, and the effects of its factors; an arm answers with a class each."""
    y_true = np.arange(700) % 7
    y_true[:100] = 0
    runs = {}
    for levels in product(*LEVELS.values()):
        found = predictions_of(y_true, answer(levels, y_true))
        made = {s: replace(run_of(0.5, s), predictions=found) for s in range(3)}
        runs[", ".join(levels)] = made
    compared = comparison_of(runs, "somewhere", factors=LEVELS)
    rows = result_table(compared)
    for place, name in enumerate(LEVELS):
        rows[name] = rows["arm"].str.split(", ").str[place]
    return compared, rows, tables.grid_effects(compared, rows)


def test_levels_that_have_other_tests_are_not_compared():
    """A factor changes the labels that scores are by; the other one raises them by ten points."""
    grid = {"labels": ("own", "ferplus"), "precision": ("float32", "mixed")}
    runs, y_true = {}, np.arange(700) % 7
    for labels, precision in product(*grid.values()):
        truth = y_true if labels == "own" else (y_true + 1) % 7
        for seed in range(3):
            is_right = np.random.default_rng(seed).random(700) < 0.5 + 0.1 * (precision == "mixed")
            found = predictions_of(truth, np.where(is_right, truth, (truth + 1) % 7))
            made = runs.setdefault(f"{labels}, {precision}", {})
            made[seed] = replace(run_of(0.5, seed), predictions=found)
    compared = comparison_of(runs, "somewhere", factors=grid)
    rows = result_table(compared)
    rows[[*grid]] = rows["arm"].str.split(", ", expand=True).to_numpy()
    effects = tables.grid_effects(compared, rows)
    assert effects.table.attrs["apart"] == ["labels"]
    primary = effects.primary.set_index("effect")
    assert primary.loc["labels", ["low", "p_value", "p_of_equality"]].isna().all()
    assert primary.index[primary["is_shown"]].tolist() == ["precision"]
    assert tables.readable_effects(effects.table).loc["labels", "found"].item() == (
        "not comparable: other tests"
    )
    words = " ".join(effect_summary(compared, effects).split())
    assert "Levels of labels have other test images, labels or classes." in words
    assert "corrected by Holm's method for the 2 effects" in words
    first = verdict(compared, rows, difference_table(compared), effects)
    assert "Levels of <b>labels</b> have other test images" in first
    shares = tables.share_table(effects.runs, effects.factors, ["labels"])
    tested = shares[shares["score"] == "accuracy"].set_index("source")["p_value"].notna()
    assert tested["precision"] and not tested["labels"]


def test_arms_that_learnt_nothing_have_no_effects():
    def answer(levels, y_true):  # the commonest class, or a rare one
        return np.full(len(y_true), 0 if levels[0] == "csv" else 3)

    compared, rows, effects = grid_of(answer)
    primary = effects.primary
    assert primary["difference"].abs().max() > 0.1  # of class frequencies, not of networks
    assert not primary["is_shown"].any() and not primary["is_small"].any()
    words = effect_summary(compared, effects)
    assert "nothing is learnt" in " ".join(words.split()) and "no effect is shown" in words
    assert "no effect is shown" in verdict(compared, rows, difference_table(compared), effects)


def test_effects_on_too_few_images_are_not_called_small():
    def answer(levels, y_true):  # all right but for one image
        return np.where(np.arange(len(y_true)) < (levels[0] == "csv"), 1, y_true)

    _, _, effects = grid_of(answer)
    assert effects.primary["is_small"].all()  # of 700 images: at most 5.6 in 700 tell them apart
    compared, rows, _ = grid_of(answer)
    few = {
        arm: {
            seed: replace(run, predictions=run.predictions.select(np.arange(700) < 300))
            for seed, run in own.items()
        }
        for arm, own in compared.runs.items()
    }
    effects = tables.grid_effects(replace(compared, runs=few), rows)
    assert not effects.primary["is_small"].any()


def test_macro_f1_is_called_unsure_where_a_class_is_too_small():
    assert "unsure" not in summary(record())
    run = run_of(0.7, 1)
    few = replace(run, predictions=run.predictions.select(run.predictions.y_true != 3))
    words = summary(record(), runs={"one": {0: run}, "other": {0: few}})
    assert "not tested (its intervals are unsure: too few images or hits of happy)." in words


def test_factors_that_depend_on_each_other_have_effects_at_each_level():
    def planted(both):
        table = record(noise=0.002, by_seed=0)
        is_both = (table["feed"] != "memory") & (table["augmentation"] != "none")
        return table.assign(accuracy=table["accuracy"] + both * is_both)

    found = tables.grid_effects(comparison(), planted(0.05))
    means = found.runs.groupby(["feed", "augmentation"])["accuracy"].mean()
    at = found.at_levels.set_index(["effect", "at"])["difference"]
    assert len(at) == 4
    assert at["augmentation", "feed image_data_generator"] == pytest.approx(
        means["image_data_generator", "study_d"] - means["image_data_generator", "none"]
    )
    words = summary(planted(0.05))
    assert "The effect of augmentation (none → study_d) is " in words
    assert " at feed memory and +5.1 (" in words or " at feed memory and +5.0 (" in words
    assert len(tables.readable_at_levels(found.at_levels)) == 4
    assert not len(tables.grid_effects(comparison(), planted(0)).at_levels)
    assert "The effect of" not in summary(planted(0))


def test_epochs_are_those_of_the_recipe_where_patience_trained_fewer():
    table = record(num_seeds=2)
    table["epochs"] = 5 + np.arange(len(table)) % 3
    epochs = {"none": 15, "study_d": 30}
    arms = {arm: Recipe(epochs=epochs[arm.split(", ")[2]]) for arm in table["arm"].unique()}
    factors = {"storage": (), "feed": (), "epochs": (15, 30)}
    runs, found = tables.balanced_runs(comparison(2, arms=arms, factors=factors), table)
    assert found == ["storage", "feed", "epochs"]
    assert runs.groupby("augmentation")["epochs"].unique().explode().to_dict() == epochs


def test_study_ds_difference_is_put_down_to_nothing():
    assert "study D" not in summary(record(noise=0.01)).replace("study_d", "")


def test_runs_that_had_converged_are_not_said_otherwise():
    table = record(noise=0.01).assign(kept_epoch=5)
    assert "converged" not in summary(table)


@pytest.mark.parametrize("changes", [{"validation_fraction": 0.0}, {"schedule": "one_cycle"}])
def test_a_last_epoch_that_is_kept_in_any_case_says_nothing(changes):
    assert "converged" not in summary(record(noise=0.01).assign(kept_epoch=8, **changes))


def test_predictions_widen_the_intervals_by_what_other_images_would_change(tmp_path):
    runs = {
        f"{a}, {b}": {seed: run_of(0.5, 100 * place + seed) for seed in range(3)}
        for place, (a, b) in enumerate(product("uv", "wx"))
    }
    compared = comparison_of(runs, tmp_path)
    table = result_table(compared)
    table[["a", "b"]] = table["arm"].str.split(", ", expand=True).to_numpy()
    effects = tables.effect_table(table, ["a", "b"], compared)
    assert effects.attrs["on_images"]
    values = {
        arm: np.array([pseudo_values(run.predictions)[0] for run in own.values()])
        for arm, own in runs.items()
    }
    ends = contrast(values, {"u, w": 1, "u, x": -1, "v, w": -1, "v, x": 1}).interval()
    row = effects[effects["score"] == "accuracy"].set_index("effect").loc["a × b"]
    assert row[["low", "high"]].tolist() == pytest.approx(ends)
    alone = tables.effect_table(table, ["a", "b"], replace(compared, runs={}))
    assert not alone.attrs["on_images"]
    assert alone["difference"].tolist() == pytest.approx(effects["difference"].tolist())


def test_shares_and_what_chance_leaves_of_them():
    # Seeds score .55, .56, .57 in every arm, so that augmentation's share is known.
    table = record(augmentation=0.2)
    shares = tables.share_table(*tables.balanced_runs(comparison(), table))
    own = shares[shares["score"] == "macro_f1"].set_index("source")
    between, seeds = 24 * 0.1**2, 8 * 2 * 0.01**2
    assert own.loc["augmentation", "share"] == pytest.approx(between / (between + seeds))
    assert own.loc["seeds", "share"] == pytest.approx(seeds / (between + seeds))
    chance = seeds / 16
    omega = (between - chance) / (between + seeds + chance)
    assert own.loc["augmentation", "omega_squared"] == pytest.approx(omega)
    assert own["p_value"].isna().all()
    text = tables.readable_shares(shares)
    assert text.loc["storage", "accuracy: share"] == "0 %"
    assert text.loc["augmentation", "p, after Holm"] == "<0.0001"


def test_one_seed_gives_effects_without_intervals():
    table = record(augmentation=0.03, num_seeds=1)
    effects = tables.effect_table(*tables.balanced_runs(comparison(1), table), comparison(1))
    text = tables.readable_effects(effects)
    assert text.loc[("augmentation", "none → study_d"), "accuracy"] == "+3.0"
    words = summary(table)
    assert "One run of each arm does not say what a factor does" in words
    assert "shown" not in words and "Smaller than" not in words


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
    assert tables.grid_effects(comparison(1, errors=(error,)), record(num_seeds=1).iloc[1:]) is None


def test_several_data_sets_are_one_more_factor():
    names = ("fer2013", "raf-db")
    tested = [record().assign(arm=lambda t, name=name: t["arm"] + f" on {name}") for name in names]
    sources = {arm: Source(Location(name)) for name, t in zip(names, tested) for arm in t["arm"]}
    tested[1]["accuracy"] += 0.1
    compared = comparison(arms=dict.fromkeys(sources, Recipe()), sources=sources)
    runs, factors = tables.balanced_runs(compared, pd.concat(tested))
    effects = (
        tables.effect_table(runs, factors, comparison())
        .query("score == 'accuracy'")
        .set_index("effect")
    )
    assert effects.loc["data", "change"] == "fer2013 → raf-db"
    assert effects.loc["data", "difference"] == pytest.approx(0.1)


def test_figures_say_their_numbers():
    table = record(augmentation=0.03, noise=0.002)
    runs, factors = tables.balanced_runs(comparison(), table)
    effects = tables.effect_table(runs, factors, comparison())
    row = effects[effects["effect"] == "augmentation"].iloc[0]
    label = effect_figures.effects(effects).get_label()
    assert f"augmentation (none → study_d): {100 * row['difference']:+.1f}, shown" in label
    figure = effect_figures.interactions(runs, factors, "accuracy")
    mean = runs.query("augmentation == 'study_d' and feed == 'memory'")["accuracy"].mean()
    assert f"augmentation study_d, by feed: memory {mean:.3f}" in figure.get_label()
    assert len(figure.axes) == 3
    shares = tables.share_table(runs, factors)
    share = (
        f"augmentation: {100 * shares.set_index('source')['share']['augmentation'].iloc[0]:.0f} %"
    )
    assert share in effect_figures.shares(shares).get_label()


def test_levels_may_be_numbers_and_many():
    table = record(num_seeds=2)
    numbers = table[table["feed"] == "memory"].assign(storage=lambda t: t["storage"].eq("csv") / 10)
    figure = effect_figures.interactions(numbers, ["storage", "augmentation"], "macro_f1")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["0.1", "0.0"]
