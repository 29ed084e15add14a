"""Whether a text says that its own paper is withdrawn ("we withdraw this paper"). A paper about
withdrawals, or one that was withdrawn from a venue, does not say so.
"""

import re

from newsletter.models import RecordKind

_NOUN = (
    r"(?:paper|article|submission|manuscript|preprint|pre-print|work|version|study|"
    r"posting|e-?print|chapter)"
)
_AUX = (
    r"(?:(?:has|have|had|is|was|been|being|now|temporarily|hereby|voluntarily|"
    r"subsequently|therefore|formally|officially|permanently)\s+)+"
)
_FROM_VENUE = (
    r"(?!\s+from\s+(?!(?:the\s+)?(?:arxiv|biorxiv|medrxiv|chemrxiv|ssrn|research square|"
    r"publication|preprint|"
    r"server|archive|repository|record|journal|literature|further consideration\s+(?:here|"
    r"on arxiv))))"
)
_GONE = rf"(?:withdrawn|withdrawed|retracted)\b{_FROM_VENUE}"
_SPEAKER = (
    r"(?:we|i|the authors?|all authors|(?:the )?(?:corresponding |first |lead )?authors?|"
    r"the (?:[\w&]+\s){0,4}editors?|the publisher|"
    r"(?:bio|med|ar|chem)rxiv(?:\s+admin\w*)?|research square|the journal)"
)
_REMOVED = r"removed\s+(?:by|from)\s+(?:the\s+)?(?:arxiv|biorxiv|medrxiv|ssrn|authors?)\b"
_STATEMENTS = (
    # "We withdraw this paper", "bioRxiv has withdrawn this preprint"
    re.compile(
        rf"\b{_SPEAKER}\s+(?:(?:has|have|had|hereby|now|voluntarily|temporarily|wish(?:es)? "
        rf"to|would like to|are|am|is|to|"
        r"must|request(?:s|ed)? to|decided to|regretfully)\s+)*"
        r"(?:withdraw(?:s|n|ing)?|withdrew|retract(?:s|ed|ing)?)\s+"
        rf"(?:this|the|their|our|its|my)\s+(?:own\s+|present\s+|"
        rf"original\s+)?{_NOUN}\b{_FROM_VENUE}",
        re.I,
    ),
    # "This paper has been withdrawn", "The full text of this preprint has been withdrawn"
    re.compile(
        rf"(?:(?<!\bof )|(?<=text of ))\bthis\s+(?:arxiv\s+)?{_NOUN}\s+{_AUX}(?:{_GONE}|"
        rf"{_REMOVED})",
        re.I,
    ),
    # The same without "this", as the first or the last words, where it can mean nothing else.
    re.compile(rf"\A\W*(?:the\s+)?(?:arxiv\s+)?{_NOUN}\s+(?:{_AUX})?{_GONE}", re.I),
    re.compile(rf"\bthe\s+(?:duplicate\s+)?{_NOUN}\s+{_AUX}{_GONE}[\s.]*\Z", re.I),
    re.compile(
        rf"\bthe above(?:-mentioned)? {_NOUN}\b[^.]{{0,300}}\s{_AUX}(?:withdrawn|retracted)\b", re.I
    ),
    re.compile(
        r"\A\W*(?:temporarily |now )?(?:withdrawn|retracted)\s*(?:[.:;,!\])]|\Z|(?:by|due|"
        r"because|as|for|pending|"
        r"since|at|until|in favou?r|on request|from (?:arxiv|biorxiv|medrxiv))\b)",
        re.I,
    ),
    re.compile(r"\bsee Elsevier Policy on Article (?:Withdrawal|Correction, Retraction)", re.I),
    re.compile(
        r"\b(?:cet article a été (?:retiré|rétracté)|"
        r"dieser (?:artikel|beitrag) wurde (?:zurückgezogen|widerrufen)|"
        r"est[ea] (?:artículo|artigo|trabajo|trabalho|preprint) (?:ha sido|fue|foi) "
        r"(?:retirado|retractado|retratado)|"
        r"questo articolo è stato (?:ritirato|ritrattato)|статья (?:отозвана|ретрагирована))|"
        r"(?:本|该|此)文已(?:被)?(?:撤稿|撤回)|作者(?:已|申请)撤稿",
        re.I,
    ),
)
#: Only in the comment, which is always about this paper.
_COMMENT = (
    re.compile(
        rf"\b{_GONE.replace('|retracted', '')}\s+by\s+(?:the |its |our )?(?:author|arxiv|admin)",
        re.I,
    ),
    re.compile(rf"[.;:(\[]\s*(?:the\s+)?(?:arxiv\s+)?{_NOUN}\s+(?:{_AUX})?{_GONE}", re.I),
    re.compile(
        r"\A\W*(?:author[- ]requested )?withdrawal\b\W*(?:\Z|requested|at the request|by the)", re.I
    ),
)
#: After these words, a statement is an example and not about this paper.
_CASE = re.compile(
    r"\b(?:when|whenever|if|after|before|whether|once|why|how|until|unless|where|that|which|"
    r"who|whose|what|cases?|"
    r"example|suppose|should)\W+(?:\w+\W+){0,3}\Z",
    re.I,
)
#: Before these words, a statement is about a venue.
_VENUE = re.compile(
    r"[^.]{0,80}\b(?:from|at)\s+(?:the\s+)?(?:[\w-]+\s+){0,3}?(?:ICLR|NeurIPS|NIPS|ICML|AAAI|"
    r"IJCAI|ACL|ARR|EMNLP|NAACL|EACL|COLM|COLT|CVPR|ICCV|ECCV|WACV|KDD|WWW|SIGIR|Interspeech|"
    r"ICASSP|ICRA|IROS|CoRL|AISTATS|UAI|conference|workshop)\b"
)
_RETRACT = re.compile(r"retract|rétract|retratad|widerrufen|ritrattat|ретраг|撤稿", re.I)


def withdrawal_of(abstract: str, comment: str = "") -> RecordKind:
    """Return WITHDRAWN or RETRACTED when the beginning of the abstract, or the comment, says so of
    this paper; else PAPER.
    """
    for text, forms in ((abstract[:500], _STATEMENTS), (comment, (*_STATEMENTS, *_COMMENT))):
        for form in forms:
            for found in form.finditer(text):
                if _CASE.search(text[: found.start()]) or _VENUE.match(text, found.end()):
                    continue
                is_retracted = _RETRACT.search(found[0]) and "elsevier" not in found[0].lower()
                return RecordKind.RETRACTED if is_retracted else RecordKind.WITHDRAWN
    return RecordKind.PAPER
