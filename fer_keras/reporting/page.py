"""Arrange a report's page: contents, folded parts, tables that scroll."""

import re

from bs4 import BeautifulSoup

from fer_keras.reporting.render import render_html

LONGEST_LOG = 12
"""Lines of printed text that are shown without being folded."""

FEWEST_SECTIONS = 3
"""Sections from which on a page has a list of contents."""


def arrange(soup, left_out):
    """Give a page a title, contents and folds; change it in place.

    Cells tagged `appendix` go to the end. From a cell tagged `fold` on, whose first element is
    a heading, everything up to the next heading is folded under it. Long logs are folded, too.

    Args:
        soup: a `BeautifulSoup` of what nbconvert wrote by our template.
        left_out: what figures of faces show that are left out, as texts.
    """
    _set_title(soup)
    main = soup.main
    for cell in soup.select(".celltag_appendix"):
        main.append(cell.extract())
    for table in soup("table"):
        _merge_heads(table)
        # In a box that scrolls, also by keyboard, a wide table does not widen the page.
        table.wrap(soup.new_tag("div", attrs={"class": "table-box", "tabindex": "0"}))
    for log in soup.select(".output_stdout pre"):
        lines = log.get_text().strip().count("\n") + 1
        if lines > LONGEST_LOG:
            _fold(soup, log, f"{lines:,} lines printed")
    for cell in soup.select(".celltag_fold"):
        _fold_section(soup, cell)
    if left_out:
        _drop_dead_links(soup)
        main.append(_rendered("left_out.html.j2", left_out=left_out))
    _add_contents(soup)


def _merge_heads(table):
    """Put the names of a pandas index, a row of their own, beside those of the columns."""
    names = table.select("thead tr:last-child > th.index_name:not(.col_heading)")
    row = table.select("thead tr")[-2:-1] if names else []
    if not row:
        return
    blanks = row[0].find_all(["td", "th"], recursive=False)[: len(names)]
    if len(blanks) == len(names) and not any(blank.get_text(strip=True) for blank in blanks):
        for blank, name in zip(blanks, names, strict=True):
            name.name = "th"
            blank.replace_with(name.extract())
        table.select("thead tr")[-1].decompose()


def _set_title(soup):
    heading = soup.select_one(".answer h2") or soup.select_one(".text_cell h1")
    if heading:
        soup.title.string = heading.get_text()


def _fold(soup, element, words):
    details, summary = soup.new_tag("details"), soup.new_tag("summary")
    summary.string = words
    element.wrap(details)
    details.insert(0, summary)
    return details


def _fold_section(soup, cell):
    """Fold a cell and those after it, up to the next one with a heading, under its heading."""
    heading = cell.find(["h2", "h3"])
    if heading is None:
        return
    rest = []
    for following in cell.find_next_siblings():
        if following.find(["h1", "h2", "h3"]):
            break
        rest.append(following)
    details = soup.new_tag("details", attrs={"class": "section"})
    cell.insert_before(details)
    summary = soup.new_tag("summary")
    summary.append(heading.extract())
    details.extend([summary, cell.extract(), *(each.extract() for each in rest)])


def _drop_dead_links(soup):
    """Take out links to figures that are left out, and the lines that hold nothing else."""
    for link in soup.select("a[href^='#']"):
        if soup.find(id=link["href"][1:]) is None:
            line = link.find_parent("p")
            link.unwrap()
            if line and line.get_text().startswith("See: ") and not line.a:
                line.decompose()


def _add_contents(soup):
    headings = [each for each in soup.main(["h2", "h3"]) if not each.find_parent(class_="answer")]
    if sum(each.name == "h2" for each in headings) < FEWEST_SECTIONS:
        return
    _name_headings(soup, headings)
    soup.main["id"] = "top"
    entries = [("top", "The answer", "h2")] if soup.select_one(".answer") else []
    entries += [(each["id"], each.get_text(), each.name) for each in headings]
    soup.main.insert_before(_rendered("contents.html.j2", entries=entries))
    soup.body["class"] = ["report", "with-contents"]


def _rendered(template, **values):
    return BeautifulSoup(render_html(template, **values), "html.parser")


def _name_headings(soup, headings):
    """Give each heading an id of its own, made of its words."""
    used = {tag["id"] for tag in soup.find_all(id=True)}
    for number, heading in enumerate(headings):
        name = re.sub(r"\W+", "-", heading.get_text().lower()).strip("-")
        heading["id"] = f"{name}-{number}" if name in used or not name else name
        used.add(heading["id"])
