"""A reader from sign-up to leaving, in a browser without JavaScript, with a real mail server."""

import re
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site


def link(letter: EmailMessage, page: str) -> str:
    body = letter.get_body(("html", "plain"))
    assert body is not None
    found = re.search(rf"http://localhost:\d+/{page}/[\w/-]+", body.get_content())
    assert found, body.get_content()
    return found.group()


@pytest.fixture
def page(browser: Browser) -> Page:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.set_default_timeout(8000)
    return page


def test_a_reader_joins_reads_votes_changes_pauses_leaves_and_comes_back(
    site: Site, page: Page
) -> None:
    me = "ada@example.org"
    page.goto(site.url)
    page.get_by_label("Email address").fill(me)
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", name="Check your inbox").is_visible()

    page.goto(link(site.deliver()[me], "confirm"))
    page.locator("[value=reasoning]").check()
    page.get_by_role("button", name="Confirm and start").click()
    assert (
        page.get_by_role("status").first.inner_text().startswith("Saved. Your address is confirmed")
    )
    assert site.deliver()[me]["Subject"].startswith("Welcome")

    site.later(days=1, hours=4)  # past seven in the morning
    digest = site.deliver()[me]
    assert "List-Unsubscribe" in digest and "reason" in str(digest["Subject"]).lower()
    page.goto(link(digest, "feedback"))
    page.get_by_role("button", name="Send").click()
    assert "It counts from your next mail on" in page.get_by_role("status").inner_text()

    page.goto(link(digest, "preferences"))
    page.get_by_label("Keywords").fill("checker\n(broken")
    page.get_by_role("button", name="Save").click()
    assert "line 2" in page.get_by_role("alert").inner_text()
    page.get_by_label("Keywords").fill("checker")
    page.get_by_role("button", name="Check these keywords").click()
    assert "a week" in page.locator("#ck").inner_text()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Pause for").select_option("4")
    page.get_by_role("button", name="Pause", exact=True).click()
    assert "No mail until" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Send me mails again").click()

    one_click = str(digest["List-Unsubscribe"]).strip("<>")
    answer = page.request.post(one_click, data="List-Unsubscribe=One-Click")
    assert answer.status == 200
    page.goto(link(digest, "preferences"))
    assert page.get_by_role("heading", name="This link no longer works").is_visible()

    site.later(days=2)
    page.get_by_label("Email address").fill(me)
    page.get_by_role("button", name="Send a new link").click()
    page.goto(link(site.deliver()[me], "confirm"))
    assert page.locator("[value=reasoning]").is_checked()  # choices were kept
    page.get_by_role("button", name="Confirm and start").click()
    assert "confirmed" in page.get_by_role("status").first.inner_text()


def test_a_reader_moves_to_another_address(site: Site, page: Page) -> None:
    from tests.web.conftest import a_reader
    from tests.web.conftest import link as made

    reader = a_reader(site.app, "old@example.org")
    page.goto(site.url + made(site.app, reader, "preferences", made=site.clock.now))
    page.get_by_label("New email address").fill("new@example.net")
    page.get_by_role("button", name="Change address").click()
    mails = site.deliver()
    assert "address" in str(mails["new@example.net"]["Subject"]) and "old@example.org" in mails
    page.goto(link(mails["new@example.net"], "address"))
    page.get_by_role("button", name="Use this address").click()
    assert page.get_by_role("heading", name="Address changed").is_visible()


def test_a_visitor_of_the_list_becomes_a_reader_in_four_clicks_and_one_mail(
    site: Site, page: Page
) -> None:
    me = "visitor@example.org"
    page.goto(site.url + "/trending")
    page.get_by_role("link", name="Topics", exact=True).click()
    page.get_by_role("link", name="Reasoning", exact=True).click()
    page.get_by_label("Email address").fill(me)
    page.get_by_role("button", name="Subscribe").click()
    page.goto(link(site.deliver()[me], "confirm"))
    assert page.locator("[value=reasoning]").is_checked()  # chosen by where they came from
    page.get_by_role("button", name="Confirm and start").click()
    assert "Your address is confirmed" in page.get_by_role("status").first.inner_text()
