"""Web hooks of sending providers: Amazon SES through SNS, and one signed form for all others.

  POST /hooks/ses     messages of the SNS topics in bounces.sns_topics
  POST /hooks/events  JSON signed with bounces.hook_secret (docs/running.md)

A hook that is not configured does not exist. An event changes a reader only by the tag of one of
our letters, and a repeated event changes nothing.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from newsletter.app import App
from newsletter.inbound.provider_events import ses_event
from newsletter.inbound.recipients import box_of
from newsletter.inbound.returned import NOT_OURS, Named, Report, note_returned
from newsletter.inbound.sns import Fetch, Forged, Verifier, fetch
from newsletter.inbound.verdict import KEPT, Returned, judge
from newsletter.store import inbound as inbound_store
from newsletter.store.db import writing

log = structlog.get_logger()

#: Most seconds between the signer's clock and ours, and most events of one request.
SKEW_S, MOST_EVENTS = 300, 100
KNOWN_ALREADY = "dropped: an event that was sent before"
_KINDS = {"complaint": "complaint", "delivered": "delivered", "delayed": "delay"}


def routes(app: App, clock: Callable[[], datetime], fetch: Fetch = fetch) -> list[Route]:
    """Return the routes that the site's configuration enables."""
    hooks = Hooks(app, clock, fetch)
    found = []
    if app.config.bounces.sns_topics:
        found.append(Route("/hooks/ses", hooks.ses, methods=["POST"]))
    if app.config.bounces.hook_secret.get_secret_value():
        found.append(Route("/hooks/events", hooks.events, methods=["POST"]))
    return found


class Hooks:
    def __init__(self, app: App, clock: Callable[[], datetime], fetch: Fetch) -> None:
        self._app = app
        self._clock = clock
        self._sns = Verifier(app.config.bounces.sns_topics, fetch)

    async def ses(self, request: Request) -> Response:
        """Take one message of SNS."""
        now = self._clock()
        try:
            message = await self._sns.verify(await request.body(), now)
            if message.kind == "SubscriptionConfirmation":
                await self._sns.confirm(message)
                log.info("hook.confirmed", topic=message.topic)
                return PlainTextResponse("confirmed")
        except Forged as e:
            return await self._refuse("ses", str(e))
        if message.kind == "Notification":
            event = _json(message.text)
            done = await run_in_threadpool(
                self._note, f"sns:{message.id}", _ses_names(event), ses_event(event), now
            )
            log.info("hook", by="ses", done=done)
        return PlainTextResponse("taken")

    async def events(self, request: Request) -> Response:
        """Take signed events: one object, or {"events": [...]}."""
        now, body = self._clock(), await request.body()
        secret = self._app.config.bounces.hook_secret.get_secret_value()
        stamp = request.headers.get("x-newsletter-timestamp", "")
        if reason := _unsigned(secret, stamp, body, request, now):
            return await self._refuse("events", reason)
        told = _json(body.decode("utf-8", "replace"))
        listed = told.get("events", [told])
        if not isinstance(listed, list) or not all(_is_event(one) for one in listed[:MOST_EVENTS]):
            return PlainTextResponse("each event needs id, event, and to or message_id\n", 400)
        if len(listed) > MOST_EVENTS:
            return PlainTextResponse(f"at most {MOST_EVENTS} events\n", 413)
        for event in listed:
            names = (str(event.get("to", "")), str(event.get("message_id", "")))
            done = await run_in_threadpool(
                self._note, f"hook:{str(event['id'])[:190]}", names, _verdict(event), now
            )
            log.info("hook", by="events", done=done)
        return PlainTextResponse("taken\n")

    def _note(self, id: str, names: Iterable[str], found: Returned, now: datetime) -> str:
        """Process one event, once."""
        with writing(self._app.engine) as connection:
            if not inbound_store.is_first(connection, id, now):
                outcome = KNOWN_ALREADY
            elif letter := self._letter(names):
                report = Report(letter, found, "event")
                outcome = note_returned(self._app, connection, report, now)
            else:
                outcome = NOT_OURS
            inbound_store.count(connection, outcome, now)
        return outcome

    def _letter(self, names: Iterable[str]) -> Named | None:
        """Return the letter that an envelope sender or a Message-ID of ours names."""
        for name in names:
            address = name.strip("<> ")[:320]
            tag, left = box_of(address, ()).token, address.partition("@")[0]
            found = self._app.tokens.read_tag("bounce", tag)
            if found := found or self._app.tokens.read_message_id(left):
                return found
        return None

    async def _refuse(self, by: str, reason: str) -> Response:
        log.warning("hook.refused", by=by, text=reason)

        def count() -> None:
            with writing(self._app.engine) as connection:
                inbound_store.count(connection, f"refused event: {reason}", self._clock())

        await run_in_threadpool(count)
        return PlainTextResponse(f"refused: {reason}\n", 403)


def sign(secret: str, stamp: str, body: bytes) -> str:
    """Return the value of X-Newsletter-Signature."""
    mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def _unsigned(secret: str, stamp: str, body: bytes, request: Request, now: datetime) -> str:
    """Return why a request is not accepted; empty when it is."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        return "no timestamp"
    if abs(now.timestamp() - int(stamp)) > SKEW_S:
        return "too old"
    given = request.headers.get("x-newsletter-signature", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, sign(secret, stamp, body).encode()):
        return "the signature does not fit"
    return ""


def _is_event(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and all(event.get(name) for name in ("id", "event"))
        and bool(event.get("to") or event.get("message_id"))
    )


def _verdict(event: dict[str, Any]) -> Returned:
    """Return the verdict of an event of the signed form: by the server's words, then by its code
    and status.
    """
    kind = str(event["event"])
    reply = " ".join(str(event.get("reply") or "").split())[:2000]
    if kind in _KINDS:
        return Returned(_KINDS[kind], str(event.get("status") or "")[:16], reply[:KEPT])
    if kind != "bounce":
        return Returned("other", reply=kind[:KEPT])
    code = str(event.get("code") or "")[:3]
    said = reply if reply.startswith(code) else f"{code} {reply}"
    return judge(said, str(event.get("status") or "")[:16])


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _ses_names(event: dict[str, Any]) -> list[str]:
    """What may name the letter of an event of SES: envelope senders, then Message-IDs."""
    mail = event.get("mail")
    if not isinstance(mail, dict):
        return []
    headers = mail.get("headers")
    listed = headers[:100] if isinstance(headers, list) else []
    named = {
        str(one.get("name", "")).lower(): str(one.get("value", ""))
        for one in reversed(listed)
        if isinstance(one, dict)
    }
    return [str(mail.get("source", "")), named.get("return-path", ""), named.get("message-id", "")]
