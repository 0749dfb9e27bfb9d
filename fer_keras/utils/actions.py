"""Options of a command that print something and exit."""

import argparse

from fer_keras.utils.extras import how_to_install
from fer_keras.utils.machine import version_if_any

SHELLS = ("bash", "zsh", "tcsh")

FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
"""What shells complete an argument with that names a file or folder, as `shtab.FILE`."""

MORE_FILES = {"zsh": ('"(*):', '"*:'), "tcsh": ("'p/*/()/'", "'p/*/f/'")}
"""What shtab writes and what we need: else these shells complete the first of several files."""


class Suggested(tuple):
    """Choices that shells complete; any other word is taken, too."""

    __slots__ = ()

    def __contains__(self, word):
        return True


class PrintVersions(argparse.Action):
    """Print the versions that a result depends on, starting no TensorFlow."""

    def __call__(self, parser, *_):
        for package in ("fer_keras", "tensorflow", "keras"):
            print(package, version_if_any(package) or "is not installed")
        parser.exit()


class PrintCompletion(argparse.Action):
    """Print the script by which a shell completes commands and options."""

    def __call__(self, parser, _, shell, *__):
        try:
            import shtab
        except ImportError:
            parser.error(f"shtab makes completion; install it with: {how_to_install('completion')}")
        script = shtab.complete(parser, shell)
        print(script.replace(*MORE_FILES[shell]) if shell in MORE_FILES else script)
        parser.exit()
