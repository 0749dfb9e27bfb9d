"""Write the sentences of reports from templates and values."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fer_keras.comparison.publish import without_paths

TAG = re.compile("<(?=[A-Za-z/!?])")
"""Where a tag would begin."""


def render(template, **values):
    """Return a template of `reporting/templates` as text, with values put in.

    Numbers are written by filters: `{{ n | count }}` as `1,234`, `{{ share | percent }}` as
    `12.3%` (`percent(0)`: `12%`), `{{ difference | points }}` as `+1.2` for 0.012, and what
    `difference_tables.p_text` returned, `{{ text | p }}`, as `= 0.03` or `< 0.0001`. In
    `{{ note | without_paths }}`, absolute paths are cut to their last name.

    Args:
        template: file name, such as `drawn.md.j2`.
        **values: what the template uses, by name.

    Returns:
        The text, without blank lines at its ends.

    Raises:
        jinja2.UndefinedError: if the template uses a value that was not given.
    """
    return _environment.get_template(template).render(values).strip()


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    # What users name reaches the page as text, not as tags.
    finalize=lambda value: TAG.sub("&lt;", value) if isinstance(value, str) else value,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "count": lambda number: f"{number:,.0f}",
    "percent": lambda share, digits=1: f"{share:.{digits}%}",
    "without_paths": without_paths,
    "p": lambda text: f"< {text[1:]}" if text.startswith("<") else f"= {text}",
    "points": lambda difference, digits=1: f"{100 * difference:+.{digits}f}",
}
