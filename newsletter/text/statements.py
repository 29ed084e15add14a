"""What a record is: a paper, front matter, a correction, a notice of retraction; and whether its
paper is withdrawn or retracted.

The title decides most. A withdrawal is a statement about this paper ("we withdraw this paper"); a
paper about withdrawals, or one that was withdrawn from a venue, has none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.models import RecordKind
from newsletter.text.front_matter import is_front_matter
from newsletter.text.withdrawals import withdrawal_of

_OPEN, _CLOSE = r"[\[(【「]", r"[\])】」]"
_QUOTE = r"[\"“”„'‘’«»]"
_WORK = r"(?:article|paper|chapter|preprint|publication|manuscript)"
#: Words before a title whose record is the paper itself.
_MARKED = (
    (
        RecordKind.RETRACTED,
        re.compile(
            rf"\A\W{{0,2}}(?:retracted(?:\s+{_WORK})?|{_WORK} retracted)\s*{_CLOSE}?\s*[:–—-]\s*|"
            rf"\A{_OPEN}(?:retracted(?:\s+{_WORK})?|撤稿|已撤稿|撤回){_CLOSE}\s*|"
            rf"\A(?-i:RETRACTED)(?:\s+(?-i:ARTICLE|PAPER))?\s+(?=\w.*(?-i:[a-z]{{3}}))",
            re.I,
        ),
    ),
    (
        RecordKind.WITHDRAWN,
        re.compile(
            rf"\A\W{{0,2}}(?:(?:withdrawn|temporary removal|(?-i:REMOVED))(?:\s+{_WORK})?|"
            rf"{_WORK} withdrawn)\s*{_CLOSE}?\s*[:–—-]\s+|"
            rf"\A{_OPEN}withdrawn{_CLOSE}\s*|\A(?-i:WITHDRAWN)\s+(?=\w.*(?-i:[a-z]{{3}}))",
            re.I,
        ),
    ),
)
_BEHIND = re.compile(
    rf"\s*{_OPEN}(?P<word>retracted|withdrawn)\b[^\])】」]*{_CLOSE}\s*\Z|"
    r"\s*[:–—-]\s+(?P<shouted>(?-i:RETRACTED|WITHDRAWN))(?: ARTICLE)?\s*\Z",
    re.I,
)
_OF = r"(?:\s+(?:to|for|of|on|in|regarding|concerning|zu|zum|zur|à|au|al?|ao|do|de|di|к))?"
#: Text between the words of a notice and the title of its paper.
_SIGN = rf"(?:{_OF}\s*[:：–—]\s*|{_OF}\s+(?={_QUOTE})|\s*{_CLOSE}\s*)"
_CORRECTION = (
    r"(?:corrections?|corrigend(?:um|a)|errat(?:um|a)|addend(?:um|a)|amendments?|"
    r"berichtigung|korrektur|rectificatif|correctif|fe de erratas?|corrección|correção|"
    r"errata corrige|rettifica|исправлени[ея]|опечатки|поправка|düzeltme|rectificatie)"
)
_RETRACTION = (
    r"(?:retraction|withdrawal|removal|rétractation|retractación|retratação|ritrattazione|"
    r"zurückziehung|ретракция|отзыв статьи)"
)
#: Words before a title whose record is a notice about a paper; the paper's title follows.
_NOTICES = (
    (
        RecordKind.RETRACTION,
        re.compile(
            rf"\A\W{{0,2}}(?:(?:partial|author['’]?s['’]?)\s+)?(?:(?:statement|notice|note) of "
            rf"{_RETRACTION}|{_RETRACTION})(?:\s+(?:note|notice|statement|letter))?"
            r"(?:\s+(?:and|&)\s+(?:replacement|republication))?"
            r"(?:\s+(?:by|of) (?:the )?(?:authors?|editors?|publisher|publication|article))?"
            rf"(?:{_SIGN}|\s+(?:note|notice)\s+(?:to|for|of)\s+|\s+to\s*:\s*)|"
            rf"\A{_RETRACTION} (?:note|notice|statement)(?: (?:to|for|of|on))?\s*[:–—]?\s*|"
            rf"\A{_RETRACTION} (?:for|of) (?=[^,]{{2,60}} et al\b)|"
            r"\A\W?(?:撤稿|撤回)(?:声明|公告)?\s*[:：]\s*",
            re.I,
        ),
    ),
    (
        RecordKind.CONCERN,
        re.compile(
            r"\A(?:(?:editorial|interim)\s+){0,2}(?:expression|note|notice)\s+of\s+concern"
            rf"{_OF}\s*[:–—]?\s*",
            re.I,
        ),
    ),
    (
        RecordKind.CORRECTION,
        re.compile(
            r"\A\W{0,2}(?:(?:author|authors['’]|publisher|publisher['’]?s|editorial|"
            rf"editor['’]s)\s+)?{_CORRECTION}(?:\s+(?:note|notice))?"
            rf"(?:{_SIGN}|\s+(?:to|for)\s+(?=.{{1,80}}\b(?:et al\b|\((?:19|20)\d\d\))))|"
            r"\A\W{0,2}(?:corrigendum|erratum)\s+(?:to|for|of|on|in)\s+|"
            r"\A\W{0,2}(?:corrigenda|errata)\s+(?:to|for)\s+|"
            rf"\Apublisher['’]?s note(?:\s*[:–—]\s*|{_OF}\s+(?={_QUOTE}))|"
            r"\A\W?(?:更正|勘误|订正|訂正|正誤)(?:声明|启事)?\W?\s*[:：]\s*",
            re.I,
        ),
    ),
)
#: The same words after the title.
_NOTICE_BEHIND = re.compile(
    rf"(?:\s+[–—-]\s+|\s*{_OPEN})(?P<any>(?:author |publisher )?correction|corrigendum|erratum|"
    rf"addendum|retraction|expression of concern)(?: notice)?{_CLOSE}?\.?\s*\Z|"
    r"[:.]\s+(?P<some>corrigendum|erratum|addendum)\.?\s*\Z",
    re.I,
)
_CHINESE_BEHIND = re.compile(
    r"\A《(?P<title>.+)》(?:一文)?的?(?P<word>更正|勘误|撤稿)(?:声明|启事)?\Z"
)
#: Whole titles that name no paper.
_BARE_NOTICE = re.compile(
    r"\A(?:(?:(?:author|publisher)\s+)?(?:corrections?|corrigend(?:um|a)|errat(?:um|a)|"
    r"retractions?|addend(?:um|a)|(?:editorial )?expressions? of concern|"
    r"retraction (?:note|notice)|withdrawal)s?|department of error|berichtigung(?:en)?|"
    r"rectificatifs?|fe de erratas?|"
    r"corrections? to (?:the )?[A-Z][\w .&]{2,50}? (?:19|20)\d\d\s*[;,:].*|"
    r"撤稿(?:声明|公告)?|更正(?:声明)?|勘误(?:表)?|正誤表?|訂正)\.?\Z",
    re.I,
)
#: A bare notice whose text names its paper says as much as one with a title.
_DOI = re.compile(r"\b10\.\d{4,9}/\S")
_CITED = re.compile(
    r"\A[^()]{3,300}?\s\((?:19|20)\d\d\)[.:]?\s+(?P<title>.{8,400}?)\.\s+[A-Z][^.]{1,80}?\s"
    r"\d+(?:\(\w+\))?\s*[:,].*\Z",
    re.S,
)
_PLACE = re.compile(
    r"\.\s+(?-i:[A-Z])[\w&]*\.?(?: (?:(?-i:[A-Z])[\w&]*\.?|of|and|the|in|for)){0,7} "
    r"(?:19|20)\d\d, \d+(?:\(\w+\))?, [\w–-]+\.?\Z|"
    r"(?<=[.!?])\s+[A-Z][\w &:]{2,60} \d+(?:\(\w+\))?: ?[\w–-]+\.?\Z|"
    r"\s*\[[^\]]*\d{2,4}[^\]]*\]\s*\.?\Z|\s*\((?:19|20)\d\d, [^()]*\)\s*\.?\Z|"
    r"\s*(?:https?://\S+|doi:\s?10\.\S+)\s*\Z",
    re.I,
)
_BY_OTHERS = re.compile(r"\A[^,.:;“\"]{2,60} et al\.?(?:,\s*|\s+(?=[A-Z]))(?=.{8})")


#: Sections of journals whose entries are no papers.
_SECTION = re.compile(
    r"(?P<correction>(?:(?:author|publisher) )?corrections?|corrigend(?:um|a)|errat(?:um|a)|"
    r"addend(?:um|a)|corrections? (?:and|&) retractions?)|"
    r"(?P<retraction>retractions?(?: notes?| notices?)?|withdrawals?)|"
    r"(?P<concern>(?:editorial )?expressions? of concern)|"
    r"(?P<front>(?:front|back) matter|issue information|covers?|cover (?:art|image|picture)|"
    r"mastheads?|editorial board|table of contents|announcements?|obituar(?:y|ies)|in memoriam|"
    r"(?:book|film|software) reviews?|books? received|meeting reports? and announcements?|"
    r"calendar|advertisements?|call for papers)",
    re.I,
)

_OF_SECTION = {
    "correction": RecordKind.CORRECTION,
    "retraction": RecordKind.RETRACTION,
    "concern": RecordKind.CONCERN,
    "front": RecordKind.FRONT_MATTER,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record is, by its title, and the title without the words that say so."""

    kind: RecordKind
    title: str


