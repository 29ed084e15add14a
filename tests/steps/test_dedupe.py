"""Identity and merging: what is one paper, what must never become one, and that order and
repetition change nothing.
"""

import itertools
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dedupe_quality import pairs
from newsletter.models import Merge, Paper, Sighting
from newsletter.steps.combine import combine, lookup_keys, paper_keys, remade
from newsletter.steps.dedupe import _within_reach, dedupe
from newsletter.steps.identity import same_paper

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
TITLE = "Sparse Attention for Long Documents without Retraining"
PEOPLE = ("Ann Lee", "Bo Chen", "Carla Díaz")


def seen(source: str = "arxiv", source_id: str = "", title: str = TITLE, **more: Any) -> Sighting:
    return Sighting(source, source_id or f"{source}-{title}", title, **({"authors": PEOPLE} | more))


def arxiv(id: str = "2605.00001", **more: Any) -> Sighting:
    more = {"identifiers": (f"arxiv:{id}",), "published": NOW, "fields": ("cs.CL",)} | more
    return seen("arxiv", f"oai:arXiv.org:{id}", **more)


def remembered(merges: list[Merge]) -> list[Paper]:
    return [
        replace(merge.paper, key=merge.paper.key or number)
        for number, merge in enumerate(merges, 1)
    ]


# -- same, by identifier ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("arxiv:2605.00001", "arxiv:2605.00001v3", "same arXiv id"),
        ("arxiv:2605.00001", "doi:10.48550/arXiv.2605.00001", "same arXiv id"),
        ("arxiv:hep-ex/0307015", "arxiv:hep-ex/0307015v2", "same arXiv id"),
        ("doi:10.1038/S41586-026-1", "doi:10.1038/s41586-026-1", "same DOI"),
        ("doi:10.1101/2026.05.01.123456", "doi:10.1101/2026.05.01.123456v2", "same DOI"),
        ("doi:10.21203/rs.3.rs-4567890/v1", "doi:10.21203/rs.3.rs-4567890/v2", "same DOI"),
        (
            "doi:10.20944/preprints202401.0001.v1",
            "doi:10.20944/preprints202401.0001.v2",
            "same DOI",
        ),
        ("doi:10.26434/chemrxiv-2024-abcde", "doi:10.26434/chemrxiv-2024-abcde-v2", "same DOI"),
        ("doi:10.31219/osf.io/abcde_v1", "doi:10.31219/osf.io/abcde_v2", "same DOI"),
        ("openreview:aVh9KRZdRk", "openreview:aVh9KRZdRk", "same OpenReview id"),
    ],
)
def test_an_identifier_in_common_makes_one_paper_whatever_the_titles(
    one: str, other: str, why: str
) -> None:
    a = seen("a", title="A first title", identifiers=(one,))
    b = seen("b", title="Quite another wording of it", authors=(), identifiers=(other,))
    assert same_paper(a, b) == same_paper(b, a)
    assert same_paper(a, b).is_same
    assert same_paper(a, b).why == why


def test_an_arxiv_id_in_common_does_not_join_two_works_with_dois_of_their_own() -> None:
    wheat = seen(
        "j",
        "1",
        "Wheat yield in Portugal",
        authors=("Rui Costa",),
        identifiers=("arxiv:2401.12345", "doi:10.5555/aaa.1"),
    )
    dots = seen(
        "j",
        "2",
        "Quantum dots at noon",
        authors=("Bob Wu",),
        identifiers=("arxiv:2401.12345", "doi:10.5555/bbb.2"),
    )
    assert not same_paper(wheat, dots).is_same
    twin = replace(wheat, source_id="3", identifiers=("arxiv:2401.12345", "doi:10.5555/ccc.3"))
    assert same_paper(wheat, twin).is_same  # a talk and its journal version


