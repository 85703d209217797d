"""report.html in a real browser: it asks for nothing, works by keyboard, and fits a phone and both colour schemes."""

import base64
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from availability import npm_installed, unavailable
from reports import ended, failing, hostile
from servers import liveproto

from liveproto_conformance.mutants.registry import parts_of
from liveproto_conformance.mutants.trial import served
from liveproto_conformance.report.html.page import html_of
from liveproto_conformance.verdict import Status

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = (1280, 800), (360, 780)
VIEWS = [(size, scheme) for size in (DESKTOP, PHONE) for scheme in ("light", "dark")]
DOCUMENTS = {
    "failing": lambda: failing()[0],
    "hostile": lambda: hostile()[0],
    "conformant": lambda: ended(*[Status.PASS] * 9),
    "empty": ended,
}


class Opened:
    """A page that is open, and what it asked for and complained about."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def rows(self, table):
        """Ids or names of the rows that are seen."""
        return self.page.locator(f"table.{table} tbody tr:visible").count()

    def focused(self):
        return self.page.evaluate("document.activeElement.id")

    def tab_to(self, id_):
        """Press Tab until something has the focus."""
        for _ in range(400):
            if self.focused() == id_:
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"{id_} cannot be reached by Tab")


@pytest.fixture(scope="module")
def chromium():
    """One browser, for the tests of this file only: its event loop would disturb those of others."""
    if CHROMIUM is None or find_spec("playwright") is None:
        unavailable("report.html is opened in chromium, by playwright")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may be missing

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A report for each document."""
    folder = tmp_path_factory.mktemp("reports")
    for name, document in DOCUMENTS.items():
        (folder / f"{name}.html").write_text(html_of(document()), encoding="utf-8")
    return folder


