"""What a server's refusal is about: the mailbox, the sender, the letter, or only this moment. Pure.

All such words are judged here: replies at RCPT or after the content, bounces, events of a provider.
Words count before codes, because servers use one code for many causes (5.1.1 for a full mailbox,
550 for a block list). Only a mailbox that is said not to exist is "gone"; with contradicting signs
it is not. A wrong "gone" costs a reader, a missed one costs one more letter.

The phrases below are plain words. `{name}` is a list of words, `..` up to five words of the same
sentence, `~` the same in either order.
"""

import re
from enum import StrEnum
from functools import cache

#: Most characters of a reply that are read.
LOOKED_AT = 2000


class Subject(StrEnum):
    """What a refusal is about."""

    MAILBOX = "mailbox"
    US = "us"
    LETTER = "letter"
    NOW = "now"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a letter was refused."""

    GONE = "gone"  #: no such mailbox, or no such domain
    FULL = "full"
    CLOSED = "closed"  #: the mailbox exists, but is suspended, disabled or locked
    SENDER = "sender"  #: our address, server, reputation, authentication, or a local policy
    CONTENT = "content"
    SIZE = "size"
    LATER = "later"
    UNKNOWN = "unknown"

    @property
    def subject(self) -> Subject:
        return _SUBJECTS[self]


_SUBJECTS = {
    Cause.GONE: Subject.MAILBOX,
    Cause.FULL: Subject.MAILBOX,
    Cause.CLOSED: Subject.MAILBOX,
    Cause.SENDER: Subject.US,
    Cause.CONTENT: Subject.LETTER,
    Cause.SIZE: Subject.LETTER,
    Cause.LATER: Subject.NOW,
    Cause.UNKNOWN: Subject.UNKNOWN,
}


def about(code: int, enhanced: str, words: str, *, is_after_content: bool = False) -> Cause:
    """Return why a server refused.

    `code`: the SMTP reply code, 0 when unknown. `enhanced`: the status of RFC 3463, empty when
    unknown. `is_after_content`: the server had the letter already; then "user unknown" may come
    from a filter, and counts only together with its status.
    """
    said = plain(words)
    for cause, phrases in _BY_WORDS:
        if _phrases(phrases).search(said):
            return cause
    by_status = _by_status(code, enhanced)
    if not _phrases(_GONE).search(said):
        if is_after_content and by_status is Cause.GONE:
            return Cause.UNKNOWN
        return by_status if code // 100 == 4 else _weakly(said) or by_status
    if by_status in (Cause.LATER, Cause.SENDER, Cause.CONTENT, Cause.SIZE) and not (
        enhanced.startswith(_VAGUE) and code // 100 != 4
    ):
        return by_status
    if is_after_content and enhanced not in _NO_SUCH_ADDRESS and not _phrases(_SURE).search(said):
        return Cause.UNKNOWN
    return Cause.GONE


def _weakly(said: str) -> Cause | None:
    if _phrases(_WEAK_SENDER).search(said):
        return Cause.SENDER
    return Cause.CONTENT if _phrases(_WEAK).search(said) else None


def plain(words: str) -> str:
    """Return words in lower case with single spaces, sentences separated by " . ".

    Addresses become "address@" and links their host, so that names have no effect.
    """
    said = words[:LOOKED_AT].lower()
    said = _LINK.sub(r" \1 ", said)
    said = _ADDRESS.sub(" address@ ", said)
    said = said.replace("n't", " not").replace("n’t", " not").replace("cannot", "can not")
    said = _SENTENCE_END.sub(" . ", said)
    return " ".join(_NO_WORD.sub(" ", said).split())


_LINK = re.compile(r"https?://([\w.-]{1,100})\S{0,300}")
_ADDRESS = re.compile(r"(?<![^\s<(\[{\"'=:;,])[^\s<>()\[\]{}\"':;,@]{1,64}@[\w.-]{1,255}")
_SENTENCE_END = re.compile(r"[.!?;]{1,3}(?=\s|$)")
_NO_WORD = re.compile(r"[^\w@./]|_|(?<=\S)[./](?=\S)|/")

# -- the phrases -----------------------------------------------------------------------------------

_WORDS = {
    "who": "user|users|account|recipient|recipients|mailbox|mail box|address|addresses|alias"
    "|addressee"
    "|inbox|userid|user id|username|user name|local part|maildrop|address@",
    "box": "mailbox|mail box|inbox|account|maildir|folder|user|recipient",
    "host": "host|hostname|domain|domain name|system|mx",
    "unknown": "unknown|unrecognized|unrecognised|nonexistent|non existent|not recognized",
    "found": "found|exist|exists|existed|known|listed|valid|recognized|recognised|on server|"
    "registered|located|here|available|on this server|local|a member|deliverable",
    "no": "no such|unknown|nonexistent|non existent|unrecognized|invalid|bad|unroutable"
    "|unrouteable|undeliverable|illegal|malformed|incorrect",
    "which": "e mail|email|mail|local|final|delivery|destination|recipient|target|rcpt|or",
    "not": r"(?<!may )(?<!might )not|no longer|never|no",
    "off": "suspended|disabled|deactivated|inactive|locked|frozen|closed|discontinued|on hold"
    "|temporarily limited|not active|not accepting|bloque|bloqué|gesperrt|bloqueada|sospeso",
    "place": "ip|domain|host|region|country|countries|network|server|connection",
    "sender": "sender|senders|mail from|return path|from address|envelope from|helo|ehlo"
    "|sending domain|sender domain|your domain|your server|your ip|your host|your mail server"
    "|sending server|sending ip|ip address|client host|sending mta|originator|from domain"
    "|from header",
    # In other languages of readers, and of the mail systems that write to them.
    "wem": r"destinataire|adresse|compte|utilisateur|empfänger|empfaenger|benutzer|postfach"
    r"|usuario|cuenta|buz[oó]n|direcci[oó]n|destinatario|utente|indirizzo|casella|usu[aá]rio"
    r"|endereço|destinatário|conta|gebruiker|adres|ontvanger|użytkownik|adresat|adresa|uživatel"
    r"|příjemce|användare|mottagare\w*|bruker\w*|modtager\w*|käyttäjä\w*|пользовател\w+"
    r"|адрес\w*|получател\w+|ящик\w*",
    "unbekannt": r"inconnue?|invalide|unbekannt|desconocid[oa]|sconosciut[oa]|desconhecid[oa]"
    r"|onbekend|nieznany|neznám\w+|okänd|ukjent|ukendt|tuntematon|неизвест\w+"
    r"|n existe pas|existiert nicht|no existe|non esiste|não existe|bestaat niet|nie istnieje"
    r"|neexistuje|finns inte|finnes ikke|findes ikke|не (?:существует|найден\w*)",
    "fach": r"boite|boîte|postfach|speicher\w*|buz[oó]n|casella|caixa|postvak|skrzynka|ящик\w*",
    "voll": r"überfüllt|voll|überschritten|pleine|llen[oa]|pien[oa]|chei[oa]|vol|pełna"
    r"|переполнен\w*",
    "bad": r"reject\w*|refus\w*|deni\w*|den[iy]\w*|invalid|unknown|not exist|not found|not valid"
    r"|fail\w*|block\w*|not allowed|not accept\w*|not authori\w+|unauthori\w+|unverif\w+"
    r"|not verif\w+|not resolve\w*|must|no ptr|not have|banned|blacklisted|listed|not permitted"
    r"|bad|not match|mismatch\w*|prohibited|suspicious|illegal",
}


@cache
def _phrases(text: str) -> re.Pattern[str]:
    """Compile phrases, one per line, when first needed: it takes a moment."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return re.compile("|".join(_phrase(line) for line in lines))