def test_preprint_and_journal_version_are_one_paper_by_title_and_authors() -> None:
    preprint = seen(
        "biorxiv",
        identifiers=("doi:10.1101/2024.01.02.345678",),
        published=NOW - timedelta(days=900),
    )
    article = seen(
        "journal",
        identifiers=("doi:10.1016/j.cell.2026.01.001",),
        authors=("A. Lee", "B. Chen", "C. Diaz"),
    )
    assert same_paper(preprint, article).is_same


def test_withdrawn_work_that_comes_back_under_a_new_arxiv_id_is_one_paper() -> None:
    gone, back = arxiv("2604.11111", version=2, is_withdrawn=True), arxiv("2605.00001")
    (merge,) = dedupe([gone, back], [], NOW)
    assert merge.paper.identifiers == ("arxiv:2604.11111", "arxiv:2605.00001")
    assert not merge.paper.is_withdrawn


# -- same, by text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "sparse attention for long documents without retraining.",
        "Sparse   Attention for Long Documents without Re-training",
        "Sparse Attention for Long Documents, without Retraining",
        r"\textbf{Sparse} Attention for Long Documents without Retraining",
        "<i>Sparse</i> Attention for Long Documents without Retraining",
        "Sparse Attention for Long Document without Retraining",
    ],
)
def test_case_markup_hyphens_and_a_typing_error_do_not_make_another_paper(title: str) -> None:
    assert same_paper(arxiv(), seen("feed", title=title, identifiers=("doi:10.1000/x",))).is_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"The $\alpha$-decay of Schr\"odinger operators", "The α-decay of Schrödinger operators"),
        ("Éléments de géométrie algébrique", "Elements de geometrie algebrique"),
        (
            "Modelling &amp; control of beam–beam effects",
            "Modelling and control of beam-beam effects",
        ),
    ],
)
def test_latex_accents_and_entities_are_spelling(one: str, other: str) -> None:
    assert same_paper(
        arxiv(title=one), seen("feed", title=other, identifiers=("doi:10.1000/x",))
    ).is_same


def test_a_dropped_subtitle_is_the_same_paper_when_everybody_is_the_same() -> None:
    long = arxiv(title="Sparse Attention for Long Documents: A Method without Retraining")
    short = seen(
        "feed", title="Sparse attention for long documents", identifiers=("doi:10.1000/x",)
    )
    assert same_paper(long, short).is_same
    assert not same_paper(long, replace(short, authors=PEOPLE[:1])).is_same


@pytest.mark.parametrize(
    "authors",
    [
        ("A. Lee", "B. Chen", "C. Diaz"),
        ("Lee, Ann", "Chen, Bo", "Díaz, Carla"),
        ("Lee A", "Chen B", "Diaz C"),
        ("Carla Diaz", "Bo Chen", "Ann Lee"),
        ("Ann Lee", "Bo Chen et al."),
        ("The SPARSE Collaboration",),
        (),
    ],
)
def test_authors_go_together_in_any_usual_spelling(authors: tuple[str, ...]) -> None:
    assert same_paper(
        arxiv(), seen("feed", authors=authors, identifiers=("doi:10.1000/x",))
    ).is_same


# -- never the same --------------------------------------------------------------------------------

TRAPS = [
    ("On the structure of random graphs, Part I", "On the structure of random graphs, Part II"),
    ("Foundations of inference. I. Theory", "Foundations of inference. II. Practice"),
    ("Results of the shared task 2024", "Results of the shared task 2025"),
    ("Scaling laws for Llama 2", "Scaling laws for Llama 3"),
    (TITLE, f"Reply to: {TITLE}"),
    (TITLE, f"Corrigendum: {TITLE}"),
    (TITLE, f"{TITLE}: a comment"),
    (TITLE, f"Erratum to “{TITLE}”"),
    (TITLE, f"{TITLE} revisited"),
    (
        "Learning with supervised contrastive objectives",
        "Learning with unsupervised contrastive objectives",
    ),
    ("Memory with attention in deep networks", "Memory without attention in deep networks"),
    ("From text to image with diffusion models", "From image to text with diffusion models"),
    ("Macroscopic models of traffic flow", "Microscopic models of traffic flow"),
    ("Hypertension in pregnancy and its outcomes", "Hypotension in pregnancy and its outcomes"),
    ("Editorial", "Editorial"),
    ("Guest editorial: special issue", "Guest editorial: special issue"),
    ("Book reviews", "Book reviews"),
]


