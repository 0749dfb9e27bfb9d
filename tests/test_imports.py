"""What takes seconds to import waits until it is needed."""

import subprocess
import sys

STEPS = """
import sys

def show(*slow):
    print(sorted({*slow} & {*sys.modules}))

from fer_keras.cli import main
main(["recipes"])
show("tensorflow", "keras", "pandas", "sklearn")
from fer_keras.predict import pictures, webcam
show("tensorflow", "keras", "pandas", "cv2", "tkinter", "matplotlib")
import fer_keras as fk; fk.Recipe, fk.load_data, fk.compare, fk.pretrained
from fer_keras.audit import examine
from fer_keras.data import drawn, loading, near_copies, pairing
from fer_keras.comparison import catalogue, engine, record, results, run
from fer_keras.evaluation import calibration, effects, gradcam, intervals, predictions
from fer_keras.networks import cost
from fer_keras.reporting import error_figures, figures, html, narrative, result, tables
from fer_keras.training import recipe
show("tensorflow", "keras", "cv2")
"""


def test_recipes_predicting_and_reporting_need_no_tensorflow():
    answer = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-3:] == ["[]"] * 3, answer.stdout[-300:] + answer.stderr
