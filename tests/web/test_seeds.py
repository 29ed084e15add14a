"""Papers that a reader pastes into the preferences page, and takes back."""

import re

import httpx2
import pytest

from newsletter import pipeline, reader_seeds
from newsletter.app import App
from newsletter.models import Harvest, Sighting, SourceState, SubscriberState
from newsletter.store import subscribers
from newsletter.store.db import reading, writing
from tests.web.conftest import NOW, a_reader, link

PASTED = "2611.00001\nhello <b>\n\n@misc{a, title={Grid cells keep <time>}, doi={10.1000/abc}}"
KNOWN = Sighting(
    "arxiv", "2611.00001", "Soft robots", "", ("A B",), ("cs.RO",), ("arxiv:2611.00001",)
)


def listed(app: App, reader: int) -> list[str]:
    with reading(app.engine) as connection:
        return [seed.name for seed in reader_seeds.listed(connection, reader)]


@pytest.mark.parametrize(
    ("language", "one", "line", "wait"),
    [
        ("en", "1 paper was taken", "line 2 names no paper", "not known here yet"),
        ("de", "1 Artikel dient", "Zeile 2 nennt keinen Artikel", "hier noch nicht bekannt"),
    ],
)
def test_pasted_papers_are_understood_or_named_and_can_be_taken_back(
    app: App, web: httpx2.Client, language: str, one: str, line: str, wait: str
) -> None:
    pipeline.learn(app.engine, [Harvest("arxiv", SourceState.FRESH, (KNOWN,))], NOW)
    reader = a_reader(app)
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, language=language)
    page = link(app, reader, "preferences")
    told = web.post(page, data={"seeds": PASTED})
    assert told.status_code == 200
    assert one in told.text and line in told.text and "hello &lt;b&gt;" in told.text
    assert wait in told.text and "Grid cells keep &lt;time&gt;" in told.text
    assert "Soft robots" in told.text
    assert listed(app, reader.id) == ["doi:10.1000/abc", "arxiv:2611.00001"]
    number = re.findall(r'name="seed" value="(\d+)"', told.text)[0]
    assert web.get(f"{page}/unseed").status_code in (404, 405)
    gone = web.post(f"{page}/unseed", data={"seed": number})
    assert gone.status_code == 200 and listed(app, reader.id) == ["arxiv:2611.00001"]
    for wrong in ("", "x", "9" * 30, "-1"):
        assert web.post(f"{page}/unseed", data={"seed": wrong}).status_code == 200
    assert listed(app, reader.id) == ["arxiv:2611.00001"]
    web.post(f"{page}/unseed", data={"seed": "all"})
    assert listed(app, reader.id) == []


def test_a_newcomer_gives_papers_while_confirming(app: App, web: httpx2.Client) -> None:
    pending = a_reader(app, "lin@example.org", SubscriberState.PENDING)
    page = link(app, pending, "confirm")
    assert 'name="seeds"' in web.get(page).text
    assert web.post(page, data={"seeds": "2611.00001"}).status_code == 200
    assert listed(app, pending.id) == ["arxiv:2611.00001"]


def test_what_was_pasted_is_kept_in_the_form_while_keywords_are_mended(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    answer = web.post(page, data={"seeds": "2611.00001", "keywords": '"open'})
    assert answer.status_code == 400 and "2611.00001</textarea>" in answer.text
    assert listed(app, reader.id) == []


def test_one_reader_cannot_take_back_what_another_gave(app: App, web: httpx2.Client) -> None:
    ada, bob = a_reader(app), a_reader(app, "bob@example.org")
    web.post(link(app, ada, "preferences"), data={"seeds": "2611.00001"})
    with reading(app.engine) as connection:
        (seed,) = reader_seeds.listed(connection, ada.id)
    web.post(f"{link(app, bob, 'preferences')}/unseed", data={"seed": str(seed.id)})
    assert listed(app, ada.id) == ["arxiv:2611.00001"]


def test_an_export_of_zotero_fits_and_a_flood_does_not(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    entry = (
        "@misc{{a{0}, title={{Paper {0} of waves}}, eprint={{2611.{0:05}}}, abstract={{{1}}}}}\n"
    )
    text = "".join(entry.format(n, "We study waves. " * 60) for n in range(1, 101))
    assert len(text) > 90_000
    assert web.post(page, data={"seeds": text}).status_code == 200
    assert len(listed(app, reader.id)) == 100
    assert web.post(page, data={"seeds": "x" * 3_000_000}).status_code == 413
