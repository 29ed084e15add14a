"""The meaning of the headings of a list: ours, and those of Mailchimp, Substack, Ghost, Buttondown,
listmonk, Beehiiv, Kit, MailerLite, Brevo and plain spreadsheets.

Several columns may say whether somebody may be mailed; the worst of them counts.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

#: Our own columns, in the order in which they are written. The first seven are the interface of
#: `subscribers import`; with the others an export gives the same readers again.
COLUMNS = (
    "email",
    "name",
    "topics",
    "timezone",
    "hour",
    "rhythm",
    "status",
    "paused_until",
    "size",
    "mix",
    "language",
    "format",
    "muted",
    "follows",
    "consent",
    "confirmed_at",
    "votes",
    "examples",
    "outside",
)

#: Field -> headings of others, as `_plain` spells them.
_OTHERS = {
    "email": "emailaddress subscriberemail memberemail contactemail primaryemail useremail "
    "email1 email1value emails subscriber mail eaddress emailadresse mailadresse adresseemail "
    "adressemail courriel correo correoelectronico indirizzoemail endereçodeemail",
    "name": "fullname displayname subscribername membername contactname realname vollständigername "
    "nomcomplet nombrecompleto",
    "first_name": "first firstname fname givenname forename vorname prénom prenom nombre nome",
    "last_name": "last lastname lname surname familyname nachname nom nomdefamille apellido "
    "apellidos cognome sobrenome",
    "topics": "topic",
    "timezone": "tz timezonename zeitzone fuseauhoraire",
    "hour": "sendhour sendtime deliveryhour deliverytime uhrzeit stunde versandzeit heure hora ora",
    "rhythm": "frequency rhythmus haufigkeit frequence frecuencia frequenza frequencia",
    "language": "lang locale sprache langue idioma lingua taal",
    "status": "statut subscriberstatus subscriptionstatus emailstatus memberstatus marketingstatus "
    "emailmarketingstatus contactstatus subscribertype substate",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Columns where yes means that somebody may be mailed and no that they may not.
_YES_MEANS_ACTIVE = _words(
    "subscribed issubscribed subscribedtoemails subscribedtonewsletter optin optedin emailoptin "
    "isactive active enabled isenabled acceptsmarketing acceptsemailmarketing emailpermission "
    "abonniert angemeldet istabonniert einwilligung abonne suscrito iscritto inscrito "
    "geabonneerd newsletter "
    "emailsubscribed receiveemails canemail"
)
#: Columns where no means that somebody was asked and has not said yes.
_NO_MEANS_PENDING = _words(
    "confirmed isconfirmed verified isverified emailverified emailconfirmed doubleoptin"
)
#: Columns where yes, or a date, means that somebody left.
_YES_MEANS_GONE = _words(
    "unsubscribed isunsubscribed hasunsubscribed unsubscribedat unsubscribedon unsubscribeddate "
    "unsubscribedate unsubscribetime unsubscriptiondate unsubscribereason unsubscriptionreason "
    "unsubtime unsubreason unsubdate optout optedout optoutdate optouttime optedoutat emailoptout "
    "hasoptedoutofemail deletedat deleted isdeleted cancelledat canceledat removedat leftat "
    "churnedat churneddate emaildisabled disabled isdisabled disabledat donotemail donotcontact "
    "donotmail archivedat dateunsubscribed"
)
#: Columns where yes, or a date, means that a mailbox did not exist or a reader complained.
_YES_MEANS_SUPPRESSED = _words(
    "suppressed issuppressed suppressedat bounced isbounced bouncedat bouncedate hardbounce "
    "hardbounced hardbouncedat cleaned cleantime cleanedat complained complainedat complaint spam "
    "markedasspam spamreport blocked isblocked blockedat blocklisted blocklistedat blacklisted "
    "isblacklisted emailblacklisted emailblocklisted undeliverable undeliverableat"
)
#: A day or a moment, which says when somebody agreed.
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\A\d{10}(?:\d{3})?\Z")
#: Columns that may have a state or something else (California): known words count, others are
#: ignored.
_MAY_BE_A_STATE = frozenset(("type", "state", "estado", "etat", "stato", "zustand"))
#: Headings of further columns with states, of a subscription or of something else. They say that
#: somebody is not to be mailed, never that somebody is.
_OTHER_STATE = re.compile("status|statut|situacao|situacion")
#: Parts of headings of columns that say yes, or when, somebody left or could not be reached.
_PART_OF_GONE = re.compile(
    "unsub|optout|optedout|abgemeldet|abmeld|austrag|desabonn|desinscri|debaja|desuscri|disiscri|"
    "descadastr|uitgeschreven|uitschrijf"
)
_PART_OF_SUPPRESSED = re.compile("hardbounce|complain|blocklist|blacklist|suppress|beschwerde")
_NOT_EVIDENCE = re.compile("link|url|token|count|rate|group|page|campaign|form")

#: Ignored around a cell: padding of programs and copied text.
_BLANK = " \t\r\n\v\f\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
_BLANK += "\u202f\u205f\u2060\u3000\ufeff"

_NO = frozenset(("", "0", "0.0", "false", "f", "no", "n", "off", "never", "null", "none", "nil"))
_NO |= {"na", "nan", "nein", "non", "falsch", "faux", "falso", "00000000000000", "00000000"}
_YES = frozenset(("1", "1.0", "true", "t", "yes", "y", "on", "x", "ja", "oui", "si", "sí", "sim"))
_YES |= {"wahr", "vrai", "verdadero", "vero", "verdadeiro", "10", "ok", "checked"}

#: States in the words of others, as `_plain` spells them. A word in no list is a fault of its line:
#: nobody is mailed because of an unknown word.
_STATES = {
    "active": "active subscribed enabled confirmed regular premium gifted trialed comped paid free "
    "optedin optin doubleoptin subscriber "
    "aktiv abonniert angemeldet eingetragen bestatigt abonne abonnee inscrit inscrite actif active "
    "confirme suscrito suscrita activo activa confirmado confirmada iscritto iscritta attivo "
    "attiva confermato inscrito inscrita ativo ativa ingeschreven geabonneerd actief bevestigd",
    "pending": "pending unconfirmed unactivated unverified waiting validating notconfirmed "
    "awaitingconfirmation invited unbestatigt nichtbestatigt ausstehend wartend enattente "
    "nonconfirme pendiente sinconfirmar noconfirmado inattesa nonconfermato pendente "
    "naoconfirmado inafwachting nietbevestigd",
    "paused": "paused snoozed onhold pausiert enpause enpausa inpausa pausado gepauzeerd",
    "unsubscribed": "unsubscribed inactive disabled cancelled canceled removed deleted optedout "
    "optout nonsubscribed notsubscribed unsubscribe archived churned churning expired left former "
    "transactional neversubscribed deactivated donotcontact donotemail notactive "
    "abgemeldet ausgetragen inaktiv gekundigt widerrufen deaktiviert geloscht nichtabonniert "
    "desabonne desabonnee desinscrit desinscrite inactif inactive resilie supprime desactive "
    "dadodebaja dadadebaja baja debaja desuscrito desuscrita cancelado cancelada inactivo "
    "inactiva nosuscrito eliminado disiscritto disiscritta cancellato cancellata inattivo "
    "inattiva noniscritto descadastrado inativo inativa naoinscrito uitgeschreven afgemeld "
    "inactief opgezegd",
    "suppressed": "suppressed cleaned bounced hardbounced hardbounce bounce complained complaint "
    "spam spammy reportedspam reportedasspam markedasspam markedspam abuse blocked blocklisted "
    "blacklisted undeliverable invalid malicious junk dead spamcomplaint banned "
    "gesperrt bereinigt unzustellbar ungultig beschwerde zuruckgewiesen "
    "rebond rebondi bloque bloquee plainte invalide nettoye rebotado bloqueado queja limpiado "
    "invalido rimbalzato bloccato nonvalido rejeitado geblokkeerd ongeldig",
}
_STATE_OF = {word: state for state, words in _STATES.items() for word in words.split()}
#: From the harmless to the final; the last of several states counts.
WORST_LAST = ("active", "pending", "paused", "unsubscribed", "suppressed")


def _plain(text: str) -> str:
    """Return letters and digits only, in lower case, without accents: "E-Mail Address" is
    emailaddress, "Prénom" is prenom.
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "", "".join(c for c in apart if not unicodedata.combining(c)))


