"""Events of a sending provider about a letter, as JSON, by web hook or by mail. Pure."""

import json
import re
from typing import Any

from newsletter.inbound.verdict import KEPT, Returned, gravest, judge


def ses_event(told: Any) -> Returned:
    """Read one event of Amazon SES (https://docs.aws.amazon.com/ses, "Contents of notifications").

    Both forms are read: `notificationType` of notifications, `eventType` of event publishing.
    """
    if not isinstance(told, dict):
        return Returned("other")
    kind = str(told.get("notificationType") or told.get("eventType") or "")
    if kind == "Bounce":
        return _ses_bounce(_mapping(told.get("bounce")))
    if kind == "Complaint":
        feedback = str(_mapping(told.get("complaint")).get("complaintFeedbackType") or "abuse")
        return Returned("other" if feedback == "not-spam" else "complaint", reply=feedback[:KEPT])
    kinds = {"Delivery": "delivered", "DeliveryDelay": "delay", "Reject": "policy"}
    return Returned(kinds.get(kind, "other"), reply=kind[:KEPT])


def _ses_bounce(bounce: dict[str, Any]) -> Returned:
    """Return a verdict by the server's own words; without them, by the type that SES gave."""
    verdicts = []
    for recipient in _list(bounce.get("bouncedRecipients"))[:20]:
        fields = _mapping(recipient)
        diagnostic = str(fields.get("diagnosticCode") or "")
        said = diagnostic.partition(";")[2].strip() or diagnostic
        verdicts.append(judge(said, str(fields.get("status") or "")[:16]))
    found = gravest(verdicts) if verdicts else Returned("other")
    if found.kind != "other":
        return found
    is_permanent = bounce.get("bounceType") == "Permanent"
    sub = str(bounce.get("bounceSubType") or "")
    if is_permanent and sub in ("NoEmail", "OnAccountSuppressionList", "Suppressed"):
        return Returned("hard", found.status, found.reply or f"SES: {sub}")
    by_sub = {"MailboxFull": "full", "MessageTooLarge": "policy", "ContentRejected": "policy"}
    return Returned(by_sub.get(sub, "temporary"), found.status, found.reply or f"SES: {sub}"[:KEPT])


def in_a_mail(text: str) -> Returned | None:
    """Read an event of SES that came by mail; None when the mail is something else.

    Some mail systems broke its long line with "!" and a line end.
    """
    text = text.strip()
    if not re.match(r'\{\s*"(?:notificationType|eventType)"', text):
        return None
    whole = re.sub(r"!\n[ \t]?", "", text)
    try:
        return ses_event(json.JSONDecoder().raw_decode(whole)[0])
    except (ValueError, RecursionError):
        return _ses_fragment(whole)


def _ses_fragment(text: str) -> Returned:
    """Read the readable part of an event that is cut off."""
    fields = dict(re.findall(r'"(\w{1,40})"\s*:\s*"([^"\\]{0,500})"', text[:20_000])[::-1])
    recipient = {"status": fields.get("status"), "diagnosticCode": fields.get("diagnosticCode")}
    return ses_event(
        {
            **fields,
            "bounce": {**fields, "bouncedRecipients": [recipient]},
            "complaint": fields,
        }
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
