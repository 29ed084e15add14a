"""The operator's report: made the one way that all mail takes, one paragraph for each trouble."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import dkim
from sqlalchemy import Engine

from newsletter import pipeline
from newsletter.app import App
from newsletter.config import Config
from newsletter.health import alerts
from newsletter.mail.dkim import make_key
from newsletter.models import Harvest, SourceState, Subscriber, SubscriberState, Unit
from newsletter.store import runs, subscribers, unknown_values
from newsletter.store.db import writing
from newsletter.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SINCE = (NOW - timedelta(hours=3)).isoformat()


def problems_in(message: bytes) -> list[str]:
    """Return the problems of a report, a paragraph each, without line ends."""
    body = message_from_bytes(message, policy=policy.default).get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    problems = text.partition("----\n")[2].partition("Letters\n")[0]
    return [" ".join(part.split()) for part in problems.split("\n\n") if part.strip()]


def test_K12_the_report_is_signed_and_says_what_is_wrong_in_its_subject(
    engine: Engine, tmp_path: Path
) -> None:
    pem, record = make_key()
    (tmp_path / "dkim.key").write_bytes(pem)
    config = Config.model_validate(
        {
            "site": {"from": "digest@papers.example.org", "contact": "ops@papers.example.org"},
            "dkim": {
                "domain": "papers.example.org",
                "selector": "news",
                "key_file": tmp_path / "dkim.key",
            },
        }
    )
    alerts.note_inbound(engine, "maildir", "no such folder", NOW - timedelta(hours=3))
    with writing(engine) as connection:
        runs.note_fact(connection, "restored", {"at": NOW.isoformat(), "since": SINCE})
    app = App(config, engine, Tokens([b"k" * 64]))
    made = alerts.Operator(engine, config, app.renderer).report(NOW, timedelta(0))
    assert made is not None
    envelope, message = made
    assert (envelope.recipient, b"\r\n." in message) == ("ops@papers.example.org", False)
    assert dkim.verify(message, dnsfunc=lambda name, timeout=5: record.encode())
    read = message_from_bytes(message, policy=policy.default)
    assert "letters that were due" in read["Subject"]
    assert len(read["Subject"]) <= 80
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["List-Id"]
    assert read["Feedback-ID"]
    signed = str(read["DKIM-Signature"]).replace(" ", "").lower()
    assert "subject" in signed
    paragraphs = problems_in(message)
    assert len(paragraphs) == 2
    assert "newsletter db plan-missed" in paragraphs[0]
    assert "no such folder" in paragraphs[1]


def test_K12_every_trouble_ends_with_what_to_do_next(engine: Engine) -> None:
    given = {"site": {"contact": "ops@papers.example.org"}, "sources": {"arxiv": {}}}
    config = Config.model_validate(given)
    parts = (
        Unit("cs.CL", SourceState.STALLED, error="no list"),
        Unit("cs.LG", SourceState.FAILED, error="502"),
    )
    moved = {"moved_to": "https://new.example/rss", "moved_since": "2026-11-20"}
    harvests = [
        Harvest("arxiv", SourceState.FAILED, units=parts, error="cs.CL: no list; cs.LG: 502"),
        Harvest("journal", SourceState.STALLED, error="it is empty"),
        Harvest("flood", SourceState.FRESH, error="only the first 2 of 5 entries were read"),
        Harvest("old", SourceState.QUIET, memory=moved),
    ]
    pipeline.learn(engine, harvests, NOW)
    zone = "Mars/Olympus"
    alerts.note_inbound(engine, "maildir", "no such folder", NOW - timedelta(hours=3))
    with writing(engine) as connection:
        runs.note_fact(connection, "restored", {"at": NOW.isoformat(), "since": SINCE})
        ada = Subscriber(0, "ada@example.org", SubscriberState.ACTIVE, timezone=zone)
        subscribers.add(connection, ada, ada.email, NOW)
        for n in range(unknown_values.NAMED + 1):
            bob = Subscriber(0, f"bob{n}@example.org", SubscriberState.ACTIVE, rhythm="lunar")
            subscribers.add(connection, bob, bob.email, NOW)
    app = App(config, engine, Tokens([b"k" * 64]))
    made = alerts.Operator(engine, config, app.renderer).report(NOW, timedelta(0))
    assert made is not None
    told = problems_in(made[1])
    asked_again = "nothing to do while the fault is theirs; ask it now: newsletter fetch --source "
    endings = {
        "No source answers": "then ask again: newsletter fetch",
        "arxiv cs.CL: stalled since": f"{asked_again}arxiv",
        "arxiv cs.LG: failed since": f"{asked_again}arxiv",
        "journal: stalled since": f"{asked_again}journal",
        "flood: only the first": "if it stays, change its url in config.toml",
        "old: has moved": "change its url in config.toml",
        "letters that were due": "newsletter db plan-missed",
        "returned mail cannot be read": "then: newsletter doctor",
        "bob0@example.org gets no letters": "newsletter subscribers show bob0@example.org",
        "more readers have settings": "does not know; upgrade",
        "readers in Mars/Olympus": "pip install --upgrade tzdata",
    }
    for beginning, ending in endings.items():
        [one] = [text for text in told if text.startswith(beginning)]
        assert one.removesuffix(".").endswith(ending), one
    beginnings = (*endings, *(f"bob{n}@" for n in range(unknown_values.NAMED)))
    assert all(text.startswith(beginnings) for text in told)
