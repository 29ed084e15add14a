"""Identifiers found in links, guids and reference fields, in the canonical form that names a paper
everywhere.

"arxiv:2512.22525", "arxiv:hep-ex/0307015", "doi:10.1101/2025.01.02.345678", "openreview:AbC123",
"pmid:34812345". Versions are not part of a name.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

#: YYMM.NNNN (0704-1412), YYMM.NNNNN (since 1501), archive[.XX]/YYMMNNN before
#: (arxiv_identifier.md).
_ID = (
    r"(?P<id>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z][a-z\-]+(?:\.[A-Z]{2})"
    r"?/\d{7})(?:v(?P<version>\d{1,3}))?(?!\d)"
)
_ARXIV_BARE = re.compile(rf"{_ID}\Z")
_ARXIV = re.compile(
    rf"(?:arxiv\.org/(?:abs|pdf|html|ps|format)/|oai:arxiv\.org:|\barxiv:\s?|"
    rf"huggingface\.co/papers/|alphaxiv\.org/abs/"
    rf"|10\.48550/arxiv\.){_ID}",
    re.I,
)
#: Older DOIs hold an item's page and title code in angle brackets:
#: "…(1992)049<0608:ASOTSR>2.0.CO;2".
_DOI = re.compile(r"\b10\.\d{4,9}/(?:[^\s\"<>]|<\w+:[^<>\s\"]*>(?=\d))+")
#: What publishers hang behind a DOI in a link, and the version of a preprint server's page.
_DOI_TAIL = re.compile(
    r"(?:/(?:full|abstract|pdf|epdf|epub|meta|summary|html|fulltext|suppl_file)"
    r"|\.(?:full|abstract|pdf|short|article-info))"
    r"(?:[./].*)?\Z|[.,;:'\"\])}>]+\Z"
)
_PREPRINT_VERSION = re.compile(r"\A(10\.(?:1101|64898)/(?:\d{4}\.\d\d\.\d\d\.)?\d+)v\d+.*\Z")
_PUBMED = re.compile(
    r"(?:\bpubmed:\s?|\bpmid:\s?|pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/"
    r"pubmed/)(\d{4,9})\b",
    re.I,
)


def arxiv_id(text: object) -> tuple[str, int] | None:
    """Read an arXiv id out of an id, a guid or a link: the id without version, and the version (1
    if none is named).
    """
    if not isinstance(text, str):
        return None
    found = _ARXIV_BARE.match(text.strip()) or _ARXIV.search(text)
    return (found["id"], int(found["version"] or 1)) if found else None


def doi(text: object) -> str:
    """Read a DOI in lower case, or "". Page links are cut back to the work: no query, no "/full",
    no version.
    """
    if not isinstance(text, str):
        return ""
    found = _DOI.search(unquote(text[:2000]).split("?")[0].split("#")[0])
    if not found:
        return ""
    name = found[0].lower()
    while (shorter := _DOI_TAIL.sub("", name)) != name:
        name = shorter
    name = _PREPRINT_VERSION.sub(r"\1", name)
    return name if len(name) <= 200 and not name.endswith("/") else ""


def identifiers(texts: Iterable[object]) -> tuple[str, ...]:
    """Find the identifiers of one paper in its links and ids; each once, sorted by kind.

    Give it only fields that name the paper itself: an abstract may cite others.
    """
    found: list[str] = []
    for text in texts:
        if isinstance(text, str) and len(text) <= 2_000:
            found += _all_in(text)
    return tuple(
        sorted(dict.fromkeys(found), key=lambda name: name.split(":")[0])
    )  # arxiv, doi, openreview, pmid


def _all_in(text: str) -> list[str]:
    if arxiv := _ARXIV.search(text):
        return [f"arxiv:{arxiv['id']}"]
    found = []
    if name := doi(text):
        found.append(f"doi:{name}")
    if pubmed := _PUBMED.search(text):
        found.append(f"pmid:{pubmed[1]}")
    if "openreview.net/" in text and (forum := _openreview(text)):
        found.append(f"openreview:{forum}")
    return found


def _openreview(link: str) -> str:
    try:
        ids = parse_qs(urlsplit(link).query).get("id", [""])
    except ValueError:
        return ""
    return ids[0] if re.fullmatch(r"[\w\-]{4,40}", ids[0]) else ""
