"""The meaning of the cells of a list: addresses, hours, time zones, lists of topics. No address or
name is changed by a guess.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from newsletter import addresses
from newsletter.cli.reader_lists.columns import Fields
from newsletter.errors import InputError
from newsletter.models import MIXES, RHYTHMS, SIZES, Seed, Subscriber, SubscriberState
from newsletter.reader_seeds import seed_of
from newsletter.text.authors import typed_names
from newsletter.text.references import Reference, is_title, read_references
from newsletter.text.time_zones import find_time_zone

MOST_NAME = 80
FORMATS = ("html", "text")
#: Our rhythms in the words of others.
_RHYTHMS = {name: name for name in RHYTHMS} | {
    "workdays": "weekdays",
    "weekday": "weekdays",
    "every day": "daily",
    "every week": "weekly",
    "hot only": "hot",
    "mon-fri": "weekdays",
    "monday to friday": "weekdays",
    "täglich": "daily",
    "werktags": "weekdays",
    "wöchentlich": "weekly",
    "quotidien": "daily",
    "hebdomadaire": "weekly",
    "diario": "daily",
    "semanal": "weekly",
    "giornaliero": "daily",
    "settimanale": "weekly",
    "dagelijks": "daily",
    "wekelijks": "weekly",
}
#: How others write our languages, behind the codes.
_LANGUAGES = {
    "english": "en",
    "englisch": "en",
    "anglais": "en",
    "inglés": "en",
    "german": "de",
    "deutsch": "de",
    "allemand": "de",
    "alemán": "de",
}
_HOUR = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2})?(?::\d{2})?)?\s*(?:(a|p)\.?m\.?|uhr|h)?", re.IGNORECASE
)
#: What spreadsheets read as the beginning of a formula, wide forms too (CVE-2021-3188).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Identifiers as they are kept.
_CANONICAL = re.compile(r"(?:arxiv|doi|openreview|pmid|pmc):\S")
_VOTES = {"more": 1, "less": -1}
#: A plain yes is no consent: it does not say how or when somebody agreed.
_BARE_YES = frozenset(("yes", "y", "true", "1", "x", "ok", "on", "ja", "oui", "si"))


@dataclass(frozen=True, slots=True)
class Listed:
    """One reader of a list, checked; topics are still names and queries."""

    reader: Subscriber
    canonical: str
    topics: tuple[str, ...] = ()
    consent: str = ""
    votes: tuple[tuple[str, int], ...] = ()  #: paper's id and 1 or -1
    examples: tuple[Seed, ...] = ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values that a list does not have."""

    own_address: str  #: the site's; it cannot be a reader's
    timezone: str = "UTC"
    consent: str = ""  #: how and when all these people agreed
    languages: tuple[str, ...] = ("en",)
    is_raw: bool = False  #: cells have no mark that protects from formulas


def read_reader(fields: Fields, defaults: Defaults) -> Listed:
    """Read one record.

    Raises: InputError, AddressError.
    """
    cells = fields.cells
    if not defaults.is_raw:
        cells = {name: without_mark(cell) for name, cell in cells.items()}
    address = addresses.parse(cells.get("email", ""), own=defaults.own_address)
    consent = _consent(cells.get("consent", "")) or defaults.consent
    state = _state(fields, consent)
    reader = Subscriber(
        0,
        address.email,
        state,
        _name(cells.get("name", "")),
        _time_zone(cells.get("timezone") or defaults.timezone),
        _hour(cells.get("hour") or "7"),
        _rhythm(cells.get("rhythm") or "weekdays"),
        muted=split_list(cells.get("muted", "")),
        follows=typed_names(split_list(cells.get("follows", ""))),
        size=_size(cells.get("size") or "8"),
        mix=_one_of("mix", cells.get("mix") or "balanced", MIXES),
        language=_language(cells.get("language") or "en", defaults.languages),
        format=_one_of("format", cells.get("format") or "html", FORMATS),
        outside=_one_of("outside", cells.get("outside") or "yes", ("yes", "no")) == "yes",
        confirmed_at=_moment(cells.get("confirmed_at", "")),
        paused_until=_day(cells.get("paused_until", ""))
        if state is SubscriberState.PAUSED
        else None,
    )
    topics = split_list(cells.get("topics", ""))
    votes, examples = _votes(cells.get("votes", "")), _examples(cells.get("examples", ""))
    return Listed(reader, address.canonical, topics, consent, votes, examples)


def _state(fields: Fields, consent: str) -> SubscriberState:
    """Raises: InputError for an unknown word, and for an active reader without consent."""
    if fields.state not in (*SubscriberState, ""):
        known = ", ".join(SubscriberState)
        raise InputError(f"no status {fields.state!r}; there are {known}")
    state = SubscriberState(fields.state or "pending")
    if state in (SubscriberState.ACTIVE, SubscriberState.PAUSED) and not consent:
        if not fields.is_outright:
            return SubscriberState.PENDING
        raise InputError(
            f"importing as {state} needs --consent: how and when did these people agree?"
        )
    return state


