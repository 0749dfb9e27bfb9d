"""Starting: what a command waits for before it does anything, and all of it for one picture."""

import itertools
import subprocess
import sys
from pathlib import Path

import matplotlib
from PIL import Image
from timing import in_turn, row

from fer_keras.data.drawn import draw_faces

HELP = "from fer_keras.cli import main; main(['--help'])"
PREDICT = "import sys; from fer_keras.cli import main; main(sys.argv[1:])"
FER = "import sys, cv2; from fer.fer import FER; FER().detect_emotions(cv2.imread(sys.argv[1]))"
"""PyPI's fer as it comes: a Haar cascade, then its network in Keras' form. It needs pkg_resources,
which setuptools has below 81."""

TENSORFLOW, HAAR = "import tensorflow", "fer with its Haar cascade, same photo"
PHOTO = Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")


def bench(location, scratch, rounds):
    """Yield rows: importing, asking for help, and recognising a face, against TensorFlow."""
    picture = scratch / "face.png"
    Image.fromarray(draw_faces(1, seed=0).images[0]).save(picture)
    words = ["predict", "best", "--whole-image"]
    answers = (scratch / f"answer{number}" for number in itertools.count())

    def run(*arguments):
        return lambda: subprocess.run([sys.executable, *arguments], capture_output=True, check=True)

    def predict(*words):
        return lambda: run("-c", PREDICT, *words, "--out", next(answers))()

    whole, photo = f"fer-keras {' '.join(words)} face.png", "fer-keras predict photo.jpg"
    ours = {
        "import fer_keras": run("-c", "import fer_keras"),
        "fer-keras --help": run("-c", HELP),
        whole: predict(*words, picture),
        photo: predict("predict", PHOTO),
    }
    sides = ours | {TENSORFLOW: run("-c", TENSORFLOW)}
    if subprocess.run([sys.executable, "-c", FER, PHOTO], capture_output=True).returncode == 0:
        sides[HAAR] = run("-c", FER, PHOTO)
    took = dict(zip(sides, in_turn([*sides.values()], rounds), strict=True))
    for what in ours:
        yield row(what, "s", took[what], TENSORFLOW, took[TENSORFLOW])
    if HAAR in took:
        yield row(photo, "s", took[photo], HAAR, took[HAAR])
