import subprocess
import sys


def test_reading_scoring_and_reporting_need_no_tensorflow():
    code = (
        "import sys\n"
        "from fer_keras import architecture_report, architectures, audit, calibration, cost\n"
        "from fer_keras import audit_report, comparison, effects, error_plots, gradcam, studies\n"
        "from fer_keras import evaluation, faces, jobs, narrative, photos, plots, protocols\n"
        "from fer_keras import recipes, reports, runs, statistics, webcam\n"
        "print(sorted({'tensorflow', 'keras', 'cv2'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
