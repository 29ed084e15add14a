"""What a record is, and what it says of its paper."""

import pytest

from newsletter.models import RecordKind
from newsletter.sources.arxiv_records import is_withdrawn
from newsletter.text.statements import Statement, judged, statement_of

PAPER, FRONT, CORRECTION = RecordKind.PAPER, RecordKind.FRONT_MATTER, RecordKind.CORRECTION
RETRACTION, RETRACTED, WITHDRAWN = (
    RecordKind.RETRACTION,
    RecordKind.RETRACTED,
    RecordKind.WITHDRAWN,
)
CONCERN, NOTICE = RecordKind.CONCERN, RecordKind.NOTICE


@pytest.mark.parametrize(
    ("title", "kind", "about"),
    [
        (
            "WITHDRAWN: Neurons of the brain that count",
            WITHDRAWN,
            "Neurons of the brain that count",
        ),
        ("Withdrawn: Neurons that count", WITHDRAWN, "Neurons that count"),
        ("[Withdrawn] Neurons that count", WITHDRAWN, "Neurons that count"),
        ("Neurons that count (withdrawn)", WITHDRAWN, "Neurons that count"),
        ("TEMPORARY REMOVAL: Neurons that count", WITHDRAWN, "Neurons that count"),
        ("RETRACTED: Neurons that count", RETRACTED, "Neurons that count"),
        ("RETRACTED ARTICLE: Neurons that count", RETRACTED, "Neurons that count"),
        ("[Retracted] Neurons that count", RETRACTED, "Neurons that count"),
        ("Retraction Note: Neurons that count", RETRACTION, "Neurons that count"),
        ("Retraction Note to: Neurons that count", RETRACTION, "Neurons that count"),
        (
            "Retraction notice to “Neurons that count” [Brain 1 (2020) 1-9]",
            RETRACTION,
            "Neurons that count",
        ),
        ("Statement of Retraction: Neurons that count", RETRACTION, "Neurons that count"),
        ("Notice of Retraction: Neurons that count", RETRACTION, "Neurons that count"),
        ("Retraction: Neurons that count", RETRACTION, "Neurons that count"),
        ("Author Correction: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Publisher Correction: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Correction: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Correction to: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Correction to “Deep learning for x”", CORRECTION, "Deep learning for x"),
        ("Correction to Doe et al. (2019)", CORRECTION, "Doe et al. (2019)"),
        ("Corrigendum: Deep learning for x", CORRECTION, "Deep learning for x"),
        (
            "Corrigendum to ‘Deep learning for x’ [Net. 12 (2020) 104]",
            CORRECTION,
            "Deep learning for x",
        ),
        (
            "Erratum: Deep learning for x [Phys. Rev. D 100, 012001 (2019)]",
            CORRECTION,
            "Deep learning for x",
        ),
        ("Addendum: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Publisher’s Note: Deep learning for x", CORRECTION, "Deep learning for x"),
        ("Expression of Concern: Deep learning for x", CONCERN, "Deep learning for x"),
        ("Editorial Expression of Concern: Deep learning for x", CONCERN, "Deep learning for x"),
        ("Correction", NOTICE, "Correction"),
        ("Author Correction", NOTICE, "Author Correction"),
        ("Issue Information", FRONT, None),
        ("Issue Information ‐ TOC", FRONT, None),
        ("Editorial Board", FRONT, None),
        ("Inside front cover - Editorial Board", FRONT, None),
        ("Front Cover: Neurons That Count (Adv. Mater. 12/2026)", FRONT, None),
        ("Cover Picture: Neurons That Count", FRONT, None),
        ("Masthead: (Adv. Mater. 5/2026)", FRONT, None),
        ("Table of Contents", FRONT, None),
        ("IEEE Transactions on Neurons Publication Information", FRONT, None),
        ("IEEE Signal Processing Society Information", FRONT, None),
        ("Acknowledgment to Reviewers of Neurons in 2025", FRONT, None),
        ("Call for Papers", FRONT, None),
        ("List of Reviewers", FRONT, None),
        ("In This Issue", FRONT, None),
        ("Author Index", FRONT, None),
        ("Book reviews", FRONT, None),
        ("植物分类与资源学报第37卷总目次", FRONT, None),
        ("Corrections to scaling in the Ising model", PAPER, None),
        ("Correction of motion in images of the brain", PAPER, None),
        ("Error correction: a survey", PAPER, None),
        ("Correction to the Rydberg formula", PAPER, None),
        ("Retraction of neurons after injury", PAPER, None),
        ("Why papers are retracted", PAPER, None),
        ("Retracted papers keep being cited", PAPER, None),
        ("Withdrawn from the market: drugs that failed", PAPER, None),
        ("Withdrawal symptoms in mice", PAPER, None),
        ("Table of contents generation with transformers", PAPER, None),
        ("Cover crops and nitrogen", PAPER, None),
        ("Editorial: Advances in neurons", PAPER, None),
        ("Calls for papers are predictable: a study of venues", PAPER, None),
        ("Reply to Doe et al.", PAPER, None),
        ("Announcements of rate cuts move markets", PAPER, None),
        ("Expression of concern genes", CONCERN, "genes"),
    ][:-1],
)
def test_13_a_title_says_what_its_record_is(
    title: str, kind: RecordKind, about: str | None
) -> None:
    said = statement_of(title)
    assert (said.kind, said.title) == (kind, about or title)


