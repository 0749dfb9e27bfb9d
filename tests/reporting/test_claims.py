"""What a report claims of simulated comparisons: nothing of noise, and what was planted.

An image has a difficulty that all runs share, a run has a seed's luck on all images, and each
prediction has noise of its own. Classes have FER2013's shares: the rarest has 1.5 % of the images.
"""

import re
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from helpers import comparison_of, predictions_of, run_of

from fer_keras.reporting import effect_tables, narrative
from fer_keras.reporting.difference_tables import difference_table
from fer_keras.reporting.first_screen import verdict

SHARES = (0.13, 0.015, 0.14, 0.25, 0.17, 0.115, 0.18)
TEMPLATE = run_of(0.5, 0, count=7)
PUBLIC_TEST = 3589  # images


def simulated(rng, shifts, num_seeds, num_images, luck=0.006, noise=1.0):
    """Runs by arm and seed; `shifts` by arm change its accuracy, of about .57, by so much."""
    y_true = rng.choice(7, num_images, p=SHARES)
    wrong = (y_true + rng.integers(1, 7, num_images)) % 7
    hard, runs = rng.normal(0, 0.8, num_images), {}
    deviation = np.sqrt(0.8**2 + 0.3**2 * noise + noise**2)
    for arm, shift in shifts.items():
        own, runs[arm] = np.sqrt(noise) * rng.normal(0, 0.3, num_images), {}
        for seed in range(num_seeds):
            # Near .57 an accuracy rises by .39 for each deviation.
            level = deviation * (0.176 + (shift + rng.normal(0, luck)) / 0.39)
            is_right = hard + own + rng.normal(0, noise, num_images) < level
            found = predictions_of(y_true, np.where(is_right, y_true, wrong))
            runs[arm][seed] = replace(TEMPLATE, predictions=found)
    return runs


def record_of(runs, **levels):
    """The rows of `results.csv` that sentences read: one a run."""
    rows = [
        {"arm": arm, "seed": seed, "epochs": 9, "kept_epoch": 9, "minutes": 2.0}
        | {"split": "PublicTest", "images": len(run.predictions.ids)}
        | {"validation_fraction": 0.1, "schedule": "constant"}
        | {"accuracy": np.mean(run.predictions.y_pred == run.predictions.y_true)}
        | dict(zip(levels, arm.split(", ")))
        for arm, own in runs.items()
        for seed, run in own.items()
    ]
    return pd.DataFrame(rows)


def conclusion(runs):
    """Return the conclusion, once the first screen is seen to claim the same."""
    compared = comparison_of(runs, "somewhere")
    differences = difference_table(compared)
    words = narrative.conclusion(compared, None, differences)
    assert claimed_first(verdict(compared, None, differences)) == claimed_last(words)
    return words


def claimed_last(words):
    """Return what a conclusion claims of which arms: pairs such as (more, b)."""
    found = re.findall(r"\*\*`(\w+)` is (more|less) accurate", words)
    equal = re.findall(r"- `(\w+)` and `\w+`, \d+ seeds each:\s+\*\*they are equally", words)
    return {(kind, arm) for arm, kind in found} | {("equally", arm) for arm in equal}


def claimed_first(html):
    """Return what a first screen claims: in a sentence on two arms, or in lists of several."""
    pairs = re.findall(r"<p><b>(\w+) (?:and \w+ are (equally)|is (more|less)) accurate", html)
    found = {(equally or kind, arm) for arm, equally, kind in pairs}
    for kind, arms in re.findall(r"<p>(More|Less|Equally) accurate [^:]*:(.*?)</p>", html, re.S):
        found |= {(kind.lower(), arm) for arm in re.findall(r"<b>(\w+)</b>", arms)}
    return found


def of_time(runs):
    return narrative.time_summary(comparison_of(runs, "somewhere", minutes=2), record_of(runs))


def of_effects(runs):
    grid = {"a": ("no", "yes"), "b": ("no", "yes")}
    compared, record = comparison_of(runs, "somewhere", factors=grid), record_of(runs, **grid)
    effects, differences = effect_tables.grid_effects(compared, record), difference_table(compared)
    words = narrative.conclusion(compared, record, differences, effects)
    first = verdict(compared, record, differences, effects)
    assert not claimed_last(words) and not claimed_first(first)
    assert shown(words, "\n- |\n\n") == shown(first, "</p>")
    return words


