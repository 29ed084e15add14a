"""Why a topic brought a paper: which words of the query it has, and where. Pure."""

from collections.abc import Sequence
from functools import lru_cache

from newsletter.matching.tokenizer import stems, tokens
from newsletter.models import Match, Paper, Reason, Topic

Terms = tuple[str, ...]


def reasons_for(topic: Topic, found: Match, paper: Paper) -> tuple[Reason, ...]:
    """Return the topic's name, then its words in the title, then those that are only in the
    abstract.

    A word that is in neither as it was written (a long form beside its acronym, an author) is a
    keyword without a place. Words that are together in the query and in the paper are told
    together.
    """
    reasons = [Reason("topic", topic.name)]
    in_title = _together(found.words, _terms(paper.title))
    missing = tuple(word for word in found.words if word not in in_title)
    if in_title:
        reasons.append(Reason("title", ", ".join(_phrases(in_title))))
    if missing:
        in_abstract = _together(missing, _terms(paper.abstract))
        if in_abstract:
            reasons.append(Reason("abstract", ", ".join(_phrases(in_abstract))))
        elif not in_title:
            reasons.append(Reason("keyword", missing[0]))
    return tuple(reasons)


Found = dict[str, tuple[int, int]]  #: a word of the query -> (its first place, the place after it)


def _together(words: Sequence[str], terms: Terms) -> Found:
    """Find words of a query among the terms of a text. A word that follows another one in the query
    is searched directly after it first.
    """
    found: Found = {}
    end = -1
    for word in words:
        wanted = _asked(word)
        at = end if end >= 0 and terms[end : end + len(wanted)] == wanted else _find(wanted, terms)
        if at >= 0:
            found[word] = (at, at + len(wanted))
        end = at + len(wanted) if at >= 0 else -1
    return found


def _phrases(found: Found) -> list[str]:
    """Return neighbouring words of the query joined, in the order of the query."""
    phrases: list[str] = []
    end = -1
    for word, (start, behind) in found.items():
        if start == end:
            phrases[-1] += f" {word}"
        else:
            phrases.append(word)
        end = behind
    return phrases


def _find(wanted: Terms, terms: Terms) -> int:
    if not wanted or wanted[0] not in terms:
        return -1
    if len(wanted) == 1:
        return terms.index(wanted[0])
    for at in range(len(terms) - len(wanted) + 1):
        if terms[at] == wanted[0] and terms[at : at + len(wanted)] == wanted:
            return at
    return -1


@lru_cache(maxsize=20_000)
def _terms(text: str) -> Terms:
    return tuple(term for token in tokens(text) for term in stems(token))


@lru_cache(maxsize=100_000)
def _asked(word: str) -> Terms:
    return _terms(word)
