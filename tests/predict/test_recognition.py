import pandas as pd
import pytest

from fer_keras.predict.recognition import Settings, copies, read_table
from fer_keras.utils.errors import InputError


def test_where_no_picture_shows_a_face_one_is_told_what_to_set(tmp_path):
    table = tmp_path / "predictions.csv"
    pd.DataFrame({"file": ["a/b.png"], "how": ["no face"], "class": [None], "copy": [None]}).to_csv(
        table, index=False
    )
    with pytest.raises(InputError, match="No picture showed a face; set whole_image"):
        copies(table)
    assert read_table(table)["file"].tolist() == ["b.png"]


@pytest.mark.parametrize("name", ["network", "pictures", "output"])
def test_paths_must_be_texts(name):
    with pytest.raises(InputError, match=f"{name} is 3; give a path or name as text"):
        Settings(**{name: 3})
