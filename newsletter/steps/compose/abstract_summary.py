"""Select the two sentences of an abstract that say what was done and what the result is. Pure; no
word is added.

Each sentence gets two odds: that it says what was done, and that it says the result. Both are
linear in the cues below. The weights were fitted by logistic regression on 353 abstracts in which
readers had marked task, idea and result; `benchmarks/summary_quality` measures them. Fitted on one
half of them, both are said in .375 of the other half; words and pairs of words as cues found less
there. Talk of code, and what others lack, weigh against a sentence more than those readers' marks
say, as their abstracts have little of either. The position of a sentence has the largest weight, so
an abstract in a language without these cues still gets its first and last sentences.
"""

import re
from functools import lru_cache
from itertools import combinations
from math import exp
from typing import NamedTuple

from newsletter.steps.compose.prose import sentences, shorten, without_label

#: The most characters of the two sentences together.
SUMMARY_CHARACTERS = 340
#: An abstract with more sentences than this is an article: only its first ones are looked at.
SENTENCES = 40

_SUBJECT = (
    r"\b(?:we|paper|work|study|article|authors) (?:\w+ly |then |further |also |first |here )?"
)


class _Cue(NamedTuple):
    pattern: re.Pattern[str]
    weights: tuple[float, float]  #: what it adds to the odds of "was done" and of "result"


def _cue(pattern: str, done: float, out: float) -> _Cue:
    return _Cue(re.compile(pattern), (done, out))  # sentences are in lower case


#: Cues in a sentence.
_CUES = (
    _cue(
        _SUBJECT + "(?:propos|introduc|present|develop|describ|design|buil[dt]|creat|devis"
        "|formulat|construct|release|offer|provid|report|establish|contribut|implement)",
        0.48,
        -0.24,
    ),
    _cue(
        _SUBJECT + "(?:stud|investigat|examin|explor|analy|address|tackl|focus|consider"
        "|revisit|compar|evaluat|measur|aim|survey|review|use|apply|employ|extend|train|model"
        "|look|ask|perform|conduct|carry|take|adapt|leverag)",
        0.21,
        -0.02,
    ),
    _cue(
        r"\b(?:this|our) (?:paper|work|study|article|letter|thesis|survey|method|approach"
        r"|framework|model|system|algorithm)|\bhere,? we\b|\bin this\b",
        0.34,
        0.19,
    ),
    _cue(r"\b(?:called|named|dubbed|termed|novel|new)\b", 0.09, 0.09),
    _cue(
        r"\b(?:outperform|surpass|exceed|superior|state[- ]of[- ]the[- ]art|beats?|better than"
        r"|competitive|on par|comparable)",
        -0.16,
        0.57,
    ),
    _cue(
        r"\b(?:show|demonstrat|find|found|observ|reveal|prov|conclud|suggest|indicat|confirm"
        r"|discover|establish|verif|validat|illustrat)\w*,? (?:\w+ly )?"
        r"(?:that|how|the|its|our|a|significant|superior|strong|consistent|to)\b",
        -0.21,
        0.4,
    ),
    _cue(
        r"\b(?:results?|experiments?|evaluations?|simulations?|findings|empirical\w*"
        r"|experimental\w*|evidence|benchmarks?|datasets?)\b",
        -0.25,
        0.43,
    ),
    _cue(
        r"\b(?:improv|achiev|increas|reduc|attain|yield|obtain|boost|gain|enhanc|decreas"
        r"|accelerat|reach|enabl|lead)\w*",
        -0.06,
        0.36,
    ),
    _cue(r"\d", 0.13, 0.18),
    _cue(
        r"https?://|\b(?:code|github|available at|publicly|open[- ]source|project page"
        r"|dataset is)\b",
        -0.51,
        -0.75,
    ),
    _cue(
        r"\b(?:however|despite|although|while|yet|remains?|challeng\w*|limited|lack\w*"
        r"|suffer\w*|difficult|problem|existing|recent\w*|previous|prior|tradition\w*|current"
        r"|typically|often|widely|important|crucial)\b",
        -0.2,
        0.05,
    ),
    _cue(r"\bwe\b|\bour\b", 0.21, 0.26),
    _cue(
        "^(?:specifically|in particular|first|second|finally|moreover|furthermore|additionally"
        r"|also|then|next)\b",
        -0.05,
        -0.09,
    ),
    _cue(
        r"\b(?:significant|substantial|considerabl|dramatic|consistent|effective|efficien"
        r"|robust|accura)\w*",
        -0.08,
        0.18,
    ),
    _cue(
        "^(?:extensive|comprehensive|numerical|empirical|experimental|experiments?|results?"
        r"|evaluat\w+|through|on|when|compared"
        r"|our (?:results|experiments|findings|evaluation|analysis|method|model|approach))\b",
        -0.15,
        0.33,
    ),
)
#: Weights of where a sentence stands and how long it is, as `_place` gives them.
_PLACES = (
    (-0.89, -3.71),  # every sentence
    (-0.66, 0.54),  # how far down
    (-0.59, 0.61),  # that squared
    (1.05, -0.15),  # first
    (-0.31, 0.40),  # last
    (-0.35, -0.20),  # second
    (-0.05, -0.22),  # third
    (-0.18, 0.32),  # last but one
    (0.35, 0.25),  # its length, in 200 characters
    (-0.05, -0.07),  # short
    (0.20, 0.03),  # long
    (-0.27, -0.14),  # sentences of the abstract, in tens
    (-0.62, 0.30),  # how far down, times that
)
#: Characters of a short sentence, and of a long one.
_SHORT, _LONG = 60, 220


@lru_cache(maxsize=4096)  # a paper appears on several days
def summarize(abstract: str, limit: int = SUMMARY_CHARACTERS) -> str:
    """Select one or two whole sentences, in their order, of at most `limit` characters together. If
    no sentence is that short, return the beginning of the abstract, cut at a word.
    """
    text = without_label(abstract)
    found = sentences(text)[:SENTENCES]
    odds = [_odds(sentence, at, len(found)) for at, sentence in enumerate(found)]
    best, chosen = 0.0, ""
    for places in (*((at,) for at in range(len(found))), *combinations(range(len(found)), 2)):
        line = " ".join(found[at] for at in places)
        if len(line) > limit:
            continue
        not_done = not_out = 1.0
        for at in places:
            not_done *= 1 - odds[at][0]
            not_out *= 1 - odds[at][1]
        score = (1 - not_done) * (1 - not_out)
        if score > best:
            best, chosen = score, line
    return chosen or shorten(text)


def _odds(sentence: str, at: int, count: int) -> tuple[float, float]:
    """Return the odds that a sentence says what was done, and that it says the result."""
    text = sentence.lower()
    found = [cue.weights for cue in _CUES if cue.pattern.search(text)]
    place = _place(len(sentence), at, count)
    odds = []
    for which in (0, 1):
        total = sum(value * weights[which] for value, weights in zip(place, _PLACES, strict=True))
        total += sum(weights[which] for weights in found)
        odds.append(1 / (1 + exp(-total)))
    return odds[0], odds[1]


def _place(length: int, at: int, count: int) -> tuple[float, ...]:
    """Return where a sentence stands and how long it is, as numbers for `_PLACES`."""
    down = at / max(1, count - 1)
    return (
        1.0,
        down,
        down * down,
        at == 0,
        at == count - 1,
        at == 1,
        at == 2,
        at == count - 2,
        min(length, 400) / 200,
        length < _SHORT,
        length > _LONG,
        count / 10,
        down * count / 10,
    )