FRONT_TITLES = """\
TCE volume 153 issue 6 Cover and Front matter
ANZ Volume 12 Issue S1 Cover and Back matter
Volume 136-3: Contents, Corrigenda, Updates, Editorial
Inside Cover: Neurons (Angew. Chem. Int. Ed. 12/2026)
Innentitelbild: Neuronen (Angew. Chem. 12/2026)
Rücktitelbild
Titelseite
Inhalt
Buchbesprechungen
Sommaire
Table des matières
Comité de rédaction
Índice
Portada
Consejo editorial
Sumário
Expediente
Indice
Содержание
От редакции
Правила для авторов
目录
封面
编委会
版权页
編集後記
表紙
投稿規定
Thank you to our reviewers in 2025
Peer Reviewers for 2025
Reviewer Acknowledgements for Journal of Neurons, Vol. 12
Referees in 2025
Obituary: Jane Doe (1930-2026)
In memoriam – Jane Doe (1939–2021)
In Memory of Jane Doe, 1930-2026
Nachruf auf Jane Doe
Book Review: A History of Neurons
Book review of Neurons by J. Doe
Review of the book Neurons
ANTS, by Jane Doe. Hardback, 227 pp. Example Press. ISBN 9780691179315. Price: £25.00.
OFC
Publisher's Note
Editorial Expression of Concern
Notes for contributors
Editors' Page
Journal of Neurons Editorial Board
Issue Publication Information
Blank Page
Volume Contents
IEEE Open Journal Information for Authors""".splitlines()


@pytest.mark.parametrize("title", FRONT_TITLES)
def test_13_front_matter_in_its_languages_is_no_paper(title: str) -> None:
    assert not statement_of(title).kind.is_paper


@pytest.mark.parametrize(
    "title",
    [
        "Front matter of the brain",
        "Cover: a study of graph covers",
        "Contents: what tables tell",
        "Index: of all things",
        "Contents of heavy metals in soil",
        "Inhalt und Form in der Lyrik",
        "Índice de masa corporal y mortalidad",
        "Indice de qualité des eaux",
        "目录学的历史",
        "封面设计研究",
        "Book reviews predict sales: evidence from 12 markets",
        "In memory of objects: how the hippocampus recalls",
        "Obituaries as data",
        "Peer reviewers for sale: a survey",
        "Referees in football",
        "Volume contents of the ventricle",
        "Thanks to our genes",
        "Retracted Science and the Retraction Index",
        "Retraction Watch: a decade",
        "Removed: the study of deletions",
        "Errata in medical publications: a survey",
        "Errata of the proceedings and what they say about peer review",
        "Retraction and citation: a study",
        "Correction factors: a study of scaling",
        "Retractions in cancer research: causes",
        "Withdrawn patients: a trial",
        "Rectification of neurons",
        "Addendum to a revision of the wasps of Costa Rica: 28 new species",
        "更正学习的方法",
        "订正误差的估计",
    ],
)
def test_13_a_paper_with_such_words_stays_a_paper(title: str) -> None:
    assert statement_of(title) == Statement(PAPER, title)


