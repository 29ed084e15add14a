"""Check summaries that a machine wrote. They are not trusted: an abstract may have told the machine
what to write.

No link, address, request or phone number reaches a reader, whatever the abstract says. A sentence
that shares too little with title and abstract is not about the paper and is removed (K46).
"""

import re

from newsletter.text.contacts import contact
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
#: Words that address the reader, wherever they stand; summaries of papers have none.
_READER = re.compile(
    r"\b(?:you|your|yours|yourself|yourselves|please|unsubscribe|dear (?:readers?|subscribers?|"
    r"users?|customers?|friends?)|"
    r"click(?:ing)? (?:here|on|the|this|that|below|now|link|to)|"
    r"(?:contact|call|e-?mail|text|message|write|ping|dm|pay|join|follow|visit) (?:us|me)\b|"
    r"send (?:us|me|money|cash|payments?|bitcoins?|crypto)\b|act now|hurry|limited offer|"
    r"gift cards?|scan (?:this|the) qr|follow (?:this|our) link|follow the link|"
    r"(?:reply|respond|answer) with (?:the|a|an|all|any) (?:code|password|pin|word|phrase|number|"
    r"address|login|token)|"
    r"(?:readers?|subscribers?|recipients?) (?:should|must|shall|can now|may now|need to|have to|"
    r"(?:are|is) (?:asked|invited|urged|advised|requested|required|encouraged))|"
    r"(?:the|this) reader (?:should|must|is (?:asked|invited|urged|advised))|"
    r"i am|i[\u2019']m|i cannot|i can[\u2019']t|i will not|i was (?:told|asked|instructed)|"
    r"as an ai(?: language)?(?: model)?(?=,)|my (?:instructions?|prompt|guidelines?|training)|"
    r"(?:ignore|disregard|forget|override|bypass)(?: all| any| the| these| those)? "
    r"(?:previous|prior|above|earlier|preceding|foregoing) (?:instructions?|prompts?|messages?|"
    r"text|rules?|directions?)|instructions? above|"
    r"for (?:more|further|full) (?:information|details|help|support),? (?:please )?"
    r"(?:visit|see|go|call|write|contact|e-?mail))\b",
    re.I,
)
#: Titles of papers that address somebody.
_TITLES = re.compile(
    r"\byou only \w+(?: once)?\b|\b(?:is|are) (?:all|what) you (?:need|see|get|want)\b|"
    r"\ball you need\b",
    re.I,
)
#: At the beginning of a sentence, a request. The first verbs are nothing else there; the others are
#: nouns too ("Contact with animals", "Call graphs"), so that what follows them decides.
_REQUEST = re.compile(
    r"(?:\A|[.!?:;\u2026\"\u201c(>\n])\W{0,6}"
    r"(?:then |now |just |simply |first |also |and |so )?(?:"
    r"(?:go|send|subscribe|enter|buy|pay|install|register|join|confirm|verify|submit|donate|"
    r"remember|forget|ignore|disregard|log[ -]?in|log[ -]?on|sign[ -]?in|sign[ -]?up|click|tap|"
    r"scan|reply|respond|paste|dial|invest|act|pretend|learn more|find out|try it|apply now|"
    r"tell|give|keep in mind|make sure|be sure|do not|don[\u2019']t|let)\s+"
    r"(?:the|this|that|these|those|our|us|me|it|here|now|a|an|all|any|every|at|to|with|in|on|for|"
    r"from|by|via|into|more|previous|prior|above|out|up|about|trust|forget|miss|believe|read)\b|"
    r"(?:visit|download|open|transfer|update|share|forward|provide|vote|get|claim|check|read|see|"
    r"call|e-?mail|mail|message|text|contact|use|run|copy|execute|output|print|press|type|watch|"
    r"follow|write|order|say|answer|repeat|translate|add|deposit|report|turn|switch|start|stop|"
    r"take|show|ask)\s+(?:the (?!(?:of|in)\b)|this\b|that\b|these\b|those\b|our\b|us\b|me\b|"
    r"it\b|here\b|now\b|a\b|an\b|all\b|my\b))",
    re.I,
)
#: The same in other languages, in which an abstract may address a model.
_FOREIGN = re.compile(
    r"\b(?:bitte|klicken? sie|klicke? (?:hier|auf)|besuchen? sie|besuche (?:die|unsere|uns)|"
    r"antworten sie|antworte mit|senden sie|schicken? sie|rufen sie|geben sie|öffnen sie|"
    r"melden sie sich|laden sie|folgen sie|ignorieren? (?:sie|alle)|ihr passwort|dein passwort|"
    r"ihre? (?:daten|kennwort)|"
    r"cliquez|veuillez|visitez|r[ée]pondez|envoyez|appelez|t[ée]l[ée]chargez|ignorez|"
    r"s['\u2019]il vous pla[îi]t|votre|vos|vous|"
    r"haga clic|haz clic|por favor|visite (?:nuestr|el|la)\w*|visita (?:nuestr|el|la)\w*|"
    r"responda con|responde con|env[íi]e|ll[áa]menos|llame al|descargue|ignore (?:todas|las)|"
    r"ignora (?:todas|las|le|tutte)|su contrase[ñn]a|tu contrase[ñn]a|contrase[ñn]a|usted(?:es)?|"
    r"clicca|cliccate|per favore|rispondi con|rispondete|inviate|invia la|chiamate|scaricate|"
    r"la tua|la vostra|"
    r"clique (?:aqui|no|em)|responda|sua senha|voc[êe]s?|baixe|ignore todas|"
    r"klik (?:hier|op)|alstublieft|uw (?:wachtwoord|gegevens)|bezoek (?:onze|de)|negeer|"
    r"proszę|kliknij|odwiedź|twoje hasło|zignoruj|"
    r"пожалуйста|перейдите|нажмите|отправьте|пароль|"
    r"lütfen|tıklayın|şifrenizi|klicka|vänligen|ditt lösenord)\b|"
    r"请|請|点击|點擊|クリック|ください|클릭|비밀번호|انقر|كلمة المرور|לחצו",
    re.I,
)
#: Letters outside the Latin and the Greek script, and so many of them as make a word or two.
_OTHER_LETTER = re.compile("[\u0400-\u1dff\u2c00-\ua71f\ua800-\ud7ff\uf900-\ufaff]")
_OTHER_SCRIPT = re.compile(rf"(?:{_OTHER_LETTER.pattern}\W*){{4,}}")
_SENTENCE = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[\"“‘(]*[^\Wa-z_])")


def objection(summary: str, source: str = "") -> str:
    """Say why a summary must not reach readers; "" when there is no reason.

    `source`: the paper's title and abstract, which may be in another script than Latin.
    """
    if what := contact(summary):
        return what
    plain = _TITLES.sub(" ", summary)
    for form, what in (
        (_READER, "words to the reader"),
        (_REQUEST, "a request"),
        (_FOREIGN, "words to the reader"),
    ):
        if form.search(plain):
            return what
    if _OTHER_SCRIPT.search(summary) and not _is_in_other_script(source):
        return "words in another script"
    return ""


def _is_in_other_script(text: str) -> bool:
    """Whether one letter in ten or more is neither Latin nor Greek."""
    letters = [c for c in text if c.isalpha()]
    return 10 * sum(bool(_OTHER_LETTER.match(c)) for c in letters) >= len(letters) > 0


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
