"""What publishers write before and after an abstract in their feeds, one row for each form.
`descriptions` applies them.
"""

import re

_MONTH = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|January|February|March|April|June|July|"
    r"August|September|October|November|December)[a-z]*\.?"
)
_YEAR = r"(?:19|20)\d\d"
LABEL = re.compile(
    r"(?P<name>DOI|Authors?|Author\(s\)|Abstract|Summary|Publication date|Source|Key ?words?|"
    r"Palabras clave|Palavras-chave|Mots[- ]clés|Schlüsselwörter|Schlagwörter|关键词|キーワード|"
    r"Journal|Published|Available online|PMID|ISSN|Pages?|Volume|Category|Comments?|Subjects?|"
    r"Funding|Competing interests?|Conflicts? of interest)\s?[:：]\s*",
    re.I,
)
#: Labels that also occur within a line, in descriptions without markup.
INNER_LABEL = re.compile(
    r"(?<=\s)(?=(?:DOI|Authors?|Author\(s\)|Abstract|Publication date|Source):\s)", re.I
)
#: Before the abstract: the place of print, alone on its line or followed by the abstract.
PREAMBLES = (
    # Nature and its family
    re.compile(
        rf"\A[^.;]{{3,80}}, Published online: \d{{1,2}} {_MONTH} "
        rf"\d{{4}}[;,.]?\s*(?:doi:\s?(?P<doi>10\.\S+))?\s*",
        re.I,
    ),
    # Science, Wiley, PNAS, SAGE: "Name, Volume 386, Issue 6717, Page 12-15, November 2024."
    re.compile(
        r"\A[^.;]{2,110}, (?:EarlyView|Early View|Ahead of Print|Accepted Article|Online First|"
        r"OnlineFirst|Just Accepted|FirstView|First View|"
        rf"Volume \w+, (?:Issue|Number) [\w-]+)(?:, Pages? [\w–-]+)?(?:, (?:\d{{1,2}} "
        rf")?{_MONTH}(?:\W{_MONTH})? \d{{4}})?\.?\s*",
        re.I,
    ),
    # Taylor & Francis: "Volume 12, Issue 3, March 2022, Page 1-10."
    re.compile(
        r"\AVolume \w+, (?:Issue|Number) [\w-]+(?:, [\w –-]+ \d{4})?(?:, Pages? "
        r"[\w–-]+)?\.?(?:\s*\.)?\s*"
    ),
    # PubMed's citation: "J Virol. 2021 Dec 10:114425. doi: 10.…. Online ahead of print."
    re.compile(
        r"\A[^.]{2,90}\. \d{4}(?: \w{3}(?:-\w{3})?)?(?: \d{1,2})?[;:.][^ ]*?\s*doi: "
        r"?(?P<doi>10\.\S+?)\.(?=\s|\Z)"
        r"(?: Online ahead of print\.| eCollection[^.]*\.| Epub [^.]*\.| Print [^.]*\.)*\s*"
    ),
    # PLOS: "by Ann Lee, Bo Chen"
    re.compile(r"\Aby (?:[^\W\d_a-z][\w.'’-]*|(?:de|van|von|der|la|and|et al)\b|[,.\s])+\Z"),
    re.compile(r"\AarXiv:\S+\s+Announce Type:\s*\S+\s*", re.I),
)
#: The same, only where it is a line of its own before the abstract.
CITATIONS = (
    # Pensoft: "ZooKeys 1072: 185-204"
    re.compile(r"\A[A-Z][\w &]{2,40} \d+(?:\(\d+\))?: [\d–-]+\s*\Z"),
    # MDPI: "Sensors doi: 10.3390/s21041234"
    re.compile(r"\A[A-Z][\w .&:,-]{1,80}?\s+doi:\s?(?P<doi>10\.\S+)\Z", re.I),
    # RSC: "Chem. Sci., 2021, 12,1234-1240"; Schweizerbart: "Nova Hedwigia, (2021), p. 353 - 359"
    re.compile(
        rf"\A[A-Z][\w .&:'’-]{{1,80}}, \(?{_YEAR}\)?, ?(?:pp?\. ?\w+ ?[–-] ?\w+|Advance Article|"
        r"Accepted Manuscript|\w+, ?\w+(?:[–-]\w+)?)\.?\Z"
    ),
    # "Cells, Vol. 12, No. 3 (2026), pp. 1–10"
    re.compile(
        rf"\A[A-Z][\w .&:'’-]{{1,80}},? vol(?:ume|\.) ?\w+[,(][^a-z]*(?:(?:no|iss|pp?|issue|"
        rf"pages?)\b\.? ?[\w–-]+|\(?{_YEAR}\)?|[\s,()])*\.?\Z",
        re.I,
    ),
    # IOP: "Jane Doe et al 2021 Phys. Rev. 12 123"
    re.compile(rf"\A[^.!?]{{3,150}}? {_YEAR} [A-Z][\w. :&]{{2,60}} \d+ \w+\Z"),
    re.compile(
        r"\A(?:Publication|Published)(?: date)?:? (?:online:? |on )?\d[^.]{0,40}\.?\s*\Z", re.I
    ),
)
_MORE = (
    r"(?:Read (?:the )?(?:more|full (?:article|text|paper|story)|article|on)|Continue reading|"
    r"(?:View |See )?(?:the )?full[- ]text(?: article)?|View (?:article|abstract|the article)|"
    r"(?:Go to|Access) (?:the )?article|Learn more|Download PDF|Show more|Keep reading|"
    r"Click here(?: (?:to|for) (?:[\w-]+ ){0,3}(?:article|paper|text|more))?|"
    r"Lire la suite|Weiterlesen|Mehr lesen|Leer más|Ler mais|Leggi tutto|Lees (?:meer|verder)|"
    r"Läs mer|Czytaj dalej|Devamını oku|Читать далее)"
)
#: Text after the abstract, at the end of any line.
TAILS = (
    re.compile(r"\s*\(PsycInfo Database Record .{0,80}?all rights reserved\)\.?\s*\Z", re.I),
    re.compile(
        rf"(?:(?:\A|(?<=[.!?…:;»”\")\]]))\s*|\s+(?=(?-i:[A-ZЧ])))[\[(]?\b{_MORE}(?: at "
        rf"[\w .]+| on [\w .]+| about [\w .,:]+)?\s*[\])]?\s*(?:\.{{3}}|…|»|→|>+|&raquo;|\.)?\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*[\[(]?(?:阅读全文|阅读更多|查看全文|続きを読む|全文を読む|더 보기|اقرأ المزيد|"
        r"קרא עוד)[\])]?\s*[…»→>.]*\Z"
    ),
    re.compile(
        r"\s*The post .{1,300} (?:first appeared|appeared first) on .{1,100}\Z", re.I | re.S
    ),
    re.compile(r"\s*\[(?:…|\.\.\.|&hellip;)\]\s*\Z"),
    re.compile(
        r"\s*(?:\[[^\]]{3,80}\] )?Published (?:\w{3}, )?(?:\w{3} )?\w{3,9} \d{1,2}, \d{4}\.?\s*\Z"
    ),
    re.compile(
        r"(?:\A|(?<=[.!?…)\]|]))\s*(?:PMID: ?\d+|PMCID: ?PMC\d+|DOI: ?10\.\S+)"
        r"(?:\s*\|\s*(?:PMID: ?\d+|PMCID: "
        r"?PMC\d+|DOI: ?10\.\S+))*\s*\Z",
        re.I,
    ),
    re.compile(
        r"(?<=[.!?…)\]])\s+(?:doi: ?|https?://(?:dx\.)?doi\.org/)10\.\d{4,9}/\S+\s*\Z", re.I
    ),
    re.compile(
        r"\s*(?:This article is protected by copyright\.?(?: All rights reserved\.?)?|All "
        r"rights reserved\.?)\s*\Z",
        re.I,
    ),
    re.compile(
        r"\s*(?:©|\(c\)|Copyright ©?)\s*(?:The Authors?,? ?)?\d{4}[^.]{0,120}\.?(?: All "
        r"rights reserved\.?)?\s*\Z",
        re.I,
    ),
    re.compile(
        r"(?:\A|(?<=[.!?…)]))\s*(?:Related Articles?|Recommended articles?|Tags|Filed under|"
        r"Share this)(?:\s*:|\Z).{0,200}\Z"
    ),
    re.compile(r"\s*Expected final online publication date for .{1,200}\Z", re.I),
    re.compile(r"\s*To cite this article before page numbers .{1,200}\Z", re.I),
    re.compile(r"\s*The content of this RSS Feed .{1,80}\Z", re.I),
    re.compile(
        r"(?<=[.!?])\s+Supplementary (?:information|data|material)\W+Supplementary data are "
        r"available .{0,80}\Z",
        re.I,
    ),
    re.compile(r"(?<=[.!?])\s+(?:Author|Lay|Plain Language) Summary:?\s+(?=[A-Z]).*\Z", re.S),
    re.compile(
        r"(?:\s+#{2,3}|(?<=[.!?])) ?\s*(?:Competing [Ii]nterests?(?: [Ss]tatement)?|Conflicts? of "
        r"[Ii]nterest(?: [Ss]tatement)?|Funding Statement|Clinical Trial|Author Declarations)\b"
        r"(?:\s*:|\s+(?=[A-Z])).*\Z",
        re.S,
    ),
)
#: Lines that are not about the paper: names of downloads, hosts, licences, figures.
NOTHING = re.compile(
    r"(?:N/?A\.?|(?:No|Without) abstract(?: available)?\.?|None\.?|Null|Corrigend(?:um|a)|"
    r"Erratum|Correction|"
    r".{1,60} posted (?:a photo|a video|photos):|HTML|XML|PDF|EPUB|Full text|Open Access|"
    r"Supplementary (?:material|information)|Graphical abstract|"
    r"(?:&nbsp )?This article is (?:licensed|available) under .{1,120}|"
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|ac\.\w\w|co\.\w\w))\Z",
    re.I,
)
#: Heads of the parts of an abstract; they end in a colon when they stood on a line of their own.
SECTION = re.compile(
    r"(?:Background(?: and \w+)?|Introduction|Objectives?|Aims?|Purpose|Rationale|Motivation|"
    r"Context|Premise|Methods?(?: and \w+)?|Materials? and methods|Methodology(?:/\w.*)?|Design|"
    r"Setting|Participants|Interventions?|Main outcomes?(?: measures?)?|Measurements|"
    r"Results?|(?:Principal |Key )?Findings|Key results|Discussion|(?:Main )?Conclusions?"
    r"(?: and \w+| ?/ ?\w+)?|Interpretation|Importance|Relevance|Location|Taxon|"
    r"Availability(?: and implementation)?|Trial registration)\s*[:.]?\Z",
    re.I,
)
#: Heads of parts that are no abstract, up to the next head.
ASIDE = re.compile(
    r"(?:Author summary|(?:Plain|Lay)[ -]?(?:language )?summary|Key points?|Highlights|"
    r"Graphical abstract|Significance(?: statement)?|Teaser|Editor['’]s summary|Video abstract|"
    r"Key ?words?|Supplementary information|Contact|Competing interests?(?: statement)?|"
    r"Funding(?: statement)?|In brief|One[- ]sentence summary)\s*[:.]?\Z",
    re.I,
)
_ABSTRACT = (
    r"(?:ABSTRACT|SUMMARY|(?:Abstract|Summary|Resumen|Resumo|Résumé|Riassunto|Zusammenfassung|"
    r"Kurzfassung|Sammanfattning|Samenvatting|Streszczenie|Аннотация|Резюме)"
)
HEADING = re.compile(
    rf"\A{_ABSTRACT}(?=\s*[:.–—-]))\s*[:.–—-]*\s*(?=\S)|"
    r"\A(?:[\[【]\s*(?:Abstract|ABSTRACT|摘\s?要|要旨|要約|초록)\s*[\]】]|"
    r"(?:摘\s?要|要旨|要約|초록)\s*[:：])[:：]?\s*"
)
BARE_HEADING = re.compile(r"\A(?:Abstract|Summary)\s+(?=[A-Z])")
#: The whole line is the word.
ONLY_HEADING = re.compile(rf"\A[\[【]?(?:{_ABSTRACT})|摘\s?要|要旨|要約|초록)[\]】]?\s*[:：.]?\Z")
#: Texts that begin with "Abstract" because they are about abstract things.
ABSTRACT_THINGS = re.compile(
    r"\A(?:Abstract|Summary) (?:Meaning|Syntax|Interpretation|Algebra|State|Data|Reasoning|"
    r"Argumentation|"
    r"Wiener|Art|Of|Statistics|Visual)\b"
)
