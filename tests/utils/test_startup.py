"""Quiet starts: nothing is shown of a start that succeeds, everything of one that fails."""

import subprocess
import sys

import pytest

SAYS = """\
import os, sys
os.write(2, b"from C++\\n")
print("from Python", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ("", []),
        ("raise ImportError('no AVX')", ["from C++", "from Python", "ImportError: no AVX"]),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"]),
        ("sys.exit(3)", ["from C++", "from Python"]),
    ],
)
def test_what_a_start_writes_is_shown_only_if_it_fails(tmp_path, ends, shown):
    (tmp_path / "tensorflow.py").write_text(SAYS + ends)
    code = f"""\
import sys
from fer_keras.utils.startup import start_tensorflow
sys.path.insert(0, {str(tmp_path)!r})
start_tensorflow()
print("afterwards", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = [
        line for line in done.stderr.splitlines() if line.startswith(("from", "Imp", "aft", "Key"))
    ]
    assert lines == (shown or ["afterwards"])
    assert (done.returncode == 0) == (not shown)