def _phrase(line: str) -> str:
    first, mark, second = line.partition(" ~ ")
    if mark:
        return f"{_phrase(f'{first} .. {second}')}|{_phrase(f'{second} .. {first}')}"
    text = re.sub(r"\{([a-z]+)\}", lambda found: f"(?:{_WORDS[found[1]]})", line)
    text = text.replace(" .. ", r" (?:(?!\.)\S+ ){0,5}?")
    return rf"(?<!\w){text}(?!\w)"


_SIZE = r"""
    (?:message|mail|letter|e mail|email)(?: is| was)? (?:too|to) (?:large|big|long)
    (?:message|mail|content|attachment) size .. (?:exceed\w*|limit|maximum|big|large)
    (?:maximum|max|fixed) size .. (?:exceed\w*|limit)
    exceed\w* .. (?:message size|size limit|maximum size)
    resolver rst recipsizelimit
    size of .. message .. exceed\w*
    (?:message|mail|entity|file) .. (?:larger than|too large)
    """
_RATE = r"""
    gr[ae]y ?list\w*
    too many (?:\w+ ){0,2}?(?:recipients|addresses|users|connections|messages|sessions)(?! in)
    too many (?:concurrent|hops|errors|mails|emails)
    rate limit\w*
    (?:sending|daily|hourly) (?:\w+ ){0,2}?limit\w*
    at a rate
    (?:sending|message|connection|mail) rate
    frequency limit\w*
    throttl\w*
    mail ?loop
    loop\w* .. (?:detected|back to myself)
    (?:malformed|unexpected) name server reply
    could not deliver for the last
    """
