"""What a record is, and what it says about a paper: a paper, front matter, a correction, a notice
of retraction; withdrawn or retracted.

The title says most. A withdrawal is a statement about this very paper ("we withdraw this paper"); a
paper about withdrawals, or one that was withdrawn from a venue, makes none.
"""

import re
from dataclasses import dataclass

from newsletter.models import RecordKind
from newsletter.text.titles import title_of

#: Marks before a title whose record is the paper itself.
_MARKED = (
    (
        RecordKind.RETRACTED,
        re.compile(
            r"\A\W{0,2}retracted(?:\s+(?:article|paper|chapter|preprint))?\s*[\])]?\s*[:–—-]\s*",
            re.I,
        ),
    ),
    (RecordKind.RETRACTED, re.compile(r"\A[\[(]retracted(?:\s+article)?[\])]\s*", re.I)),
    (
        RecordKind.WITHDRAWN,
        re.compile(
            r"\A\W{0,2}(?:withdrawn|temporary removal|removed)(?:\s+(?:article|paper|"
            r"preprint|manuscript))?\s*[\])]?\s*[:–—-]\s+",
            re.I,
        ),
    ),
    (RecordKind.WITHDRAWN, re.compile(r"\A[\[(]withdrawn[\])]\s*", re.I)),
)
_BEHIND = re.compile(r"\s*[\[(](?P<word>retracted|withdrawn)(?: article| paper)?[\])]\s*\Z", re.I)
_OF = r"(?:\s+(?:to|for|of|on|in|regarding|concerning))?"
_QUOTE = r"[\"“”'‘’«]"
#: Marks before a title whose record is a notice about a paper: what follows is the paper's title.
_NOTICES = (
    (
        RecordKind.RETRACTION,
        re.compile(
            rf"\A\W{{0,2}}(?:(?:statement|notice) of (?:retraction|withdrawal|removal)|"
            rf"(?:retraction|withdrawal|removal)(?:\s+(?:note|notice|statement))?)"
            rf"(?:{_OF}\s*[:–—]\s*|{_OF}\s+(?={_QUOTE})|\s+(?:note|notice)\s+(?:to|for|"
            rf"of)\s+|\s+to\s*:\s*)",
            re.I,
        ),
    ),
    (
        RecordKind.RETRACTION,
        re.compile(
            r"\A(?:retraction|withdrawal) (?:note|notice|statement)(?: (?:to|for|of|"
            r"on))?\s*[:–—]?\s*",
            re.I,
        ),
    ),
    (
        RecordKind.CONCERN,
        re.compile(
            rf"\A(?:editorial\s+)?(?:expression|note|notice)\s+of\s+concern{_OF}\s*[:–—]?\s*", re.I
        ),
    ),
    (
        RecordKind.CORRECTION,
        re.compile(
            r"\A\W{0,2}(?:(?:author|authors'|authors’|publisher|publisher['’]?s|editorial|"
            r"editor['’]s)\s+)?"
            r"(?:corrections?|corrigend(?:um|a)|errat(?:um|a)|addend(?:um|a)|amendments?)"
            rf"(?:\s+(?:note|notice))?(?:{_OF}\s*[:–—]\s*|{_OF}\s+(?={_QUOTE})|\s+(?:to|"
            rf"for)\s+(?=.{{1,80}}\b(?:et al\b|\((?:19|20)\d\d\))))",
            re.I,
        ),
    ),
    (
        RecordKind.CORRECTION,
        re.compile(r"\A\W{0,2}(?:corrigend(?:um|a)|errat(?:um|a))\s+(?:to|for|of|on|in)\s+", re.I),
    ),
    (
        RecordKind.CORRECTION,
        re.compile(rf"\Apublisher['’]?s note\s*(?:[:–—]\s*|{_OF}\s+(?={_QUOTE}))", re.I),
    ),
)
#: Titles that are whole: no paper is named.
_BARE_NOTICE = re.compile(
    r"\A(?:(?:author|publisher)\s+)?(?:corrections?|corrigend(?:um|a)|errat(?:um|a)|"
    r"retractions?|addend(?:um|a)|"
    r"expressions? of concern|retraction (?:note|notice)|withdrawal)s?\.?\Z",
    re.I,
)
#: What journals' feeds carry beside papers; `Title.is_generic` knows what consists of such words.
_FRONT_MATTER = re.compile(
    r"\A\W{0,2}(?:issue (?:information|highlights?|cover|contents)|editorial board|"
    r"editorial advisory board|"
    r"advisory board|(?:outside |inside )?(?:front|back)(?: outside| inside)? (?:cover|matter)|"
    r"(?:outside|inside) (?:front |back )?cover|cover (?:picture|image|feature|art|story|"
    r"page|profile|legend)|"
    r"(?:front|back) ?(?:cover|matter)|frontispiece|graphical (?:abstracts?|contents)|"
    r"masthead|table of contents|contents list|"
    r"(?:list of )?reviewers?(?: (?:list|acknowledge?ments?))|(?:instructions?|information|"
    r"guidelines?|guide) (?:for|to) (?:authors|contributors|subscribers)|"
    r"(?:author|subject|keyword|volume|title|cumulative) index|title page|copyright page|"
    r"subscription (?:page|information)|publication information|"
    r"society information|calls? for (?:papers|nominations|proposals|submissions|applications)|"
    r"acknowledge?ments? (?:of|to) (?:the )?(?:our )?(?:\w+ )?(?:reviewers?|referees?)(?: "
    r"(?:of|for|in) .*)?|thanks? to (?:our )?(?:reviewers|referees)|"
    r"in this issue|aims (?:and|&) scope|about (?:the|this) (?:cover|journal)|on the cover|"
    r"upcoming (?:events|meetings)|"
    r"(?:conference|meetings?|events?) calendar|calendar of (?:events|meetings)|"
    r"announcements?|books? received|new books|"
    r"impressum|titelbild|inhaltsverzeichnis|editorial board page|board of editors|issue "
    r"table of contents|"
    r"advertisements?|publisher['’]?s (?:page|announcement)|erratum list|ad index|"
    r"[A-Z][\w &]{2,60} (?:publication|society) information)\b",
    re.I,
)
#: Behind the words of front matter stands the issue ("Cover Picture: … (Adv. Mater. 12/2026)"), or
#: nothing; a sentence makes it a paper ("Table of contents generation with transformers").
_FRONT_REST = re.compile(
    r"\W*(?:[:–—‐-].*|\(.*\)|\[.*\]|(?:page|toc|\d[\w/ ,.–-]*|volume.*|vol\..*|issue.*|list|"
    r"pages)\W*)?\Z",
    re.I | re.S,
)
_CHINESE_FRONT = re.compile(r"(?:总目次|目次|征稿启事|投稿须知|编委会名单)\Z")