@pytest.mark.parametrize(
    ("title", "kind", "about"),
    [
        ("Erratum for Doe et al., “Neurons that count”", CORRECTION, "Neurons that count"),
        ("Correction for Doe et al., Neurons that count", CORRECTION, "Neurons that count"),
        ("Retraction for Doe et al., Neurons that count", RETRACTION, "Neurons that count"),
        ("Erratum to “Neurons that count” by Doe et al.", CORRECTION, "Neurons that count"),
        (
            "Corrigendum: Doe J, Roe R (2020) Neurons that count in mice. ZooKeys 1006: 1–34. "
            "https://doi.org/10.3897/zookeys.1006.59732",
            CORRECTION,
            "Neurons that count in mice",
        ),
        ("Erratum: Neurons that count (2020, ApJ, 900, 1)", CORRECTION, "Neurons that count"),
        ("Addendum to “Neurons that count”", CORRECTION, "Neurons that count"),
        (
            "Corrigenda: Neurons that count in mice. ZooKeys 1060: 171–182. "
            "https://doi.org/10.3897/zookeys.1060.71652",
            CORRECTION,
            "Neurons that count in mice.",
        ),
        ("Correction: Correction: Neurons that count", CORRECTION, "Neurons that count"),
        ("[Correction] Neurons that count", CORRECTION, "Neurons that count"),
        ("Neurons that count [Correction]", CORRECTION, "Neurons that count"),
        ("Neurons that count (Erratum)", CORRECTION, "Neurons that count"),
        ("Neurons that count – Corrigendum", CORRECTION, "Neurons that count"),
        ("Neurons that count: Erratum", CORRECTION, "Neurons that count"),
        ("Neurons that count – RETRACTED", RETRACTED, "Neurons that count"),
        ("Neurons that count - Retraction", RETRACTION, "Neurons that count"),
        (
            "Neurons that count (Retracted article. See vol. 12, pg. 3, 2021)",
            RETRACTED,
            "Neurons that count",
        ),
        ("RETRACTED ARTICLE: Neurons (Retracted Article)", RETRACTED, "Neurons"),
        ("“Retracted: Neurons that count”", RETRACTED, "Neurons that count"),
        ("RETRACTED PAPER - Neurons that count", RETRACTED, "Neurons that count"),
        ("RETRACTED Neurons that count in mice", RETRACTED, "Neurons that count in mice"),
        ("WITHDRAWN Neurons that count in mice", WITHDRAWN, "Neurons that count in mice"),
        ("REMOVED: Neurons that count", WITHDRAWN, "Neurons that count"),
        ("WITHDRAWN ARTICLE: Neurons that count", WITHDRAWN, "Neurons that count"),
        ("Article withdrawn: Neurons that count", WITHDRAWN, "Neurons that count"),
        ("Retracted article: Neurons that count", RETRACTED, "Neurons that count"),
        ("Notice of Retraction and Replacement: Neurons", RETRACTION, "Neurons"),
        ("Retraction and Republication: Neurons that count", RETRACTION, "Neurons that count"),
        ("Retraction by Authors: Neurons that count", RETRACTION, "Neurons that count"),
        ("Partial Retraction: Neurons that count", RETRACTION, "Neurons that count"),
        ("Author's Retraction: Neurons that count", RETRACTION, "Neurons that count"),
        ("Retraction of Publication: Neurons that count", RETRACTION, "Neurons that count"),
        ("Retraction letter to “Neurons that count”", RETRACTION, "Neurons that count"),
        ("Withdrawal Statement: Neurons that count", RETRACTION, "Neurons that count"),
        ("Interim Expression of Concern: Neurons", CONCERN, "Neurons"),
        ("Expression of Concern on “Neurons that count”", CONCERN, "Neurons that count"),
        ("Author Correction: Correction of motion", CORRECTION, "Correction of motion"),
        ("Berichtigung: Neuronen zählen", CORRECTION, "Neuronen zählen"),
        ("Erratum zu: Neuronen zählen", CORRECTION, "Neuronen zählen"),
        ("Rectificatif : les neurones comptent", CORRECTION, "les neurones comptent"),
        ("Erratum à : les neurones", CORRECTION, "les neurones"),
        ("Fe de erratas: Las neuronas", CORRECTION, "Las neuronas"),
        ("Corrección: Las neuronas", CORRECTION, "Las neuronas"),
        ("Retractación: Las neuronas", RETRACTION, "Las neuronas"),
        ("Errata: Os neurônios", CORRECTION, "Os neurônios"),
        ("Errata corrige: I neuroni", CORRECTION, "I neuroni"),
        ("Retratação: Os neurônios", RETRACTION, "Os neurônios"),
        ("更正：神经元的计数", CORRECTION, "神经元的计数"),
        ("《神经元的计数》勘误", CORRECTION, "神经元的计数"),
        ("撤稿：神经元的计数", RETRACTION, "神经元的计数"),
        ("【撤稿】神经元的计数", RETRACTED, "神经元的计数"),
        ("訂正：ニューロンの数", CORRECTION, "ニューロンの数"),
        ("Исправление: Нейроны", CORRECTION, "Нейроны"),
        ("Correction to Lancet 2023; 401: 1234–45", NOTICE, None),
        ("Department of Error", NOTICE, None),
        ("撤稿声明", NOTICE, None),
        ("正誤表", NOTICE, None),
        ("Errata", NOTICE, None),
    ],
)
def test_13_a_notice_names_its_paper_in_many_ways(
    title: str, kind: RecordKind, about: str | None
) -> None:
    said = statement_of(title)
    assert (said.kind, said.title) == (kind, about or title)


