"""The command `fer-keras`."""

import argparse
import os
import sys
from pathlib import Path

from fer_keras.comparison.catalogue import RECIPES, named_recipe
from fer_keras.networks.pretrained import SHIPPED
from fer_keras.predict.detection import DETECTORS
from fer_keras.utils.errors import InputError
from fer_keras.utils.files import write_text
from fer_keras.utils.startup import start_tensorflow


def main(arguments=None):
    """Run a command; return the exit code: 0, or 2 for bad input, with one sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.function(options)
        sys.stdout.flush()
    except InputError as error:
        print(f"fer-keras: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader, `head` say, has seen enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def list_recipes(options):
    """Print the named recipes: what each is, costs and gives, and where it differs."""
    for name, named in RECIPES.items():
        recipe = named.recipe
        cost = "not measured" if named.minutes is None else f"{named.minutes:g} minutes on 2 cores"
        print(
            f"{name}  ({f'study {named.study}' if named.study else 'ours'})\n"
            f"  network {recipe.network}, {recipe.storage}, {len(recipe.classes)} classes, "
            f"augmentation {recipe.augmentation}, {recipe.epochs} epochs\n"
            f"  cost: {cost}; expect: {named.expected or 'not measured'}\n"
            f"  {'the study reports' if named.study else 'made for'}: {named.published}\n"
            f"  {'differs' if named.study else 'takes up'}: {named.differs}"
        )


def run_recipe(options):
    """Train a named recipe on each data set; print the scores and where everything lies."""
    recipe = named_recipe(options.recipe, options.set)
    # These take seconds to import, too long for a command that only lists or refuses.
    from fer_keras.comparison.jobs import across_data_sets, load_data_sets, train_on_each
    from fer_keras.evaluation.intervals import SCORES
    from fer_keras.evaluation.predictions import class_report, score_table

    arms = load_data_sets(recipe, options.data)
    for note in (note for arm in arms.values() for note in arm.splits.notes):
        print(note)
    start_tensorflow()
    runs = {}
    for name, finished in train_on_each(options.recipe, arms, options.out):
        predictions = finished.predictions
        print(_text(class_report(predictions)), _text(score_table(predictions)), sep="\n\n")
        if finished.augmented_predictions:
            augmented = _text(score_table(finished.augmented_predictions))
            print(f"\nwith test-time augmentation\n\n{augmented}")
        print(finished.directory)
        runs[name] = finished
    if len(runs) > 1:
        table = across_data_sets(runs, arms)
        path = Path(options.out) / f"{options.recipe}_across_data_sets.csv"
        write_text(path, table.to_csv(index=False))
        columns = ["trained on", "tested on", "split", "images", *SCORES]
        print(f"\nAcross data sets:\n\n{_text(table[columns])}\n{path}")


def run_study(options):
    """Run a grid of recipes, several seeds each, and print what the runs came to."""
    from fer_keras.comparison import studies

    output = Path(options.out) / options.study
    runs = studies.plan(options.study, options.data, options.seeds, options.set, output)
    errors = studies.run_study(runs, options.jobs, options.dask)
    table = studies.results(runs, errors)
    columns = [name for name in table if name in (*runs[0].levels, "accuracy", "macro_f1", "error")]
    print(_text(table[columns]))
    print(studies.save_results(table, output))


def audit_data(options):
    """Print what is wrong with the data, and keep the tables."""
    from fer_keras.audit.examine import examine
    from fer_keras.reporting.audit_tables import print_tables

    print_tables(examine(options.directory, out=options.out), options.out)


def predict_photos(options):
    """Find the faces in photos and write their expressions."""
    from fer_keras.predict.photos import predict

    predict(options.network, options.paths, options.out, options.whole_image, options.detector)


def show_webcam(options):
    """Show faces and their expressions live."""
    from fer_keras.predict.webcam import webcam

    webcam(options.network, options.camera, options.video, options.record, options.detector)


def _text(table):
    return table.to_string(index=False, float_format="%.3f")


def _parser():
    parser = argparse.ArgumentParser(prog="fer-keras", description="Compare networks on faces.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    recipes = commands.add_parser("recipes", help="list the named recipes")
    recipes.set_defaults(function=list_recipes)
    run = commands.add_parser("run", help="train a named recipe")
    run.add_argument("recipe", help="a name that `fer-keras recipes` lists")
    run.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="folder with FER2013, or fer2013=DIR and raf-db=DIR to train on several; without "
        "it, FER_KERAS_DATA, else data/",
    )
    run.add_argument("--out", default="runs", help="where run directories go (default: runs)")
    _add_set(run)
    run.set_defaults(function=run_recipe)
    audit = commands.add_parser("audit", help="copies, conflicts, blanks, CSV against folders")
    audit.add_argument("directory", nargs="?", help="folder with FER2013; as --data of run")
    audit.add_argument("--out", default="runs", help="where its folder goes (default: runs)")
    audit.set_defaults(function=audit_data)
    _add_study(commands)
    _add_predict(commands)
    _add_webcam(commands)
    return parser


def _add_study(commands):
    study = commands.add_parser("study", help="run a grid of recipes, factor by factor")
    study.add_argument("study", help="storage-feed-augmentation")
    study.add_argument("--data", default="", help="folder with FER2013's CSV and folders")
    study.add_argument("--seeds", type=int, default=3, help="runs of each cell (default: 3)")
    study.add_argument("--jobs", type=int, default=1, help="runs at a time, which share the cores")
    study.add_argument("--dask", metavar="ADDRESS", help="scheduler, tcp://host:port, of a cluster")
    study.add_argument("--out", default="runs", help="where its folder goes (default: runs)")
    _add_set(study)
    study.set_defaults(function=run_study)


def _add_set(command):
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the recipe; may be repeated",
    )


def _add_network(command):
    command.add_argument(
        "network",
        help="run directory, as `fer-keras run` prints it, or a network that comes along: "
        f"{' or '.join(SHIPPED)}",
    )


def _add_predict(commands):
    predict = commands.add_parser("predict", help="find faces in photos and their expressions")
    _add_network(predict)
    predict.add_argument("paths", nargs="+", help="pictures, and folders to search for them")
    predict.add_argument(
        "--out",
        metavar="DIR",
        help="new or empty folder for predictions.csv and annotated copies "
        "(default: RUN/predictions/TIME)",
    )
    predict.add_argument(
        "--whole-image",
        action="store_true",
        help="take each picture as one face; about square pictures of up to 120 pixels are "
        "taken so anyway",
    )
    _add_detector(predict, "mtcnn")
    predict.set_defaults(function=predict_photos)


def _add_webcam(commands):
    webcam = commands.add_parser("webcam", help="show expressions live; q quits")
    _add_network(webcam)
    source = webcam.add_mutually_exclusive_group()
    source.add_argument("--camera", type=int, default=0, help="number of the camera (default: 0)")
    source.add_argument("--video", metavar="FILE", help="a video file instead of a camera")
    webcam.add_argument(
        "--record", metavar="FILE", help="record to .mp4 or .avi; needed without a display"
    )
    _add_detector(webcam, "haar")
    webcam.set_defaults(function=show_webcam)


def _add_detector(command, default):
    described = "; ".join(f"{name}: {text}" for name, text in DETECTORS.items())
    command.add_argument(
        "--detector",
        choices=DETECTORS,
        default=default,
        help=f"{described} (default: {default})",
    )


if __name__ == "__main__":
    sys.exit(main())
