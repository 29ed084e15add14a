"""What one mail costs, part by part: microseconds of this process, and bytes of the finished mail.

    python -m benchmarks.letter_parts [--papers 8] [--mails 2000] [--dkim KEY]

The issue is the one of `send_speed`. Each part is timed alone, in the groups in which delivery does
it: rows are claimed and letters are made in batches of 500, fences and outcomes are written in
groups of 8. What `send_speed` needs beyond their sum is the event loop and the wire.
"""

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from benchmarks import send_speed
from newsletter.app import App
from newsletter.config_loading import load_config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.models import DeliveryState, Receipt
from newsletter.store import ledger_life
from newsletter.store.db import migrate, open_engine

BATCH, GROUP = 500, 8


class Stopwatch:
    """Seconds of CPU by part."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def of(self, part: str, act: Callable[[], Any]) -> Any:
        started = time.process_time()
        made = act()
        self.spent[part] = self.spent.get(part, 0.0) + time.process_time() - started
        return made


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    text = send_speed.CONFIG.format(host="127.0.0.1", port=2525, connections=8)
    dkim = send_speed.DKIM.format(key=given.dkim.resolve()) if given.dkim else ""
    (folder / "config.toml").write_text(text + dkim)
    (folder / "secret.key").write_text("k" * 64)
    (folder / "secret.key").chmod(0o600)
    engine = open_engine(f"sqlite:///{folder / 'newsletter.db'}")
    migrate(engine)
    send_speed.fill(engine, given.mails, random.Random(1), given.papers)
    app = App.open(load_config(folder / "config.toml", {}))
    builder = MessageBuilder(app.engine, app.config, app.renderer, app.tokens)
    watch, made, mail = Stopwatch(), 0, b""
    while claims := watch.of(
        "claim", lambda: ledger_life.claim(engine, BATCH, send_speed.NOW, suspects=1)
    ):
        parcels = watch.of("build", lambda claims=claims: list(builder(claims)))
        mail = parcels[-1][1]
        for at in range(0, len(claims), GROUP):
            rows = [(claim.id, claim.token) for claim in claims[at : at + GROUP]]
            watch.of("fence", lambda rows=rows: ledger_life.fence(engine, rows))
            told = [
                (Receipt(id, DeliveryState.SENT, send_speed.NOW, 250, "2.0.0", "ok", "dot"), token)
                for id, token in rows
            ]
            watch.of("settle", lambda told=told: ledger_life.settle(engine, told))
        made += len(claims)
    return {
        "papers": given.papers,
        "us_per_mail": {part: round(s / made * 1e6, 1) for part, s in watch.spent.items()},
        "bytes": sizes(mail),
    }


def sizes(mail: bytes) -> dict[str, int]:
    """Bytes of a mail, and what the HTML part's own bytes are for."""
    parsed = message_from_bytes(mail, policy=policy.default)
    html_part, text_part = parsed.get_body(("html",)), parsed.get_body(("plain",))
    assert html_part is not None
    assert text_part is not None
    html, text = html_part.get_content(), text_part.get_content()
    addresses = re.findall(r'href="([^"]*)"', html)
    blocks = "".join(re.findall(r"<style>.*?</style>", html, re.DOTALL))
    body = html.replace(blocks, "")
    styles = re.findall(r' style="[^"]*"', body)
    shown = re.sub(r"<[^>]*>", "", re.sub(r"<(style|title).*?</\1>|<!--.*?-->", "", html))
    return {
        "mail": len(mail),
        "headers": mail.index(b"\r\n\r\n"),
        "text": len(text.encode()),
        "html": len(html.encode()),
        "html_style_attributes": sum(map(len, styles)),
        "html_style_blocks": sum(map(len, re.findall(r"<style>.*?</style>", html, re.DOTALL))),
        "html_addresses": sum(map(len, addresses)),
        "html_shown_text": len(" ".join(shown.split()).encode()),
        "encoding": len(mail) - len(text.encode()) - len(html.encode()) - mail.index(b"\r\n\r\n"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--papers", type=int, default=8)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--dkim", type=Path, help="a private key (newsletter dkim keygen)")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
