"""A report in a real browser: nothing of users runs, and what a reader uses works."""

import base64
import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from helpers import comparison_of, patterned_faces, predictions_of, run_of
from IPython.core.formatters import DisplayFormatter
from IPython.display import HTML, Markdown
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from fer_keras.comparison.results import result_table
from fer_keras.evaluation.differences import difference_table
from fer_keras.reporting import figures, matrix, methods, narrative, notebook, score_tables
from fer_keras.reporting.first_screen import first_screen
from fer_keras.reporting.html import export_html
from fer_keras.reporting.render import literal

TAG = "<img src=data:x onerror=\"document.title='owned'\">"
LINK = "[click](javascript:document.title='owned')"
PICTURE = "![x](http://a.org/x.png)"
COMMAND = "</style></script><script>document.title='owned'</script>"
NAMES = (TAG, LINK, PICTURE, COMMAND)
NUMBERS = [10.5, 9.0, -2.0, 100.0]


def hostile_outputs(directory, monkeypatch):
    """Display what a report shows of arms, classes and files with hostile names."""
    rng, y_true = np.random.default_rng(0), np.arange(120) % 4
    runs = {}
    for arm in NAMES:
        runs[arm] = {}
        for seed in range(3):
            y_pred = np.where(rng.random(120) < 0.6, y_true, (y_true + 1) % 4)
            found = predictions_of(y_true, y_pred, class_names=NAMES)
            runs[arm][seed] = replace(run_of(0.5, seed, count=7), predictions=found)
    compared = comparison_of(runs, directory, notes=NAMES, name=TAG)
    record = result_table(compared)
    arms = {arm: {s: run.predictions for s, run in own.items()} for arm, own in runs.items()}
    differences = difference_table(arms, TAG)
    first = {arm: run.predictions for arm, run in compared.first.items()}
    faces = {arm: patterned_faces(120, class_names=NAMES) for arm in NAMES[:2]}
    histories = {arm: run.history for arm, run in compared.first.items()}

    outputs = []

    def keep(output, metadata=None):
        data, more = DisplayFormatter().format(output)
        outputs.append(new_output("display_data", data, metadata=more | (metadata or {})))

    monkeypatch.setattr(notebook, "display", keep)
    keep(HTML(first_screen(compared, record, differences)))
    keep(Markdown(narrative.introduction(compared)))
    table = pd.DataFrame({TAG: NUMBERS, "file": NAMES}, index=pd.Index(NAMES, name=LINK))
    notebook.show_table(table, TAG, directory, f"{TAG} {LINK}")
    scores = score_tables.readable_scores(score_tables.score_table(record, compared))
    notebook.show_table(scores, "scores", directory, "Scores.")
    keep(Markdown(f"## Second\n\n{narrative.conclusion(compared, record, differences)}"))
    notebook.show_html(matrix.confusion_html(first, faces), "confusions", shows_faces=True)
    notebook.show_figure(
        figures.training_curves(histories, {TAG: {1: histories[TAG]}}), TAG, directory
    )
    counts = pd.DataFrame(dict.fromkeys("abc", NUMBERS), index=["p", "q", "r", "s"])
    notebook.show_figure(figures.class_balance(counts, "Counts"), "balance", directory)
    keep(Markdown(methods.methods(compared, record, differences)))
    keep(Markdown("\n\n".join(map(literal, NAMES))))
    return outputs


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The same hostile report with and without faces."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as monkeypatch:
        outputs = hostile_outputs(folder / "results", monkeypatch)
    cells = [new_markdown_cell("# A report\n"), new_code_cell("", outputs=outputs)]
    cells += [new_markdown_cell("## Third\n\ntext\n\n## Fourth\n\ntext")]
    folded = new_markdown_cell("## Fifth\n\nfolded text", metadata={"tags": ["fold"]})
    write(new_notebook(cells=[*cells, folded]), folder / "a.ipynb")
    pages = [folder / "a.html", folder / "b.html"]
    return [export_html(folder / "a.ipynb", page, page == pages[0]) for page in pages]


