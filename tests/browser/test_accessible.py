"""Accessibility of every page and state: axe finds nothing, nothing overflows, the keyboard reaches
everything.
"""

from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from newsletter.models import Harvest, Sighting, SourceState
from newsletter.pipeline import learn
from tests.browser.conftest import START, Site
from tests.web.conftest import a_reader, link

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = ((320, "light"), (1280, "dark"))
PUBLIC = (
    "/",
    "/trending",
    "/trending?period=week&code=1",
    "/topics",
    "/topics/reasoning",
    "/api",
    "/archive",
    "/search",
    "/search?q=reasoning",
    "/search?q=(open",
    "/search?q=zzzz",
    "/method",
    "/privacy",
    "/papers/2611.00000",
    "/sample",
    "/nothing",
    "/preferences/forged",
)


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[list[tuple[int, Page]]]:
    contexts = [
        browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
        )
        for width, scheme in SCREENS
    ]
    yield [
        (width, context.new_page()) for (width, _), context in zip(SCREENS, contexts, strict=True)
    ]
    for context in contexts:
        context.close()


def inspect(page: Page, width: int) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run({runOnly: tags})", RULES)
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]
    beyond = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wrong + ([f"sticks out by {beyond} px at {width}"] if beyond > 0 else [])


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_have_no_violation(
    site: Site, pages: list[tuple[int, Page]], path: str
) -> None:
    for width, page in pages:
        page.goto(site.url + path)
        assert inspect(page, width) == []


@pytest.mark.parametrize("purpose", ["preferences", "confirm", "unsubscribe", "feedback"])
def test_pages_of_a_reader_have_no_violation(
    site: Site, pages: list[tuple[int, Page]], purpose: str
) -> None:
    from newsletter.models import SubscriberState

    state = SubscriberState.PENDING if purpose == "confirm" else SubscriberState.ACTIVE
    reader = a_reader(site.app, f"{purpose}@example.org", state)
    path = link(site.app, reader, purpose, made=site.clock.now, paper=1, vote=-1)
    for width, page in pages:
        page.goto(site.url + path)
        assert inspect(page, width) == []


def test_mistakes_and_answers_have_no_violation(site: Site, pages: list[tuple[int, Page]]) -> None:
    reader = a_reader(site.app, "states@example.org")
    for width, page in pages:
        page.goto(site.url + link(site.app, reader, "preferences", made=site.clock.now))
        page.locator("#kw").fill("(open")
        page.get_by_role("button", name="Save").click()
        assert inspect(page, width) == []
        page.locator("#kw").fill("reasoning")
        page.get_by_role("button", name="Check these keywords").click()
        assert inspect(page, width) == []


def test_a_word_that_never_ends_pushes_nothing_out_of_the_page(
    site: Site, pages: list[tuple[int, Page]]
) -> None:
    word = "W" * 90
    paper = Sighting(
        "arxiv",
        "2611.99999",
        f"On {word} and its folding",
        f"See https://x.org/{'long_' * 40} now.",
        (f"Ada {word}",),
        ("cs.CL",),
        ("arxiv:2611.99999",),
        published=START,
    )
    learn(site.app.engine, [Harvest("arxiv", SourceState.FRESH, (paper,))], START)
    for path in (f"/search?q={word}", f"/search?q={'x' * 300}", "/papers/2611.99999"):
        for width, page in pages:
            page.goto(site.url + path)
            beyond = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert beyond <= 0, (path, width, beyond)
            broken = page.evaluate(
                "[...document.querySelectorAll('header a, button')].filter("
                "e => e.textContent.trim().length < 20 && e.getClientRects().length > 1).length"
            )
            assert not broken, (path, width)  # our short words are not broken


#: Characters of our own pages smaller than this are hard to read; letters have rules of their own.
LEAST_FONT_PX = 14
SMALL_TEXT = """least => [...document.querySelectorAll('body *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    && parseFloat(getComputedStyle(e).fontSize) < least && e.getClientRects().length
).map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("path", [path for path in PUBLIC if path != "/sample"])
def test_on_a_phone_and_a_tablet_nothing_overflows_and_no_text_is_tiny(
    site: Site, browser: Browser, path: str
) -> None:
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto(site.url + path)
    for width in (375, 768):
        page.set_viewport_size({"width": width, "height": 800})
        beyond = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beyond <= 0, (width, beyond)
    assert page.evaluate(SMALL_TEXT, LEAST_FONT_PX) == []
    page.close()


#: Bytes of a page with all that it loads, as sent.
HEAVIEST = 60_000


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_with_all_that_it_loads_is_light(site: Site, browser: Browser, path: str) -> None:
    context = browser.new_context()  # nothing is kept from another page
    page = context.new_page()
    loaded: list[tuple[str, int]] = []
    page.on("response", lambda answer: loaded.append((answer.url, len(answer.body()))))
    page.goto(site.url + path, wait_until="networkidle")
    assert sum(size for _, size in loaded) <= HEAVIEST, loaded
    assert all(url.startswith(site.url) for url, _ in loaded)
    context.close()


def test_the_letter_page_keeps_its_styles_under_its_policy(site: Site, browser: Browser) -> None:
    page = browser.new_context().new_page()
    refused: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if not message.location["url"].endswith("/favicon.ico"):  # a letter names no icon
            refused.append(message.text)

    page.on("console", note)
    page.goto(site.url + "/sample")
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "30px"
    assert refused == []


def test_the_keyboard_reaches_everything_in_order(site: Site, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=True).new_page()
    page.goto(site.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.textContent.trim()"
            )
        )
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert "website" not in seen  # the hidden field is for programs only
    assert seen.index("Archive") < seen.index("email") < seen.index("Subscribe")
