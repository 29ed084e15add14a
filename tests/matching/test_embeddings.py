"""Order by meaning: a real, tiny model of static vectors, made here, changes the order and nothing
else.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from newsletter.app import App
from newsletter.config import Config
from newsletter.errors import ConfigError
from newsletter.fetching import import_papers
from newsletter.matching.embeddings import Meaning, load, words_of
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import MATCH_CUT, Paper, Sighting, Subscriber, SubscriberState
from newsletter.previews import preview
from newsletter.store import subscribers, topics
from newsletter.store.db import writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.needs import package

#: Each word's place in a plane: east is fruit, north is computers.
PLANE = {
    "[UNK]": (0, 0),
    "apple": (1, 0.2),
    "pear": (1, 0),
    "orchard": (1, 0),
    "juice": (1, 0),
    "chip": (0, 1),
    "laptop": (0, 1),
    "core": (0, 1),
}
PAPERS = [
    Paper("p1", "Apple", 1, "apple laptop chip core laptop chip"),
    Paper("p2", "Apple", 2, "apple laptop chip orchard of some"),
    Paper("p3", "Apple", 3, "apple pear orchard juice pear apples"),
    Paper("p4", "Laptops", 4, "laptop chip core laptop chip laptop", fields=("cs.AR",)),
]

#: The first three alike to the index: each says "apple" as often, in as many words.
ALIKE = [replace(paper, abstract=paper.abstract.replace("apples", "wood")) for paper in PAPERS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model2vec = package("model2vec", extra="meaning")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(PLANE)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path_factory.mktemp("model")
    vectors = np.array(list(PLANE.values()), np.float32)
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(path)
    return path


def order(meaning: Meaning | Index, query: str, papers: Sequence[Paper] = PAPERS) -> list[int]:
    return [match.paper for match in meaning.match({1: query}, papers)[1]]


def test_what_is_meant_comes_first(folder: Path) -> None:
    assert set(order(Index(), "apple")) == {1, 2, 3}
    assert order(Index(), "apple", ALIKE) == [1, 2, 3]
    assert order(load(folder), "apple", ALIKE) == [3, 2, 1]
    assert order(load(folder), "apple (laptop OR chip OR core)", ALIKE)[0] == 1


def test_the_same_papers_have_the_same_scores_in_a_new_order(folder: Path) -> None:
    queries = {
        1: "apple",
        2: "apple OR laptop",
        3: "cat:cs.AR",
        4: "pear -juice",
        5: "nothinglikethis",
    }
    plain, meant = Index().match(queries, PAPERS), load(folder).match(queries, PAPERS)
    for number in queries:
        assert {match.paper for match in meant[number]} == {match.paper for match in plain[number]}
        assert [match.score for match in meant[number]] == [match.score for match in plain[number]]
        assert all(match.score >= MATCH_CUT for match in meant[number])
        words = {match.paper: match.words for match in plain[number]}
        assert {match.paper: match.words for match in meant[number]} == words
    assert order(load(folder), "apple") != order(Index(), "apple")


def test_the_order_of_papers_changes_nothing(folder: Path) -> None:
    meaning = load(folder)
    assert meaning.match({1: "apple"}, PAPERS) == meaning.match({1: "apple"}, PAPERS[::-1])


def test_a_query_of_categories_and_unknown_words_keep_the_index_order(folder: Path) -> None:
    papers = [replace(paper, fields=("cs.AR",), title="Zebra") for paper in PAPERS]
    for query in ("cat:cs.AR", "zebra"):
        assert order(load(folder), query, papers) == order(Index(), query, papers)


def test_words_are_what_is_asked_for() -> None:
    query = 'the "deep sea" (squid OR ti:whale) -ship au:melville cat:q-bio.PE'
    assert words_of(parse(query)) == "deep sea squid whale"


def test_a_folder_without_a_model_says_what_is_missing_and_asks_nobody(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"no config\.json, model\.safetensors, tokenizer\.json"
    ) as caught:
        load(tmp_path / "nowhere")
    assert "save_pretrained" in caught.value.hint
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_without_the_package_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model2vec", None)  # import says: not there
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert "pip install 'newsletter[meaning]'" in caught.value.hint


def test_a_configured_model_orders_a_readers_digest(folder: Path, tmp_path: Path) -> None:
    now = datetime(2026, 5, 4, 9, tzinfo=UTC)
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db")
    config = Config.model_validate({"database": {"url": url}, "matching": {"model_folder": folder}})
    app = App(config, engine, Tokens([b"k" * 64]))
    with writing(engine) as connection:
        topic = topics.find_or_add(connection, "apple")
        reader = Subscriber(
            0, "ada@example.org", SubscriberState.ACTIVE, topics=(topic.id,), mix="match"
        )
        reader = subscribers.add(connection, reader, "ada@example.org", now)
    day = now - timedelta(days=1)
    for one in PAPERS:  # the one that is meant is the longest, so the index likes it less
        filling = " ".join(f"{one.id}word{number}" for number in range(20 + 10 * one.key))
        abstract = f"{one.abstract.replace('apples', 'wood')} {filling}"
        shown = Sighting(
            "import", one.id, f"{one.title} {one.id}", abstract, (f"A {one.id}",), published=day
        )
        import_papers(app.engine, [shown], now)

    def first() -> str:
        would = preview(app, reader, now)
        return would.shown[would.choice.picks[0].paper].id

    assert first() == "p3"
    app.config = Config.model_validate({"database": {"url": url}})
    assert first() == "p1"
    app.config = config.model_copy(
        update={"matching": config.matching.model_copy(update={"model_folder": tmp_path})}
    )
    with pytest.raises(ConfigError, match="model_folder"):
        first()
    app.close()
