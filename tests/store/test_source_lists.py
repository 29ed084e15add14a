"""Lists by day: due ones are stored, and those that are too old are named as missing."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from newsletter.list_days import ARXIV
from newsletter.models import ListState
from newsletter.store import source_lists
from newsletter.store.db import reading, writing

NOW = datetime(2026, 5, 7, 12, tzinfo=UTC)


def test_nothing_older_than_thirty_days_is_asked_for_and_it_is_named(any_engine: Engine) -> None:
    plan = (ARXIV, ("cs.AI",))
    with writing(any_engine) as connection:
        asked = source_lists.open_due(connection, "arxiv", plan, NOW, NOW - timedelta(days=120))
    assert min(one.day for one in asked) >= (NOW - timedelta(days=30)).date()
    with reading(any_engine) as connection:
        named = source_lists.missing(connection, {"arxiv": plan}, NOW)["arxiv"]
    old = [one for one in named if one.day < (NOW - timedelta(days=31)).date()]
    assert old and {one.state for one in old} == {ListState.MISSING}
    assert {one.reason for one in old} == {"not looked at for 30 days"}
