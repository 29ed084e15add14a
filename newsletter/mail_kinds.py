"""Every kind of mail, one row each. The ledger, the message builder and the renderer follow the
rows; a kind without a row is an error and never becomes a mail.
"""

from dataclasses import dataclass
from datetime import timedelta

from newsletter.errors import LetterError
from newsletter.models import SubscriberState

_NEWCOMERS = (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED)
_ACTIVE = (SubscriberState.ACTIVE,)
_MEMBERS = (SubscriberState.ACTIVE, SubscriberState.PAUSED)

#: How long a link that asks for a confirmation works, and the mail that brings it is tried.
CONFIRM_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class MailKind:
    """What the product knows about one kind of mail."""

    name: str  #: in the ledger, and the folder of its template
    #: Who may get it, asked when it is claimed and again before the final dot; empty: it goes to
    #: the operator and never through the ledger.
    readers: tuple[SubscriberState, ...]
    values: tuple[str, ...] = ()  #: what the template needs, all JSON; empty: papers
    is_list: bool = False  #: carries the headers of a list (RFC 2369); else Auto-Submitted
    #: Not sent again when the reply to the final dot was lost, unless `delivery.ambiguous` says
    #: so. Mails that answer a person are: a lost one blocks somebody, a second one harms nobody.
    is_at_most_once: bool = False
    link: str = ""  #: purpose of the token behind the value `confirm`; empty: it has none
    lifetime: timedelta = CONFIRM_WITHIN  #: not sent later than this after it was asked for


DIGEST = MailKind("digest", _ACTIVE, is_list=True, is_at_most_once=True)
#: The note after a silent week.
QUIET = MailKind("quiet", _ACTIVE, is_list=True, is_at_most_once=True)
#: Leads to a digest that may not have arrived.
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
#: Somebody who is a reader already asked to subscribe. The template is told only whether there is
#: a query: it is anybody's text.
KNOWN = MailKind("known", _MEMBERS, ("email", "query", "preferences", "unsubscribe"))
#: To the address that a reader wants to move to.
ADDRESS_NEW = MailKind("address_new", _MEMBERS, ("email", "confirm", "days"), link="address")
#: To the old address. It shows the new one masked: the old mailbox may be another's by now.
ADDRESS_OLD = MailKind("address_old", _MEMBERS, ("email", "new_email", "preferences"))
#: Everything that is kept about a reader; `data` is a mapping, shown as JSON.
EXPORT = MailKind("export", _MEMBERS, ("email", "data", "preferences", "unsubscribe"))
#: To the operator, with values as `run --json` has them: counts by state, sources by name.
REPORT = MailKind("report", (), ("day", "counts", "sources", "problems", "archive"))

KINDS = {
    kind.name: kind
    for kind in (
        DIGEST,
        QUIET,
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
    """The row of a kind that the ledger names. Raises: LetterError when there is none."""
    try:
        return KINDS[name]
    except KeyError:
        raise LetterError(
            f"there is no mail of the kind {name!r}", hint="one of: " + ", ".join(KINDS)
        ) from None