@pytest.fixture
def opened(browser, reports):
    """Open the report at a width; pages are closed and their requests kept."""
    pages = []

    def open_page(width=1280, which=0, **options):
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        page.requests, page.errors = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(reports[which].as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


def test_names_of_users_are_shown_and_run_nothing(opened):
    page = opened()
    page.wait_for_timeout(200)
    assert page.title() != "owned" and not page.errors
    assert page.locator("img[src='data:x'], [onerror], [href^='javascript:']").count() == 0
    text = page.locator("body").inner_text()
    assert all(name in text for name in (TAG, LINK, COMMAND))
    # Our policy lets no script of the page's content run, even if escaping failed.
    page.evaluate("tag => document.body.insertAdjacentHTML('beforeend', tag)", TAG)
    page.wait_for_timeout(200)
    assert page.title() != "owned"


def test_a_report_asks_for_nothing_outside_its_file(opened, reports):
    page = opened()
    others = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert others == [reports[0].as_uri()]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_not_wider_than_the_screen(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    first = page.locator(".table-box tbody th").first
    first.evaluate("cell => cell.closest('.table-box').scrollLeft = 60")
    assert first.bounding_box()["x"] >= 0  # what names the row stays in view


@pytest.mark.parametrize("name", ["balance", "_"])  # a picture, and a drawing with words
def test_panels_stand_beside_each_other_and_on_a_phone_below(opened, name):
    for width, direction in ((1280, "x"), (390, "y")):
        figure = opened(width).locator(f"figure[data-name^='{name}']")
        assert figure.evaluate("each => each.scrollWidth <= each.clientWidth")
        row = figure.locator(".tiles > div", has=figure.page.locator(".tile + .tile")).first
        boxes = [tile.bounding_box() for tile in row.locator(".tile").all()]
        sides = {"x": "width", "y": "height"}
        for box, following in pairwise(boxes):
            assert following[direction] >= box[direction] + box[sides[direction]] - 1
            if direction == "x":
                assert following["x"] == pytest.approx(box["x"] + box["width"], abs=1)
                assert following["y"] == box["y"]


def test_a_figure_is_put_together_again_to_be_downloaded(opened, reports):
    address = opened().evaluate("joined(document.querySelector('[data-name=balance]'), 'png')")
    found = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB")
    expected = Image.open(reports[0].parent / "results" / "figures" / "balance.png").convert("RGB")
    assert found.size == expected.size
    assert np.abs(np.asarray(found, int) - np.asarray(expected)).mean() < 2


def test_a_click_sorts_a_table_by_number_and_back(opened):
    table = opened().locator("table:has(th.sorts)").first
    head = table.locator("th.sorts", has_text=TAG)

    def column():
        return [float(text) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

    assert column() == NUMBERS
    head.click()
    assert column() == sorted(NUMBERS)
    head.press("Enter")
    assert column() == sorted(NUMBERS, reverse=True)


def test_each_link_of_the_contents_leads_to_its_heading(opened):
    page = opened()
    links = page.locator(".contents a")
    assert links.all_inner_texts()[-4:] == ["Second", "Third", "Fourth", "Fifth"]
    for number in range(links.count()):
        links.nth(number).click()
        target = page.locator(f"[id='{links.nth(number).get_attribute('href')[1:]}']")
        assert target.count() == 1
        page.wait_for_timeout(50)
        assert target.evaluate("each => each.getBoundingClientRect().top < innerHeight")


def test_a_cell_of_the_confusion_matrix_shows_its_faces(opened):
    cell = opened().locator("table.matrix td[tabindex]").first
    faces = cell.locator(".faces")
    assert not faces.is_visible()
    cell.hover()
    hits = (np.random.default_rng(0).random(120) < 0.6)[::4].sum()  # of the first class
    share = f"{100 * hits / 30:.1f}\N{NO-BREAK SPACE}%"
    assert f"found: {hits} of 30, {share}" in cell.inner_text() and faces.is_visible()
    picture = faces.evaluate("each => getComputedStyle(each).backgroundImage")
    assert picture.startswith('url("data:image/webp;base64,')
    without = opened(which=1)
    without.locator("table.matrix td[tabindex]").first.hover()
    assert without.locator(".faces").count() == 0
    assert "image/webp" not in without.content()


def test_a_seed_says_its_name_under_the_pointer(opened):
    titles = opened().locator("figure svg .pointed title").all_text_contents()
    assert f"{TAG}, seed 1, validation: accuracy 0.550 at the kept epoch, 2" in titles


def test_everything_can_be_read_without_scripts_and_in_the_dark(opened):
    page = opened(java_script_enabled=False, color_scheme="dark")
    assert page.locator(".contents a").first.is_visible()
    assert page.locator(".verdict").is_visible()
    page.locator("summary", has_text="Fifth").click()
    assert page.get_by_text("folded text").is_visible()