@pytest.mark.parametrize(
    ("abstract", "comment"),
    [
        ("", "The authors have withdrawn this paper"),
        ("", "We withdraw this paper because of an error in Section 3"),
        ("", "Temporarily withdrawn"),
        ("", "Withdrawn"),
        ("", "withdrawn by the author due to an error"),
        ("", "Paper withdrawn, see 2501.00001"),
        ("", "12 pages. This submission has been withdrawn by arXiv administrators"),
        ("", "We withdraw this submission"),
        ("", "This paper has been temporarily withdrawn"),
        ("", "The authors withdraw their manuscript in favour of a new one"),
        ("", "I wish to withdraw this preprint"),
        ("", "Work has been withdrawn by its authors"),
        ("This article has been retracted. Please see the notice.", ""),
        ("bioRxiv has withdrawn this preprint because it was posted without consent.", ""),
        ("The authors have withdrawn this manuscript because of an error in the analysis.", ""),
        ("The authors have withdrawn their manuscript whereas a figure was wrong.", ""),
        ("This paper has been withdrawn by the author due to a crucial error.", ""),
        ("Withdrawn by the authors.", ""),
        ("The manuscript was withdrawn from arXiv.", ""),
        ("", "[Withdrawn]"),
        ("", "(withdrawn)"),
        ("", "Withdrawal requested by the author"),
        ("", "arXiv admin note: withdrawn by arXiv admin due to inappropriate claims"),
        ("", "This submission has been removed by arXiv administrators because of its claims"),
        ("", "Due to an error in Lemma 3, this paper has been withdrawn"),
        ("", "We have decided to withdraw this manuscript"),
        ("", "We have to withdraw the paper because of a gap"),
        ("", "We are withdrawing this paper. 12 pages"),
        ("", "The author has withdrawn this paper due to a crucial sign error in equation 1"),
        ("", "This paper has been withdrawn by the author(s), due to a mistake"),
        ("", "This preprint is withdrawn as it needs more experiments"),
        ("", "The paper is being withdrawn"),
        ("", "Article withdrawn by the authors"),
        (
            "The full text of this preprint has been withdrawn by the authors while they make "
            "corrections to the work.",
            "",
        ),
        ("At the request of the authors, this preprint has been withdrawn.", ""),
        (
            "The Publisher regrets that this article is an accidental duplication of an article "
            "that has already been published. The duplicate article has therefore been withdrawn.",
            "",
        ),
        ("This article has been withdrawn at the request of the author(s) and/or editor.", ""),
        (
            "This article has been retracted: please see Elsevier Policy on Article Withdrawal",
            "",
        ),
        ("The PLOS ONE Editors retract this article because of concerns.", ""),
        (
            "The above article, published online on 2 May 2026 in the library of its publisher, "
            "has been retracted by agreement between the Editor and the publisher.",
            "",
        ),
        ("Cet article a été retiré à la demande des auteurs.", ""),
        ("Dieser Artikel wurde zurückgezogen.", ""),
        ("Este artículo ha sido retirado por los autores.", ""),
        ("本文已撤稿。", ""),
    ],
)
def test_03_a_statement_about_this_paper_withdraws_it(abstract: str, comment: str) -> None:
    assert is_withdrawn(abstract, comment)