_NETWORK = r"""
    (?:message|delivery|queue) .. (?:expired|retry timeout)
    (?:timed|time) out
    timeout
    (?:connection|connect) .. (?:refused|reset|failed|closed|lost|dropped)
    (?:not accept|unable|could not|can not|failed) .. connect\w*
    unable to (?:look ?up|resolve)
    lost connection
    (?:unreachable|not reachable|no route)
    """
_FULL = r"""
    {box} ~ (?:full|over ?quota|exceed\w*|over .. limit|overflow\w*|out of space)
    {fach} ~ {voll}
    too many messages in .. {box}
    kein\w* speicherplatz
    quota ~ (?:exceed\w*|over|overdrawn|full|reached|violation|limit|dépassé)
    over ?quota
    (?:storage|space) .. (?:exceed\w*|full|limit)
    exceed\w* .. (?:storage|space)
    out of (?:storage|space|disk space)
    (?:insufficient|not enough) .. (?:storage|space) .. {box}
    no (?:space|room) .. {box}
    number of messages .. exceed\w*
    \S*メールボックス\S*(?:一杯|いっぱい|満杯)\S*
    \S*容量\S*(?:超え|超過|オーバー)\S*
    """
_CLOSED = r"""
    (?:account|user|mailbox|recipient|compte|konto) ~ {off}
    (?:account|mailbox|recipient) (?:is|has been|was) (?:temporarily )?(?:blocked|restricted)
    {off} .. address@
    {off} recipient address
    refused due to recipient preferences
    (?:recipient|mailbox) .. not accept\w* (?:messages|mail)
    no longer accept\w* (?:any )?(?:messages?|mail|e mail|email)
    """
