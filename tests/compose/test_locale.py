"""Catalogues: complete, with the same blanks in every language; numbers, dates and plurals as the
language has them.
"""

import re
import tomllib
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from babel import Locale

from newsletter.errors import LetterError
from newsletter.matching.curated import load_curated
from newsletter.steps.compose import Renderer
from newsletter.steps.compose.locale import Language, load_languages
from tests.compose.samples import LANGUAGES, ROOT, TOPICS, digest, html

DIRECTORY = ROOT / "templates" / "words"


def entries(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        is_section = isinstance(value, dict) and "other" not in value
        found |= entries(value, f"{prefix}{key}.") if is_section else {prefix + key: value}
    return found


def read(language: str) -> dict[str, Any]:
    return entries(tomllib.loads((DIRECTORY / f"{language}.toml").read_text("utf-8")))


def blanks(value: object) -> set[str]:
    return set(
        re.findall(r"\{(\w*)\}", str(value.get("other")) if isinstance(value, dict) else str(value))
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_blanks(language: str) -> None:
    english, other = read("en"), read(language)
    assert other.keys() == english.keys()
    assert {key: blanks(other[key]) for key in other} == {
        key: blanks(english[key]) for key in english
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    found = read(language)
    categories = set(Locale.parse(found["locale"]).plural_form.tags) | {"other"}
    assert not {
        key: value
        for key, value in found.items()
        if isinstance(value, dict) and not value.keys() <= categories
    }


def asked_for() -> tuple[set[str], set[str], set[str]]:
    """Keys that code and templates name, beginnings of keys that they compute
    (`"signal." ~ fact.kind`), and every word that they hold.
    """
    paths = [*(ROOT / "newsletter").rglob("*.py"), *(ROOT / "templates").rglob("*.html")]
    paths += (ROOT / "templates").rglob("*.txt")
    text = "\n".join(path.read_text("utf-8") for path in paths)
    sections = "|".join({key.partition(".")[0] for key in read("en") if "." in key})
    keys, beginnings = set(), set()
    for key, end, joined in re.findall(rf"""["']((?:{sections})\.[\w.-]*)(["'{{])(\s*~)?""", text):
        (beginnings if end == "{" or joined else keys).add(key)
    alone = {key for key in read("en") if "." not in key and f'"{key}"' in text}
    return keys | alone, beginnings, set(re.findall(r"[\w-]+", text))


def test_every_key_that_is_asked_for_exists() -> None:
    keys, beginnings, _ = asked_for()
    english = read("en")
    assert len(keys) > 200 and keys - english.keys() == set()
    for beginning in beginnings:
        assert any(key.startswith(beginning) for key in english), beginning


def test_every_sentence_is_used() -> None:
    """The computed part of a key ("mix_trend" of "page_choose.mix_trend") is made of words of the
    code. Topics, their groups and small numbers ("heat.level_1") are values that no code names.
    """
    keys, beginnings, words = asked_for()
    words |= {topic.slug for topic in load_curated()} | {str(number) for number in range(1, 5)}
    words |= {topic.group.lower().replace(" ", "-") for topic in load_curated()}

    def is_used(key: str) -> bool:
        ends = [key.removeprefix(start) for start in beginnings if key.startswith(start)]
        return key in keys or any(end in words or words.issuperset(end.split("_")) for end in ends)

    assert [key for key in read("en") if not is_used(key)] == []


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["1,204", "999", "1k", "1.1k", "12.3k", "100k"]),
        ("de", ["1.204", "999", "1 Tsd.", "1,1 Tsd.", "12,3 Tsd.", "100 Tsd."]),
    ],
)
def test_numbers(language: str, expected: list[str]) -> None:
    words = load_languages(DIRECTORY)[language]
    found = [words.number(1204), *(words.compact(n) for n in (999, 1000, 1123, 12_345, 100_000))]
    assert [number.replace("\xa0", " ") for number in found] == expected


def test_dates_and_times() -> None:
    words = load_languages(DIRECTORY)
    assert words["en"].date(date(2026, 11, 20), "day_long") == "Friday 20 November 2026"
    assert words["de"].date("2026-11-20", "day_long") == "Freitag, 20. November 2026"
    assert words["en"].date(datetime(2026, 3, 1, 7), "day_short") == "Sun 1 Mar"


def test_plurals_and_lists() -> None:
    words = load_languages(DIRECTORY)["en"]
    assert [words.say("reason.near_some", n) for n in (1, 2)] == [
        "near a paper you liked",
        "near 2 papers you liked",
    ]
    assert words.join(("A", "B", "C")) == "A, B and C"
    assert [words.numeral(n) for n in (0, 8, 12, 13, 1204)] == [
        "no",
        "eight",
        "twelve",
        "13",
        "1,204",
    ]


def test_german_plurals_and_lists() -> None:
    words = load_languages(DIRECTORY)["de"]
    assert [words.say("reason.near_some", n) for n in (0, 1, 2)] == [
        "nahe an 0 Artikeln, die Ihnen gefielen",
        "nahe an einem Artikel, der Ihnen gefiel",
        "nahe an 2 Artikeln, die Ihnen gefielen",
    ]
    assert [words.say("digest.left", n) for n in (1, 1204)] == [
        "1 weiterer Artikel passte nicht in diesen Brief.",
        "1.204 weitere Artikel passten nicht in diesen Brief.",
    ]
    assert words.join(("A", "B", "C")) == "A, B und C"


def test_a_third_language_is_one_file_and_what_it_lacks_is_english(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text((DIRECTORY / "en.toml").read_text("utf-8"), "utf-8")
    (tmp_path / "ar.toml").write_text(
        'name = "العربية"\nlocale = "ar"\n[reason]\n'
        'near_some = { two = "اثنان", few = "بضعة", other = "كثير" }\n',
        "utf-8",
    )
    arabic = load_languages(tmp_path)["ar"]
    assert (arabic.name, arabic.direction) == ("العربية", "rtl")
    assert [arabic.say("reason.near_some", n) for n in (2, 3, 100)] == ["اثنان", "بضعة", "كثير"]
    assert arabic.say("reason.author", detail="X") == "you follow X"


def test_a_broken_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(LetterError, match=r"has no en\.toml"):
        load_languages(tmp_path)
    (tmp_path / "en.toml").write_text("name = ", "utf-8")
    with pytest.raises(LetterError, match=r"en\.toml cannot be read: Invalid value"):
        load_languages(tmp_path)


def test_a_sentence_that_is_nowhere_is_an_error() -> None:
    words = Language("xx", {"name": "X", "locale": "en"})
    with pytest.raises(LetterError, match=r"words/xx\.toml: there is no 'digest\.gone'"):
        words.say("digest.gone")


def test_every_topic_of_the_site_has_a_name_in_german() -> None:
    german, english = load_languages(DIRECTORY)["de"], load_languages(DIRECTORY)["en"]
    offered = load_curated()
    assert english.topic(offered[0]) == offered[0].name
    assert [
        topic.slug for topic in offered if f"page_topic.{topic.slug}" not in german._entries
    ] == []
    own = replace(offered[0], is_curated=False, name="Own")
    assert german.topic(own) == "Own" and german.topic(offered[0]) != offered[0].name


def test_a_letter_names_topics_in_its_readers_language(renderer: Renderer) -> None:
    topics = {**TOPICS, 1: replace(TOPICS[1], slug="robotics", name="Robotics", is_curated=True)}
    assert "Robotik" in html(digest(renderer, "de", topics=topics))
    assert "Robotics" in html(digest(renderer, "en", topics=topics))