@pytest.fixture
def opened(chromium, files):
    """``opened(name, size, scheme)``: a report in a window."""
    contexts = []

    def open_(name, size=DESKTOP, scheme="light", **options):
        viewport = {"width": size[0], "height": size[1]}
        contexts.append(chromium.new_context(viewport=viewport, color_scheme=scheme, **options))
        opened = Opened(contexts[-1].new_page())
        opened.page.goto((files / f"{name}.html").as_uri())
        return opened

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The text of axe-core."""
    copy = npm_installed(Path(__file__).parent / "axe", tmp_path_factory.mktemp("axe"))
    return (copy / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_complains_of_nothing_and_fits(opened, files, name, size, scheme):
    report = opened(name, size, scheme)
    assert report.requests == [(files / f"{name}.html").as_uri()]
    assert report.complaints == []
    assert report.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert "owned" not in report.page.title()[:5]


@pytest.mark.parametrize(("name", "size", "scheme"), [*(("failing", *view) for view in VIEWS), ("empty", *VIEWS[0])])
def test_axe_finds_nothing(opened, axe, name, size, scheme):
    report = opened(name, size, scheme)
    report.page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    report.page.evaluate(axe)
    found = report.page.evaluate("axe.run()")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_each_scheme_has_colours_of_its_own(opened):
    grounds = {
        opened("failing", DESKTOP, scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(grounds) == 2


def test_a_failure_has_its_card_and_its_diagram(opened):
    page = opened("failing").page
    document, failed = failing()
    article = page.locator(f"[id='{failed.id}']")
    assert failed.requirements[0].id in article.inner_text()
    assert "liveproto replay x" in article.inner_text()
    diagram = article.locator("svg.diagram")
    assert diagram.is_visible()
    assert diagram.locator("g.message").count() == len(document["checks"][0]["card"]["traffic"])
    # Arrows are as wide as the drawing, whose left end is the connections'.
    assert diagram.locator(".arrow").first.bounding_box()["width"] > 400
    assert "messages between HTTP, connection 3, connection 4 and the target" in diagram.get_attribute("aria-label")


def test_messages_can_be_read_whole_by_keyboard(opened):
    page = opened("failing").page
    details = page.locator("article details").first
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert 'close 3501 "bad request"' in details.inner_text()


def test_search_and_filters_work_by_keyboard(opened):
    report, (document, failed) = opened("failing"), failing()
    page, keyboard = report.page, report.page.keyboard
    assert (report.rows("rules"), report.rows("checks")) == (len(document["requirements"]), len(document["checks"]))
    report.tab_to("search")
    keyboard.type(f"{failed.id.partition('.')[2]} must")
    assert report.rows("checks") == 1
    assert page.locator("output").inner_text().endswith("1 checks")
    report.tab_to("clear")
    keyboard.press("Enter")
    assert (report.focused(), report.rows("checks")) == ("search", len(document["checks"]))
    report.tab_to("status")
    keyboard.type("Fl")
    assert page.locator("#status").input_value() == "FLAKY"
    assert report.rows("checks") == document["counts"]["FLAKY"]
    report.tab_to("area")
    keyboard.type("SUB")
    flaky = [check for check in document["checks"] if check["status"] == "FLAKY"]
    assert report.rows("checks") == sum(check["requirements"][0].startswith("GL-SUB") for check in flaky)
    report.tab_to("level")


def test_a_level_leaves_its_rows(opened):
    report, (document, _) = opened("failing"), failing()
    report.page.locator("#level").select_option("MUST")
    assert report.rows("rules") == sum(rule["level"] == "MUST" for rule in document["requirements"])
    report.page.locator("#level").select_option("MAY")
    assert report.rows("checks") == 0


def test_a_count_leads_to_what_it_counts(opened):
    report, (document, _) = opened("failing"), failing()
    report.page.locator("[data-filter=XFAIL]").focus()
    report.page.keyboard.press("Enter")
    assert report.rows("checks") == document["counts"]["XFAIL"]


def test_a_link_to_a_row_that_is_filtered_out_shows_it(opened):
    report = opened("failing")
    report.page.locator("#search").fill("nothing has these words")
    assert report.rows("rules") == 0
    link = report.page.locator("article blockquote a").first
    link.click()
    assert report.page.locator(f"tr{link.get_attribute('href').replace('#', '[id=')}]").is_visible()


def test_the_command_is_copied(opened):
    report = opened("failing", permissions=["clipboard-read", "clipboard-write"])
    button = report.page.locator("button.copy").first
    button.focus()
    report.page.keyboard.press("Enter")
    report.page.locator("button.copy", has_text="Copied").wait_for()
    assert report.page.evaluate("navigator.clipboard.readText()") == "liveproto replay x"


def test_without_its_script_everything_is_shown_and_nothing_is_dead(opened):
    report, (document, _) = opened("failing", java_script_enabled=False), failing()
    assert (report.rows("rules"), report.rows("checks")) == (len(document["requirements"]), len(document["checks"]))
    assert not report.page.locator("#filters").is_visible()
    assert report.page.locator("button:visible").count() == 0


def test_on_a_phone_every_row_is_whole(opened):
    page = opened("failing", PHONE).page
    boxes = [row.bounding_box() for row in page.locator("table.list tbody tr").all()[:40]]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= PHONE[0] for box in boxes)
    assert page.locator("table.rules .level").first.is_visible()


# -- the pictures in the documents -----------------------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"
TOP = {"x": 0, "y": 0, "width": 1100, "height": 530}
PICTURES = {
    "report.png": (lambda page: page.screenshot(clip=TOP), "conformant"),
    "card.png": (lambda page: page.locator("article").first.screenshot(), "failing"),
}
"""How each is taken, and a report of which it must look different."""
MOST_BYTES = 200_000
FAULT = "unknown-keys-are-refused"
DIFFERENCE = """async (pictures) => {
    const seen = await Promise.all(pictures.map(async (picture) => {
        const image = new Image();
        image.src = "data:image/png;base64," + picture;
        await image.decode();
        const context = new OffscreenCanvas(55, 50).getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(image, 0, 0, 55, 50);
        return context.getImageData(0, 0, 55, 50).data;
    }));
    return seen[0].reduce((sum, value, at) => sum + Math.abs(value - seen[1][at]), 0) / seen[0].length;
}"""
"""How far two pictures are apart when seen from afar, where no letter can be told: 0 to 255."""
NEAR = 1.0


@pytest.fixture(scope="module")
def real_report(tmp_path_factory):
    """The report of a run against a server with one fault."""
    folder = tmp_path_factory.mktemp("run")
    with served(parts_of(FAULT)) as (url, _):
        done = liveproto("check", url, "--fast", "--report-dir", "report", cwd=folder, timeout=600)
    assert done.returncode == 1, done.stdout + done.stderr
    return folder / "report" / "report.html"


def picture_of(chromium, file, take):
    """What a light window shows of a report, as PNG."""
    page = chromium.new_page(viewport={"width": TOP["width"], "height": 1200}, color_scheme="light")
    page.goto(file.as_uri())
    picture = take(page)
    page.close()
    return picture


def difference(chromium, *pictures):
    page = chromium.new_page()
    found = page.evaluate(DIFFERENCE, [base64.b64encode(picture).decode() for picture in pictures])
    page.close()
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_in_the_documents_is_what_a_report_looks_like(chromium, real_report, files, name):
    """``LIVEPROTO_SCREENSHOTS=docs`` before pytest puts new ones there."""
    take, other = PICTURES[name]
    now = picture_of(chromium, real_report, take)
    if folder := os.environ.get("LIVEPROTO_SCREENSHOTS"):
        (Path(folder) / name).write_bytes(now)
    kept = (DOCS / name).read_bytes()
    assert len(kept) < MOST_BYTES
    elsewhere = picture_of(chromium, files / f"{other}.html", take)
    assert difference(chromium, kept, now) < NEAR < difference(chromium, kept, elsewhere)
