"""What a record is, and what it says of its paper."""

import pytest

from newsletter.models import RecordKind
from newsletter.sources.arxiv_records import is_withdrawn
from newsletter.text.statements import judged, statement_of

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
