"""Who waits is told what for, and standard output stays what was asked for."""

import io
import os
import re
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


@pytest.mark.parametrize(("seconds", "said"), [(0, ""), (0.3, r"Reading \.{5,9}\n")])
def test_a_terminal_is_told_of_long_waits_only(monkeypatch, capsys, seconds, said):
    terminal = Terminal()
    monkeypatch.setattr(watching.sys, "stderr", terminal)
    with watching.waiting("Reading"):
        time.sleep(seconds)
    assert re.fullmatch(said, terminal.read()) and capsys.readouterr().out == ""


def test_in_a_pipe_a_long_wait_is_one_line_on_standard_error(capfd):
    with watching.waiting("Reading"):
        time.sleep(0.3)
    with watching.waiting("Writing"):
        pass
    for _ in watching.bar([1, 2, 3], "Hashing", "images"):
        time.sleep(0.1)
    assert capfd.readouterr() == ("", "Reading ...\nHashing: 1 of 3 images\n")


def test_a_wait_needs_no_standard_error(monkeypatch):
    monkeypatch.setattr(watching.sys, "stderr", io.StringIO())
    with watching.waiting("Reading"):
        time.sleep(0.1)


def test_a_terminals_bar_moves_during_a_long_item_and_goes_in_the_end(monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(watching.sys, "stderr", screen)
    monkeypatch.setattr("tqdm.std.time", lambda: 5 * time.monotonic())  # nobody waits for seconds
    seen = []
    for _ in watching.bar([1, 2], "Hashing", "images"):
        time.sleep(0.3)
        seen.append(screen.getvalue())
    assert "0/2 [00:00<" in seen[0] and "0/2 [00:01<" in seen[0] and "1/2 [00:02<" in seen[1]
    assert not screen.getvalue().split("\r")[-1].strip()
    assert not screen.getvalue().split("\r")[-2].strip()


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
