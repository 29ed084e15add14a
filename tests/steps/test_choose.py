"""The rules of the digest: by example, and as laws over made-up worlds."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.models import (
    FOLLOWED,
    MATCH_CUT,
    NEAR_GIVEN,
    OUTSIDE,
    Choice,
    Fact,
    Heat,
    Match,
    Opinions,
    Paper,
    Reason,
    Subscriber,
    Topic,
)
from newsletter.steps.candidates import HEAD, PER_AUTHOR, telling
from newsletter.steps.choose import CandidateSet, choose

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
READER = Subscriber(1, "ada@example.org", topics=(1,))
#: Words that no two titles share, so that only tests that want near-duplicates have them.
WORDS = [
    f"{a}{b}{c}"
    for a in "bdfgk"
    for b in "aeiou"
    for c in ("lt", "mp", "rn", "sk", "xt", "nd", "pt", "rk")
]


def paper(
    key: int, title: str = "", *, author: str = "", hours: float = 1, **more: object
) -> Paper:
    title = title or " ".join(WORDS[(key * 3 + n) % len(WORDS)] for n in range(3))
    seen = NOW - timedelta(hours=hours)
    first = author or f"Ann {WORDS[key % len(WORDS)].title()}"
    return Paper(id=f"p{key}", title=title, key=key, authors=(first,), first_seen=seen, **more)


def topic(id: int, **more: object) -> Topic:
    return Topic(id, f"topic-{id}", f"Topic {id}", f"word{id}", **more)


def world(
    papers: list[Paper],
    matches: dict[int, dict[int, float]],
    heats: dict[int, Heat] | None = None,
) -> CandidateSet:
    found = {
        id: [Match(key, score, ("word",)) for key, score in scores.items()]
        for id, scores in matches.items()
    }
    return CandidateSet.prepare(papers, heats or {}, found, {id: topic(id) for id in matches}, NOW)


def keys(choice: Choice) -> list[int]:
    return [pick.paper for pick in choice.picks]


def test_the_best_come_first_and_never_more_than_asked_for() -> None:
    candidates = world(
        [paper(n) for n in range(1, 31)], {1: {n: 0.6 + n / 100 for n in range(1, 31)}}
    )
    for size in (5, 8, 12):
        choice = choose(replace(READER, size=size), candidates, set())
        assert keys(choice) == list(range(30, 30 - size, -1))
        assert choice.left_out == {"size": 30 - size} and choice.considered == 30


def test_below_the_cut_nothing_comes_in_and_nothing_is_padded() -> None:
    candidates = world([paper(1), paper(2)], {1: {1: MATCH_CUT - 0.01, 2: MATCH_CUT}})
    assert keys(choose(READER, candidates, set())) == [2]
    assert choose(READER, candidates, {2}).picks == ()


def test_a_topic_has_at_most_half_of_a_mail_of_several() -> None:
    candidates = world(
        [paper(n) for n in range(1, 21)],
        {1: dict.fromkeys(range(1, 11), 0.9), 2: dict.fromkeys(range(11, 21), 0.6)},
    )
    choice = choose(replace(READER, topics=(1, 2)), candidates, set())
    assert Counter(pick.topic for pick in choice.picks) == {1: 4, 2: 4}
    assert [pick.topic for pick in choice.picks] == [1] * 4 + [
        2
    ] * 4  # sections by their best score
    assert sum(choice.left_out.values()) == 12


def test_a_paper_that_one_topic_has_no_room_for_may_come_in_by_another() -> None:
    both = dict.fromkeys(range(1, 9), 0.9)
    candidates = world([paper(n) for n in range(1, 9)], {1: both, 2: dict.fromkeys(both, 0.6)})
    choice = choose(replace(READER, topics=(1, 2)), candidates, set())
    assert sorted(keys(choice)) == list(range(1, 9)) and not choice.left_out


def test_two_papers_of_one_first_or_last_author_are_enough() -> None:
    papers = [paper(n, author="Grace Hopper") for n in range(1, 5)]
    assert (
        len(choose(READER, world(papers, {1: dict.fromkeys(range(1, 5), 0.9)}), set()).picks)
        == PER_AUTHOR
    )


def test_a_paper_from_outside_comes_beside_five_of_the_readers_own() -> None:
    papers, heats = [paper(n) for n in range(1, 9)], {8: Heat(0.99, 4, "cs.LG")}
    five, four = ({1: {n: 0.9 - n / 100 for n in range(1, 1 + count)}} for count in (5, 4))
    assert keys(choose(READER, world(papers, five, heats), set())) == [1, 2, 3, 4, 5, 8]
    assert keys(choose(READER, world(papers, four, heats), set())) == [1, 2, 3, 4]
    small = replace(READER, size=5)
    assert keys(choose(small, world(papers, five, heats), set())) == [1, 2, 3, 4, 5]


def test_a_paper_from_outside_comes_at_most_twice_a_week() -> None:
    papers, heats = [paper(n) for n in range(1, 9)], {8: Heat(0.99, 4, "cs.LG")}
    found = {1: [Match(n, 0.9) for n in range(1, 6)]}
    outsiders = 0
    for days in range(7):
        now = NOW + timedelta(days=days)
        fresh = [replace(one, first_seen=now) for one in papers]
        candidates = CandidateSet.prepare(fresh, heats, found, {1: topic(1)}, now)
        outsiders += 8 in keys(choose(READER, candidates, set()))
    assert outsiders == 2


def test_the_paper_from_outside_is_of_the_nearest_field() -> None:
    heats = {n: Heat(0.99 + n / 10_000, 4, "") for n in (6, 7, 8)}
    fields = {6: ("cs.CL",), 7: ("cs.RO",), 8: ("math.NA",)}
    papers = [paper(n, fields=fields.get(n, ("cs.CL", "cs.LG"))) for n in range(1, 9)]
    candidates = world(papers, {1: dict.fromkeys(range(1, 6), 0.9)}, heats)
    assert keys(choose(READER, candidates, set()))[-1] == 6
    assert keys(choose(READER, candidates, {6}))[-1] == 7
    assert keys(choose(READER, candidates, {6, 7}))[-1] == 8


def test_a_hot_mention_in_passing_never_stands_before_a_perfect_title() -> None:
    heats = {2: Heat(1.0, 4, "")}
    for mix in ("match", "balanced"):
        candidates = world([paper(1), paper(2)], {1: {1: 0.95, 2: 0.52}}, heats)
        assert keys(choose(replace(READER, mix=mix), candidates, set())) == [1, 2]


def test_one_of_a_cluster_of_near_duplicates_is_shown() -> None:
    papers = [
        paper(1, "Sparse attention for long documents at scale"),
        paper(2, "Long documents: sparse attention at scale"),
        paper(3, "Tides in shallow lakes"),
    ]
    choice = choose(READER, world(papers, {1: {1: 0.7, 2: 0.8, 3: 0.6}}), set())
    assert keys(choice) == [2, 3] and choice.left_out == {"near_duplicate": 1}


def test_what_was_sent_once_never_comes_again() -> None:
    candidates = world([paper(1), paper(2)], {1: {1: 0.9, 2: 0.8}})
    choice = choose(READER, candidates, {1})
    assert keys(choice) == [2] and choice.left_out == {"seen": 1}


@pytest.mark.parametrize("word", ["quantum", "Quantum", "error corrections", "código"])
def test_muted_words_keep_papers_out_in_any_spelling(word: str) -> None:
    papers = [
        paper(1, "Quantum error correction", abstract="El codigo."),
        paper(2, "Tides in shallow lakes"),
    ]
    choice = choose(replace(READER, muted=(word, " ")), world(papers, {1: {1: 0.9, 2: 0.8}}), set())
    assert keys(choice) == [2] and choice.left_out == {"muted": 1}
    assert [(rule, pick.paper) for rule, pick in choice.passed] == [("muted", 1)]


def test_a_muted_word_is_not_a_part_of_another() -> None:
    candidates = world([paper(1, "Grammar in the Middle Ages")], {1: {1: 0.9}})
    assert keys(choose(replace(READER, muted=("ram",)), candidates, set())) == [1]


def test_a_paper_may_enter_for_seven_days() -> None:
    papers = [
        paper(1, hours=167),
        paper(2, hours=169),
        paper(3, hours=-1),
        paper(4, is_hidden=True),
    ]
    candidates = world([*papers, paper(5, is_withdrawn=True)], {1: dict.fromkeys(range(1, 6), 0.9)})
    assert keys(choose(READER, candidates, set())) == [1]


@pytest.mark.parametrize(
    ("followed", "author", "is_found"),
    [
        ("Ada Lovelace", "Ada Lovelace", True),
        ("ada lovelace", "A. Lovelace", True),
        ("José García", "Jose Garcia", True),
        ("Ada Lovelace", "Ada M. Lovelace", True),
        ("Ada Lovelace", "Anne Lovelace", False),
        ("J. Smith", "John Smith", False),
        ("J. Smith", "J. Smith", True),
        ("Smith", "John Smith", False),
        ("ATLAS Collaboration", "ATLAS Collaboration", True),
        ("李飞飞", "李飞飞", True),
        ("李飞飞", "李 飞飞", True),
        ("李飞飞", "李飞", False),
        ("김철수", "김철수", True),
        ("G Hinton", "G. E. Hinton", True),
        ("A. van den Oord", "Aäron van den Oord", True),
        ("Aaron van den Oord", "A. van den Oord", True),
    ],
)
def test_followed_authors_get_in(followed: str, author: str, is_found: bool) -> None:
    candidates = world([paper(1, author=author)], {1: {}})
    choice = choose(replace(READER, follows=(followed,)), candidates, set())
    assert keys(choice) == ([1] if is_found else [])
    if is_found:
        [pick] = choice.picks
        assert pick.topic == FOLLOWED and pick.reasons == (Reason("author", followed),)


def test_followed_authors_are_held_by_no_cap_and_come_before_the_rest() -> None:
    papers = [paper(n, author="Ada Lovelace") for n in range(1, 5)] + [
        paper(n) for n in range(5, 30)
    ]
    candidates = world(papers, {1: dict.fromkeys(range(5, 30), 0.95)})
    choice = choose(replace(READER, follows=("Ada Lovelace",), size=5), candidates, {1})
    assert {2, 3, 4} < set(keys(choice)) and len(choice.picks) == 5


def test_a_hot_only_reader_gets_hot_papers_only() -> None:
    heats = {1: Heat(0.99, 3, "cs"), 2: Heat(0.9, 2, "cs")}
    candidates = world([paper(1), paper(2)], {1: {1: 0.6, 2: 0.9}}, heats)
    choice = choose(replace(READER, rhythm="hot"), candidates, set())
    assert keys(choice) == [1] and choice.left_out == {"not_hot": 1}


def test_match_or_buzz_is_the_readers() -> None:
    candidates = world(
        [paper(1), paper(2)], {1: {1: 0.9, 2: 0.75}}, {1: Heat(0.3, 1, ""), 2: Heat(0.99, 3, "")}
    )
    assert keys(choose(replace(READER, mix="match"), candidates, set())) == [1, 2]
    assert keys(choose(replace(READER, mix="trend"), candidates, set())) == [2, 1]


def test_the_last_slot_goes_to_one_surging_paper_from_outside() -> None:
    heats = {20: Heat(0.995, 4, "cs"), 21: Heat(0.999, 4, "cs")}
    candidates = world(
        [paper(n) for n in range(1, 22)], {1: {n: 0.9 - n / 100 for n in range(1, 11)}}, heats
    )
    choice = choose(READER, candidates, set())
    assert keys(choice) == [*range(1, 8), 21]
    assert choice.picks[-1].topic == OUTSIDE and choice.picks[-1].reasons == (Reason("outside"),)
    assert 21 not in keys(choose(replace(READER, mix="match"), candidates, set()))
    assert choose(replace(READER, topics=()), candidates, set()).picks == ()  # it never comes alone
    assert keys(choose(READER, candidates, {21}))[-1] == 20


def test_a_pick_says_which_words_of_its_topic_stand_where() -> None:
    papers = [
        paper(1, "Graph neural networks as verifiers", abstract="We train a graph network."),
        paper(2, "Soils and roots", abstract="Each plant has roots."),
        paper(3, "Yield of wheat", abstract="Of seeds."),
    ]
    found = {
        1: [Match(1, 0.9, ("graph", "neural", "networks", "train"))],
        2: [Match(2, 0.8, ("plant", "root")), Match(3, 0.7, ("corn",))],
    }
    topics = {1: topic(1), 2: topic(2, is_curated=True)}
    candidates = CandidateSet.prepare(papers, {}, found, topics, NOW)
    one, two, three = choose(replace(READER, topics=(1, 2)), candidates, set()).picks
    assert one.reasons == (
        Reason("topic", "Topic 1"),
        Reason("title", "graph neural networks"),
        Reason("abstract", "train"),
    )
    assert two.reasons == (
        Reason("topic", "Topic 2"),
        Reason("title", "root"),
        Reason("abstract", "plant"),
    )
    assert three.reasons == (Reason("topic", "Topic 2"), Reason("keyword", "corn"))


def test_one_switch_keeps_papers_from_outside_away() -> None:
    papers = [paper(n, fields=("cs.AI",)) for n in range(1, 9)]
    heats = {8: Heat(0.999, 4, "cs")}
    candidates = world(papers, {1: dict.fromkeys(range(1, 7), 0.8)}, heats)
    assert keys(choose(READER, candidates, set()))[-1] == 8
    assert 8 not in keys(choose(replace(READER, outside=False), candidates, set()))


NOTICED = (Fact("upvotes", 9, 1),)


def test_of_three_papers_one_is_unnoticed_where_the_topic_has_one_that_matches_well() -> None:
    heats = {n: Heat(0.9, 2, "cs", NOTICED) for n in range(1, 7)}
    papers = [paper(n) for n in range(1, 11)]
    scores = {n: 0.95 - n / 100 for n in range(1, 7)}
    few = world(papers, {1: {**scores, 7: 0.7, 8: 0.62, 9: 0.55}}, heats)
    choice = choose(READER, few, set())
    assert keys(choice) == [1, 2, 7, 3, 4, 8, 5, 6]  # 9 only mentions the topic
    assert [pick.score for pick in choice.picks] == sorted(
        (pick.score for pick in choice.picks), reverse=True
    )
    silent = world(papers, {1: {**dict.fromkeys(scores, 0.6), 7: 0.99, 8: 0.61}}, heats)
    assert keys(choose(READER, silent, set()))[:4] == [7, 1, 2, 8]
    loud = world(papers, {1: scores}, heats)
    assert keys(choose(READER, loud, set())) == [1, 2, 3, 4, 5, 6]
    none = world(papers, {1: scores})
    assert keys(choose(READER, none, set())) == [1, 2, 3, 4, 5, 6]


def test_a_hot_mention_in_passing_never_buries_a_perfect_title() -> None:
    heats = {1: Heat(1.0, 4, "cs", NOTICED), 2: Heat(1.0, 4, "cs", NOTICED)}
    for mix in ("match", "balanced", "trend"):
        candidates = world([paper(n) for n in (1, 2, 3)], {1: {1: 0.52, 2: 0.53, 3: 0.99}}, heats)
        assert keys(choose(replace(READER, mix=mix), candidates, set()))[0] == 3


# -- votes -----------------------------------------------------------------------------------------

CELLS, ROBOTS = "Grid cells of mice keep time", "Robot arms that fold laundry"
LIKED = paper(90, CELLS + " in the dark", hours=400, abstract="Grid cells and time in mice.")


def test_more_and_less_move_what_is_near_and_say_so() -> None:
    papers = [paper(1, ROBOTS), paper(2, CELLS)]
    candidates = world(papers, {1: {1: 0.8, 2: 0.75}})
    assert keys(choose(READER, candidates, set())) == [1, 2]
    liked = choose(READER, candidates, set(), Opinions({90: 1}), {90: LIKED})
    assert keys(liked) == [2, 1] and liked.picks[0].reasons[-1] == Reason("near", LIKED.title)
    assert liked.picks[1].reasons[-1].kind != "near"
    disliked = choose(
        READER, world(papers, {1: {1: 0.75, 2: 0.8}}), set(), Opinions({90: -1}), {90: LIKED}
    )
    assert keys(disliked) == [1, 2]


def test_a_vote_on_an_older_paper_of_one_reader_is_not_seen_by_the_next() -> None:
    candidates = world([paper(1, ROBOTS), paper(2, CELLS)], {1: {1: 0.8, 2: 0.75}})
    before = candidates.papers[:], dict(candidates.place_of)
    assert keys(choose(READER, candidates, set(), Opinions({90: 1}), {90: LIKED})) == [2, 1]
    assert (candidates.papers, candidates.place_of) == before
    assert keys(choose(READER, candidates, set(), Opinions({90: 1}))) == [1, 2]


EXAMPLES = tuple(
    Paper("", f"Grasping with robot hands, part {n}", abstract="a robot hand grasps soft things")
    for n in "abc"
)


def test_papers_near_a_readers_examples_come_without_a_topic() -> None:
    papers = [paper(n) for n in range(1, 30)] + [paper(40, ROBOTS), paper(41, CELLS)]
    candidates = world(papers, {1: {1: 0.9, 2: 0.8}})
    assert keys(choose(replace(READER, topics=()), candidates, set(), Opinions({}, EXAMPLES))) == [
        40
    ]
    choice = choose(READER, candidates, set(), Opinions({}, EXAMPLES))
    assert sorted(keys(choice)) == [1, 2, 40]
    pick = next(pick for pick in choice.picks if pick.paper == 40)
    assert pick.topic == NEAR_GIVEN and pick.match >= MATCH_CUT
    assert [reason.kind for reason in pick.reasons] == ["given"]
    assert pick.reasons[0].detail in [example.title for example in EXAMPLES]


def test_fewer_than_three_examples_only_reorder() -> None:
    papers = [paper(n) for n in range(1, 30)] + [paper(40, ROBOTS)]
    candidates = world(papers, {1: {1: 0.62, 40: 0.6}})
    reader = replace(READER, mix="match")
    two = Opinions({}, EXAMPLES[:2])
    assert choose(replace(READER, topics=()), candidates, set(), two).picks == ()
    assert keys(choose(reader, candidates, set())) == [1, 40]
    choice = choose(reader, candidates, set(), two)
    assert keys(choice) == [40, 1]
    assert choice.picks[0].reasons[-1].kind == "given"


def test_examples_take_half_of_a_letter_that_has_topics_and_are_never_sent_themselves() -> None:
    near = [paper(n, f"{ROBOTS} {WORDS[n]} {WORDS[n - 100]}") for n in range(110, 116)]
    papers = [paper(n) for n in range(1, 100)] + near
    candidates = world(papers, {1: dict.fromkeys(range(1, 10), 0.6)})
    choice = choose(READER, candidates, set(), Opinions({}, EXAMPLES))
    assert Counter(pick.topic for pick in choice.picks) == {1: 4, NEAR_GIVEN: 4}
    own = Opinions({}, (*EXAMPLES, near[0]))
    without = choose(replace(READER, size=12, topics=()), candidates, set(), own)
    assert {one.key for one in near[1:]} <= set(keys(without)) and near[0].key not in keys(without)


def test_examples_that_have_nothing_in_common_with_any_paper_change_nothing() -> None:
    candidates = world([paper(1), paper(2)], {1: {1: 0.9, 2: 0.8}})
    strange = Opinions({}, tuple(Paper("", title) for title in ("", "qqq", "zzz yyy", "vvv")))
    assert choose(READER, candidates, set(), strange) == choose(READER, candidates, set())


def test_a_vote_on_a_paper_nobody_knows_any_more_changes_nothing() -> None:
    candidates = world([paper(1), paper(2)], {1: {1: 0.9, 2: 0.8}})
    assert choose(READER, candidates, set(), Opinions({77: 1})) == choose(READER, candidates, set())


# -- laws ------------------------------------------------------------------------------------------

_SCORES = st.dictionaries(st.integers(1, 60), st.floats(0, 1), max_size=60)
_WORLDS = st.builds(
    lambda titles, scores, values: world(
        [paper(n, title, author=f"Ann {'ABC'[n % 3]}son") for n, title in enumerate(titles, 1)],
        {
            id: {key: s for key, s in found.items() if key <= len(titles)}
            for id, found in enumerate(scores, 1)
        },
        {n: Heat(v, 4 if v > 0.97 else 3 if v > 0.9 else 1, "cs") for n, v in enumerate(values, 1)},
    ),
    st.lists(
        st.sampled_from(WORDS).flatmap(lambda w: st.sampled_from(WORDS).map(lambda v: f"{w} {v}")),
        max_size=60,
    ),
    st.lists(_SCORES, min_size=1, max_size=4),
    st.lists(st.floats(0, 1), max_size=60),
)
_READERS = st.builds(
    Subscriber,
    id=st.just(1),
    email=st.just("ada@example.org"),
    topics=st.permutations([1, 2, 3, 4]).map(lambda t: tuple(t[:2])),
    size=st.sampled_from([5, 8, 12]),
    mix=st.sampled_from(["match", "balanced", "trend"]),
    rhythm=st.sampled_from(["daily", "hot"]),
    muted=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    follows=st.sampled_from([(), ("Ann Ason",)]),
)
_SEEN = st.sets(st.integers(1, 60), max_size=20)
_SAID = st.builds(
    Opinions,
    st.dictionaries(st.integers(1, 60), st.sampled_from([1, -1]), max_size=10),
    st.lists(
        st.sampled_from(WORDS).map(lambda word: Paper("", f"{word} lamp", abstract=word)),
        max_size=6,
    ).map(tuple),
)


@given(_WORLDS, _READERS, _SEEN, _SAID)
@settings(max_examples=150, deadline=None)
def test_the_rules_hold_in_every_world(
    candidates: CandidateSet, reader: Subscriber, seen: set[int], said: Opinions
) -> None:
    choice = choose(reader, candidates, seen, said)
    places = [candidates.place_of[pick.paper] for pick in choice.picks]
    assert len(set(places)) == len(places) <= reader.size
    assert not seen & set(keys(choice))
    assert len({candidates.clusters[place] for place in places}) == len(places)
    assert not any(set(reader.muted) & telling(candidates.papers[place].title) for place in places)
    by_topic = Counter(pick.topic for pick in choice.picks)
    assert all(n <= reader.size // 2 for id, n in by_topic.items() if id not in (FOLLOWED, OUTSIDE))
    assert by_topic[OUTSIDE] <= 1 and (by_topic[OUTSIDE] == 0 or len(places) > 1)
    for pick, place in zip(choice.picks, places, strict=True):
        assert pick.reasons and 0 <= pick.score <= 1
        assert pick.topic in (FOLLOWED, OUTSIDE) or pick.match >= MATCH_CUT - 0.0001
        assert (
            reader.rhythm != "hot" or pick.topic == FOLLOWED or candidates.heats[place].level >= 3
        )


@given(_WORLDS, _READERS, _SEEN, _SAID)
@settings(max_examples=150, deadline=None)
def test_stopping_early_chooses_the_same(
    candidates: CandidateSet, reader: Subscriber, seen: set[int], said: Opinions
) -> None:
    assert (
        choose(reader, candidates, seen, said).picks
        == choose(reader, candidates, seen, said, is_counting=False).picks
    )


@given(_WORLDS, _READERS, st.integers(1, 60))
@settings(max_examples=200, deadline=None)
def test_one_vote_never_empties_a_topic(
    candidates: CandidateSet, reader: Subscriber, key: int
) -> None:
    reader = replace(reader, topics=(1, 2, 3, 4), follows=())
    before, after = (
        choose(reader, candidates, set()),
        choose(reader, candidates, set(), Opinions({key: -1})),
    )
    assert {pick.topic for pick in before.picks} - {OUTSIDE} <= {pick.topic for pick in after.picks}


def test_a_reader_who_saw_all_the_best_reads_on_further_down() -> None:
    count = 3 * HEAD
    candidates = world(
        [paper(n) for n in range(1, count + 1)], {1: {n: 1 - n / 1000 for n in range(1, count + 1)}}
    )
    seen = set(range(1, 2 * HEAD))
    assert keys(choose(READER, candidates, seen, is_counting=False)) == list(
        range(2 * HEAD, 2 * HEAD + 8)
    )


def test_a_topic_read_down_to_its_end_is_not_passed_over_for_worse_papers_of_others() -> None:
    count = 3 * HEAD
    best = {n: 1 - n / 1000 for n in range(1, count + 1)}
    others = {id: {count + 10 * id + n: 0.6 - n / 100 for n in range(8)} for id in (2, 3)}
    candidates = world([paper(n) for n in range(1, count + 38)], {1: best, **others})
    reader, seen = replace(READER, topics=(1, 2, 3)), set(range(1, 2 * HEAD))
    picks = choose(reader, candidates, seen, is_counting=False).picks
    assert picks == choose(reader, candidates, seen).picks
    assert [pick.paper for pick in picks if pick.topic == 1] == list(range(2 * HEAD, 2 * HEAD + 4))
