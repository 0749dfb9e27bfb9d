"""The command `fer-keras`."""

import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from fer_keras.comparison import listing
from fer_keras.comparison.parsing import (
    parse_changes,
    parse_data,
    parse_factors,
    parse_places,
    parse_seeds,
)
from fer_keras.options import read_options
from fer_keras.utils.errors import InputError, NoRunError
from fer_keras.utils.stopping import Stoppable
from fer_keras.utils.watching import LOADING, waiting

STOPPED, CLOSED = 130, 141
"""Exit codes after Ctrl-C or SIGTERM, and where nobody reads on: those of shells."""
AFTER_STOP = {
    **dict.fromkeys(("compare", "run", "audit"), "; start the same command again to go on"),
    **dict.fromkeys(("predict", "video"), "; what was done is kept"),
}
"""Command -> what is true when it was stopped."""


def main(arguments=None):
    """Run a command.

    Args:
        arguments: list of texts; `None` takes those of the process.

    Returns:
        The exit code: 0; 1 if some runs or the machine failed; 2 for bad input; 130 if it was
        stopped; 141 if standard output was closed. 1, 2 and 130 come with one sentence on stderr.
    """
    options = read_options(arguments, COMMANDS)
    stoppable = Stoppable()
    try:
        with stoppable:
            code = options.function(options)
            sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        if stoppable.came or isinstance(error, KeyboardInterrupt):
            print(f"\nfer-keras: Stopped{AFTER_STOP.get(options.command, '')}.", file=sys.stderr)
            return STOPPED
        return _explain(error)
    return code or 0


def _explain(error):
    """Say in one sentence what an exception means; return the exit code, or raise it again."""
    if isinstance(error, BrokenPipeError):
        # The reader, `head` say, has seen enough; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    if isinstance(error, InputError):
        print(f"fer-keras: {error}", file=sys.stderr)
        return 1 if isinstance(error, NoRunError) else 2
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        print(f"fer-keras: {error.strerror or error}{where}; nothing is lost.", file=sys.stderr)
        return 1
    if isinstance(error, ModuleNotFoundError):
        how = "docs/install.md says how to install the whole package"
        print(
            f"fer-keras: this needs {error.name}, which is not installed; {how}.", file=sys.stderr
        )
        return 1
    raise error


def _recipes(options):
    """Print the named recipes and comparisons, or one of them in full."""
    shown = listing.table() if options.name is None else listing.in_full(options.name)
    print(json.dumps(listing.as_json(options.name), indent=1) if options.json else shown)


def _words_and_json(function):
    """Make a command that returns its code and a `Result` print this as JSON, if asked.

    Standard output then holds one document, and words go to standard error.
    """

    def command(options):
        with redirect_stdout(sys.stderr if options.json else sys.stdout):
            code, result = function(options)
        if options.json:
            print(json.dumps(result.as_document(), indent=1))
        return code

    return command


@_words_and_json
def _compare(options):
    """Run a comparison, print its scores, and write a report on request."""
    with waiting(LOADING):
        from fer_keras.reporting.printing import print_result
        from fer_keras.reporting.result import compare, require_page

    if bool(options.name) == bool(options.arm):
        both = "; not both" if options.name else ""
        raise InputError(
            "Name a comparison or a recipe, or give arms with --arm NAME=RECIPE[,FIELD=VALUE...]"
            f"{both}."
        )
    if options.report is not None:
        require_page(options.report)
    result = compare(
        options.name or options.arm,
        parse_data(options.data),
        parse_seeds(options.seeds),
        factors=parse_factors(options.factor),
        crossed=not options.one_at_a_time,
        changes=parse_changes(options.set),
        minutes=options.minutes,
        search_rate=options.search_rate,
        out=options.out,
        jobs=options.jobs,
        dask=options.dask,
        first_seed=options.first_seed,
        margin=options.margin and options.margin / 100,
        on_bad=options.on_bad,
        class_names=options.class_names,
        test_on=parse_places(options.test_on),
        group_by=options.group_by,
        tensorboard=options.tensorboard,
    )
    return print_result(result, options.report), result


