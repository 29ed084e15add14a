"""Types of matching: topics that readers share, what a query found, what was chosen for one
reader.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

from newsletter.models.papers import Paper


@dataclass(frozen=True, slots=True)
class Topic:
    """A named query over papers. Readers share topics; a reader's own query is a topic without a
    slug.
    """

    id: int
    slug: str
    name: str
    query: str  #: canonical form
    group: str = ""  #: heading on the preferences page; empty for a reader's own query
    description: str = ""
    is_curated: bool = False


#: the cut: papers with a lower score are not for the topic's readers; scores are calibrated per
#: topic
MATCH_CUT = 0.5


class Match(NamedTuple):
    """A paper found by a topic, above the cut."""

    paper: int  #: Paper.key
    score: float  #: relevance in [0, 1], comparable between topics
    words: tuple[str, ...] = ()  #: the words of the query that were found


@dataclass(frozen=True, slots=True, eq=False)
class Matches(Sequence[Match]):
    """What a query found, as columns: a run makes millions of matches, and few are read one by
    one.
    """

    papers: "NDArray[np.int64]"
    scores: "NDArray[np.float32]"
    asked: tuple[str, ...] = ()  #: the words of the query
    held: "NDArray[np.int64] | None" = None  #: bits of the words that each paper has; None = all

    @classmethod
    def of(cls, matches: Sequence[Match]) -> "Matches":
        """Return matches as columns, without their words."""
        if isinstance(matches, Matches):
            return matches
        import numpy as np

        papers, scores = [match.paper for match in matches], [match.score for match in matches]
        return cls(np.array(papers, np.int64), np.array(scores, np.float64))

    def __len__(self) -> int:
        return len(self.papers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as Python does for a class with __eq__

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        words = self.asked
        if self.held is not None:
            held = int(self.held[at])
            asked = (word for number, word in enumerate(self.asked) if held >> number & 1)
            words = tuple(dict.fromkeys(asked))
        return Match(int(self.papers[at]), float(self.scores[at]), words)


FOLLOWED = 0  #: Pick.topic of a paper by a followed author
OUTSIDE = -1  #: Pick.topic of a Surging paper outside the reader's topics
NEAR_GIVEN = -2  #: Pick.topic of a paper near the reader's examples


class Reason(NamedTuple):
    """A computed fact, not a sentence; compose puts it into words."""

    #: topic | title | abstract | keyword (found, but not word for word) | author | near (a liked
    #: paper) | given (an example) | picked (papers
    #: like it were) | outside
    kind: str
    #: the topic's name, the words found there, the author, the title of the paper it is near
    detail: str = ""


class Pick(NamedTuple):
    """One paper chosen for one reader."""

    paper: int  #: Paper.key
    topic: int  #: Topic.id, FOLLOWED, OUTSIDE or NEAR_GIVEN
    score: float
    match: float
    heat: float
    reasons: tuple[Reason, ...] = ()


class Opinions(NamedTuple):
    """What a reader said about papers."""

    votes: Mapping[int, int] = MappingProxyType({})  #: Paper.key -> 1 or -1
    #: examples of what the reader reads, also such as this site never showed
    given: tuple[Paper, ...] = ()


NO_OPINIONS = Opinions()


@dataclass(frozen=True, slots=True)
class Choice:
    """What choose decided for one reader. No picks = quiet."""

    picks: tuple[
        Pick, ...
    ] = ()  #: in the order of the letter: sections by best score, papers within a section by score
    passed: tuple[
        tuple[str, Pick], ...
    ] = ()  #: matches that are not in the letter, best first, each with the rule that kept it out
    considered: int = 0  #: papers that were considered ("out of 1,204")

    @property
    def left_out(self) -> dict[str, int]:
        """Return rule -> number of papers that it kept out."""
        return Counter(rule for rule, _ in self.passed)
