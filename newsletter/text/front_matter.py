"""Entries of journals' feeds that are no papers: covers, contents, boards, calls, obituaries, book
reviews. Pure; `statements` uses it.
"""

import re

from newsletter.text.titles import title_of

_FRONT_MATTER = re.compile(
    r"\A\W{0,2}(?:"
    r"issue (?:information|highlights?|cover|contents|table of contents)|issue publication "
    r"information|"
    r"(?:editorial|advisory|editorial advisory) board(?: page)?|board of editors|editors['’] page|"
    r"(?:outside |inside )?(?:front|back)(?: outside| inside)? (?:cover|matter)|"
    r"(?:outside|inside) (?:front |back )?cover|(?:front|back) ?(?:cover|matter)|"
    r"cover (?:picture|image|feature|art|story|page|profile|legend)|on the cover|"
    r"frontispiece|graphical (?:abstracts?|contents)|masthead|title page|copyright page|blank page|"
    r"table of contents|contents list|volume contents|in this issue|aims (?:and|&) scope|"
    r"(?:list of )?(?:peer )?reviewers?(?:['’])? (?:list|acknowledge?ments?)(?: (?:of|for|in) .*)?|"
    r"(?:peer )?(?:reviewers|referees) (?:for|in|of) (?:volume |vol\. )?\d.*|list of reviewers|"
    r"acknowledge?ments? (?:of|to) (?:the )?(?:our )?(?:\w+ )?(?:reviewers?|referees?)"
    r"(?: (?:of|for|in) .*)?|"
    r"thank(?:s| you) to (?:all )?(?:our|the) (?:peer )?(?:reviewers|referees)"
    r"(?: (?:of|for|in) .*)?|"
    r"(?:instructions?|information|guidelines?|guide|notes) (?:for|to) "
    r"(?:authors|contributors|subscribers)|"
    r"(?:author|subject|keyword|volume|title|cumulative|ad) index|"
    r"subscription (?:page|information)|publication information|society information|"
    r"calls? for (?:papers|nominations|proposals|submissions|applications)|"
    r"about (?:the|this) (?:cover|journal)|upcoming (?:events|meetings)|"
    r"(?:conference|meetings?|events?) calendar|calendar of (?:events|meetings)|"
    r"announcements?|books? received|new books|advertisements?|"
    r"publisher['’]?s (?:page|announcement)|erratum list|"
    r"(?:innen|rück)?titelbild|inhaltsverzeichnis|impressum|"
    r"[A-Z][\w &:,’'-]{2,80} (?:(?:publication|society) information|editorial board|"
    r"information for authors)"
    r")\b",
    re.I,
)
#: The words of front matter are followed by the issue ("Cover Picture: … (Adv. Mater. 12/2026)") or
#: nothing; a sentence means a paper ("Table of contents generation with transformers").
_REST = re.compile(
    r"\W*(?:[:–—‐-].*|\(.*\)|\[.*\]|(?:page|toc|\d[\w/ ,.–-]*|volume.*|vol\..*|issue.*|list|"
    r"pages)\W*)?\Z",
    re.I | re.S,
)
#: Titles that name the issue: "TCE volume 153 issue 6 Cover and Front matter", "Volume 136-3:
#: Contents, Corrigenda".
_OF_ISSUE = re.compile(
    r"\A.{0,60}\bvolume \w+ (?:issue|number) [\w-]+ (?:cover and )?(?:front|back) matter\Z|"
    r"\A(?:volume|vol\.?|issue|no\.?|number) [\w./ ,-]{1,20}: "
    r"(?:contents|front matter|editorial|table of contents|cover)\b",
    re.I,
)
#: Whole titles, in languages that journals are written in, without case, digits and punctuation.
_WHOLE = frozenset(
    line.strip()
    for line in """
    ofc; ifc; ibc; obc; publisher's note; publisher’s note
    titelseite; titelblatt; titelei; umschlagbild; inhalt; inhaltsübersicht; vorschau; vorwort
    autorenregister; sachregister; jahresregister; buchbesprechung; buchbesprechungen; rezensionen
    nachrufe; mitteilungen; redaktion; hinweise für autoren; veranstaltungskalender; personalia
    sommaire; table des matières; comité de rédaction; comité éditorial; comité de lecture
    éditorial; avant-propos; comptes rendus; couverture; page de titre; remerciements
    recommandations aux auteurs; instructions aux auteurs
    índice; portada; contraportada; consejo editorial; comité editorial; presentación; créditos
    normas para autores; instrucciones para los autores; sumario; reseñas; agradecimientos
    carta del editor; nota editorial
    sumário; expediente; capa; corpo editorial; conselho editorial; apresentação
    normas para publicação; instruções aos autores
    indice; sommario; comitato di redazione; editoriale; copertina; norme per gli autori
    содержание; оглавление; от редакции; правила для авторов; редколлегия
    редакционная коллегия; к сведению авторов; информация для авторов
    inhoud; inhoudsopgave; colofon; redactioneel; innehåll; föreningsinformation; spis treści
    içindekiler; jenerik
    目录; 目次; 总目次; 英文目录; 封面; 封底; 封二; 封三; 版权页; 编委会; 编委会名单; 编者按
    卷首语; 征稿启事; 投稿须知; 稿约; 广告; 表紙; 裏表紙; 奥付; 編集後記; 投稿規定
    編集委員会; 会告; 巻頭言; 목차; 표지; 편집위원회; 투고규정; 판권
    """.replace("\n", ";").split(";")
    if line.strip()
)
_CHINESE_FRONT = re.compile(r"(?:总目次|目次|征稿启事|投稿须知|编委会名单)\Z")
#: Texts about a person or a book.
_ABOUT_SOMEBODY = re.compile(
    r"\A\W{0,2}(?:in memoriam\b|(?:obituar(?:y|ies)|nachruf|nécrologie|obituario|obituário|"
    r"некролог|訃報|追悼)\s*(?:[:：–—,-]|(?:for|of|auf|de)\s+(?-i:[A-Z])|\Z)|"
    r"in memory of (?-i:(?:(?:Prof|Dr|Sir|Professor)\b\.? )*[^\W\d_a-z]\S*"
    r"(?: [^\W\d_a-z][^\s:]*){1,4})(?:,? \(?\d{4}.*)?\Z)",
    re.I,
)
_ABOUT_BOOK = re.compile(
    r"\A\W{0,2}(?:(?:book|software|film) reviews?\s*(?:[:–—.(-]|of\b|\Z)|review of the book\b|"
    r"(?:buchbesprechung|buchrezension|compte rendu|reseña|resenha|recensione|书评)\s*[:：–—])|"
    r"\bISBN(?:-1[03])?:?\s*[\dX–-]{10,17}",
    re.I,
)


def is_front_matter(title: str) -> bool:
    """Return whether a title is of an entry of a journal that is no paper."""
    if found := _FRONT_MATTER.match(title):
        return bool(_REST.match(title[found.end() :]))
    if _OF_ISSUE.match(title) or _CHINESE_FRONT.search(title):
        return True
    if _ABOUT_SOMEBODY.match(title) or _ABOUT_BOOK.search(title):
        return True
    if title.strip(" .:0123456789()/-–").casefold() in _WHOLE:
        return True
    read = title_of(title)
    return bool(read.content) and read.is_generic