_FIELD_OF = {_plain(name): name for name in COLUMNS} | {
    _plain(heading): field for field, headings in _OTHERS.items() for heading in headings.split()
}
_EVIDENCE = _YES_MEANS_ACTIVE | _NO_MEANS_PENDING | _YES_MEANS_GONE | _YES_MEANS_SUPPRESSED


def field_of(heading: str) -> str | None:
    """Return the field that a heading names; "evidence" for one that says whether to mail. None:
    unknown.
    """
    plain = _plain(heading)
    return _FIELD_OF.get(plain) or ("evidence" if plain in _EVIDENCE else None)


def fields_in_words() -> str:
    return ", ".join(COLUMNS[:7])


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the fields of a list."""

    count: int
    places: dict[str, int]  #: field -> column, from 0
    evidence: tuple[tuple[int, str], ...]  #: columns on whether to mail, and their yes
    left_out: tuple[str, ...]  #: unknown headings

    def read(self, cells: Sequence[str]) -> "Fields":
        found = {
            field: cells[place].strip(_BLANK)
            for field, place in self.places.items()
            if place < len(cells)
        }
        if "first_name" in found or "last_name" in found:
            both = (found.pop("first_name", ""), found.pop("last_name", ""))
            found["name"] = found.get("name") or " ".join(filter(None, both))
        outright = found.get("status", "")
        states = [state_in_words(outright)] if outright else []
        for place, meaning in self.evidence:
            if place < len(cells) and (state := _meant(cells[place], meaning)):
                states.append(state)
        return Fields(found, _worst(states), is_outright=bool(outright))


@dataclass(frozen=True, slots=True)
class Fields:
    """The content of one record, by the names of our columns."""

    cells: dict[str, str]  #: without surrounding blanks
    state: str  #: the worst state of the record; one of ours, or unknown as it was written
    is_outright: bool  #: from a column with states, not only yes or no


def _worst(states: Sequence[str]) -> str:
    for state in states:
        if state not in WORST_LAST:
            return state
    return max(states, key=WORST_LAST.index, default="")


def read_heading(cells: Sequence[str]) -> Columns:
    """Find our fields in the headings of others. Of two columns for one field the first counts."""
    places: dict[str, int] = {}
    evidence: list[tuple[int, str]] = []
    left_out: list[str] = []
    for place, cell in enumerate(cells):
        plain = _plain(cell)
        field = _FIELD_OF.get(plain)
        if field and field not in places:
            places[field] = place
        elif meaning := _meaning_of(plain, field):
            evidence.append((place, meaning))
        elif cell.strip():
            left_out.append(cell.strip())
    return Columns(len(cells), places, tuple(evidence), tuple(left_out))


def _meaning_of(plain: str, field: str | None) -> str:
    """Return what a yes in a column means; "" when it does not say whether to mail somebody.

    `field`: the field of ours that its heading names, if an earlier column has it already.
    """
    for meaning, headings in (
        ("active", _YES_MEANS_ACTIVE),
        ("confirmed", _NO_MEANS_PENDING),
        ("unsubscribed", _YES_MEANS_GONE),
        ("suppressed", _YES_MEANS_SUPPRESSED),
        ("maybe", _MAY_BE_A_STATE),
    ):
        if plain in headings:
            return meaning
    if field == "status" or _OTHER_STATE.search(plain):
        return "other state"
    if _NOT_EVIDENCE.search(plain):
        return ""
    gone, suppressed = _PART_OF_GONE.search(plain), _PART_OF_SUPPRESSED.search(plain)
    return "suppressed" if suppressed else "unsubscribed" if gone else ""


@lru_cache(maxsize=4096)
def state_in_words(text: str) -> str:
    """Return our state for a word of others; an unknown word is returned unchanged."""
    plain = _plain(text)
    if plain and plain in _NO:
        return "unsubscribed"
    if plain in _YES:
        return "active"
    return _STATE_OF.get(plain, text)


@lru_cache(maxsize=4096)
def _meant(cell: str, meaning: str) -> str:
    """Return the state that one cell means; empty: none."""
    text = cell.strip()
    plain = _plain(text)
    if meaning == "maybe":
        return _STATE_OF.get(plain, "")
    if meaning == "other state":
        state = _STATE_OF.get(plain, "unsubscribed" if text and plain in _NO else "")
        return "" if state == "active" else state
    if meaning in ("unsubscribed", "suppressed"):
        return "" if text.casefold() in _NO or plain in _NO else meaning
    if not text:
        return ""
    if meaning == "confirmed":
        return "pending" if plain in _NO else ""
    if plain in _NO:
        return "unsubscribed"
    if plain in _YES or _DATE.search(text):
        return "active"
    return _STATE_OF.get(plain, text)  # what nobody knows is a fault of its line
