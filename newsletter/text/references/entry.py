"""What reading a text of references gives."""

from collections.abc import Iterable
from typing import NamedTuple

from newsletter.text.identifiers import arxiv_id, identifiers
from newsletter.text.markup import TITLE_CHARS, clean
from newsletter.text.titles import title_of

#: `Unread.why`: the line names no paper …
NO_PAPER = "no_paper"
#: … or its notation is not as its format says
BROKEN = "broken"


class Reference(NamedTuple):
    """A paper that a text names by identifiers, by its title, or by both."""

    line: int  #: where it begins, from 1
    identifiers: tuple[str, ...] = ()  #: canonical: "arxiv:2512.22525", "doi:10.1101/…"
    title: str = ""

    @property
    def name(self) -> str:
        """What to call it: its title, else its first identifier."""
        return self.title or self.identifiers[0]


class Unread(NamedTuple):
    """A line, or an entry of several, that names no paper. `why` is NO_PAPER, BROKEN, "too_many"
    or "too_long".
    """

    line: int
    text: str  #: its beginning
    why: str


class References(NamedTuple):
    found: tuple[Reference, ...]
    unread: tuple[Unread, ...]


def entry(line: int, names: Iterable[str], title: str, shown: str) -> Reference | Unread:
    """Make a reference of what its fields say; `names` hold identifiers or nothing, and `shown` is
    told where there is neither identifier nor title.
    """
    found: dict[str, None] = {}
    for name in names:
        if bare := arxiv_id(name):
            found[f"arxiv:{bare[0]}"] = None
        found.update(dict.fromkeys(identifiers([name])))
    title = clean(title, TITLE_CHARS)
    if not is_title(title):
        title = ""
    if not found and not title:
        return Unread(line, clean(shown, 80), NO_PAPER)
    return Reference(line, tuple(found), title)


def is_title(text: str, words: int = 1) -> bool:
    """Whether a text may be the title of a paper: it has so many telling words at least, and names
    more than a kind of text ("Editorial").
    """
    title = title_of(text)
    telling = [word for word in title.content if len(word) > 2 and not word.isdigit()]
    return len(telling) >= words and not title.is_generic
