"""Check summaries that a machine wrote. They are not trusted: an abstract may have told the machine
what to write.

No link, address, request or phone number reaches a reader, whatever the abstract says. A sentence
that shares too little with title and abstract is not about the paper and is removed (K46).
"""

import re

from newsletter.text.titles import plain_words

#: A sentence is about the paper if at least this share of its content words is in the source.
HELD = 0.2
#: A source with fewer content words than this cannot be compared.
TELLING = 12
_SMALL = frozenset(
    """a about after all also an and approach are as at authors be been between both but by can
    could do does find for found from has have how in into introduce is it its may method
    might more most much new not of on one only or other our over paper present propose
    results said says show shows study such team than that the their them then there these
    they this those through to under up use used uses using very was way ways we were what
    when where which while who why will with within without work
    would""".split()  # noqa: SIM905  (a list would be longer than the words)
)
_TLD = (
    r"com|net|org|io|ai|dev|app|co|info|biz|xyz|top|site|online|club|shop|me|us|uk|de|fr|ru|"
    r"cn|in|eu|"
    r"edu|gov|ly|gg|to|tv|cc|link|click|page|cloud|live|news|pro|tech|store|space|website|"
    r"icu|int|ch|"
    r"at|nl|it|es|pl|br|jp|kr|ca|au|zip|mobi|work|today|life"
)
#: What a reader could follow: links with and without a scheme, also spelled out.
_ADDRESS = re.compile(
    rf"://|\bwww\.|\bh(?:tt|xx)ps?\b|\S@\S|\b(?:[a-z0-9-]+\.)+(?:{_TLD})\b(?!\.[a-z])|"
    r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)+/\S|\[\.\]|\(dot\)|\bdot (?:com|net|org|io)\b|[\[(]at[\])]|"
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\]\(",
    re.I,
)
_PHONE = re.compile(r"\+\s?\d[\d\s().-]{5,}\d|\b\d{2,4}(?:[\s().-]{1,2}\d{2,4}){2,}\b|\b\d{9,}\b")
#: Words that address the reader; summaries of papers have none.
_READER = re.compile(
    r"\b(?:you|your|yours|yourself|please|click|log[ -]?in|sign[ -]?in|sign up|unsubscribe|"
    r"reply (?:with|to)|respond (?:with|to)|(?:contact|call|email|e-mail|text|message|write|"
    r"pay|tell) "
    r"(?:us|me|now|to)|send (?:us|me|it|money|an?)|act now|urgent(?:ly)?|dear (?:reader|"
    r"subscriber|user)|"
    r"(?:ignore|disregard) (?:all|any|the|previous|prior|above)|as an ai|system prompt|"
    r"instructions? above|"
    r"follow (?:this|the|our) link|scan (?:this|the) (?:qr|code)|gift cards?|for more "
    r"(?:information|details),? "
    r"(?:visit|see|go|call))\b",
    re.I,
)
_REQUEST = re.compile(
    r"(?:\A|[.!?:]\s+)(?:visit|go|send|download|subscribe|enter|open|buy|pay|transfer|"
    r"install|register|"
    r"join|confirm|verify|update|share|forward|provide|submit|vote|donate|remember|get|"
    r"claim|check|read|see|"
    r"reply|call|email|contact)\s+(?:the|this|that|these|our|us|me|at|to|with|here|now|in|"
    r"on|for|a|an|it|all)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[\"“‘(]*[^\Wa-z_])")


def objection(summary: str) -> str:
    """Return why a summary must not reach readers; "" when it may."""
    for form, what in (
        (_ADDRESS, "an address"),
        (_PHONE, "a phone number"),
        (_READER, "words to the reader"),
        (_REQUEST, "a request"),
    ):
        if form.search(summary):
            return what
    return ""


def about(summary: str, source: str) -> str:
    """Return the sentences of a summary that are about its source, the paper's title and
    abstract.
    """
    words = {word for word in plain_words(source) if word not in _SMALL}
    if len(words) < TELLING:
        return summary
    held = {_stem(word) for word in words}
    return " ".join(one for one in _SENTENCE.split(summary) if _is_held(one, held))


def _is_held(sentence: str, held: set[str]) -> bool:
    words = {_stem(word) for word in plain_words(sentence) if word not in _SMALL}
    return not words or len(words & held) >= HELD * len(words)


def _stem(word: str) -> str:
    """Return a word without its ending: "radios", "radio"; "stabilised", "stabilises"."""
    return word[:6] if len(word) > 7 else word.removesuffix("s")
