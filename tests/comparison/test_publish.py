"""A comparison in the slim form that others can read, on any machine."""


import pytest

from fer_keras.comparison.publish import without_paths


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("beside /home/me/data set", "beside data set"),
        ('"network": "/home/me/mynet.py:build"', '"network": "mynet.py:build"'),
        ("it is in ~/faces/raf.", "it is in raf."),
        ("a,/tmp/x/y,3", "a,y,3"),
        ("train/ and test/ at 900 images/s, 1/2", "train/ and test/ at 900 images/s, 1/2"),
        ("PublicTest/row5 of https://a.org/b/c", "PublicTest/row5 of https://a.org/b/c"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_name(text, left):
    assert without_paths(text) == left
