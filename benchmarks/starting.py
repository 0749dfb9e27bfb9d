"""Starting: what a command waits for before it does anything, and all of it for one picture."""

import itertools
import subprocess
import sys

from PIL import Image
from timing import in_turn, row

from fer_keras.data.synthetic import draw_faces

HELP = "from fer_keras.cli import main; main(['--help'])"
PREDICT = "import sys; from fer_keras.cli import main; main(sys.argv[1:])"


def bench(location, scratch, rounds):
    """Yield rows: importing, asking for help, and recognising a face, against TensorFlow."""
    picture = scratch / "face.png"
    Image.fromarray(draw_faces(1, seed=0).images[0]).save(picture)
    words = ["predict", "best", "--whole-image"]
    answers = (scratch / f"answer{number}" for number in itertools.count())

    def run(*arguments):
        return lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True)

    package, ask, predict, tensorflow = in_turn(
        [
            run("-c", "import fer_keras"),
            run("-c", HELP),
            lambda: run("-c", PREDICT, *words, picture, "--out", next(answers))(),
            run("-c", "import tensorflow"),
        ],
        rounds,
    )
    yield row("import fer_keras", "s", package, "import tensorflow", tensorflow)
    yield row("fer-keras --help", "s", ask, "import tensorflow", tensorflow)
    command = f"fer-keras {' '.join(words)} face.png"
    yield row(command, "s", predict, "import tensorflow", tensorflow)
