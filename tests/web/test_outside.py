"""The switch for papers from outside a reader's topics."""

import httpx2

from newsletter.app import App
from tests.web.conftest import a_reader, link, now_of


def test_one_switch_turns_papers_from_outside_off_and_on(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    assert 'name="outside" value="1" checked' in web.get(page).text
    web.post(page, data={"mix": "trend"})  # a form that does not say changes nothing
    assert now_of(app, reader).outside
    answer = web.post(page, data={"outside": "0"})
    assert 'name="outside" value="1">' in answer.text and not now_of(app, reader).outside
    web.post(page, data={"outside": ["0", "1"]})
    assert now_of(app, reader).outside
