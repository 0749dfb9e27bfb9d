"""Remake what `reports/` publishes, from real data.

    python reports/publish.py DIR [NAME...]

DIR holds FER2013's CSV, its folders and FER+'s votes. NAME is one of `PARTS`; without one, all
are made, which takes more than a day on two cores. Finished runs are read back, so a call that was
stopped goes on.
A part that fails says so, and the others go on; the exit code is then 1. The tables come last.

Of each run behind a published figure, its predictions go into `reports/`, with all that
`fer-keras report` needs to write the comparison's report again.
"""

import shutil
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import papermill
import study_tables
import write_tables
from ship_weights import ship, write_model_card

import fer_keras as fk
from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.comparison.publish import publish
from fer_keras.data.faces import split_names
from fer_keras.data.readers.locate import find_data
from fer_keras.networks.pretrained import PRETRAINED
from fer_keras.reporting.html import export_html
from fer_keras.reporting.result import notebook_path
from fer_keras.utils.files import write_text
from fer_keras.utils.machine import environment

REPORTS = Path(__file__).parent
NETWORKS = {
    name: recipe.changed(epochs=60) for name, recipe in COMPARISONS["networks"].arms.items()
}
"""The arms of `networks`: validation stops the studies' networks in fewer than 60 epochs."""

OPTIONS = {
    "same_images": {"seeds": 10},
    "storage-feed-augmentation": {
        "factors": COMPARISONS["storage-feed-augmentation"].factors | {"epochs": (15, 30)},
        "seeds": 3,
    },
    "networks": {
        # That takes vgg8 105 minutes on two cores, and no other network more than 15.
        "arms": NETWORKS | {"vgg8 in 15 minutes": NETWORKS["vgg8"].changed(epochs=5)},
        "name": "networks",
        "search_rate": True,
    },
}
"""Comparison -> arguments of `fk.compare`, where it is not published as it is named."""

BUDGETS = (
    ("quick", {"epochs": 3}, 1),
    ("quick", {"epochs": 6}, 1),
    ("quick", {"epochs": 12}, 1),
    ("quick", {}, 3),
    ("quick", {"drop_test_copies": True}, 3),
    ("quick_ferplus", {}, 1),
    ("better", {}, 3),
    ("better", {"drop_test_copies": True}, 3),
    ("best", {}, 1),
    ("best", {"drop_test_copies": True}, 1),
    ("faces", {}, 1),
)
"""Our recipes: name, changes, number of seeds."""

KEYS_OF_BUDGETS = ["recipe", "epochs", "drop_test_copies", "seed"]
"""What distinguishes the runs of `budgets.csv`."""

STUDY_SEEDS = 3
"""Runs of each study's recipe."""

OF_A_STUDY = ("history.csv", "class_report.csv", "confusion_matrix.csv")
"""Files of the first run of a study's recipe that are published."""


def publish_comparison(name, data):
    """Run a named comparison; write its report, its record and its predictions."""
    result = compare(**{"arms": name, "data": data} | OPTIONS.get(name, {}))
    result.report(REPORTS / f"{name}.html", with_faces=False)
    publish(result.directory, REPORTS / name)  # with what the report has found and kept
    if name == "networks":
        costs = pd.read_csv(result.directory / "tables" / "costs.csv", dtype=str)
        measured = {each: environment()[each] for each in ("date", "processor", "cores")}
        measured["date"] = measured["date"].split()[0]
        write_text(REPORTS / name / "costs.csv", costs.assign(**measured).to_csv(index=False))


def publish_study(name, data):
    """Train a study's own protocol and the fair one; put them into `studies.csv` and `studies/`."""
    for each in dict.fromkeys((study_tables.own_protocol(name), name)):
        # All seeds are tested on the same images, so that an interval can count both.
        changes = {"split_seed": 0} if RECIPES[each].recipe.division == "random" else {}
        result = compare([each], data, STUDY_SEEDS, changes=changes)
        publish(result.directory, REPORTS / "studies" / each)
        add_study(each, [*result.runs[each].values()], result.results)