def statement_of(title: str) -> Statement:
    """Return what a record is by its title. A notice gets the title of its paper."""
    title = _unquoted(title)
    if said := _said_before(title) or _said_behind(title):
        again = statement_of(said.title) if said.title != title else said
        return again if again.kind is said.kind else said
    kind = RecordKind.FRONT_MATTER if is_front_matter(title) else RecordKind.PAPER
    return Statement(kind, title)


def judged(
    title: str, abstract: str, comment: str = "", *, sections: Iterable[str] = ()
) -> Statement:
    """Return what a record is by its title, by its section of the journal, and by its text."""
    said = statement_of(title)
    if said.kind is RecordKind.NOTICE and _DOI.search(abstract):
        return Statement(_kind_of_word(title), title)
    if said.kind is not RecordKind.PAPER:
        return said
    for section in sections:
        if form := _SECTION.fullmatch(section.strip()):
            kind = _OF_SECTION[form.lastgroup or "front"]
            return Statement(kind, title if kind is RecordKind.FRONT_MATTER else _named(title))
    return Statement(withdrawal_of(abstract, comment), title)


def _said_before(title: str) -> Statement | None:
    for kind, form in _MARKED:
        if (found := form.match(title)) and (rest := title[found.end() :].strip()):
            return Statement(kind, rest)
    if _BARE_NOTICE.match(title.strip()):
        return Statement(RecordKind.NOTICE, title)
    for kind, form in _NOTICES:
        if (found := form.match(title)) and title[found.end() :].strip():
            return Statement(kind, _named(title[found.end() :]))
    return None


