"""A line that somebody typed or copied: identifiers, links, a title, or a citation."""

import re
from collections.abc import Iterator

from newsletter.text.identifiers import arxiv_id, identifiers
from newsletter.text.markup import TITLE_CHARS, clean
from newsletter.text.references.entry import NO_PAPER, Reference, Unread, is_title

#: A line of fewer telling words may be anything.
TITLE_WORDS = 3
#: "1.", "[12]", "(3)", "-", "*", "•" before what a list says; a number of an arXiv id is none.
_BULLET = re.compile(r"\s*(?:[-*•–—·>]\s+|\[\d{1,4}\]\s*|\(?\d{1,4}[.)]\s+)")
#: Between identifiers that stand without a blank.
_BETWEEN = re.compile(r"[,;|]+(?=10\.\d{4,9}/|https?://|(?i:arxiv|doi|pmid):|\d{4}\.\d{4,5}|\Z)")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_QUOTED = re.compile(r"[\"“„«]\s*([^\"“”„«»]{12,300}?)[,.]?\s*[\"”“»]")
#: "Vaswani, A. (2017). Attention is all you need. NeurIPS": the title stands behind the year.
_BEHIND_YEAR = re.compile(
    r"\((?:19|20)\d\d[a-z]?(?:,[^)]{1,20})?\)[.,:]?\s+(.{8,300}?)(?:[.?!]\s|\Z)"
)
#: A line that says nothing: a rule, a comment of BibTeX.
_SILENT = re.compile(r"\s*(?:%.*|[-=_*#~.\s]*)\Z")


def read_line(text: str, line: int) -> Iterator[Reference | Unread]:
    """Read one line. Where it holds nothing but identifiers, each is a paper; beside other words
    all of them name one.
    """
    if _SILENT.match(text):
        return
    said = _BULLET.sub("", text[:4000], count=1).strip()
    parts = [part for word in said.split() for part in _BETWEEN.split(word.strip("<>\"'")) if part]
    named = [_names(part) for part in parts]
    if all(named):
        for names in dict.fromkeys(named):
            yield Reference(line, names)
        return
    names = tuple(dict.fromkeys(name for part in named for name in part)) or identifiers([said])
    title = _title(said)
    if names:
        yield Reference(line, names, title if _is_citation(said) else "")
    elif title:
        yield Reference(line, (), title)
    else:
        yield Unread(line, clean(text, 80), NO_PAPER)


def _names(part: str) -> tuple[str, ...]:
    """The identifiers of one word; a mark that ends a sentence is not part of it."""
    part = part.strip(",;|()[]") if not part.startswith("10.") else part.rstrip(",;|.")
    if bare := arxiv_id(part.rstrip(".")):
        return (f"arxiv:{bare[0]}",)
    return identifiers([part])


def _is_citation(text: str) -> bool:
    return bool(_QUOTED.search(text) or _BEHIND_YEAR.search(text))


def _title(text: str) -> str:
    """The title in a citation, or the whole line where it may be one; "" if there is none."""
    found = _QUOTED.search(text) or _BEHIND_YEAR.search(text)
    title = clean(found[1] if found else text.strip("\"'“”„«» "), TITLE_CHARS + 1)
    if len(title) > TITLE_CHARS or _LINK.search(title):
        return ""
    return title if is_title(title, TITLE_WORDS) else ""
