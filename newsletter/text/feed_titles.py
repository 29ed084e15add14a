"""Titles of papers in feeds, without what publishers and indexes put before and after them."""

import re

#: Text before a title: the place in the volume, the section, the form of a search result.
_BEFORE = (
    # MDPI: "Sensors, Vol. 21, Pages 1234: Counting cells"
    re.compile(r"\A[A-Z][\w &:,()'’-]{1,90}, Vol\. \d+, Pages? [\w–-]+: (?=\S)"),
    # ACS: "[ASAP] Counting cells"; Google Scholar: "[PDF] Counting cells"
    re.compile(
        r"\A[\[(](?:ASAP|HTML|PDF|BOOK|CITATION|B|C|Just Accepted|Early Access|"
        r"Open Access)[\])]\s*",
        re.I,
    ),
    # The Lancet: "[Articles] Counting cells"
    re.compile(
        r"\A\[(?:Articles?|Comment|Correspondence|Review|Series|Seminar|Editorial|Viewpoint|"
        r"Perspectives?|World Report|Health Policy|Personal View|Case Report|Clinical Picture|"
        r"Research Letters?|Research|Department of Error|Obituary|Original Article|News)\]\s*"
    ),
    re.compile(r"\A(?:Research Article|Original Article|Full Length Article):\s+(?=\S)", re.I),
)
#: Text after a title: the site on which it was found.
_BEHIND = re.compile(
    r"\s+(?:\|\s+(?:Nature(?: [A-Z]\w+){0,3}|Science(?: [A-Z]\w+)?|bioRxiv|medRxiv|PNAS|eLife|"
    r"PLOS [A-Z]\w+|Scientific Reports|Journal of [A-Z][\w ]{2,50}|The [A-Z][\w ]{2,40}|"
    r"OpenReview)|"
    r"[|–-]\s+(?:ScienceDirect|SpringerLink|Springer|Wiley Online Library|IEEE Xplore|PubMed|PMC|"
    r"Taylor & Francis(?: Online)?|ACM Digital Library|arXiv|ResearchGate|Semantic Scholar|"
    r"Hugging Face|alphaXiv))\s*\Z"
)
#: PubMed sets titles that it translated into brackets: "[Counting cells]."
_TRANSLATED = re.compile(r"\A\[([^\[\]]{10,})\]\.?\Z")


def read_title(title: str) -> str:
    """Return a title without what a feed adds to it."""
    shorter = ""
    while shorter != title:
        shorter = title
        for form in _BEFORE:
            title = form.sub("", title)
        title = _BEHIND.sub("", title)
    translated = _TRANSLATED.match(title)
    return (translated[1] if translated else title).strip() or shorter
