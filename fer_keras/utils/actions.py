"""Options of a command that print something and exit."""

import argparse
from importlib.metadata import PackageNotFoundError

from fer_keras.utils.extras import how_to_install
from fer_keras.utils.machine import package_version

SHELLS = ("bash", "zsh", "tcsh")


class PrintVersions(argparse.Action):
    """Print the versions that a result depends on, starting no TensorFlow."""

    def __call__(self, parser, *_):
        for package in ("fer_keras", "tensorflow", "keras"):
            try:
                print(package, package_version(package))
            except PackageNotFoundError:
                print(package, "is not installed")
        parser.exit()


class PrintCompletion(argparse.Action):
    """Print the script by which a shell completes commands and options."""

    def __call__(self, parser, _, shell, *__):
        try:
            import shtab
        except ImportError:
            parser.error(f"shtab makes completion; install it with: {how_to_install('completion')}")
        print(shtab.complete(parser, shell))
        parser.exit()
