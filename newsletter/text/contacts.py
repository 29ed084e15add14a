"""Find everything that a reader could follow, write to, call or pay, in every spelling: addresses
of sites and of mail, telephone numbers, accounts, links of Markdown and HTML, hidden text.

A machine's summary never needs any of them, so doubtful ones count. What papers write stays: file
names (README.md), versions (GPT-4.1), measures (pass@1), dates, ranges.
"""

import html
import re
import unicodedata
from functools import lru_cache

#: Letters of other scripts that look like Latin ones (a part of Unicode's confusables, UTS 39).
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһӏвкмнтАВЕКМНОРСТХІЈЅɡαικονρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧı",
    "aeopcyxijsdqwhlbkmhtABEKMHOPCTXIJSgaikovptuxABEZHIKMNOPTYXi",
)
_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bw by bz ca cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee "
    "eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm "
    "hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb "
    "lc li lk lr ls lt lu lv ly ma mc me mg mh mk mm mn mo mp mq mr ms mt mu mv mw mx my mz na "
    "nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pm pn pr ps pw qa re ro ru rw sa sb "
    "sc sd se sg si sj sk sl sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tm tn to tr tt tv "
    "tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_OTHERS = (
    "com net org edu gov mil int info biz name pro mobi aero asia coop jobs museum post tel travel "
    "xxx app art bank bet blog bond buzz cam camp care cash casino center cfd chat cheap church "
    "city claims click clinic cloud club coach codes college community company computer cool "
    "country courses credit cyou dating deals degree delivery design dev digital direct directory "
    "discount doctor download education email energy engineering events exchange expert express "
    "faith family farm fashion finance financial foundation free fund fun fyi gallery game games "
    "gifts gives global gmbh gold group guide guru health help hospital host hosting house how icu "
    "inc institute insure international investments kim land law legal life link live loan loans "
    "lol love ltd management market marketing media money monster news ninja observer one online "
    "page partners parts party pay photos pics place plus porn press productions promo protection "
    "pub quest racing realty recipes report rest review reviews rip rocks sale sbs school science "
    "security services sex sexy shop shopping site skin social software solutions space store "
    "studio style support surf systems tax team tech technology tips today tools top town toys "
    "trade trading training university vip vote webcam website wiki win work works world wtf xyz "
    "zone onion"
)
#: Endings of file names that are names of countries, or sold as such: an address unless the name
#: before them is one that files have.
_FILES = "md py rs sh so pl pt cc ml zip mov java cpp"
_FILE_NAMES = (
    "readme license changelog contributing main setup train test tests eval index utils model "
    "models run lib config app package demo inference data dataset weights requirements install "
    "build script init conftest checkpoint best last"
)


def _any(words: str) -> str:
    return "|".join(words.split())