@_words_and_json
def _run(options):
    """Train a recipe once on each data set; print scores and the run directory."""
    with waiting(LOADING):
        from fer_keras.evaluation.predictions import class_report
        from fer_keras.reporting.printing import print_result
        from fer_keras.reporting.result import compare

    changes = parse_changes(options.set)
    seed = changes.pop("seed", 0)
    result = compare(
        [options.recipe],
        parse_data(options.data),
        [seed],
        changes=changes,
        out=options.out,
        class_names=options.class_names,
        tensorboard=options.tensorboard,
    )
    for run in result.comparison.first.values():
        table = class_report(run.predictions)
        print(table.to_string(index=False, float_format="%.3f", na_rep=""))
    code = print_result(result)
    for run in result.comparison.first.values():
        print(run.directory)
    return code, result


def _report(options):
    """Write the report of a finished comparison, without training."""
    with waiting(LOADING):
        from fer_keras.reporting.result import load_comparison, require_page

    if options.html is not None:
        require_page(options.html)
    result = load_comparison(options.directory)
    path = options.html or Path("reports") / f"{result.directory.name}.html"
    print(result.report(path, with_faces=not options.without_faces))


def _audit(options):
    """Print what is wrong with the data, and keep the tables."""
    with waiting(LOADING):
        from fer_keras.audit.examine import examine
        from fer_keras.reporting.audit_record import as_document, keep_tables, print_tables

    found = examine(options.directory, out=options.out, class_names=options.class_names)
    kept = keep_tables(found, options.out)
    if options.json:
        print(json.dumps(as_document(found, *kept), indent=1))
    else:
        print_tables(found, *kept)


def _download(options):
    """Download FER2013 in both forms, and print where they are."""
    from fer_keras.data.download import download_fer2013

    location = download_fer2013(options.out)
    print(location.csv, location.folder, sep="\n")


def _predict(options):
    """Find the faces in pictures and write their expressions; return 1 if none could be read."""
    from fer_keras.predict.pictures import predict, split_network
    from fer_keras.predict.recognise import REFUSED

    network, pictures = split_network(options.words)
    summary = predict(
        network,
        pictures,
        options.out,
        options.whole_image,
        options.printed,
        options.min_score,
        options.min_face,
    )
    if summary.hows[REFUSED] == summary.hows.total():
        print("fer-keras: None of the pictures can be read.", file=sys.stderr)
        return 1
    return 0


def _video(options):
    """Recognise expressions over time; return 1 if a part of the video cannot be read."""
    from fer_keras.predict.video import video
    from fer_keras.predict.video_files import VideoError

    try:
        summary = video(options.network, options.video, options.out, options.every)
    except VideoError as error:
        print(f"fer-keras: {error}", file=sys.stderr)
        return 1
    print(summary, *sorted(summary.folder.glob("[!.]*")), sep="\n")
    if summary.stopped:
        print("fer-keras: Stopped; what was done is kept.", file=sys.stderr)
    if summary.problem:
        print(f"fer-keras: {summary.problem}", file=sys.stderr)
    return STOPPED if summary.stopped else int(bool(summary.problem))


def _app(options):
    """Serve a page to try two networks on."""
    from fer_keras.predict.app import app

    app(options.network, options.port)


def _webcam(options):
    """Show faces and their expressions live."""
    from fer_keras.predict.webcam import webcam

    webcam(options.network, options.camera, options.video, options.record)


def _export(options):
    """Write a network in another format, and print how it answers there."""
    from fer_keras.predict.sharing import export_network

    print(export_network(options.network, options.to, options.out))


def _push(options):
    """Put a network with its card into a repository, and print where it is."""
    from fer_keras.predict.sharing import push

    print(push(options.network, options.repository))


COMMANDS = {
    "recipes": _recipes,
    "compare": _compare,
    "run": _run,
    "report": _report,
    "audit": _audit,
    "download": _download,
    "predict": _predict,
    "video": _video,
    "app": _app,
    "webcam": _webcam,
    "export": _export,
    "push": _push,
}