def publish_budgets(data):
    """Train our recipes, put their runs into `budgets.csv`, and ship the networks."""
    for name, changes, seeds in BUDGETS:
        result = compare([name], data, seeds, changes=changes)
        recipe = RECIPES[name].recipe.changed(**changes)
        rows = result.results.assign(drop_test_copies=recipe.drop_test_copies)
        add_runs("budgets.csv", rows, KEYS_OF_BUDGETS)
        title = f"{name}-{recipe.epochs}-epochs" + "-without-copies" * recipe.drop_test_copies
        publish(result.directory, REPORTS / "budgets" / title)
        if name in PRETRAINED and not changes:
            run = result.comparison.first[name]
            scores = result.results[result.results["seed"] == run.recipe.seed]
            test = fk.load_data(data, storage="csv", labels=run.recipe.labels).test
            faces = test.select(split_names(test.ids) == "PublicTest")
            ship(name, run, scores, faces)
    write_model_card()


def publish_audit(data):
    """Audit the data; write the report and the record."""
    with TemporaryDirectory() as place:
        executed = Path(place) / "audit.ipynb"
        parameters = {"data": str(data), "output": place}
        papermill.execute_notebook(notebook_path("audit"), executed, parameters)
        export_html(executed, REPORTS / "audit.html", with_faces=False)
        (table,) = Path(place).glob("audit-*/tables/audit.csv")
        shutil.copy(table, REPORTS / "audit.csv")


PARTS = {
    **{name: (lambda data, name=name: publish_comparison(name, data)) for name in COMPARISONS},
    **{
        f"study-{name}": (lambda data, name=name: publish_study(name, data))
        for name in study_tables.fair_recipes()
    },
    "budgets": publish_budgets,
    "audit": publish_audit,
    "tables": lambda data: write_tables.main(),
}
"""Name -> the function that publishes it, from the data's folder."""


def compare(arms, data, seeds=None, **options):
    """Return the `Result` of a comparison, or raise where an arm or a run is missing."""
    result = fk.compare(arms, data, seeds, **options)
    compared = result.comparison
    failed = [f"{each['arm']}, seed {each['seed']}: {each['error']}" for each in compared.errors]
    failed += [note for note in compared.notes if " is skipped: " in note]
    if failed:
        raise fk.InputError("; ".join(failed))
    return result


def add_study(name, runs, results):
    """Put the runs of a study's recipe into `studies.csv`, and the first one into `studies/`."""
    add_runs("studies.csv", study_tables.study_rows(name, runs, results), ["recipe"])
    for file in OF_A_STUDY:
        shutil.copy(runs[0].directory / file, REPORTS / "studies" / f"{name}_{file}")


def add_runs(record, results, keys):
    """Put runs into a record of `reports/`, in the place of former ones with the same keys."""
    former = pd.read_csv(REPORTS / record, dtype={"cores": str})
    rows = study_tables.name_gpus(results)
    rows = rows.rename(columns={"arm": "recipe", "git commit": "git_commit"})[former.columns]
    is_replaced = former.set_index(keys).index.isin(rows.set_index(keys).index)
    table = pd.concat([former[~is_replaced], rows])
    place = table["recipe"].map([*RECIPES].index)
    table = table.assign(place=place).sort_values(["place", *keys], kind="stable")
    write_text(REPORTS / record, table.drop(columns="place").to_csv(index=False))


def main(data, *names):
    """Publish some parts, or all, and write the tables; return the exit code."""
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"There is no part {unknown[0]}; the parts are {', '.join(PARTS)}.")
    location = find_data(data or None)  # make gives an empty text where DATA is empty
    if not (location and location.csv and location.folder and location.votes):
        forms = "fer2013.csv, fer2013new.csv and the folders train/ and test/"
        sys.exit(f"{data or 'DATA'} must hold {forms}.")
    parts = [name for name in names or PARTS if name != "tables"]
    failed = [name for name in dict.fromkeys([*parts, "tables"]) if fails(name, data)]
    if failed:
        print(f"Not published: {', '.join(failed)}. Call again to go on.", file=sys.stderr)
    return int(bool(failed))


def fails(name, data):
    """Publish a part; return whether it failed, and say why."""
    try:
        PARTS[name](data)
    # Whatever a part meets, the other parts shall be published.
    except (Exception, SystemExit) as error:
        if not isinstance(error, fk.InputError | SystemExit):
            traceback.print_exc()
        print(f"{name} failed: {error}", file=sys.stderr)
        return True
    return False


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except fk.InputError as error:
        sys.exit(str(error))