@pytest.mark.parametrize(("one", "other"), TRAPS)
@pytest.mark.parametrize("identifiers", [(), ("doi:10.1000/x",)])
def test_two_texts_by_the_same_people_are_never_one_paper(
    one: str, other: str, identifiers: tuple[str, ...]
) -> None:
    a = seen("a", "1", title=one)
    b = seen("b", "2", title=other, identifiers=identifiers)
    assert not same_paper(a, b).is_same
    assert not same_paper(b, a).is_same
    assert len(dedupe([a, b], [], NOW)) == 2


def test_one_word_more_in_front_is_another_paper() -> None:
    one = seen("a", "1", title="Learning with noisy labels on graphs")
    other = seen(
        "b", "2", title="Deep learning with noisy labels on graphs", identifiers=("doi:10.1000/x",)
    )
    assert not same_paper(one, other).is_same


@pytest.mark.parametrize(
    "other",
    [
        arxiv("2605.00002"),
        seen("feed", authors=("Dan Novak", "Eve Stone")),
        seen("feed", authors=("Dan Novak", "Eve Stone"), identifiers=("doi:10.1000/x",)),
    ],
)
def test_the_same_title_is_not_enough(other: Sighting) -> None:
    assert not same_paper(arxiv(), other).is_same


def test_entries_with_a_page_of_their_own_must_agree_in_every_word() -> None:
    """A bare reference may have lost its end; what a publisher shows on its page has not."""
    short, long = (
        "Neural scaling laws of transformers",
        "Neural scaling laws of transformers for vision",
    )
    page = {"abs": "https://x.example/1"}
    assert same_paper(seen("a", "1", title=short), seen("b", "2", title=long)).is_same
    assert not same_paper(
        seen("a", "1", title=short, links=page), seen("b", "2", title=long, links=page)
    ).is_same


def test_two_journal_dois_years_or_abstracts_speak_against() -> None:
    one = seen(
        "a",
        "1",
        identifiers=("doi:10.1000/x",),
        published=NOW,
        abstract="We study spin glasses. " * 20,
    )
    assert not same_paper(one, seen("b", "2", identifiers=("doi:10.2000/y",))).is_same
    assert not same_paper(one, seen("b", "2", published=NOW - timedelta(days=1500))).is_same
    assert not same_paper(
        one, seen("b", "2", abstract="Bread is baked by many hands. " * 20)
    ).is_same


def test_a_record_without_authors_ties_no_strangers_together() -> None:
    mine, nobodys = seen("a", "1"), seen("b", "2", authors=())
    theirs = seen("c", "3", authors=("Dan Novak",))
    for order in itertools.permutations((mine, nobodys, theirs)):
        groups = [{s.source for s in merge.sightings} for merge in dedupe(order, [], NOW)]
        assert not any({"a", "c"} <= group for group in groups)


def test_C20_a_feed_that_gives_every_entry_one_id_does_not_melt_them() -> None:
    entries = [
        seen("feed", "0", title=f"{w} in the light of day and night", authors=(f"{w} Author",))
        for w in ("Apples", "Zebras", "Quarks", "Violins")
    ]
    merges = dedupe(entries, [], NOW)
    assert len(merges) == 4
    assert len({merge.paper.id for merge in merges}) == 4


def test_C20_an_entry_whose_text_changed_is_still_the_same_paper() -> None:
    (merge,) = dedupe([seen("feed", "https://x.example/1")], [], NOW)
    (known,) = remembered([merge])
    (again,) = dedupe(
        [seen("feed", "https://x.example/1", title=TITLE.replace("Long", "Endless"))], [known], NOW
    )
    assert again.paper.key == known.key
    assert again.why == ("same entry",)


# -- merging ---------------------------------------------------------------------------------------


