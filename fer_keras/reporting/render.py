"""Write the sentences of reports from templates and values."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fer_keras.comparison.publish import without_paths

TAG = re.compile("<(?=[A-Za-z/!?])")
"""Where a tag would begin."""

UNFIT = re.compile(r"[\\{}^~`]")
"""What has a meaning in BibTeX and cannot be escaped, or would end a block of code."""

LINK = re.compile(r"(?<=\])\(")
"""Where the address of a Markdown link or picture would begin."""


class Code(str):
    """A text that stands in code, where Markdown makes nothing of it."""


def render(template, **values):
    """Return a template of `reporting/templates` as text, with values put in.

    Numbers are written by filters: `{{ n | count }}` as `1,234`, `{{ share | percent }}` as
    `12.3 %` (`percent(0)`: `12 %`), `{{ difference | points }}` as `+1.2` for 0.012, and what
    `difference_tables.p_text` returned, `{{ text | p }}`, as `= 0.03` or `< 0.0001`. In
    `{{ note | without_paths }}`, absolute paths are cut to their last name. What stands between
    backticks is written by `{{ name | code }}`, and names in a row by `{{ names | codes }}`.

    Args:
        template: file name, such as `drawn.md.j2`.
        **values: what the template uses, by name.

    Returns:
        The text, without blank lines at its ends.

    Raises:
        jinja2.UndefinedError: if the template uses a value that was not given.
    """
    return _environment.get_template(template).render(values).strip()


def render_html(template, **values):
    """Return an HTML template as text, in which all values are escaped.

    Args:
        template: file name, such as `first_screen.html.j2`; filters are those of `render`.
        **values: what the template uses, by name.

    Returns:
        The text, without blank lines at its ends.

    Raises:
        jinja2.UndefinedError: if the template uses a value that was not given.
    """
    return _html_environment.get_template(template).render(values).strip()


def literal(text):
    """Return a text as Markdown that makes no tag, link or picture of it.

    Args:
        text: str that holds what users named.
    """
    return LINK.sub("&#40;", TAG.sub("&lt;", text))


def _in_bibtex(text):
    """Return a text on one line, with what BibTeX cannot hold left out and the rest escaped."""
    kept = "".join(f"\\{each}" if each in "$&#%_" else each for each in UNFIT.sub(" ", text))
    return " ".join(kept.split())


def _in_code(text):
    return Code(str(text).replace("`", "'"))


_options = {
    "loader": FileSystemLoader(Path(__file__).parent / "templates"),
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}
# What users name reaches the page as text.
_environment = Environment(
    finalize=lambda value: (
        literal(value) if isinstance(value, str) and not isinstance(value, Code) else value
    ),
    **_options,
)
_html_environment = Environment(autoescape=True, **_options)
_filters = {
    "count": lambda number: f"{number:,.0f}",
    "percent": lambda share, digits=1: f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%",
    "without_paths": without_paths,
    "bibtex": _in_bibtex,
    "code": _in_code,
    "codes": lambda names: Code(", ".join(f"`{_in_code(name)}`" for name in names)),
    "p": lambda text: f"< {text[1:]}" if text.startswith("<") else f"= {text}",
    "points": lambda difference, digits=1: f"{100 * difference:+.{digits}f}",
}
for _each in (_environment, _html_environment):
    _each.filters |= _filters
