"""A finished comparison's words on a terminal."""

import sys

from fer_keras.reporting.difference_tables import readable_differences
from fer_keras.reporting.effect_tables import grid_effects, readable_effects
from fer_keras.reporting.narrative import NO_EFFECTS
from fer_keras.reporting.robustness_tables import across_table, notes_in_markdown


def print_result(result, report=None):
    """Print scores, differences or effects, and failures.

    Args:
        result: the `Result`.
        report: the HTML file to write, too, or `None`.

    Returns:
        1 if a run failed, else 0.
    """
    for note in result.comparison.notes:
        print(note)
    print(result)
    differences = result.differences()
    if result.comparison.is_grid:
        effects = grid_effects(result.comparison, result.results)
        words = readable_effects(effects.table).to_string() if effects else NO_EFFECTS
        print(f"\nEffects in points:\n\n{words}")
    elif len(differences):
        print(f"\nDifferences in points:\n\n{readable_differences(differences).to_string()}")
    across = across_table(result.comparison)
    if len(across):
        print(f"\nOther data:\n{notes_in_markdown(result.comparison)}\n\n{across.to_string()}")
    for failed in result.comparison.errors:
        print(f"{failed['arm']}, seed {failed['seed']} failed: {failed['error']}", file=sys.stderr)
    print(result.directory / "results.csv")
    if report:
        print(result.report(report))
    return int(bool(result.comparison.errors))
