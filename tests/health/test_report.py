"""The operator's report: made the one way that all mail takes, one paragraph for each trouble."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import dkim
from sqlalchemy import Engine

from newsletter.app import App
from newsletter.config import Config
from newsletter.health import alerts
from newsletter.mail.dkim import make_key
from newsletter.store import runs
from newsletter.store.db import writing
from newsletter.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SINCE = (NOW - timedelta(hours=3)).isoformat()


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
    with writing(engine) as connection:
        runs.note_fact(connection, alerts.INBOUND, {"since": SINCE, "reason": "no such folder"})
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
    text = read.get_body(("plain",)).get_content().replace("\r\n", "\n")
    problems = text.partition("----\n")[2].partition("Letters\n")[0]
    paragraphs = [" ".join(part.split()) for part in problems.split("\n\n") if part.strip()]
    assert len(paragraphs) == 2
    assert "newsletter db plan-missed" in paragraphs[0]
    assert "no such folder" in paragraphs[1]