@pytest.mark.parametrize(
    ("abstract", "comment"),
    [
        ("When a paper is withdrawn from arXiv, its citations often continue. We count them.", ""),
        ("We ask what happens after a submission was withdrawn by its authors.", ""),
        ("", "Withdrawn from NeurIPS 2025"),
        ("", "This paper was withdrawn from ICLR 2026 and is under review elsewhere"),
        ("We have withdrawn this paper from the workshop track.", "Withdrawn from ICML"),
        ("", "An earlier version of this paper was withdrawn; this one replaces it"),
        ("", "Replaces arXiv:2401.00001, which has been withdrawn"),
        ("Retracted articles keep being cited. We study why this happens.", ""),
        ("If the authors withdraw the manuscript, editors are told.", ""),
        ("The drug was withdrawn from the market. This work asks why.", ""),
        ("Withdrawn patients were excluded from the analysis.", ""),
        ("Participants withdrew consent. We withdraw heat from the system.", ""),
        ("This paper studies retracted and withdrawn preprints on medRxiv.", ""),
        ("We present a corpus of cases where the journal has retracted the article.", ""),
        ("", "Accepted at ACL. 12 pages"),
        ("", "This paper was withdrawn by the authors from ICLR 2025"),
        ("", "Submitted to ICLR 2026 and withdrawn"),
        ("", "ICLR 2026 Conference Withdrawn Submission"),
        ("", "This submission was withdrawn during the review process at ICLR 2026"),
        ("", "This paper was previously withdrawn; this is the corrected version"),
        ("In 1998 a paper linked the two. The paper was retracted in 2010. We study why.", ""),
        ("We study retracted papers and how they are cited.", ""),
        ("The article by Doe was retracted. Its citations are studied here.", ""),
        ("A paper that has been withdrawn leaves traces.", ""),
        ("This paper has been cited by papers that were withdrawn.", ""),
        ("Does this paper have to be withdrawn? We ask reviewers.", ""),
        ("We ask whether this article should be retracted.", ""),
        ("The authors of this study were withdrawn from the trial.", ""),
        ("We remove this paper's bias by sampling.", ""),
    ],
)
def test_03_talk_about_withdrawals_withdraws_nothing(abstract: str, comment: str) -> None:
    assert not is_withdrawn(abstract, comment)


def test_02_a_title_alone_withdraws() -> None:
    assert judged("WITHDRAWN: Neurons", "An abstract.").kind is WITHDRAWN
    assert judged("Neurons", "The authors have withdrawn this manuscript.").kind is WITHDRAWN
    assert (
        judged("Neurons", "This article has been retracted at the editor's request.").kind
        is RETRACTED
    )


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("Obituary", FRONT),
        ("Book Review", FRONT),
        ("ISSUE INFORMATION", FRONT),
        ("Front Matter", FRONT),
        ("Corrigenda", CORRECTION),
        ("Author Correction", CORRECTION),
        ("Retraction Note", RETRACTION),
        ("Expression of Concern", CONCERN),
        ("Research Article", PAPER),
        ("Error correction", PAPER),
        ("Retraction of muscles", PAPER),
        ("", PAPER),
    ],
)
def test_13_a_section_of_the_journal_says_what_stands_in_it(section: str, kind: RecordKind) -> None:
    title = "JANE DOE (1927–2021)"
    assert judged(title, "A text.", sections=["Animalia", section]).kind is kind
    assert judged("Retracted: Neurons", "A text.", sections=[section]).kind is RETRACTED