def test_a_merged_paper_has_the_best_of_each_field() -> None:
    abstract = "arXiv's abstract. " * 20
    merges = dedupe(
        [
            seen(
                "huggingface",
                "2605.00001",
                identifiers=("arxiv:2605.00001",),
                abstract="hf",
                summary="In short.",
                affiliations=("Inria",),
                links={"code": "https://github.com/a/b", "abs": "https://hf.co/x"},
                published=NOW - timedelta(days=1),
            ),
            arxiv(abstract=abstract, version=2, links={"abs": "https://arxiv.org/abs/2605.00001"}),
            seen(
                "journal",
                "j1",
                identifiers=("doi:10.1000/x",),
                authors=(*PEOPLE, "Dan Novak"),
                abstract="cut …",
            ),
        ],
        [],
        NOW,
    )
    (merge,) = merges
    paper = merge.paper
    assert paper.id == "2605.00001"
    assert paper.abstract == abstract
    assert paper.summary == "In short."
    assert paper.affiliations == ("Inria",)
    assert paper.links == {
        "code": "https://github.com/a/b",
        "abs": "https://arxiv.org/abs/2605.00001",
    }
    assert paper.authors == (*PEOPLE, "Dan Novak")
    assert paper.identifiers == ("arxiv:2605.00001", "doi:10.1000/x")
    assert (paper.version, paper.published, paper.first_seen) == (2, NOW - timedelta(days=1), NOW)
    assert merge.why == ("new", "same title and authors", "same arXiv id")


def test_C21_a_new_version_updates_and_is_never_new() -> None:
    (known,) = remembered(dedupe([arxiv(abstract="old")], [], NOW))
    later = NOW + timedelta(days=3)
    (merge,) = dedupe([arxiv(abstract="new", version=2, announce="replace")], [known], later)
    assert (merge.paper.key, merge.paper.id, merge.paper.first_seen) == (known.key, known.id, NOW)
    assert (merge.paper.version, merge.paper.abstract, merge.is_changed) == (2, "new", True)


def test_C21_a_cross_list_in_five_categories_is_one_paper() -> None:
    copies = [
        arxiv(announce="cross", fields=("cs.CL", f"cs.{name}"))
        for name in ("AI", "LG", "IR", "CV", "NE")
    ]
    (merge,) = dedupe(copies, [], NOW)
    assert merge.paper.fields[0] == "cs.CL"
    assert len(merge.paper.fields) == 6


@pytest.mark.parametrize("announce", ["replace", "replace-cross"])
def test_a_replacement_of_an_unknown_paper_is_kept_but_is_no_news(announce: str) -> None:
    (merge,) = dedupe([arxiv(announce=announce, version=3)], [], NOW)
    assert merge.why == ("replacement of an unknown paper",)
    assert merge.paper.first_seen is not None
    assert merge.paper.first_seen <= NOW - timedelta(days=30)
    shown_elsewhere = seen("huggingface", "2605.00001", identifiers=("arxiv:2605.00001",))
    (merge,) = dedupe([arxiv(announce=announce, version=3), shown_elsewhere], [], NOW)
    assert merge.why == ("new", "same arXiv id")
    assert merge.paper.first_seen == NOW


def test_a_withdrawal_is_noted_and_the_text_is_kept() -> None:
    (known,) = remembered(dedupe([arxiv(abstract="We prove it.")], [], NOW))
    notice = arxiv(
        version=2, announce="replace", abstract="This paper has been withdrawn.", is_withdrawn=True
    )
    (merge,) = dedupe([notice], [known], NOW)
    assert merge.paper.is_withdrawn
    assert merge.paper.abstract == "We prove it."


def test_two_known_papers_are_never_joined() -> None:
    first, second = remembered([*dedupe([arxiv()], [], NOW), *dedupe([seen("feed", "9")], [], NOW)])
    both = dedupe([arxiv(), seen("feed", "9")], [first, second], NOW)
    assert sorted(merge.paper.key for merge in both) == [1, 2]


