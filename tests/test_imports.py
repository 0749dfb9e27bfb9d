import subprocess
import sys


def test_reading_scoring_and_reporting_need_no_tensorflow():
    code = (
        "import sys, fer_keras as fk; fk.Recipe, fk.load_data, fk.compare, fk.pretrained\n"
        "from fer_keras.audit import examine\nfrom fer_keras.data import near_copies\n"
        "from fer_keras.comparison import catalogue, engine, record, results, run\n"
        "from fer_keras.data import drawn, loading, pairing\n"
        "from fer_keras.evaluation import calibration, effects, gradcam, intervals, predictions\n"
        "from fer_keras.networks import cost\n"
        "from fer_keras.predict import pictures, webcam\n"
        "from fer_keras.reporting import error_figures, figures, html, narrative, result, tables\n"
        "from fer_keras.training import recipe\n"
        "print(sorted({'tensorflow', 'keras', 'cv2'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
