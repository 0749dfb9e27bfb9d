from pathlib import Path

import numpy as np
import pandas as pd

from fer_keras.utils.plain import plain


def test_values_of_numpy_and_paths_become_pythons_own():
    values = {
        "numbers": (np.int64(3), np.float32(0.5), np.True_),
        "texts": [np.str_("csv"), Path("a") / "b"],
        "array": np.arange(3),
        "series": pd.Series([0.5, 1]),
        "nested": {"zoom_range": np.float64(0.1)},
        "others": [None, "text", 2, len],
    }
    wanted = {
        "numbers": (3, 0.5, True),
        "texts": ["csv", "a/b"],
        "array": [0, 1, 2],
        "series": [0.5, 1.0],
        "nested": {"zoom_range": 0.1},
        "others": [None, "text", 2, len],
    }
    found = plain(values)
    assert found == wanted
    assert [type(each) for each in found["numbers"]] == [int, float, bool]
    assert type(found["texts"][0]) is str
