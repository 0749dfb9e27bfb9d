"""The options of the command `fer-keras`."""

import argparse
import re
import sys

from fer_keras.comparison.catalogue import COMPARISONS, RECIPES
from fer_keras.networks.pretrained import DEFAULT_NETWORK, PRETRAINED, SIDE_BY_SIDE
from fer_keras.predict.detection import MIN_FACE, MIN_SCORE
from fer_keras.predict.exporting import SUFFIXES
from fer_keras.predict.tables import PRINTED
from fer_keras.training.recipe import Recipe
from fer_keras.utils.actions import FILES, SHELLS, PrintCompletion, PrintVersions, Suggested
from fer_keras.utils.errors import did_you_mean
from fer_keras.utils.words import parse_words

JSON = "print one JSON document on standard output, and all else on standard error"

KNOWN = f"{', '.join(PRETRAINED[:-1])} or {PRETRAINED[-1]}"
"""The networks that come along, in words."""

EXAMPLES = {
    "recipes": ("recipes", "recipes quick", "recipes --json"),
    "compare": (
        "compare same_images --data ~/fer2013 --seeds 10 --report reports/mine.html",
        "compare --arm conv3=conv3 --arm mine=mynet.py:build --data ~/myfaces",
        "compare conv3 --factor augmentation=none,study_d --set epochs=20",
    ),
    "run": ("run quick --data ~/fer2013", "run conv3_csv --set epochs=3 --set seed=1"),
    "report": ("report runs/same_images-85342c76", "report reports/same_images mine.html"),
    "audit": ("audit ~/fer2013", "audit ~/fer2013 --json"),
    "download": ("download fer2013", "download fer2013 --out ~/fer2013"),
    "predict": ("predict photo.jpg holiday/", "predict quick photo.jpg --json"),
    "video": ("video in.mp4", "video quick in.mp4 --out results --every 5"),
    "app": ("app", "app --network quick --network runs/a-1a2b3c4d/mine-seed0-5e6f7a8b"),
    "webcam": ("webcam best", "webcam quick --record out.mp4"),
    "export": ("export faces --to onnx", "export runs/a-1a2b3c4d/mine-seed0-5e6f7a8b --to litert"),
    "push": ("push runs/a-1a2b3c4d/mine-seed0-5e6f7a8b me/mine", "push best ./best"),
}
"""Command -> lines for its help."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors name the word that was meant."""

    def error(self, message):
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            message += did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
        super().error(message)


