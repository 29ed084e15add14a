"""Identifiers found in links, guids and reference fields, in the canonical form that names a paper
everywhere.

"arxiv:2512.22525", "arxiv:hep-ex/0307015", "doi:10.1101/2025.01.02.345678", "openreview:AbC123",
"pmid:34812345", "pmc:PMC8123456". Versions are not part of a name.

A DOI is read where the text holds one ("10.1371/…"), and its end is told from what publishers hang
behind it; or it is made from the number in a link, where a publisher makes its DOIs so.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, unquote, urlsplit

#: YYMM.NNNN (0704-1412), YYMM.NNNNN (since 1501), archive[.XX]/YYMMNNN before
#: (arxiv_identifier.md).
_ID = (
    r"(?P<id>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z][a-z\-]+(?:\.[A-Z]{2})"
    r"?/\d{7})(?:v(?P<version>\d{1,3}))?(?!\d)"
)
_ARXIV_BARE = re.compile(rf"{_ID}\Z")
_ARXIV = re.compile(
    r"(?:arxiv\.org/(?:abs|pdf|html|ps|format|e-print|src|a[bu]s/physics)/|oai:arxiv\.org:|"
    r"\barxiv:\s?|(?:huggingface\.co|hf\.co)/papers/|alphaxiv\.org/(?:abs|pdf|overview|html)/|"
    r"scirate\.com/arxiv/|arxiv-vanity\.com/papers/|ar5iv(?:\.labs\.arxiv)?\.org/(?:abs|html)/|"
    r"emergentmind\.com/papers/|10\.48550/arxiv\.|semanticscholar\.org/arxiv/|"
    r"(?:xxx\.lanl\.gov|arxiv\.\w{2,3}(?:\.\w\w)?)/(?:abs|pdf)/)"
    rf"{_ID}",
    re.I,
)
#: ADS and DBLP write an arXiv number without its dot, as a part of their own names.
_ARXIV_NAMED = re.compile(
    r"adsabs\.harvard\.edu/abs/\d{4}arXiv(\d{4})(\d{5})|dblp\.\S+?/corr/abs-(\d{4})-(\d{4,5})\b",
    re.I,
)
#: Older DOIs have an item's page and title code in angle brackets (SICI):
#: "…(1992)049<0608:ASOTSR>2.0.CO;2".
_DOI = re.compile(r"\b10\.\d{4,9}/(?:[^\s\"<>]|<\w+:[^<>\s\"]*>(?=\d))+")
#: What publishers append to a DOI in a link.
_VIEWS = (
    "full|abstract|abs|pdf|pdfdirect|pdfplus|epdf|epub|meta|summary|html|xml|fulltext|full-text|"
    "ampdf|suppl_file|suppl|supplementary|"
    "supplements|supplemental|references|figures?|tables?|metrics|"
    "comments|citations?|citedby|related|asset|download|title|toc|tab-[a-z-]+|read|preview|image"
)
_DOI_TAIL = re.compile(
    rf"/(?:{_VIEWS})(?:[./].*)?\Z"
    r"|\.(?:full|abstract|pdf|short|long|extract|article-info|figures-only|full-text|html?|"
    r"xml|epub)"
    r"(?:[./].*)?\Z"
    r"|[.,;:'\"\]}>]+\Z|&\w+=.*\Z|;jsessionid=.*\Z",
    re.I,
)
#: A version behind a preprint's DOI: bioRxiv and medRxiv, papers before print at BMJ, OSF.
_VERSIONS = (
    re.compile(r"\A(10\.(?:1101|64898)/(?:\d{4}\.\d\d\.\d\d\.)?\d+)v\d+.*\Z"),
    re.compile(r"\A(10\.1136/[a-z]+-\d{4}-\d+)v\d+.*\Z"),
    re.compile(r"\A(10\.312\d\d/osf\.io/[a-z0-9]{5})_v\d+\Z"),
)
#: Links that search engines make, with the address that they lead to.
_REDIRECT = re.compile(
    r"https?://(?:scholar|www)\.google\.[a-z.]{2,6}/(?:scholar_url|url)\?(?:[^#]*&)?"
    r"(?:url|q)=(https?[^&]+)",
    re.I,
)
#: Pages of Silverchair's platform end with the number of the article and words of its title.
_SILVERCHAIR = re.compile(
    r"(?:academic\.oup\.com|pubs\.aip\.org|direct\.mit\.edu|rupress\.org|portlandpress\.com|"
    r"asmedigitalcollection|ashpublications\.org|iwaponline\.com|geoscienceworld\.org|"
    r"jamanetwork\.com|pubs\.asahq\.org|diabetesjournals\.org|karger\.com|watermark\.silverchair|"
    r"emerald\.com|royalsocietypublishing\.org|hogrefe|aacrjournals\.org|jov\.arvojournals\.org)",
    re.I,
)
_ARTICLE_NUMBER = re.compile(r"\A(.+?)/\d{4,12}(?:/[^/]*)*\Z")
_OUP = re.compile(r"\A(10\.1093/[a-z]+/[a-z0-9.]+)/\d{4,12}\Z")


def _nature(found: re.Match[str]) -> str:
    return f"10.1038/{found[1]}"


#: Links with a number from which the publisher makes the DOI.
_MADE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.I), made)
    for pattern, made in (
        (
            r"//(?:www\.)?nature\.com/articles/"
            r"((?:[sd]?4\d{4}-\d{3}-\d{4,5}-[\dxyz])|d\d{5}-\d{3}-\d{5}-[\dxyz]|"
            r"[a-z]{3,12}[.\d]\d[\w.]*?)"
            r"(?:\.e?pdf|_reference\.pdf|/.*)?(?:[?#].*)?\Z",
            _nature,
        ),
        (r"//feeds\.nature\.com/\S*?([sd]?4\d{4}-\d{3}-\d{4,5}-[\dxyz])\b", _nature),
        (
            r"sciencemag\.org/\S*?/((?:science|sciadv|scitranslmed|scisignal|sciimmunol|"
            r"scirobotics)\.[a-z]{3}\d{4})\b",
            lambda f: f"10.1126/{f[1]}",
        ),
        (r"pnas\.org/content/\d+/\d+/e(\d{10})\b", lambda f: f"10.1073/pnas.{f[1]}"),
        (
            r"thelancet\.com/\S*?PII(S\d{4}-\d{3}[\dX]\(\d\d\)\d{5}-[\dX])",
            lambda f: f"10.1016/{f[1]}",
        ),
        (
            r"(?:biotaxa\.org|mapress\.com)/\S*?/((?:phyto|zoo)taxa\.\d+\.\d+\.\d+)\b",
            lambda f: f"10.11646/{f[1]}",
        ),
        (r"bmj\.com/content/\d+/(bmj[.-][a-z\d]+(?:-\d+)?)\b", lambda f: f"10.1136/{f[1]}"),
        (r"dl\.acm\.org/citation\.cfm\?doid=(\d+\.\d+)", lambda f: f"10.1145/{f[1]}"),
        (r"xlink\.rsc\.org/\?doi=([a-z]\d[a-z]{2}\d{5}[a-z])\b", lambda f: f"10.1039/{f[1]}"),
        (
            r"//psyarxiv\.com/([a-z0-9]{5})(?:_v\d+)?(?:[/?#]|\Z)",
            lambda f: f"10.31234/osf.io/{f[1]}",
        ),
        (
            r"assets\.researchsquare\.com/files/(rs-\d+)/(v\d+)",
            lambda f: f"10.21203/rs.3.{f[1]}/{f[2]}",
        ),
        (r"ssrn\.com/\S*?SSRN_ID(\d{3,8})", lambda f: f"10.2139/ssrn.{f[1]}"),
        (
            r"//elifesciences\.org/(?:articles|reviewed-preprints)/(\d{4,6})",
            lambda f: f"10.7554/elife.{f[1]}",
        ),
        (
            r"//peerj\.com/(?:articles|preprints)/(\d{1,6})(?![\w-])",
            lambda f: f"10.7717/peerj.{f[1]}",
        ),
        (
            r"//peerj\.com/articles/(cs|pchem|ochem|ichem|achem|matsci)-(\d+)",
            lambda f: f"10.7717/peerj-{f[1]}.{f[2]}",
        ),
        (
            r"//(?:www\.)?(?:aclanthology\.org|aclweb\.org/anthology)/"
            r"(\d{4}\.[\w-]+\.\d+|[A-Z]\d{2}-\d{4})",
            lambda f: f"10.18653/v1/{f[1]}",
        ),
        (
            r"//(?:www\.)?(?:bio|med)rxiv\.org/content/(?:bio|med)?(?:rxiv/)?early/\d{4}/\d\d/\d\d/"
            r"((?:\d{4}\.\d\d\.\d\d\.)?\d{6,8})",
            lambda f: f"10.1101/{f[1]}",
        ),
        (r"//zenodo\.org/records?/(\d{3,9})", lambda f: f"10.5281/zenodo.{f[1]}"),
        (
            r"//(?:papers\.)?ssrn\.com/(?:sol3/papers\.cfm\?.*?abstract_id=|abstract=)(\d{3,8})",
            lambda f: f"10.2139/ssrn.{f[1]}",
        ),
        (
            r"//(?:www\.)?researchsquare\.com/article/(rs-\d+)(?:/(v\d+))?",
            lambda f: f"10.21203/rs.3.{f[1]}/{f[2] or 'v1'}",
        ),
        (
            r"//(?:www\.)?preprints\.org/manuscript/(\d{6}\.\d{4})(?:/(v\d+))?",
            lambda f: f"10.20944/preprints{f[1]}.{f[2] or 'v1'}",
        ),
        (
            r"//pubs\.rsc\.org/\w\w/content/article\w+/\d{4}/\w+/([a-z]\d[a-z]{2}\d{5}[a-z])\b",
            lambda f: f"10.1039/{f[1]}",
        ),
        (
            r"//(?:www\.|downloads\.)?hindawi\.com/(?:journals/[\w-]+|articles)/(\d{4}/\d{5,8})\b",
            lambda f: f"10.1155/{f[1]}",
        ),
        (
            r"//osf\.io/preprints/(?:osf/)?([a-z0-9]{5})(?:_v\d+)?/?(?:[?#].*)?\Z",
            lambda f: f"10.31219/osf.io/{f[1]}",
        ),
        (
            r"//osf\.io/preprints/psyarxiv/([a-z0-9]{5})(?:_v\d+)?",
            lambda f: f"10.31234/osf.io/{f[1]}",
        ),
        (
            r"//osf\.io/preprints/socarxiv/([a-z0-9]{5})(?:_v\d+)?",
            lambda f: f"10.31235/osf.io/{f[1]}",
        ),
    )
)
_PUBMED = re.compile(
    r"(?:\bpubmed:\s?|\bpmid:?\s?|pubmed\.ncbi\.nlm\.nih\.gov/(?:\?term=)?|"
    r"ncbi\.nlm\.nih\.gov/(?:m/)?pubmed/(?:\?term=)?|"
    r"europepmc\.org/(?:article|abstract)/med/)(\d{4,9})\b",
    re.I,
)
_PMC = re.compile(
    r"(?:(?:ncbi\.nlm\.nih\.gov|pmc\.ncbi\.nlm\.nih\.gov)/(?:pmc/)?articles/|"
    r"europepmc\.org/(?:articles?|abstract)/(?:pmc/)?|\bpmcid:?\s?)(?:PMC)?(\d{4,9})\b",
    re.I,
)


def arxiv_id(text: object) -> tuple[str, int] | None:
    """Read an arXiv id from an id, a guid or a link: (id without version, version; 1 if none is
    named).
    """
    if not isinstance(text, str):
        return None
    found = _ARXIV_BARE.match(text.strip()) or _ARXIV.search(text)
    return (found["id"], int(found["version"] or 1)) if found else None


def doi(text: object) -> str:
    """Return a DOI in lower case, or "". Links of pages are cut to the work: no query, no "/full",
    no version.
    """
    if not isinstance(text, str):
        return ""
    text = unquote(text[:2000]).replace("&amp;", "&")
    path, query = _cut(text)
    found = _DOI.search(path) or _in_query(query)
    if not found:
        return next((made(link).lower() for of, made in _MADE if (link := of.search(text))), "")
    name = _work(found[0].lower(), text)
    return name if len(name) <= 200 and not name.endswith("/") else ""


def _cut(text: str) -> tuple[str, str]:
    """Return a link without what follows its path, and its query. "#" and "?" never occur in a
    SICI.
    """
    path, _, query = text.partition("?")
    return path.split("#")[0], query.split("#")[0]


def _in_query(query: str) -> re.Match[str] | None:
    """Return the DOI in a link's query: "?id=10.1371/…", "?doi=10.…"."""
    for part in query.split("&"):
        key, _, value = part.partition("=")
        is_name = key.lower() in ("id", "doi", "uri", "article", "ref_doi")
        if (is_name or value.startswith("10.")) and (found := _DOI.search(value)):
            return found
    return None


