"""Every kind of mail, one row each. Ledger, message builder and renderer follow the rows.

A kind without a row is an error; no mail is sent.
"""

from dataclasses import dataclass
from datetime import timedelta

from newsletter.errors import LetterError
from newsletter.models import SubscriberState

_NEWCOMERS = (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED)
_ACTIVE = (SubscriberState.ACTIVE,)
_MEMBERS = (SubscriberState.ACTIVE, SubscriberState.PAUSED)

#: How long a link to confirm works, and how long its mail is tried.
CONFIRM_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MailKind:
    """One kind of mail."""

    name: str  #: in the ledger, and the folder of its template
    #: States of readers who may get it, checked at the claim and before the final dot. Empty: it
    #: goes to the operator, outside the ledger.
    readers: tuple[SubscriberState, ...]
    values: tuple[str, ...] = ()  #: values of the template, all JSON; empty: a letter of an issue
    is_list: bool = False  #: has the headers of a list (RFC 2369); else Auto-Submitted
    #: Not sent again when the reply to the final dot was lost, unless `delivery.ambiguous` says so.
    #: Mails that answer a person are sent again: losing one is worse than a second one.
    is_at_most_once: bool = False
    link: str = ""  #: purpose of the token in `confirm`; empty: no such link
    lifetime: timedelta = CONFIRM_WITHIN  #: not sent later than this after the request


DIGEST = MailKind("digest", _ACTIVE, is_list=True, is_at_most_once=True)
#: The note after five silent mail days, with papers of all fields.
QUIET = MailKind("quiet", _ACTIVE, is_list=True, is_at_most_once=True)
#: The same note to a reader for whom there is no such paper.
QUIET_ALONE = MailKind("quiet_alone", _ACTIVE, is_list=True, is_at_most_once=True)
#: Links to a digest that may not have arrived.
MISSED = MailKind(
    "missed",
    _ACTIVE,
    ("day", "view", "preferences", "unsubscribe"),
    is_list=True,
    is_at_most_once=True,
    lifetime=timedelta(days=1),
)
CONFIRM = MailKind("confirm", _NEWCOMERS, ("email", "confirm", "days"), link="confirm")
WELCOME = MailKind("welcome", _ACTIVE, ("email", "preferences", "unsubscribe"))
#: The answer to a reader who asked to subscribe again. The template only gets whether there is a
#: query: anybody may have written its text.
KNOWN = MailKind("known", _MEMBERS, ("email", "query", "preferences", "unsubscribe"))
#: To the address that a reader wants to move to.
ADDRESS_NEW = MailKind("address_new", _MEMBERS, ("email", "confirm", "days"), link="address")
#: To the old address, with the new one masked: somebody else may use the old mailbox by now.
ADDRESS_OLD = MailKind("address_old", _MEMBERS, ("email", "new_email", "preferences"))
#: All stored data of a reader; `data` is a mapping, shown as JSON.
EXPORT = MailKind("export", _MEMBERS, ("email", "data", "preferences", "unsubscribe"))
#: To the operator, with the values of `run --json`: counts by state, sources by name.
REPORT = MailKind("report", (), ("day", "what", "counts", "sources", "problems", "archive"))

KINDS = {
    kind.name: kind
    for kind in (
        DIGEST,
        QUIET,
        QUIET_ALONE,
        MISSED,
        CONFIRM,
        WELCOME,
        KNOWN,
        ADDRESS_NEW,
        ADDRESS_OLD,
        EXPORT,
        REPORT,
    )
}


def find(name: str) -> MailKind:
    """Return the row of a kind that the ledger names. Raises: LetterError when there is none."""
    try:
        return KINDS[name]
    except KeyError:
        raise LetterError(
            f"there is no mail of the kind {name!r}", hint="one of: " + ", ".join(KINDS)
        ) from None