@pytest.mark.parametrize(
    ("sighting", "id"),
    [
        (arxiv(), "2605.00001"),
        (seen("j", "x", identifiers=("doi:10.1000/ABC",)), "10.1000/abc"),
        (seen("openreview", "aVh9KRZdRk"), "aVh9KRZdRk"),
        (seen("My Feed", "https://x.example/?p=1"), "my-feed-"),
        (seen("pubmed", "39912345"), "pubmed-"),
    ],
)
def test_the_public_id_is_the_best_name_there_is(sighting: Sighting, id: str) -> None:
    (merge,) = dedupe([sighting], [], NOW)
    assert merge.paper.id == id or (
        id.endswith("-") and merge.paper.id.startswith(id) and len(merge.paper.id) == len(id) + 12
    )
    assert set(lookup_keys(sighting)) & set(paper_keys(merge.paper))


def test_a_wrong_merge_can_be_split_into_the_papers_of_its_sightings() -> None:
    a, b = arxiv(), seen("feed", "7", identifiers=("doi:10.1000/x",))
    (merged,) = remembered(dedupe([a, b], [], NOW))
    rest, split = (
        combine([a], NOW, replace(merged, identifiers=())),
        combine([b], NOW, taken={merged.id}),
    )
    assert (rest.id, rest.identifiers) == ("2605.00001", ("arxiv:2605.00001",))
    assert (split.id, split.identifiers, split.key) == ("10.1000/x", ("doi:10.1000/x",), 0)


# -- laws ------------------------------------------------------------------------------------------

_TITLES = st.sampled_from(
    [TITLE, TITLE.lower(), f"{TITLE}: Part II", "Editorial", "On spin glasses and their limits", ""]
)
_IDS = st.sampled_from(
    ["arxiv:2605.00001", "arxiv:2605.00002v2", "doi:10.1000/x", "doi:10.1101/2026.05.01.123456"]
)
_SIGHTINGS = st.builds(
    Sighting,
    source=st.sampled_from(["arxiv", "huggingface", "feed", "other"]),
    source_id=st.sampled_from(["1", "2", "abc-123x"]),
    title=_TITLES,
    abstract=st.sampled_from(["", "short", "long " * 60]),
    authors=st.sampled_from([(), PEOPLE, ("A. Lee", "B. Chen"), ("Dan Novak",)]),
    identifiers=st.lists(_IDS, max_size=2).map(tuple),
    version=st.integers(1, 3),
    announce=st.sampled_from(["new", "replace"]),
    published=st.sampled_from([None, NOW, NOW - timedelta(days=400)]),
    is_withdrawn=st.booleans(),
)