def _consent(text: str) -> str:
    return "" if text.casefold() in _BARE_YES else text


def _name(text: str) -> str:
    if len(text) > MOST_NAME or not _is_one_line(text):
        raise InputError("the name is longer than 80 characters or has control characters")
    return text


def _is_one_line(text: str) -> bool:
    """Return whether text has no control character; joiners are part of names in many scripts."""
    return text.isprintable() or text.replace("\u200c", "").replace("\u200d", "").isprintable()


@lru_cache(maxsize=4096)
def _time_zone(text: str) -> str:
    found = find_time_zone(text)
    if found is None:
        raise InputError(f"no time zone {text!r}")
    return found


@lru_cache(maxsize=1024)
def _hour(text: str) -> int:
    """Return 0 to 23 from "7", "07:00", "7am", "19h", "7.0". A digest is sent at a full hour."""
    if match := _HOUR.fullmatch(text):
        hour, minutes, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
        if half:
            hour = hour % 12 + (12 if half == "p" else 0) if 1 <= hour <= 12 else 24
        if hour <= 23 and not minutes:
            return hour
    elif re.fullmatch(r"\d{1,2}\.0", text) and float(text) <= 23:
        return int(float(text))
    raise InputError(f"hour {text!r} is not 0 to 23")


@lru_cache(maxsize=1024)
def _rhythm(text: str) -> str:
    found = _RHYTHMS.get(" ".join(text.casefold().split()))
    if found is None:
        raise InputError(f"no rhythm {text!r}; there are {', '.join(RHYTHMS)}")
    return found


@lru_cache(maxsize=1024)
def _size(text: str) -> int:
    if text not in map(str, SIZES):
        raise InputError(f"no size {text!r}; there are {', '.join(map(str, SIZES))}")
    return int(text)


def _one_of(what: str, text: str, known: Sequence[str]) -> str:
    folded = text.casefold()
    if folded not in known:
        raise InputError(f"no {what} {text!r}; there are {', '.join(known)}")
    return folded


def _language(text: str, known: Sequence[str]) -> str:
    """Read "de", "de-AT", "de_DE.UTF-8" or "German" as the code of a language of ours."""
    code = re.split(r"[-_.@]", text, maxsplit=1)[0]
    return _one_of("language", _LANGUAGES.get(text.casefold(), code), known)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as e:
        raise InputError(f"paused_until {text!r} is not a date such as 2026-12-24") from e


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError as e:
        raise InputError(f"confirmed_at {text!r} is not a moment such as 2026-05-04T09:00Z") from e
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _votes(text: str) -> tuple[tuple[str, int], ...]:
    """Return "more 2510.00001;less doi:10.1/x" as papers' ids and votes."""
    votes = []
    for item in split_list(text):
        word, _, paper = item.partition(" ")
        if word not in _VOTES or not paper:
            raise InputError(f"no vote {item!r}; votes are: more ID, less ID")
        votes.append((paper, _VOTES[word]))
    return tuple(votes)


def _examples(text: str) -> tuple[Seed, ...]:
    """ "arxiv:2510.00001 Title;doi:10.1/x" as the papers that a reader gave."""
    seeds = []
    for item in split_list(text):
        name, _, title = item.partition(" ")
        named = read_references(name).found
        ids = (name,) if _CANONICAL.match(name) else named[0].identifiers if named else ()
        if not ids and not is_title(item):
            raise InputError(f"no example {item!r}; examples are: ID, ID and title, or title")
        seeds.append(seed_of(Reference(0, ids, title if ids else item)))
    return tuple(seeds)


# -- lists in a cell, and the mark that protects a cell --------------------------------------------


def join_list(items: Iterable[str]) -> str:
    """Return one cell for several texts; a semicolon inside a text gets a backslash."""
    return ";".join(item.replace("\\", "\\\\").replace(";", "\\;") for item in items)


def split_list(cell: str) -> tuple[str, ...]:
    """Return the texts of a cell, in order. `split_list(join_list(items))` are the items."""
    if "\\" not in cell:
        return tuple(item.strip() for item in cell.split(";") if item.strip())
    parts = re.findall(r"((?:\\[\\;]|[^;])*)(?:;|\Z)", cell)
    plain = (re.sub(r"\\([\\;])", r"\1", part.strip()) for part in parts)
    return tuple(item for item in plain if item)


def with_mark(cell: str) -> str:
    """Return a cell that no spreadsheet reads as a formula. A cell that already begins with a mark
    gets one too, so that removing one restores every cell.
    """
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def without_mark(cell: str) -> str:
    """Remove the mark of `with_mark`."""
    is_marked = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_marked else cell