_SENDER = r"""
    {sender} ~ {bad}
    (?:domain|address) of .. sender
    your (?:reverse )?(?:host|hostname|ip|domain|dns|server|network|isp|relay)(?! admin)
    not accept\w* (?:any )?(?:mail|email|e mail|messages?) from
    refuse\w* to (?:accept|talk)
    (?:in reply to|following|after) .. mail from
    (?:black|block|deny|reject) ?list\w*
    blacklisted
    \S*(?:spamhaus|spamcop|abuseat|sorbs|barracudacentral|uceprotect|invaluement|proofpoint pdr)\S*
    (?:rbl|dnsbl|rblhost|surbl|uribl)
    (?:spf|dkim|dmarc|arc)
    (?:unauthenticated|authenticat\w*|not authori[sz]ed|unauthori[sz]ed)
    reverse dns
    (?:ptr|rdns|ip name lookup)
    (?:spoof\w*|forged|forgery)
    valid reverse
    relay\w* .. (?:denied|not|prohibited|forbidden|rejected|disallowed|access)
    (?:not|no|unable to|can not|refuse\w* to|never) .. relay\w*
    insecure mail relay
    rcpthosts
    (?:local|site|organi[sz]ation|security|admin\w*|message|content|delivery|recipient) polic\w+
    polic(?:y|ies) ~ (?:reject\w*|violat\w*|refus\w*|restrict\w*|den\w+|block\w*|prohibit\w*)
    polic(?:y|ies) reasons?
    (?:due to|because of|by) .. polic\w+
    administrative\w* (?:prohibit\w*|denied|reject\w*|block\w*|lock\w*)
    prohibit\w*
    blocked (?:by|for|using|due|because|at|from|see|with)
    (?:{place}|message|mail|email|sender)\w* .. (?:blocked|banned)
    {place}\w* .. not (?:allowed|accepted|permitted|welcome)
    (?<!recipient address rejected )access denied
    not permitted
    not (?:allowed|authori[sz]ed|able) to (?:send|post|submit|write|mail|connect)
    (?:messages?|mail) from .. not sent
    groups google com
    (?:do|does|did|may) not have permission
    (?:permission denied|no permission)
    reputation
    mismatch\w* client ip
    (?:user|spam|volume|abuse) complaints
    protocol violation
    service .. refus\w*
    use the smtp server of
    invalid (?:ip|domain name)
    (?:not|no) (?:verified|a member)
    bad reputation
    relaying (?:mail|denied)
    service permits
    """
_CONTENT = r"""
    spam\w*
    (?:ube|unsolicited|complian\w+)
    virus\w*
    (?:malware|phish\w*|infected|trojan|worm)
    content .. (?:reject\w*|refus\w*|not accept\w*|block\w*|policy|presents|filter\w*|violat\w*)
    (?:rejected|refused|filtered|blocked) .. content
    (?:message|mail|e mail|email) (?:was |has been |is )?(?:quarantined|detected|scored|classified)
    (?:attachment|executable|file type)s? .. (?:not|block\w*|reject\w*|remov\w*|prohibit\w*)
    (?:found|detected|blocked|forbidden|illegal|suspicious) .. (?:attachment|executable)s?
    media error
    8 bit
    line too long
    bulk (?:mail|e mail|email|messages?)
    (?:header|headers) ~ (?:missing|invalid|malformed|multiple|improper|duplicate|too long)
    (?:headers?|subject|from) .. not accept\w*
    not rfc
    rfc ?\d{4}
    banned
    """
_LATER = r"""
    (?:try|retry|come back) .. later
    later
    (?<!and )(?<!to )(?:try|trying) again
    in the queue .. long
    temporar\w*
    will be retried
    (?:server|system|resources?) (?:\w+ )?(?:unavailable|not available|busy|overload\w*)
    (?:system|internal|mailer|server|local|configuration|config|software) (?:error|failure|problem)
    (?:insufficient|not enough|no) .. (?:system storage|disk space|resources|memory|space left)
    (?:lookup|dns) (?:failure|error|failed)
    (?:queue file|write) error
    essayer plus tard
    """
