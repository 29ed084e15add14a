"""`subscribers show` tells the whole life of a subscription in order."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import addresses, cli, membership, subscribing
from newsletter.delivery.suppression import Suppression
from newsletter.inbound import processor
from newsletter.models import Subscriber
from newsletter.store import ledger_read, subscribers
from newsletter.store.db import reading, writing
from newsletter.tokens import Claims
from tests.faults.site import NOW, Site, freeze, make_site
from tests.inbound.test_processor import FULL, HARD, report

BEGUN = NOW - timedelta(days=10)
EMAIL = "ada@example.net"


class Life:
    """One reader of a site, an hour later with each step."""

    def __init__(self, site: Site) -> None:
        self.site, self.now, self.issues = site, BEGUN, 0

    def later(self) -> None:
        self.now += timedelta(hours=1)

    def reader(self) -> Subscriber:
        with reading(self.site.engine) as connection:
            return subscribers.get(connection, 2)

    def confirm(self) -> None:
        with writing(self.site.engine) as connection:
            request = subscribing.SubscribeRequest(addresses.parse(EMAIL), self.now)
            subscribing.subscribe(self.site.app, connection, request)
        self.later()
        with writing(self.site.engine) as connection:
            choices = membership.Choices((), None, {}, ())
            reader = subscribers.get(connection, 2)
            app = self.site.app
            membership.save(app, connection, reader, choices, self.now, is_confirming=True)
        self.later()

    def letter(self, said: str = "") -> None:
        """A digest leaves; a report about it comes back, if one is given."""
        day = BEGUN.date() + timedelta(days=self.issues)
        self.issues += 1
        freeze(self.site.engine, [2], day, self.now)
        row = self.site.rows()[-1].id
        at = f"{self.now:%Y-%m-%d %H:%M:%S}.000000"
        self.site.run_sql(f"UPDATE deliveries SET state='sent', settled_at='{at}' WHERE id={row}")
        self.later()
        if said:
            to = f"bounce+{self.site.app.tokens.tag('bounce', row)}@papers.example.org"
            processor.receive(self.site.app, "", to, report(said), self.now)
            self.later()


def test_the_whole_life_of_a_subscription_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(make_site(tmp_path, 1))
    engine, app = life.site.engine, life.site.app
    life.confirm()
    life.letter()
    with writing(engine) as connection:
        membership.vote(connection, life.reader(), 1, 1, "", life.now)
    life.later()
    life.letter(FULL)
    life.letter(HARD)
    life.letter(HARD)
    assert str(life.reader().state) == "suppressed"
    with writing(engine) as connection:
        Suppression(app.tokens).unsuppress(connection, 2, EMAIL, "their server was ill", life.now)
    life.later()
    with writing(engine) as connection:
        membership.pause(connection, life.reader(), life.now)
    life.later()
    with writing(engine) as connection:
        membership.resume(connection, life.reader(), life.now)
    life.later()
    with writing(engine) as connection:
        new = addresses.parse("ada@example.com")
        membership.request_address_change(app, connection, life.reader(), new, life.now)
        row = ledger_read.find_move(connection, 2)
        assert row is not None
        claims = Claims("address", 2, life.reader().epoch, life.now, paper=row[0])
        life.later()
        membership.change_address(connection, claims, life.reader(), life.now)
    life.later()
    with writing(engine) as connection:
        membership.unsubscribe(connection, 2, life.reader().epoch, "link", life.now)
        membership.unsubscribe(connection, 2, life.reader().epoch, "link", life.now)
    life.later()
    with writing(engine) as connection:
        choices = membership.Choices((), None, {}, ())
        membership.save(app, connection, life.reader(), choices, life.now, is_confirming=True)
    config = str(life.site.folder / "config.toml")
    assert cli.main(["-C", config, "--json", "subscribers", "show", "ada@example.com"]) == 0
    told = json.loads(capsys.readouterr().out)["history"]
    assert [one["at"] for one in told] == sorted(one["at"] for one in told)
    said = [one["what"] for one in told if not one["what"].endswith(("pending", "expired"))]
    assert said == [
        "added",
        "confirmed",
        "digest sent",
        "voted for more like this",
        "digest sent",
        "a letter came back: full (does not count)",
        "digest sent",
        "a letter came back: gone (does not count)",
        "digest sent",
        "a letter came back: gone (does not count)",
        "suppressed",
        "unsuppressed",
        "paused",
        "resumed",
        "moved",
        "left",
        "confirmed",
    ]
    words = {one["what"]: one["said"] for one in told}
    assert words["unsuppressed"] == "their server was ill" and words["left"] == "by link"
    assert words["moved"].startswith("from a") and "ada@example.net" not in words["moved"]
