"""What occurs beside names in author lists: titles, degrees, marks, initials, numbers, addresses,
roles, institutions. `lists` uses these forms.
"""

import re

WIDE = str.maketrans(
    {
        "；": ";",
        "؛": ";",
        "、": ",",
        "，": ",",
        "،": ",",
        "﹐": ",",
        "‚": ",",
        "（": "(",
        "）": ")",
        "\xa0": " ",
    }
)
_UPPER = "".join(c for c in map(chr, range(0x41, 0x530)) if c.isupper())
_U = f"[{_UPPER}]"
AND = re.compile(r"(?:,\s*|\s+)(?:and|&|und|et(?!\s+al\b))\s+", re.I)
#: "y" and "e" also join the two last names of one person: "Ortega y Gasset".
AND_BETWEEN_NAMES = re.compile(r"(\S+\s+\S.*?)\s+[ye]\s+(\S+\s+\S.*)")
ET_AL = re.compile(
    r"[,;]?\s*(?:\bet\s+al\b\.?|"
    r"(?:\band\s+|\+\s?)(?:\d+\s+)?(?:others|more|colleagues|co-?workers|co-?authors)\b|…|"
    r"\.\.\.|\bu\.\s?a\.|\bи\s+др\.?|\b[ye]t?\s+(?:otros|outros|autres)\b|等|ほか)\s*\Z",
    re.I,
)
_BEFORE = re.compile(
    r"\A(?:by|authors?|autore?s?|auteurs?|autor(?:en|inn?en)?|von|par|por|作者|著者)\s*[:：]\s*|"
    r"\A(?:(?:written|posted) )?by\s+(?=[A-Z])",
    re.I,
)
PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|das|du|la|le|ter|ten|zu|af|al|el|bin|ibn|y)"
LOWER_FIRST = re.compile(rf"{PARTICLE}\s")
#: One to four initials, with or without dots, hyphens and a particle: "J.", "E. A.", "J.-P.", "JA".
INITIALS = re.compile(rf"(?:{_U}\.?[\s\-‐]?){{1,4}}(?:\s*(?i:{PARTICLE})\b)*\s*\.?\Z")
_SUFFIXES = r"(?:Jr|Sr|Snr|Jnr|II|III|IV|2nd|3rd)"
SUFFIX = re.compile(rf"{_SUFFIXES}\.?\Z", re.I)
#: "Doe J", "Souza AC de", "Roe R 3rd"
VANCOUVER = re.compile(
    rf"(?P<last>[^\W\d_][^\d,;]*?)\s+(?P<initials>(?:{_U}\.?[\s\-]?){{1,4}})"
    rf"(?:\s*(?<=\s)(?P<particle>{PARTICLE}(?:\s{PARTICLE})*))?"
    rf"(?:\s*(?<=\s)(?P<suffix>{_SUFFIXES}\.?))?\Z"
)
#: "Wei WANG": a list in this style holds no initials behind names, so "Na LI" is one too.
CAPITAL_LAST = re.compile(rf"\A[^,]*[a-z]\s{_U}{{4,}}\Z")
#: "Jane B.", which behind a last name is given names
GIVEN = re.compile(rf"[^\W\d_]\S*(?:\s{_U}\.?)*\Z")
_OF_DOCTORS = r"(?:rer\.?(?:\s?\w{2,4}\.)*|med\.?(?:\s?\w{2,4}\.)*|phil\.?|Ing\.?)"
DEGREES = re.compile(
    r"(?:Ph\.?\s?D|D\.?\s?Phil|M\.?\s?D|M\.\s?Sc|MSc|B\.\s?Sc|BSc|M\.\s?A|B\.\s?A|M\.?P\.?H|"
    r"M\.\s?S|"
    rf"MBBS|MBChB|MBA|DVM|DDS|Pharm\.?D|Ed\.?D|Psy\.?D|Sc\.?D|Dr\.?\s?{_OF_DOCTORS}|"
    r"FRCP|FRCS|FACP|FRS|RN|MRCP|M\.?\s?Eng|M\.?\s?Phil|LL\.?\s?[MB]|Esq|Dipl\.?-?\s?Ing|"
    r"CFA|FAAN|BPharm)"
    r"\.?(?:\s*\([^()]*\))?\Z",
    re.I,
)
_TITLES = re.compile(
    rf"\A(?:(?:Prof(?:essor)?|Dr\.?(?:\s|-){_OF_DOCTORS}|Dr|Mr|Mrs|Ms|Mx|Sir|Dame|Ing|"
    r"Dipl\.?-Ing|Dipl|PD|apl)(?:\b|(?<=\.))\.?\s*-?)+(?=\S)",
    re.I,
)
_MARK = r"[*†‡§¶‖#✉✝⁎∗\u00b9\u00b2\u00b3\u2070-\u2079]"
MARKS = re.compile(
    rf"(?:\s*(?:{_MARK}+|\^\{{?[\w,*†‡ ]+\}}?|\[[\d,a-z*† ]+\]|\(\d[\d,* ]*\)"
    r"|(?<=[^\W\d_.])\d{1,3}(?:[,\s]\s?\d{1,3})*|(?<=\s)\d{1,3}|(?<=\s)[a-h](?=\s*\Z)))++\s*\Z"
)
_MARKS_BEFORE = re.compile(rf"\A(?:{_MARK}|\d{{1,3}}(?=[\s,*])|[\s,])++")
ONLY_MARKS = re.compile(rf"(?:{_MARK}|\d|[a-h](?=\s|\Z|,)|[\s,^])++\Z|[^^\w]*\Z|\(.*\)\Z")
#: Marks in brackets have their own commas; arXiv's lists end with a legend of them.
_BRACKETED = re.compile(
    r"\^\{[^{}]*\}|\[[\d, ?†‡a-h]+\]| ?\(\(1\).*\Z| ?\(\d[\d,* ]*(?:and \d+)?\)|"
    r" ?\([a-h](?:, ?[a-h])*\)"
)
_ORCID = re.compile(
    r" ?[\[(]? ?(?:ORCID(?: ?iD)? ?:? ?)?(?:https?://orcid\.org/)?"
    r"\d{4}-\d{4}-\d{4}-\d{3}[\dXx] ?[\])]?| ?[\[(] ?ORCID(?: ?iD)? ?[\])]",
    re.I,
)
#: Text of RSS 2.0: "jane@example.org (Jane Doe)".
_MAILBOX = r"[^\s<>\[\]()@,;]{1,64}+@[^\s<>\[\]()@,;]{1,100}+"
_ADDRESS_FIRST = re.compile(rf"\A{_MAILBOX}\s*\((.+)\)\s*\Z")
_ADDRESS = re.compile(rf"\s?[<\[(]\s?(?:mailto:)?{_MAILBOX}\s?[>\])]|(?<![^\s,;]){_MAILBOX}")
_ROLE = re.compile(
    r" ?\((?:eds?\.?|editors?|authors?|corresponding authors?|equal contribution|translator|"
    r"dr\.?|prof\.?|\*[^()]*)\)",
    re.I,
)
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_GROUP_WORDS = (
    r"(?:collaborations?|consortium|group|team|initiative|network|committee|investigators|society)"
)
GROUP = re.compile(rf"\b{_GROUP_WORDS}\b", re.I)
#: Names of firms that look like initials behind a last name.
FIRM = re.compile(r"(?:Meta|Google|Stability|Mistral|Scale|Microsoft|Apple|Amazon|Allen) AI\Z")
_AND_GROUP = re.compile(rf",? ?et al\.? ?\(([^()]{{0,120}}\b{_GROUP_WORDS}[^()]{{0,120}})\)", re.I)
_FOR_GROUP = re.compile(
    r"(?:,?\s+(?:on behalf of|representing)\s+|,\s*for\s+)"
    rf"(?=(?:the\s+)?[^,;]{{0,80}}\b{_GROUP_WORDS}\b)",
    re.I,
)
#: A place of work, which some lists put behind the name and a comma.
PLACE = re.compile(
    r"\b(?:Universit\w*|Institut\w*|Department|Dept|School|College|Hospital|Hochschule|"
    r"Laborator\w*|Labs?|Cent(?:er|re|ro)|Facult\w*|Academy|Inc|Ltd|GmbH|Corporation|Corp|LLC)\b|"
    r"\A(?:MIT|ETH(?: Z[uü]rich)?|EPFL|CNRS|CERN|NASA|ESA|NIH|NIST|UCLA|UCL|INRIA|Inria|KAIST|CAS|"
    r"CSIRO|IBM|DLR)\Z"
)
NOBODY = re.compile(
    r"(?:N/?A|none|unknown(?: authors?)?|anonymous(?: authors?(?:\(s\))?| submission)?|"
    r"no authors? listed|not available|(?:db_)?admin(?:istrator)?|webmaster)\Z",
    re.I,
)
_SEPARATOR = re.compile(r" [·•|/] |(?<=[\uac00-\ud7af])[·ㆍ](?=[\uac00-\ud7af])")
_KATAKANA = re.compile("[\u30a0-\u30fa\u30fc-\u30ff]")


def tidied(text: str) -> str:
    """Return a list of names with plain signs between them, without numbers, addresses, roles and
    the words around the list.
    """
    text = " ".join(text.translate(WIDE).split())
    if "@" in text:
        text = " ".join(_ADDRESS.sub("", _ADDRESS_FIRST.sub(r"\1", text)).split())
    text = " ".join(_BRACKETED.sub("", _ROLE.sub("", _ORCID.sub("", text))).split())
    text = _FOR_GROUP.sub(", ", _AND_GROUP.sub(r", \1", text))
    text = _SEPARATOR.sub(", ", text)
    if "・" in text and not _KATAKANA.search(text.replace("・", "")):
        text = text.replace("・", ", ")
    return _BEFORE.sub("", text)


def bare(part: str) -> str:
    """Return a name without titles before it, and without degrees and footnote marks after it."""
    part = MARKS.sub("", _TITLES.sub("", _MARKS_BEFORE.sub("", part))).strip(" ,")
    words = part.split(" ")
    while len(words) > 2 and DEGREES.match(words[-1]) and "." not in words[-1].rstrip("."):
        words.pop()
    return " ".join(words)
