"""Starting: what a command waits for before it does anything, and all of it for one picture."""

import itertools
import subprocess
import sys

from PIL import Image
from timing import in_turn, row

from fer_keras.sources.drawn import draw_faces

HELP = "from fer_keras.cli import main; main(['--help'])"
PREDICT = "from fer_keras.cli import main; import sys; main(['predict', 'best', *sys.argv[1:]])"


def bench(location, scratch, rounds):
    """Yield rows: importing, asking for help, and recognising a face, against TensorFlow."""
    picture = scratch / "face.png"
    Image.fromarray(draw_faces(1, seed=0).images[0]).save(picture)
    answers = (scratch / f"answer{number}" for number in itertools.count())

    def run(*arguments):
        return lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True)

    package, command, predict, tensorflow = in_turn(
        [
            run("-c", "import fer_keras"),
            run("-c", HELP),
            lambda: run("-c", PREDICT, picture, "--out", next(answers))(),
            run("-c", "import tensorflow"),
        ],
        rounds,
    )
    yield row("import fer_keras", "s", package, "import tensorflow", tensorflow)
    yield row("fer-keras --help", "s", command, "import tensorflow", tensorflow)
    yield row("fer-keras predict best face.png", "s", predict, "import tensorflow", tensorflow)
