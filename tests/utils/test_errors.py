from fer_keras.utils.errors import InputError


def test_a_sentence_is_one_line_whatever_is_quoted_in_it():
    name = "a\nb\x1b[31m\u202e\udce9é\t😀.png"
    assert str(InputError(f"{name} is bad")) == r"a\nb\x1b[31m\u202e\udce9é\t😀.png is bad"
