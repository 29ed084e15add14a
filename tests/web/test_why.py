"""The field of the preferences page that says why a paper came, or did not."""

import httpx2

from newsletter import pipeline
from newsletter.app import App
from newsletter.editions import rank
from newsletter.models import Harvest, Sighting, SourceState
from newsletter.store import subscribers, topics
from newsletter.store.db import writing
from tests.web.conftest import NOW, a_reader, link


def test_the_page_says_why_a_paper_comes_and_what_keeps_another_out(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    titles = {"2611.00001": "Soft <robots> that swim", "2611.00002": "Markets and makers"}
    seen = tuple(
        Sighting("arxiv", id, title, "", ("Ann Aber",), ("cs.LG",), (f"arxiv:{id}",))
        for id, title in titles.items()
    )
    pipeline.learn(app.engine, [Harvest("arxiv", SourceState.FRESH, seen)], NOW)
    rank(app.engine, NOW)
    for language, yes, no in (
        ("en", "It will be in your next letter", "None of your topics"),
        ("de", "kommt er in Ihrem nächsten Brief", "Keines Ihrer Themen"),
    ):
        with writing(app.engine) as connection:
            topic = topics.find_or_add(connection, "robots")
            subscribers.change(connection, reader.id, topics=(topic.id,), language=language)
        page = f"{link(app, reader, 'preferences')}/why"
        told = web.post(page, data={"paper": "https://arxiv.org/abs/2611.00001"})
        assert told.status_code == 200 and yes in told.text
        assert "Soft &lt;robots&gt; that swim" in told.text
        assert no in web.post(page, data={"paper": "2611.00002"}).text
        unknown = web.post(page, data={"paper": "not a paper"})
        assert unknown.status_code == 404 and 'role="alert"' in unknown.text
    assert web.get(f"{link(app, reader, 'preferences')}/why").status_code in (404, 405)