def read_options(arguments, functions):
    """Read a command line, or print the help that it asks for and exit.

    Args:
        arguments: list of texts; `None` takes those of the process.
        functions: dict from a command's name to the function that runs it.

    Returns:
        The options, an `argparse.Namespace`; its `function` is the command's.
    """
    parser = _Parser(
        prog="fer-keras",
        description="Compare networks that recognise facial expressions.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=PrintVersions, nargs=0, help="print versions and exit")
    text = "print a script for completion by the TAB key and exit (docs/install.md)"
    parser.add_argument("--completion", action=PrintCompletion, choices=SHELLS, help=text)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def command(name, text):
        examples = "\n".join(f"  fer-keras {line}" for line in EXAMPLES[name])
        added = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.set_defaults(function=functions[name])
        return added

    _add_recipes(command("recipes", "list the named recipes and comparisons"))
    _add_compare(command("compare", "compare arms over seeds: recipes, networks, data, factors"))
    _add_run(command("run", "train a named recipe once"))
    _add_report(command("report", "write a finished comparison's report"))
    _add_audit(command("audit", "find copies, conflicting labels and blanks; CSV against folders"))
    _add_download(command("download", "download FER2013 from Kaggle, with an account of yours"))
    _add_predict(command("predict", "find faces in pictures and their expressions"))
    _add_video(command("video", "recognise expressions in a video over time"))
    _add_app(command("app", "serve a page on this machine: photo, webcam, video; two networks"))
    _add_webcam(command("webcam", "show expressions live; q quits"))
    _add_export(command("export", "write a network for other programs: LiteRT, ONNX or Keras"))
    _add_push(command("push", "put a network with its card on the Hugging Face hub"))
    arguments = [*(sys.argv[1:] if arguments is None else arguments)]
    options, unknown = parse_words(parser, arguments)
    if unknown:
        parser.error(_unknown(unknown, options, commands.choices[options.command]))
    return options


def _unknown(words, options, command):
    """Return a sentence on words that are no options, and on what was perhaps meant."""
    unknown = ", ".join(word for word in words if word[:1] == "-") or words[0]
    known = re.findall(r"--[\w-]+", command.format_usage())
    hint = did_you_mean(words[0], known)
    if unknown == words[0] and words[0][:1] != "-":
        return f"{unknown} is one word too many.{hint}"
    field = words[0].removeprefix("--").partition("=")[0].replace("-", "_")
    if field == "seed" and hasattr(options, "seeds"):
        hint = " Did you mean --seeds, or --first-seed?"
    elif field == "data" and options.command == "audit":
        hint = " Write the folder alone: fer-keras audit DIR."
    elif hasattr(options, "set") and field in Recipe().as_json():
        hint = f" A field of the recipe is changed by --set {field}=VALUE."
    return f"no option is called {unknown}.{hint}"


def _add_run(run):
    text = "a name that `fer-keras recipes` lists"
    run.add_argument("recipe", metavar="RECIPE", choices=Suggested(RECIPES), help=text)
    run.add_argument("--json", action="store_true", help=JSON)
    _add_training(run)


def _add_report(report):
    text = "the comparison's folder, as `compare` prints it"
    report.add_argument("directory", help=text).complete = FILES
    text = "the report (default: reports/NAME.html)"
    report.add_argument("html", nargs="?", help=text).complete = FILES
    report.add_argument("--without-faces", action="store_true", help="show no faces")


def _add_audit(audit):
    text = "folder with faces; as --data of compare"
    audit.add_argument("directory", nargs="?", help=text).complete = FILES
    _add_class_names(audit)
    text = "where its folder goes (default: runs)"
    audit.add_argument("--out", default="runs", help=text).complete = FILES
    audit.add_argument("--json", action="store_true", help=JSON)


def _add_recipes(recipes):
    add = recipes.add_argument
    names = Suggested((*COMPARISONS, *RECIPES))
    add("name", nargs="?", metavar="NAME", choices=names, help="show one in full")
    add("--json", action="store_true", help="print JSON for machines")


def _add_compare(compare):
    add = compare.add_argument
    names = Suggested((*COMPARISONS, *RECIPES))
    text = "a comparison or recipe of `fer-keras recipes`"
    add("name", nargs="?", metavar="NAME", choices=names, help=text)
    _add_repeated(
        compare,
        "--arm",
        "NAME=RECIPE[,FIELD=VALUE...]",
        "an arm: a recipe, or a network of yours such as mine=mynet.py:build",
    )
    _add_repeated(
        compare, "--factor", "FIELD=LEVEL,LEVEL", "levels of a field of the one recipe, all crossed"
    )
    add("--one-at-a-time", action="store_true", help="change one factor at a time instead")
    text = "runs of each arm (default: 3); or the seeds, such as 0,1,4"
    add("--seeds", metavar="N", help=text)
    add("--first-seed", type=int, default=0, help="the first of the seeds (default: 0)")
    add("--minutes", type=float, help="equal training time of each arm")
    text = "points within which two arms count as equal (default: the design's, or 1)"
    add("--margin", type=float, metavar="POINTS", help=text)
    add("--search-rate", action="store_true", help="choose each arm's learning rate of three")
    add("--jobs", type=int, default=1, help="runs at a time; they share the cores")
    add("--dask", metavar="ADDRESS", help="scheduler of a cluster: tcp://host:port")
    add("--report", metavar="FILE.html", help="write the report, too").complete = FILES
    add("--json", action="store_true", help=JSON)
    text = "a data set that no arm is trained on, to test all on"
    _add_repeated(compare, "--test-on", "NAME=DIR", text).complete = FILES
    add(
        "--group-by",
        metavar="REGEX",
        help="regular expression for the names of image files; its first group is the person or "
        "sequence, which stays on one side (a groups.csv in DIR takes precedence)",
    )
    add("--on-bad", choices=("raise", "skip"), default="raise", help="bad rows and images")
    _add_training(compare)


def _add_training(command):
    text = "FER2013, RAF-DB or your own data; several with names train on each; without it "
    text += "FER_KERAS_DATA, then data/, then drawn faces"
    _add_repeated(command, "--data", "[NAME=]DIR", text).complete = FILES
    _add_class_names(command)
    text = "where run directories go (default: runs)"
    command.add_argument("--out", default="runs", help=text).complete = FILES
    text = "folder for TensorBoard's logs of what is trained: tensorboard --logdir DIR"
    command.add_argument("--tensorboard", metavar="DIR", help=text).complete = FILES
    _add_repeated(command, "--set", "FIELD=VALUE", "change a field of every recipe")


def _add_class_names(command):
    text = "classes 0, 1, ... of your own CSV"
    command.add_argument("--class-names", type=_split, metavar="A,B", help=text)


def _split(text):
    return [name.strip() for name in text.split(",")]


def _add_repeated(command, name, metavar, text):
    text = f"{text}; may be repeated"
    return command.add_argument(name, action="append", default=[], metavar=metavar, help=text)


def _add_download(download):
    download.add_argument("data", choices=("fer2013",), help="the data set")
    text = "the folder that gets icml_face_data.csv and fer2013/ (default: data)"
    download.add_argument("--out", default="data", metavar="DIR", help=text).complete = FILES


def _add_predict(predict):
    add = predict.add_argument
    predict.usage = "fer-keras predict [NETWORK] PICTURE [PICTURE ...] [OPTION ...]"
    text = "pictures, and folders to search for them; before them may stand the network: "
    text += f"{KNOWN}, which come along, or a run directory (default: {DEFAULT_NETWORK})"
    add("words", nargs="+", metavar="PICTURE", help=text).complete = FILES
    text = "new folder for the table, annotated copies and the contact sheet"
    add("--out", metavar="DIR", help=text).complete = FILES
    forms = predict.add_mutually_exclusive_group()
    for form in PRINTED:
        text = f"print {form.upper()} for machines; writes no files unless --out is given"
        forms.add_argument(f"--{form}", dest="printed", action="store_const", const=form, help=text)
    text = "take each picture as one face; square ones of up to 120 pixels are taken so anyway"
    add("--whole-image", action="store_true", help=text)
    text = f"lowest score of a face, 0-1 (default: {MIN_SCORE})"
    add("--min-score", type=float, default=MIN_SCORE, metavar="SCORE", help=text)
    text = f"lowest height of a face in pixels (default: {MIN_FACE})"
    add("--min-face", type=float, default=MIN_FACE, metavar="PIXELS", help=text)


def _add_video(video):
    add = video.add_argument
    _add_default_network(video)
    add("video", metavar="VIDEO", help="the video file").complete = FILES
    text = "new folder for the table faces.csv, the figure timeline.png and the annotated video"
    add("--out", metavar="DIR", help=text).complete = FILES
    text = (
        "look for faces in each N-th frame only, which is faster (default: 1); a face that moves "
        "by more than its size meanwhile counts as another"
    )
    add("--every", type=int, default=1, metavar="N", help=text)


def _add_app(app):
    text = f"a network to show: {KNOWN}, or a run directory (default: {' and '.join(SIDE_BY_SIDE)})"
    text += "; may be repeated once"
    app.add_argument("--network", action="append", default=[], help=text).complete = FILES
    text = "the page's port on 127.0.0.1 (default: 7860)"
    app.add_argument("--port", type=int, default=7860, help=text)


def _add_webcam(webcam):
    _add_default_network(webcam)
    source = webcam.add_mutually_exclusive_group()
    source.add_argument("--camera", type=int, default=0, help="number of the camera (default: 0)")
    text = "a video file instead of a camera"
    source.add_argument("--video", metavar="FILE", help=text).complete = FILES
    text = "record to a new .mp4 or .avi file; needed without a display"
    webcam.add_argument("--record", metavar="FILE", help=text).complete = FILES


def _add_export(export):
    _add_network(export)
    text = "the format"
    export.add_argument("--to", required=True, choices=SUFFIXES, help=text)
    text = "the file to write (default: NETWORK with .tflite, .onnx or .keras, here)"
    export.add_argument("--out", metavar="FILE", help=text).complete = FILES


def _add_push(push):
    _add_network(push)
    text = "OWNER/NAME on the hub, private when new; or a new folder, ./NAME"
    push.add_argument("repository", metavar="REPO", help=text).complete = FILES


def _add_default_network(command):
    text = f"{KNOWN}, which come along, or a run directory (default: {DEFAULT_NETWORK})"
    add = command.add_argument
    add("network", nargs="?", default=DEFAULT_NETWORK, help=text).complete = FILES


def _add_network(command):
    text = f"run directory, or a network that comes along: {KNOWN}"
    command.add_argument("network", help=text).complete = FILES