_NOUN = (
    r"(?:paper|article|submission|manuscript|preprint|pre-print|work|version|study|"
    r"posting|e-?print|chapter)"
)
_AUX = (
    r"(?:(?:has|have|had|is|was|been|being|now|temporarily|hereby|voluntarily|"
    r"subsequently|therefore|formally|officially|permanently)\s+)+"
)
_FROM_VENUE = (
    r"(?!\s+from\s+(?!(?:the\s+)?(?:arxiv|biorxiv|medrxiv|chemrxiv|ssrn|research square|"
    r"publication|preprint|"
    r"server|archive|repository|record|journal|literature|further consideration\s+(?:here|"
    r"on arxiv))))"
)
_GONE = rf"(?:withdrawn|withdrawed|retracted)\b{_FROM_VENUE}"
_SPEAKER = (
    r"(?:we|i|the authors?|all authors|(?:the )?(?:corresponding |first |lead )?authors?|"
    r"the editors?|the publisher|"
    r"(?:bio|med|ar|chem)rxiv(?:\s+admin\w*)?|research square|the journal)"
)
_STATEMENTS = (
    # "We withdraw this paper", "bioRxiv has withdrawn this preprint"
    re.compile(
        rf"\b{_SPEAKER}\s+(?:(?:has|have|had|hereby|now|voluntarily|temporarily|wish(?:es)? "
        rf"to|would like to|are|am|is|"
        r"must|request(?:s|ed)? to|decided to|regretfully)\s+)*"
        r"(?:withdraw(?:s|n|ing)?|withdrew|retract(?:s|ed|ing)?)\s+"
        rf"(?:this|the|their|our|its|my)\s+(?:own\s+|present\s+|"
        rf"original\s+)?{_NOUN}\b{_FROM_VENUE}",
        re.I,
    ),
    # "This paper has been withdrawn", "The manuscript was withdrawn by the authors"
    re.compile(rf"(?<!\bof )\bthis\s+(?:arxiv\s+)?{_NOUN}\s+{_AUX}{_GONE}", re.I),
    re.compile(rf"(?:\A|[.!?;:(\[]\s*)(?:the\s+)?(?:arxiv\s+)?{_NOUN}\s+(?:{_AUX})?{_GONE}", re.I),
    re.compile(
        r"\A\W*(?:temporarily |now )?(?:withdrawn|retracted)\s*(?:[.:;,!\])]|\Z|(?:by|due|"
        r"because|as|for|pending|"
        r"since|at|until|in favou?r|on request|from (?:arxiv|biorxiv|medrxiv))\b)",
        re.I,
    ),
    re.compile(r"\bsee Elsevier Policy on Article (?:Withdrawal|Correction, Retraction)", re.I),
)
#: Only in the comment, which is always about this paper.
_COMMENT = re.compile(
    rf"\b{_GONE.replace('|retracted', '')}\s+by\s+(?:the |its |our )?(?:author|arxiv|admin)", re.I
)
#: Before a statement these words make it a case that is spoken of, not told.
_CASE = re.compile(
    r"\b(?:when|whenever|if|after|before|whether|once|why|how|until|unless|where|that|which|"
    r"who|whose|what|cases?|"
    r"example|suppose|should)\W+(?:\w+\W+){0,3}\Z",
    re.I,
)
_RETRACT = re.compile(r"\bretract", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record is, by its title, and the title without the words that said so."""

    kind: RecordKind
    title: str


def statement_of(title: str) -> Statement:
    """Say what a record is by its title. A notice's title becomes that of the paper it is about."""
    for kind, form in _MARKED:
        if found := form.match(title):
            return Statement(kind, title[found.end() :].strip() or title)
    if found := _BEHIND.search(title):
        kind = RecordKind(found["word"].lower())
        return Statement(kind, title[: found.start()].strip() or title)
    if _BARE_NOTICE.match(title.strip()):
        return Statement(RecordKind.NOTICE, title)
    for kind, form in _NOTICES:
        if (found := form.match(title)) and title[found.end() :].strip():
            return Statement(kind, _named(title[found.end() :]))
    return Statement(
        RecordKind.FRONT_MATTER if _is_front_matter(title) else RecordKind.PAPER, title
    )


def judged(title: str, abstract: str, comment: str = "") -> Statement:
    """Say what a record is by its title and by what its text says of it."""
    said = statement_of(title)
    if said.kind is RecordKind.PAPER:
        return Statement(withdrawal_of(abstract, comment), title)
    return said


def withdrawal_of(abstract: str, comment: str = "") -> RecordKind:
    """WITHDRAWN or RETRACTED when the opening of the abstract, or the comment, says so of this very
    paper; else PAPER.
    """
    for text, forms in ((abstract[:500], _STATEMENTS), (comment, (*_STATEMENTS, _COMMENT))):
        for form in forms:
            for found in form.finditer(text):
                if not _CASE.search(text[: found.start()]):
                    is_retracted = _RETRACT.search(found[0]) and "elsevier" not in found[0].lower()
                    return RecordKind.RETRACTED if is_retracted else RecordKind.WITHDRAWN
    return RecordKind.PAPER


def _named(rest: str) -> str:
    """The paper's title in what follows a notice's mark: quotes and the place of print go."""
    rest = rest.strip()
    quoted = re.match(rf"{_QUOTE}(.{{8,400}}?){_QUOTE}(?=\W*(?:\Z|[\[(,;.]|by\b))", rest)
    if quoted:
        return quoted[1].strip(" .,")
    return re.sub(r"\s*\[[^\]]*\d{2,4}[^\]]*\]\s*\.?\Z", "", rest).strip()


def _is_front_matter(title: str) -> bool:
    if found := _FRONT_MATTER.match(title):
        return bool(_FRONT_REST.match(title[found.end() :]))
    if _CHINESE_FRONT.search(title):
        return True
    read = title_of(title)
    return bool(read.content) and read.is_generic
