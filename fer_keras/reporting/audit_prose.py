"""The sentences of an audit, from the template `audit.md.j2`."""

from fer_keras.data.near_copies import MAX_BITS, NEARLY_BLANK
from fer_keras.reporting.audit_galleries import GALLERIES
from fer_keras.reporting.render import render

SECTIONS = ("data", "summary", "exact_copies", "conflicting_labels", "near_copies")
SECTIONS += ("blank_images", "csv_against_folder", "ferplus")


def sections(found, tables):
    """Return what an audit found: a dict from each of `SECTIONS` to Markdown.

    Args:
        found: an `examine.Audit`.
        tables: its tables, from `audit_tables.all_tables`.
    """
    record = tables["audit"].set_index(["what", "split"])
    values = {"found": found, "tables": tables, "command": "make audit"}
    values |= {"counts": record["count"].to_dict(), "shares": record["share"].to_dict()}
    values |= {"max_bits": MAX_BITS, "nearly_blank": NEARLY_BLANK}
    return {name: render("audit.md.j2", section=name, **values) for name in SECTIONS}


def links(galleries):
    """Return a dict from each figure or table to Markdown links to galleries.

    Args:
        galleries: dict from a name in `GALLERIES` to a `Figure`.
    """
    shown = {}
    for name in galleries:
        title, _, counted = GALLERIES[name]
        shown.setdefault(counted, []).append(f"[{title}](#{name})")
    return {counted: f"See: {', '.join(each)}." for counted, each in shown.items()}


def gallery_heading(name):
    """Return a gallery's heading with a link back to its section, as Markdown.

    Args:
        name: a name in `GALLERIES`.
    """
    title, section, _ = GALLERIES[name]
    anchor = section.lower().replace(" ", "_").replace("+", "plus")
    return f'### <a id="{name}"></a>{title}\n\n[Back to: {section}](#{anchor})'
