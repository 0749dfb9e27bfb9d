import pytest
from jinja2 import UndefinedError

from fer_keras.reporting import render as module
from fer_keras.reporting.render import render


def test_the_drawn_notice_names_its_command():
    text = render("drawn.md.j2", command="make audit")
    assert text.startswith("> **These faces are drawn")
    assert text.endswith("`make audit DATA=folder-with-fer2013`.")


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="'command' is undefined"):
        render("drawn.md.j2")


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{{ x | count }}", 1234567, "1,234,567"),
        ("{{ x | count }}", 3.0, "3"),
        ("{{ x | percent }}", 0.1234, "12.3\N{NO-BREAK SPACE}%"),
        ("{{ x | percent(0) }}", 0.5, "50\N{NO-BREAK SPACE}%"),
        ("{{ x | points }}", 0.0123, "+1.2"),
        ("{{ x | points }}", -0.05, "-5.0"),
        ("{{ x | without_paths }}", "no /home/me/a.csv", "no a.csv"),
    ],
)
def test_filters_write_numbers(template, value, text):
    assert module._environment.from_string(template).render(x=value) == text


def test_code_is_left_as_it_is_between_its_backticks():
    template = module._environment.from_string("`{{ x | code }}` {{ x }}")
    pattern = r"(?P<person>[A-Z]{2})[0-9](\d+)"
    assert template.render(x=pattern).startswith(f"`{pattern}` (?P&lt;person>")
    assert template.render(x="a`b").startswith("`a'b`")
    template = module._environment.from_string("{{ x | codes }}")
    assert template.render(x=["x<y", "a`b"]) == "`x<y`, `a'b`"


def test_what_users_name_is_text_and_no_tag():
    noted = module._environment.from_string("<b>{{ name }}</b>").render(name="<img src=x>")
    assert noted == "<b>&lt;img src=x></b>"
