"""A reader without topics, keywords, authors and examples is told so, and offered topics."""

import re

import httpx2
import pytest

from newsletter import pipeline
from newsletter.app import App
from newsletter.models import Harvest, Sighting, SourceState, Subscriber, SubscriberState, Topic
from newsletter.store import subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.web.topic_cache import TopicCache
from tests.web.conftest import NOW, a_reader, link, now_of

SAYS = {"en": "You have no topic yet", "de": "Sie haben noch kein Thema"}


def slugs_offered(page: str) -> list[str]:
    [form] = re.findall(r'<form[^>]*action="[^"]*/topics".*?</form>', page, re.DOTALL) or [""]
    return re.findall(r'name="topic" value="([^"]+)"', form)


def add_readers_of(app: App, slug: str, number: int, state: SubscriberState) -> None:
    with writing(app.engine) as connection:
        topic = topics.get(connection, slug)
        for n in range(number):
            reader = Subscriber(0, f"{slug}{n}{state}@example.org", state, topics=(topic.id,))
            subscribers.add(connection, reader, reader.email, NOW)


def give(app: App, reader: Subscriber, **values: object) -> None:
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, **values)


@pytest.mark.parametrize("language", SAYS)
def test_confirming_without_a_topic_says_so_and_offers_six(
    app: App, web: httpx2.Client, language: str
) -> None:
    add_readers_of(app, "weather", 3, SubscriberState.ACTIVE)
    add_readers_of(app, "robotics", 2, SubscriberState.ACTIVE)
    add_readers_of(app, "vision", 5, SubscriberState.UNSUBSCRIBED)
    reader = a_reader(app, state=SubscriberState.PENDING)
    give(app, reader, language=language)
    page = link(app, reader, "confirm")
    assert not slugs_offered(web.get(page).text)  # the form itself offers all topics
    confirmed = web.post(page, data={"keywords": "-survey"})  # a muted word brings no paper
    assert now_of(app, reader).state is SubscriberState.ACTIVE
    assert SAYS[language] in confirmed.text
    offered = slugs_offered(confirmed.text)
    assert len(set(offered)) == len(offered) == 6
    assert offered[:2] == ["weather", "robotics"]


def test_offered_topics_are_added_and_none_is_removed(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    assert SAYS["en"] in web.get(page).text
    assert web.get(f"{page}/topics").status_code in (404, 405)
    unticked = web.post(f"{page}/topics", data={"topic": ["no-such"]})
    assert unticked.status_code == 200 and "Saved." not in unticked.text
    assert now_of(app, reader).topics == ()
    with reading(app.engine) as connection:
        vision, weather = (topics.get(connection, slug).id for slug in ("vision", "weather"))
    saved = web.post(f"{page}/topics", data={"topic": ["vision"]})
    assert "Saved." in saved.text and SAYS["en"] not in saved.text
    web.post(f"{page}/topics", data={"topic": ["weather", "vision"]})
    assert now_of(app, reader).topics == (vision, weather)


def test_whoever_has_something_is_offered_nothing(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    for form in ({"topic": "vision"}, {"keywords": "protein"}, {"authors": "Ingrid Solheim"}):
        assert not slugs_offered(web.post(page, data=form).text)
        assert not slugs_offered(web.get(page).text)
        emptied = web.post(page, data={"keywords": "", "authors": ""}).text
        assert len(slugs_offered(emptied)) == 6
    give(app, reader, state=SubscriberState.PAUSED)
    assert not slugs_offered(web.get(page).text)
    give(app, reader, state=SubscriberState.ACTIVE)
    assert not slugs_offered(web.post(page, data={"seeds": "2611.00001"}).text)


def test_the_offer_does_not_get_in_the_way_of_what_is_being_typed(
    app: App, web: httpx2.Client
) -> None:
    page = link(app, a_reader(app), "preferences")
    for form in ({"keywords": "protein", "check": "1"}, {"keywords": '"open'}):
        assert not slugs_offered(web.post(page, data=form).text)


def test_popular_topics_are_curated_and_counted_by_active_readers(app: App) -> None:
    add_readers_of(app, "vision", 3, SubscriberState.PAUSED)
    add_readers_of(app, "robotics", 1, SubscriberState.ACTIVE)
    add_readers_of(app, "weather", 2, SubscriberState.ACTIVE)
    with writing(app.engine) as connection:
        topics.add(connection, Topic(0, "own-protein", "protein", "protein"))
    add_readers_of(app, "own-protein", 4, SubscriberState.ACTIVE)
    with reading(app.engine) as connection:
        found = [topics.get(connection, str(id)).slug for id in topics.popular(connection, 6)]
        assert found == ["weather", "robotics"]
        assert len(topics.popular(connection, 1)) == 1


def test_without_readers_topics_with_papers_this_week_come_first(app: App) -> None:
    paper = Sighting("arxiv", "2611.00001", "Weather forecasting with graphs")
    pipeline.learn(app.engine, [Harvest("arxiv", SourceState.FRESH, (paper,))], NOW)
    cache = TopicCache(app)
    assert cache.is_count_due()
    cache.count_again(NOW)
    first, second, *rest = (one.slug for one in cache.popular())
    assert (first, len(rest)) == ("weather", 4)
    assert second == next(iter(cache.offered.values())).slug