_GONE = r"""
    {who} .. {unknown}
    {who} (?:is |are |was )?(?:invalid|incorrect)
    {wem} .. {unbekannt}
    (?:нет такого|unbekannter?|utilisateur inconnu) {wem}
    (?:{no}) (?:{which} )*(?:{who}|person|local part|customer|domain|host|system)
    {who} .. (?:{not}) (?:be |longer |a |an |in |our |currently |been |)*(?:{found})
    (?:{not}) (?:be )?(?:found|find|locate|located|recognized) .. {who}
    (?:unable|failed) to (?:find|locate|identify) .. {who}
    recip(?:ient)? ?not ?found
    (?<!sender )(?<!recipient )address rejected(?= \.| address@|$)
    nobody (?:here )?by that name
    mailbox (?:is |was )?unavailable
    (?:user|recipient|address) (?:is |was )?unavailable
    no (?:mailbox|account|user|recipient|inbox|person|one) .. (?:name|address|address@|here)
    (?:does|do) not have an? .. account
    not our customer
    no longer (?:on server|valid|exists?|available|in use|employed|works?)
    not listed in
    not (?:a|an) (?:known|valid|existing|active|deliverable) (?:{which} )*{who}
    no valid recipients for this
    has (?:moved|left)
    (?:{host}) .. (?:unknown|unrecognized|nxdomain|not found|not exist|not resolve\w*)
    (?:{not}) find .. (?:{host}|mail exchanger)
    point to non existent hosts?
    (?:unknown|unresolvable|unrouteable|unroutable) (?:mail )?(?:{host})
    null ?mx
    {host} .. not (?:accept|receive) (?:any )?(?:mail|email|e mail)(?! (?:from|that|with|sent|for))
    no smtp service
    name .. not recognized
    check .. address is correct
    recipient address rejected access denied
    \S*(?:ユーザー?|宛先|アドレス|メールアドレス)\S* ?\S*(?:見つかりません|存在しません|不明)\S*
    \S*(?:用户|用戶|收件人|邮箱|郵箱|地址)\S* ?\S*(?:不存在|未找到)\S*
    """
#: No filter says so about a letter.
_SURE = r"""
    (?:does|do) not have an? .. account
    account that you tried to reach does not exist
    no longer (?:on server|exists?)
    no mailbox .. name
    """

#: They name an address of a connection, which is the sender's.
_WEAK_SENDER = r"""
    (?:ip|client|from) (?:address )?\d{1,3} \d{1,3} \d{1,3} \d{1,3}
    """
_WEAK = r"""
    (?:message|mail|e mail|email) (?:was |has been |is )?(?:rejected|refused|blocked|denied)
    (?<!address )(?:rejected|blocked|denied)
    """

#: The order in which causes are tried: anything named besides an unknown mailbox wins.
_BY_WORDS = (
    (Cause.SIZE, _SIZE),
    (Cause.LATER, _RATE),
    (Cause.FULL, _FULL),
    (Cause.CLOSED, _CLOSED),
    (Cause.SENDER, _SENDER),
    (Cause.CONTENT, _CONTENT),
    (Cause.LATER, _NETWORK),
    (Cause.LATER, _LATER),
)

# -- codes -----------------------------------------------------------------------------------------

#: RFC 3463 and the registry of IANA: no mailbox, no such system, bad syntax, moved, no mail
#: accepted (RFC 7505).
_NO_SUCH_ADDRESS = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.7.27"))
#: Statuses that are so general that words count more.
_VAGUE = ("5.0.", "5.2.0", "5.2.1", "5.3.0", "5.4.0", "5.4.1", "5.4.4", "5.5.")


def _by_status(code: int, enhanced: str) -> Cause:
    if enhanced in _NO_SUCH_ADDRESS:
        return Cause.GONE
    if enhanced in ("4.2.2", "5.2.2"):
        return Cause.FULL
    if enhanced == "5.2.1":
        return Cause.CLOSED
    if enhanced in ("5.3.4", "5.2.3"):
        return Cause.SIZE
    if enhanced in ("5.1.7", "5.1.8") or enhanced.startswith(("5.7.", "4.7.")):
        return Cause.SENDER
    if enhanced.startswith("5.6."):
        return Cause.CONTENT
    if enhanced.startswith("4") or code // 100 == 4:
        return Cause.LATER
    if enhanced.startswith(("5.2.", "5.3.", "5.4.")):
        return Cause.LATER
    return Cause.UNKNOWN
