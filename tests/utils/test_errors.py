import keras
import pytest

from fer_keras.utils.errors import InputError, reason


def test_a_sentence_is_one_line_whatever_is_quoted_in_it():
    name = "a\nb\x1b[31m\u202e\udce9é\t😀.png"
    assert str(InputError(f"{name} is bad")) == r"a\nb\x1b[31m\u202e\udce9é\t😀.png is bad"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\n  first line \nsecond"), "first line"),
        (RuntimeError("\x1b[1mbold\x1b[0m"), "bold"),
        (TypeError("No class 'Block'. Full object config: {'a': 1}"), "No class 'Block'."),
        (KeyError(), "KeyError"),
        (OSError(" \n"), "OSError"),
    ],
)
def test_the_reason_is_one_line(error, said):
    assert reason(error) == said


def test_what_keras_says_stands_below_the_layer_that_it_names():
    with pytest.raises(ValueError, match=r"^Exception encountered when calling Reshape") as caught:
        keras.layers.Reshape((7, 7))(keras.Input((48, 48, 1)))
    assert reason(caught.value).startswith("The total size of the tensor must be unchanged.")