@given(st.lists(_SIGHTINGS, max_size=7), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_sightings_changes_nothing(
    sightings: list[Sighting], chance: random.Random
) -> None:
    shuffled = list(sightings)
    chance.shuffle(shuffled)
    assert dedupe(shuffled, [], NOW) == dedupe(sightings, [], NOW)


@given(st.lists(_SIGHTINGS, max_size=7))
@settings(max_examples=150, deadline=None)
def test_every_sighting_lands_in_one_paper_and_ids_are_unique(sightings: list[Sighting]) -> None:
    merges = dedupe(sightings, [], NOW)
    assert sum(len(merge.sightings) for merge in merges) == len(sightings)
    assert all(len(merge.why) == len(merge.sightings) and all(merge.why) for merge in merges)
    assert len({merge.paper.id for merge in merges}) == len(merges)


def _honest(sighting: Sighting) -> Sighting:
    """The same identifier always comes with the same title and people, as it does outside of
    tests.
    """
    if not sighting.identifiers:
        return sighting
    name = sighting.identifiers[0]
    place = "title of " + " ".join(name[-5:])
    return replace(
        sighting,
        identifiers=(name,),
        title=f"A long and telling {place}",
        authors=(f"Ann {name[-5:]}",),
    )


@given(st.lists(_SIGHTINGS.map(_honest), max_size=5, unique_by=lambda s: (s.source, s.source_id)))
@settings(max_examples=150, deadline=None)
def test_seeing_everything_again_makes_no_new_paper(sightings: list[Sighting]) -> None:
    known = remembered(dedupe(sightings, [], NOW))
    again = dedupe(sightings, known, NOW + timedelta(days=1))
    assert all(merge.paper.key for merge in again)
    twice = dedupe(
        sightings,
        [m.paper for m in again] + [p for p in known if p.key not in {m.paper.key for m in again}],
        NOW,
    )
    assert not any(merge.is_changed for merge in twice)


@given(st.lists(_SIGHTINGS, max_size=5), st.lists(_SIGHTINGS, max_size=5))
@settings(max_examples=300, deadline=None)
def test_known_papers_that_are_not_compared_could_not_have_been_joined(
    before: list[Sighting], sightings: list[Sighting]
) -> None:
    known = remembered(dedupe(before, [], NOW))
    near = list(_within_reach(known, sightings, {}))
    far = [paper for paper in known if paper not in near]
    verdicts = [same_paper(paper, sighting) for paper in far for sighting in sightings]
    assert {verdict.why for verdict in verdicts} <= {"another arXiv id"}


def test_a_batch_of_arxiv_papers_is_not_compared_with_known_ones_of_other_ids() -> None:
    known = remembered(
        [*dedupe([arxiv("2605.00001")], [], NOW), *dedupe([seen("feed", "9")], [], NOW)]
    )
    assert list(_within_reach(known, [arxiv("2605.00002")], {})) == known[1:]
    assert list(_within_reach(known, [arxiv("2605.00002"), seen("feed", "10")], {})) == known
    assert (
        list(_within_reach(known, [arxiv("2605.00002")], {("journal", "7"): known[0].key})) == known
    )


@given(_SIGHTINGS, _SIGHTINGS)
@settings(max_examples=300, deadline=None)
def test_the_decision_is_symmetric(a: Sighting, b: Sighting) -> None:
    assert same_paper(a, b) == same_paper(b, a)


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=3))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_it(title: str, authors: list[str]) -> None:
    odd = Sighting("s", title, title, authors=tuple(authors))
    (merge,) = dedupe([odd], [], NOW)
    assert set(lookup_keys(odd)) & set(paper_keys(merge.paper))


# -- real data -------------------------------------------------------------------------------------


def test_ten_days_of_arxiv_give_one_paper_per_id(data_dir: Path) -> None:
    files = sorted((data_dir / "arxiv_daily").glob("*.jsonl"))[:3]
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    merges = dedupe(
        [
            Sighting(
                "arxiv",
                row["id"],
                row["title"],
                row["summary"],
                tuple(row["authors"]),
                tuple(row["categories"]),
                (f"arxiv:{row['id']}",),
            )
            for row in rows
        ],
        [],
        NOW,
    )
    assert sorted(merge.paper.id for merge in merges) == sorted({row["id"] for row in rows})


@pytest.mark.parametrize(
    ("file", "precision", "f1"),
    [
        ("dblp_acm_pairs/train.txt", 0.99, 0.984),
        ("dblp_acm_pairs/valid.txt", 0.99, 0.984),
        ("dblp_scholar_pairs/valid.txt", 0.96, 0.923),
    ],
)
def test_labelled_pairs_are_decided_better_than_magellan_does(
    data_dir: Path, file: str, precision: float, f1: float
) -> None:
    result = pairs(data_dir / "er" / file)
    assert result["precision"] >= precision
    assert result["f1"] > f1


def test_a_paper_that_is_made_again_keeps_what_is_its_own() -> None:
    own = Paper("doi:10.1000/old", "A title of before", key=7, first_seen=NOW, is_hidden=True)
    made = remade(own, [arxiv(title=TITLE)], NOW + timedelta(days=3))
    assert (made.id, made.key, made.first_seen, made.is_hidden) == (own.id, 7, NOW, True)
    assert (made.title, made.authors) == (TITLE, PEOPLE)
    assert remade(own, [], NOW) is own