def _said_behind(title: str) -> Statement | None:
    if found := _BEHIND.search(title):
        kind = RecordKind((found["word"] or found["shouted"]).lower())
        return Statement(kind, title[: found.start()].strip() or title)
    if found := _CHINESE_BEHIND.match(title):
        return Statement(_kind_of_word(found["word"]), found["title"])
    if (found := _NOTICE_BEHIND.search(title)) and (rest := title[: found.start()].strip()):
        return Statement(_kind_of_word(found["any"] or found["some"]), rest)
    return None


def _kind_of_word(word: str) -> RecordKind:
    if "concern" in word.lower():
        return RecordKind.CONCERN
    is_retraction = re.search(r"retract|withdraw|撤稿", word, re.I)
    return RecordKind.RETRACTION if is_retraction else RecordKind.CORRECTION


def _unquoted(title: str) -> str:
    """Return a title without the quotes around all of it, if what they quote says what the record
    is.
    """
    is_quoted = len(title) > 8 and title[0] in '"“' and title[-1] in '"”'
    is_one = is_quoted and not re.search(r"[\"“”]", title[1:-1])
    return title[1:-1] if is_one and _said_before(title[1:-1]) else title


def _named(rest: str) -> str:
    """Return the paper's title after the words of a notice, without quotes and the place of
    print.
    """
    rest = rest.strip()
    if cited := _CITED.match(rest):
        return cited["title"]
    before = ""
    while before != rest:
        before, rest = rest, _PLACE.sub("", rest).strip()
    rest = _BY_OTHERS.sub("", rest)
    quoted = re.match(rf"{_QUOTE}(.{{8,400}}?){_QUOTE}(?=\W*(?:\Z|[\[(,;.]|by\b))", rest)
    return quoted[1].strip(" .,") if quoted else rest
