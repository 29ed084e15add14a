"""Split a feed's description: remove what publishers put before and after the abstract.

Most descriptions are the abstract. Some are a form with labels ("DOI: …", "Authors: …"), some begin
with the place in the volume, some end in "Read more". Each publisher's form has a row here.
"""

import re
from dataclasses import dataclass

from newsletter.text.markup import PLAIN, Dialect, clean, lines

_MONTH = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|January|February|March|April|June|July|"
    r"August|September|October|November|December)[a-z]*\.?"
)
_LABEL = re.compile(
    r"(?P<name>DOI|Authors?|Author\(s\)|Abstract|Summary|Publication date|Source|Keywords?|Journal|"
    r"Published|Available online|PMID|ISSN|Pages?|Volume|Category|Comments?|Subjects?|Funding):\s*",
    re.I,
)
#: Labels that also occur within a line, in descriptions without markup.
_INNER_LABEL = re.compile(
    r"(?<=\s)(?=(?:DOI|Authors?|Author\(s\)|Abstract|Publication date|Source):\s)", re.I
)
#: Text before the abstract on the same line: its publisher, and its form.
_PREAMBLES = (
    # Nature and its family
    re.compile(
        rf"\A[^.;]{{3,80}}, Published online: \d{{1,2}} {_MONTH} "
        rf"\d{{4}}[;,.]?\s*(?:doi:\s?(?P<doi>10\.\S+))?\s*",
        re.I,
    ),
    # Science, Wiley, PNAS, SAGE: "Name, Volume 386, Issue 6717, Page 12-15, November 2024."
    re.compile(
        r"\A[^.;]{2,110}, (?:EarlyView|Early View|Ahead of Print|Accepted Article|"
        rf"Volume \w+, (?:Issue|Number) [\w-]+)(?:, Pages? [\w–-]+)?(?:, (?:\d{{1,2}} "
        rf")?{_MONTH}(?:\W{_MONTH})? \d{{4}})?\.?\s*",
        re.I,
    ),
    # Taylor & Francis: "Volume 12, Issue 3, March 2022, Page 1-10."
    re.compile(
        r"\AVolume \w+, (?:Issue|Number) [\w-]+(?:, [\w –-]+ \d{4})?(?:, Pages? "
        r"[\w–-]+)?\.?(?:\s*\.)?\s*"
    ),
    # PubMed's citation: "J Virol. 2021 Dec 10:114425. doi: 10.…. Online ahead of print."
    re.compile(
        r"\A[^.]{2,90}\. \d{4}(?: \w{3}(?:-\w{3})?)?(?: \d{1,2})?[;:.][^ ]*?\s*doi: "
        r"?(?P<doi>10\.\S+?)\.(?=\s|\Z)"
        r"(?: Online ahead of print\.| eCollection[^.]*\.| Epub [^.]*\.| Print [^.]*\.)*\s*"
    ),
    # Pensoft: "ZooKeys 1072: 185-204"
    re.compile(r"\A[A-Z][\w &]{2,40} \d+(?:\(\d+\))?: [\d–-]+\s*\Z"),
    re.compile(r"\A(?:ABSTRACT|Abstract|SUMMARY)\s*\Z"),
    re.compile(r"\A(?:Publication|Published)(?: date)?:? (?:online )?\d[^.]{0,40}\.?\s*\Z", re.I),
    # PLOS: "by Ann Lee, Bo Chen"
    re.compile(r"\Aby (?:[^\W\d_a-z][\w.'’-]*|(?:de|van|von|der|la|and|et al)\b|[,.\s])+\Z"),
    re.compile(r"\AarXiv:\S+\s+Announce Type:\s*\S+\s*", re.I),
)
_MORE = (
    r"(?:Read (?:the )?(?:more|full (?:article|text|paper|story)|article|on)|Continue reading|"
    r"(?:View |See )?(?:the )?full[- ]text(?: article)?|View (?:article|abstract|the article)|"
    r"(?:Go to|Access) (?:the )?article|Learn more|Lire la suite|Weiterlesen|Leer más|Download PDF|"
    r"Show more|Keep reading)"
)
#: Text after the abstract, at the end of any line.
_TAILS = (
    re.compile(
        rf"(?:(?:\A|(?<=[.!?…:;»”\")\]]))\s*|\s+(?=(?-i:[A-Z])))[\[(]?\b{_MORE}(?: at "
        rf"[\w .]+| on [\w .]+| about [\w .,:]+)?\s*[\])]?\s*(?:\.{{3}}|…|»|→|>+|&raquo;|\.)?\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*The post .{1,300} (?:first appeared|appeared first) on .{1,100}\Z", re.I | re.S
    ),
    re.compile(r"\s*\[(?:…|\.\.\.|&hellip;)\]\s*\Z"),
    re.compile(
        r"\s*(?:\[[^\]]{3,80}\] )?Published (?:\w{3}, )?(?:\w{3} )?\w{3,9} \d{1,2}, \d{4}\.?\s*\Z"
    ),
    re.compile(
        r"\s*(?:PMID: ?\d+|PMCID: ?PMC\d+|DOI: ?10\.\S+)(?:\s*\|\s*(?:PMID: ?\d+|PMCID: "
        r"?PMC\d+|DOI: ?10\.\S+))*\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*(?:This article is protected by copyright\.?(?: All rights reserved\.?)?|All "
        r"rights reserved\.?)\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*(?:©|\(c\)|Copyright ©?)\s*(?:The Authors?,? ?)?\d{4}[^.]{0,120}\.?(?: All "
        r"rights reserved\.?)?\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*\b(?:Related Articles?|Recommended articles?|Tags?|Filed under|Share "
        r"this)\b:?.{0,200}\Z",
        re.I,
    ),
)
#: Lines that are not about the paper: names of downloads, hosts, figures.
_NOTHING = re.compile(
    r"(?:N/?A\.?|No abstract(?: available)?\.?|None|HTML|XML|PDF|EPUB|Full text|"
    r"Supplementary (?:material|information)|Graphical abstract|"
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|ac\.\w\w|co\.\w\w))\Z",
    re.I,
)
_WORD = re.compile(r"\w")
_HEADING = re.compile(
    r"\A(?:ABSTRACT|SUMMARY|(?:Abstract|Summary)(?=\s*[:.–—-]))\s*[:.–—-]*\s*(?=\S)"
)
_BARE_HEADING = re.compile(r"\A(?:Abstract|Summary)\s+(?=[A-Z])")
#: Texts that begin with "Abstract" because they are about abstract things.
_ABSTRACT_THINGS = re.compile(
    r"\A(?:Abstract|Summary) (?:Meaning|Syntax|Interpretation|Algebra|State|Data|Reasoning|"
    r"Argumentation|"
    r"Wiener|Art|Of|Statistics|Visual)\b"
)


