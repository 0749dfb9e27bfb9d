import numpy as np
import pytest
from helpers import predictions_of

from fer_keras.networks.pretrained import PRETRAINED, pretrained
from fer_keras.predict.confidence import limits, meaning, overall, reliability

JUDGES = {
    "quick": "FER2013's label",
    "best": "FER2013's label",  # learnt half of each, and is scored by the label
    "faces": "most people's votes",
}


def words(sentence):
    return sentence.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("name", PRETRAINED)
def test_what_a_shipped_networks_card_says_fits_its_clean_score(name):
    record = reliability(name)
    table = record.table
    clean = next(r for r in pretrained(name).card["scores"] if r["split"] == "PublicTest, clean")
    assert table["images"].sum() == clean["images"]
    right = np.average(table["accuracy"], weights=table["images"])
    assert right == pytest.approx(clean["accuracy"], abs=0.01)  # LiteRT's rounding
    assert ((table["low"] < table["confidence"]) & (table["confidence"] <= table["high"])).all()
    assert overall(record).startswith(f"By {JUDGES[name]} it was right about ")


def test_a_runs_own_test_faces_say_how_often_it_is_right(tmp_path):
    """Of 50 faces 40 are right at a probability of 0.4; 7 with a copy in training do not count."""
    y_true = np.zeros(57, int)
    y_pred = np.where(np.arange(57) < 40, 0, 1)
    leaked = np.arange(57) >= 50
    predictions_of(y_true, y_pred, leaked=leaked).save(tmp_path / "predictions.npz")
    record = reliability(tmp_path)
    assert words(overall(record)) == (
        "By the labels of its data it was right about 80 % of 50 test faces; on average it was "
        "40 % sure."
    )
    assert words(meaning(record, 0.37)) == (  # Wilson's interval of 40 in 50 is 67.0 to 88.8 %
        "Of 50 test faces to which it gave 30 to 40 %, it was right for 80 % (95 % interval 67 to "
        "89 %)."
    )
    assert "Too few" in meaning(record, 0.9)


def test_the_limits_are_those_of_the_model_card():
    assert limits().startswith("The majority of FER+'s annotators (more than half of the votes")
    assert limits().endswith("Do not use them to decide anything about people.")
