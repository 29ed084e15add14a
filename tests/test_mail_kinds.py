"""One row per kind of mail: everything else follows from it, and a kind without a row is never
sent.
"""

from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter import mail_kinds
from newsletter.errors import LetterError
from newsletter.mail_kinds import KINDS
from newsletter.models import SubscriberState
from newsletter.store import ledger_life, subscribers
from newsletter.store.db import writing
from newsletter.tokens import PURPOSES
from tests.faults.server import Server
from tests.faults.site import check, make_site


@pytest.mark.parametrize("state", [SubscriberState.ACTIVE, SubscriberState.PENDING])
async def test_a_kind_that_this_version_does_not_know_is_mailed_to_nobody(
    tmp_path: Path, state: SubscriberState
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        with writing(site.engine) as connection:
            connection.execute(text("UPDATE deliveries SET kind = 'hologram', issue = NULL"))
            connection.execute(text("UPDATE issues SET planned = 0"))
            subscribers.set_state(connection, site.readers[0], state)
        await site.deliver()
    check(site, server)
    (row,) = site.rows()
    assert (row.state, row.reply) == ("refused", ledger_life.UNKNOWN_KIND)
    assert server.accepted == []


def test_every_row_is_listed() -> None:
    rows = [value for value in vars(mail_kinds).values() if isinstance(value, mail_kinds.MailKind)]
    assert sorted(row.name for row in rows) == sorted(KINDS)


def test_an_unknown_kind_raises() -> None:
    with pytest.raises(LetterError, match="no mail of the kind 'hologram'"):
        mail_kinds.find("hologram")


def test_a_link_has_a_purpose_that_tokens_know() -> None:
    assert {kind.link for kind in KINDS.values() if kind.link} <= {*PURPOSES}
    assert all(("confirm" in kind.values) == bool(kind.link) for kind in KINDS.values())


def test_mail_of_the_list_is_for_active_readers_and_sent_at_most_once() -> None:
    for kind in KINDS.values():
        if kind.is_list:
            assert kind.readers == (SubscriberState.ACTIVE,) and kind.is_at_most_once
