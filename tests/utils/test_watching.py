"""Who waits is told what for, and standard output stays what was asked for."""

import os
import time

import pytest

from fer_keras.utils import watching


class Terminal:
    """Standard error as a terminal, which can be read."""

    def __init__(self):
        self.reader, self.writer = os.pipe()

    def isatty(self):
        return True

    def fileno(self):
        return self.writer

    def read(self):
        os.close(self.writer)
        with open(self.reader) as file:
            return file.read()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.05)


@pytest.mark.parametrize(("seconds", "said"), [(0, ""), (0.3, "Reading ...\n")])
def test_a_terminal_is_told_of_long_waits_only(monkeypatch, capsys, seconds, said):
    terminal = Terminal()
    monkeypatch.setattr(watching.sys, "stderr", terminal)
    with watching.waiting("Reading"):
        time.sleep(seconds)
    assert terminal.read() == said and capsys.readouterr().out == ""


def test_without_a_terminal_waits_say_nothing(capsys):
    with watching.waiting("Reading"):
        time.sleep(0.1)
    assert list(watching.bar([1, 2], "Hashing", "images")) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_an_executed_notebook_prints_lines(monkeypatch, capsys):
    monkeypatch.setattr(watching, "notebook_shell", object)
    monkeypatch.setattr(watching, "is_watched", lambda: False)
    with watching.waiting("Reading"):
        time.sleep(0.3)
    for _ in watching.bar(range(2000), "Hashing the images", "images"):
        time.sleep(0.0001)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Reading ..." and len(lines) == 2
    assert lines[1].startswith("Hashing the images: ") and lines[1].endswith(" of 2,000 images")


def test_a_wait_that_fails_tells_no_more(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(watching.sys, "stderr", terminal)
    with pytest.raises(ValueError, match="bad row"), watching.waiting("Reading"):
        raise ValueError("bad row")
    time.sleep(0.1)
    assert terminal.read() == ""