#: Words that open a sentence, and are names of countries: "images.In general".
_OPENERS = "In It At To Is As No So My By Us Me Be Am Do An"
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{0,20}://|\bh(?:tt|xx)ps?\b|\bwww\d?\.|\bxn--|"
    r"\b(?:mailto|tel|sms|javascript|data|ftp|magnet|bitcoin|doi)\s?:\s?(?=\S)|\b10\.\d{4,9}/\S|"
    # a name under a top-level domain; behind a number it is a sentence without its blank
    rf"(?<=[^\W_]\.)(?:{_any(_OTHERS)})\b(?!\.[a-z])|"
    rf"(?<=[^\W_][\w-]\.)(?<!\d\d\.)(?!(?-i:{_any(_OPENERS)})\s)(?:{_any(_COUNTRIES)})\b"
    r"(?!\.[a-z])|"
    r"(?<![\w.])[a-z0-9]\.(?:co|me|io|ai|cc|ly|to|tv|gg|ru|cn)\b(?=/|[,;!?]|\.?(?:\s|\Z))|"
    rf"(?<![\w-])(?!(?:{_any(_FILE_NAMES)})\.)[^\W_][\w-]*\.(?:{_any(_FILES)})\b(?!\.[a-z])|"
    # a path behind a name with a dot; a name in letters outside Latin and Greek
    r"(?<=[^\W_]\.)[a-z]{2,}/\S|\w\.[\u0400-\u10ff\u3040-\ud7ff]{2,}|"
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){3,7}:?[0-9a-f]{1,4}\b(?<=[a-f].)|"
    r"::[0-9a-f]",
    re.I,
)
_SPELLED = re.compile(
    rf"[\[({{<]\s*(?:dot|\.|punkt|point)\s*[\])}}>]|"
    rf"\b(?:dot|d0t|punkt)\s+(?:{_any(_OTHERS)}|co|io|ai|de|uk|ru|me|ly)\b|"
    rf"\w\s+\.\s?(?:com|org|info|io|ai|co|xyz|site|online|link|click)\b|"
    rf"\w\.\s+(?-i:com|org|io|xyz)\b|"
    rf"\w_(?:dot|at)_\w|-dot-|"
    # mail: an @ that is no measure (pass@1, Recall@k)
    rf"[\[({{<]\s*(?:at|@|ät|arroba)\s*[\])}}>]|"
    rf"@(?!\d+(?:\.\d+)?%?(?![\w.]*[a-z])|[kn]\b(?!\.\w))\s*\w|\w\s@\s",
    re.I,
)
_MARKED = re.compile(
    r"\]\s*\(|!\[|^\s*\[[^\]]+\]:|\[[^\]]+\]\[[^\]]*\]|"
    r"<\s*/?\s*(?:a|img|script|iframe|svg|form|input|button|style|link|meta|object|embed|video|"
    r"audio|base|body|html|table|area|map|details|marquee|textarea)\b|"
    r"\b(?:href|src|action|srcset|on(?:click|error|load|mouseover))\s*=",
    re.I | re.M,
)
#: Text that nobody can read as it stands: base64, hexadecimal digests, percent signs.
_HIDDEN = re.compile(
    r"\b(?=[A-Za-z0-9+/_-]*[a-z])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*\d)"
    r"[A-Za-z0-9+/_]{24,}={0,2}|(?<!\w)[A-Za-z0-9+/]{12,}={1,2}(?![\w=])|\b[0-9a-fA-F]{32,}\b|"
    r"(?:%[0-9a-fA-F]{2}){3,}|(?:\\[xu][0-9a-fA-F]{2,4}){2,}|(?:&#x?[0-9a-fA-F]+;){2,}"
)
_ACCOUNT = re.compile(
    r"\b(?:bc1[a-z0-9]{20,}|[13][a-km-zA-HJ-NP-Z1-9]{25,34}|0x[0-9a-fA-F]{16,})\b|"
    r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,}|"
    r"\b(?i:telegram|whatsapp|wechat|skype|discord|signal|iban|paypal|venmo)\s*:\s*\S"
)
_DIGIT = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_DATE = re.compile(
    r"\b(?:1[5-9]|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])\b|"
    r"\b(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|1[0-2])[-/.](?:1[5-9]|20)\d\d\b|"
    r"\b(?:1[5-9]|20)\d\d[-–/](?:1[5-9]|20)\d\d\b"
)
_PHONE = re.compile(
    r"(?<![\w.^])\+\s?\d[\d\s()./-]{5,}\d|"
    r"(?<![\w.,-])\(?\d{2,4}\)?(?:\s?[\s().\-‐–—/]\s?\d{2,4}){2,}(?![\w%-])|"
    r"(?<![\w.,-])\(?0\d{2,4}\)?[\s/\-–]{1,3}\d{4,}(?!\w)|"
    r"(?<![\w.,-])(?<!chr[\dXY]:)(?<!chr\d\d:)\d{9,}(?!\w|[.,]\d)|\b1[ -]?8\d\d[ -][A-Z0-9-]{4,}|"
    rf"\b{_DIGIT}(?:[\s,-]+{_DIGIT}){{4,}}\b|"
    r"\b(?i:call|dial|phone|tel|telephone|fax|ring|text|sms|hotline|whatsapp|rufnummer|telefon|"
    r"anrufen)\b[.:]?\s*(?:(?i:the|us|me|now|on|at|under|line|number|no)\.?[\s:]*){0,3}"
    r"[+(]?\d[\d\s()./-]*\d",
)
#: ".NET" is a name; so are these.
_NAMES = re.compile(r"(?:\b(?:ASP|VB|ML|ADO))?\.NET\b")
_HTML_DEPTH = 3
#: Longer texts are no summary, and are not searched.
LONGEST = 5_000


def contact(text: str) -> str:
    """Return what a reader could follow in a text: "an address", "a phone number", "an account", "a
    link", "hidden text"; "" when there is nothing.
    """
    if len(text) > LONGEST:
        return "too much text"
    for form in _forms(text):
        for pattern, what in (
            (_MARKED, "a link"),
            (_HIDDEN, "hidden text"),
            (_ACCOUNT, "an account"),
            (_ADDRESS, "an address"),
            (_SPELLED, "an address"),
        ):
            if pattern.search(_NAMES.sub(" ", form)):
                return what
        if _PHONE.search(_DATE.sub("date", form)):
            return "a phone number"
    return "letters of two scripts in one word" if _is_mixed(text) else ""


@lru_cache(maxsize=8)
def _forms(text: str) -> tuple[str, ...]:
    """The text as it stands, and as it looks: entities resolved, invisible signs gone, wide letters
    narrow, lookalikes as Latin.
    """
    plain = text
    for _ in range(_HTML_DEPTH):
        plain = html.unescape(plain)
    plain = unicodedata.normalize("NFKC", plain)
    plain = "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Mn"))
    plain = re.sub(r"(?<=[\w-])[\u3002\uff61\u2024\u2027\u22c5\u00b7\u30fb](?=\w)", ".", plain)
    plain = re.sub(r"[*_`~]{1,3}(?=\w)|(?<=\w)[*`~]{1,3}", "", plain)
    return tuple(dict.fromkeys((text, plain, plain.translate(_LOOKALIKES))))


def _is_mixed(text: str) -> bool:
    """Return whether a word mixes Latin letters with Cyrillic, Armenian or Cherokee ones: a
    disguise.
    """
    return any(
        re.search("[A-Za-z]", word) and re.search("[\u0400-\u058f\u13a0-\u13ff]", word)
        for word in re.findall(r"\w{3,}", text)
    )
