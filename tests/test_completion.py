"""The scripts for completion, in the shells themselves, on a terminal."""

import os
import select
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stdout

import pytest

from fer_keras.cli import COMMANDS, main
from fer_keras.options import read_options
from fer_keras.utils.actions import FILES, SHELLS

shtab = pytest.importorskip("shtab", reason="shtab, the extra `completion`, is not installed")

STARTS = {
    "bash": (["--norc", "-i"], "source fer-keras.bash"),
    # `-u` and `-D`: the folder may belong to someone else, and nothing is to be kept.
    "zsh": (["-f", "-i"], "fpath+=$PWD; autoload -Uz compinit; compinit -u -D"),
    "tcsh": (["-f", "-i"], "source fer-keras.tcsh"),
}
"""What a shell is started with, and the line of `docs/install.md` for it."""

FILE_OF = {"zsh": "_fer-keras"}
TYPED = {
    "fer-keras com": "compare ",
    "fer-keras compare --see": "--seeds ",
    "fer-keras compare same_": "same_images ",
    "fer-keras run quick_f": "quick_ferplus ",
    "fer-keras export best --to li": "litert ",
    "fer-keras predict holi": "holiday/",
    "fer-keras predict best pho": "photo.jpg ",
    "fer-keras compare same_images --data holi": "holiday/",
    "fer-keras audit --out holi": "holiday/",
}
"""What is typed before a TAB, and how the line ends then."""


class Shell:
    """A shell on a terminal of its own, in a folder with a picture and a folder."""

    def __init__(self, name, folder):
        arguments, self.setting = STARTS[name]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C"},
        )

    def type(self, text, awaited):
        """Type a text; return what the terminal shows, up to the awaited words or 10 seconds."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        shown, deadline = "", time.monotonic() + 10
        output = self.process.stdout.fileno()
        while awaited not in shown and time.monotonic() < deadline:
            if select.select([output], [], [], 0.1)[0]:
                shown += os.read(output, 65536).decode().replace("\x1b[1m", "")
        return shown

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, tmp_path_factory):
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param}")
    folder = tmp_path_factory.mktemp("completion")
    script = folder / FILE_OF.get(request.param, f"fer-keras.{request.param}")
    with open(script, "w") as file, redirect_stdout(file), pytest.raises(SystemExit) as ended:
        main(["--completion", request.param])
    assert not ended.value.code
    (folder / "photo.jpg").touch()
    (folder / "holiday").mkdir()
    shell = Shell(request.param, folder)
    shell.type("echo be''gun\n", "begun")
    shell.type(f"{shell.setting}; echo re''ady\n", "ready")
    yield shell
    shell.close()


@pytest.mark.parametrize(("typed", "ending"), TYPED.items())
def test_a_tab_completes_commands_options_names_and_files(shell, typed, ending):
    word = typed.split()[-1]
    completed = typed.removesuffix(word) + ending
    shown = shell.type(f"{typed}\t", completed)
    shell.type("\x15echo do''ne\n", "done")
    assert completed in shown


def test_files_are_completed_as_shtab_does():
    assert {shell: shtab.FILE[shell] for shell in SHELLS} == FILES


def test_a_word_that_shells_do_not_suggest_is_taken_all_the_same():
    assert read_options(["recipes", "of_my_own"], COMMANDS).name == "of_my_own"
