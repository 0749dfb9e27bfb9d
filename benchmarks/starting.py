"""Starting: what a command waits for before it does anything."""

import subprocess
import sys

from timing import in_turn, row

HELP = "from fer_keras.cli import main; main(['--help'])"


def bench(location, scratch, rounds):
    """Yield rows: importing the package and asking the command for help, against TensorFlow."""

    def run(*arguments):
        return lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True)

    package, command, tensorflow = in_turn(
        [
            run("-c", "import fer_keras"),
            run("-c", HELP),
            run("-c", "import tensorflow"),
        ],
        rounds,
    )
    yield row("import fer_keras", "s", package, "import tensorflow", tensorflow)
    yield row("fer-keras --help", "s", command, "import tensorflow", tensorflow)