def _work(name: str, link: str) -> str:
    """Return a DOI without what a link appends to it."""
    shorter = ""
    while shorter != name:
        shorter, name = name, _DOI_TAIL.sub("", name)
        if name.endswith(")") and name.count("(") < name.count(")"):
            name = name[:-1]
    article = _OUP.match(name)
    if not article and _SILVERCHAIR.search(link):
        article = _ARTICLE_NUMBER.match(name)
    name = article[1] if article else name
    for version in _VERSIONS:
        name = version.sub(r"\1", name)
    return name


def identifiers(texts: Iterable[object]) -> tuple[str, ...]:
    """Return the identifiers of one paper in its links and ids, each once, sorted by kind.

    Pass only fields that name the paper itself: an abstract may cite others.
    """
    found: list[str] = []
    for text in texts:
        if isinstance(text, str) and len(text) <= 2_000:
            found += _all_in(text)
    return tuple(
        sorted(dict.fromkeys(found), key=lambda name: name.split(":")[0])
    )  # arxiv, doi, openreview, pmc, pmid


def _all_in(text: str) -> list[str]:
    text = _led_to(text)
    if named := _ARXIV_NAMED.search(text):
        return [f"arxiv:{named[1] or named[3]}.{named[2] or named[4]}"]
    if arxiv := _ARXIV.search(unquote(text)):
        return [f"arxiv:{arxiv['id']}"]
    found = []
    if name := doi(text):
        found.append(f"doi:{name}")
    if pubmed := _PUBMED.search(text):
        found.append(f"pmid:{pubmed[1]}")
    if central := _PMC.search(text):
        found.append(f"pmc:PMC{central[1]}")
    if "openreview.net/" in text and (forum := _openreview(text)):
        found.append(f"openreview:{forum}")
    return found


def _led_to(link: str) -> str:
    """Return the address that a search engine's link leads to; every other text stays."""
    if not (found := _REDIRECT.match(link.replace("&amp;", "&"))):
        return link
    return unquote(found[1])


def _openreview(link: str) -> str:
    try:
        ids = parse_qs(urlsplit(link.replace("&amp;", "&")).query).get("id", [""])
    except ValueError:
        return ""
    return ids[0] if re.fullmatch(r"[\w\-]{4,40}", ids[0]) else ""