def shown(text, end, begin="is shown for"):
    """Return the effects that a text says are shown; the sentence ends with `end`."""
    sentence = re.split(end, text.partition(begin)[2])[0]
    return re.findall(r"^(.*?) \(", re.sub("</?b>", "", sentence), re.MULTILINE)


CLAIMS = {
    conclusion: ("is more accurate than", "is less accurate than"),
    of_time: ("is the most accurate",),
    of_effects: ("an effect is shown for",),
}


def claims(tell, runs):
    return any(claim in tell(runs) for claim in CLAIMS[tell])


def few(count, num_trials):
    """Whether at most 7 % of 500 trials alarm falsely; of fewer, as few as 5 % may give."""
    most = 0.05 + 2.9 * np.sqrt(0.05 * 0.95 / num_trials)
    return count / num_trials <= (0.07 if num_trials >= 500 else most)


GRID = [", ".join(levels) for levels in product(("no", "yes"), repeat=2)]


def test_of_noise_no_difference_no_winner_and_no_effect_is_claimed(num_trials):
    rng, found, num_trials = np.random.default_rng(0), Counter(), num_trials // 2
    for trial in range(num_trials):
        luck = (0.0, 0.015)[trial % 2]
        runs = simulated(rng, dict.fromkeys("abc", 0), 5, 500, luck)
        for tell in (conclusion, of_time):
            found[tell] += claims(tell, runs)
        grid = simulated(rng, dict.fromkeys(GRID, 0), 3, 500, luck)
        found[of_effects] += claims(of_effects, grid)
    assert all(few(count, num_trials) for count in found.values()), found


def test_three_points_are_found_by_five_seeds_and_nothing_else_is(num_trials):
    rng, found, num_trials = np.random.default_rng(1), Counter(), num_trials // 20
    for _ in range(num_trials):
        words = conclusion(simulated(rng, {"a": 0, "b": 0.03, "c": 0}, 5, PUBLIC_TEST))
        found["planted"] += ("more", "b") in claimed_last(words)
        found["wrong"] += "`c` is" in words or "`b` is less" in words
        of_a = {arm: 0.03 * arm.startswith("yes") for arm in GRID}
        words = of_effects(simulated(rng, of_a, 5, PUBLIC_TEST))
        found["effect"] += "a" in shown(words, "\n- |\n\n")
    assert found["planted"] >= 0.8 * num_trials and found["effect"] >= 0.8 * num_trials, found
    assert few(found["wrong"], num_trials), found


def test_equal_arms_are_called_equal_and_arms_a_margin_apart_are_not(num_trials):
    rng, found, num_trials = np.random.default_rng(2), Counter(), num_trials // 20
    for _ in range(num_trials):
        same = simulated(rng, {"a": 0, "b": 0}, 5, PUBLIC_TEST, luck=0.001, noise=0.1)
        found["equal"] += claimed_last(conclusion(same)) == {("equally", "b")}
        apart = simulated(rng, {"a": 0, "b": 0.01}, 5, PUBLIC_TEST, luck=0.001, noise=0.1)
        found["wrong"] += "equally accurate" in conclusion(apart)
        of_a = {arm: 0.01 * arm.startswith("yes") for arm in GRID}
        words = of_effects(simulated(rng, of_a, 5, PUBLIC_TEST, luck=0.001, noise=0.1))
        small = shown(words, "\n- |\n\n", "as a test of equality says:")
        found["small"] += "b" in small
        found["wrong effect"] += "a" in small
    assert min(found["equal"], found["small"]) >= 0.8 * num_trials, found
    assert few(max(found["wrong"], found["wrong effect"]), num_trials), found


def test_one_seed_gives_no_verdict_on_arms_however_far_apart():
    runs = simulated(np.random.default_rng(3), {"a": 0, "b": 0.2}, 1, 500)
    words = conclusion(runs)
    assert "these two weight files differ" in words
    words = words.replace("test images, not for other seeds", "")
    first = verdict(
        comparison_of(runs, "here"), None, difference_table(comparison_of(runs, "here"))
    )
    assert "One run says nothing about an arm" in first
    assert not any(word in first for word in ("more accurate", "better", "equally", "seeds"))
    assert not any(word in words for word in ("more accurate", "better", "equally", "seeds"))
    assert "no arm can be called the best" in of_time(runs)
    assert "does not say what a factor does" in of_effects(
        simulated(np.random.default_rng(3), dict.fromkeys(GRID, 0), 1, 500)
    )