@dataclass(frozen=True, slots=True)
class Description:
    """The content of a description of a paper."""

    abstract: str
    authors: str = ""
    doi: str = ""


def read_description(raw: object, dialects: tuple[Dialect, ...] = PLAIN) -> Description:
    """Split a description: the abstract alone, and the labelled values beside it."""
    if not isinstance(raw, str):
        return Description("")
    found: dict[str, str] = {}
    kept: list[str] = []
    is_abstract = True
    for line in _lines(raw, dialects):
        label = _LABEL.match(line)
        name = label["name"].lower().removesuffix("(s)").rstrip("s") if label else ""
        rest = line[label.end() :] if label else line
        if name in ("abstract", "summary", "ummary"):
            kept, is_abstract = [rest] if rest else [], True
        elif name in ("author", "doi"):
            found.setdefault(name, rest)
        elif not name and is_abstract:
            line, named = _without_preamble(line)
            found.setdefault("doi", named) if named else None
            line = _without_tail(line)
            kept += [line] if _WORD.search(line) and not _NOTHING.match(line) else []
    text = without_heading(_without_tail(" ".join(kept)))
    return Description(text, found.get("author", ""), found.get("doi", ""))


def without_heading(text: str) -> str:
    """Return an abstract without the word "Abstract" before it."""
    if _ABSTRACT_THINGS.match(text):
        return text
    return _BARE_HEADING.sub("", _HEADING.sub("", text))


def _lines(raw: str, dialects: tuple[Dialect, ...]) -> list[str]:
    found: list[str] = []
    for line in lines(raw[:40_000]):
        text = clean(line, dialects=dialects)
        found += _INNER_LABEL.split(text) if _LABEL.match(text) else [text]
    return [stripped for text in found if (stripped := text.strip())]


def _without_preamble(line: str) -> tuple[str, str]:
    for form in _PREAMBLES:
        if found := form.match(line):
            named = found.groupdict().get("doi") or ""
            return line[found.end() :].lstrip(" .:"), named.rstrip(".;,")
    return line, ""


def _without_tail(line: str) -> str:
    before = ""
    while before != line:
        before = line
        for form in _TAILS:
            line = form.sub("", line)
    return line.rstrip()
